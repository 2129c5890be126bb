"""The rows themselves: what the outbox's behaviour does not show."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from bridge.errors import IdempotencyError
from bridge.events import Event, EventId, EventState
from bridge.outbox.ledger import (
    IDEMPOTENCY_SECONDS,
    Ending,
    NewEvent,
    StoredEvent,
    clear_attempted,
    count_states,
    end,
    find,
    load_pending,
    mark_attempted,
    prune,
    record,
    save_outcomes,
)
from bridge.outbox.records import Idempotency, Outcome, Result
from bridge.store import Store
from bridge.units import UnitId
from tests.support.sending import KINDS, OTHER_SERVER, SERVER, panic

NOON = 1_800_000_000.0
KEY = Idempotency(key="k-1", body_hash=b"hash")
DELIVERED = {UnitId("license:1"): Outcome(state=EventState.DELIVERED, result=Result(updated=1, of=2))}


@pytest.fixture(name="store")
async def _store(tmp_path: Path) -> AsyncGenerator[Store]:
    async with Store(tmp_path / "outbox.sqlite3", lambda _: None) as store:
        yield store


def _new(name: str, event: Event | None = None) -> NewEvent:
    return NewEvent(
        id=EventId(name), server_id=SERVER, event=event or panic(), accepted_at=NOON, expires_at=NOON + 600.0
    )


def _ending(seq: int, state: EventState, ended_at: float = NOON + 1.0) -> Ending:
    return Ending(
        seq=seq, state=state, attempts=3, ended_at=ended_at, result=Result(updated=1, of=2), error="a: b"
    )


async def _record(store: Store, *names: str) -> tuple[int, ...]:
    return (await store.write(record([_new(name) for name in names], None))).seqs


async def _pending(store: Store) -> list[StoredEvent]:
    return await store.write(load_pending)


async def test_events_come_back_as_they_were_kept_and_in_their_order(store: Store) -> None:
    rows = [_new(f"event-{kind}", event) for kind, event in KINDS.items()]
    recorded = await store.write(record(rows, None))

    stored = await _pending(store)

    assert [row.seq for row in stored] == list(recorded.seqs) == sorted(recorded.seqs)
    assert [(row.id, row.event) for row in stored] == [(row.id, row.event) for row in rows]
    assert {(row.server_id, row.accepted_at, row.expires_at) for row in stored} == {
        (SERVER, NOON, NOON + 600)
    }
    assert all(row.attempted_at is None and not row.unverified and row.outcomes == {} for row in stored)


async def test_row_numbers_are_never_used_again(store: Store) -> None:
    (first,) = await _record(store, "a")
    await store.write(lambda tx: tx.execute("DELETE FROM events"))

    assert await _record(store, "b") == (first + 1,)


async def test_an_attempt_is_open_until_its_end_is_noted(store: Store) -> None:
    (seq,) = await _record(store, "a")
    await store.write(mark_attempted([seq], NOON))

    (row,) = await _pending(store)
    assert (row.attempted_at, row.unverified, row.attempts) == (NOON, False, 1)

    await store.write(clear_attempted(seq, 1, unverified=False))
    (row,) = await _pending(store)
    assert (row.attempted_at, row.unverified, row.attempts) == (None, False, 1)


async def test_a_late_word_on_an_attempt_leaves_the_mark_of_the_next(store: Store) -> None:
    (seq,) = await _record(store, "a")
    await store.write(mark_attempted([seq], NOON))
    await store.write(mark_attempted([seq], NOON + 1.0))
    await store.write(clear_attempted(seq, 1, unverified=True))

    (row,) = await _pending(store)
    assert (row.attempted_at, row.unverified) == (NOON + 1.0, False)


async def test_an_attempt_that_nobody_could_look_up_is_remembered_over_later_ones(store: Store) -> None:
    (seq,) = await _record(store, "a")
    await store.write(clear_attempted(seq, 0, unverified=True))
    await store.write(mark_attempted([seq], NOON))

    (row,) = await _pending(store)
    assert (row.attempted_at, row.unverified) == (NOON, True)


async def test_units_that_ended_are_remembered(store: Store) -> None:
    (seq,) = await _record(store, "a")
    await store.write(save_outcomes(seq, DELIVERED))

    (row,) = await _pending(store)
    assert row.outcomes == DELIVERED


async def test_a_late_word_on_a_unit_adds_nothing_to_an_event_that_ended(store: Store) -> None:
    (seq,) = await _record(store, "a")
    await store.write(end(_ending(seq, EventState.DELIVERED)))
    await store.write(save_outcomes(seq, DELIVERED))

    assert await store.write(lambda tx: tx.query("SELECT outcomes FROM events")) == [(None,)]


@pytest.mark.parametrize(
    ("state", "kept"),
    [
        (EventState.DELIVERED, False),
        (EventState.SUPERSEDED, False),
        (EventState.FAILED, True),  # can be tried again by hand
        (EventState.EXPIRED, True),
    ],
)
async def test_only_what_can_be_tried_again_keeps_its_payload(
    store: Store, state: EventState, *, kept: bool
) -> None:
    (seq,) = await _record(store, "a")
    await store.write(save_outcomes(seq, DELIVERED))
    await store.write(end(_ending(seq, state)))

    rows = await store.write(
        lambda tx: tx.query("SELECT payload IS NOT NULL, outcomes, attempted_at FROM events")
    )
    assert rows == [(int(kept), None, None)]
    assert await _pending(store) == []


async def test_an_event_is_shown_to_its_own_server_alone(store: Store) -> None:
    (seq,) = await _record(store, "a")
    await store.write(end(_ending(seq, EventState.DELIVERED)))

    view = await store.write(find(SERVER, EventId("a")))

    assert view is not None
    assert (view.state, view.attempts, view.accepted_at, view.delivered_at) == (
        EventState.DELIVERED,
        3,
        NOON,
        NOON + 1,
    )
    assert (view.result, view.error) == (Result(updated=1, of=2), "a: b")
    assert await store.write(find(OTHER_SERVER, EventId("a"))) is None
    assert await store.write(find(SERVER, EventId("b"))) is None


async def test_an_event_that_was_not_delivered_has_no_time_of_delivery(store: Store) -> None:
    (failed, _) = await _record(store, "a", "b")
    await store.write(end(_ending(failed, EventState.FAILED)))

    for name in ("a", "b"):
        view = await store.write(find(SERVER, EventId(name)))
        assert view is not None
        assert view.delivered_at is None


async def test_states_are_counted(store: Store) -> None:
    seqs = await _record(store, "a", "b", "c")
    await store.write(end(_ending(seqs[1], EventState.EXPIRED)))

    assert await store.write(count_states) == {EventState.PENDING: 2, EventState.EXPIRED: 1}


async def test_the_same_key_and_body_return_the_same_events_and_add_none(store: Store) -> None:
    await store.write(record([_new("a"), _new("b")], KEY))

    again = await store.write(record([_new("c"), _new("d")], KEY))

    assert again.earlier == ("a", "b")
    assert again.seqs == ()
    assert len(await _pending(store)) == 2


async def test_a_key_with_another_body_is_refused(store: Store) -> None:
    await store.write(record([_new("a")], KEY))

    with pytest.raises(IdempotencyError):
        await store.write(record([_new("b")], Idempotency(key="k-1", body_hash=b"other")))
    assert len(await _pending(store)) == 1


async def test_pruning_deletes_what_ended_long_enough_ago_and_no_more_than_asked(store: Store) -> None:
    seqs = await _record(store, *"abcdefg")
    long_ago = NOON - 100.0
    for seq in seqs[:3]:
        await store.write(end(_ending(seq, EventState.DELIVERED, long_ago)))
    await store.write(end(_ending(seqs[3], EventState.FAILED, long_ago)))
    await store.write(end(_ending(seqs[4], EventState.SUPERSEDED, NOON)))
    await store.write(end(_ending(seqs[5], EventState.EXPIRED, NOON - 1000.0)))
    work = prune(NOON, 50.0, 500.0, 2)

    deleted = [await store.write(work) for _ in range(3)]

    assert deleted == [3, 1, 0]  # two delivered and one expired, one delivered, none
    left = await store.write(lambda tx: tx.query("SELECT id, state FROM events ORDER BY seq"))
    assert left == [("d", "failed"), ("e", "superseded"), ("g", "pending")]


async def test_a_key_is_kept_for_a_day_whatever_becomes_of_its_events(store: Store) -> None:
    recorded = await store.write(record([_new("a")], KEY))
    await store.write(end(_ending(recorded.seqs[0], EventState.DELIVERED, NOON)))

    await store.write(prune(NOON + IDEMPOTENCY_SECONDS, 0.0, 0.0, 10))
    assert (await store.write(record([_new("b")], KEY))).earlier == ("a",)

    await store.write(prune(NOON + IDEMPOTENCY_SECONDS + 1.0, 0.0, 0.0, 10))
    assert (await store.write(record([_new("c")], KEY))).earlier is None


@pytest.mark.parametrize(
    "damage",
    [
        "payload = X'7B'",
        "payload = NULL",
        "payload = CAST('{\"type\":\"kick\"}' AS BLOB), kind = 'kick'",  # a later version wrote it
        "outcomes = X'7B'",
    ],
)
async def test_an_unreadable_row_is_found_and_spoils_no_other(store: Store, damage: str) -> None:
    await _record(store, "a", "b")
    await store.write(lambda tx: tx.execute(f"UPDATE events SET {damage} WHERE id = 'a'"))  # noqa: S608 -- ours

    unreadable, other = await _pending(store)

    assert unreadable.event is None
    assert other.event == panic()
