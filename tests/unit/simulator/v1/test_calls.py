from typing import Any

import pytest

from bridge.simulator.cad import Cad
from bridge.simulator.cloud import Cloud
from tests.support.prepared_cad import (
    ACCOUNT,
    DISPATCH_CALL,
    EMERGENCY_CALL,
    IDENT,
    NEW_CALL,
    OTHER_DISPATCH_CALL,
    OTHER_IDENT,
    OTHER_UNIT,
    UNIT,
    prepare,
)
from tests.support.stepping_clock import SteppingClock
from tests.support.v1_examples import BY_TYPE, ok, refusal

CALL = {"serverId": 1, "callId": DISPATCH_CALL}


@pytest.fixture(name="cloud")
def _cloud() -> Cloud:
    cloud = Cloud(SteppingClock(), Cad())
    prepare(cloud)
    return cloud


def calls(cloud: Cloud, **wanted: Any) -> Any:
    return ok(cloud, "GET_CALLS", [{"serverId": 1, **wanted}])


def active(cloud: Cloud) -> Any:
    return {call["callId"]: call for call in calls(cloud)["activeCalls"]}


def test_a_911_call_says_its_number_and_shows_with_its_metadata(cloud: Cloud) -> None:
    text = ok(cloud, "CALL_911", BY_TYPE["CALL_911"].data)

    call = calls(cloud)["emergencyCalls"][-1]
    assert text == f"EMERGENCY CALL ADDED ID: {call['callId']}"
    assert call["metaData"] == {"someKey": "someValue", "x": "1000", "y": "1000"}
    assert (call["caller"], call["isEmergency"]) == ("John Doe", True)


def test_several_calls_are_told_line_by_line_and_a_bad_one_stops_all(cloud: Cloud) -> None:
    (call,) = BY_TYPE["CALL_911"].data

    assert ok(cloud, "CALL_911", [call, call]).splitlines() == [
        "EMERGENCY CALL ADDED ID: 4",
        "EMERGENCY CALL ADDED ID: 5",
    ]
    refusal(cloud, "CALL_911", [call, {**call, "serverId": 9}])
    assert len(calls(cloud)["emergencyCalls"]) == 3


def test_metadata_may_be_left_out_of_the_list_as_on_the_page(cloud: Cloud) -> None:
    cloud.cad.community.v1_metadata = False

    found = calls(cloud)

    assert all("metaData" not in call for call in found["activeCalls"] + found["emergencyCalls"])


def test_a_removed_911_call_is_gone(cloud: Cloud) -> None:
    gone = [{"serverId": 1, "callId": EMERGENCY_CALL}]

    assert ok(cloud, "REMOVE_911", gone) == "API ID(s) set!"
    assert calls(cloud)["emergencyCalls"] == []
    assert refusal(cloud, "REMOVE_911", gone) == "The call was not found."


def test_a_dispatch_call_has_the_units_that_are_linked(cloud: Cloud) -> None:
    cloud.cad.community.known_units = frozenset({UNIT, OTHER_UNIT})
    data = {"serverId": 1, **NEW_CALL, "primary": -1, "units": [OTHER_UNIT, "unknown"], "notes": []}

    text = ok(cloud, "NEW_DISPATCH", [data])

    number = OTHER_DISPATCH_CALL + 1
    assert text == f"NEW DISPATCH CREATED - ID: {number}"
    assert active(cloud)[number]["idents"] == [OTHER_IDENT]
    assert active(cloud)[number]["primary"] == OTHER_IDENT


def test_a_dispatch_call_needs_no_units(cloud: Cloud) -> None:
    ok(cloud, "NEW_DISPATCH", [{"serverId": 1, **NEW_CALL, "units": []}])

    assert active(cloud)[OTHER_DISPATCH_CALL + 1]["idents"] == []


def test_a_dispatch_call_is_edited_field_by_field(cloud: Cloud) -> None:
    ok(cloud, "EDIT_DISPATCH", [{**CALL, "title": "Pursuit", "primary": OTHER_IDENT, "metaData": {"x": 3}}])

    call = active(cloud)[DISPATCH_CALL]
    assert (call["title"], call["code"], call["primary"]) == ("Pursuit", "211", OTHER_IDENT)
    assert call["metaData"] == {"x": "3"}
    assert refusal(cloud, "EDIT_DISPATCH", [CALL]).startswith("ERROR: Missing editable dispatch fields.")


def test_postal_and_primary_are_set_and_the_primary_is_cleared(cloud: Cloud) -> None:
    ok(cloud, "SET_CALL_POSTAL", [{**CALL, "postal": "321"}])
    ok(cloud, "SET_CALL_PRIMARY", [{**CALL, "primary": OTHER_IDENT, "trackPrimary": True}])
    before = active(cloud)[DISPATCH_CALL]
    ok(cloud, "SET_CALL_PRIMARY", [{**CALL, "primary": -1}])
    after = active(cloud)[DISPATCH_CALL]

    assert (before["postal"], before["primary"], before["trackPrimary"]) == ("321", OTHER_IDENT, True)
    assert (after["primary"], after["trackPrimary"]) == (IDENT, False)


def test_notes_are_kept_with_who_wrote_them(cloud: Cloud) -> None:
    ok(cloud, "ADD_CALL_NOTE", [{**CALL, "label": "A-10", "note": "one"}, {**CALL, "note": "two"}])

    notes = active(cloud)[DISPATCH_CALL]["notes"]
    assert [(note["label"], note["content"]) for note in notes] == [("A-10", "one"), ("Sonoran CAD", "two")]


@pytest.mark.parametrize(
    "who", [{"units": [OTHER_UNIT]}, {"identIds": [OTHER_IDENT]}, {"account": "of the other"}]
)
def test_units_join_and_leave_calls(cloud: Cloud, who: dict[str, Any]) -> None:
    if "account" in who:
        who = {"account": cloud.cad.community.units[OTHER_UNIT].account}
    ok(cloud, "ATTACH_UNIT", [{**CALL, **who}])
    joined = active(cloud)[DISPATCH_CALL]["idents"]
    ok(cloud, "DETACH_UNIT", [{"serverId": 1, **who}])

    assert joined == [IDENT, OTHER_IDENT]
    assert active(cloud)[DISPATCH_CALL]["idents"] == [IDENT]


def test_units_that_are_not_named_are_refused(cloud: Cloud) -> None:
    assert refusal(cloud, "ATTACH_UNIT", [CALL]) == "ERROR: No unit is named."


def test_a_closed_call_is_listed_among_the_closed(cloud: Cloud) -> None:
    assert ok(cloud, "CLOSE_CALL", [CALL]) == "UNITS ATTACHED"

    found = calls(cloud)
    assert [call["callId"] for call in found["activeCalls"]] == [OTHER_DISPATCH_CALL]
    assert [(call["callId"], call["status"]) for call in found["closedCalls"]] == [(DISPATCH_CALL, 2)]
    assert refusal(cloud, "CLOSE_CALL", [{"serverId": 1, "callId": 77}]) == "The call was not found."
    assert refusal(cloud, "EDIT_DISPATCH", [{**CALL, "title": "late"}]) == "The call was not found."


@pytest.mark.parametrize(
    ("wanted", "tables"),
    [({"type": 0}, (2, 0)), ({"type": 1}, (0, 1)), ({"type": 100}, (2, 1)), ({}, (2, 1))],
)
def test_one_sort_of_calls_may_be_asked_for(
    cloud: Cloud, wanted: dict[str, int], tables: tuple[int, int]
) -> None:
    found = calls(cloud, **wanted)

    assert (len(found["activeCalls"]), len(found["emergencyCalls"])) == tables
    assert found.keys() == {"activeCalls", "emergencyCalls", "closedCalls"}


def test_an_account_that_is_on_no_call_can_be_taken_off(cloud: Cloud) -> None:
    ok(cloud, "DETACH_UNIT", [{"serverId": 1, "account": ACCOUNT}])

    assert active(cloud)[DISPATCH_CALL]["idents"] == []
