"""The other commands: check, status and demo, as a person types them."""

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from bridge.simulator.faults import RefuseKey
from tests.support.daemon import API_KEY, Daemon, daemon_of, simulated_cad, update
from tests.support.ports import free_port
from tests.support.process import Finished, cad_bridge


@asynccontextmanager
async def fxserver(players: int) -> AsyncGenerator[str]:
    """Serve ``/dynamic.json`` as a FiveM server does."""

    async def dynamic(_: web.Request) -> web.Response:
        known = {"clients": players, "hostname": "a server", "iv": "123", "sv_maxclients": "48"}
        return web.json_response(known)

    application = web.Application()
    application.router.add_get("/dynamic.json", dynamic)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    try:
        port = free_port()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


def configure(folder: Path, cad_url: str, **server: object) -> Daemon:
    return Daemon(folder, cad_url, {"servers": server}, (1,))


async def check(daemon: Daemon, *options: str) -> Finished:
    return await cad_bridge(daemon.folder, "check", "--config", str(daemon.config), *options)


async def test_check_says_what_would_run(tmp_path: Path) -> None:
    finished = await check(configure(tmp_path, "http://127.0.0.1:9"))

    assert finished.code == 0
    assert re.search(r"server-1.*5\.05 ?s", finished.out)
    assert "examplecad" in finished.out
    assert API_KEY not in finished.out + finished.err


async def test_check_online_is_content_with_a_good_account_and_game_server(tmp_path: Path) -> None:
    async with simulated_cad() as cad, fxserver(players=17) as url:
        finished = await check(configure(tmp_path, cad.url, fxserver_url=url), "--online")

        assert finished.code == 0, finished.err
        assert "PRO" in finished.out
        assert "17" in finished.out
        assert {request.operation for request in cad.cloud.journal} == {"getVersion", "getServers"}


async def test_check_online_tells_of_a_wrong_key(tmp_path: Path) -> None:
    async with simulated_cad() as cad:
        cad.cloud.faults.add(RefuseKey())
        finished = await check(configure(tmp_path, cad.url), "--online")

        assert finished.code == 2
        assert "key" in finished.err
        assert API_KEY not in finished.out + finished.err


async def test_check_online_tells_of_a_server_that_the_cad_does_not_know(tmp_path: Path) -> None:
    async with simulated_cad() as cad:
        cad.cloud.cad.community.servers = (7, 8)
        finished = await check(configure(tmp_path, cad.url), "--online")

        assert finished.code == 2
        [line] = finished.err.splitlines()
        assert "no server 1" in line
        assert "7" in line


async def test_check_online_tells_who_does_not_answer(tmp_path: Path) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    finished = await check(configure(tmp_path, "http://127.0.0.1:9", fxserver_url=nowhere), "--online")

    assert finished.code == 2
    assert "http://127.0.0.1:9" in finished.err
    assert nowhere in finished.err
    assert "Traceback" not in finished.err


async def test_status_shows_what_the_admin_door_says(tmp_path: Path) -> None:
    async with simulated_cad() as cad, daemon_of(tmp_path, cad) as daemon:
        await daemon.push("/v1/locations", {"updates": [update("license:1", 1.0)], "players": 12})
        panic = await daemon.push("/v1/panic", {"id": "license:1"})
        await daemon.ended([panic.json["event"]], within=5.0)
        as_json = await cad_bridge(tmp_path, "status", "--admin", daemon.admin_url, "--json")
        as_table = await cad_bridge(tmp_path, "status", "--admin", daemon.admin_url)

        assert (as_json.code, as_table.code) == (0, 0)
        status = msgspec.json.decode(as_json.out)
        assert status.keys() == (await daemon.status()).keys()
        assert status["servers"][0]["units"] == 1
        assert status["servers"][0]["players"] == 12
        assert status["outbox"]["delivered"] == 1
        assert status["cad"]["up"] is True
        assert "server-1" in as_table.out
        assert "All is well" in as_table.out


async def test_status_of_no_daemon_exits_1_with_one_line(tmp_path: Path) -> None:
    finished = await cad_bridge(tmp_path, "status", "--admin", f"http://127.0.0.1:{free_port()}")

    assert finished.code == 1
    assert len(finished.err.splitlines()) == 1
    assert finished.out == ""


@pytest.mark.timeout(60)
async def test_the_demo_ends_by_itself_with_a_summary(tmp_path: Path) -> None:
    doors = ("--listen", f"127.0.0.1:{free_port()}", "--admin", f"127.0.0.1:{free_port()}")
    finished = await cad_bridge(tmp_path, "demo", "--players", "10", "--seconds", "8", *doors, within=30.0)

    assert finished.code == 0, finished.err
    assert re.search(r"10 units", finished.out)
    assert re.search(r"[1-9]\d* positions in [1-9]\d* batch", finished.out)
    assert re.search(r"(\d+) of \1 delivered", finished.out)
    assert "0 not delivered" in finished.out
