"""What stays true of the outbox when several faults meet: order, references, and times that move."""

import asyncio
import threading
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bridge.config import OutboxConfig
from bridge.errors import StoreError
from bridge.events import (
    DispatchAttachment,
    DispatchClosing,
    DispatchDetachment,
    DispatchNote,
    EmergencyCallRemoval,
    EventKind,
    EventState,
)
from bridge.outbox import Delivery, Result
from bridge.store.store import CROWD
from bridge.units import UnitId
from tests.support.full_disk import full_disk
from tests.support.sending import KINDS, Sending, call, panic, run_sending

A = UnitId("license:a")
DAY = 86_400.0
WAL = "outbox.sqlite3-wal"


async def _claim(bench: Sending, kind: EventKind) -> list[Delivery]:
    """Take what may be sent once all ends so far are on disk, with what follows from them."""
    for _ in range(3):
        await bench.store.ping()
    now = bench.clock.monotonic()
    return bench.outbox.backlog.claim(kind, now, busy=frozenset(), limit=100)


async def _attempt(bench: Sending, kind: EventKind) -> list[Delivery]:
    claimed = await _claim(bench, kind)
    await bench.outbox.backlog.begin_attempt(claimed)
    return claimed


async def _postpone(bench: Sending, kind: EventKind) -> None:
    bench.outbox.backlog.reschedule(await _claim(bench, kind), bench.clock.monotonic() + 30.0)


def test_who_leaves_the_middle_of_a_line_lets_nobody_overtake(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        await bench.append(DispatchDetachment(ids=(A,)))
        await _postpone(bench, EventKind.DISPATCH_DETACH)
        call_id = await bench.append(KINDS[EventKind.DISPATCH_CALL])
        await bench.append(DispatchAttachment(call=call_id, ids=(A,)))
        await bench.append(DispatchAttachment(call=302, ids=(A,)))
        await bench.append(
            DispatchClosing(calls=(call_id,))
        )  # unsent, the call ends, and the first attachment

        assert await _claim(bench, EventKind.DISPATCH_ATTACH) == []

    run_sending(tmp_path, case, relaying=False)


def test_who_comes_after_that_overtakes_nobody_either(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        call_id = await bench.append(call())
        bench.outbox.backlog.bury(await _attempt(bench, EventKind.CALL_911), "bad_request", "")
        await bench.append(DispatchDetachment(ids=(A,)))
        await _postpone(bench, EventKind.DISPATCH_DETACH)
        await bench.append(DispatchAttachment(call=call_id, ids=(A,)))  # fails at once, with its call
        await bench.append(DispatchAttachment(call=302, ids=(A,)))

        assert await _claim(bench, EventKind.DISPATCH_ATTACH) == []

    run_sending(tmp_path, case, relaying=False)


def test_a_call_named_by_its_number_is_the_one_named_by_its_event(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        call_id = await bench.append(KINDS[EventKind.DISPATCH_CALL])
        await bench.append(DispatchNote(call=call_id, note="Caller hides"))
        claimed = await _attempt(bench, EventKind.DISPATCH_CALL)
        bench.outbox.backlog.acknowledge(claimed, Result(call_id=302))
        await _postpone(bench, EventKind.DISPATCH_NOTE)
        await bench.append(DispatchClosing(calls=(302,)))

        assert await _claim(bench, EventKind.DISPATCH_CLOSE) == []

    run_sending(tmp_path, case, relaying=False)


def test_a_restart_does_not_let_a_closing_overtake_the_note_before_it(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        call_id = await bench.append(KINDS[EventKind.DISPATCH_CALL])
        await bench.append(DispatchNote(call=call_id, note="Caller hides"))
        claimed = await _attempt(bench, EventKind.DISPATCH_CALL)
        bench.outbox.backlog.acknowledge(claimed, Result(call_id=302))
        await _postpone(bench, EventKind.DISPATCH_NOTE)
        await bench.store.ping()
        await bench.append(DispatchClosing(calls=(call_id,)))
        again = await bench.restart(relaying=False)

        assert await _claim(again, EventKind.DISPATCH_CLOSE) == []
        again.outbox.backlog.acknowledge(await _claim(again, EventKind.DISPATCH_NOTE), None)
        (closing,) = await _claim(again, EventKind.DISPATCH_CLOSE)
        assert closing.event.event == DispatchClosing(calls=(302,))
        await again.__aexit__()

    run_sending(tmp_path, case, relaying=False)


def test_a_note_outlives_a_restart_after_its_call_was_deleted(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        call_id = await bench.append(call())
        note = await bench.append(DispatchNote(call=call_id, note="Caller hides"))
        claimed = await _attempt(bench, EventKind.CALL_911)
        bench.outbox.backlog.acknowledge(claimed, Result(call_id=302))
        await _postpone(bench, EventKind.DISPATCH_NOTE)
        await bench.clock.sleep(100.0)
        await bench.outbox.prune()
        again = await bench.restart(relaying=False)

        assert (await again.view(note)).state is EventState.PENDING
        (delivery,) = await _claim(again, EventKind.DISPATCH_NOTE)
        assert delivery.event.event == DispatchNote(call=302, note="Caller hides")
        await again.__aexit__()

    run_sending(tmp_path, case, relaying=False, config=OutboxConfig(keep_delivered=60.0))


def test_what_is_accepted_after_a_jump_of_time_keeps_its_own_time(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        await bench.append(panic("license:before"))
        with full_disk(bench.path.with_name(WAL)):
            bench.clock.wall_jump = -DAY
            bench.outbox.shift(-DAY, 0.0)
            with pytest.raises(StoreError):
                await bench.append(panic("license:refused"))
        event_id = await bench.append(panic())
        bench.outbox.backlog.writeback.save_again()
        await bench.store.ping()
        again = await bench.restart(relaying=False)
        again.outbox.backlog.expire(EventKind.PANIC, again.clock.monotonic(), "")

        assert (await again.view(event_id)).state is EventState.PENDING
        await again.__aexit__()

    run_sending(tmp_path, case, relaying=False)


def test_what_overtakes_a_jump_of_time_on_its_way_to_disk_is_left_alone_by_it(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        open_gate, busy = threading.Event(), threading.Event()

        def hold(_: object) -> None:
            busy.set()
            open_gate.wait(5.0)

        bench.store.post(hold)
        await asyncio.to_thread(busy.wait)
        bench.clock.wall_jump = -DAY
        bench.outbox.shift(-DAY, 0.0)
        async with asyncio.TaskGroup() as group:
            group.create_task(bench.append(panic()))
            await bench.clock.sleep(0.0)
            open_gate.set()
        await bench.store.ping()
        ((accepted_at,),) = await bench.rows("SELECT accepted_at FROM events")

        assert accepted_at == pytest.approx(bench.clock.wall(), abs=10.0)

    run_sending(tmp_path, case, relaying=False)


def test_the_log_tells_a_cancelled_call_from_one_that_a_newer_state_replaced(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        call_id = await bench.append(call())
        with capture_logs() as logs:
            await bench.append(EmergencyCallRemoval(call=call_id))
            await bench.append(panic())
            await bench.append(panic(active=False))

        told = [line["reason"] for line in logs if line["event"] == "event superseded"]
        assert told == ["cancelled", "newer_state"]

    run_sending(tmp_path, case, relaying=False)


def test_a_call_that_expires_in_doubt_says_that_it_may_be_there(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        call_id = await bench.append(call())
        bench.outbox.backlog.doubt(await _attempt(bench, EventKind.CALL_911))
        await bench.clock.sleep(900.0)
        bench.outbox.backlog.expire(EventKind.CALL_911, bench.clock.monotonic(), "")

        view = await bench.view(call_id)
        assert (view.state, view.result) == (EventState.EXPIRED, Result(unverified=True))

    run_sending(tmp_path, case, relaying=False)


def test_a_stop_waits_for_what_only_waits_for_the_end_of_its_call_to_be_on_disk(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        call_id = await bench.append(call())
        notes = [await bench.append(DispatchNote(call=call_id, note=text)) for text in ("one", "two")]
        await bench.relay.drain(bench.clock.monotonic() + 10.0)

        states = {(await bench.view(event_id)).state for event_id in (call_id, *notes)}
        assert states == {EventState.DELIVERED}

    run_sending(tmp_path, case)


def test_nothing_expires_while_more_is_on_its_way_to_disk_than_it_takes(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        event_id = await bench.append(panic())
        await bench.clock.sleep(700.0)
        for _ in range(CROWD):
            bench.store.post(lambda transaction: transaction.query("SELECT 1"))
        bench.outbox.backlog.expire(EventKind.PANIC, bench.clock.monotonic(), "")
        assert (await bench.view(event_id)).state is EventState.PENDING

        await bench.store.ping()
        while bench.store.crowded:
            await bench.store.ping()
        bench.outbox.backlog.expire(EventKind.PANIC, bench.clock.monotonic(), "")
        assert (await bench.view(event_id)).state is EventState.EXPIRED

    run_sending(tmp_path, case, relaying=False)
