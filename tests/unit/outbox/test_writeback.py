from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import pytest

from bridge.errors import StoreError
from bridge.events import EventId, EventKind, EventState
from bridge.outbox.ledger import Ending, record
from bridge.outbox.records import EventView, NewEvent
from bridge.outbox.writeback import Writeback
from bridge.store import Store, Transaction
from tests.support.full_disk import full_disk
from tests.support.sending import OTHER_SERVER, SERVER, panic

EVENT = EventId("a")


@pytest.fixture(name="store")
async def _store(tmp_path: Path) -> AsyncGenerator[Store]:
    async with Store(tmp_path / "outbox.sqlite3", lambda _: None) as store:
        new = NewEvent(id=EVENT, server_id=SERVER, event=panic(), accepted_at=0.0, expires_at=600.0)
        await store.write(record([new], None))
        yield store


def _view(state: EventState = EventState.DELIVERED) -> EventView:
    return EventView(id=EVENT, type=EventKind.PANIC, state=state, attempts=1, accepted_at=0.0)


def _nothing() -> None:
    """Hear of an end."""


def _save_ending(
    writeback: Writeback,
    state: EventState = EventState.DELIVERED,
    committed: Callable[[], None] = _nothing,
) -> EventView:
    ending = Ending(seq=1, state=state, attempts=1, ended_at=1.0, result=None, error=None)
    writeback.save_ending(ending, SERVER, _view(state), committed)
    return _view(state)


def _adding(text: str) -> Callable[[Transaction], None]:
    def work(transaction: Transaction) -> None:
        transaction.execute("UPDATE events SET error = coalesce(error, '') || ?", (text,))

    return work


async def _error(store: Store) -> object:
    return (await store.write(lambda tx: tx.query("SELECT error FROM events")))[0][0]


async def _settle(store: Store) -> None:
    """Wait until the disk has refused, and the loop has heard of it, what was handed in."""
    with pytest.raises(StoreError):
        await store.write(lambda tx: tx.execute("UPDATE events SET ended_at = 2.0"))


async def test_what_is_saved_is_written_in_its_order_without_waiting(store: Store) -> None:
    writeback = Writeback(store)
    heard: list[str] = []
    for letter in "abc":
        writeback.save(_adding(letter), lambda letter=letter: heard.append(letter))  # type: ignore[misc] -- mypy infers no lambda with a default

    assert heard == []
    assert await _error(store) == "abc"
    assert heard == ["a", "b", "c"]


async def test_an_ending_is_told_to_its_own_server_until_it_is_on_disk(store: Store) -> None:
    writeback = Writeback(store)
    view = _save_ending(writeback)

    assert writeback.find(SERVER, EVENT) == view
    assert writeback.find(OTHER_SERVER, EVENT) is None
    assert writeback.find(SERVER, EventId("b")) is None
    assert [writeback.count(state) for state in (EventState.DELIVERED, EventState.FAILED)] == [1, 0]

    await store.ping()
    assert writeback.find(SERVER, EVENT) is None
    assert writeback.count(EventState.DELIVERED) == 0
    assert await store.write(lambda tx: tx.query("SELECT state FROM events")) == [("delivered",)]


async def test_what_the_disk_refused_is_remembered_and_written_once_in_its_order(
    store: Store, tmp_path: Path
) -> None:
    writeback = Writeback(store)
    with full_disk(tmp_path / "outbox.sqlite3-wal"):
        for letter in "abc":
            writeback.save(_adding(letter))
        view = _save_ending(writeback)
        await _settle(store)
        writeback.save_again()  # in vain
        await _settle(store)
        assert writeback.find(SERVER, EVENT) == view
    await store.ping()
    assert await _error(store) is None

    writeback.save_again()
    assert await store.write(lambda tx: tx.query("SELECT state FROM events")) == [("delivered",)]
    assert writeback.find(SERVER, EVENT) is None
    writeback.save_again()
    assert not store.busy


async def test_nothing_that_went_wrong_keeps_what_was_handed_in_beside_it(store: Store) -> None:
    def broken(_: Transaction) -> None:
        raise ZeroDivisionError

    writeback = Writeback(store)
    writeback.save(broken)
    writeback.save(_adding("a"))
    await store.ping()
    writeback.save_again()
    await store.ping()

    assert await _error(store) == "a"


async def test_what_came_after_the_file_was_closed_is_remembered_and_nothing_raises(tmp_path: Path) -> None:
    async with Store(tmp_path / "outbox.sqlite3", lambda _: None) as store:
        pass
    writeback = Writeback(store)
    view = _save_ending(writeback)
    writeback.save_again()

    assert writeback.find(SERVER, EVENT) == view
