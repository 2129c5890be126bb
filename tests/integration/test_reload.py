"""A daemon that is told to read its configuration again, in virtual time, pushed to over real sockets."""

import asyncio
import itertools
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
import structlog
from msgspec.structs import replace
from structlog.testing import capture_logs

from bridge.config import (
    Config,
    LocationsConfig,
    LogConfig,
    OutboxConfig,
    Secret,
    ServerConfig,
    TcpBind,
    TtlConfig,
)
from bridge.errors import ConfigError
from bridge.operations import SET_UNIT_PANIC, UPDATE_UNIT_LOCATIONS
from bridge.simulator.faults import Drop
from tests.support.configuration import TOKENS
from tests.support.running_daemon import UNIT, Running, daemon_config, locations, with_daemon

THIRD = ServerConfig(id=3, name="third", token=Secret("made-up-token-of-server-three"))
BATCH = UPDATE_UNIT_LOCATIONS.name


async def push(seen: Running, token: str, path: str = "/v1/locations", body: Any = None) -> int:
    url = f"http://{seen.parts.listener.addresses[0]}{path}"
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session,
        session.post(url, data=msgspec.json.encode(body or locations(UNIT))) as answer,
    ):
        return answer.status


@pytest.fixture(autouse=True)
def _usual_logs() -> Iterator[None]:
    yield
    structlog.reset_defaults()
    logging.basicConfig(force=True)


def with_locations(config: Config, **keys: Any) -> Config:
    return replace(config, locations=LocationsConfig(**keys))


def times_of(seen: Running, operation: str) -> list[float]:
    return [request.monotonic for request in seen.received(operation)]


def test_another_interval_holds_from_the_next_batch_on(tmp_path: Path) -> None:
    config = daemon_config(tmp_path)

    async def story(seen: Running) -> None:
        x = 0.0
        for second in range(100):
            if second == 30:
                await seen.reload(with_locations(config, interval=15.0))
            x += 10.0
            await push(seen, TOKENS[1], body=locations(UNIT, x=x))
            await seen.clock.sleep(1.0)
        times = times_of(seen, BATCH)
        gaps = [after - before for before, after in itertools.pairwise(times)]
        assert gaps[0] == pytest.approx(5.05, abs=0.2)
        assert gaps[-1] == pytest.approx(15.0, abs=0.2)
        assert seen.daemon.view.status().locations.interval == pytest.approx(15.0)

    with_daemon(config, story)


def test_a_server_that_is_added_is_served_at_once(tmp_path: Path) -> None:
    config = daemon_config(tmp_path)

    async def story(seen: Running) -> None:
        assert await push(seen, THIRD.token.reveal()) == 401
        changes = await seen.reload(replace(config, servers=(*config.servers, THIRD)))
        assert [change.key for change in changes] == ["servers.3"]
        assert await push(seen, THIRD.token.reveal()) == 200
        assert await push(seen, THIRD.token.reveal(), "/v1/panic", {"id": UNIT}) == 202
        assert seen.sample("units", server="third") == 1
        assert seen.sample("events_accepted_total", server="third", kind="panic") == 1
        for _ in range(70):
            await push(seen, THIRD.token.reveal())
            await seen.clock.sleep(1.0)
        told = seen.sample("heartbeats_total", server="third") or 0.0
        refused = seen.sample("heartbeat_failures_total", server="third", reason="not_found") or 0.0
        assert told + refused >= 1  # the simulated CAD may not know this server

    with_daemon(config, story)


def test_a_server_that_is_taken_out_is_refused_and_its_events_are_still_delivered(tmp_path: Path) -> None:
    config = daemon_config(tmp_path)

    async def story(seen: Running) -> None:
        await push(seen, TOKENS[2])
        seen.cloud.faults.add(Drop(operation=SET_UNIT_PANIC.name, times=4))
        assert await push(seen, TOKENS[2], "/v1/panic", {"id": UNIT}) == 202
        await seen.reload(replace(config, servers=config.servers[:1]))
        assert await push(seen, TOKENS[2]) == 401
        assert len(seen.parts.outbox.backlog) == 1
        await seen.clock.sleep(30.0)
        assert len(seen.received(SET_UNIT_PANIC.name)) >= 1
        assert seen.sample("events_delivered_total", server="second", kind="panic") == 1
        assert seen.sample("units", server="second") is None
        assert seen.sample("game_server_state", server="second", state="up") is None

    with_daemon(config, story)


def test_a_push_that_is_on_its_way_while_its_server_is_taken_out_is_answered(tmp_path: Path) -> None:
    config = daemon_config(tmp_path)

    async def story(seen: Running) -> None:
        bind = seen.parts.listener.addresses[0]
        assert isinstance(bind, TcpBind)
        reader, writer = await asyncio.open_connection(bind.host, bind.port)
        body = msgspec.json.encode(locations(UNIT))
        head = f"POST /v1/locations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKENS[2]}\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body[:5])
        await writer.drain()
        await seen.clock.sleep(0.2)
        await seen.reload(replace(config, servers=config.servers[:1]))
        writer.write(body[5:])
        assert (await reader.readline()).split()[1] == b"200"
        writer.close()
        await seen.clock.sleep(700.0)
        assert BATCH not in {request.operation for request in seen.received(BATCH)}

    with_daemon(config, story)


def test_tokens_that_were_changed_open_and_former_ones_do_not(tmp_path: Path) -> None:
    config = daemon_config(tmp_path)

    async def story(seen: Running) -> None:
        changed = replace(config.servers[0], token=Secret("made-up-token-that-is-new"))
        await seen.reload(replace(config, servers=(changed, config.servers[1])))
        assert await push(seen, TOKENS[1]) == 401
        assert await push(seen, "made-up-token-that-is-new") == 200

    with_daemon(config, story)


def test_new_events_have_the_new_time_to_live_and_waiting_ones_keep_theirs(tmp_path: Path) -> None:
    config = daemon_config(tmp_path)

    async def story(seen: Running) -> None:
        former = (await seen.push("/v1/panic", {"id": UNIT}))["event"]
        ttl = replace(config.outbox, ttl=TtlConfig(panic_on=5.0))
        await seen.reload(replace(config, outbox=ttl))
        later = (await seen.push("/v1/panic", {"id": "license:other"}))["event"]
        rows = await seen.parts.store.write(
            lambda tx: list(tx.query("SELECT id, expires_at - accepted_at FROM events"))
        )
        lives = {str(row[0]): row[1] for row in rows}
        assert (lives[former], lives[later]) == (pytest.approx(600.0), pytest.approx(5.0))

    with_daemon(config, story)


def test_a_file_that_cannot_be_used_changes_nothing_and_is_told_of(tmp_path: Path) -> None:
    config = daemon_config(tmp_path)

    async def story(seen: Running) -> None:
        structlog.reset_defaults()
        with capture_logs() as lines, pytest.raises(ConfigError):
            await seen.reload(ConfigError(["bridge.toml: locations.interval: expected …"]))
        assert [line for line in lines if line["event"] == "reload refused, nothing changed"]
        assert seen.parts.config == config
        assert await push(seen, TOKENS[1]) == 200
        assert seen.sample("config_last_reload_successful") == 0
        await seen.reload(config)
        assert seen.sample("config_last_reload_successful") == 1

    with_daemon(config, story)


def test_a_postals_file_that_cannot_be_used_changes_nothing_either(tmp_path: Path) -> None:
    config = daemon_config(tmp_path)
    (tmp_path / "postals.json").write_text("no postals")

    async def story(seen: Running) -> None:
        wanted = with_locations(config, interval=20.0, postals_file=tmp_path / "postals.json")
        with pytest.raises(ConfigError):
            await seen.reload(wanted)
        assert seen.parts.flusher.interval < 6.0

    with_daemon(config, story)


def test_what_needs_a_restart_keeps_its_value_and_the_log_says_so(tmp_path: Path) -> None:
    config = daemon_config(tmp_path)

    async def story(seen: Running) -> None:
        wanted = replace(config, outbox=OutboxConfig(path=tmp_path / "other.sqlite3", max_events=7))
        structlog.reset_defaults()
        changes = await seen.reload(wanted)
        assert {change.key: change.restart for change in changes} == {
            "outbox.path": True,
            "outbox.max_events": False,
        }
        assert seen.parts.config.outbox == replace(config.outbox, max_events=7)

    with_daemon(config, story)


def test_the_log_is_as_detailed_as_the_new_configuration_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = daemon_config(tmp_path)

    async def story(seen: Running) -> None:
        await seen.reload(replace(config, log=LogConfig(level="debug", format="json")))
        event = (await seen.push("/v1/panic", {"id": UNIT}))["event"]
        assert any(
            event in line and "event accepted" in line for line in capsys.readouterr().err.splitlines()
        )
        await seen.reload(replace(config, log=LogConfig(level="error", format="json")))
        capsys.readouterr()
        await seen.push("/v1/panic", {"id": UNIT})
        assert capsys.readouterr().err == ""

    with_daemon(config, story)


def test_no_push_is_refused_and_nothing_is_lost_while_it_is_reloaded_again_and_again(tmp_path: Path) -> None:
    config = daemon_config(tmp_path)

    async def story(seen: Running) -> None:
        answers: list[int] = []

        async def pushing() -> None:
            for number in range(120):
                answers.append(await push(seen, TOKENS[1], body=locations(UNIT, x=10.0 * number)))
                answers.append(
                    await push(seen, TOKENS[1], "/v1/events", {"type": "blip", "x": number, "y": 1})
                )
                await seen.clock.sleep(0.5)

        async with asyncio.TaskGroup() as group:
            group.create_task(pushing())
            for number in range(20):
                await seen.reload(
                    with_locations(config, interval=5.0 + number % 3, min_distance=float(number))
                )
                await seen.clock.sleep(3.0)
        assert set(answers) == {200, 202}
        counts = seen.parts.outbox.counts()
        assert sum(counts.values()) == 120

    with_daemon(config, story)


def test_what_waits_for_a_slot_goes_as_soon_as_a_greater_limit_has_one(tmp_path: Path) -> None:
    usual = daemon_config(tmp_path)
    config = replace(usual, cad=replace(usual.cad, limits={"createBlip": 1}))

    async def story(seen: Running) -> None:
        for number in range(3):
            await seen.push("/v1/events", {"type": "blip", "x": number, "y": 1})
        await seen.clock.sleep(1.0)
        assert len(seen.received("createBlip")) == 1
        await seen.reload(usual)
        await seen.clock.sleep(1.0)
        assert len(seen.received("createBlip")) == 3

    with_daemon(config, story)


def test_a_faster_pace_counts_from_the_last_batch(tmp_path: Path) -> None:
    usual = daemon_config(tmp_path)

    async def story(seen: Running) -> None:
        await push(seen, TOKENS[1])
        await seen.clock.sleep(121.0)
        assert len(seen.received(BATCH)) == 1
        await push(seen, TOKENS[1], body=locations(UNIT, x=500.0))
        await seen.reload(usual)
        await seen.clock.sleep(6.0)
        assert len(seen.received(BATCH)) == 2

    with_daemon(with_locations(usual, interval=120.0, stale_after=180.0), story)


def test_an_admin_token_that_cannot_be_used_is_a_refusal_like_any_other(tmp_path: Path) -> None:
    usual = daemon_config(tmp_path)
    config = replace(usual, admin=replace(usual.admin, token=None))

    async def story(seen: Running) -> None:
        (tmp_path / "admin.token").write_text("short", encoding="utf-8")
        with pytest.raises(ConfigError, match=r"admin\.token"):
            await seen.reload(config)
        assert seen.sample("config_last_reload_successful") == 0

    with_daemon(config, story)
