from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.events import Event, EventId, EventKind
from bridge.operations import GET_SERVERS, OPERATIONS
from bridge.retry import Done, Fail, Hold, Retry, Verdict, judge
from bridge.sonoran import v2
from bridge.sonoran.messages import CadAnswer, CadRequest
from bridge.sonoran.v1.answers import JSON, PROBLEM, nothing_sent, plan_number, to_v2
from bridge.sonoran.v1.asked import Asked
from tests.support.operation_examples import BY_OPERATION
from tests.support.sending import KINDS, SERVER, UNIT, call
from tests.support.transport import answer

MARK = EventId("a" * 32)
CAD_EVENTS = {
    kind: event for kind, event in KINDS.items() if kind is not EventKind.CLOCK
}  # that is the CMS's


def asked(operation: str) -> Asked:
    example = BY_OPERATION[operation]
    return Asked(
        CadRequest(operation=OPERATIONS[operation], path=example.target, body=example.payload or None)
    )


def told(operation: str, body: bytes, status: int = 200, *, beyond_plan: bool = False) -> CadAnswer:
    return to_v2(asked(operation), operation, answer(status, body), beyond_plan=beyond_plan)


def content(found: CadAnswer) -> Any:
    return msgspec.json.decode(found.body)


# Refusals


@pytest.mark.parametrize(
    ("text", "status", "verdict"),
    [
        (b"INVALID API KEY", 401, Hold()),
        (b"INVALID COMMUNITY ID", 401, Hold()),
        (b"API IS NOT ENABLED FOR THIS COMMUNITY", 401, Hold()),
        (b'"INVALID API KEY"', 401, Hold()),
        (b"  invalid api  key\r\n", 401, Hold()),
        (b"API ENDPOINT IS NOT ENABLED FOR THIS COMMUNITY", 403, Fail("forbidden")),
        (b"INVALID REQUEST TYPE", 404, Fail("not_found", divide=True)),
        (b"Server not found with ID: 9", 404, Fail("not_found", divide=True)),
        (b"ERROR: no such status", 400, Fail("bad_request", divide=True)),
        (b"The user wrote INVALID API KEY", 400, Fail("bad_request", divide=True)),
        (b"", 400, Fail("bad_request", divide=True)),
        (b"\xff\xfe", 400, Fail("bad_request", divide=True)),
    ],
)
def test_only_the_text_of_a_400_tells_a_wrong_key_from_a_bad_record(
    text: bytes, status: int, verdict: Verdict
) -> None:
    found = told("setUnitPanic", text, 400)

    assert (found.status, found.content_type) == (status, PROBLEM)
    assert judge(found) == verdict


def test_a_plan_that_is_known_to_lack_a_type_says_nothing_of_the_key() -> None:
    assert told("getCalls", b"API IS NOT ENABLED FOR THIS COMMUNITY", 400, beyond_plan=True).status == 403
    assert told("getCalls", b"INVALID API KEY", 400, beyond_plan=True).status == 401
    assert told("getCalls", b"INVALID COMMUNITY ID", 400, beyond_plan=True).status == 401


def test_the_reason_of_a_refusal_is_the_cads_text() -> None:
    found = to_v2(
        asked("setUnitPanic"), "setUnitPanic", answer(400, b"ERROR:\n no such  unit", trace_id="t-1")
    )

    assert v2.read_problem(found) == "Bad Request: ERROR: no such unit (trace t-1)"
    assert content(found)["status"] == 400
    assert len(v2.read_problem(told("setUnitPanic", b"x" * 10_000, 400))) <= v2.MAX_DETAIL
    assert len(content(told("setUnitPanic", b"x" * 10_000, 499))["detail"]) == v2.MAX_DETAIL
    assert content(told("setUnitPanic", b"x", 499))["title"] == "Refused"


def test_a_player_that_nobody_linked_is_a_404_in_both() -> None:
    found = told("getAccount", b"API ID NOT LINKED TO AN ACCOUNT IN THIS COMMUNITY", 404)

    assert found.status == 404
    assert content(found)["detail"] == "API ID NOT LINKED TO AN ACCOUNT IN THIS COMMUNITY"


@pytest.mark.parametrize("status", [301, 408, 429, 500, 502, 503])
def test_an_outage_and_a_limited_rate_look_the_same_in_both(status: int) -> None:
    came = answer(status, b"INVALID API KEY", retry_after=7.0)

    assert to_v2(asked("setUnitPanic"), "setUnitPanic", came) == came
    assert isinstance(judge(came), Retry)


def test_a_refusal_that_is_json_stays_as_it_is() -> None:
    came = answer(401, {"message": "no"})

    assert to_v2(asked("setUnitPanic"), "setUnitPanic", came) == came


def test_what_the_bridge_answers_itself_was_never_sent() -> None:
    found = nothing_sent(501, "it has no equal")

    assert (found.status, found.sends, found.content_type) == (501, 0, PROBLEM)
    assert content(found)["detail"] == "it has no equal"


# Successes


@pytest.mark.parametrize(
    "text", [b"UNIT PANIC UPDATED", b'"UNIT PANIC UPDATED"', b"", b"12", b"null", b"true", b"\xff"]
)
def test_an_answer_without_a_count_is_a_yes_to_an_unknown_number(text: bytes) -> None:
    for operation in ("setUnitPanic", "setUnitStatus", "updateUnitLocations"):
        found = told(operation, text)

        assert judge(found) == Done()
        assert found.content_type == JSON
        assert v2.read_updated(found) is None


def test_an_answer_in_a_word_repeats_what_was_asked() -> None:
    assert content(told("updateCallPostal", b"CALL 2 POSTAL SET TO 9003")) == {
        "serverId": 1,
        "callId": 2,
        "postal": "9003",
        "message": "CALL 2 POSTAL SET TO 9003",
    }
    assert v2.read_delivered_photos(told("sendPhoto", b"Photo sent!")) is None


@pytest.mark.parametrize(
    ("operation", "text", "number"),
    [
        ("create911Call", b"EMERGENCY CALL ADDED ID: 5", 5),
        ("create911Call", b"EMERGENCY CALL ADDED ID: 5\n", 5),
        ("create911Call", b'"EMERGENCY CALL ADDED ID: 12"', 12),
        ("createDispatchCall", b"NEW DISPATCH CREATED - ID: 77", 77),
        ("create911Call", b"EMERGENCY CALL ADDED", None),
        ("create911Call", b"EMERGENCY CALL ADDED ID: {ID}", None),
        ("create911Call", b"GRID 5", None),
        ("create911Call", b"ID: " + b"9" * 30, None),
        ("create911Call", b'{"callId": 9}', 9),
    ],
)
def test_a_new_call_has_the_number_that_the_text_tells(
    operation: str, text: bytes, number: int | None
) -> None:
    found = told(operation, text)

    assert judge(found) == Done()
    assert v2.read_call_id(found) == number


def test_a_new_call_is_shown_as_it_was_asked_for() -> None:
    request = v2.deliver(SERVER, call(), (), 0.0, MARK)
    found = to_v2(Asked(request), "create911Call", answer(200, b"EMERGENCY CALL ADDED ID: 5"))

    shown = content(found)
    assert (shown["callId"], shown["caller"], shown["metaData"]) == (5, "Jane", {v2.MARK: MARK})


def test_a_new_blip_is_the_only_one_of_a_list() -> None:
    assert v2.read_blip_id(told("createBlip", b'[{"id": 1234, "icon": "i"}]')) == 1234
    assert v2.read_blip_id(told("createBlip", b'{"id": 1234}')) == 1234
    assert v2.read_blip_id(told("createBlip", b"Blip added!")) is None


@pytest.mark.parametrize(
    ("text", "plan"),
    [
        (b"3 - PLUS", "PLUS"),
        (b'"0 - FREE"', "FREE"),
        (b"4", "PRO"),
        (b"6 - SONORAN ONE", "SONORAN ONE"),
        (b"9", "9"),
        (b"9-NEW", "NEW"),
        (b"0 - FREE\n1 - STARTER", "FREE 1 - STARTER"),
        (b"<html>", None),
        (b"", None),
    ],
)
def test_a_plan_is_read_from_its_line(text: bytes, plan: str | None) -> None:
    found = told("getVersion", text)

    assert judge(found) == Done()
    assert v2.read_plan(found) == plan


def test_a_plan_has_a_number_only_where_it_is_told() -> None:
    assert plan_number(answer(200, b"3 - PLUS")) == 3
    assert plan_number(answer(400, b"3 - PLUS")) is None
    assert plan_number(answer(200, b"PLUS")) is None


def test_servers_are_read_as_in_v2() -> None:
    body = b'{"servers": [{"id": 1, "name": "Server 1", "listenerPort": "30120", "mapPort": "30121"}]}'
    rows = v2.read_servers(told(GET_SERVERS.name, body))

    assert rows is not None
    assert [(row.id, row.name, row.listener_port) for row in rows] == [(1, "Server 1", 30120)]


def test_what_v1_wraps_or_lists_is_shown_as_v2_does() -> None:
    assert content(told("lookupNameOrPlate", b'{"records": [{"id": 1}]}')) == [{"id": 1}]
    assert content(told("lookupByValue", b'[{"id": 1}]')) == [{"id": 1}]
    assert content(told("getTemplate", b'[{"recordTypeId": 12}]')) == {"recordTypeId": 12}
    assert content(told("getTemplates", b'[{"recordTypeId": 12}]')) == [{"recordTypeId": 12}]
    assert content(told("createIdentifier", b'{"id": 12, "accId": "u"}')) == {"identId": 12}
    assert content(told("authStreetSigns", b"Success"))["authorized"] is True


@given(st.binary(max_size=200), st.integers(200, 599), st.sampled_from(sorted(BY_OPERATION)))
def test_no_answer_of_the_cad_breaks_the_translation(body: bytes, status: int, operation: str) -> None:
    if operation == "uploadBodycamRecording":
        return
    found = told(operation, body, status)

    if found.content_type is not None:
        msgspec.json.decode(found.body)
    assert isinstance(judge(found), Verdict)


@pytest.mark.parametrize("event", CAD_EVENTS.values(), ids=CAD_EVENTS)
def test_every_kind_of_event_is_delivered_by_a_word(event: Event) -> None:
    request = v2.deliver(SERVER, event, (UNIT,), 0.0, MARK)
    found = to_v2(Asked(request), request.operation.name, answer(200, b"DONE"))

    assert judge(found) == Done()
    assert content(found) != {}
