import contextlib
import sqlite3
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

import pytest

from bridge.errors import BridgeError, IdempotencyError
from bridge.store.database import open_database
from bridge.store.group import Commit, Group
from bridge.store.jobs import Job, Transaction

FSYNC = sqlite3.SQLITE_IOERR_FSYNC
INSERT = "INSERT INTO requests (id, operation, started_at) VALUES (?, 'heartbeat', 1.0)"
REWRITE = "PRAGMA wal_checkpoint(TRUNCATE)"
WORDS = "the outbox file cannot be written: disk I/O error"


class Disk(sqlite3.Connection):
    """A connection whose disk fails while ``broken`` names the statements that do, with what error."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.broken: dict[str, int] = {}
        self.ran: list[str] = []

    def execute(self, statement: str, values: Any = ()) -> sqlite3.Cursor:
        self.ran.append(statement)
        if statement in self.broken:
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = self.broken[statement]
            raise error
        return super().execute(statement, values)


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    path = tmp_path / "outbox.sqlite3"
    open_database(path).close()
    return path


@pytest.fixture(name="disk")
def _disk(path: Path) -> Generator[Disk]:
    disk = sqlite3.connect(path, isolation_level=None, factory=Disk)
    with contextlib.closing(disk):
        disk.execute("PRAGMA locking_mode = EXCLUSIVE")
        yield disk


def _job(name: str) -> Job:
    def work(transaction: Transaction) -> None:
        transaction.execute(INSERT, (name,))

    return _of(work)


def _of(work: Callable[[Transaction], object]) -> Job:
    def run(transaction: Transaction) -> None:
        work(transaction)

    return Job(run, lambda: None, lambda _: None)


def _names(group: Group) -> Sequence[str]:
    seen: list[str] = []
    statement = "SELECT id FROM requests ORDER BY id"
    reading = _of(lambda tx: seen.extend(str(row[0]) for row in tx.query(statement)))
    group.commit([reading])
    assert reading.error is None
    return seen


def _commit(group: Group, *names: str) -> tuple[Commit, list[BridgeError | None]]:
    jobs = [_job(name) for name in names]
    return group.commit(jobs), [job.error for job in jobs]


def test_a_file_just_opened_is_rewritten_before_the_first_commit_and_not_again(disk: Disk) -> None:
    group = Group(disk)
    _commit(group, "a")
    _commit(group, "b")

    assert disk.ran.count(REWRITE) == 1
    assert disk.ran.index(REWRITE) < disk.ran.index("BEGIN IMMEDIATE")


def test_after_a_failed_sync_nothing_is_committed_until_the_file_was_rewritten(disk: Disk) -> None:
    group = Group(disk)
    _commit(group, "before")
    disk.broken = {"COMMIT": FSYNC}
    commit, errors = _commit(group, "lost")
    assert commit.problem == "disk I/O error"
    assert [str(error) for error in errors] == [WORDS]

    disk.broken = {REWRITE: FSYNC}  # a commit would pass by now, on bytes that nobody knows of
    commit, errors = _commit(group, "too soon")
    assert (commit.problem, commit.damaged) == ("disk I/O error", False)
    assert [str(error) for error in errors] == [WORDS]

    disk.broken = {}
    commit, errors = _commit(group, "after")
    assert (commit.problem, errors) == (None, [None])
    assert _names(group) == ["after", "before"]


def test_a_suspect_file_can_be_read_and_what_is_wrong_stays_told(disk: Disk) -> None:
    group = Group(disk)
    _commit(group, "before")
    disk.broken = {"COMMIT": FSYNC}
    _commit(group, "lost")
    disk.broken = {REWRITE: FSYNC}

    reading = _of(lambda tx: tx.query("SELECT id FROM requests"))
    commit = group.commit([reading])

    assert (reading.error, commit.problem, commit.changed) == (None, "disk I/O error", False)


@pytest.mark.parametrize("code", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_READONLY])
def test_a_write_that_was_refused_casts_no_doubt_on_the_file(disk: Disk, code: int) -> None:
    group = Group(disk)
    _commit(group, "before")
    disk.broken = {"COMMIT": code}
    assert _commit(group, "lost")[0].problem == "disk I/O error"
    disk.broken = {}
    disk.ran.clear()
    _commit(group, "after")

    assert REWRITE not in disk.ran
    assert _names(group) == ["after", "before"]


def test_a_log_that_cannot_be_emptied_leaves_the_file_suspect(path: Path) -> None:
    with (
        contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as writer,
        contextlib.closing(sqlite3.connect(path, isolation_level=None)) as reader,
    ):
        writer.execute(INSERT, ("before",))
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM requests").fetchall()

        commit, errors = _commit(Group(writer), "a")

    assert commit.problem == "the log cannot be emptied"
    assert errors != [None]


def test_a_damaged_file_is_told_apart_from_a_disk_that_fails(disk: Disk) -> None:
    disk.broken = {"SELECT": sqlite3.SQLITE_CORRUPT}
    job = _of(lambda tx: tx.query("SELECT"))
    commit = Group(disk).commit([job, _job("a")])

    assert (commit.damaged, commit.problem) == (True, "disk I/O error")
    assert job.error is not None


def test_a_job_that_is_refused_is_no_fault_of_the_file(disk: Disk) -> None:
    def refuse(transaction: Transaction) -> None:
        transaction.execute(INSERT, ("refused",))
        raise IdempotencyError("used before")

    group = Group(disk)
    job = _of(refuse)
    commit = group.commit([job, _job("a")])

    assert (commit.problem, commit.damaged, commit.changed) == (None, False, True)
    assert isinstance(job.error, IdempotencyError)
    assert _names(group) == ["a"]
