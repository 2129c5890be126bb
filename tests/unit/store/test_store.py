import asyncio
import contextlib
import os
import sqlite3
import stat
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bridge.errors import ConfigError, IdempotencyError, StartError, StoreError
from bridge.store import Store, Transaction
from bridge.store.database import HELD, open_database
from bridge.store.jobs import GROUP_LIMIT
from bridge.store.schema import SCHEMA_VERSION
from bridge.store.store import CROWD
from tests.support.full_disk import full_disk

INSERT = "INSERT INTO requests (id, operation, started_at) VALUES (?, 'heartbeat', 1.0)"


class Commits(list[float]):
    """How long each commit took, as the store observes it."""


def _store(folder: Path, commits: list[float] | None = None) -> Store:
    return Store(folder / "outbox.sqlite3", (Commits() if commits is None else commits).append)


def _insert(transaction: Transaction, name: str) -> str:
    transaction.execute(INSERT, (name,))
    return name


def _names(transaction: Transaction) -> list[Any]:
    return [row[0] for row in transaction.query("SELECT id FROM requests ORDER BY id")]


class Gate:
    """Keeps the store's thread in a job until it is opened."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.opened = threading.Event()

    def __call__(self, transaction: Transaction) -> None:
        self.reached.set()
        assert self.opened.wait(10.0)
        transaction.query("SELECT 1")


async def test_what_was_written_is_there_after_opening_again(tmp_path: Path) -> None:
    async with _store(tmp_path) as store:
        assert await store.write(lambda tx: _insert(tx, "a")) == "a"

    async with _store(tmp_path) as store:
        assert await store.write(_names) == ["a"]


async def test_every_commit_is_synced_and_the_file_is_ours_alone(tmp_path: Path) -> None:
    async with _store(tmp_path) as store:
        pragmas = {
            name: await store.write(lambda tx, name=name: tx.query(f"PRAGMA {name}")[0][0])
            for name in ("synchronous", "journal_mode", "locking_mode", "secure_delete", "user_version")
        }

    assert pragmas == {
        "synchronous": 2,
        "journal_mode": "wal",
        "locking_mode": "exclusive",
        "secure_delete": 1,
        "user_version": SCHEMA_VERSION,
    }


async def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    async with _store(tmp_path) as store:
        await store.write(lambda tx: _insert(tx, "a"))
        for companion in ("", "-wal"):
            name = f"outbox.sqlite3{companion}"
            (tmp_path / f"copy-{name}").write_bytes((tmp_path / name).read_bytes())
            (tmp_path / f"copy-{name}").chmod(0o664)

    async with Store(tmp_path / "copy-outbox.sqlite3", Commits().append) as store:
        assert await store.write(_names) == ["a"]
        names = ("copy-outbox.sqlite3", "copy-outbox.sqlite3-wal")
        modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in names}

    assert modes == {0o600}


async def test_nobody_else_on_the_machine_may_read_the_file(tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        async with _store(tmp_path / "made" / "too") as store:
            await store.write(lambda tx: _insert(tx, "a"))
            modes = {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "made" / "too").iterdir()}
    finally:
        os.umask(umask)

    assert modes == {0o600}


async def test_another_daemon_is_told_that_the_file_is_held(tmp_path: Path) -> None:
    opener = (
        "import asyncio, pathlib, sys; from bridge.store import Store\n"
        "asyncio.run(Store(pathlib.Path(sys.argv[1]), print).__aenter__())"
    )
    async with _store(tmp_path):
        path = str(tmp_path / "outbox.sqlite3")
        other = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", opener, path], capture_output=True, text=True, check=False
        )

    last = other.stderr.strip().splitlines()[-1]
    assert (
        last
        == f"bridge.errors.HeldError: outbox.path: {path}: {HELD}; stop it or give this one an outbox of its own"
    )


async def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite3"
    with contextlib.closing(sqlite3.connect(path)) as newer:
        newer.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")

    with pytest.raises(ConfigError, match=rf"newer version \(schema {SCHEMA_VERSION + 1}\)"):
        await _store(tmp_path).__aenter__()

    with contextlib.closing(sqlite3.connect(path, timeout=0)) as newer:
        assert newer.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,)


async def test_a_folder_in_the_files_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "outbox.sqlite3").mkdir()

    with pytest.raises(StartError, match=r"outbox\.sqlite3: the outbox cannot be opened: "):
        await _store(tmp_path).__aenter__()


async def test_a_database_of_something_else_is_not_taken_over(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "outbox.sqlite3")) as foreign:
        foreign.execute("CREATE TABLE events (anything)")

    with pytest.raises(StartError, match="the outbox cannot be used: table events already exists"):
        await _store(tmp_path).__aenter__()


async def test_what_waits_together_is_committed_together(tmp_path: Path) -> None:
    commits: list[float] = []
    async with _store(tmp_path, commits) as store:
        gate = Gate()
        store.post(gate)
        await asyncio.to_thread(gate.reached.wait)
        writes = [store.write(lambda tx, n=n: _insert(tx, f"{n:03}")) for n in range(GROUP_LIMIT + 10)]
        tasks = [asyncio.ensure_future(write) for write in writes]  # noqa: TID251 -- what handlers do
        await asyncio.sleep(0)  # noqa: TID251 -- lets them hand in
        assert store.busy
        gate.opened.set()
        names = await asyncio.gather(*tasks)

        assert not store.busy
        assert await store.write(_names) == names
    assert len(commits) == 2  # the limit in one, the rest in another


async def test_an_urgent_job_overtakes_a_backlog(tmp_path: Path) -> None:
    ended: list[str] = []
    async with _store(tmp_path) as store:
        gate = Gate()
        store.post(gate)
        await asyncio.to_thread(gate.reached.wait)
        for number in range(50 * GROUP_LIMIT):
            store.post(lambda tx: _insert(tx, f"{uuid.uuid4()}"), lambda n=number: ended.append(f"{n}"))
        urgent = store.write(lambda tx: _insert(tx, "panic"), ended.append, urgent=True)
        gate.opened.set()
        await urgent

        assert ended[0] == "panic"
    assert ended[1:] == [str(number) for number in range(50 * GROUP_LIMIT)]


async def test_a_sign_of_life_does_not_wait_behind_a_backlog_and_a_backlog_shows(tmp_path: Path) -> None:
    ended: list[int] = []
    async with _store(tmp_path) as store:
        gate = Gate()
        store.post(gate)
        await asyncio.to_thread(gate.reached.wait)
        assert not store.crowded
        for number in range(CROWD):
            store.post(lambda tx: _insert(tx, f"{uuid.uuid4()}"), lambda n=number: ended.append(n))
        assert store.crowded
        gate.opened.set()
        await store.ping()

        assert len(ended) < CROWD


async def test_a_damaged_file_ends_the_daemon_so_that_the_next_start_sets_it_aside(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite3"
    with contextlib.closing(open_database(path)) as connection:
        connection.execute("BEGIN")
        connection.executemany(INSERT, [(f"{number:0900}",) for number in range(8000)])  # more than is cached
        connection.execute("COMMIT")
    async with _store(tmp_path) as store:
        with path.open("r+b") as file:  # the rest of the file rots while it is open
            file.seek(4096)
            file.write(b"\xa5" * (path.stat().st_size - 4096))
        with pytest.raises(StoreError, match="malformed"):
            await store.write(_names)
        with pytest.raises(StartError, match=r"outbox\.sqlite3: the outbox is damaged: .*malformed"):
            await store.ping()

    with capture_logs() as lines:
        async with _store(tmp_path) as store:
            assert await store.write(_names) == []
    assert [line["event"] for line in lines] == ["outbox damaged, set aside, a fresh one is begun"]


async def test_a_callback_runs_after_the_commit_and_before_the_caller_goes_on(tmp_path: Path) -> None:
    seen: list[str] = []
    async with _store(tmp_path) as store:
        await store.write(lambda tx: _insert(tx, "a"), seen.append)
        seen.append("caller")

    assert seen == ["a", "caller"]


async def test_a_cancelled_caller_does_not_undo_what_was_handed_in(tmp_path: Path) -> None:
    seen: list[str] = []
    async with _store(tmp_path) as store:
        gate = Gate()
        store.post(gate)
        await asyncio.to_thread(gate.reached.wait)
        task = asyncio.ensure_future(store.write(lambda tx: _insert(tx, "a"), seen.append))  # noqa: TID251 -- a handler
        await asyncio.sleep(0)  # noqa: TID251 -- lets it hand in
        task.cancel()
        gate.opened.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        await store.ping()

        assert await store.write(_names) == ["a"]
    assert seen == ["a"]


async def test_an_error_undoes_its_own_job_and_no_other(tmp_path: Path) -> None:
    def refuse(transaction: Transaction) -> None:
        _insert(transaction, "refused")
        raise IdempotencyError("used before")

    def break_down(transaction: Transaction) -> None:
        _insert(transaction, "broken")
        raise ZeroDivisionError

    def misspell(transaction: Transaction) -> None:
        _insert(transaction, "misspelt")
        transaction.execute("INSERT INTO nowhere VALUES (1)")

    async with _store(tmp_path) as store:
        gate = Gate()
        store.post(gate)
        await asyncio.to_thread(gate.reached.wait)
        together = asyncio.gather(
            store.write(lambda tx: _insert(tx, "a")),
            store.write(refuse),
            store.write(break_down),
            store.write(misspell),
            store.write(lambda tx: _insert(tx, "b")),
            return_exceptions=True,
        )
        await asyncio.sleep(0)  # noqa: TID251 -- lets them hand in
        gate.opened.set()
        ends = await together

        assert await store.write(_names) == ["a", "b"]
    assert ends[0] == "a"
    assert ends[4] == "b"
    assert isinstance(ends[1], IdempotencyError)
    assert str(ends[2]) == "internal error: ZeroDivisionError"
    assert str(ends[3]) == "the outbox file cannot be written: no such table: nowhere"


async def test_a_callback_that_raises_leaves_nobody_waiting(tmp_path: Path) -> None:
    def stumble(_: object = None) -> None:
        raise ZeroDivisionError

    async with _store(tmp_path) as store:
        gate = Gate()
        with capture_logs() as logs:
            store.post(gate, committed=stumble)
            first = store.write(lambda tx: _insert(tx, "a"), stumble)
            second = store.write(lambda tx: _insert(tx, "b"))
            together = asyncio.gather(first, second)
            await asyncio.sleep(0)  # noqa: TID251 -- lets them hand in
            gate.opened.set()

            assert await asyncio.wait_for(together, 5.0) == ["a", "b"]

    assert [entry["event"] for entry in logs] == ["store callback raised"] * 2


async def test_posted_work_tells_how_it_ended(tmp_path: Path) -> None:
    told: list[str] = []
    async with _store(tmp_path) as store:
        store.post(
            lambda tx: _insert(tx, "a"), lambda: told.append("committed"), lambda: told.append("failed")
        )
        store.post(lambda tx: tx.execute("nonsense"), None, lambda: told.append("failed as expected"))
        store.post(lambda tx: tx.execute("nonsense"))
        await store.ping()

    assert told == ["committed", "failed as expected"]


async def test_a_disk_that_takes_nothing_is_an_error_for_everybody_until_it_does_again(
    tmp_path: Path,
) -> None:
    commits: list[float] = []
    async with _store(tmp_path, commits) as store:
        await store.write(lambda tx: _insert(tx, "before"))
        with full_disk(tmp_path / "outbox.sqlite3-wal"):
            ends = await asyncio.gather(
                store.write(lambda tx: _insert(tx, "a")),
                store.write(lambda tx: _insert(tx, "b")),
                return_exceptions=True,
            )
            with pytest.raises(StoreError):
                await store.ping()
            assert [type(end) for end in ends] == [StoreError, StoreError]
            assert store.error is not None

        await store.ping()
        assert store.error is None
        assert await store.write(_names) == ["before"]
        assert await store.write(lambda tx: _insert(tx, "after")) == "after"
    assert len(commits) == 3  # before, the ping that tried, after


async def test_a_look_into_the_file_does_not_hide_that_it_cannot_be_written(tmp_path: Path) -> None:
    async with _store(tmp_path) as store:
        await store.write(lambda tx: _insert(tx, "before"))
        with full_disk(tmp_path / "outbox.sqlite3-wal"):
            with pytest.raises(StoreError):
                await store.write(lambda tx: _insert(tx, "a"))

            assert await store.write(_names) == ["before"]
            assert store.error is not None
            with pytest.raises(StoreError):
                await store.ping()


async def test_a_database_without_room_fails_the_job_that_asks_for_it(tmp_path: Path) -> None:
    async with _store(tmp_path) as store:
        await store.write(lambda tx: tx.query("PRAGMA max_page_count = 1"))
        with pytest.raises(StoreError, match="the outbox file cannot be written: database or disk is full"):
            await store.write(lambda tx: _insert(tx, "x" * 100_000))

        assert store.error == "database or disk is full"
        await store.write(lambda tx: tx.query("PRAGMA max_page_count = 100000"))
        await store.write(lambda tx: _insert(tx, "a"))
        await store.ping()
        assert store.error is None
        assert await store.write(_names) == ["a"]


async def test_a_transaction_that_stays_open_is_cleared_before_the_next(tmp_path: Path) -> None:
    async with _store(tmp_path) as store:
        connection = store._connection
        assert connection is not None
        connection.execute("BEGIN")
        with pytest.raises(StoreError, match="cannot start a transaction within a transaction"):
            await store.write(lambda tx: _insert(tx, "a"))

        assert await store.write(lambda tx: _insert(tx, "b")) == "b"


async def test_closing_finishes_what_was_handed_in(tmp_path: Path) -> None:
    async with _store(tmp_path) as store:
        for number in range(3 * GROUP_LIMIT):
            store.post(lambda tx, number=number: _insert(tx, f"{number:03}"))

    async with _store(tmp_path) as store:
        assert len(await store.write(_names)) == 3 * GROUP_LIMIT


async def test_a_disk_that_hangs_does_not_keep_the_process_from_ending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.store.store.CLOSE_SECONDS", 0.05)
    gate = Gate()
    store = await _store(tmp_path).__aenter__()
    store.post(gate)
    await asyncio.to_thread(gate.reached.wait, 10.0)
    thread = store._thread
    assert thread is not None

    with capture_logs() as lines:
        await store.__aexit__()

    assert [line["event"] for line in lines] == ["store does not close, it is left behind"]
    assert thread.daemon, "or the interpreter would wait for it"
    gate.opened.set()
    await asyncio.to_thread(thread.join, 10.0)


async def test_a_closed_store_refuses_instead_of_keeping_its_callers_waiting(tmp_path: Path) -> None:
    told: list[str] = []
    store = _store(tmp_path)
    async with store:
        pass

    with pytest.raises(StoreError, match="the outbox file is closed"):
        await asyncio.wait_for(store.write(_names), 5.0)
    store.post(_names, None, lambda: told.append("failed"))
    assert told == ["failed"]
    assert not store.busy


async def test_a_store_that_was_never_opened_closes_quietly(tmp_path: Path) -> None:
    await _store(tmp_path).__aexit__(None, None, None)

    assert os.listdir(tmp_path) == []  # noqa: PTH208 -- Path's own would block as much and be refused here


def test_a_read_waits_until_everything_else_is_written(tmp_path: Path) -> None:
    order: list[str] = []

    def note(word: str) -> Callable[[Transaction], None]:
        return lambda _: order.append(word)

    async def main() -> None:
        release = threading.Event()

        async def open_gate() -> None:
            release.set()

        async with _store(tmp_path) as store, asyncio.TaskGroup() as group:
            store.post(lambda _: release.wait(5.0))
            group.create_task(store.read(note("read")))
            group.create_task(store.write(note("write")))
            group.create_task(store.write(note("urgent"), urgent=True))
            group.create_task(open_gate())  # begun last, when all the others have handed in their work

    asyncio.run(main())

    assert order == ["urgent", "write", "read"]
