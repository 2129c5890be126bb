"""What may be sent when: calls and what is about them, precedence, doubt, and every way that an event ends."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bridge.config import OutboxConfig
from bridge.config.schema import TtlConfig
from bridge.errors import StoreError
from bridge.events import (
    CALLS,
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
from bridge.outbox import Delivery, EventView, PendingEvent, Result
from bridge.outbox.outbox import SLOW_COMMIT
from bridge.outbox.queue import HEAP_SLACK
from bridge.units import UnitId
from tests.support.full_disk import full_disk
from tests.support.sending import KINDS, OTHER_SERVER, Sending, call, panic, run_sending

NOBODY: frozenset[object] = frozenset()
A, B = UnitId("A"), UnitId("B")
CALL_911, DISPATCH_CALL = EventKind.CALL_911, EventKind.DISPATCH_CALL
CREATED = Result(call_id=302)
FULL_WAL = "outbox.sqlite3-wal"


def _claim_now(bench: Sending, kind: EventKind) -> list[Delivery]:
    return bench.outbox.backlog.claim(kind, bench.clock.monotonic(), busy=NOBODY, limit=100)


async def _settle(bench: Sending) -> None:
    """Wait until every end is on disk, and every end that one of those brings."""
    while bench.outbox.backlog.writeback.ending:
        await bench.store.ping()


async def _view(bench: Sending, event_id: EventId) -> EventView:
    await _settle(bench)
    return await bench.view(event_id)


async def _claim(bench: Sending, kind: EventKind) -> list[Delivery]:
    """Claim what may go once every end so far is on disk."""
    await _settle(bench)
    return _claim_now(bench, kind)


async def _attempt(bench: Sending, kind: EventKind) -> list[Delivery]:
    """Claim the next of a kind that is sent once, and be about to send it."""
    claimed = await _claim(bench, kind)
    assert claimed
    await bench.outbox.backlog.begin_attempt(claimed)
    return claimed


async def _doubtful(bench: Sending, event: Event | None = None) -> PendingEvent:
    """Append a call, and let its first attempt end unclear."""
    event_id = await bench.append(event or call())
    bench.outbox.backlog.doubt(await _attempt(bench, kind_of(event or call())))
    pending = bench.outbox.backlog.find_pending(event_id)
    assert pending is not None
    return pending


def _expire(bench: Sending) -> None:
    for kind in EventKind:
        bench.outbox.backlog.expire(kind, bench.clock.monotonic(), "")


def _note(on: int | EventId, text: str = "Caller hides") -> DispatchNote:
    return DispatchNote(call=on, note=text)


def _attachment(on: int | EventId, *units: UnitId) -> DispatchAttachment:
    return DispatchAttachment(call=on, ids=units or (A,))


def _ends(event_id: EventId) -> tuple[Event, ...]:
    """Return one event of each kind that is about a 911 call."""
    return _note(event_id), _attachment(event_id), EmergencyCallRemoval(call=event_id)


async def _states(bench: Sending, *event_ids: EventId) -> list[str]:
    return [(await _view(bench, event_id)).state for event_id in event_ids]


async def _assert_nothing_is_left(bench: Sending) -> None:
    await _settle(bench)
    backlog = bench.outbox.backlog
    assert len(backlog) == 0
    assert list(backlog.doubtful()) == []
    assert backlog.oldest_pending_at() is None
    assert not backlog._pending_by_id
    assert not any(vars(backlog._precedence).values())
    for kind in EventKind:
        assert len(backlog.queue(kind)) == 0
        assert not backlog.queue(kind).has_ready(bench.clock.monotonic() + 1e9)


# What is about a call waits for it


@pytest.mark.parametrize("kind", sorted(CALLS))
def test_what_is_about_a_pending_call_waits_and_then_carries_its_number(
    tmp_path: Path, kind: EventKind
) -> None:
    async def case(bench: Sending) -> None:
        call_id = await bench.append(KINDS[kind])
        await bench.append(_note(call_id))
        assert await _claim(bench, EventKind.DISPATCH_NOTE) == []

        claimed = await _attempt(bench, kind)
        assert await _claim(bench, EventKind.DISPATCH_NOTE) == []
        bench.outbox.backlog.acknowledge(claimed, CREATED)

        (delivery,) = await _claim(bench, EventKind.DISPATCH_NOTE)
        assert delivery.event.event == _note(302)

    run_sending(tmp_path, case, relaying=False)


def test_a_call_that_ends_wakes_those_who_wait_for_it(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        call_id = await bench.append(call())
        await bench.append(_note(call_id))
        alarm = bench.outbox.backlog.alarm(EventKind.DISPATCH_NOTE)
        await alarm.wait_until(None)  # that it came

        bench.outbox.backlog.acknowledge(await _attempt(bench, CALL_911), CREATED)

        started = bench.clock.monotonic()
        await alarm.wait_until(started + 60.0)
        assert bench.clock.monotonic() == started

    run_sending(tmp_path, case, relaying=False)


def test_what_comes_after_its_call_was_created_goes_at_once(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        call_id = await bench.append(call())
        bench.outbox.backlog.acknowledge(await _attempt(bench, CALL_911), CREATED)
        await bench.append(_note(call_id, "before the end is on disk"))
        (first,) = await _claim(bench, EventKind.DISPATCH_NOTE)
        bench.outbox.backlog.acknowledge([first], None)
        await bench.store.ping()
        await bench.append(_note(call_id, "after"))
        (second,) = await _claim(bench, EventKind.DISPATCH_NOTE)

        assert [calls_of(delivery.event.event) for delivery in (first, second)] == [(302,), (302,)]

    run_sending(tmp_path, case, relaying=False)


@pytest.mark.parametrize("waiting", [True, False])
def test_what_is_about_a_call_that_failed_fails_with_it(tmp_path: Path, *, waiting: bool) -> None:
    async def case(bench: Sending) -> None:
        call_id = await bench.append(call())
        claimed = await _attempt(bench, CALL_911)
        ids = [await bench.append(event) for event in _ends(call_id) if waiting]
        with capture_logs() as logs:
            bench.outbox.backlog.bury(claimed, "bad_request", "no")
            await _settle(bench)
            ids += [await bench.append(event) for event in _ends(call_id) if not waiting]

        views = [await _view(bench, event_id) for event_id in ids]
        assert [view.state for view in views] == [EventState.FAILED] * 3
        assert {view.error for view in views} == {"call_failed: its call failed"}
        for event in _ends(call_id):
            labels = {"server": "main", "kind": kind_of(event), "reason": "call_failed"}
            assert bench.sample("events_failed_total", **labels) == 1.0
        told = [entry for entry in logs if entry["event"] == "event failed"]
        assert [entry["reason"] for entry in told] == ["bad_request", *["call_failed"] * 3]
        await _assert_nothing_is_left(bench)

    run_sending(tmp_path, case, relaying=False)


def test_what_is_about_a_call_that_expired_fails_with_it(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        call_id = await bench.append(call())
        note = await bench.append(_note(call_id))
        await bench.clock.sleep(900.0)
        _expire(bench)

        assert await _states(bench, call_id, note) == ["expired", "failed"]
        assert (await _view(bench, note)).error == "call_failed: its call expired"
        await _assert_nothing_is_left(bench)

    run_sending(tmp_path, case, relaying=False)


def test_what_is_about_a_call_without_a_number_fails_and_says_so(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        call_id = await bench.append(call())
        note = await bench.append(_note(call_id))
        bench.outbox.backlog.acknowledge(await _attempt(bench, CALL_911), Result())

        assert (await _view(bench, note)).error == "call_unknown: the CAD did not tell the number of its call"

    run_sending(tmp_path, case, relaying=False)


def test_what_waits_for_its_call_expires_in_its_own_time(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        call_id = await bench.append(call())
        claimed = await _attempt(bench, CALL_911)
        note = await bench.append(_note(call_id))
        await bench.clock.sleep(60.0)
        _expire(bench)
        assert await _states(bench, call_id, note) == ["pending", "expired"]

        bench.outbox.backlog.acknowledge(claimed, CREATED)
        assert await _claim(bench, EventKind.DISPATCH_NOTE) == []
        await _assert_nothing_is_left(bench)

    run_sending(tmp_path, case, relaying=False, config=OutboxConfig(ttl=TtlConfig(other=60.0)))


# Calls that are ended before they were sent


async def _as_appended(_: Sending, __: EventId) -> None:
    """Leave the call as it was appended."""


async def _in_backoff(bench: Sending, _: EventId) -> None:
    bench.outbox.backlog.reschedule(await _claim(bench, CALL_911), bench.clock.monotonic() + 30.0)


@pytest.mark.parametrize("prepare", [_as_appended, _in_backoff])
def test_a_call_that_was_not_sent_is_not_sent_once_it_is_ended(
    tmp_path: Path, prepare: Callable[[Sending, EventId], Awaitable[None]]
) -> None:
    async def case(bench: Sending) -> None:
        call_id = await bench.append(call())
        await prepare(bench, call_id)
        note = await bench.append(_note(call_id))
        removal = await bench.append(EmergencyCallRemoval(call=call_id))

        cancelled, pointless, done = [await _view(bench, event_id) for event_id in (call_id, note, removal)]
        assert (cancelled.state, cancelled.error) == (
            EventState.SUPERSEDED,
            "cancelled: ended before it was sent",
        )
        assert cancelled.result is None
        assert (pointless.state, pointless.error) == (
            EventState.SUPERSEDED,
            "cancelled: its call was cancelled",
        )
        assert (done.state, done.result) == (EventState.DELIVERED, Result(cancelled=True))
        assert bench.sample("events_superseded_total", server="main", kind="call_911") == 1.0
        assert bench.sample("events_delivered_total", server="main", kind="call_911_remove") == 1.0
        await _assert_nothing_is_left(bench)

    run_sending(tmp_path, case, relaying=False)


def test_a_cancelled_call_stays_cancelled_over_a_crash(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        call_id = await bench.append(call())
        removal = await bench.append(EmergencyCallRemoval(call=call_id))
        again = await bench.restart(relaying=False)  # before or after the ends are on disk

        await again.store.ping()
        assert await _states(again, call_id, removal) == ["superseded", "delivered"]
        await _assert_nothing_is_left(again)
        await again.__aexit__()

    run_sending(tmp_path, case, relaying=False)


def test_what_comes_after_a_call_was_cancelled_ends_as_if_it_had_waited(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        call_id = await bench.append(call())
        await bench.append(EmergencyCallRemoval(call=call_id))
        late = [await bench.append(event) for event in _ends(call_id)]
        await bench.store.ping()
        later = [await bench.append(event) for event in _ends(call_id)]

        assert await _states(bench, *late) == ["superseded", "superseded", "delivered"]
        assert await _states(bench, *later) == ["superseded", "superseded", "delivered"]

    run_sending(tmp_path, case, relaying=False)


def test_a_call_in_flight_is_created_and_then_ended(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        call_id = await bench.append(call())
        claimed = await _attempt(bench, CALL_911)
        removal = await bench.append(EmergencyCallRemoval(call=call_id))
        assert await _states(bench, call_id, removal) == ["pending", "pending"]

        bench.outbox.backlog.acknowledge(claimed, CREATED)

        (delivery,) = await _claim(bench, EventKind.CALL_911_REMOVE)
        assert delivery.event.event == EmergencyCallRemoval(call=302)
        assert await _states(bench, call_id) == ["delivered"]

    run_sending(tmp_path, case, relaying=False)


def test_a_call_that_was_claimed_but_not_yet_sent_when_it_was_ended_goes_its_way(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        call_id = await bench.append(call())
        claimed = await _claim(bench, CALL_911)
        await bench.append(EmergencyCallRemoval(call=call_id))
        assert await _states(bench, call_id) == ["pending"]
        await bench.outbox.backlog.begin_attempt(claimed)
        bench.outbox.backlog.acknowledge(claimed, CREATED)

        assert len(await _claim(bench, EventKind.CALL_911_REMOVE)) == 1

    run_sending(tmp_path, case, relaying=False)


def test_a_call_ended_in_flight_is_not_tried_again_after_a_clear_end(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        call_id = await bench.append(call())
        claimed = await _attempt(bench, CALL_911)
        removal = await bench.append(EmergencyCallRemoval(call=call_id))
        bench.outbox.backlog.reschedule(claimed, bench.clock.monotonic())

        assert await _states(bench, call_id, removal) == ["superseded", "delivered"]
        assert await _claim(bench, CALL_911) == []
        await bench.store.ping()
        assert await bench.rows("SELECT attempted_at FROM events WHERE kind = 'call_911'") == [(None,)]
        await _assert_nothing_is_left(bench)

    run_sending(tmp_path, case, relaying=False)


def test_a_call_whose_attempt_the_disk_refused_can_be_cancelled(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        call_id = await bench.append(call())
        claimed = await _claim(bench, CALL_911)
        removal = await bench.append(EmergencyCallRemoval(call=call_id))
        with full_disk(bench.path.with_name(FULL_WAL)), pytest.raises(StoreError):
            await bench.outbox.backlog.begin_attempt(claimed)
        bench.outbox.backlog.reschedule(claimed, bench.clock.monotonic() + 1.0)

        assert await _states(bench, call_id, removal) == ["superseded", "delivered"]

    run_sending(tmp_path, case, relaying=False)


def test_several_events_may_end_one_call(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        call_id = await bench.append(KINDS[DISPATCH_CALL])
        claimed = await _attempt(bench, DISPATCH_CALL)
        closings = [await bench.append(DispatchClosing(calls=(call_id,))) for _ in range(3)]
        bench.outbox.backlog.reschedule(claimed, bench.clock.monotonic())

        assert await _states(bench, call_id, *closings) == ["superseded", *["delivered"] * 3]
        await _assert_nothing_is_left(bench)

    run_sending(tmp_path, case, relaying=False)


def test_several_events_that_end_one_call_go_one_after_the_other(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        call_id = await bench.append(KINDS[DISPATCH_CALL])
        claimed = await _attempt(bench, DISPATCH_CALL)
        for _ in range(2):
            await bench.append(DispatchClosing(calls=(call_id,)))
        bench.outbox.backlog.acknowledge(claimed, CREATED)

        (first,) = await _claim(bench, EventKind.DISPATCH_CLOSE)
        assert await _claim(bench, EventKind.DISPATCH_CLOSE) == []
        bench.outbox.backlog.acknowledge([first], None)
        (second,) = await _claim(bench, EventKind.DISPATCH_CLOSE)
        assert first.event.event == second.event.event == DispatchClosing(calls=(302,))

    run_sending(tmp_path, case, relaying=False)


def test_closing_several_calls_waits_for_those_under_way_and_cancels_the_rest(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        in_flight, failing, unsent = [await bench.append(KINDS[DISPATCH_CALL]) for _ in range(3)]
        first, second = [await _attempt(bench, DISPATCH_CALL) for _ in range(2)]
        closing = await bench.append(DispatchClosing(calls=(5, in_flight, failing, unsent)))
        assert await _states(bench, in_flight, failing, unsent) == ["pending", "pending", "superseded"]

        bench.outbox.backlog.bury(second, "bad_request", "")
        assert await _claim(bench, EventKind.DISPATCH_CLOSE) == []
        bench.outbox.backlog.acknowledge(first, CREATED)

        (delivery,) = await _claim(bench, EventKind.DISPATCH_CLOSE)
        assert delivery.event.event == DispatchClosing(calls=(5, 302))
        bench.outbox.backlog.acknowledge([delivery], None)
        assert await _states(bench, closing) == ["delivered"]
        await _assert_nothing_is_left(bench)

    run_sending(tmp_path, case, relaying=False)


def test_closing_calls_of_which_none_came_to_be_ends_as_the_last_of_them(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        calls = [await bench.append(KINDS[DISPATCH_CALL]) for _ in range(2)]
        first, second = [await _attempt(bench, DISPATCH_CALL) for _ in range(2)]
        closing = await bench.append(DispatchClosing(calls=tuple(calls)))
        for claimed in (first, second):
            bench.outbox.backlog.bury(claimed, "bad_request", "")

        assert (await _view(bench, closing)).error == "call_failed: its call failed"
        await _assert_nothing_is_left(bench)

    run_sending(tmp_path, case, relaying=False)


def test_a_call_named_twice_in_one_closing_is_closed_once_it_is_there(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        call_id = await bench.append(KINDS[DISPATCH_CALL])
        claimed = await _attempt(bench, DISPATCH_CALL)
        await bench.append(DispatchClosing(calls=(call_id, call_id)))
        bench.outbox.backlog.acknowledge(claimed, CREATED)

        (delivery,) = await _claim(bench, EventKind.DISPATCH_CLOSE)
        assert set(calls_of(delivery.event.event)) == {302}

    run_sending(tmp_path, case, relaying=False)


# Order


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (_attachment(5, A, B), DispatchDetachment(ids=(B,))),
        (DispatchDetachment(ids=(A,)), _attachment(5, A)),
        (_attachment(5, A), _attachment(6, A)),
        (_note(5), _note(5, "2")),
        (_note(5), DispatchClosing(calls=(4, 5))),
        (_attachment(5), DispatchClosing(calls=(5,))),
        (_note(5), EmergencyCallRemoval(call=5)),
        (KINDS[EventKind.PHOTO], KINDS[EventKind.PHOTO]),
    ],
)
def test_what_is_about_one_thing_goes_after_what_came_before(
    tmp_path: Path, first: Event, second: Event
) -> None:
    async def case(bench: Sending) -> None:
        first_id = await bench.append(first)
        claimed = await _claim(bench, kind_of(first))
        second_id = await bench.append(second)
        elsewhere = await bench.append(second, server=OTHER_SERVER)
        assert [each.event.id for each in await _claim(bench, kind_of(second))] == [elsewhere]

        bench.outbox.backlog.reschedule(claimed, bench.clock.monotonic() + 1.0)
        assert await _claim(bench, kind_of(second)) == []
        await bench.clock.sleep(1.0)
        claimed = await _claim(bench, kind_of(first))
        assert {each.event.id for each in claimed} == {first_id}
        bench.outbox.backlog.acknowledge(claimed, None)
        assert [each.event.id for each in await _claim(bench, kind_of(second))] == [second_id]

    run_sending(tmp_path, case, relaying=False)


def test_an_event_goes_only_when_the_one_before_it_has_ended_for_all_its_units(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        await bench.append(_attachment(5, A, B))
        detaching = await bench.append(DispatchDetachment(ids=(A,)))
        first, second = await _claim(bench, EventKind.DISPATCH_ATTACH)
        bench.outbox.backlog.acknowledge([first], None)
        assert await _claim(bench, EventKind.DISPATCH_DETACH) == []
        bench.outbox.backlog.bury([second], "bad_request", "")

        assert [each.event.id for each in await _claim(bench, EventKind.DISPATCH_DETACH)] == [detaching]

    run_sending(tmp_path, case, relaying=False)


def test_what_expired_lets_those_behind_it_go(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        first = await bench.append(_note(5))
        await bench.clock.sleep(10.0)
        second = await bench.append(_note(5, "2"))
        await bench.clock.sleep(50.0)
        _expire(bench)

        assert await _states(bench, first, second) == ["expired", "pending"]
        assert [each.event.id for each in await _claim(bench, EventKind.DISPATCH_NOTE)] == [second]

    run_sending(tmp_path, case, relaying=False, config=OutboxConfig(ttl=TtlConfig(other=60.0)))


def test_order_and_references_survive_a_crash(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        call_id = await bench.append(call())
        for event in (_note(call_id), _attachment(call_id, A), DispatchDetachment(ids=(A,))):
            await bench.append(event)
        again = await bench.restart(relaying=False)

        for kind in (EventKind.DISPATCH_NOTE, EventKind.DISPATCH_ATTACH, EventKind.DISPATCH_DETACH):
            assert await _claim(again, kind) == []
        again.outbox.backlog.acknowledge(await _attempt(again, CALL_911), CREATED)
        for kind in (EventKind.DISPATCH_NOTE, EventKind.DISPATCH_ATTACH, EventKind.DISPATCH_DETACH):
            (delivery,) = await _claim(again, kind)
            assert calls_of(delivery.event.event) in ((302,), ())
            again.outbox.backlog.acknowledge([delivery], None)
        await _assert_nothing_is_left(again)
        await again.__aexit__()

    run_sending(tmp_path, case, relaying=False)


def test_the_number_of_a_call_is_known_after_a_crash(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        call_id = await bench.append(call())
        await bench.append(_note(call_id))
        bench.outbox.backlog.acknowledge(await _attempt(bench, CALL_911), CREATED)
        await bench.store.ping()
        again = await bench.restart(relaying=False)

        (delivery,) = await _claim(again, EventKind.DISPATCH_NOTE)
        assert delivery.event.event == _note(302)
        await again.__aexit__()

    run_sending(tmp_path, case, relaying=False)


def test_a_crash_right_after_a_call_failed_fails_what_was_about_it_at_the_next_start(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        call_id = await bench.append(call())
        claimed = await _attempt(bench, CALL_911)
        ids = [await bench.append(event) for event in _ends(call_id)]
        bench.outbox.backlog.bury(claimed, "bad_request", "")
        await bench.store.write(lambda tx: tx.execute("UPDATE events SET state = 'pending' WHERE seq > 1"))
        again = await bench.restart(relaying=False)

        assert await _states(again, call_id, *ids) == ["failed"] * 4
        assert (await again.view(ids[0])).error == "call_failed: its call failed"
        await _assert_nothing_is_left(again)
        await again.__aexit__()

    run_sending(tmp_path, case, relaying=False)


def test_when_the_cad_is_back_what_waits_for_another_event_still_waits(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        call_id = await bench.append(call())
        in_doubt = await _doubtful(bench, KINDS[DISPATCH_CALL])
        await bench.append(_note(call_id))
        await bench.append(_note(5))
        await bench.append(DispatchClosing(calls=(5,)))
        notes = await _claim(bench, EventKind.DISPATCH_NOTE)
        bench.outbox.backlog.reschedule(notes, bench.clock.monotonic() + 30.0)
        bench.outbox.backlog.release_all()

        assert await _claim(bench, EventKind.DISPATCH_NOTE) == notes
        assert await _claim(bench, EventKind.DISPATCH_CLOSE) == []
        assert await _claim(bench, DISPATCH_CALL) == []
        assert bench.outbox.backlog.in_doubt(in_doubt)
        bench.outbox.backlog.acknowledge(notes, None)
        bench.outbox.backlog.absolve(in_doubt)
        assert len(await _claim(bench, EventKind.DISPATCH_CLOSE)) == 1
        assert len(await _claim(bench, DISPATCH_CALL)) == 1

    run_sending(tmp_path, case, relaying=False)


# Doubt


def test_a_call_in_doubt_rings_and_waits_but_holds_up_no_other(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        event = await _doubtful(bench)
        other = await bench.append(call())

        started = bench.clock.monotonic()
        await bench.outbox.backlog.doubt_alarm.wait_until(started + 60.0)
        assert bench.clock.monotonic() == started
        assert list(bench.outbox.backlog.doubtful()) == [event]
        assert bench.outbox.backlog.in_doubt(event)
        assert [each.event.id for each in await _claim(bench, CALL_911)] == [other]

    run_sending(tmp_path, case, relaying=False)


@pytest.mark.parametrize("unverified", [False, True])
def test_a_call_that_was_found_is_delivered(tmp_path: Path, *, unverified: bool) -> None:
    async def case(bench: Sending) -> None:
        event = await _doubtful(bench)
        if unverified:
            bench.outbox.backlog.repeat(event, bench.clock.monotonic())
            bench.outbox.backlog.doubt(await _attempt(bench, CALL_911))
        note = await bench.append(_note(event.id))
        bench.outbox.backlog.confirm(event, 302)

        view = await _view(bench, event.id)
        assert (view.state, view.result) == (
            EventState.DELIVERED,
            Result(call_id=302, unverified=unverified),
        )
        (delivery,) = await _claim(bench, EventKind.DISPATCH_NOTE)
        assert (delivery.event.id, delivery.event.event) == (note, _note(302))
        assert not bench.outbox.backlog.in_doubt(event)

    run_sending(tmp_path, case, relaying=False)


def test_a_call_that_is_not_there_is_sent_again_at_once(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        event = await _doubtful(bench)
        bench.outbox.backlog.absolve(event)

        assert not bench.outbox.backlog.in_doubt(event)
        assert [each.event for each in await _claim(bench, CALL_911)] == [event]
        assert await bench.rows("SELECT attempted_at, unverified FROM events") == [(None, 0)]

    run_sending(tmp_path, case, relaying=False)


def test_a_call_that_may_be_there_is_sent_again_in_its_time_and_says_so(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        event = await _doubtful(bench)
        bench.outbox.backlog.repeat(event, bench.clock.monotonic() + 5.0)

        assert await _claim(bench, CALL_911) == []
        assert await bench.rows("SELECT attempted_at, unverified FROM events") == [(None, 1)]
        await bench.clock.sleep(5.0)
        assert [each.event for each in await _claim(bench, CALL_911)] == [event]
        assert event.unverified

    run_sending(tmp_path, case, relaying=False)


def test_a_call_that_is_given_up_fails_with_what_waits_for_it(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        event = await _doubtful(bench)
        note = await bench.append(_note(event.id))
        with capture_logs() as logs:
            bench.outbox.backlog.give_up(event, "nobody can look")
            await _settle(bench)

        assert (await _view(bench, event.id)).error == "unclear: nobody can look"
        assert (await _view(bench, note)).error == "call_failed: its call failed"
        labels = {"server": "main", "kind": "call_911", "reason": "unclear"}
        assert bench.sample("events_failed_total", **labels) == 1.0
        assert [entry["reason"] for entry in logs] == ["unclear", "call_failed"]
        await _assert_nothing_is_left(bench)

    run_sending(tmp_path, case, relaying=False)


def test_a_call_in_doubt_expires_and_is_no_longer_looked_for(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        event = await _doubtful(bench)
        await bench.clock.sleep(900.0)
        _expire(bench)

        assert await _states(bench, event.id) == ["expired"]
        assert not bench.outbox.backlog.in_doubt(event)
        await bench.store.ping()
        assert await bench.rows("SELECT attempted_at FROM events") == [(None,)]
        await _assert_nothing_is_left(bench)

    run_sending(tmp_path, case, relaying=False)


def test_a_call_in_doubt_is_not_cancelled_before_somebody_looked(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        event = await _doubtful(bench)
        removal = await bench.append(EmergencyCallRemoval(call=event.id))
        assert await _states(bench, event.id, removal) == ["pending", "pending"]
        assert bench.outbox.backlog.in_doubt(event)

        bench.outbox.backlog.confirm(event, 302)
        (delivery,) = await _claim(bench, EventKind.CALL_911_REMOVE)
        assert delivery.event.event == EmergencyCallRemoval(call=302)

    run_sending(tmp_path, case, relaying=False)


def test_a_call_in_doubt_that_was_ended_is_not_sent_again(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        absent, unseen, hopeless = [await _doubtful(bench) for _ in range(3)]
        removals = [
            await bench.append(EmergencyCallRemoval(call=event.id)) for event in (absent, unseen, hopeless)
        ]
        bench.outbox.backlog.absolve(absent)
        bench.outbox.backlog.repeat(unseen, bench.clock.monotonic())
        bench.outbox.backlog.give_up(hopeless, "nobody can look")

        assert await _states(bench, absent.id, unseen.id, hopeless.id) == [
            "superseded",
            "superseded",
            "failed",
        ]
        assert await _states(bench, *removals) == ["delivered", "failed", "failed"]
        unknown = (await _view(bench, removals[1])).error
        assert unknown == "call_unknown: its call may have reached the CAD, which did not tell its number"
        assert (await _view(bench, absent.id)).result is None
        assert (await _view(bench, unseen.id)).result == Result(cancelled=True, unverified=True)
        await _assert_nothing_is_left(bench)

    run_sending(tmp_path, case, relaying=False)


def test_doubt_and_what_is_to_be_ended_survive_a_crash(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        event = await _doubtful(bench)
        removal = await bench.append(EmergencyCallRemoval(call=event.id))
        again = await bench.restart(relaying=False)

        (found,) = again.outbox.backlog.doubtful()
        assert found.id == event.id
        again.outbox.backlog.absolve(found)
        assert await _states(again, event.id, removal) == ["superseded", "delivered"]
        await again.__aexit__()

    run_sending(tmp_path, case, relaying=False)


@pytest.mark.parametrize("unverified", [False, True])
def test_what_was_decided_of_a_call_in_doubt_survives_a_crash(tmp_path: Path, *, unverified: bool) -> None:
    async def case(bench: Sending) -> None:
        event = await _doubtful(bench)
        if unverified:
            bench.outbox.backlog.repeat(event, bench.clock.monotonic())
        else:
            bench.outbox.backlog.absolve(event)
        await bench.store.ping()
        again = await bench.restart(relaying=False)

        assert list(again.outbox.backlog.doubtful()) == []
        (delivery,) = await _claim(again, CALL_911)
        assert (delivery.event.id, delivery.event.unverified) == (event.id, unverified)
        await again.__aexit__()

    run_sending(tmp_path, case, relaying=False)


def test_what_was_decided_but_not_written_is_looked_up_again(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        event = await _doubtful(bench)
        with full_disk(bench.path.with_name(FULL_WAL)):
            bench.outbox.backlog.absolve(event)
            with pytest.raises(StoreError):
                await bench.outbox.backlog.begin_attempt(await _claim(bench, CALL_911))
        again = await bench.restart(relaying=False)

        assert [found.id for found in again.outbox.backlog.doubtful()] == [event.id]
        await again.__aexit__()

    run_sending(tmp_path, case, relaying=False)


# Ends and the disk


def test_a_call_whose_end_the_disk_refused_is_known_to_what_comes_after(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        call_id = await bench.append(call())
        claimed = await _attempt(bench, CALL_911)
        with full_disk(bench.path.with_name(FULL_WAL)):
            bench.outbox.backlog.acknowledge(claimed, CREATED)
            with pytest.raises(StoreError):
                await bench.append(panic())
        assert await bench.rows("SELECT state FROM events") == [("pending",)]
        await bench.append(_note(call_id))

        (delivery,) = _claim_now(bench, EventKind.DISPATCH_NOTE)
        assert delivery.event.event == _note(302)

    run_sending(tmp_path, case, relaying=False)


def test_what_waits_for_an_end_goes_only_when_that_is_on_disk(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        await bench.append(_attachment(5, A))
        detaching = await bench.append(DispatchDetachment(ids=(A,)))
        claimed = await _claim(bench, EventKind.DISPATCH_ATTACH)
        with full_disk(bench.path.with_name(FULL_WAL)):
            bench.outbox.backlog.acknowledge(claimed, None)
            with pytest.raises(StoreError):
                await bench.append(panic())
        assert _claim_now(bench, EventKind.DISPATCH_DETACH) == []  # a kill would send the attachment after it

        bench.outbox.backlog.writeback.save_again()
        assert [each.event.id for each in await _claim(bench, EventKind.DISPATCH_DETACH)] == [detaching]

    run_sending(tmp_path, case, relaying=False)


def test_nothing_expires_while_nobody_knows_how_long_the_machine_slept(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.outbox.backlog.awake_at = bench.clock.monotonic()
        event_id = await bench.append(call())
        await bench.clock.sleep(900.0)
        _expire(bench)
        assert await _states(bench, event_id) == ["pending"]

        bench.outbox.backlog.awake_at = bench.clock.monotonic()
        _expire(bench)
        assert await _states(bench, event_id) == ["expired"]

    run_sending(tmp_path, case, relaying=False)


@pytest.mark.parametrize("kind", EventKind)
def test_nothing_is_remembered_of_what_ended(tmp_path: Path, kind: EventKind) -> None:
    async def case(bench: Sending) -> None:
        for number in range(100):
            await bench.append(KINDS[kind])
            claimed = await _claim(bench, kind)
            if number % 3 == 0:
                bench.outbox.backlog.reschedule(claimed, bench.clock.monotonic())
                claimed = await _claim(bench, kind)
            bench.outbox.backlog.acknowledge(claimed, None)

        await _assert_nothing_is_left(bench)
        assert len(bench.outbox.backlog.queue(kind)._expiring) <= HEAP_SLACK + 2
        await bench.store.ping()
        assert bench.outbox.backlog.writeback.count(EventState.DELIVERED) == 0

    run_sending(tmp_path, case, relaying=False)


def test_a_sleep_of_the_machine_costs_nothing_of_the_time_to_live(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        waiting, in_flight = await bench.append(_note(5)), await bench.append(call())
        claimed = await _attempt(bench, CALL_911)
        await bench.clock.sleep(4_000.0)
        bench.outbox.shift(0.0, 4_000.0)
        bench.outbox.backlog.reschedule(claimed, bench.clock.monotonic())
        _expire(bench)
        assert await _states(bench, waiting, in_flight) == ["pending", "pending"]

        await bench.clock.sleep(900.0)
        _expire(bench)
        assert await _states(bench, waiting, in_flight) == ["pending", "expired"]

    run_sending(tmp_path, case, relaying=False)


def test_a_jump_of_the_wall_clock_is_kept_out_of_what_is_told_and_remembered(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        event = await _doubtful(bench)
        before: EventView = await _view(bench, event.id)
        bench.clock.wall_jump = 86_400.0
        bench.outbox.shift(86_400.0, 0.0)
        assert (await _view(bench, event.id)).accepted_at == before.accepted_at + 86_400.0
        await bench.clock.sleep(5.0)
        again = await bench.restart(relaying=False)

        (found,) = again.outbox.backlog.doubtful()
        assert found.attempted_at == pytest.approx(again.clock.monotonic() - 5.0)
        assert found.doubted_at == pytest.approx(again.clock.monotonic() - 5.0 + SLOW_COMMIT)
        assert found.expires_at == pytest.approx(event.expires_at)
        await again.__aexit__()

    run_sending(tmp_path, case, relaying=False)
