from collections.abc import Hashable
from itertools import combinations

import pytest

from bridge.events import (
    STATES,
    DispatchAttachment,
    DispatchClosing,
    DispatchDetachment,
    DispatchNote,
    EmergencyCallRemoval,
    Event,
    EventId,
    EventKind,
    Kick,
    Photo,
    UnitStatus,
    kind_of,
)
from bridge.outbox.pending import Delivery, PendingEvent
from bridge.outbox.records import NewEvent
from bridge.units import ServerId, UnitId
from tests.support.sending import KINDS, call, panic, status

A, B = UnitId("A"), UnitId("B")
CALL = EventId("call-event")


def _pending(event: Event, *, seq: int = 1, server: int = 1) -> PendingEvent:
    new = NewEvent(
        id=EventId(f"event-{seq}"),
        server_id=ServerId(server),
        event=event,
        accepted_at=1_000.5,
        expires_at=1_600.5,
    )
    return PendingEvent(seq, new, 10.0, 610.0)


def _group(event: Event, unit: UnitId | None = A, *, seq: int = 1, server: int = 1) -> Hashable:
    return Delivery(_pending(event, seq=seq, server=server), unit).group


def _order(event: Event, unit: UnitId | None = A, *, seq: int = 1, server: int = 1) -> Hashable:
    return Delivery(_pending(event, seq=seq, server=server), unit).order


def test_a_new_event_is_free_to_go() -> None:
    event = _pending(call())

    assert not event.held
    assert (event.attempts, event.attempted_at, event.unverified, event.cancelled) == (0, None, False, False)
    assert (event.accepted_at, event.accepted_at_unix, event.expires_at) == (10.0, 1_000.5, 610.0)


def test_an_event_is_held_while_it_waits_for_another_or_was_attempted() -> None:
    waiting, attempted = _pending(call()), _pending(call())
    waiting.waits_for.add(7)
    attempted.attempted_at = 0.0  # whenever that was

    assert waiting.held
    assert attempted.held


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (panic("A"), panic("A", "B")),
        (status("A"), status("B")),
        (DispatchAttachment(call=5, ids=(A,)), DispatchAttachment(call=5, ids=(B,))),
        (DispatchDetachment(ids=(A,)), DispatchDetachment(ids=(B,))),
        (Kick(id=A, reason="Restart"), Kick(id=B, reason="Restart")),
    ],
)
def test_what_says_the_same_of_several_units_shares_a_request_on_its_server(one: Event, other: Event) -> None:
    assert _group(one) == _group(other, B, seq=2)
    assert _group(one) != _group(other, B, seq=2, server=2)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (panic("A"), panic("A", active=False)),
        (status("A"), status("A", to=UnitStatus.ENROUTE)),
        (DispatchAttachment(call=5, ids=(A,)), DispatchAttachment(call=6, ids=(A,))),
        (Kick(id=A, reason="Restart"), Kick(id=A, reason="Cheating")),
        *((KINDS[kind], KINDS[kind]) for kind in EventKind if kind not in {
            *STATES, EventKind.DISPATCH_ATTACH, EventKind.DISPATCH_DETACH, EventKind.KICK
        }),
    ],
)  # fmt: skip
def test_what_says_something_else_goes_in_a_request_of_its_own(one: Event, other: Event) -> None:
    assert _group(one) != _group(other, seq=2)


@pytest.mark.parametrize("kind", EventKind)
def test_only_a_state_has_one_place_a_unit(kind: EventKind) -> None:
    one_place = _order(KINDS[kind], A, seq=1) == _order(KINDS[kind], A, seq=2)

    assert one_place == (kind in STATES)
    assert _order(KINDS[kind], A) != _order(KINDS[kind], B)


def test_a_state_of_the_same_unit_on_another_server_is_another_one() -> None:
    assert _order(panic("A")) != _order(panic("A"), server=2)


ABOUT_CALL_5 = (
    DispatchNote(call=5, note="Caller hides"),
    DispatchAttachment(call=5, ids=(A,)),
    DispatchClosing(calls=(4, 5)),
    EmergencyCallRemoval(call=5),
)


@pytest.mark.parametrize(("one", "other"), list(combinations(ABOUT_CALL_5, 2)))
def test_what_is_about_one_call_keeps_its_order_whatever_its_kind(one: Event, other: Event) -> None:
    assert set(_pending(one).order_keys) & set(_pending(other).order_keys)
    assert not set(_pending(one).order_keys) & set(_pending(other, server=2).order_keys)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (DispatchAttachment(call=5, ids=(A, B)), DispatchDetachment(ids=(B,))),
        (DispatchAttachment(call=5, ids=(A,)), DispatchAttachment(call=CALL, ids=(B, A))),
        (
            Photo(id=A, url="https://pictures.example/1.png"),
            Photo(id=A, url="https://pictures.example/2.png"),
        ),
        (DispatchNote(call=CALL, note="1"), DispatchClosing(calls=(5, CALL))),
    ],
)
def test_what_is_done_to_one_unit_or_call_keeps_its_order(one: Event, other: Event) -> None:
    assert set(_pending(one).order_keys) & set(_pending(other).order_keys)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (DispatchAttachment(call=5, ids=(A,)), DispatchDetachment(ids=(B,))),
        (DispatchNote(call=5, note="1"), DispatchNote(call=6, note="2")),
        (DispatchNote(call=5, note="1"), DispatchDetachment(ids=(A,))),
        (KINDS[EventKind.PHOTO], KINDS[EventKind.DISPATCH_DETACH]),
    ],
)
def test_what_has_nothing_in_common_has_no_order(one: Event, other: Event) -> None:
    assert not set(_pending(one).order_keys) & set(_pending(other).order_keys)


@pytest.mark.parametrize("kind", sorted({*STATES, EventKind.CALL_911, EventKind.KICK, EventKind.BLIP}))
def test_what_replaces_an_older_one_or_stands_alone_waits_for_nothing(kind: EventKind) -> None:
    assert _pending(KINDS[kind]).order_keys == ()
    assert kind_of(KINDS[kind]) is kind
