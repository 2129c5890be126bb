"""One SQLite connection in one thread, and group commit.

What several callers want written at the same time goes into one transaction, so that they share one fsync. A
caller goes on only after the commit. One connection alone, because SQLite before 3.51.3 can corrupt a WAL that
two connections reset at once.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from time import perf_counter
from typing import Self, TypeVar

from msgspec import Struct

from bridge import logs
from bridge.errors import BridgeError, StoreError
from bridge.store.database import open_database

T = TypeVar("T")
Value = str | bytes | int | float | None
Row = tuple[Value, ...]

CLOSE_SECONDS = 10.0  # how long a disk that hangs may hold up the end of the process
GROUP_LIMIT = 64  # jobs in one transaction: more only lengthens everybody's wait

log = logs.get("store")


class Transaction:
    """What a job may do with the file; it lives on the store's thread and only during the job."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, statement: str, values: Sequence[Value] = ()) -> int:
        """Run a statement that changes something and return the last inserted row's number, or 0."""
        return self._connection.execute(statement, values).lastrowid or 0

    def query(self, statement: str, values: Sequence[Value] = ()) -> list[Row]:
        """Run a query and return its rows."""
        return self._connection.execute(statement, values).fetchall()


class _Job:
    """One caller's share of a transaction, and who hears of its end on the event loop."""

    def __init__(
        self,
        work: Callable[[Transaction], None],
        done: Callable[[], None],
        failed: Callable[[BridgeError], None],
    ) -> None:
        self.work = work
        self.done = done
        self.failed = failed
        self.error: BridgeError | None = None

    def report(self) -> None:
        try:
            if self.error is None:
                self.done()
            else:
                self.failed(self.error)
        except Exception:  # a fault in one callback must not leave the others waiting
            log.exception("store callback raised")


class _Commit(Struct, frozen=True):
    """How a transaction ended: what is wrong with the file, if anything, and whether rows were changed."""

    problem: str | None
    changed: bool
    seconds: float


class Store:
    """The open file. ``write`` is durable when it returns."""

    def __init__(self, path: Path, observe_commit: Callable[[float], None]) -> None:
        self._path = path
        self._observe_commit = observe_commit
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connection: sqlite3.Connection | None = None
        self._waiting = 0
        self._closed = False
        self.error: str | None = None  # why the file could not be written; a ping that can clears it

    @property
    def busy(self) -> bool:
        """Tell whether something handed in has not been reported yet."""
        return self._waiting > 0

    async def __aenter__(self) -> Self:
        """Open the file, create or check its schema, and start the thread.

        Raises:
            StartError: it is held by another daemon, was written by a newer version, or cannot be used.
        """
        self._loop = asyncio.get_running_loop()
        self._connection = await asyncio.to_thread(open_database, self._path)
        self._thread = threading.Thread(target=self._serve, name="store", daemon=True)
        self._thread.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Finish what was handed in and close the file."""
        self._closed = True
        if self._thread is not None:
            self._jobs.put(None)
            await asyncio.to_thread(self._thread.join, CLOSE_SECONDS)
            if self._thread.is_alive():
                log.error("store does not close, it is left behind", path=str(self._path))
            self._thread = None

    async def write(
        self, work: Callable[[Transaction], T], committed: Callable[[T], None] | None = None
    ) -> T:
        """Run ``work`` in a transaction and return its result after the commit.

        Args:
            work: runs on the store's thread; a ``BridgeError`` that it raises undoes only itself.
            committed: called on the event loop after the commit even if the caller was cancelled meanwhile.

        Raises:
            StoreError: the disk is full, read-only or failing, or the file was closed; nothing of ``work`` was
                written.
        """
        assert self._loop is not None, "the store is not open"  # noqa: S101 -- an error of the program
        future: asyncio.Future[T] = self._loop.create_future()

        results: list[T] = []

        def run(transaction: Transaction) -> None:
            results[:] = [work(transaction)]

        def done() -> None:
            try:
                if committed is not None:
                    committed(results[0])
            finally:
                if not future.done():
                    future.set_result(results[0])

        def failed(error: BridgeError) -> None:
            if not future.done():
                future.set_exception(error)

        self._put(_Job(run, done, failed))
        return await future

    def post(
        self,
        work: Callable[[Transaction], object],
        committed: Callable[[], None] | None = None,
        failed: Callable[[], None] | None = None,
    ) -> None:
        """Hand in ``work`` without waiting; the callbacks run on the event loop."""

        def run(transaction: Transaction) -> None:
            work(transaction)

        def done() -> None:
            if committed is not None:
                committed()

        def undone(_: BridgeError) -> None:
            if failed is not None:
                failed()

        self._put(_Job(run, done, undone))

    async def ping(self) -> None:
        """Pass through the thread; while the file fails, try a write to see whether it works again.

        Raises:
            StoreError: it does not.
        """
        if self.error is None:
            await self.write(_look)
        else:
            await self.write(_touch, self._recover)

    def _recover(self, _: None) -> None:
        self.error = None

    def _put(self, job: _Job) -> None:
        if self._closed:
            job.error = StoreError("the outbox file is closed")
            job.report()
            return
        self._waiting += 1
        self._jobs.put(job)

    def _serve(self) -> None:
        """Run on the thread: take what waits, commit it together, report."""
        assert self._connection is not None, "the store is not open"  # noqa: S101 -- an error of the program
        assert self._loop is not None, "the store is not open"  # noqa: S101 -- an error of the program
        stopping = False
        while not stopping:
            jobs, stopping = self._gather()
            if jobs:
                commit = _commit(self._connection, jobs)
                if not self._loop.is_closed():
                    self._loop.call_soon_threadsafe(self._report, jobs, commit)
        self._connection.close()

    def _gather(self) -> tuple[list[_Job], bool]:
        job = self._jobs.get()
        jobs: list[_Job] = []
        while job is not None:
            jobs.append(job)
            if len(jobs) == GROUP_LIMIT:
                return jobs, False
            try:
                job = self._jobs.get_nowait()
            except Empty:
                return jobs, False
        return jobs, True

    def _report(self, jobs: list[_Job], commit: _Commit) -> None:
        # A success does not clear the error: SQLite writes nothing where a row stays as it was. Only ping does.
        self.error = commit.problem or self.error
        if commit.problem is None and commit.changed:
            self._observe_commit(commit.seconds)
        self._waiting -= len(jobs)
        for job in jobs:
            job.report()


def _look(transaction: Transaction) -> None:
    transaction.query("PRAGMA user_version")


def _touch(transaction: Transaction) -> None:
    transaction.execute("INSERT INTO requests (id, operation, started_at) VALUES ('', '', 0.0)")
    transaction.execute("DELETE FROM requests WHERE id = ''")


def _commit(connection: sqlite3.Connection, jobs: list[_Job]) -> _Commit:
    """Run the jobs in one transaction."""
    started = perf_counter()
    changes = connection.total_changes
    problem: str | None = None
    try:
        connection.execute("BEGIN IMMEDIATE")
        for job in jobs:
            problem = _run_alone(connection, job) or problem
        connection.execute("COMMIT")
    except (sqlite3.Error, MemoryError) as error:
        problem = str(error) or type(error).__name__
        for job in jobs:
            job.error = _store_error(error)
        with suppress(sqlite3.Error):  # what stays open makes the next BEGIN fail, which comes back here
            connection.rollback()
    return _Commit(problem, connection.total_changes > changes, perf_counter() - started)


def _run_alone(connection: sqlite3.Connection, job: _Job) -> str | None:
    """Run one job so that its failure undoes nothing but itself; return what is wrong with the file, if anything."""
    problem: str | None = None
    connection.execute("SAVEPOINT job")
    try:
        job.work(Transaction(connection))
    except BridgeError as error:
        job.error = error
    except sqlite3.Error as error:
        if not connection.in_transaction:
            raise  # SQLite itself gave the whole transaction up
        job.error, problem = _store_error(error), str(error)
    except Exception as error:  # noqa: BLE001 -- a fault in one job must not cost the others
        job.error = StoreError(f"internal error: {type(error).__name__}")
    if job.error is not None:
        connection.execute("ROLLBACK TO job")
    connection.execute("RELEASE job")
    return problem


def _store_error(error: Exception) -> StoreError:
    return StoreError(f"the outbox file cannot be written: {error}")
