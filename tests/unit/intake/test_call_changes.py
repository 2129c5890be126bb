import math
from typing import Any

import pytest

from bridge.errors import PushError
from bridge.events import (
    DispatchAttachment,
    DispatchClosing,
    DispatchDetachment,
    DispatchNote,
    EmergencyCallRemoval,
    EventId,
)
from bridge.intake.call_changes import (
    attachment_of,
    closing_of,
    detachment_of,
    note_of,
    reference_of,
    removal_of,
)
from bridge.units import UnitId

A, B = UnitId("a"), UnitId("b")
EVENT = "0123456789abcdef0123456789abcdef"
EXPECTED = "Sonoran's number of a call (1 to 2147483647) or the id of the event that creates it"


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (1, 1),
        (501.0, 501),
        ("501", 501),
        (" 501\n", 501),
        ("501.0", 501),  # Lua's tostring of a float
        ("0501", 501),
        (2**31 - 1, 2_147_483_647),
        ("2147483647", 2_147_483_647),
    ],
    ids=repr,
)
def test_a_number_is_sonorans_number_of_the_call(value: Any, number: int) -> None:
    found = reference_of(value)

    assert found == number
    assert isinstance(found, int)


@pytest.mark.parametrize(
    "value",
    [
        EVENT,
        "0" * 32,
        "1" * 32,
        "12345678901234567890123456789e12",  # an event's id that reads as a number too
        "1e5",
        "a",
        "Z" * 64,
        "0189a1b2-0000-7000-8000-00000000000f",
        "nan",
    ],
)
def test_a_text_with_a_letter_or_of_32_digits_is_an_events_id(value: str) -> None:
    assert reference_of(f" {value} ") == EventId(value)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        " ",
        0,
        "0",
        -1,
        "-1",
        "+1",
        1.5,
        "1.5",
        True,
        math.nan,
        math.inf,
        2**31,
        "2147483648",
        10**400,
        "1" * 31,
        "1" * 33,
        "1" * 5000,
        "x" * 65,
        "1_000",
        "1e+5",
        "0x1F5,",
        "a b",
        "a/../b",
        "ä1",
        "\N{ARABIC-INDIC DIGIT ONE}",
        "\N{SUPERSCRIPT TWO}",
        "a\x00",
        "-",
        [],
        [501],
        {"callId": 501},
    ],
    ids=lambda value: repr(value)[:40],
)
def test_anything_else_is_no_call(value: Any) -> None:
    assert reference_of(value) is None
    with pytest.raises(PushError) as caught:
        removal_of({"call": value})
    assert str(caught.value) == f"call: expected {EXPECTED}"


def test_a_removal_names_its_call() -> None:
    assert removal_of({"call": "302"}) == EmergencyCallRemoval(call=302)
    assert removal_of({"call": EVENT}) == EmergencyCallRemoval(call=EventId(EVENT))


def test_a_note_says_something_and_perhaps_who_says_it() -> None:
    assert note_of({"call": 501, "note": " He\tflees "}) == DispatchNote(call=501, note="He flees")
    assert note_of({"call": 501, "note": 5, "label": "Bank"}) == DispatchNote(
        call=501, note="5", label="Bank"
    )
    assert note_of({"call": 501, "note": "x", "label": []}) == DispatchNote(call=501, note="x")
    assert note_of({"call": 501, "note": "x", "noteType": "link"}).note_type == "link"

    long = note_of({"call": EVENT, "note": "x" * 5000, "label": "x" * 5000})
    assert (len(long.note), len(long.label or "")) == (4000, 100)


def test_units_are_put_on_a_call() -> None:
    attachment = attachment_of({"call": EVENT, "ids": {"3": "a", "12": "b"}, "id": "a"})

    assert attachment == DispatchAttachment(call=EventId(EVENT), ids=(A, B))


def test_units_are_taken_off_any_call() -> None:
    assert detachment_of({"ids": ["a", None, "b"]}) == DispatchDetachment(ids=(A, B))
    assert detachment_of({"id": "a"}) == DispatchDetachment(ids=(A,))


@pytest.mark.parametrize(
    "fields",
    [
        {"calls": [501, EVENT]},
        {"calls": [None, "501", 501.0, EVENT, f" {EVENT}"]},
        {"calls": {"3": 501, "12": EVENT}},
        {"calls": [{"id": 501}, {"id": EVENT}]},
        {"calls": 501, "call": EVENT},
        {"calls": [501], "call": [EVENT, "501"]},
    ],
)
def test_calls_are_closed_once_each(fields: dict[str, object]) -> None:
    assert closing_of(fields) == DispatchClosing(calls=(501, EventId(EVENT)))


@pytest.mark.parametrize(
    "fields", [{"call": "501"}, {"calls": "501"}, {"calls": {"id": 501}}, {"call": [501]}]
)
def test_one_call_is_closed_without_a_list(fields: dict[str, object]) -> None:
    assert closing_of(fields) == DispatchClosing(calls=(501,))


@pytest.mark.parametrize(
    ("reader", "fields", "reason"),
    [
        (removal_of, {}, f"call: expected {EXPECTED}"),
        (note_of, {"note": "x"}, f"call: expected {EXPECTED}"),
        (note_of, {"call": 501}, "note: expected text"),
        (note_of, {"call": 501, "note": "\n"}, "note: expected text"),
        (attachment_of, {"ids": ["a"]}, f"call: expected {EXPECTED}"),
        (attachment_of, {"call": 501, "ids": []}, "id or ids: expected at least one unit"),
        (detachment_of, {"call": 501}, "id or ids: expected at least one unit"),
        (closing_of, {}, f"calls: expected at least one; each is {EXPECTED}"),
        (closing_of, {"calls": [], "call": [None]}, f"calls: expected at least one; each is {EXPECTED}"),
        (closing_of, {"calls": [1, None, 0]}, f"calls: number 2 is no call; expected {EXPECTED}"),
        (closing_of, {"call": ""}, f"call: number 0 is no call; expected {EXPECTED}"),
        (closing_of, {"calls": list(range(1, 102))}, "calls: at most 100 fit into one event, found 101"),
    ],
)
def test_what_is_missing_or_wrong_is_named(reader: Any, fields: dict[str, object], reason: str) -> None:
    with pytest.raises(PushError) as caught:
        reader(fields)

    assert str(caught.value) == reason


def test_as_many_calls_as_fit_are_closed() -> None:
    assert len(closing_of({"calls": [*range(1, 101), 1]}).calls) == 100
