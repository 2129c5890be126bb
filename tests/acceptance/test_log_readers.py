"""Whoever reads the log may stop reading: a console in which text is marked, a journal or a panel that hangs."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.daemon import daemon_of, simulated_cad, until

FILLING = b"x" * 4096


@pytest.fixture
def full_pipe(tmp_path: Path) -> Iterator[int]:
    """What the daemon says goes into a pipe that takes nothing more; return its other end."""
    pipe = tmp_path / "daemon.err"
    os.mkfifo(pipe)
    descriptor = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    try:
        while True:
            os.write(descriptor, FILLING)
    except BlockingIOError:
        yield descriptor
    finally:
        os.close(descriptor)


def read_on(pipe: int) -> bytes:
    """Read what there is by now."""
    parts: list[bytes] = []
    while True:
        try:
            parts.append(os.read(pipe, 65536))
        except BlockingIOError:
            return b"".join(parts)


@pytest.mark.usefixtures("full_pipe")
async def test_a_log_that_nobody_reads_holds_up_neither_panics_nor_the_end(tmp_path: Path) -> None:
    async with simulated_cad() as cad, daemon_of(tmp_path, cad) as daemon:
        taken = await daemon.push("/v1/panic", {"id": "license:1"})
        assert taken.status == 202
        await until(lambda: "license:1" in cad.cloud.cad.community.units, 5.0)
        assert cad.cloud.cad.community.units["license:1"].is_panic
        assert await daemon.stop() == 0


async def test_what_was_said_meanwhile_is_read_later(tmp_path: Path, full_pipe: int) -> None:
    async with simulated_cad() as cad, daemon_of(tmp_path, cad) as daemon:
        event = (await daemon.push("/v1/panic", {"id": "license:1"})).json["event"]
        await daemon.ended([event], 5.0)
        read = read_on(full_pipe)
        while event.encode() not in read:
            await asyncio.sleep(0.02)
            read += read_on(full_pipe)

        lines = read.replace(FILLING, b"").decode().splitlines()
        assert lines[0].startswith("{"), lines[0]
        assert [line for line in lines if event in line and "event delivered" in line]
        assert await daemon.stop() == 0
