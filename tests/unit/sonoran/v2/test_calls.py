from typing import Any

import pytest

from bridge.sonoran import v2
from tests.support.transport import answer

A, B, C = "a" * 32, "b" * 32, "c" * 32


def call(number: Any, mark: Any, *, metadata: str = "metaData") -> dict[str, Any]:
    return {"callId": number, "title": "Armed Robbery", metadata: {"source": "integration", v2.MARK: mark}}


def read(body: Any) -> v2.Calls:
    calls = v2.read_calls(answer(body=body))
    assert calls is not None
    return calls


@pytest.mark.parametrize("metadata", ["metaData", "metadata", "MetaData"])
@pytest.mark.parametrize(
    "names",
    [
        ("ActiveCalls", "EmergencyCalls", "ClosedCalls", "ClosedCallCount"),
        ("activeCalls", "emergencyCalls", "closedCalls", "closedCallCount"),
    ],
    ids=["document", "page"],
)
def test_marks_are_found_in_every_table_and_in_both_casings(names: tuple[str, ...], metadata: str) -> None:
    active, emergency, closed, count = names

    calls = read(
        {
            active: [call(501, A, metadata=metadata)],
            emergency: [call(302, B, metadata=metadata)],
            closed: [call(480, C, metadata=metadata), call(479, None)],
            count: 18,
        }
    )

    assert calls == v2.Calls(marks={A: 501, B: 302, C: 480}, closed=2, closed_count=18)


def test_a_table_may_be_a_single_call_as_the_example_shows_it() -> None:
    calls = read({"ActiveCalls": call(501, A), "EmergencyCalls": call(302, B), "ClosedCalls": call(480, C)})

    assert calls.marks == {A: 501, B: 302, C: 480}
    assert calls.closed == 1


@pytest.mark.parametrize("nothing", [None, [], {}])
def test_a_table_may_be_empty_in_any_way(nothing: Any) -> None:
    empty = {"ActiveCalls": nothing, "EmergencyCalls": nothing, "ClosedCalls": nothing}

    assert read(empty | {"ClosedCallCount": 0}) == v2.Calls(marks={}, closed=0, closed_count=0)


@pytest.mark.parametrize(
    "row",
    [
        None,
        7,
        "call",
        [],
        {},
        {"callId": 1},
        {"callId": 1, "metaData": None},
        {"callId": 1, "metaData": []},
        {"callId": 1, "metaData": "text"},
        {"callId": 1, "metaData": {}},
        call(1, None),
        call(1, 5),
        call(1, [A]),
    ],
)
def test_a_row_that_cannot_be_read_or_is_not_ours_is_skipped_alone(row: Any) -> None:
    calls = read({"ClosedCalls": [row, call(480, A), row], "ClosedCallCount": 3})

    assert calls.marks == {A: 480}
    assert calls.closed == 3  # the next page begins after all of them


@pytest.mark.parametrize(
    ("number", "found"),
    [
        (501, 501),
        ("502", 502),
        (None, None),
        ("", None),
        ("new", None),
        (True, None),
        (5.5, None),
        ([], None),
        ("9" * 5000, None),
        ("\N{SUPERSCRIPT TWO}", None),
    ],
)
def test_a_marked_call_counts_even_without_a_readable_number(number: Any, found: int | None) -> None:
    assert read({"ActiveCalls": [call(number, A)]}).marks == {A: found}


def test_a_mark_seen_twice_keeps_the_first_number_there_is() -> None:
    calls = read({"ActiveCalls": [call(None, A), call(501, A)], "ClosedCalls": [call(480, A), call(None, A)]})

    assert calls.marks == {A: 501}


@pytest.mark.parametrize("count", [None, "many", [], True])
def test_without_a_count_nobody_knows_how_many_closed_calls_there_are(count: Any) -> None:
    assert read({"ClosedCalls": [call(1, A), call(2, B)], "ClosedCallCount": count}).closed_count is None


@pytest.mark.parametrize(("body", "count"), [({"ClosedCallCount": 0}, 0), ({"activeCalls": None}, None)])
def test_one_known_name_makes_an_answer(body: dict[str, Any], count: int | None) -> None:
    assert read(body) == v2.Calls(marks={}, closed=0, closed_count=count)


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        [call(501, A)],
        {"calls": []},
        {"error": "no"},
        {"ActiveCalls": "none"},
        {"ActiveCalls": [call(501, A)], "ClosedCalls": 0},
        {"EmergencyCalls": False},
        b"",
        b"null",
        b"<html>",
        b'{"ActiveCalls": [',
        b'{"ActiveCalls": ["\xff"]}',
        b'{"ActiveCalls":' + b"[" * 100_000,
    ],
)
def test_nothing_is_concluded_from_what_is_no_such_answer(body: Any) -> None:
    assert v2.read_calls(answer(body=body)) is None


def test_calls_are_hidden_only_where_that_is_said() -> None:
    for said, hidden in ((True, True), (False, False), ("true", False), (None, False)):
        assert read({"ActiveCalls": [], "marksHidden": said}).hidden is hidden
