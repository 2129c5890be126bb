"""What waits for the store's thread: each caller's share of a transaction, the urgent ones first, the patient last."""

from collections.abc import Callable, Sequence
from itertools import count
from queue import Empty, PriorityQueue
from sqlite3 import Connection

from bridge import logs
from bridge.errors import BridgeError

Value = str | bytes | int | float | None
Row = tuple[Value, ...]

GROUP_LIMIT = 64  # jobs in one transaction: more only lengthens everybody's wait
URGENT, ORDINARY, PATIENT, LAST = range(4)

log = logs.get("store")


class Transaction:
    """What a job may do with the file; it lives on the store's thread and only during the job."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def execute(self, statement: str, values: Sequence[Value] = ()) -> int:
        """Run a statement that changes something and return the last inserted row's number, or 0."""
        return self._connection.execute(statement, values).lastrowid or 0

    def query(self, statement: str, values: Sequence[Value] = ()) -> list[Row]:
        """Run a query and return its rows."""
        return self._connection.execute(statement, values).fetchall()


class Job:
    """One caller's share of a transaction, and who hears of its end on the event loop.

    A ``patient`` one only reads, and lets everything else go first.
    """

    def __init__(
        self,
        work: Callable[[Transaction], None],
        done: Callable[[], None],
        failed: Callable[[BridgeError], None],
        *,
        patient: bool = False,
    ) -> None:
        self.patient = patient
        self.work = work
        self.done = done
        self.failed = failed
        self.error: BridgeError | None = None

    def report(self) -> None:
        """Tell the caller; a fault in its callback must not leave others waiting."""
        try:
            if self.error is None:
                self.done()
            else:
                self.failed(self.error)
        except Exception:
            log.exception("store callback raised")


class JobQueue:
    """Jobs on their way from the event loop to the store's thread, in the order they came within their rank."""

    def __init__(self) -> None:
        self._entries: PriorityQueue[tuple[int, int, Job | None]] = PriorityQueue()
        self._tie = count()

    def put(self, job: Job, *, urgent: bool = False) -> None:
        """Add a job; an ``urgent`` one overtakes all that are not."""
        rank = PATIENT if job.patient else ORDINARY
        self._entries.put((URGENT if urgent else rank, next(self._tie), job))

    def end(self) -> None:
        """Say that nothing follows: what waits is still handed out."""
        self._entries.put((LAST, next(self._tie), None))

    def gather(self) -> tuple[list[Job], bool]:
        """Wait for a job and return it with those that wait behind it, and whether nothing follows.

        A patient one comes alone: nobody's commit waits for it to be through.
        """
        rank, _, job = self._entries.get()
        jobs: list[Job] = []
        while job is not None:
            jobs.append(job)
            if len(jobs) == GROUP_LIMIT or rank == PATIENT:
                return jobs, False
            try:
                entry = self._entries.get_nowait()
            except Empty:
                return jobs, False
            if entry[0] == PATIENT:
                self._entries.put(entry)
                return jobs, False
            rank, _, job = entry
        return jobs, True

    def get_nowait(self) -> Job | None:
        """Take the next job without waiting; None where nothing follows.

        Raises:
            queue.Empty: none waits now.
        """
        return self._entries.get_nowait()[-1]
