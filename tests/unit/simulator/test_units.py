from typing import Any

import pytest

from bridge.simulator.cad import Cad
from bridge.simulator.messages import Request
from tests.support.asking import Asking
from tests.support.cad_requests import (
    NOON,
    SERVER_1,
    cad_request,
    content,
    get_units,
    location,
    locations,
    panic,
    status,
)


def answer(cad: Cad, request: Request, now: float = NOON) -> Any:
    reply = cad.handle(request, now)
    assert reply.status == 200, reply
    return content(reply)


def refusal(cad: Cad, request: Request, now: float = NOON) -> int:
    return cad.handle(request, now).status


def test_a_location_moves_a_unit() -> None:
    cad = Cad()
    vehicle = {"model": "police3", "headingOffset": 0}

    assert answer(cad, locations(location("license:1", vehicle=vehicle, peerId="peer-1"))) == {"updated": 1}

    unit = cad.community.units["license:1"]
    assert (unit.location, unit.peer_id, unit.server_id) == ("Mission Row", "peer-1", 1)
    assert unit.coordinates is not None
    assert (unit.coordinates.x, unit.coordinates.w) == (1.5, 90.0)
    assert unit.vehicle is not None
    assert unit.vehicle.model == "police3"
    assert unit.updated_at == NOON


def test_the_last_of_two_locations_of_a_unit_stands_and_counts_once() -> None:
    cad = Cad()

    assert answer(cad, locations(location("a", 1), location("a", 2))) == {"updated": 1}

    place = cad.community.units["a"].coordinates
    assert place is not None
    assert place.x == 2


def test_only_known_units_are_counted() -> None:
    cad = Cad(known_units={"a"})

    assert answer(cad, locations(location("a"), location("b"))) == {"updated": 1}
    assert answer(cad, panic("b")) == {"updated": 0, "isPanic": True}
    assert answer(cad, status(3, "b")) == {"updated": 0, "status": "ENROUTE"}
    assert list(cad.community.units) == ["a"]


def test_a_single_update_that_makes_no_sense_refuses_the_batch() -> None:
    cad = Cad()

    assert refusal(cad, locations(location("a"), {**location("b"), "coordinates": {"x": 1}})) == 400
    assert cad.community.units == {}


def test_a_refused_unit_refuses_the_batch() -> None:
    cad = Cad()

    reply = cad.handle(locations(location("a"), location("b")), NOON, frozenset({"b"}))

    assert reply.status == 400
    assert cad.community.units == {}
    assert cad.handle(locations(location("a")), NOON, frozenset({"b"})).status == 200


def test_a_refused_unit_refuses_a_panic() -> None:
    assert Cad().handle(panic("a", "b"), NOON, frozenset({"b"})).status == 400


def test_a_panic_is_switched_on_and_off() -> None:
    cad = Cad()

    assert answer(cad, panic("a", "b")) == {"updated": 2, "isPanic": True}
    assert answer(cad, panic("a", active=False)) == {"updated": 1, "isPanic": False}
    assert {name: unit.is_panic for name, unit in cad.community.units.items()} == {"a": False, "b": True}


def test_a_unit_that_is_named_twice_counts_once() -> None:
    assert answer(Cad(), panic("a", "a"))["updated"] == 1


@pytest.mark.parametrize(
    ("code", "name"),
    [(0, "UNAVAILABLE"), (1, "BUSY"), (2, "AVAILABLE"), (3, "ENROUTE"), (4, "ON_SCENE"), (100, "OFFLINE")],
)
def test_a_status_is_set_by_number_and_answered_as_text(code: int, name: str) -> None:
    cad = Cad()

    assert answer(cad, status(code, "a")) == {"updated": 1, "status": name}
    assert cad.community.units["a"].status == code


def test_the_units_of_a_server_are_listed() -> None:
    cad = Cad()
    answer(cad, locations(location("a")))
    answer(cad, panic("a"))

    (row,) = answer(cad, get_units())

    assert (row["id"], row["status"], row["isPanic"], row["location"]) == (1, 2, True, "Mission Row")
    assert row["coordinates"] == {"x": 1.5, "y": -2.5, "z": 30.0, "w": 90.0}
    assert row["isDispatch"] is False


def test_units_are_paged_and_offline_ones_left_out() -> None:
    cad = Cad()
    answer(cad, panic("a", "b", "c"))
    answer(cad, status(100, "b"))

    shown = answer(cad, get_units(includeOffline="false", limit="1", offset="1"))

    assert [row["id"] for row in shown] == [3]
    assert [row["id"] for row in answer(cad, get_units(), NOON + 60)] == [1, 2, 3]


def test_units_of_another_server_are_not_listed() -> None:
    cad = Cad()
    body = {"communityUserIds": ["a"], "isPanic": True}
    answer(cad, cad_request("PATCH", "/v2/emergency/servers/2/units/panic", body))

    assert answer(cad, get_units()) == []


@pytest.mark.parametrize("missing", ["includeOffline", "onlyUnits", "limit", "offset"])
def test_every_parameter_of_the_unit_list_is_required(missing: str) -> None:
    request = get_units()
    query = {name: value for name, value in request.query.items() if name != missing}

    assert refusal(Cad(), cad_request("GET", request.path, query=query)) == 400


def kick(*units: str, reason: str = "Restart") -> list[dict[str, Any]]:
    return [{"communityUserId": unit, "reason": reason} for unit in units]


def kicks(body: Any) -> Request:
    return cad_request("POST", f"{SERVER_1}/units/kick", body)


def test_a_kicked_unit_is_offline() -> None:
    cad = Cad()
    answer(cad, panic("a", "b"))

    assert answer(cad, kicks(kick("b")[0]), NOON + 1) == {"identId": 2, "reason": "Restart"}

    assert [unit.status for unit in cad.community.units.values()] == [2, 100]
    (kicked,) = cad.community.kicks
    assert (kicked.server_id, kicked.unit_id, kicked.reason, kicked.kicked_at) == (
        1,
        "b",
        "Restart",
        NOON + 1,
    )


def test_several_units_are_kicked_at_once_and_the_known_ones_told() -> None:
    cad = Cad(known_units={"a", "b"})

    assert answer(cad, kicks(kick("a", "x", "b"))) == [
        {"identId": 1, "reason": "Restart"},
        {"identId": 2, "reason": "Restart"},
    ]
    assert [one.unit_id for one in cad.community.kicks] == ["a", "b"]


@pytest.mark.parametrize("body", [kick("x")[0], kick("x", "y"), []])
def test_kicking_nobody_is_a_404(body: Any) -> None:
    cad = Cad(known_units={"a"})

    assert refusal(cad, kicks(body)) == 404
    assert cad.community.kicks == []


def test_a_kick_of_a_refused_or_nameless_unit_kicks_nobody() -> None:
    cad = Cad()

    assert cad.handle(kicks(kick("a", "b")), NOON, frozenset({"b"})).status == 400
    assert refusal(cad, kicks(kick("a", ""))) == 400
    assert cad.community.kicks == []


def test_the_units_of_an_account_are_listed() -> None:
    asking = Asking()
    number = asking.account("a")
    asking.account("b")
    asking.ok("POST", f"/v2/emergency/accounts/{number}/identifiers", {"isDispatch": True})
    path = f"{SERVER_1}/accounts/{number}/units"

    def listed(**changed: str) -> list[int]:
        query = {"onlyOnline": "false", "onlyUnits": "false", "limit": "10", "offset": "0", **changed}
        return [row["id"] for row in asking.ok("GET", path, **query)["Units"]]

    assert listed() == [1, 3]
    assert listed(onlyOnline="true") == [1]
    assert listed(onlyUnits="true") == [1]
    assert (listed(limit="1"), listed(offset="1")) == ([1], [3])
    asking.ok("PATCH", f"{SERVER_1}/units/status", {"communityUserIds": ["a"], "status": 100})
    assert listed(onlyOnline="true") == []


def test_dispatchers_and_identifiers_that_nobody_is_out_as_can_be_left_out() -> None:
    asking = Asking()
    number = asking.account("a")
    asking.account("b")
    asking.ok("POST", f"/v2/emergency/accounts/{number}/identifiers", {})
    asking.ok("PATCH", f"/v2/emergency/accounts/{number}/identifiers/1", {"isDispatch": True})

    def listed(**changed: str) -> list[int]:
        query = {"includeOffline": "false", "onlyUnits": "false", "limit": "10", "offset": "0", **changed}
        return [row["id"] for row in asking.ok("GET", f"{SERVER_1}/units", **query)]

    assert listed() == [1, 2]
    assert listed(onlyUnits="true") == [2]
    assert listed(includeOffline="true") == [1, 2, 3]


def test_the_units_of_an_account_that_is_not_there_are_a_404() -> None:
    query = {"onlyOnline": "true", "onlyUnits": "true", "limit": "1", "offset": "0"}

    assert Asking().status("GET", f"{SERVER_1}/accounts/none/units", **query) == 404
    assert "onlyOnline" in Asking().detail("GET", f"{SERVER_1}/accounts/none/units")
