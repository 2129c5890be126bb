"""Sonoran CMS through the bridge: the whitelist from memory, whatever the CMS does, and people clocked in and out for good."""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bridge.simulator.cms.door import CMS_COMMUNITY, EVERY_ENDPOINT
from bridge.simulator.faults import Down, RefuseKey
from bridge.simulator.journal import Received
from bridge.simulator.server import SimulatorServer
from tests.support.cms_examples import (
    EXAMPLES,
    GUEST_ID,
    MEMBER,
    MEMBER_ID,
    SERVER,
    STRANGER_ID,
    Example,
    prepare_cms,
)
from tests.support.daemon import (
    API_KEY,
    CMS_API_KEY,
    TOKENS,
    Answer,
    Daemon,
    daemon_of,
    simulated_cad,
    until,
)

DENIED = b"NOT ALLOWED ON WHITELIST"
UNKNOWN = (
    b'{"status":400,"message":"API ID NOT LINKED TO AN ACCOUNT IN THIS COMMUNITY"}'  # nobody of the community
)
DOWN = Down(operation=EVERY_ENDPOINT)


@asynccontextmanager
async def bridged(
    folder: Path, *, when_down: str = "deny", allow: Sequence[str] = ("cms",), players: int = 0
) -> AsyncGenerator[tuple[Daemon, SimulatorServer]]:
    async with simulated_cad() as cad:
        prepare_cms(cad.cloud)
        enrol(cad, players)
        async with daemon_of(folder, cad, sections(cad.url, when_down, allow)) as daemon:
            await until_fetched(daemon)
            yield daemon, cad


def enrol(cad: SimulatorServer, players: int) -> None:
    for number in range(players):
        cad.cloud.cms.community.enrol(f"Player {number}", [f"license:p{number}"], servers=[SERVER])


def sections(url: str, when_down: str, allow: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
    cms = {
        "base_url": url,
        "community_id": CMS_COMMUNITY,
        "api_key_file": "cms-api-key",
        "when_down": when_down,
    }
    return {"cms": cms, "servers": {"allow": list(allow)}}


async def until_fetched(daemon: Daemon) -> None:
    deadline = time.monotonic() + 10.0
    while await daemon.metric("cad_bridge_whitelist_fetched_timestamp_seconds", server="server-1") == 0:
        assert time.monotonic() < deadline, daemon.log
        await asyncio.sleep(0.05)


async def ask(
    daemon: Daemon, kind: str, path: str, *data: object, key: str = TOKENS[1], community: str = CMS_COMMUNITY
) -> Answer:
    body = payload(kind, *data, key=key, community=community)
    return await daemon.ask("POST", f"{daemon.url}/cms{path}", body)


def payload(kind: str, *data: object, key: str = TOKENS[1], community: str = CMS_COMMUNITY) -> bytes:
    return msgspec.json.encode({"id": community, "key": key, "type": kind, "data": data})


async def verify(daemon: Daemon, **account: object) -> Answer:
    return await ask(daemon, "VERIFY_WHITELIST", "/servers/verify_whitelist", account)


async def clock(daemon: Daemon, **clocking: object) -> Answer:
    return await ask(daemon, "CLOCK_IN_OUT", "/general/clock_in_out", clocking)


async def join(daemon: Daemon, players: Iterable[int]) -> list[Answer]:
    return await asyncio.gather(
        *(verify(daemon, apiId=f"license:p{number}", serverId=SERVER) for number in players)
    )


async def checked(daemon: Daemon, result: str) -> float:
    return await daemon.metric("cad_bridge_whitelist_checks_total", server="server-1", result=result)


def of_cms(cad: SimulatorServer) -> list[Received]:
    return [entry for entry in cad.cloud.journal if str(entry.operation).startswith("CMS:")]


def asked(cad: SimulatorServer) -> list[str]:
    return [str(entry.operation) for entry in of_cms(cad)]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.type)
async def test_each_endpoint_answers_through_the_bridge_as_directly(example: Example, tmp_path: Path) -> None:
    async with bridged(tmp_path) as (daemon, cad):
        through = await daemon.ask("POST", f"{daemon.url}/cms{example.path}", example.payload(TOKENS[1]))
        direct = await daemon.ask("POST", cad.url + example.path, example.payload(CMS_API_KEY))

    assert (through.status, through.body) == (direct.status, direct.body) == (200, through.body)
    assert through.headers["Content-Type"] == direct.headers["Content-Type"]
    if example.text is not None:
        assert through.body.decode() == example.text


@pytest.mark.stress
async def test_a_thousand_players_join_within_a_minute_for_a_dozen_requests_half_of_them_while_it_is_down(
    tmp_path: Path,
) -> None:
    async with bridged(tmp_path, players=900) as (daemon, cad):
        started = time.monotonic()

        answers = await join(daemon, range(450))
        answers += await join(daemon, range(900, 950))
        before = asked(cad)
        cad.cloud.faults.add(DOWN)
        answers += await join(daemon, range(450, 900))
        answers += await join(daemon, range(950, 1000))

        assert time.monotonic() - started < 30.0
        assert [answer.status == 200 for answer in answers] == ([True] * 450 + [False] * 50) * 2
        assert answers[449].body == b"Player 449"
        assert {answer.body for answer in answers if answer.status != 200} <= {DENIED, UNKNOWN}
        assert len(before) <= 13
        assert max(answer.seconds for answer in answers[:450]) < 3.0
        checks = [await checked(daemon, result) for result in ("allowed", "stale", "denied", "unknown")]
        assert sum(checks) == 1000
        assert checks[0] + checks[1] == 900


async def test_a_player_who_was_just_added_gets_in_soon(tmp_path: Path) -> None:
    async with bridged(tmp_path) as (daemon, cad):
        assert (await verify(daemon, apiId="license:p0")).status != 200
        enrol(cad, 1)
        deadline = time.monotonic() + 20.0
        while (await verify(daemon, apiId="license:p0")).status != 200:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.5)

        assert len(asked(cad)) <= 6


async def test_who_bypasses_the_whitelist_and_is_on_no_list_gets_in_and_is_asked_for_once(
    tmp_path: Path,
) -> None:
    async with bridged(tmp_path) as (daemon, cad):
        answers = [await verify(daemon, apiId=GUEST_ID) for _ in range(3)]

        assert {answer.body for answer in answers} == {b"BYPASSED WHITELIST - Guest"}
        assert asked(cad).count("CMS:VERIFY_WHITELIST") == 1


@pytest.mark.parametrize(
    ("when_down", "status", "text"),
    [("deny", 404, DENIED), ("allow", 200, b"BYPASSED WHITELIST - license:new")],
)
async def test_while_the_cms_is_down_a_known_player_gets_in_and_the_configuration_decides_on_a_new_one(
    tmp_path: Path, when_down: str, status: int, text: bytes
) -> None:
    async with bridged(tmp_path, when_down=when_down) as (daemon, cad):
        denied = await verify(daemon, apiId=STRANGER_ID)
        cad.cloud.faults.add(DOWN)
        new = await verify(daemon, apiId="license:new")
        await until(lambda: '"whitelist cannot be fetched"' in daemon.log, within=10.0)
        known = await verify(daemon, apiId=MEMBER_ID)
        again = await verify(daemon, apiId=STRANGER_ID)
        await verify(daemon, apiId="license:newer")
        await until(lambda: '"CMS is down"' in daemon.log, within=15.0)
        assert await daemon.metric("cad_bridge_cms_up") == 0

    assert (known.status, known.body) == (200, MEMBER.encode())
    assert "ttl=-" in known.headers["Cache-Status"]
    assert int(known.headers["Age"]) < 30
    assert (new.status, new.body) == (status, text)
    assert (denied.status, again.status) == (404, 404)


async def test_a_bridge_that_starts_while_the_cms_is_down_still_knows_who_may_come_in(tmp_path: Path) -> None:
    async with bridged(tmp_path) as (daemon, cad):
        cad.cloud.faults.add(DOWN)
        assert await daemon.stop() == 0
        async with daemon_of(tmp_path, cad, sections(cad.url, "deny", ("cms",))) as next_one:
            known = await verify(next_one, apiId=MEMBER_ID, serverId=SERVER)
            new = await verify(next_one, apiId="license:new", serverId=SERVER)

    assert (known.status, known.body) == (200, MEMBER.encode())
    assert (new.status, new.body) == (404, DENIED)


async def test_clocking_in_and_out_survives_an_outage_in_its_order(tmp_path: Path) -> None:
    async with bridged(tmp_path) as (daemon, cad):
        cad.cloud.faults.add(DOWN)
        pushed = [
            await daemon.push("/v1/events", {"type": "clock", "id": MEMBER_ID, "in": clocked_in})
            for clocked_in in (True, False, True)
        ]
        events = [answer.json["events"][0] for answer in pushed]
        cad.cloud.clear_faults()
        ends = await daemon.ended(events, within=60.0)

        assert [end["state"] for end in ends] == ["delivered"] * 3
        sessions = cad.cloud.cms.community.sessions
        assert [session.ended_at is None for session in sessions] == [False, True]


async def test_a_clocking_of_nobody_fails_with_the_reason(tmp_path: Path) -> None:
    async with bridged(tmp_path) as (daemon, _):
        pushed = await daemon.push("/v1/events", {"type": "clock", "id": "license:new", "in": False})
        (end,) = await daemon.ended(pushed.json["events"], within=10.0)
        answer = await clock(daemon, apiId="license:new", forceClockIn=True)

    assert end["state"] == "failed"
    assert end["error"].startswith("no_unit: API ID NOT LINKED TO AN ACCOUNT IN THIS COMMUNITY")
    assert (answer.status, answer.body) == (400, b"API ID NOT LINKED TO AN ACCOUNT IN THIS COMMUNITY")


async def test_a_mere_toggle_is_refused_at_both_doors(tmp_path: Path) -> None:
    async with bridged(tmp_path) as (daemon, cad):
        through = await clock(daemon, apiId=MEMBER_ID)
        pushed = await daemon.push("/v1/events", {"type": "clock", "id": MEMBER_ID})

        assert through.status == 400
        assert b"a mere toggle is refused, since a repeat would undo it" in through.body
        assert pushed.status == 422
        assert b"a mere toggle is refused" in pushed.body
        assert "CMS:CLOCK_IN_OUT" not in asked(cad)


async def test_a_clocking_through_the_door_while_the_cms_is_down_is_kept(tmp_path: Path) -> None:
    async with bridged(tmp_path) as (daemon, cad):
        cad.cloud.faults.add(DOWN)
        answer = await daemon.ask(
            "POST",
            f"{daemon.url}/cms/general/clock_in_out",
            payload("CLOCK_IN_OUT", {"apiId": MEMBER_ID, "forceClockIn": True}),
            {"User-Agent": "FXServer/PerformHttpRequest"},
        )
        cad.cloud.clear_faults()
        (end,) = await daemon.ended([answer.json["event"]], within=60.0)

    assert answer.status == 202
    assert answer.seconds < 5.0
    assert end["state"] == "delivered"


@pytest.mark.parametrize(
    ("kind", "community", "key", "text"),
    [
        ("GET_SERVERS", "wrong", "wrong", b"INVALID REQUEST TYPE"),
        ("GET_GAME_SERVERS", "wrong", "wrong", b"INVALID COMMUNITY ID"),
        ("GET_GAME_SERVERS", CMS_COMMUNITY, CMS_API_KEY, b"INVALID API KEY"),
    ],
)
async def test_the_door_checks_in_sonoran_s_order(
    tmp_path: Path, kind: str, community: str, key: str, text: bytes
) -> None:
    async with bridged(tmp_path) as (daemon, _):
        answer = await ask(daemon, kind, "/servers/get_game_servers", key=key, community=community)

    assert (answer.status, answer.body) == (400, text)


async def test_the_token_s_allow_governs_the_door(tmp_path: Path) -> None:
    async with bridged(tmp_path, allow=("emergency",)) as (daemon, _):
        answer = await verify(daemon, apiId=MEMBER_ID)

    assert answer.status == 403
    assert b'"cms" in the key allow of server "server-1"' in answer.body


async def test_without_a_cms_its_door_and_its_events_say_so(tmp_path: Path) -> None:
    async with simulated_cad() as cad, daemon_of(tmp_path, cad) as daemon:
        through = await verify(daemon, apiId=MEMBER_ID)
        pushed = await daemon.push("/v1/events", {"type": "clock", "id": MEMBER_ID, "in": True})

    assert (through.status, through.body) == (404, b"bridge.toml has no section [cms]")
    assert pushed.status == 422
    assert b"has no section [cms]" in pushed.body


async def test_a_refused_key_holds_clockings_and_the_key_shows_nowhere(tmp_path: Path) -> None:
    async with bridged(tmp_path) as (daemon, cad):
        answers = [await ask(daemon, one.type, one.path, *one.data) for one in EXAMPLES]
        cad.cloud.faults.add(RefuseKey(operation=EVERY_ENDPOINT))
        pushed = await daemon.push("/v1/events", {"type": "clock", "id": MEMBER_ID, "in": True})
        await until(lambda: '"API key refused, everything is held"' in daemon.log, within=10.0)
        known = await verify(daemon, apiId=MEMBER_ID)
        ranks = await ask(daemon, "GET_ACCOUNT_RANKS", "/general/get_account_ranks", {"apiId": "license:1"})
        cad.cloud.clear_faults()
        (end,) = await daemon.ended(pushed.json["events"], within=30.0)
        shown = [*answers, pushed, known, ranks, await daemon.read("/metrics"), await daemon.read("/status")]

    assert end["state"] == "delivered"
    assert known.body == MEMBER.encode()
    assert ranks.status == 502
    assert all(CMS_API_KEY.encode() not in answer.body for answer in shown)
    assert all(CMS_API_KEY not in str(answer.headers) for answer in shown)
    assert CMS_API_KEY not in daemon.log
    assert "cms.api_key_file" in daemon.log
    assert all(b"authorization" not in str(entry.headers).lower().encode() for entry in of_cms(cad))
    assert API_KEY not in str([entry.text for entry in of_cms(cad)])
