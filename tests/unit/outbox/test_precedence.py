from itertools import count

from bridge.events import (
    DispatchAttachment,
    DispatchCall,
    DispatchClosing,
    DispatchDetachment,
    DispatchNote,
    Event,
    EventId,
)
from bridge.outbox.pending import PendingEvent
from bridge.outbox.precedence import Precedence
from bridge.outbox.records import NewEvent
from bridge.units import ServerId, UnitId
from tests.support.sending import call, panic

_seqs = count(1)


def _pending(event: Event, *, server: int = 1) -> PendingEvent:
    seq = next(_seqs)
    new = NewEvent(
        id=EventId(f"event-{seq}"), server_id=ServerId(server), event=event, accepted_at=0.0, expires_at=0.0
    )
    return PendingEvent(seq, new, 0.0, 0.0)


def _note(number: int = 5, *, server: int = 1) -> PendingEvent:
    return _pending(DispatchNote(call=number, note="Caller hides"), server=server)


def _closing(*numbers: int) -> PendingEvent:
    return _pending(DispatchClosing(calls=numbers))


def _attachment(*units: str, number: int = 5) -> PendingEvent:
    return _pending(DispatchAttachment(call=number, ids=tuple(map(UnitId, units))))


def _call_with(*units: str) -> PendingEvent:
    return _pending(DispatchCall(title="Robbery", ids=tuple(map(UnitId, units))))


def _detachment(*units: str) -> PendingEvent:
    return _pending(DispatchDetachment(ids=tuple(map(UnitId, units))))


def _precedence(*events: PendingEvent) -> Precedence:
    precedence = Precedence()
    for event in events:
        precedence.add(event, [])
    return precedence


def _held(*events: PendingEvent) -> list[bool]:
    return [event.held for event in events]


def test_what_has_nothing_in_common_waits_for_nobody() -> None:
    events = [_note(5), _note(6), _note(5, server=2), _attachment("A", number=7), _detachment("B")]
    events += [_pending(panic()), _pending(panic()), _pending(call())]
    _precedence(*events)

    assert not any(_held(*events))


def test_events_about_one_call_go_one_after_the_other() -> None:
    first, second, closing = _note(), _note(), _closing(4, 5)
    precedence = _precedence(first, second, closing)

    assert _held(first, second, closing) == [False, True, True]
    assert precedence.end(first) == [second]
    assert _held(second, closing) == [False, True]
    assert precedence.end(second) == [closing]
    assert not closing.held


def test_a_unit_is_taken_off_its_call_after_it_was_put_on_it() -> None:
    attaching, detaching, other = _attachment("A", "B"), _detachment("B"), _detachment("C")
    precedence = _precedence(attaching, detaching, other)

    assert _held(attaching, detaching, other) == [False, True, False]
    precedence.end(attaching)
    assert not detaching.held


def test_a_call_waits_for_nobody_but_its_units_leave_it_only_after_it_was_created() -> None:
    before, creating, too = _detachment("A"), _call_with("A", "B"), _call_with("A")
    leaving, other, later = _detachment("A"), _detachment("C"), _attachment("A")
    precedence = _precedence(before, creating, too, leaving, other, later)

    assert _held(before, creating, too, leaving, other, later) == [False, False, False, True, False, True]
    for event in (before, creating):
        precedence.end(event)
        assert leaving.held
    precedence.end(too)
    assert _held(leaving, later) == [False, True]


def test_an_event_waits_for_the_last_one_about_each_of_its_things() -> None:
    note, detaching, attaching = _note(5), _detachment("A"), _attachment("A", number=5)
    precedence = _precedence(note, detaching, attaching)

    assert precedence.end(note) == [attaching]
    assert attaching.held
    precedence.end(detaching)
    assert not attaching.held


def test_an_event_with_two_things_in_common_waits_for_the_other_once() -> None:
    one, two = _attachment("A", "B"), _attachment("B", "A")
    precedence = _precedence(one, two)

    assert precedence.end(one) == [two]
    assert not two.held


def test_an_event_waits_for_its_calls_and_its_forerunner_alike() -> None:
    forerunner, created, too = _note(5), _pending(call()), _pending(call())
    closing = _closing(5)
    precedence = _precedence(forerunner, created, too)
    precedence.add(closing, [created, too])

    assert precedence.end(created) == [closing]
    assert precedence.end(forerunner) == [closing]
    assert closing.held
    assert precedence.end(too) == [closing]
    assert not closing.held


def test_those_that_waited_for_a_call_are_named_oldest_first() -> None:
    created = _pending(call())
    waiting = [_note(number) for number in range(10, 20)]
    precedence = _precedence(created)
    for event in waiting:
        precedence.add(event, [created])

    assert precedence.end(created) == waiting
    assert precedence.end(waiting[0]) == []


def test_a_new_event_does_not_wait_for_one_that_ended() -> None:
    ended, new = _note(), _note()
    precedence = _precedence(ended)
    precedence.end(ended)
    precedence.add(new, [])

    assert not new.held


def test_nothing_is_remembered_once_all_have_ended() -> None:
    created = _pending(call())
    events = [_note(), _note(), _closing(4, 5), _attachment("A", "B"), _detachment("B"), _closing(5)]
    precedence = _precedence(created)
    for event in events:
        precedence.add(event, [created])
    for event in [*events[::2], created, *events[1::2]]:
        precedence.end(event)

    assert not any(vars(precedence).values())
