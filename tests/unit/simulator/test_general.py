from typing import Any

import pytest

from bridge.simulator.cad import Cad
from bridge.simulator.community import Photo, Plan
from bridge.simulator.messages import Request
from tests.support.asking import Asking
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


ROW = {
    "id": 3,
    "name": "Main",
    "description": "Primary",
    "signal": None,
    "mapUrl": "https://example.com",
    "mapIp": "203.0.113.10",
    "listenerPort": "30999",
    "differingOutbound": True,
    "outboundIp": "203.0.113.11",
    "enableMap": False,
    "mapType": "POSTAL",
    "isStatic": True,
    "liveMapFormat": 1,
}


def test_servers_that_are_set_show_and_the_others_are_gone() -> None:
    asking = Asking(servers=(1, 3))

    assert asking.ok("PUT", "/v2/general/servers", {"deployMap": True, "servers": [ROW]}) == {
        "servers": [ROW]
    }

    assert asking.ok("GET", "/v2/general/servers") == {"servers": [ROW]}
    assert asking.status("POST", "/v2/general/servers/1/heartbeat", {"playerCount": 1}) == 404
    assert asking.ok("POST", "/v2/general/servers/3/heartbeat", {"playerCount": 1})
    asking.cad.reset()
    assert asking.cad.community.servers == (1, 3)


@pytest.mark.parametrize(
    "row", [{}, {"id": "1"}, {"id": 0}, {"id": 1, "listenerPort": 30120}, {"id": 1, "enableMap": "yes"}]
)
def test_a_server_that_makes_no_sense_is_refused(row: dict[str, Any]) -> None:
    assert Asking().status("PUT", "/v2/general/servers", {"servers": [row]}) == 400


def test_the_community_is_told() -> None:
    info = Asking(plan=Plan.FREE).ok("GET", "/v2/general/info")

    assert info["uuid"] == "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
    assert info["community"].keys() == {"comId", "name", "timezone", "customLoginUrl"}
    assert info["codes"] == ["10-8", "10-23"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"communityId": "examplecad"}, 200),
        ({"url": "https://portal.examplecad.com/login"}, 200),
        ({"communityId": "other"}, 404),
        ({"url": "examplecad"}, 404),
        ({}, 400),
        ({"communityId": "examplecad", "url": "x"}, 400),
    ],
)
def test_the_login_page_is_found_by_id_or_address(query: dict[str, str], status: int) -> None:
    reply = Cad().handle(cad_request("GET", "/v2/general/login-page", query=query), NOON)

    assert reply.status == status
    assert status != 200 or content(reply)["comId"] == "examplecad"


def test_turn_credentials_are_never_the_same() -> None:
    asking = Asking()

    first, second = (asking.ok("GET", "/v2/general/turn", userId="unit-1") for _ in range(2))

    (server,) = first["iceServers"]
    assert server["username"] == f"{int(NOON) + 600}:unit-1"
    assert [url.partition(":")[0] for url in server["urls"]] == ["turn", "turn", "stun"]
    assert first["ttl"] == 600
    assert server["credential"] != second["iceServers"][0]["credential"]
    assert asking.ok("GET", "/v2/general/turn")["iceServers"][0]["username"] == str(int(NOON) + 600)


def test_a_secret_is_verified() -> None:
    asking = Asking()
    secret = "00000000-0000-0000-0000-000000000000"

    assert asking.ok("POST", "/v2/general/secrets/verify", {"secret": secret}).keys() == {secret}
    assert asking.status("POST", "/v2/general/secrets/verify", {"secret": "other"}) == 404
    assert "secret" in asking.detail("POST", "/v2/general/secrets/verify", {"secret": ""})
