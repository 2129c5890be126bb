from typing import Any

import pytest

from bridge.simulator.cad import Cad
from bridge.simulator.community import Photo, Plan
from bridge.simulator.messages import Request
from tests.support.cad_requests import (
    NOON,
    cad_request,
    content,
    heartbeat,
    location,
    locations,
    servers,
    version,
)

URL = "https://cdn.example.com/mugshot.png"


def photo(**body: Any) -> Request:
    return cad_request("POST", "/v2/general/photos", {"url": URL, **body})


@pytest.mark.parametrize(
    ("plan", "number", "name"),
    [(Plan.FREE, 0, "FREE"), (Plan.STANDARD, 1, "STANDARD"), (Plan.PLUS, 2, "PLUS"), (Plan.PRO, 3, "PRO")],
)
def test_the_version_is_the_plan(plan: Plan, number: int, name: str) -> None:
    reply = Cad(plan=plan).handle(version(), NOON)

    assert content(reply) == {"version": number, "name": name}


def test_the_configured_servers_are_listed() -> None:
    rows = content(Cad(servers=(3, 7)).handle(servers(), NOON))["servers"]

    assert [(row["id"], row["name"]) for row in rows] == [(3, "Server 3"), (7, "Server 7")]
    assert isinstance(rows[0]["listenerPort"], str)


def test_a_heartbeat_is_taken() -> None:
    cad = Cad()

    reply = cad.handle(heartbeat(42), NOON)

    assert content(reply) == {"serverId": 1, "playerCount": 42, "receivedAtUtc": "2027-01-15T08:00:00Z"}
    assert cad.community.heartbeats[1].player_count == 42


@pytest.mark.parametrize("players", [-1, "42", None, 1.5])
def test_a_player_count_that_makes_no_sense_is_a_400(players: object) -> None:
    assert Cad().handle(heartbeat(players), NOON).status == 400


def test_a_photo_reaches_a_known_player() -> None:
    cad = Cad(known_units={"a"})

    reply = cad.handle(photo(communityUserId="a"), NOON)

    assert content(reply) == {"communityUserId": "a", "delivered": 1}
    assert cad.community.photos == [Photo(unit_id="a", url=URL, sent_at=NOON)]
    assert cad.community.units == {}


@pytest.mark.parametrize("name", ["communityUserId", "apiId"])
def test_a_photo_for_an_unknown_player_is_delivered_to_nobody(name: str) -> None:
    cad = Cad(known_units={"a"})

    reply = cad.handle(photo(**{name: "b"}), NOON)

    assert content(reply) == {"communityUserId": "b", "delivered": 0}
    assert cad.community.photos == []


def test_a_photo_finds_its_player_by_the_account_too() -> None:
    cad = Cad()
    cad.handle(locations(location("a"), location("b")), NOON)

    reply = cad.handle(photo(accountUuid=cad.community.units["b"].account), NOON)

    assert content(reply) == {"communityUserId": "b", "delivered": 1}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"communityUserId": ""},
        {"communityUserId": "a", "roblox": 5},
        {"communityUserId": "a", "url": None},
    ],
)
def test_a_photo_that_makes_no_sense_is_refused(body: dict[str, Any]) -> None:
    assert Cad().handle(photo(**body), NOON).status == 400


def test_a_photo_for_a_refused_player_is_a_400() -> None:
    assert Cad().handle(photo(communityUserId="a"), NOON, frozenset({"a"})).status == 400
