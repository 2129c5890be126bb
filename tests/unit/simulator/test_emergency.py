from typing import Any

import pytest

from bridge.simulator.cad import Cad
from bridge.simulator.messages import Request
from tests.support.cad_requests import (
    NOON,
    SERVER_1,
    cad_request,
    call_911,
    content,
    get_calls,
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


@pytest.mark.parametrize("alias", [{"apiIds": ["a"]}, {"apiId": "a"}, {"communityUserId": "a"}])
def test_units_are_found_by_every_alias(alias: dict[str, Any]) -> None:
    cad = Cad()

    assert (
        answer(cad, cad_request("PATCH", f"{SERVER_1}/units/panic", {**alias, "isPanic": True}))["updated"]
        == 1
    )
    assert cad.community.units["a"].is_panic


def test_a_location_takes_the_old_alias() -> None:
    cad = Cad()
    update = location("a")
    update["apiId"] = update.pop("communityUserId")

    assert answer(cad, locations(update)) == {"updated": 1}
    assert list(cad.community.units) == ["a"]


def test_units_are_found_by_the_numbers_and_accounts_of_the_cad() -> None:
    cad = Cad()
    answer(cad, locations(location("a"), location("b")))
    path = f"{SERVER_1}/units/panic"

    assert answer(cad, cad_request("PATCH", path, {"identIds": [2, 99], "isPanic": True}))["updated"] == 1
    account = {"accountUuid": cad.community.units["a"].account}
    assert answer(cad, cad_request("PATCH", path, {**account, "isPanic": True}))["updated"] == 1
    assert answer(cad, cad_request("PATCH", path, {"roblox": 5, "isPanic": True}))["updated"] == 0
    assert all(unit.is_panic for unit in cad.community.units.values())


@pytest.mark.parametrize(
    "target", [{}, {"communityUserIds": ["a"], "apiIds": ["a"]}, {"communityUserIds": [""]}]
)
def test_a_target_that_names_no_unit_or_names_it_twice_is_a_400(target: dict[str, Any]) -> None:
    assert refusal(Cad(), cad_request("PATCH", f"{SERVER_1}/units/panic", {**target, "isPanic": True})) == 400


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


def test_a_call_is_created_listed_and_removed() -> None:
    cad = Cad()
    created = answer(cad, call_911(metaData={"x": "425.1", "mark": "m"}))

    assert created == {
        "callId": 1,
        "isEmergency": True,
        "caller": "Jane",
        "location": "Alta St",
        "description": "Shots",
        "metaData": {"x": "425.1", "mark": "m"},
        "updated": "2027-01-15T08:00:00Z",
    }
    listed = answer(cad, get_calls())
    assert listed == {"ActiveCalls": [], "EmergencyCalls": [created], "ClosedCalls": [], "ClosedCallCount": 0}
    removed = answer(cad, cad_request("DELETE", f"{SERVER_1}/calls/911/1"))
    assert removed == {"callId": 1, "serverId": 1}
    assert answer(cad, get_calls())["EmergencyCalls"] == []


def test_calls_created_twice_are_two_calls() -> None:
    cad = Cad()

    assert [answer(cad, call_911())["callId"] for _ in range(2)] == [1, 2]


def test_a_call_that_is_not_there_cannot_be_removed() -> None:
    assert refusal(Cad(), cad_request("DELETE", f"{SERVER_1}/calls/911/1")) == 404
    assert refusal(Cad(), cad_request("DELETE", f"{SERVER_1}/calls/911/x")) == 400


def test_a_call_deletes_itself_after_its_minutes() -> None:
    cad = Cad()
    answer(cad, call_911(deleteAfterMinutes=1))

    assert len(answer(cad, get_calls(), NOON + 59)["EmergencyCalls"]) == 1
    assert answer(cad, get_calls(), NOON + 60)["EmergencyCalls"] == []


@pytest.mark.parametrize(("table", "shown"), [("0", 0), ("1", 1), ("100", 1)])
def test_calls_are_filtered_by_their_table(table: str, shown: int) -> None:
    cad = Cad()
    answer(cad, call_911())

    assert len(answer(cad, get_calls(type=table))["EmergencyCalls"]) == shown


def test_calls_of_another_server_are_neither_listed_nor_removed() -> None:
    cad = Cad()
    elsewhere = "/v2/emergency/servers/2/calls"
    answer(cad, call_911())

    assert answer(cad, cad_request("GET", elsewhere, query=dict(get_calls().query)))["EmergencyCalls"] == []
    assert refusal(cad, cad_request("DELETE", f"{elsewhere}/911/1")) == 404
    assert len(answer(cad, get_calls())["EmergencyCalls"]) == 1


def test_an_unknown_table_is_a_400() -> None:
    assert refusal(Cad(), get_calls(type="2")) == 400


@pytest.mark.parametrize("missing", ["closedLimit", "closedOffset", "type"])
def test_every_parameter_of_the_call_list_is_required(missing: str) -> None:
    query = {name: value for name, value in get_calls().query.items() if name != missing}

    assert refusal(Cad(), cad_request("GET", f"{SERVER_1}/calls", query=query)) == 400


def test_calls_can_be_listed_in_the_other_casing() -> None:
    cad = Cad()
    cad.community.camel_calls = True

    assert list(answer(cad, get_calls())) == [
        "activeCalls",
        "emergencyCalls",
        "closedCalls",
        "closedCallCount",
    ]
