"""The admin door: who is answered, and what it says of the daemon's health."""

import asyncio
import time
from pathlib import Path

import pytest

from bridge.simulator.faults import RefuseKey
from tests.support.daemon import ADMIN_TOKEN, TOKENS, Daemon, daemon_of, simulated_cad, until, update
from tests.support.measured import measured

BEARER = {"Authorization": f"Bearer {ADMIN_TOKEN}"}


async def test_a_foreign_host_or_origin_is_refused(tmp_path: Path) -> None:
    refused = [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://evil.example", **BEARER},
    ]
    async with simulated_cad() as cad, daemon_of(tmp_path, cad) as daemon:
        own = [
            None,
            {"Host": f"localhost:{daemon.admin_port}"},
            {"Host": f"[::1]:{daemon.admin_port}"},
            {"Origin": daemon.admin_url},
            {"Host": "evil.example", **BEARER},
        ]
        for path in ("/status", "/metrics"):
            for headers in refused:
                answer = await daemon.read(path, headers)
                assert answer.status == 403, headers
                assert answer.headers["Content-Type"].startswith("application/problem+json")
                assert "Access-Control-Allow-Origin" not in answer.headers
            for headers in own:
                assert (await daemon.read(path, headers)).status == 200, headers


async def test_a_configured_host_is_answered(tmp_path: Path) -> None:
    settings = {"admin": {"hosts": ["metrics.example"]}}
    async with simulated_cad() as cad, daemon_of(tmp_path, cad, settings) as daemon:
        assert (await daemon.read("/status", {"Host": "metrics.example"})).status == 200
        assert (await daemon.read("/status", {"Host": "other.example"})).status == 403


async def test_only_the_admin_token_opens_the_admin_door(tmp_path: Path) -> None:
    async with simulated_cad() as cad, daemon_of(tmp_path, cad) as daemon:
        assert (await daemon.read("/status", BEARER)).status == 200
        for wrong in (TOKENS[1], ADMIN_TOKEN[:-1], ""):
            assert (await daemon.read("/status", {"Authorization": f"Bearer {wrong}"})).status == 401
        assert (await daemon.read("/no-such-page")).status == 404
        assert (await daemon.ask("POST", f"{daemon.admin_url}/status")).status == 405


async def test_a_page_in_a_browser_cannot_push(tmp_path: Path) -> None:
    async with simulated_cad() as cad, daemon_of(tmp_path, cad) as daemon:
        answer = await daemon.push("/v1/panic", {"id": "license:1"}, headers={"Origin": daemon.url})

        assert answer.status == 403
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert cad.cloud.journal.of("setUnitPanic") == []


async def test_a_healthy_daemon_says_so(tmp_path: Path) -> None:
    async with simulated_cad() as cad, daemon_of(tmp_path, cad) as daemon:
        assert (await daemon.read("/healthz")).status == 200
        assert (await daemon.read("/readyz")).status == 200
        status = await daemon.status()

        assert status["ready"] is True
        assert status["reasons"] == []
        assert [server["name"] for server in status["servers"]] == ["server-1"]


@pytest.mark.timeout(60)
async def test_a_refused_key_holds_everything_until_it_is_accepted_again(tmp_path: Path) -> None:
    settings = {"cad.limits": {"updateUnitLocations": 60}, "locations": {"interval": "1s"}}
    async with (
        simulated_cad(updateUnitLocations=60) as cad,
        daemon_of(tmp_path, cad, settings) as daemon,
    ):
        cad.cloud.faults.add(RefuseKey())
        panic = await daemon.push("/v1/panic", {"id": "license:1"})
        await until_ready_is(daemon, 503)
        ready = await daemon.read("/readyz")
        held_from = cad.cloud.journal.total
        status = await daemon.push("/v1/events", {"type": "status", "ids": ["license:2"], "status": "BUSY"})
        await daemon.push("/v1/locations", [update("license:1", 1.0)])
        await asyncio.sleep(2.0)

        assert b"key" in ready.body
        assert {request.operation for request in cad.cloud.journal.of(after=held_from)} <= {"getVersion"}
        assert (await daemon.status())["cad"]["key"] == "refused"
        assert (await daemon.read("/healthz")).status == 200
        assert "key" in daemon.log
        assert (await daemon.look_up(panic.json["event"])).json["state"] == "pending"
        cleared = time.monotonic()
        cad.cloud.clear_faults()
        ended = await daemon.ended([panic.json["event"], *status.json["events"]], within=17.0)
        measured(f"went on {time.monotonic() - cleared:.1f} s after the key was accepted again")
        assert [event["state"] for event in ended] == ["delivered", "delivered"]
        assert (await daemon.read("/readyz")).status == 200
        await until(lambda: "license:1" in cad.cloud.cad.community.units, within=3.0)


async def until_ready_is(daemon: Daemon, status: int) -> None:
    async with asyncio.timeout(10.0):
        while (await daemon.read("/readyz")).status != status:
            await asyncio.sleep(0.05)
