"""Hostile clients, while honest ones push and panic: these are all served, and nothing grows or stays behind."""

import asyncio
import resource
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from tests.support.daemon import TOKENS, Daemon, daemon_of, simulated_cad, until
from tests.support.hostile.attacks import CHUNKING, OVERSIZED, SMUGGLING
from tests.support.hostile.honest import Honest
from tests.support.hostile.siege import under_attack
from tests.support.measured import measured

ATTACK_SECONDS = 1.5
MEMORY = 200 * 2**20  # bytes; what strangers may send and what 1,024 connections take, with much to spare
USUAL_DESCRIPTORS = 1024  # that a shell starts a program with
KEPT_OPEN = {"a web socket", "h2c", "an absolute address", "an escaped NUL"}  # no more than odd
WHOLE = {"an extension of 1 MiB", "a body of single bytes", "a size of a thousand zeros"}
HOST = b"Host: bridge\r\n"


@asynccontextmanager
async def besieged(folder: Path) -> AsyncGenerator[Daemon]:
    """Run a daemon as a shell would start it, that is patient for 2 s."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    settings = {"listener": {"request_timeout": "2s"}}
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(USUAL_DESCRIPTORS, soft), hard))
    try:
        async with simulated_cad() as cad, daemon_of(folder, cad, settings) as daemon:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            yield daemon
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.timeout(90)
@pytest.mark.parametrize(
    "attacks",
    [
        ("2,000 silent connections", "2,000 that guess once"),
        ("200 bodies held back at 900 KB", "200 that read no answer"),
        ("2,000 slow headers", "2,000 that guess on and on"),
        ("malformed requests of every kind",),
    ],
    ids=["crowds", "hoards", "patience", "nonsense"],
)
async def test_honest_clients_are_served_under_attack(tmp_path: Path, attacks: tuple[str, ...]) -> None:
    async with besieged(tmp_path) as daemon:
        honest = Honest(daemon.port)
        process = psutil.Process(daemon.process.pid)
        resident = process.memory_info().rss
        async with honest.at_work():
            for name in attacks:
                async with under_attack(tmp_path, name, daemon.port) as tally:
                    await asyncio.sleep(ATTACK_SECONDS)
                    grown = process.memory_info().rss - resident
                measured(f"{name}: {dict(tally)}, {grown / 2**20:.0f} MiB, {dict(honest.answers)}")
                assert tally["connections"] > 0
                assert grown < MEMORY

        assert honest.failures == []
        assert min(honest.answers.values()) >= 10
        await until(lambda: connections_held(process, daemon.port) == 0, within=20.0)
        assert (await daemon.push("/v1/locations", [])).status == 200
        for line in ("token wrong or missing", "connection limit reached"):
            assert daemon.log.count(line) <= 10
        assert "exception" not in daemon.log
        if "2,000 silent connections" in attacks:
            assert "connection limit reached" in daemon.log
            assert (
                await daemon.metric("cad_bridge_listener_requests_total", route="other", code="refused") > 0
            )


@pytest.mark.timeout(60)
async def test_what_could_hide_a_second_request_is_one_bad_request(tmp_path: Path) -> None:
    shapes = {**OVERSIZED, **SMUGGLING, **CHUNKING}
    token = HOST + f"Authorization: Bearer {TOKENS[1]}\r\n".encode()
    async with besieged(tmp_path) as daemon:
        for name, data in shapes.items():
            stranger, known = await asyncio.gather(
                *(answers_to(daemon.port, one) for one in (data, data.replace(HOST, token, 1)))
            )
            if name in KEPT_OPEN | WHOLE:
                assert 400 not in stranger + known, name
            elif name == "CONNECT":
                assert (stranger, known) == ([401], [404])
            else:
                assert [status for status in stranger + known if status != 400] == [], name

        assert "panic" not in daemon.log
        assert (await daemon.status())["outbox"]["pending"] == 0


async def answers_to(port: int, data: bytes) -> list[int]:
    """Return the statuses of all answers to bytes, until the other side ends it or says nothing more."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    said = bytearray()
    try:
        writer.write(data)
        writer.write_eof()
        async with asyncio.timeout(10.0):
            while part := await reader.read(65_536):
                said += part
    except ConnectionError:  # it was cut before all was sent
        pass
    finally:
        writer.transport.abort()
    return [int(line[9:12]) for line in bytes(said).split(b"\r\n") if line.startswith(b"HTTP/1.")]


@pytest.mark.timeout(60)
async def test_the_admin_door_is_open_under_attack_and_logs_no_nonsense(tmp_path: Path) -> None:
    async with besieged(tmp_path) as daemon:
        process = psutil.Process(daemon.process.pid)
        statuses: Counter[int] = Counter()
        for name in ("2,000 that guess on and on", "malformed requests of every kind"):
            async with under_attack(tmp_path, name, daemon.admin_port):
                for _ in range(10):
                    await asyncio.sleep(ATTACK_SECONDS / 10)
                    statuses[(await daemon.read("/metrics")).status] += 1
                held = connections_held(process, daemon.admin_port)
            measured(f"{name}: {held} connections, {len(daemon.log)} bytes of log")
            assert held <= 300

        assert statuses == {200: 20}
        assert daemon.log.count("admin token wrong") == 1
        assert "Error handling request" not in daemon.log
        assert "exception" not in daemon.log


def connections_held(process: psutil.Process, port: int) -> int:
    return sum(
        1
        for one in process.net_connections("tcp")
        if one.laddr[1] == port and one.status == psutil.CONN_ESTABLISHED
    )
