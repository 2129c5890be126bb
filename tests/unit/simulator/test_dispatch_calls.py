from typing import Any

import pytest

from bridge.simulator.cad import Cad
from bridge.simulator.messages import Request
from tests.support.cad_requests import NOON, SERVER_1, cad_request, call_911, content, get_calls

CALLS = f"{SERVER_1}/dispatch-calls"
CALL: dict[str, Any] = {
    "origin": 0,
    "status": 1,
    "priority": 2,
    "block": "100",
    "address": "Mission Row",
    "postal": "9001",
    "title": "Robbery",
    "code": "211",
    "description": "A firearm",
}


def dispatch_call(**more: Any) -> Request:
    return cad_request("POST", CALLS, {**CALL, **more})


def note(call: int, **body: Any) -> Request:
    return cad_request("POST", f"{CALLS}/{call}/notes", {"note": "Fleeing north", **body})


def attach(call: int, *units: str) -> Request:
    return cad_request("POST", f"{CALLS}/{call}/attachments", {"communityUserIds": list(units)})


def detach(*units: str) -> Request:
    return cad_request("DELETE", f"{CALLS}/attachments", {"communityUserIds": list(units)})


def close(*calls: int) -> Request:
    return cad_request("POST", f"{CALLS}/close", {"callIds": list(calls)})


def answer(cad: Cad, request: Request, now: float = NOON) -> Any:
    reply = cad.handle(request, now)
    assert reply.status == 200, reply
    return content(reply)


def refusal(cad: Cad, request: Request, now: float = NOON) -> int:
    return cad.handle(request, now).status


def with_calls(count: int = 1, **settings: Any) -> Cad:
    cad = Cad(**settings)
    for _ in range(count):
        answer(cad, dispatch_call())
    return cad


def active(cad: Cad, now: float = NOON) -> dict[int, Any]:
    return {row["callId"]: row for row in answer(cad, get_calls(), now)["ActiveCalls"]}


def test_dispatch_calls_and_911_calls_share_one_row_of_ids() -> None:
    cad = Cad()
    made = [answer(cad, request)["callId"] for request in (dispatch_call(), call_911(), dispatch_call())]

    assert made == [1, 2, 3]


def test_only_known_units_are_on_a_new_call() -> None:
    made = answer(Cad(known_units={"a"}), dispatch_call(communityUserIds=["b", "a"]))

    assert (made["idents"], made["primary"]) == ([1], 1)


def test_a_call_without_units_has_no_primary_one() -> None:
    made = answer(Cad(), dispatch_call(communityUserIds=[], notes=None, metaData=None))

    assert (made["idents"], made["primary"], made["notes"], made["metaData"]) == ([], None, [], {})


def test_a_call_may_be_made_with_notes_and_a_primary_unit() -> None:
    line = {"time": "2026-04-08T21:30:00Z", "label": "Dispatch", "type": "text", "content": "Hiding."}

    made = answer(Cad(), dispatch_call(notes=[line], primary=12, trackPrimary=True))

    assert (made["notes"], made["primary"], made["trackPrimary"]) == ([line], 12, True)


@pytest.mark.parametrize("missing", sorted(CALL))
def test_whatever_the_example_of_a_call_fills_in_is_required(missing: str) -> None:
    body = {name: value for name, value in CALL.items() if name != missing}

    assert refusal(Cad(), cad_request("POST", CALLS, body)) == 400


def test_a_note_is_added_to_a_call() -> None:
    cad = with_calls()

    assert answer(cad, note(1, noteType="link", label="Radio"), NOON + 60) == {
        "callId": 1,
        "note": "Fleeing north",
    }

    row = active(cad)[1]
    assert row["notes"] == [
        {"time": "2027-01-15T08:01:00Z", "label": "Radio", "type": "link", "content": "Fleeing north"}
    ]
    assert row["updated"] == "2027-01-15T08:01:00Z"


def test_notes_stay_in_order_and_twice_is_two() -> None:
    cad = with_calls()
    for text in ("one", "two", "two"):
        answer(cad, note(1, note=text))

    assert [(row["label"], row["type"], row["content"]) for row in active(cad)[1]["notes"]] == [
        ("Sonoran CAD", "text", "one"),
        ("Sonoran CAD", "text", "two"),
        ("Sonoran CAD", "text", "two"),
    ]


def test_notes_and_units_may_go_to_a_911_call() -> None:
    cad = Cad()
    answer(cad, call_911())

    assert answer(cad, note(1))["callId"] == 1
    assert answer(cad, attach(1, "a")) == {"callId": 1, "identIds": [1]}

    (call,) = cad.community.calls(NOON)
    assert ([line.content for line in call.notes], call.idents) == (["Fleeing north"], [1])


def test_units_are_put_on_a_call() -> None:
    cad = with_calls(known_units={"a", "b"})

    assert answer(cad, attach(1, "b", "x", "a"), NOON + 60) == {"callId": 1, "identIds": [1, 2]}

    row = active(cad)[1]
    assert (row["idents"], row["primary"], row["updated"]) == ([1, 2], 1, "2027-01-15T08:01:00Z")


def test_a_unit_that_is_on_the_call_already_keeps_its_place() -> None:
    cad = with_calls()
    answer(cad, attach(1, "a", "b"))

    assert answer(cad, attach(1, "a"))["identIds"] == [1]
    assert active(cad)[1]["idents"] == [1, 2]


def test_a_unit_leaves_its_call_for_another() -> None:
    cad = with_calls(2)
    answer(cad, attach(1, "a", "b"))
    answer(cad, attach(2, "a"))

    assert {number: row["idents"] for number, row in active(cad).items()} == {1: [2], 2: [1]}


def test_units_that_nobody_knows_are_put_on_no_call() -> None:
    cad = with_calls(known_units={"a"})

    assert answer(cad, attach(1, "x")) == {"callId": 1, "identIds": []}
    assert active(cad)[1]["idents"] == []


def test_units_are_taken_off_whatever_call_they_are_on() -> None:
    cad = with_calls(2)
    answer(cad, attach(1, "a", "b"))
    answer(cad, attach(2, "c"))

    assert answer(cad, detach("c", "a")) == {"identIds": [3, 1]}
    assert {number: row["idents"] for number, row in active(cad).items()} == {1: [2], 2: []}


def test_taking_a_unit_off_twice_is_harmless() -> None:
    cad = with_calls()
    answer(cad, attach(1, "a"))

    assert [answer(cad, detach("a")) for _ in range(2)] == [{"identIds": [1]}] * 2
    assert active(cad)[1]["idents"] == []


def test_taking_off_nobody_that_is_known_names_nobody() -> None:
    assert answer(Cad(known_units={"a"}), detach("x")) == {"identIds": []}


def test_a_kicked_unit_is_on_no_call_any_more() -> None:
    cad = with_calls()
    answer(cad, attach(1, "a", "b"))
    answer(cad, cad_request("POST", f"{SERVER_1}/units/kick", {"communityUserId": "a", "reason": "r"}))

    assert active(cad)[1]["idents"] == [2]


def test_calls_are_closed() -> None:
    cad = with_calls(3)

    assert answer(cad, close(3, 1), NOON + 60) == {"callIds": [3, 1]}

    listed = answer(cad, get_calls())
    assert [row["callId"] for row in listed["ActiveCalls"]] == [2]
    assert [(row["callId"], row["updated"]) for row in listed["ClosedCalls"]] == [
        (1, "2027-01-15T08:01:00Z"),
        (3, "2027-01-15T08:01:00Z"),
    ]


def test_closing_a_closed_call_changes_nothing() -> None:
    cad = with_calls()
    answer(cad, close(1))

    assert answer(cad, close(1), NOON + 60) == {"callIds": [1]}
    assert answer(cad, get_calls())["ClosedCallCount"] == 1
    assert cad.community.board.closed()[0].closed_at == NOON


def test_with_one_call_that_never_was_none_is_closed() -> None:
    cad = with_calls()

    assert refusal(cad, close(1, 2)) == 404
    assert list(active(cad)) == [1]


def test_a_911_call_is_not_closed_as_a_dispatch_call() -> None:
    cad = Cad()
    answer(cad, call_911())

    assert refusal(cad, close(1)) == 404
    assert len(cad.community.calls(NOON)) == 1


@pytest.mark.parametrize("request_", [note(2), attach(2, "a"), close(2)], ids=["note", "attach", "close"])
def test_a_call_that_never_was_is_a_404(request_: Request) -> None:
    reply = with_calls().handle(request_, NOON)

    assert reply.status == 404
    assert reply.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("request_", [note(1), attach(1, "a"), close(1)], ids=["note", "attach", "close"])
def test_the_call_of_another_server_is_a_404(request_: Request) -> None:
    path = request_.path.replace("/servers/1/", "/servers/2/")

    assert refusal(with_calls(), cad_request("POST", path, request_.body)) == 404


@pytest.mark.parametrize("request_", [note(1), attach(1, "a")], ids=["note", "attach"])
def test_nothing_is_added_to_a_closed_call(request_: Request) -> None:
    cad = with_calls()
    answer(cad, close(1))

    assert refusal(cad, request_) == 404


def test_nothing_is_added_to_a_911_call_that_ran_out() -> None:
    cad = Cad()
    answer(cad, call_911(deleteAfterMinutes=1))

    assert refusal(cad, note(1), NOON + 60) == 404
    assert refusal(cad, attach(1, "a"), NOON + 60) == 404


@pytest.mark.parametrize("request_", [attach(1), detach()], ids=["attach", "detach"])
def test_an_empty_list_of_units_changes_nothing(request_: Request) -> None:
    cad = with_calls()

    assert answer(cad, request_)["identIds"] == []
    assert active(cad)[1]["idents"] == []


@pytest.mark.parametrize(
    ("method", "path"), [("POST", f"{CALLS}/1/attachments"), ("DELETE", f"{CALLS}/attachments")]
)
def test_attachments_name_their_units(method: str, path: str) -> None:
    assert refusal(with_calls(), cad_request(method, path, {})) == 400


def test_a_refused_unit_is_put_on_no_call() -> None:
    cad = with_calls()

    assert cad.handle(attach(1, "a", "b"), NOON, frozenset({"b"})).status == 400
    assert cad.handle(detach("b"), NOON, frozenset({"b"})).status == 400
    assert active(cad)[1]["idents"] == []


def test_a_call_that_is_no_number_is_a_400() -> None:
    assert refusal(Cad(), cad_request("POST", f"{CALLS}/x/notes", {"note": "n"})) == 400
