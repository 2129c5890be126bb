from typing import Any

import pytest

from bridge.errors import PushError
from bridge.intake.required import (
    MAX_UNITS,
    metadata_of,
    needed_text,
    needed_unit,
    needed_units,
    radius_of,
    text_or_nothing,
    true_unless_said,
    units_in,
    whole_between,
)


def test_a_text_is_there_or_named() -> None:
    assert needed_text({"note": " a\nb "}, "note") == "a b"
    assert needed_text({"note": "abc"}, "note", 2) == "ab"
    assert text_or_nothing({"note": []}, "note") == ""
    with pytest.raises(PushError, match=r"^note: expected text$"):
        needed_text({"note": []}, "note")


def test_a_truth_value_is_true_unless_it_says_otherwise() -> None:
    assert true_unless_said({}, "active")
    assert not true_unless_said({"active": 0}, "active")
    with pytest.raises(PushError, match=r"^active: expected true or false$"):
        true_unless_said({"active": "perhaps"}, "active")


def test_a_whole_number_is_in_its_range_or_missing() -> None:
    assert whole_between({}, "origin", 1, 3) is None
    assert whole_between({"origin": None}, "origin", 1, 3) is None
    assert whole_between({"origin": "3.0"}, "origin", 1, 3) == 3
    with pytest.raises(PushError, match=r"^origin: expected a whole number from 1 to 3$"):
        whole_between({"origin": 0}, "origin", 1, 3)
    with pytest.raises(PushError, match=r"^origin: expected a whole number from 1 to 3 \(a, b, c\)$"):
        whole_between({"origin": "b"}, "origin", 1, 3, "a, b, c")


def test_a_radius_is_metres_or_missing() -> None:
    assert radius_of({}) is None
    assert radius_of({"radius": 0}) == 0.0
    assert radius_of({"radius": "32000"}) == 32_000.0


def test_units_are_those_of_all_their_fields_once_each() -> None:
    fields: dict[str, object] = {"ids": ["b", 12, "b"], "id": "a", "others": "c"}

    assert units_in(fields, "others", "missing") == ("c",)
    assert needed_units(fields) == ("b", "12", "a")
    assert needed_unit({"id": "a", "ids": ["a"]}) == "a"


def test_only_so_many_units_fit_into_an_event() -> None:
    assert len(needed_units({"ids": list(range(MAX_UNITS))})) == 1000
    with pytest.raises(PushError, match=r"^ids: at most 1000 units fit into one event, found 1001$"):
        needed_units({"ids": list(range(MAX_UNITS + 1))})


@pytest.mark.parametrize("nothing", [None, [], {}, ""])
def test_metadata_may_be_missing(nothing: Any) -> None:
    assert metadata_of(nothing) == {}


def test_long_metadata_is_cut() -> None:
    ((name, text),) = metadata_of({"n" * 5000: "t" * 5000}).items()

    assert (len(name), len(text)) == (100, 1000)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("x", "metadata: expected an object"),
        ([1], "metadata: expected an object"),
        ({"a": {}}, "metadata: expected names and texts"),
        ({"": "a"}, "metadata: expected names and texts"),
        ({str(number): 1 for number in range(51)}, "metadata: at most 50 entries, found 51"),
    ],
)
def test_bad_metadata_is_refused_with_the_reason(value: Any, reason: str) -> None:
    with pytest.raises(PushError) as caught:
        metadata_of(value)

    assert str(caught.value) == reason
