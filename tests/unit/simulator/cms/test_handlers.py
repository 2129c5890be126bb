from typing import Any

import msgspec
import pytest

from bridge.simulator.cloud import Cloud
from bridge.simulator.messages import JSON, Reply
from tests.support.cad_requests import NOON
from tests.support.cms_examples import (
    ACCOUNT,
    DISCORD,
    GUEST,
    GUEST_ID,
    MEMBER,
    MEMBER_ID,
    OTHER_SERVER,
    RANKS,
    SERVER,
    STRANGER_ID,
    Example,
    prepare_cms,
)
from tests.support.stepping_clock import SteppingClock

NOT_LINKED = "API ID NOT LINKED TO AN ACCOUNT IN THIS COMMUNITY"
NOBODY = "NO ACCOUNT FOUND UNDER GIVEN PARAMETERS IN THIS COMMUNITY"


@pytest.fixture(name="cloud")
def _cloud() -> Cloud:
    return prepared()


def prepared() -> Cloud:
    cloud = Cloud(SteppingClock())
    prepare_cms(cloud)
    return cloud


def ask(cloud: Cloud, kind: str, *data: dict[str, Any], now: float = NOON) -> Reply:
    return cloud.cms.handle(Example(type=kind, data=list(data)).request(), now)


def told(cloud: Cloud, kind: str, *data: dict[str, Any], now: float = NOON) -> tuple[int, Any]:
    reply = ask(cloud, kind, *data, now=now)
    as_json = reply.headers["Content-Type"] == JSON
    return reply.status, msgspec.json.decode(reply.body) if as_json else reply.body.decode()


def test_who_is_on_the_list_comes_in(cloud: Cloud) -> None:
    assert told(cloud, "VERIFY_WHITELIST", {"apiId": MEMBER_ID, "serverId": SERVER}) == (200, MEMBER)
    assert told(cloud, "VERIFY_WHITELIST", {"apiId": MEMBER_ID}) == (200, MEMBER)
    assert told(cloud, "VERIFY_WHITELIST", {"apiId": GUEST_ID, "serverId": SERVER}) == (
        200,
        f"BYPASSED WHITELIST - {GUEST}",
    )


@pytest.mark.parametrize(
    "who",
    [
        {"apiId": MEMBER_ID, "serverId": OTHER_SERVER},
        {"apiId": STRANGER_ID, "serverId": SERVER},
        {"apiId": STRANGER_ID},
    ],
)
def test_who_is_not_on_the_list_stays_out(cloud: Cloud, who: dict[str, Any]) -> None:
    assert told(cloud, "VERIFY_WHITELIST", who) == (404, "NOT ALLOWED ON WHITELIST")


@pytest.mark.parametrize(
    ("who", "reason"),
    [
        ({"apiId": "nobody"}, NOT_LINKED),
        ({"username": "nobody"}, NOBODY),
        ({}, NOBODY),
        ({"apiId": MEMBER_ID, "serverId": 99}, "SERVER NOT FOUND WITH ID: 99"),
    ],
)
def test_a_bad_check_is_answered_with_json(cloud: Cloud, who: dict[str, Any], reason: str) -> None:
    assert told(cloud, "VERIFY_WHITELIST", who) == (400, {"status": 400, "message": reason})


def test_a_banned_member_is_let_in_nowhere(cloud: Cloud) -> None:
    for member in cloud.cms.community.members.values():
        member.banned = True

    assert told(cloud, "VERIFY_WHITELIST", {"apiId": MEMBER_ID})[0] == 404
    assert told(cloud, "VERIFY_WHITELIST", {"apiId": GUEST_ID})[0] == 404
    assert told(cloud, "FULL_WHITELIST", {"serverId": SERVER}) == (200, [])


def test_the_whole_list_is_of_one_server(cloud: Cloud) -> None:
    row = {"name": MEMBER, "apiIds": [MEMBER_ID, "license:1"]}

    assert told(cloud, "FULL_WHITELIST", {"serverId": SERVER}) == (200, [row])
    assert told(cloud, "FULL_WHITELIST", {"serverId": OTHER_SERVER}) == (200, [])
    assert told(cloud, "FULL_WHITELIST", {"serverId": 99})[0] == 400
    assert told(cloud, "FULL_WHITELIST")[0] == 400


@pytest.mark.parametrize(
    "who",
    [
        {"apiId": "license:1"},
        {"username": MEMBER},
        {"accId": ACCOUNT},
        {"discord": DISCORD},
        {"uniqueId": 1},
        {"uniqueId": "1"},
    ],
)
def test_an_account_is_found_in_five_ways(cloud: Cloud, who: dict[str, Any]) -> None:
    _, account = told(cloud, "GET_COM_ACCOUNT", who)

    assert (account["accId"], account["activeApiIds"]) == (ACCOUNT, [MEMBER_ID, "license:1"])
    assert (account["primaryRank"], account["secondaryRanks"]) == (RANKS[0], [RANKS[1]])
    assert told(cloud, "GET_ACCOUNT_RANKS", who) == (200, list(RANKS))


def test_an_api_id_is_somebodys_or_nobodys(cloud: Cloud) -> None:
    assert told(cloud, "CHECK_COM_APIID", {"apiId": GUEST_ID}) == (200, GUEST)
    assert told(cloud, "CHECK_COM_APIID", {"apiId": "nobody"}) == (400, NOT_LINKED)
    assert told(cloud, "GET_ACCOUNT_RANKS", {"accId": "nobody"}) == (400, NOBODY)


def test_a_bare_clock_toggles(cloud: Cloud) -> None:
    texts = [told(cloud, "CLOCK_IN_OUT", {"apiId": MEMBER_ID})[1] for _ in range(3)]

    assert texts == ["CLOCKED IN", "CLOCKED OUT", "CLOCKED IN"]


def test_a_forced_clock_may_be_repeated(cloud: Cloud) -> None:
    community = cloud.cms.community
    clock_in = {"apiId": MEMBER_ID, "forceClockIn": True}
    clock_out = {"apiId": MEMBER_ID, "forceClockOut": True}

    assert [told(cloud, "CLOCK_IN_OUT", clock_in, now=NOON + n)[1] for n in range(2)] == [
        "FORCE CLOCKED IN"
    ] * 2
    assert [told(cloud, "CLOCK_IN_OUT", clock_out, now=NOON + n)[1] for n in (5, 6)] == ["CLOCKED OUT"] * 2
    assert [(one.started_at, one.ended_at) for one in community.sessions] == [
        (NOON, NOON + 1),
        (NOON + 1, NOON + 5),
    ]


def test_who_is_nobody_cannot_clock_in(cloud: Cloud) -> None:
    assert told(cloud, "CLOCK_IN_OUT", {"apiId": "nobody"}) == (400, NOT_LINKED)
    assert told(cloud, "CLOCK_IN_OUT", {"username": "nobody"}) == (404, NOT_LINKED)
    both = {"apiId": MEMBER_ID, "forceClockIn": True, "forceClockOut": True}
    assert told(cloud, "CLOCK_IN_OUT", both)[0] == 400


def test_game_servers_are_listed(cloud: Cloud) -> None:
    _, answer = told(cloud, "GET_GAME_SERVERS")

    assert [server["id"] for server in answer["servers"]] == [1, 2, 3, 4]
    assert answer["servers"][0].keys() == {"id", "name", "description"}
