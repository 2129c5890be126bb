"""The servers under measure, each a process on the core that nothing else is on."""

import asyncio
import socket
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from aiohttp import web
from aiohttp.test_utils import TestServer
from msgspec import Struct

from tests.bench.cores import Cores, on_core
from tests.support.daemon import API_KEY, TOKENS, Daemon, Sections
from tests.support.ports import free_port
from tests.support.process import BRIDGE, Running, running

VMAGENT_PACKAGE = "victoria-metrics"
TOKEN = TOKENS[1]


class Server(Struct, frozen=True, kw_only=True):
    """Where a server is, and which process it is."""

    url: str
    pid: int


@asynccontextmanager
async def simulator(folder: Path, cores: Cores) -> AsyncGenerator[Server]:
    """Run `cad-bridge simulate` beside what makes the load: it has little to do. No limit is enforced."""
    port = free_port()
    command = (*BRIDGE, "simulate", "--listen", f"127.0.0.1:{port}", "--key", API_KEY)
    async with _listening(folder, command, port, cores.loading) as server:
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{server.url}/_simulator/settings", json={"limits": False}) as answer,
        ):
            assert answer.status == 200, await answer.text()
        yield server


@asynccontextmanager
async def daemon(
    folder: Path, cores: Cores, cad_url: str, sections: Sections | None = None
) -> AsyncGenerator[Daemon]:
    """Run `cad-bridge run` with everything on while entered."""
    ours = Daemon(folder, cad_url, sections or {}, (1,))
    try:
        with on_core(cores.measured):
            await ours.start()
        yield ours
        assert not ours.process.ended, f"the daemon ended:\n{ours.log[-2000:]}"
    finally:
        await ours.close()


@asynccontextmanager
async def bare_app(folder: Path, cores: Cores) -> AsyncGenerator[Server]:
    """Run the bare aiohttp application while entered."""
    port = free_port()
    command = (sys.executable, "-m", "tests.bench.bare_app", str(port))
    async with _listening(folder, command, port, cores.measured) as server:
        yield server


@asynccontextmanager
async def vmagent(folder: Path, cores: Cores, program: str) -> AsyncGenerator[Server]:
    """Run vmagent while entered; what it sends on is thrown away."""
    app = web.Application(client_max_size=2**26)
    app.router.add_post("/{path:.*}", _swallow)
    port = free_port()
    async with TestServer(app, host="127.0.0.1") as swallowing:
        command = (
            program,
            f"-httpListenAddr=127.0.0.1:{port}",
            f"-remoteWrite.url={swallowing.make_url('/api/v1/write')}",
            f"-remoteWrite.tmpDataPath={folder / 'vmagent-data'}",
        )
        async with _listening(folder, command, port, cores.measured) as server:
            yield server


async def _swallow(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(status=204)


@asynccontextmanager
async def _listening(folder: Path, command: Sequence[str], port: int, core: int) -> AsyncGenerator[Server]:
    """Run a command while entered, which is when it listens."""
    folder.mkdir(parents=True, exist_ok=True)
    with on_core(core):
        starting = running(folder, *command, name=f"{Path(command[0]).name}-{port}")
        process = await starting.__aenter__()
    try:
        await _until_it_listens(process, port)
        yield Server(url=f"http://127.0.0.1:{port}", pid=process.pid)
        assert not process.ended, f"{command[0]} ended:\n{process.err[-2000:]}"
    finally:
        await process.kill()


async def _until_it_listens(process: Running, port: int) -> None:
    async with asyncio.timeout(15):
        while True:
            assert not process.ended, process.err
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            await asyncio.sleep(0.02)
