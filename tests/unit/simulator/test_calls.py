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
)


def answer(cad: Cad, request: Request, now: float = NOON) -> Any:
    reply = cad.handle(request, now)
    assert reply.status == 200, reply
    return content(reply)


def refusal(cad: Cad, request: Request, now: float = NOON) -> int:
    return cad.handle(request, now).status


def dispatch_call(**more: Any) -> Request:
    body: dict[str, Any] = {
        "origin": 0,
        "status": 1,
        "priority": 2,
        "block": "100",
        "address": "Mission Row",
        "postal": "9001",
        "title": "Robbery",
        "code": "211",
        "description": "A firearm",
        **more,
    }
    return cad_request("POST", f"{SERVER_1}/dispatch-calls", body)


def closed_ids(listed: Any) -> list[int]:
    return [row["callId"] for row in listed["ClosedCalls"]]


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


def test_the_other_casing_changes_no_row() -> None:
    cad = Cad()
    answer(cad, call_911(metaData={"mark": "m"}))
    answer(cad, dispatch_call())
    usual = answer(cad, get_calls())
    cad.community.camel_calls = True

    other = answer(cad, get_calls())

    assert list(other.values()) == list(usual.values())


def test_dispatch_calls_are_listed_as_they_were_made() -> None:
    cad = Cad()
    made = answer(cad, dispatch_call(communityUserIds=["a", "b"], metaData={"mark": "m"}))

    listed = answer(cad, get_calls())

    assert listed["ActiveCalls"] == [made]
    assert made == {
        "callId": 1,
        "origin": 0,
        "status": 1,
        "priority": 2,
        "block": "100",
        "address": "Mission Row",
        "postal": "9001",
        "title": "Robbery",
        "code": "211",
        "primary": 1,
        "trackPrimary": False,
        "description": "A firearm",
        "notes": [],
        "idents": [1, 2],
        "metaData": {"mark": "m"},
        "updated": "2027-01-15T08:00:00Z",
    }


def test_a_closed_call_keeps_its_mark_and_is_listed_as_closed() -> None:
    cad = Cad()
    made = answer(cad, dispatch_call(communityUserIds=["a"], metaData={"mark": "m"}))

    assert cad.community.close_call(1, 1, NOON + 60)

    listed = answer(cad, get_calls())
    assert listed["ActiveCalls"] == []
    assert listed["ClosedCalls"] == [{**made, "status": 2, "updated": "2027-01-15T08:01:00Z"}]
    assert listed["ClosedCallCount"] == 1


def test_closed_calls_are_paged_newest_first() -> None:
    cad = Cad()
    for _ in range(5):
        answer(cad, dispatch_call())
    for number in (2, 5, 1, 3):
        cad.community.close_call(1, number, NOON)

    first = answer(cad, get_calls(closedLimit="3"))
    second = answer(cad, get_calls(closedLimit="3", closedOffset="3"))

    assert (closed_ids(first), closed_ids(second)) == ([3, 1, 5], [2])
    assert (first["ClosedCallCount"], second["ClosedCallCount"]) == (4, 4)
    assert [row["callId"] for row in second["ActiveCalls"]] == [4]
    assert closed_ids(answer(cad, get_calls(closedLimit="0"))) == []


@pytest.mark.parametrize(("table", "shown"), [("0", (1, 1, 1)), ("1", (0, 0, 0)), ("100", (1, 1, 1))])
def test_dispatch_calls_are_filtered_by_their_table(table: str, shown: tuple[int, int, int]) -> None:
    cad = Cad()
    for _ in range(2):
        answer(cad, dispatch_call())
    cad.community.close_call(1, 1, NOON)

    listed = answer(cad, get_calls(type=table))

    assert (len(listed["ActiveCalls"]), len(listed["ClosedCalls"]), listed["ClosedCallCount"]) == shown


def test_dispatch_calls_of_another_server_are_not_listed() -> None:
    cad = Cad()
    answer(cad, dispatch_call())
    answer(cad, dispatch_call())
    cad.community.close_call(1, 2, NOON)

    listed = answer(cad, cad_request("GET", "/v2/emergency/servers/2/calls", query=dict(get_calls().query)))

    assert (listed["ActiveCalls"], listed["ClosedCalls"], listed["ClosedCallCount"]) == ([], [], 0)


def test_a_call_may_show_late() -> None:
    cad = Cad()
    cad.community.calls_visible_after = 5
    answer(cad, call_911())
    answer(cad, dispatch_call())
    answer(cad, dispatch_call())
    cad.community.close_call(1, 3, NOON)

    early, late = answer(cad, get_calls(), NOON + 4.9), answer(cad, get_calls(), NOON + 5)

    assert list(early.values()) == [[], [], [], 0]
    assert [row["callId"] for row in late["ActiveCalls"] + late["EmergencyCalls"]] == [2, 1]
    assert (closed_ids(late), late["ClosedCallCount"]) == ([3], 1)


def test_a_call_that_does_not_show_yet_can_be_removed() -> None:
    cad = Cad()
    cad.community.calls_visible_after = 60
    answer(cad, call_911())

    assert answer(cad, cad_request("DELETE", f"{SERVER_1}/calls/911/1")) == {"callId": 1, "serverId": 1}


def test_a_dispatch_call_is_not_removed_as_a_911_call() -> None:
    cad = Cad()
    answer(cad, dispatch_call())

    assert refusal(cad, cad_request("DELETE", f"{SERVER_1}/calls/911/1")) == 404
    assert len(answer(cad, get_calls())["ActiveCalls"]) == 1
