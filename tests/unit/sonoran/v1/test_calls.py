from typing import Any

import pytest

from bridge.sonoran import v2
from bridge.sonoran.v1.calls import Visibility
from tests.support.transport import answer

BARE = {"callId": 1}
SHOWN: dict[str, Any] = {"callId": 2, "metaData": {}}


def tables(
    active: list[Any] | None = None, emergency: list[Any] | None = None, closed: list[Any] | None = None
) -> dict[str, Any]:
    return {"activeCalls": active or [], "emergencyCalls": emergency or [], "closedCalls": closed or []}


def is_hidden(body: Any, visibility: Visibility | None = None) -> bool:
    calls = v2.read_calls((visibility or Visibility()).note(answer(body=body)))
    assert calls is not None
    return calls.hidden


def test_calls_without_metadata_may_hide_a_mark() -> None:
    assert is_hidden(tables(emergency=[BARE]))
    assert is_hidden(tables(active=[BARE]))
    assert is_hidden(tables(closed=[BARE]))
    assert is_hidden({"emergencyCalls": BARE})


def test_no_calls_hide_nothing() -> None:
    assert not is_hidden(tables())
    assert not is_hidden({"activeCalls": None, "emergencyCalls": {}, "closedCalls": []})


def test_one_call_with_metadata_shows_that_its_kind_has_it() -> None:
    assert not is_hidden(tables(emergency=[BARE, SHOWN]))
    assert not is_hidden(tables(active=[BARE], closed=[SHOWN]))
    assert not is_hidden({"EmergencyCalls": [{"CallId": 1, "MetaData": None}]})


def test_what_one_kind_shows_says_nothing_of_the_other() -> None:
    assert is_hidden(tables(active=[SHOWN], emergency=[BARE]))
    assert is_hidden(tables(active=[BARE], emergency=[SHOWN]))


def test_what_was_shown_once_is_known_from_then_on() -> None:
    visibility = Visibility()

    assert is_hidden(tables(active=[BARE]), visibility)
    assert not is_hidden(tables(active=[SHOWN]), visibility)
    assert not is_hidden(tables(active=[BARE]), visibility)
    assert is_hidden(tables(emergency=[BARE]), visibility)


def test_marks_are_read_as_ever() -> None:
    body = tables(emergency=[{"callId": 5, "metaData": {v2.MARK: "a"}}, BARE], active=[BARE])
    calls = v2.read_calls(Visibility().note(answer(body=body)))

    assert calls is not None
    assert calls.marks == {"a": 5}
    assert calls.hidden


@pytest.mark.parametrize("body", [b"", b"NO CALLS", b"[]", b"\xff", b"null"])
def test_what_is_no_list_of_calls_stays_as_it_is(body: bytes) -> None:
    came = answer(body=body)

    assert Visibility().note(came) == came
