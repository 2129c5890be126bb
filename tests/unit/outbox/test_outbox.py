import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bridge.config import OutboxConfig
from bridge.errors import CadError, IdempotencyError, OutboxFullError, PushError, StoreError
from bridge.events import (
    DispatchAttachment,
    DispatchCall,
    DispatchClosing,
    DispatchDetachment,
    DispatchNote,
    EmergencyCallRemoval,
    Event,
    EventId,
    EventKind,
    EventState,
    with_calls,
)
from bridge.operations import CREATE_911_CALL, CREATE_DISPATCH_CALL
from bridge.outbox import Delivery, Idempotency, Result
from bridge.outbox.backlog import decide
from bridge.outbox.outbox import SLOW_COMMIT
from bridge.outbox.records import Outcome
from bridge.store import Transaction
from bridge.units import UnitId
from tests.support.full_disk import full_disk
from tests.support.sending import (
    KINDS,
    NAMES,
    OTHER_SERVER,
    SERVER,
    Sending,
    call,
    panic,
    run_sending,
    status,
)

NOBODY: frozenset[object] = frozenset()
KEY = Idempotency(key="k-1", body_hash=b"hash")
SHORT_LIVED = {EventKind.PANIC, EventKind.STATUS, EventKind.CALL_911, EventKind.KICK}


def _claim(bench: Sending, kind: EventKind = EventKind.PANIC) -> list[Delivery]:
    return bench.outbox.backlog.claim(kind, bench.clock.monotonic(), busy=NOBODY, limit=100)


def _expire(bench: Sending, kind: EventKind = EventKind.PANIC, detail: str = "") -> None:
    bench.outbox.backlog.expire(kind, bench.clock.monotonic(), detail)


@pytest.mark.parametrize("kind", EventKind)
def test_what_was_appended_is_on_disk_claimable_and_counted(tmp_path: Path, kind: EventKind) -> None:
    async def case(bench: Sending) -> None:
        event_id = await bench.append(KINDS[kind])

        assert await bench.rows("SELECT id, state FROM events") == [(event_id, "pending")]
        assert bench.sample("events_accepted_total", server="main", kind=kind) == 1.0
        assert bench.outbox.counts()[EventState.PENDING] == 1
        (delivery,) = _claim(bench, kind)
        assert (delivery.event.id, delivery.event.event) == (event_id, KINDS[kind])

    run_sending(tmp_path, case, relaying=False)


def test_appending_rings_the_alarm_of_its_kind_alone(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        await bench.append(status())
        started = bench.clock.monotonic()

        await bench.outbox.backlog.alarm(EventKind.STATUS).wait_until(started + 5.0)
        assert bench.clock.monotonic() == started
        await bench.outbox.backlog.alarm(EventKind.PANIC).wait_until(started + 5.0)
        assert bench.clock.monotonic() == started + 5.0

    run_sending(tmp_path, case, relaying=False)


@pytest.mark.parametrize(
    ("event", "seconds"),
    [
        (panic(), 600.0),
        (panic(active=False), 86_400.0),
        (status(), 600.0),
        (call(), 900.0),
        (KINDS[EventKind.KICK], 60.0),
        *((KINDS[kind], 86_400.0) for kind in EventKind if kind not in SHORT_LIVED),
    ],
)
def test_every_event_has_the_time_to_live_of_its_kind(tmp_path: Path, event: Event, seconds: float) -> None:
    async def case(bench: Sending) -> None:
        await bench.append(event)

        assert await bench.rows("SELECT expires_at - accepted_at FROM events") == [(seconds,)]

    run_sending(tmp_path, case, relaying=False)


def test_an_event_is_found_while_it_waits_and_after_it_ended(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        event_id = await bench.append(panic("license:1", "license:2"))
        waiting = await bench.view(event_id)
        await bench.clock.sleep(2.0)
        bench.outbox.backlog.acknowledge(_claim(bench), Result(updated=2, of=2))
        ended_in_memory = await bench.view(event_id)
        await bench.store.ping()
        ended_on_disk = await bench.view(event_id)

        assert (waiting.state, waiting.delivered_at, waiting.result) == (EventState.PENDING, None, None)
        assert ended_in_memory == ended_on_disk
        assert ended_on_disk.state is EventState.DELIVERED
        assert ended_on_disk.delivered_at == ended_on_disk.accepted_at + 2.0
        assert ended_on_disk.result == Result(updated=2, of=2)
        assert bench.outbox.backlog.writeback.find(SERVER, event_id) is None

    run_sending(tmp_path, case, relaying=False)


def test_no_server_sees_anothers_event_at_any_time(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        event_id = await bench.append(panic())
        found = [await bench.outbox.find(OTHER_SERVER, event_id)]
        bench.outbox.backlog.acknowledge(_claim(bench), Result())
        found.append(await bench.outbox.find(OTHER_SERVER, event_id))
        await bench.store.ping()
        found.append(await bench.outbox.find(OTHER_SERVER, event_id))
        found.append(await bench.outbox.find(SERVER, EventId("unknown")))

        assert found == [None] * 4

    run_sending(tmp_path, case, relaying=False)


def test_the_last_tenth_is_kept_for_panics(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        for number in range(8):
            await bench.append(status(f"license:{number}"))
        with pytest.raises(OutboxFullError):  # together or not at all
            await bench.append(status("license:8"), status("license:9"))
        await bench.append(call())
        assert bench.outbox.full
        with pytest.raises(OutboxFullError):
            await bench.append(call())
        with pytest.raises(OutboxFullError):
            await bench.append(panic(), status())
        await bench.append(panic())
        with pytest.raises(OutboxFullError, match="10 events wait for the CAD already"):
            await bench.append(panic())

        assert bench.outbox.counts()[EventState.PENDING] == 10

    run_sending(tmp_path, case, relaying=False, config=OutboxConfig(max_events=10))


def test_a_request_repeated_while_the_outbox_is_full_gets_its_events(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        first = await bench.outbox.append(SERVER, [panic(), call()], idempotency=KEY)
        await bench.append(panic("license:b"))

        assert await bench.outbox.append(SERVER, [panic(), call()], idempotency=KEY) == first
        with pytest.raises(OutboxFullError):
            await bench.append(panic(), idempotency=Idempotency(key="k-2", body_hash=b"new"))
        with pytest.raises(IdempotencyError):
            await bench.append(panic(), idempotency=Idempotency(key=KEY.key, body_hash=b"another"))

    run_sending(tmp_path, case, relaying=False, config=OutboxConfig(max_events=3))


def test_events_on_their_way_to_the_disk_count_towards_the_limit(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        ends = await asyncio.gather(
            *(bench.append(panic(f"license:{number}")) for number in range(5)), return_exceptions=True
        )
        assert sum(isinstance(end, OutboxFullError) for end in ends) == 3

        bench.outbox.backlog.acknowledge(_claim(bench), Result())
        assert not bench.outbox.full
        await bench.append(panic())

    run_sending(tmp_path, case, relaying=False, config=OutboxConfig(max_events=2))


def test_a_repeated_request_returns_its_events_and_sends_nothing_twice(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        first = await bench.outbox.append(SERVER, [panic(), call()], idempotency=KEY)
        assert await bench.outbox.append(SERVER, [panic(), call()], idempotency=KEY) == first
        bench.outbox.backlog.acknowledge(_claim(bench), Result())
        await bench.store.ping()
        again = await bench.restart(relaying=False)

        assert await again.outbox.append(SERVER, [panic(), call()], idempotency=KEY) == first
        with pytest.raises(IdempotencyError):
            await again.append(panic(), idempotency=Idempotency(key="k-1", body_hash=b"another"))
        assert await again.append(panic(), server=OTHER_SERVER, idempotency=KEY) not in first
        assert again.outbox.counts()[EventState.PENDING] == 2  # the call, and the other server's panic
        await again.__aexit__()

    run_sending(tmp_path, case, relaying=False)


def test_two_requests_with_one_key_at_the_same_time_are_one(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        one, two = await asyncio.gather(
            bench.append(panic(), idempotency=KEY), bench.append(panic(), idempotency=KEY)
        )

        assert one == two
        assert len(_claim(bench)) == 1
        assert bench.sample("events_accepted_total", server="main", kind="panic") == 1.0

    run_sending(tmp_path, case, relaying=False)


def test_a_cancelled_request_whose_event_reached_the_disk_is_still_carried_out(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        gate = threading.Event()
        bench.store.post(lambda _: gate.wait(10.0))
        task = asyncio.ensure_future(bench.append(panic()))  # noqa: TID251 -- what the listener does
        await bench.clock.sleep(0)
        task.cancel()
        gate.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        await bench.store.ping()

        assert len(_claim(bench)) == 1
        assert bench.outbox.counts()[EventState.PENDING] == 1
        assert bench.outbox._reserved == 0

    run_sending(tmp_path, case, relaying=False)


def _about_nothing(_: EventId, __: EventId) -> Event:
    return EmergencyCallRemoval(call=EventId("f" * 32))


def _note_on_a_panic(_: EventId, panic_id: EventId) -> Event:
    return DispatchNote(call=panic_id, note="Caller hides")


def _closing_of_a_911_call(call_id: EventId, _: EventId) -> Event:
    return DispatchClosing(calls=(5, call_id))


def _attachment_to_a_panic(_: EventId, panic_id: EventId) -> Event:
    return DispatchAttachment(call=panic_id, ids=(UnitId("A"),))


@pytest.mark.parametrize(
    ("about", "problem"),
    [
        (_about_nothing, "call: this server has no event ffffffffffffffffffffffffffffffff"),
        (_note_on_a_panic, "is a panic, expected a call_911 or dispatch_call"),
        (_closing_of_a_911_call, "is a call_911, expected a dispatch_call"),
        (_attachment_to_a_panic, "is a panic, expected a call_911 or dispatch_call"),
    ],
)
def test_an_event_about_a_call_that_nobody_creates_is_refused_with_all_that_came_with_it(
    tmp_path: Path, about: Callable[[EventId, EventId], Event], problem: str
) -> None:
    async def case(bench: Sending) -> None:
        call_id, panic_id = await bench.append(call()), await bench.append(panic())

        with pytest.raises(PushError, match="1 of 3 events make no sense; none was stored") as refused:
            await bench.append(status(), about(call_id, panic_id), panic(), idempotency=KEY)

        ((index, text),) = refused.value.problems
        assert (index, problem in text) == (1, True)
        assert bench.outbox.counts()[EventState.PENDING] == 2
        assert await bench.rows("SELECT count(*) FROM events") == [(2,)]
        assert await bench.append(panic("B"), idempotency=KEY)  # the key was not used up
        assert bench.outbox._reserved == 0

    run_sending(tmp_path, case, relaying=False)


def test_a_call_of_another_server_is_as_unknown_as_one_that_is_not_there(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        foreign = await bench.append(call(), server=OTHER_SERVER)

        with pytest.raises(PushError) as refused:
            await bench.append(EmergencyCallRemoval(call=foreign))

        assert refused.value.problems == ((0, f"call: this server has no event {foreign}"),)
        assert len(_claim(bench, EventKind.CALL_911)) == 1  # nobody else cancels it

    run_sending(tmp_path, case, relaying=False)


def test_a_repeated_request_about_a_call_is_the_same_whatever_became_of_the_call(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        about = DispatchNote(call=await bench.append(call()), note="Caller hides")
        note = await bench.append(about, idempotency=KEY)
        assert await bench.append(about, idempotency=KEY) == note
        bench.outbox.backlog.bury(_claim(bench, EventKind.CALL_911), "bad_request", "")
        await bench.clock.sleep(100.0)
        await bench.outbox.prune()
        assert await bench.rows("SELECT count(*) FROM events") == [(0,)]

        assert await bench.append(about, idempotency=KEY) == note
        with pytest.raises(PushError):
            await bench.append(about)

    run_sending(tmp_path, case, relaying=False, config=OutboxConfig(keep_failed=60.0))


def test_what_ends_a_call_needs_room_and_makes_room_again(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        calls = [await bench.append(call()) for _ in range(8)]
        await bench.append(EmergencyCallRemoval(call=calls[0]))
        await bench.store.ping()  # the removal ends when the end of its call is on disk
        assert bench.outbox.counts()[EventState.PENDING] == 7
        for _ in range(2):
            await bench.append(call())
        with pytest.raises(OutboxFullError):
            await bench.append(EmergencyCallRemoval(call=calls[1]))

        assert bench.outbox.counts()[EventState.PENDING] == 9

    run_sending(tmp_path, case, relaying=False, config=OutboxConfig(max_events=10))


def test_a_newer_state_supersedes_one_that_waits(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        on = await bench.append(panic())
        off = await bench.append(panic(active=False))

        view = await bench.view(on)
        assert view.state is EventState.SUPERSEDED
        assert view.error == "newer_state: a newer one of the same unit took its place"
        assert [delivery.event.id for delivery in _claim(bench)] == [off]
        assert bench.sample("events_superseded_total", server="main", kind="panic") == 1.0

    run_sending(tmp_path, case, relaying=False)


def test_a_newer_state_takes_over_only_the_units_it_names(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        on = await bench.append(panic("A", "B", "B"))
        await bench.append(panic("B", active=False))

        assert (await bench.view(on)).state is EventState.PENDING
        (delivery,) = _claim(bench)
        assert (delivery.event.id, delivery.unit_id) == (on, "A")
        bench.outbox.backlog.acknowledge([delivery], Result(updated=1, of=1))
        assert (await bench.view(on)).state is EventState.DELIVERED

    run_sending(tmp_path, case, relaying=False)


def test_an_attempt_that_failed_is_pointless_once_a_newer_state_is_there(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        on = await bench.append(panic())
        claimed = _claim(bench)
        off = await bench.append(panic(active=False))
        assert _claim(bench) == []

        bench.outbox.backlog.reschedule(claimed, bench.clock.monotonic() + 1.0)

        assert (await bench.view(on)).state is EventState.SUPERSEDED
        assert [delivery.event.id for delivery in _claim(bench)] == [off]

    run_sending(tmp_path, case, relaying=False)


def test_an_event_ends_when_all_its_units_have_ended(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        event_id = await bench.append(panic("A", "B", "C"))
        first, second, third = _claim(bench)

        bench.outbox.backlog.acknowledge([first], Result(updated=1, of=1))
        bench.outbox.backlog.bury([second], "no_unit", "nobody")
        assert (await bench.view(event_id)).state is EventState.PENDING
        bench.outbox.backlog.acknowledge([third], Result(updated=1, of=1))

        view = await bench.view(event_id)
        assert (view.state, view.error, view.delivered_at) == (EventState.FAILED, "no_unit: nobody", None)
        assert bench.sample("events_failed_total", server="main", kind="panic", reason="no_unit") == 1.0

    run_sending(tmp_path, case, relaying=False)


@pytest.mark.parametrize(
    ("states", "end"),
    [
        ("delivered superseded", "delivered"),
        ("superseded superseded", "superseded"),
        ("delivered expired delivered", "expired"),
        ("failed expired delivered", "failed"),
    ],
)
def test_the_worst_that_happened_to_a_unit_decides_an_events_end(states: str, end: str) -> None:
    outcomes = [Outcome(state=EventState(state)) for state in states.split()]

    assert decide(outcomes).state == end


def test_what_is_too_old_expires_and_says_what_kept_it(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        named = await bench.append(panic("A"))
        await bench.clock.sleep(600.0)
        _expire(bench, detail="held: the CAD refuses the API key")
        unnamed = await bench.append(panic("A"))
        await bench.clock.sleep(599.0)
        _expire(bench)
        assert (await bench.view(unnamed)).state is EventState.PENDING
        await bench.clock.sleep(1.0)
        _expire(bench)

        view = await bench.view(named)
        assert view.state is EventState.EXPIRED
        assert view.error == "expired: held: the CAD refuses the API key"
        assert (await bench.view(unnamed)).error == "expired"
        assert [ended.id for ended in bench.outbox.backlog.history.failures] == [named, unnamed]

    run_sending(tmp_path, case, relaying=False)


def test_a_jump_of_the_wall_clock_expires_nothing(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        event_id = await bench.append(panic())
        bench.clock.wall_jump = 86_400.0
        _expire(bench)

        assert (await bench.view(event_id)).state is EventState.PENDING

    run_sending(tmp_path, case, relaying=False)


def test_a_restart_takes_up_everything_in_its_order_and_with_its_age(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        first = await bench.append(panic("A"))
        await bench.clock.sleep(10.0)
        second = await bench.append(panic("B"))
        again = await bench.restart(relaying=False)

        events = [delivery.event for delivery in _claim(again)]
        now = again.clock.monotonic()
        assert [event.id for event in events] == [first, second]
        assert [now - event.accepted_at for event in events] == [pytest.approx(10.0), pytest.approx(0.0)]
        assert [event.expires_at - event.accepted_at for event in events] == [pytest.approx(600.0)] * 2
        assert again.outbox.backlog.oldest_pending_at() == events[0].accepted_at_unix
        assert again.sample("events_accepted_total", server="main", kind="panic") == 0.0
        await again.__aexit__()

    run_sending(tmp_path, case, relaying=False)


def test_a_restart_repeats_no_unit_that_had_ended(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        event_id = await bench.append(panic("A", "B", "C"))
        first, second, _ = _claim(bench)
        bench.outbox.backlog.acknowledge([first], Result(updated=1, of=1))
        bench.outbox.backlog.bury([second], "no_unit", "nobody")
        await bench.store.ping()
        again = await bench.restart(relaying=False)

        claimed = _claim(again)
        assert [delivery.unit_id for delivery in claimed] == ["C"]
        again.outbox.backlog.acknowledge(claimed, Result(updated=1, of=1))
        assert (await again.view(event_id)).state is EventState.FAILED
        await again.__aexit__()

    run_sending(tmp_path, case, relaying=False)


def test_a_restart_sends_only_the_newest_state(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        on = await bench.append(panic())
        claimed = _claim(bench)
        off = await bench.append(panic(active=False))
        assert len(claimed) == 1
        again = await bench.restart(relaying=False)

        assert [delivery.event.id for delivery in _claim(again)] == [off]
        assert (await again.view(on)).state is EventState.SUPERSEDED
        await again.__aexit__()

    run_sending(tmp_path, case, relaying=False)


@pytest.mark.parametrize(("seconds", "assumed"), [(0.0, 0.0), (2.0, 2.0), (4.0, SLOW_COMMIT)])
def test_a_call_whose_attempt_a_crash_cut_off_is_in_doubt_and_left_no_later_than_a_slow_commit(
    tmp_path: Path, seconds: float, assumed: float
) -> None:
    async def case(bench: Sending) -> None:
        event_id = await bench.append(call())
        await bench.outbox.backlog.begin_attempt(_claim(bench, EventKind.CALL_911))
        attempted_at = bench.clock.monotonic()
        await bench.clock.sleep(seconds)
        again = await bench.restart(relaying=False)

        (event,) = again.outbox.backlog.doubtful()
        assert (event.id, event.unverified, event.attempts) == (event_id, False, 1)
        assert event.attempted_at == pytest.approx(attempted_at)
        assert event.doubted_at == pytest.approx(attempted_at + assumed)
        assert _claim(again, EventKind.CALL_911) == []
        await again.__aexit__()

    run_sending(tmp_path, case, relaying=False)


def test_a_call_sent_again_unseen_stays_unverified_however_later_attempts_end(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        await bench.append(call())
        await bench.outbox.backlog.begin_attempt(_claim(bench, EventKind.CALL_911))
        second = await bench.restart(relaying=False)
        (event,) = second.outbox.backlog.doubtful()
        second.outbox.backlog.repeat(event, second.clock.monotonic())
        claimed = _claim(second, EventKind.CALL_911)
        await second.outbox.backlog.begin_attempt(claimed)
        second.outbox.backlog.reschedule(claimed, second.clock.monotonic())  # 429: clear by itself
        await second.store.ping()
        third = await second.restart(relaying=False)

        (delivery,) = _claim(third, EventKind.CALL_911)
        assert (delivery.event.unverified, delivery.event.attempts) == (True, 2)
        assert delivery.event.attempted_at is None
        await third.__aexit__()

    run_sending(tmp_path, case, relaying=False)


def test_a_clear_end_of_the_only_attempt_leaves_nothing_in_doubt(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        await bench.append(call())
        claimed = _claim(bench, EventKind.CALL_911)
        await bench.outbox.backlog.begin_attempt(claimed)
        bench.outbox.backlog.reschedule(claimed, bench.clock.monotonic())
        await bench.store.ping()
        again = await bench.restart(relaying=False)

        (delivery,) = _claim(again, EventKind.CALL_911)
        assert delivery.event.attempted_at is None
        assert not delivery.event.unverified
        assert list(again.outbox.backlog.doubtful()) == []
        await again.__aexit__()

    run_sending(tmp_path, case, relaying=False)


def test_a_kick_whose_attempt_a_crash_cut_off_fails_and_is_not_sent_again(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        event_id = await bench.append(KINDS[EventKind.KICK])
        await bench.outbox.backlog.begin_attempt(_claim(bench, EventKind.KICK))
        with capture_logs() as logs:
            again = await bench.restart(relaying=False)

        view = await again.view(event_id)
        assert view.state is EventState.FAILED
        assert view.error == "unclear: an attempt may have reached the CAD"
        assert _claim(again, EventKind.KICK) == []
        assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["event failed"]
        await again.__aexit__()

    run_sending(tmp_path, case, relaying=False)


def test_an_event_of_a_server_that_is_gone_fails_and_says_so(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        gone = await bench.append(panic(), server=OTHER_SERVER)
        kept = await bench.append(panic())
        with capture_logs() as logs:
            again = await bench.restart(relaying=False, names={SERVER: NAMES[SERVER]})
        view = await again.view(gone, OTHER_SERVER)

        assert view.state is EventState.FAILED
        assert view.error == "internal: its server is no longer configured"
        assert [delivery.event.id for delivery in _claim(again)] == [kept]
        assert again.outbox.counts() == dict.fromkeys(EventState, 0) | {
            EventState.FAILED: 1,
            EventState.PENDING: 1,
        }
        assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == ["event failed"]
        await again.__aexit__()

    run_sending(tmp_path, case, relaying=False)


def test_an_unreadable_event_fails_alone(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        broken = await bench.append(panic("A"))
        kept = await bench.append(panic("B"))
        await bench.store.write(
            lambda tx: tx.execute("UPDATE events SET payload = X'00' WHERE id = ?", (broken,))
        )
        again = await bench.restart(relaying=False)

        assert [delivery.event.id for delivery in _claim(again)] == [kept]
        view = await again.view(broken)
        assert (view.state, view.error) == (EventState.FAILED, "internal: payload unreadable")
        await again.__aexit__()

    run_sending(tmp_path, case, relaying=False)


def test_an_outbox_in_which_nothing_waits_says_so(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        assert bench.outbox.backlog.oldest_pending_at() is None
        assert not bench.outbox.full
        assert bench.outbox.backlog.queue(EventKind.PANIC).next_change_at() is None

    run_sending(tmp_path, case, relaying=False)


def test_a_disk_that_takes_nothing_refuses_the_request_and_keeps_nothing(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        await bench.append(call())
        with full_disk(bench.path.with_name("outbox.sqlite3-wal")):
            with pytest.raises(StoreError):
                await bench.append(panic("B"))
            with pytest.raises(StoreError):
                await bench.outbox.backlog.begin_attempt(_claim(bench, EventKind.CALL_911))

        assert bench.outbox.counts()[EventState.PENDING] == 1
        assert bench.outbox._reserved == 0
        assert await bench.append(panic("B"))

    run_sending(tmp_path, case, relaying=False)


def test_an_end_that_the_disk_did_not_take_is_written_when_it_does(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        event_id = await bench.append(panic("A", "B"))
        first, second = _claim(bench)
        with full_disk(bench.path.with_name("outbox.sqlite3-wal")):
            bench.outbox.backlog.acknowledge([first], Result(updated=1, of=1))
            bench.outbox.backlog.acknowledge([second], Result(updated=1, of=1))
            with pytest.raises(StoreError):
                await bench.store.write(lambda tx: tx.execute("DELETE FROM requests"))
            bench.outbox.backlog.writeback.save_again()
            with pytest.raises(StoreError):
                await bench.store.write(lambda tx: tx.execute("DELETE FROM requests"))
        assert await bench.rows("SELECT state FROM events") == [("pending",)]
        assert (await bench.view(event_id)).state is EventState.DELIVERED

        bench.outbox.backlog.writeback.save_again()
        await bench.store.ping()
        assert await bench.rows("SELECT state, outcomes FROM events") == [("delivered", None)]
        bench.outbox.backlog.writeback.save_again()
        assert not bench.store.busy

    run_sending(tmp_path, case, relaying=False)


def test_what_the_disk_did_not_take_goes_before_the_next_attempts_mark(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        await bench.append(call())
        claimed = _claim(bench, EventKind.CALL_911)
        await bench.outbox.backlog.begin_attempt(claimed)
        with full_disk(bench.path.with_name("outbox.sqlite3-wal")):
            bench.outbox.backlog.reschedule(claimed, bench.clock.monotonic())
            with pytest.raises(StoreError):
                await bench.store.write(lambda tx: tx.execute("DELETE FROM requests"))

        await bench.outbox.backlog.begin_attempt(_claim(bench, EventKind.CALL_911))
        bench.outbox.backlog.writeback.save_again()
        await bench.store.ping()

        assert await bench.rows("SELECT attempted_at IS NOT NULL FROM events") == [(1,)]

    run_sending(tmp_path, case, relaying=False)


def test_old_endings_are_pruned_and_the_counts_follow(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        for number in range(3):
            await bench.append(panic(f"license:{number}"))
            bench.outbox.backlog.acknowledge(_claim(bench), Result())
        await bench.append(panic("failing"))
        bench.outbox.backlog.bury(_claim(bench), "no_unit", "")
        await bench.clock.sleep(100.0)
        await bench.append(status())

        await bench.outbox.prune()

        assert bench.outbox.counts() == dict.fromkeys(EventState, 0) | {
            EventState.FAILED: 1,
            EventState.PENDING: 1,
        }
        assert await bench.rows("SELECT state FROM events ORDER BY seq") == [("failed",), ("pending",)]

    run_sending(tmp_path, case, relaying=False, config=OutboxConfig(keep_delivered=60.0))


def test_an_event_that_ends_while_old_ones_are_pruned_is_counted(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        await bench.append(panic())
        claimed = _claim(bench)
        held, gate = threading.Event(), threading.Event()

        def hold(_: Transaction) -> None:
            held.set()
            gate.wait(10.0)

        pruning = asyncio.ensure_future(bench.outbox.prune())  # noqa: TID251 -- beside it the relay goes on
        await bench.clock.sleep(0)
        await bench.store.ping()  # the deleting is over: the counting waits behind what follows
        bench.store.post(hold)
        await asyncio.to_thread(held.wait)
        bench.outbox.backlog.acknowledge(claimed, Result())
        gate.set()
        await pruning

        assert bench.outbox.counts()[EventState.DELIVERED] == 1
        await bench.store.ping()
        assert bench.outbox.counts()[EventState.DELIVERED] == 1

    run_sending(tmp_path, case, relaying=False)


def test_no_trace_of_a_delivered_unit_is_left_in_the_file(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        await bench.append(panic("license:delivered", "license:delivered-too"))
        for delivery in _claim(bench):
            bench.outbox.backlog.acknowledge([delivery], Result(updated=1, of=1))
        await bench.append(status("license:superseded"))
        await bench.append(status("license:superseded"))
        bench.outbox.backlog.acknowledge(_claim(bench, EventKind.STATUS), Result(updated=1, of=1))
        await bench.append(panic("license:failed"))
        bench.outbox.backlog.bury(_claim(bench), "no_unit", "")
        await bench.append(call(caller="Marilyn"))

    run_sending(tmp_path, case, relaying=False)

    left = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"license:delivered" not in left
    assert b"license:superseded" not in left
    assert b"license:failed" in left
    assert b"Marilyn" in left


def test_units_that_the_cad_did_not_know_are_counted(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        await bench.append(panic("A", "B", "C"))
        claimed = _claim(bench)
        bench.outbox.backlog.count_unmatched(claimed, 2)
        bench.outbox.backlog.count_unmatched(claimed, 0)
        bench.outbox.backlog.count_unmatched(claimed, -1)

        assert bench.sample("events_unmatched_total", server="main", kind="panic") == 2.0

    run_sending(tmp_path, case, relaying=False)


def test_when_the_cad_is_back_every_kind_is_told(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        for number, (kind, event) in enumerate(KINDS.items(), 600):
            detaching = kind is EventKind.DISPATCH_DETACH  # by then the same unit is being attached
            about_others = DispatchDetachment(ids=(UnitId("license:2"),)) if detaching else event
            await bench.append(with_calls(about_others, (number,)))
            claimed = _claim(bench, kind)
            assert len(claimed) == 1
            bench.outbox.backlog.reschedule(claimed, bench.clock.monotonic() + 30.0)
            await bench.outbox.backlog.alarm(kind).wait_until(None)

        bench.outbox.backlog.release_all()

        for kind in EventKind:
            await bench.outbox.backlog.alarm(kind).wait_until(None)
            assert len(_claim(bench, kind)) == 1

    run_sending(tmp_path, case, relaying=False)


def test_fields_that_are_only_passed_on_survive_a_crash_and_reach_the_cad(tmp_path: Path) -> None:
    extra: dict[str, object] = {
        "colour": "r\u00f8d",
        "deep": [{"a": None, "b": [1.5, True]}],
        "big": 2**63,
        "": "",
    }

    async def case(bench: Sending) -> None:
        bench.transport.always(CREATE_911_CALL, CadError("connect", sent=False))
        bench.transport.always(CREATE_DISPATCH_CALL, CadError("connect", sent=False))
        await bench.append(call(extra=extra), DispatchCall(title="Robbery", extra=extra))
        await bench.clock.sleep(1.0)
        later = await bench.restart()
        later.transport.always(CREATE_911_CALL, None)
        later.transport.always(CREATE_DISPATCH_CALL, None)
        await later.clock.sleep(60.0)

        for operation in (CREATE_911_CALL, CREATE_DISPATCH_CALL):
            body = later.transport.requests(operation)[-1].body
            assert {name: body[name] for name in extra} == extra
        assert later.outbox.counts()[EventState.DELIVERED] == 2
        await later.__aexit__()

    run_sending(tmp_path, case)
