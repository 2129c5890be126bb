"""The two places events come from say the same."""

from pathlib import Path

import msgspec
import pytest
from click import ClickException

from bridge.cli.admin_door import AdminDoor, RefusedError
from bridge.cli.outbox_sources import BATCH, DoorSource, FileSource
from bridge.cli.whereabouts import Whereabouts
from bridge.clock import SystemClock
from bridge.config import OutboxConfig, Secret
from bridge.events import EventState
from bridge.outbox.inspection import Filter
from bridge.store import StoredFile, Transaction
from bridge.store.database import open_database
from bridge.units import ServerId
from tests.support.fake_desk import KNOWN, TOKEN, FakeDesk, serving

LICENSE = "license:0123456789abcdef"


def stored(folder: Path, events: int = 3) -> Path:
    """Leave a file with some failed panics, each of another unit."""
    path = folder / "outbox.sqlite3"
    connection = open_database(path)
    transaction = Transaction(connection)
    for number in range(events):
        payload = msgspec.json.encode({"type": "panic", "ids": [f"{LICENSE}{number}"], "active": True})
        transaction.execute(
            "INSERT INTO events (id, server, kind, state, payload, accepted_at, expires_at, error)"
            " VALUES (?, 1, 'panic', 'failed', ?, 1.0, 2.0, 'forbidden: no')",
            (f"{number:x}" * 32, payload),
        )
    connection.close()
    return path


def places(folder: Path, max_events: int = 100) -> Whereabouts:
    return Whereabouts(
        admin="", outbox=folder / "outbox.sqlite3", rules=OutboxConfig(max_events=max_events),
        names={ServerId(1): "main"}, tokens=(),
    )  # fmt: skip


async def test_a_file_is_paged_shown_and_changed(tmp_path: Path) -> None:
    with StoredFile(stored(tmp_path)) as file:
        source = FileSource(file, places(tmp_path), SystemClock())
        first, cursor = await source.page(Filter(server=("main",)), None, 2)
        second, end = await source.page(Filter(), cursor, 2)
        event = await source.show("00000", full=False)
        full = await source.show("00000", full=True)
        retried = await source.change("retry", ["0000", "0000", "ffff"])
        discarded = await source.change("discard", ["0" * 32])

    assert [one["id"] for one in (*first, *second)] == ["2" * 32, "1" * 32, "0" * 32]
    assert end is None
    assert (event["server"], event["payload"]) == (
        "main",
        {"type": "panic", "ids": ["license:…def0"], "active": True},
    )
    assert f"{LICENSE}0" in str(full["payload"])
    assert [one.state for one in retried.changed] == [EventState.PENDING]
    assert [one.problem for one in retried.refused] == ["unknown"]
    assert [one.state for one in discarded.changed] == [EventState.FAILED]


async def test_no_more_is_retried_in_a_file_than_the_daemon_takes(tmp_path: Path) -> None:
    with StoredFile(stored(tmp_path)) as file:
        source = FileSource(file, places(tmp_path, max_events=2), SystemClock())
        done = await source.change("retry", ["0000", "1111", "2222"])

    assert (len(done.changed), [one.problem for one in done.refused]) == (2, ["full"])


async def test_an_unknown_event_or_server_is_one_line(tmp_path: Path) -> None:
    with StoredFile(stored(tmp_path)) as file:
        source = FileSource(file, places(tmp_path), SystemClock())
        for reference in ("ffff", "../etc", "'; DROP TABLE events"):
            with pytest.raises(RefusedError, match="there is no such event"):
                await source.show(reference, full=False)
        with pytest.raises(ClickException, match="server: none is called elsewhere"):
            await source.page(Filter(server=("elsewhere",)), None, 5)
        with pytest.raises(ClickException, match="cursor: x is not what a page ended with"):
            await source.page(Filter(), "x", 5)


async def test_two_events_that_begin_alike_are_not_told_apart(tmp_path: Path) -> None:
    path = stored(tmp_path)
    connection = open_database(path)
    Transaction(connection).execute("UPDATE events SET id = ? WHERE seq = 2", ("0" * 31 + "1",))
    connection.close()
    with StoredFile(path) as file:
        done = await FileSource(file, places(tmp_path), SystemClock()).change("retry", ["000"])

    assert [one.problem for one in done.refused] == ["ambiguous"]


async def test_the_daemon_is_asked_in_batches() -> None:
    desk = FakeDesk()
    async with serving(desk) as address:
        source = DoorSource(AdminDoor(address, lambda: Secret(TOKEN), named=False))
        done = await source.change("retry", [f"{number:032x}" for number in range(BATCH + 1)])
        page, cursor = await source.page(Filter(state=(EventState.FAILED,)), None, 5)

    assert [len(ids) for ids in desk.retried] == [BATCH, 1]
    assert len(done.changed) == BATCH + 1
    assert ([one["id"] for one in page], cursor) == ([KNOWN], None)


async def test_what_is_no_id_never_gets_into_a_path() -> None:
    source = DoorSource(AdminDoor("http://127.0.0.1:1", lambda: Secret(TOKEN), named=False))
    with pytest.raises(RefusedError, match="there is no such event"):
        await source.show("../status", full=False)
