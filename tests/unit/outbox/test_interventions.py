"""What an operator does to a file that no daemon holds; what the daemon does alike is tested at the desk."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from bridge.config import TtlConfig
from bridge.events import Event, EventId, EventState
from bridge.outbox.interventions import Refused, Revived, Terms, discard, revive
from bridge.outbox.ledger import record
from bridge.outbox.lifetime import time_to_live
from bridge.outbox.records import NewEvent
from bridge.store import Store, StoredFile, Transaction
from bridge.units import ServerId
from tests.support.sending import call, panic
from tests.support.virtual_time import VirtualClock, run_virtual

T = TypeVar("T")
NOW = 5_000.0


def terms(servers: frozenset[ServerId] | None = None) -> Terms:
    return Terms(
        now=NOW,
        time_to_live=lambda event: time_to_live(TtlConfig(), event),
        servers=servers,
        room=10,
        panic_room=10,
    )


def make(path: Path, *events: Event) -> list[EventId]:
    """Leave a file with some pending events in it."""
    ids = [EventId(f"{number:032x}") for number in range(len(events))]
    rows = [
        NewEvent(id=one, server_id=ServerId(1), event=event, accepted_at=1_000.0, expires_at=1_600.0)
        for one, event in zip(ids, events, strict=True)
    ]

    async def main(clock: VirtualClock) -> None:
        async with Store(path, lambda _: None) as store:
            clock.watch(lambda: store.busy)
            await store.write(record(rows, None))

    run_virtual(main)
    return ids


def do(path: Path, work: Callable[[Transaction], T]) -> T:
    with StoredFile(path) as file:
        return file.change(work)


def rows(path: Path, statement: str) -> list[tuple[object, ...]]:
    return do(path, lambda transaction: list(transaction.query(statement)))


def test_a_pending_event_is_ended_as_discarded(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite3"
    event_id, other = make(path, panic("license:a"), panic("license:b"))

    done = do(path, discard([event_id, EventId("f" * 32)], NOW))

    assert [(one.id, one.state) for one in done.changed] == [(event_id, EventState.FAILED)]
    assert [one.problem for one in done.refused] == ["unknown"]
    assert rows(path, "SELECT id, state, ended_at, error FROM events ORDER BY seq") == [
        (event_id, "failed", NOW, "discarded: by the operator"),
        (other, "pending", None, None),
    ]
    assert [one.reason for one in do(path, discard([event_id], NOW)).refused] == [
        "it has ended already: failed"
    ]


def test_a_call_that_was_being_sent_says_that_the_cad_may_have_it(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite3"
    (event_id,) = make(path, call())
    do(path, lambda transaction: transaction.execute("UPDATE events SET attempted_at = 1.0"))

    do(path, discard([event_id], NOW))

    assert rows(path, "SELECT error, result FROM events") == [
        ("discarded: by the operator; an attempt may have reached the CAD", b'{"unverified":true}')
    ]
    (revived,) = do(path, revive([event_id], terms()))
    assert isinstance(revived, Revived)
    assert (revived.row.unverified, revived.row.attempted_at) == (True, 1_000.0)


def test_a_retried_event_gets_the_next_number_and_none_gets_it_twice(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite3"
    first, second = make(path, panic("license:a"), panic("license:b"))
    do(path, discard([first, second], NOW))

    done = do(path, revive([first, second], terms()))

    assert [one.row.seq for one in done if isinstance(one, Revived)] == [3, 4]
    third = NewEvent(
        id=EventId("e" * 32), server_id=ServerId(1), event=panic("license:c"), accepted_at=1.0, expires_at=2.0
    )
    assert do(path, record([third], None)).seqs == (5,)
    assert rows(path, "SELECT count(*), max(seq) FROM newest") == [(3, 5)]


def test_an_unknown_event_and_one_that_cannot_be_read_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite3"
    (event_id,) = make(path, panic())
    do(path, discard([event_id], NOW))
    do(path, lambda transaction: transaction.execute("UPDATE events SET payload = x'00'"))

    done = do(path, revive([event_id, EventId("f" * 32)], terms()))

    assert [one.reason for one in done if isinstance(one, Refused)] == [
        "its content cannot be read",
        "there is no such event",
    ]


def test_servers_count_only_where_they_are_known(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite3"
    (event_id,) = make(path, panic())
    do(path, discard([event_id], NOW))

    (refused,) = do(path, revive([event_id], terms(frozenset())))
    (revived,) = do(path, revive([event_id], terms(None)))

    assert isinstance(refused, Refused)
    assert isinstance(revived, Revived)
