"""One SQLite connection in one thread, and group commit.

What several callers want written at the same time goes into one transaction, so that they share one fsync. A
caller goes on only after the commit. One connection alone, because SQLite before 3.51.3 can corrupt a WAL that
two connections reset at once.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self, TypeVar

from bridge import logs
from bridge.errors import BridgeError, StartError, StoreError
from bridge.store.database import open_database
from bridge.store.group import Commit, Group
from bridge.store.jobs import Job, JobQueue, Transaction

T = TypeVar("T")

CROWD = 500  # jobs
CLOSE_SECONDS = 10.0  # how long a disk that hangs may hold up the end of the process

log = logs.get("store")


class Store:
    """The open file. ``write`` is durable when it returns."""

    def __init__(self, path: Path, observe_commit: Callable[[float], None]) -> None:
        self._path = path
        self._observe_commit = observe_commit
        self._jobs = JobQueue()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connection: sqlite3.Connection | None = None
        self._waiting = 0
        self._closed = False
        self._damaged = False
        self.error: str | None = None  # why the file could not be written; a ping that can clears it

    @property
    def busy(self) -> bool:
        """Tell whether something handed in has not been reported yet."""
        return self._waiting > 0

    @property
    def crowded(self) -> bool:
        """Tell whether so much waits that what is not urgent should not be handed in now."""
        return self._waiting >= CROWD

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
            self._jobs.end()
            await asyncio.to_thread(self._thread.join, CLOSE_SECONDS)
            if self._thread.is_alive():
                log.error("store does not close, it is left behind", path=str(self._path))
            self._thread = None

    async def write(
        self,
        work: Callable[[Transaction], T],
        committed: Callable[[T], None] | None = None,
        *,
        urgent: bool = False,
    ) -> T:
        """Run ``work`` in a transaction and return its result after the commit.

        Args:
            work: runs on the store's thread; a ``BridgeError`` that it raises undoes only itself.
            committed: called on the event loop after the commit even if the caller was cancelled meanwhile.
            urgent: overtakes everything that waits and is not urgent.

        Raises:
            StoreError: the disk is full, read-only or failing, or the file was closed; nothing of ``work`` is
                kept, unless the process is killed before the file is whole again: the next start may find it.
        """
        return await self._hand_in(work, committed, urgent=urgent)

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work``, which changes nothing, when nothing else waits, and return its result.

        No commit shares a transaction with it; one that comes while it runs waits until it is through, so that it
        must be short.

        Raises:
            StoreError: the disk is failing, or the file was closed.
        """
        return await self._hand_in(work, None, patient=True)

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

        self._put(Job(run, done, undone))

    async def ping(self) -> None:
        """Pass through the thread; while the file fails, try a write to see whether it works again.

        Raises:
            StoreError: it does not.
            StartError: the file is damaged; only a new start helps, which sets it aside.
        """
        if self._damaged:
            raise StartError(f"{self._path}: the outbox is damaged: {self.error}")
        if self.error is None:
            await self.write(_look, urgent=True)
        else:
            await self.write(_touch, self._recover, urgent=True)

    async def _hand_in(
        self,
        work: Callable[[Transaction], T],
        committed: Callable[[T], None] | None,
        *,
        urgent: bool = False,
        patient: bool = False,
    ) -> T:
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

        self._put(Job(run, done, failed, patient=patient), urgent=urgent)
        return await future

    def _recover(self, _: None) -> None:
        self.error = None

    def _put(self, job: Job, *, urgent: bool = False) -> None:
        if self._closed:
            job.error = StoreError("the outbox file is closed")
            job.report()
            return
        self._waiting += 1
        self._jobs.put(job, urgent=urgent)

    def _serve(self) -> None:
        """Run on the thread: take what waits, commit it together, report."""
        assert self._connection is not None, "the store is not open"  # noqa: S101 -- an error of the program
        assert self._loop is not None, "the store is not open"  # noqa: S101 -- an error of the program
        group = Group(self._connection)
        ended = False
        while not ended:
            jobs, ended = self._jobs.gather()
            if jobs:
                commit = group.commit(jobs)
                if not self._loop.is_closed():
                    self._loop.call_soon_threadsafe(self._report, jobs, commit)
        self._connection.close()

    def _report(self, jobs: list[Job], commit: Commit) -> None:
        if commit.problem is not None and self.error is None:
            log.error("outbox cannot be written", detail=commit.problem)
        # A success does not clear the error: SQLite writes nothing where a row stays as it was. Only ping does.
        self.error = commit.problem or self.error
        self._damaged = self._damaged or commit.damaged
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
