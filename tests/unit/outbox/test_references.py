import pytest

from bridge.events import (
    CALLS,
    CANCELLING,
    DispatchAttachment,
    DispatchClosing,
    DispatchDetachment,
    DispatchNote,
    EmergencyCallRemoval,
    Event,
    EventId,
    EventKind,
    EventState,
    calls_of,
    kind_of,
)
from bridge.outbox.records import EventView, Outcome, Result
from bridge.outbox.references import ABOUT, EndedCall, inherit, references_of
from bridge.units import UnitId
from tests.support.sending import KINDS

CALL, OTHER = EventId("call-event"), EventId("other-call-event")
UNIT = UnitId("A")
NOTE = DispatchNote(call=CALL, note="Caller hides")
ATTACHMENT = DispatchAttachment(call=CALL, ids=(UNIT,))
REMOVAL = EmergencyCallRemoval(call=CALL)
CLOSING = DispatchClosing(calls=(CALL,))
EACH: list[Event] = [NOTE, ATTACHMENT, REMOVAL, CLOSING]
CREATED = EndedCall(state=EventState.DELIVERED, number=302)


def _ended(state: EventState) -> EndedCall:
    return EndedCall(state=state, number=None)


def _end(event: Event, ended: EndedCall | None) -> Outcome:
    outcome = inherit(event, CALL, ended)
    assert isinstance(outcome, Outcome)
    return outcome


def test_only_event_ids_are_references() -> None:
    assert references_of(DispatchClosing(calls=(5, CALL, 6, OTHER))) == [CALL, OTHER]
    assert references_of(DispatchNote(call=5, note="")) == []
    assert references_of(DispatchDetachment(ids=(UNIT,))) == []


@pytest.mark.parametrize("kind", EventKind)
def test_every_kind_that_is_about_calls_says_which_kinds_create_them(kind: EventKind) -> None:
    assert bool(calls_of(KINDS[kind])) == (kind in ABOUT)
    assert ABOUT.get(kind, CALLS) <= CALLS


@pytest.mark.parametrize("event", EACH)
def test_the_number_takes_the_place_of_the_event_id(event: Event) -> None:
    heir = inherit(event, CALL, CREATED)

    assert not isinstance(heir, Outcome)
    assert kind_of(heir) is kind_of(event)
    assert calls_of(heir) == (302,)


def test_nothing_else_of_the_event_changes() -> None:
    assert inherit(NOTE, CALL, CREATED) == DispatchNote(call=302, note="Caller hides")
    assert inherit(ATTACHMENT, CALL, CREATED) == DispatchAttachment(call=302, ids=(UNIT,))
    assert inherit(DispatchClosing(calls=(5, CALL, OTHER)), CALL, CREATED) == DispatchClosing(
        calls=(5, 302, OTHER)
    )


@pytest.mark.parametrize("event", EACH)
@pytest.mark.parametrize("state", [EventState.FAILED, EventState.EXPIRED])
def test_what_is_about_a_call_that_never_came_to_be_fails_with_it(event: Event, state: EventState) -> None:
    end = _end(event, _ended(state))

    assert (end.state, end.reason, end.detail) == (EventState.FAILED, "call_failed", f"its call {state}")


@pytest.mark.parametrize("event", EACH)
def test_a_call_whose_number_nobody_knows_cannot_be_meant(event: Event) -> None:
    forgotten, unnumbered = _end(event, None), _end(event, _ended(EventState.DELIVERED))

    assert (forgotten.state, forgotten.reason) == (EventState.FAILED, "call_unknown")
    assert forgotten.detail == "the event of its call is no longer known"
    assert (unnumbered.state, unnumbered.reason) == (EventState.FAILED, "call_unknown")
    assert unnumbered.detail == "the CAD did not tell the number of its call"


@pytest.mark.parametrize("event", EACH)
def test_what_ends_a_cancelled_call_has_done_its_work_and_the_rest_is_pointless(event: Event) -> None:
    end = _end(event, _ended(EventState.SUPERSEDED))

    if kind_of(event) in CANCELLING:
        assert end == Outcome(state=EventState.DELIVERED, result=Result(cancelled=True))
    else:
        assert (end.state, end.reason) == (EventState.SUPERSEDED, "cancelled")
        assert end.detail == "its call was cancelled"


@pytest.mark.parametrize(
    "ended",
    [
        None,
        *map(_ended, (EventState.FAILED, EventState.EXPIRED, EventState.SUPERSEDED, EventState.DELIVERED)),
    ],
)
def test_a_closing_goes_on_with_the_calls_that_are_there(ended: EndedCall | None) -> None:
    assert inherit(DispatchClosing(calls=(5, CALL, OTHER)), CALL, ended) == DispatchClosing(calls=(5, OTHER))


def test_how_a_call_ended_is_read_from_what_is_told_of_it() -> None:
    view = EventView(
        id=CALL, type=EventKind.CALL_911, state=EventState.DELIVERED, attempts=1, accepted_at=0.0,
        result=Result(call_id=302),
    )  # fmt: skip
    untold = EventView(id=CALL, type=EventKind.CALL_911, state=EventState.FAILED, attempts=1, accepted_at=0.0)

    assert EndedCall.of(view) == CREATED
    assert EndedCall.of(untold) == _ended(EventState.FAILED)
