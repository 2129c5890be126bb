import asyncio
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import aiohttp
import click
import pytest
from click.testing import CliRunner

from bridge.cli.simulate import parse_address, simulate

COMMAND = "from bridge.cli.simulate import simulate; simulate()"


@asynccontextmanager
async def running(*options: str) -> AsyncGenerator[tuple[Process, str, str]]:
    """Run the command on a free port; yield process, URL and key as it prints them."""
    arguments = ["-c", COMMAND, "--listen", "127.0.0.1:0", *options]
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=PIPE, stderr=PIPE)
    assert process.stdout is not None
    try:
        url = (await process.stdout.readline()).decode().split()
        key = (await process.stdout.readline()).decode().split()
        assert (url[0], key[0]) == ("url:", "key:")
        assert (await process.stdout.readline()).strip() == b"cms key: simulator-cms-key"
        yield process, url[1], key[1]
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def version(url: str, key: str) -> int:
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{url}/v2/general/version", headers=headers) as got,
    ):
        return got.status


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_it_serves_until_a_signal_and_exits_0(number: signal.Signals) -> None:
    async with running() as (process, url, key):
        assert key == "simulator-key"
        assert await version(url, key) == 200

        process.send_signal(number)

        assert await process.wait() == 0


async def test_the_key_can_be_chosen() -> None:
    async with running("--key", "chosen", "--seed", "1") as (_, url, key):
        assert key == "chosen"
        assert await version(url, key) == 200
        assert await version(url, "simulator-key") == 401


def test_a_taken_port_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"

        result = CliRunner().invoke(simulate, ["--listen", address])

    assert result.exit_code == 1
    assert result.output.startswith(f"Error: cannot listen on {address}: ")
    assert result.output.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:30190", ("127.0.0.1", 30190)),
        ("[::1]:0", ("::1", 0)),
        ("localhost:80", ("localhost", 80)),
    ],
)
def test_an_address_is_host_and_port(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    "text", ["", "30190", ":30190", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:65536", "::1:80"]
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter):
        parse_address(text)
