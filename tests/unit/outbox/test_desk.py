"""What an operator sees while the daemon runs, and what comes of a retry or a discard."""

import asyncio
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from bridge.config import OutboxConfig
from bridge.events import (
    Clocking,
    DispatchAttachment,
    DispatchDetachment,
    DispatchNote,
    Event,
    EventId,
    EventKind,
    EventState,
)
from bridge.outbox import Changes, Delivery, Desk, EventDetail, Refused, Result, Selection
from bridge.outbox.desk import CHUNK, END_WAIT
from bridge.units import UnitId
from tests.support.full_disk import full_disk
from tests.support.sending import KINDS, NAMES, SERVER, Sending, call, panic, run_sending, status

NOBODY: frozenset[object] = frozenset()
A, B = UnitId("license:aaaa1111"), UnitId("license:bbbb2222")
PANIC = EventKind.PANIC


def desk_of(bench: Sending) -> Desk:
    return Desk(bench.store, bench.outbox, bench.clock, NAMES)


def claim(bench: Sending, kind: EventKind = PANIC) -> list[Delivery]:
    return bench.outbox.backlog.claim(kind, bench.clock.monotonic(), busy=NOBODY, limit=100)


async def settle(bench: Sending) -> None:
    while bench.outbox.backlog.writeback.ending:
        await bench.store.ping()


async def failed(bench: Sending, event: Event) -> EventId:
    """Append an event and let it fail."""
    event_id = await bench.append(event)
    pending = bench.outbox.backlog.find_pending(event_id)
    assert pending is not None
    bench.outbox.backlog.bury(claim(bench, pending.kind), "forbidden", "no")
    await settle(bench)
    return event_id


async def delivered(bench: Sending, event: Event, kind: EventKind = PANIC) -> EventId:
    event_id = await bench.append(event)
    bench.outbox.backlog.acknowledge(claim(bench, kind), None)
    await settle(bench)
    return event_id


async def state_of(bench: Sending, event_id: EventId) -> str:
    await settle(bench)
    return (await bench.view(event_id)).state


def reason_of(changes: Changes) -> str:
    (refused,) = changes.refused
    assert changes.changed == ()
    return refused.reason


# Retry


@pytest.mark.parametrize("kind", EventKind)
def test_a_failed_event_is_pending_again_with_a_whole_time_to_live(tmp_path: Path, kind: EventKind) -> None:
    async def case(bench: Sending) -> None:
        event_id = await failed(bench, KINDS[kind])
        lived = await bench.rows("SELECT round(expires_at - accepted_at) FROM events")
        await bench.clock.sleep(50_000.0)
        with capture_logs() as lines:
            done = await desk_of(bench).retry([event_id])

        assert [(one.id, one.state) for one in done.changed] == [(event_id, EventState.PENDING)]
        assert await bench.rows(
            "SELECT state, round(expires_at - retried_at), ended_at, result FROM events"
        ) == [("pending", lived[0][0], None, None)]
        assert bench.outbox.counts()[EventState.FAILED] == 0
        assert bench.outbox.counts()[EventState.PENDING] == 1
        assert bench.sample("events_retried_total", server="main", kind=kind) == 1.0
        (line,) = [line for line in lines if line["event"] == "events retried"]
        assert (line["ids"], line["refused"]) == ([event_id], 0)
        (delivery,) = claim(bench, kind)
        assert (delivery.event.id, delivery.event.event) == (event_id, KINDS[kind])
        bench.outbox.backlog.acknowledge([delivery], None)
        assert await state_of(bench, event_id) == "delivered"

    run_sending(tmp_path, case, relaying=False)


def test_a_retried_event_is_delivered_by_the_relay(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        event_id = await bench.append(panic(A))
        bench.outbox.backlog.bury(claim(bench), "forbidden", "no")
        await settle(bench)
        await desk_of(bench).retry([event_id])
        await bench.clock.sleep(5.0)

        assert await state_of(bench, event_id) == "delivered"

    run_sending(tmp_path, case)


def test_an_expired_event_can_be_retried(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        event_id = await bench.append(panic(A))
        await bench.clock.sleep(601.0)
        bench.outbox.backlog.awake_at = bench.clock.monotonic()
        bench.outbox.backlog.expire(PANIC, bench.clock.monotonic(), "")
        assert await state_of(bench, event_id) == "expired"
        assert bench.outbox.counts()[EventState.EXPIRED] == 1

        await desk_of(bench).retry([event_id])

        assert await state_of(bench, event_id) == "pending"
        assert bench.outbox.counts()[EventState.EXPIRED] == 0

    run_sending(tmp_path, case, relaying=False)


def test_the_age_of_a_retried_event_counts_from_the_retry_for_the_figures_and_from_its_acceptance_for_people(
    tmp_path: Path,
) -> None:
    async def case(bench: Sending) -> None:
        event_id = await failed(bench, panic(A))
        accepted_at = (await bench.view(event_id)).accepted_at
        await bench.clock.sleep(7_200.0)
        await desk_of(bench).retry([event_id])
        assert bench.outbox.backlog.oldest_pending_at() == accepted_at + 7_200.0
        await bench.clock.sleep(1.0)
        bench.outbox.backlog.acknowledge(claim(bench), None)
        await settle(bench)

        assert (await bench.view(event_id)).accepted_at == accepted_at
        assert bench.sample("event_delivery_seconds_sum", kind="panic") == pytest.approx(1.0, abs=0.1)

    run_sending(tmp_path, case, relaying=False)


def test_a_retry_survives_a_crash_and_lives_as_long_as_it_was_given(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        event_id = await failed(bench, panic(A))
        await bench.clock.sleep(7_200.0)
        await desk_of(bench).retry([event_id])
        again = await bench.restart(relaying=False)
        pending = again.outbox.backlog.find_pending(event_id)

        assert pending is not None
        assert pending.expires_at - bench.clock.monotonic() == pytest.approx(600.0, abs=1.0)
        assert [delivery.event.id for delivery in claim(again)] == [event_id]
        await again.__aexit__()

    run_sending(tmp_path, case, relaying=False)


@pytest.mark.parametrize("end", ["delivered", "failed", "pending"])
@pytest.mark.parametrize("restart", [False, True])
def test_what_something_newer_of_the_unit_overruled_is_not_retried(
    tmp_path: Path, end: str, *, restart: bool
) -> None:
    async def case(bench: Sending) -> None:
        on = await failed(bench, panic(A))
        if end == "pending":
            await bench.append(panic(A, active=False))
        else:
            await (delivered if end == "delivered" else failed)(bench, panic(A, active=False))
        now = await bench.restart(relaying=False) if restart else bench

        done = await desk_of(now).retry([on])

        assert reason_of(done) == "something newer about the same was accepted since"
        assert await state_of(now, on) == "failed"
        assert len(now.outbox.backlog) == (end == "pending")
        if restart:
            await now.__aexit__()

    run_sending(tmp_path, case, relaying=False)


@pytest.mark.parametrize(
    ("older", "newer", "kind"),
    [
        (status(A), status(A), EventKind.STATUS),
        (
            DispatchAttachment(call=5, ids=(A,)),
            DispatchDetachment(ids=(A,)),
            EventKind.DISPATCH_DETACH,
        ),
        (Clocking(id=A, clocked_in=True), Clocking(id=A, clocked_in=False), EventKind.CLOCK),
    ],
)
def test_every_kind_of_state_is_overruled_by_a_newer_one(
    tmp_path: Path, older: Event, newer: Event, kind: EventKind
) -> None:
    async def case(bench: Sending) -> None:
        first = await failed(bench, older)
        await delivered(bench, newer, kind)

        assert "something newer" in reason_of(await desk_of(bench).retry([first]))

    run_sending(tmp_path, case, relaying=False)


def test_other_units_and_other_kinds_overrule_nothing(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        first = await failed(bench, panic(A))
        await delivered(bench, panic(B))
        await delivered(bench, status(A), EventKind.STATUS)

        assert len((await desk_of(bench).retry([first])).changed) == 1

    run_sending(tmp_path, case, relaying=False)


def test_only_the_units_are_retried_that_nothing_newer_is_known_of(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        both = await failed(bench, panic(A, B))
        await delivered(bench, panic(A, active=False))
        await desk_of(bench).retry([both])
        again = await bench.restart(relaying=False)

        assert [delivery.unit_id for delivery in claim(again)] == [B]
        shown = await desk_of(again).show(both, full=True)
        assert isinstance(shown, EventDetail)
        assert [(one.unit, one.state) for one in shown.outcomes] == [(A, EventState.SUPERSEDED)]
        await again.__aexit__()

    run_sending(tmp_path, case, relaying=False)


def test_a_newer_state_supersedes_a_retried_one_even_after_a_crash(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        on = await failed(bench, panic(A))
        await desk_of(bench).retry([on])
        await bench.append(panic(A, active=False))
        assert await state_of(bench, on) == "superseded"

        again = await bench.restart(relaying=False)
        (delivery,) = claim(again)
        assert delivery.event.event == panic(A, active=False)
        await again.__aexit__()

    run_sending(tmp_path, case, relaying=False)


def test_a_retried_event_stands_behind_what_was_accepted_meanwhile_even_after_a_crash(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        first = await failed(bench, DispatchNote(call=5, note="first"))
        second = await bench.append(DispatchNote(call=5, note="second"))
        await desk_of(bench).retry([first])
        assert [one.event.id for one in claim(bench, EventKind.DISPATCH_NOTE)] == [second]

        again = await bench.restart(relaying=False)
        assert [one.event.id for one in claim(again, EventKind.DISPATCH_NOTE)] == [second]
        await again.__aexit__()

    run_sending(tmp_path, case, relaying=False)


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        ("delivered", "it was delivered, the CAD would get it twice"),
        ("superseded", "something newer made it pointless"),
        ("pending", "it is pending already"),
    ],
)
def test_only_what_failed_or_expired_is_retried(tmp_path: Path, end: str, reason: str) -> None:
    async def case(bench: Sending) -> None:
        event_id = await bench.append(panic(A))
        if end == "delivered":
            bench.outbox.backlog.acknowledge(claim(bench), None)
        elif end == "superseded":
            await bench.append(panic(A, active=False))
        await settle(bench)

        assert reason_of(await desk_of(bench).retry([event_id])) == reason
        assert await state_of(bench, event_id) == end

    run_sending(tmp_path, case, relaying=False)


@pytest.mark.parametrize(("expired", "unclear"), [(False, False), (True, True)])
def test_only_what_expired_may_have_reached_the_cad_before(
    tmp_path: Path, *, expired: bool, unclear: bool
) -> None:
    async def case(bench: Sending) -> None:
        if expired:
            event_id = await bench.append(panic(A))
            await bench.clock.sleep(601.0)
            bench.outbox.backlog.expire(PANIC, bench.clock.monotonic(), "")
            await settle(bench)
        else:
            event_id = await failed(bench, panic(A))
        await desk_of(bench).retry([event_id])

        assert [delivery.unclear for delivery in claim(bench)] == [unclear]

    run_sending(tmp_path, case, relaying=False)


def test_what_is_about_a_failed_call_is_retried_with_it_and_not_before(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        created = await bench.append(call())
        note = await bench.append(DispatchNote(call=created, note="Caller hides"))
        bench.outbox.backlog.bury(claim(bench, EventKind.CALL_911), "forbidden", "no")
        assert await state_of(bench, note) == "failed"
        desk = desk_of(bench)

        assert "retry that one first" in reason_of(await desk.retry([note]))
        done = await desk.retry([created, note])
        assert len(done.changed) == 2
        assert claim(bench, EventKind.DISPATCH_NOTE) == []
        claimed = claim(bench, EventKind.CALL_911)
        await bench.outbox.backlog.begin_attempt(claimed)
        bench.outbox.backlog.acknowledge(claimed, Result(call_id=302))
        await settle(bench)
        (delivery,) = claim(bench, EventKind.DISPATCH_NOTE)
        assert delivery.event.event == DispatchNote(call=302, note="Caller hides")

    run_sending(tmp_path, case, relaying=False)


def test_a_call_that_may_have_reached_the_cad_is_looked_for_before_it_is_sent_again(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        event_id = await bench.append(call())
        claimed = claim(bench, EventKind.CALL_911)
        await bench.outbox.backlog.begin_attempt(claimed)
        bench.outbox.backlog.doubt(claimed)
        (doubtful,) = bench.outbox.backlog.doubtful()
        bench.outbox.backlog.give_up(doubtful, "nobody can look")
        await settle(bench)

        await desk_of(bench).retry([event_id])

        assert claim(bench, EventKind.CALL_911) == []
        (again,) = bench.outbox.backlog.doubtful()
        assert (again.id, again.unverified, again.insisted) == (event_id, True, True)
        assert again.attempted_at == pytest.approx(again.accepted_at)

    run_sending(tmp_path, case, relaying=False)


def test_more_is_not_retried_than_the_outbox_takes_and_the_last_tenth_is_for_panics(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        notes = [await failed(bench, DispatchNote(call=n, note="x")) for n in range(11)]
        button = await failed(bench, panic(A))
        done = await desk_of(bench).retry([*notes, button])

        assert [one.id for one in done.changed] == [*notes[:9], button]
        assert {one.problem for one in done.refused} == {"full"}
        assert bench.outbox._reserved == 0

    run_sending(tmp_path, case, relaying=False, config=OutboxConfig(max_events=10))


def test_many_are_retried_in_transactions_that_hold_nobody_up(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        ids = [await failed(bench, DispatchNote(call=n, note="x")) for n in range(2 * CHUNK + 1)]
        done = await desk_of(bench).retry(ids)

        assert [one.id for one in done.changed] == ids
        assert bench.outbox.counts()[EventState.PENDING] == len(ids)

    run_sending(tmp_path, case, relaying=False)


def test_a_server_that_is_not_configured_gets_nothing_retried(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        event_id = await failed(bench, panic(A))
        done = await Desk(bench.store, bench.outbox, bench.clock, {}).retry([event_id])

        assert reason_of(done) == "its server is not configured"

    run_sending(tmp_path, case, relaying=False)


# Discard


def test_a_discarded_event_is_failed_counted_and_told_of(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        event_id = await bench.append(panic(A, B))
        with capture_logs() as lines:
            done = await desk_of(bench).discard([event_id])

        assert [(one.id, one.state, one.error) for one in done.changed] == [
            (event_id, EventState.FAILED, "discarded: by the operator")
        ]
        assert await bench.rows("SELECT state, error FROM events") == [
            ("failed", "discarded: by the operator")
        ]
        assert bench.sample("events_failed_total", server="main", kind="panic", reason="discarded") == 1.0
        assert bench.outbox.counts()[EventState.FAILED] == 1
        assert claim(bench) == []
        told = {line["event"]: line for line in lines}
        assert told["events discarded"]["ids"] == [event_id]
        assert told["event failed"]["log_level"] == "warning"
        assert A not in str(lines)

    run_sending(tmp_path, case, relaying=False)


@pytest.mark.parametrize(
    ("ends", "state"), [("taken", "delivered"), ("again", "failed"), ("refused", "failed")]
)
def test_what_is_in_flight_ends_with_its_request(tmp_path: Path, ends: str, state: str) -> None:
    async def case(bench: Sending) -> None:
        event_id = await bench.append(panic(A))
        claimed = claim(bench)
        discarding = asyncio.get_running_loop().create_task(desk_of(bench).discard([event_id]))
        await bench.clock.sleep(5.0)
        assert not discarding.done()
        assert await state_of(bench, event_id) == "pending"

        backlog = bench.outbox.backlog
        if ends == "taken":
            backlog.acknowledge(claimed, None)
        elif ends == "again":
            backlog.reschedule(claimed, bench.clock.monotonic())
        else:
            backlog.bury(claimed, "forbidden", "no")
        done = await discarding

        assert [one.state for one in done.changed] == [state]
        assert await state_of(bench, event_id) == state
        assert claim(bench) == []
        assert len(backlog) == 0

    run_sending(tmp_path, case, relaying=False)


def test_a_request_that_takes_too_long_is_not_waited_for(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        event_id = await bench.append(panic(A))
        claimed = claim(bench)
        started = bench.clock.monotonic()
        done = await desk_of(bench).discard([event_id])

        assert bench.clock.monotonic() - started == pytest.approx(END_WAIT)
        assert [one.state for one in done.changed] == [EventState.PENDING]
        bench.outbox.backlog.reschedule(claimed, bench.clock.monotonic())
        assert await state_of(bench, event_id) == "failed"

    run_sending(tmp_path, case, relaying=False)


def test_a_call_in_doubt_that_is_discarded_says_that_the_cad_may_have_it(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        event_id = await bench.append(call())
        claimed = claim(bench, EventKind.CALL_911)
        await bench.outbox.backlog.begin_attempt(claimed)
        discarding = asyncio.get_running_loop().create_task(desk_of(bench).discard([event_id]))
        await bench.clock.sleep(1.0)
        bench.outbox.backlog.doubt(claimed)
        (one,) = (await discarding).changed

        assert one.error == "discarded: by the operator; an attempt may have reached the CAD"
        assert (await bench.view(event_id)).result == Result(unverified=True)
        assert list(bench.outbox.backlog.doubtful()) == []

    run_sending(tmp_path, case, relaying=False)


def test_what_is_about_a_discarded_call_fails_with_it(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        created = await bench.append(call())
        note = await bench.append(DispatchNote(call=created, note="Caller hides"))
        await desk_of(bench).discard([created])

        assert await state_of(bench, note) == "failed"
        assert (await bench.view(note)).error == "call_failed: its call failed"

    run_sending(tmp_path, case, relaying=False)


def test_only_what_is_pending_is_discarded(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        event_id = await failed(bench, panic(A))

        assert reason_of(await desk_of(bench).discard([event_id])) == "it has ended already: failed"

    run_sending(tmp_path, case, relaying=False)


def test_a_discarded_event_can_be_retried(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        event_id = await bench.append(panic(A))
        desk = desk_of(bench)
        await desk.discard([event_id])
        await desk.retry([event_id])
        assert [one.event.id for one in claim(bench)] == [event_id]

    run_sending(tmp_path, case, relaying=False)


def test_a_discard_that_the_disk_does_not_take_yet_is_told_as_pending_and_comes_later(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        event_id = await bench.append(panic(A))
        with full_disk(tmp_path / "outbox.sqlite3-wal"):
            done = await desk_of(bench).discard([event_id])
            assert [one.state for one in done.changed] == [EventState.PENDING]
        bench.outbox.backlog.writeback.save_again()

        assert await state_of(bench, event_id) == "failed"

    run_sending(tmp_path, case, relaying=False)


# Seeing


def test_pages_go_from_the_newest_on_and_none_is_missed_or_doubled_by_what_comes_meanwhile(
    tmp_path: Path,
) -> None:
    async def case(bench: Sending) -> None:
        ids = [await bench.append(DispatchNote(call=n, note="x")) for n in range(7)]
        desk = desk_of(bench)
        seen: list[EventId] = []
        page = await desk.page(Selection(), None, 3)
        while True:
            seen += [line.id for line in page.events]
            await bench.append(DispatchNote(call=99, note="new"))
            if page.next is None:
                break
            page = await desk.page(Selection(), page.next, 3)

        assert seen == ids[::-1]

    run_sending(tmp_path, case, relaying=False)


def test_a_page_shows_what_memory_knows_better_than_the_disk(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        desk = desk_of(bench)
        event_id = await bench.append(panic(A))
        claimed = claim(bench)
        await bench.outbox.backlog.begin_attempt(claimed)
        (line,) = (await desk.page(Selection(), None, 10)).events
        shown = await desk.show(event_id[:8], full=False)
        with full_disk(tmp_path / "outbox.sqlite3-wal"):
            bench.outbox.backlog.bury(claimed, "forbidden", "no")
            (ended,) = (await desk.page(Selection(), None, 10)).events
            still = (await desk.page(Selection(states=(EventState.PENDING,)), None, 10)).events

        assert (line.attempts, line.units) == (1, ("license:…1111",))
        assert isinstance(shown, EventDetail)
        assert (shown.in_flight, shown.payload) == (
            True,
            {"type": "panic", "ids": ["license:…1111"], "active": True},
        )
        assert (ended.state, ended.error, still) == (EventState.FAILED, "forbidden: no", [])

    run_sending(tmp_path, case, relaying=False)


def test_what_a_pending_event_waits_for_is_told(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        created = await bench.append(call())
        note = await bench.append(DispatchNote(call=created, note="x"))
        shown = await desk_of(bench).show(note, full=False)

        assert isinstance(shown, EventDetail)
        assert shown.hindrance == "it waited for its call, or for an earlier event about the same"

    run_sending(tmp_path, case, relaying=False)


@pytest.mark.parametrize(
    ("reference", "problem"),
    [("ffff0000", "unknown"), ("zz", "unknown"), ("", "unknown"), ("ab", "ambiguous")],
)
def test_a_reference_that_means_no_event_is_refused(tmp_path: Path, reference: str, problem: str) -> None:
    async def case(bench: Sending) -> None:
        await bench.append(panic(A))
        refused = await desk_of(bench).resolve(reference)

        assert isinstance(refused, Refused)
        assert refused.problem == problem
        assert isinstance(await desk_of(bench).show(reference, full=False), Refused)

    run_sending(tmp_path, case, relaying=False)


def test_the_beginning_of_an_id_will_do_unless_two_begin_so(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        event_id = await bench.append(panic(A))
        twin = event_id[:6] + ("0" if event_id[6] != "0" else "1") + event_id[7:]
        desk = desk_of(bench)
        assert await desk.resolve(f" {event_id[:6].upper()} ") == event_id
        await bench.store.write(
            lambda tx: tx.execute(
                "INSERT INTO events (id, server, kind, state, accepted_at, expires_at)"
                " VALUES (?, 1, 'panic', 'delivered', 0, 0)",
                (twin,),
            )
        )
        ambiguous = await desk.resolve(event_id[:6])

        assert isinstance(ambiguous, Refused)
        assert ambiguous.problem == "ambiguous"
        assert await desk.resolve(event_id[:7]) == event_id

    run_sending(tmp_path, case, relaying=False)


def test_what_is_chosen_comes_oldest_first_and_one_more_than_the_limit_says_that_there_are_more(
    tmp_path: Path,
) -> None:
    async def case(bench: Sending) -> None:
        ids = [await failed(bench, DispatchNote(call=n, note="x")) for n in range(5)]
        await failed(bench, panic(A))
        notes = Selection(kinds=(EventKind.DISPATCH_NOTE,), servers=(SERVER,))

        assert await desk_of(bench).choose(notes, 10) == ids
        assert len(await desk_of(bench).choose(notes, 3)) == 4

    run_sending(tmp_path, case, relaying=False)


def test_nothing_of_a_player_stands_in_the_notes_about_what_is_newest(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        await bench.append(panic(A))
        kept = msgspec.json.encode(await bench.rows("SELECT subject FROM newest")).decode()

        assert kept.startswith('[["panic:1:')
        assert "aaaa1111" not in kept

    run_sending(tmp_path, case, relaying=False)
