"""Group commit: jobs in one transaction, on a file that is written only while it can be trusted.

After a sync that failed nobody knows what the disk holds: the kernel may count pages as clean that it could not
write, so that a later sync which succeeds proves nothing about them, and the commit lies complete in the log, for
the next start to find. The file is suspect then, as it is when it was just opened after who knows what. Nothing is
committed to a suspect file until a checkpoint has copied what the log holds into the database anew, synced
that, and emptied the log. Reading goes on. A write that is refused (no room) leaves no complete commit, and casts
no doubt on those before it.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from time import perf_counter

from msgspec import Struct

from bridge import logs
from bridge.errors import BridgeError, StoreError
from bridge.store.database import is_damage
from bridge.store.jobs import Job, Transaction

REFUSED = frozenset({sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_IOERR_WRITE})  # what was synced stays so


log = logs.get("store")


class Commit(Struct, frozen=True, kw_only=True):
    """How a transaction ended.

    ``problem`` is what is wrong with the file, if anything; ``damaged`` says that no retry will help; ``changed``
    whether rows were.
    """

    problem: str | None
    damaged: bool
    changed: bool
    seconds: float


class Group:
    """Commits jobs together on one connection; it lives on the store's thread."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._suspect = True
        self._faults: list[Exception] = []  # of the transaction under way

    def commit(self, jobs: Sequence[Job]) -> Commit:
        """Run the jobs in one transaction; one that fails has its ``error`` set and changed nothing."""
        started = perf_counter()
        changes = self._connection.total_changes
        self._faults = []
        self._clear_suspicion()
        try:
            self._run(jobs)
        except (sqlite3.Error, MemoryError) as error:
            self._note(error)
            for job in jobs:
                job.error = _store_error(error)
            with suppress(sqlite3.Error):  # what stays open makes the next BEGIN fail, which comes back here
                self._connection.rollback()
        return Commit(
            problem=_text(self._faults[-1]) if self._faults else None,
            damaged=any(is_damage(fault) for fault in self._faults),
            changed=self._connection.total_changes > changes,
            seconds=perf_counter() - started,
        )

    def _clear_suspicion(self) -> None:
        if not self._suspect:
            return
        try:
            rewrite(self._connection)
            self._suspect = False
        except (sqlite3.Error, MemoryError) as error:
            self._note(error)

    def _note(self, fault: Exception) -> None:
        self._faults.append(fault)
        self._suspect = self._suspect or _casts_doubt(fault)

    def _run(self, jobs: Sequence[Job]) -> None:
        changes = self._connection.total_changes
        # Around every statement the thread gives the interpreter away, and may wait for the event loop to get it back.
        self._connection.execute("BEGIN IMMEDIATE")
        if len(jobs) == 1:
            self._run_job(jobs[0])
            if jobs[0].error is not None:
                return self._connection.rollback()
        else:
            for job in jobs:
                self._run_apart(job)
        if self._suspect and self._connection.total_changes > changes:
            raise self._faults[0]
        self._connection.execute("COMMIT")
        return None

    def _run_apart(self, job: Job) -> None:
        """Run one job so that its failure undoes nothing but itself."""
        self._connection.execute("SAVEPOINT job")
        self._run_job(job)
        if job.error is not None:
            self._connection.execute("ROLLBACK TO job")
        self._connection.execute("RELEASE job")

    def _run_job(self, job: Job) -> None:
        try:
            job.work(Transaction(self._connection))
        except BridgeError as error:
            job.error = error
        except sqlite3.Error as error:
            if not self._connection.in_transaction:
                raise  # SQLite itself gave the whole transaction up
            job.error = _store_error(error)
            self._note(error)
        except Exception as error:  # a fault in one job must not cost the others
            log.exception("store job raised")
            job.error = StoreError(f"internal error: {type(error).__name__}")


def rewrite(connection: sqlite3.Connection) -> None:
    """Copy every commit in the log to the database, sync it, and empty the log.

    Raises:
        sqlite3.Error: the disk did not take it; the log holds what it held.
    """
    busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise sqlite3.OperationalError("the log cannot be emptied")


def _casts_doubt(error: Exception) -> bool:
    extended: int = getattr(error, "sqlite_errorcode", 0)
    return extended & 0xFF == sqlite3.SQLITE_IOERR and extended not in REFUSED


def _text(error: Exception) -> str:
    return str(error) or type(error).__name__


def _store_error(error: Exception) -> StoreError:
    return StoreError(f"the outbox file cannot be written: {_text(error)}")
