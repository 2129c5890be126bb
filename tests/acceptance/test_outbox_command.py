"""``cad-bridge outbox``: through the admin door of a running daemon, and on a file that none holds."""

import asyncio
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bridge.simulator.faults import Answer, Delay
from bridge.simulator.server import SimulatorServer
from tests.support.daemon import ADMIN_TOKEN, Daemon, daemon_of, simulated_cad, until
from tests.support.ports import free_port
from tests.support.process import Finished, cad_bridge

FORBIDDEN = Answer(status=403, operation="setUnitPanic")
LICENSE = "license:0123456789abcdef0123456789abcdef01234567"
BEARER = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
JSON = {"Content-Type": "application/json"}

pytestmark = pytest.mark.timeout(90)


async def outbox(daemon: Daemon, *arguments: str) -> Finished:
    return await cad_bridge(daemon.folder, "outbox", *arguments, "--config", str(daemon.config))


async def outbox_json(daemon: Daemon, *arguments: str) -> Any:
    done = await outbox(daemon, *arguments, "--json")
    assert done.code == 0, done.err
    return msgspec.json.decode(done.out)


async def failed_panic(cad: SimulatorServer, daemon: Daemon, unit: str = LICENSE) -> str:
    cad.cloud.faults.add(FORBIDDEN)
    event: str = (await daemon.push("/v1/panic", {"id": unit})).json["event"]
    (ended,) = await daemon.ended([event], within=10.0)
    assert ended["state"] == "failed"
    cad.cloud.clear_faults()
    return event


async def test_a_failed_panic_is_found_and_retried_after_a_kill_and_reaches_the_cad(tmp_path: Path) -> None:
    async with simulated_cad() as cad, daemon_of(tmp_path, cad) as daemon:
        event = await failed_panic(cad, daemon)
        await daemon.process.kill()
        await daemon.start()

        listed = await outbox_json(
            daemon, "list", "--state", "failed", "--kind", "panic", "--server", "server-1"
        )
        shown = await outbox_json(daemon, "show", event[:10])
        full = await outbox_json(daemon, "show", event, "--full")
        retried = await outbox(daemon, "retry", event[:10])
        (ended,) = await daemon.ended([event], within=10.0)
        again = await outbox(daemon, "retry", event)

        assert [line["id"] for line in listed["events"]] == [event]
        assert listed["events"][0]["error"].startswith("forbidden: ")
        assert LICENSE not in msgspec.json.encode([listed, shown]).decode()
        assert shown["payload"]["ids"] == ["license:…4567"]
        assert full["payload"]["ids"] == [LICENSE]
        assert (retried.code, retried.out) == (0, f"{event}  is tried again\n")
        assert ended["state"] == "delivered"
        assert cad.cloud.cad.community.units[LICENSE].is_panic
        assert (again.code, "delivered" in again.out) == (1, True)
        assert await daemon.metric("cad_bridge_events_retried_total", server="server-1", kind="panic") == 1
        assert await daemon.metric("cad_bridge_outbox_events", state="failed") == 0
        assert await daemon.metric("cad_bridge_outbox_events", state="delivered") == 1
        assert '"event":"events retried"' in daemon.log.replace(": ", ":")
        assert LICENSE not in daemon.log


async def test_a_retry_survives_a_kill_before_the_cad_has_it(tmp_path: Path) -> None:
    async with simulated_cad() as cad, daemon_of(tmp_path, cad) as daemon:
        event = await failed_panic(cad, daemon)
        cad.cloud.faults.add(Answer(status=503))
        assert (await outbox(daemon, "retry", event)).code == 0
        await daemon.process.kill()
        cad.cloud.clear_faults()
        await daemon.start()

        (ended,) = await daemon.ended([event], within=15.0)

        assert ended["state"] == "delivered"


async def test_a_panic_that_was_switched_off_since_is_not_switched_on_again(tmp_path: Path) -> None:
    async with simulated_cad() as cad, daemon_of(tmp_path, cad) as daemon:
        event = await failed_panic(cad, daemon)
        off = (await daemon.push("/v1/panic", {"id": LICENSE, "active": False})).json["event"]
        await daemon.ended([off], within=10.0)
        await daemon.process.kill()
        await daemon.start()

        refused = await outbox(daemon, "retry", event)

        assert refused.code == 1
        assert "something newer about the same was accepted since" in refused.out
        assert (await daemon.look_up(event)).json["state"] == "failed"
        assert not cad.cloud.cad.community.units[LICENSE].is_panic


@pytest.mark.parametrize(("status", "state"), [(200, "delivered"), (503, "failed")])
async def test_what_is_discarded_in_flight_ends_with_its_request(
    tmp_path: Path, status: int, state: str
) -> None:
    async with simulated_cad() as cad, daemon_of(tmp_path, cad, {"cad": {"timeout": "20s"}}) as daemon:
        cad.cloud.faults.add(Delay(seconds=8.0, operation="setUnitStatus"))
        if status != 200:
            cad.cloud.faults.add(Answer(status=status, operation="setUnitStatus"))
        pushed = await daemon.push("/v1/events", {"type": "status", "ids": [LICENSE], "status": "BUSY"})
        event = pushed.json["events"][0]
        await until(lambda: bool(cad.cloud.journal.of("setUnitStatus")), within=5.0)

        shown = (await daemon.read(f"/outbox/{event}")).json
        done = await outbox_json(daemon, "discard", event, "--yes")
        sent = len(cad.cloud.journal.of("setUnitStatus"))
        await asyncio.sleep(2.5)

        assert shown["in_flight"]
        assert [(one["id"], one["state"]) for one in done["changed"]] == [(event, state)]
        assert (await daemon.look_up(event)).json["state"] == state
        assert len(cad.cloud.journal.of("setUnitStatus")) == sent, "nothing is sent of what was discarded"
        discarded = await daemon.metric(
            "cad_bridge_events_failed_total", server="server-1", kind="status", reason="discarded"
        )
        assert discarded == (1 if state == "failed" else 0)


async def test_discarding_asks_and_refuses_where_nobody_can_answer(tmp_path: Path) -> None:
    async with simulated_cad() as cad, daemon_of(tmp_path, cad) as daemon:
        done = await outbox(daemon, "discard", "--state", "pending")

        assert done.code == 2
        assert "--yes" in done.err


async def test_a_file_that_a_daemon_holds_is_left_to_it(tmp_path: Path) -> None:
    async with simulated_cad() as cad, daemon_of(tmp_path, cad) as daemon:
        await failed_panic(cad, daemon)

        held = await outbox(daemon, "list", "--file", str(tmp_path / "outbox.sqlite3"))
        elsewhere = await outbox(daemon, "list", "--admin", f"http://127.0.0.1:{free_port()}")

        assert (held.code, held.out) == (1, "")
        assert "is held by another daemon; leave out --file" in held.err
        assert (elsewhere.code, "No bridge answers" in elsewhere.err) == (1, True)
        assert (await daemon.read("/healthz")).status == 200


async def test_without_a_daemon_the_file_is_read_and_changed_by_the_same_rules(tmp_path: Path) -> None:
    async with simulated_cad() as cad, daemon_of(tmp_path, cad) as daemon:
        event = await failed_panic(cad, daemon)
        cad.cloud.faults.add(Answer(status=503))
        pushed = await daemon.push("/v1/events", {"type": "status", "ids": [LICENSE], "status": "BUSY"})
        waiting = pushed.json["events"][0]
        await daemon.process.kill()

        listed = await outbox(daemon, "list")
        retried = await outbox_json(daemon, "retry", event)
        discarded = await outbox_json(
            daemon, "discard", waiting, "--yes", "--file", str(tmp_path / "outbox.sqlite3")
        )
        cad.cloud.clear_faults()
        await daemon.start()
        ended = await daemon.ended([event, waiting], within=15.0)

        assert (listed.code, "; reading " in listed.err) == (0, True)
        assert event[:12] in listed.out
        assert (retried["refused"], discarded["refused"]) == ([], [])
        assert [one["state"] for one in ended] == ["delivered", "failed"]
        assert ended[1]["error"].startswith("discarded: ")
        assert len(cad.cloud.journal.of("setUnitStatus")) <= 1 + 8  # those before the kill alone
        assert (tmp_path / "outbox.sqlite3").stat().st_mode & 0o777 == 0o600


async def test_a_file_that_was_set_aside_is_read_and_not_changed(tmp_path: Path) -> None:
    async with simulated_cad() as cad, daemon_of(tmp_path, cad) as daemon:
        event = await failed_panic(cad, daemon)
        await daemon.stop()
        aside = tmp_path / "outbox.sqlite3.damaged-1"
        aside.write_bytes((tmp_path / "outbox.sqlite3").read_bytes())
        before = aside.read_bytes()

        listed = await outbox(daemon, "list", "--json", "--file", str(aside))
        refused = await outbox(daemon, "retry", event, "--file", str(aside))

        assert [line["id"] for line in msgspec.json.decode(listed.out)["events"]] == [event]
        assert "nothing can be changed" in listed.err
        assert (refused.code, "it is only read" in refused.err) == (1, True)
        assert aside.read_bytes() == before


async def test_a_token_that_cannot_be_had_is_one_line(tmp_path: Path) -> None:
    async with simulated_cad() as cad, daemon_of(tmp_path, cad) as daemon:
        event = await failed_panic(cad, daemon)
        text = daemon.config.read_text(encoding="utf-8")
        daemon.config.write_text(re.sub(r'token_file = "admin.token"', "", text), encoding="utf-8")
        (tmp_path / "admin.token").rename(tmp_path / "elsewhere.token")

        without = await outbox(daemon, "retry", event)
        listed = await outbox(daemon, "list")
        named = await outbox(daemon, "retry", event, "--token-file", str(tmp_path / "elsewhere.token"))

        assert (without.code, without.err.count("\n"), "--token-file" in without.err) == (1, 1, True)
        assert (listed.code, named.code) == (0, 0)


async def test_no_page_in_a_browser_can_change_anything(tmp_path: Path) -> None:
    async with simulated_cad() as cad, daemon_of(tmp_path, cad) as daemon:
        event = await failed_panic(cad, daemon)
        port, foreign = daemon.admin_port, "http://evil.example"
        attempts: list[tuple[str, dict[str, str], int]] = [
            ("a form", {"Content-Type": "application/x-www-form-urlencoded", "Origin": foreign}, 403),
            ("a form that hides its origin", {"Content-Type": "text/plain", "Origin": "null"}, 403),
            ("an old browser's form", {"Content-Type": "text/plain"}, 401),
            ("a no-cors fetch", {"Content-Type": "text/plain", "Sec-Fetch-Site": "cross-site"}, 403),
            ("a rebound page", {"Host": f"evil.example:{port}", "Origin": f"{foreign}:{port}", **JSON}, 403),
            ("a rebound page without an origin", {"Host": f"evil.example:{port}", **JSON}, 403),
            ("one on loopback", {"Origin": daemon.admin_url, **JSON}, 401),
            ("a wrong token", {"Authorization": "Bearer guessed", **JSON}, 401),
            ("with the token, from another page", {"Origin": foreign, **JSON, **BEARER}, 403),
            ("with the token, from another site", {"Sec-Fetch-Site": "cross-site", **JSON, **BEARER}, 403),
            ("with the token, as a form", {"Content-Type": "text/plain", **BEARER}, 415),
        ]
        for path in (f"/outbox/{event}/retry", "/outbox/retry", f"/outbox/{event}/discard"):
            for what, headers, status in attempts:
                body = msgspec.json.encode({"ids": [event]})
                answer = await daemon.ask("POST", daemon.admin_url + path, body, headers)
                assert answer.status == status, what
                assert answer.headers["Content-Type"].startswith("application/problem+json"), what
                assert not [name for name in answer.headers if name.startswith("Access-Control")], what
        for method in ("GET", "OPTIONS", "PUT"):
            assert (await daemon.ask(method, f"{daemon.admin_url}/outbox/{event}/retry")).status == 405

        assert (await daemon.look_up(event)).json["state"] == "failed"
        assert len(cad.cloud.journal.of("setUnitPanic")) == 1
        assert "admin token wrong" in daemon.log
