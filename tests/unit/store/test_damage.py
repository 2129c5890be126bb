"""What a crash or a bad disk leaves of the two files, and what a start makes of it.

Half of the events are in the database, half in the log beside it, as in a daemon that was killed.
"""

import contextlib
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import Struct
from structlog.testing import capture_logs

from bridge.store.database import open_database

EVENTS = 30  # in each of the two files
SECTOR = 512
PAGE = 4096
FRAME = 24 + PAGE  # of the log: a header, a page
DAMAGED = "outbox damaged, set aside, a fresh one is begun"
SELECT = "SELECT seq, id, server, kind, state, payload, accepted_at, expires_at FROM events ORDER BY seq"
INSERT = (
    "INSERT INTO events (id, server, kind, state, payload, accepted_at, expires_at)"
    " VALUES (?, 1, 'panic', 'pending', ?, 1.5, 2.5)"
)

Rows = list[tuple[object, ...]]


class Crash(Struct, frozen=True, kw_only=True):
    """The files when the daemon died; ``checkpointed`` is the database as the next checkpoint would leave it."""

    database: bytes
    log: bytes
    commits: list[int]  # length of the log after each
    checkpointed: bytes
    rows: Rows


class Found(Struct, frozen=True):
    """What a start found: the events, and whether it set the files aside."""

    rows: Rows
    aside: bool


@pytest.fixture(name="crash", scope="module")
def _crash(tmp_path_factory: pytest.TempPathFactory) -> Crash:
    path = tmp_path_factory.mktemp("crash") / "outbox.sqlite3"
    log = path.with_name("outbox.sqlite3-wal")
    lengths: list[int] = []
    with contextlib.closing(open_database(path)) as connection:
        for number in range(2 * EVENTS):
            connection.execute(INSERT, (f"{number:032x}", f'{{"unit": {number}}}'.encode() * 20))
            lengths.append(log.stat().st_size)
            if number == EVENTS - 1:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        rows = connection.execute(SELECT).fetchall()
        database, logged = path.read_bytes(), log.read_bytes()
        connection.execute("PRAGMA wal_checkpoint(FULL)")
        checkpointed = path.read_bytes()
    return Crash(
        database=database, log=logged, commits=lengths[EVENTS:], checkpointed=checkpointed, rows=rows
    )


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "state"
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def _start(folder: Path, database: bytes, log: bytes) -> Found:
    """Open the files as a daemon does, write, and open them once more."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    path = folder / "outbox.sqlite3"
    path.write_bytes(database)
    path.with_name("outbox.sqlite3-wal").write_bytes(log)
    with capture_logs() as lines, contextlib.closing(open_database(path)) as connection:
        rows = connection.execute(SELECT).fetchall()
        connection.execute(INSERT, ("fresh", b"{}"))
        assert len(connection.execute(SELECT).fetchall()) == len(rows) + 1
    aside = path.with_name("outbox.sqlite3.damaged-1").exists()
    assert [line["event"] for line in lines] == [DAMAGED] * aside
    return Found(rows, aside)


def _offsets(length: int, number: int) -> list[int]:
    return sorted(random.Random(length).sample(range(length), number))


def _scribble(content: bytes, at: int, scribble: bytes) -> bytes:
    return content[:at] + scribble[: len(content) - at] + content[at + len(scribble) :]


def test_files_as_a_kill_leaves_them_hold_every_event(crash: Crash, folder: Path) -> None:
    assert len(crash.rows) == 2 * EVENTS
    assert _start(folder, crash.database, crash.log) == Found(crash.rows, aside=False)


def test_a_log_cut_off_anywhere_costs_only_the_commits_behind_the_cut(crash: Crash, folder: Path) -> None:
    around = [length + step for length in crash.commits for step in (-1, 0)]
    for cut in [0, 1, 31, 32, 33, *around, *_offsets(len(crash.log), 30)]:
        whole = sum(length <= cut for length in crash.commits)

        assert _start(folder, crash.database, crash.log[:cut]) == Found(
            crash.rows[: EVENTS + whole], aside=False
        )


def test_a_log_with_a_bad_byte_costs_only_the_commits_from_there_on(crash: Crash, folder: Path) -> None:
    for at in _offsets(len(crash.log), 60):
        flipped = bytes([crash.log[at] ^ (1 << at % 8)])
        whole = sum(length <= at for length in crash.commits)
        found = _start(folder, crash.database, _scribble(crash.log, at, flipped))

        assert found.rows == crash.rows[: len(found.rows)], at
        assert len(found.rows) in (EVENTS + whole, 2 * EVENTS), at  # the latter where the byte says nothing
        assert not found.aside


@pytest.mark.parametrize("lost", [b"\0" * SECTOR, b"\xa5" * SECTOR], ids=["zeros", "rubbish"])
def test_a_last_commit_of_which_sectors_are_missing_costs_none_before_it(
    crash: Crash, folder: Path, lost: bytes
) -> None:
    synced = crash.commits[-2]
    for at in range(synced - synced % SECTOR + SECTOR, len(crash.log), SECTOR):
        found = _start(folder, crash.database, _scribble(crash.log, at, lost))

        assert found.rows[:-1] == crash.rows[: len(found.rows) - 1]
        assert len(found.rows) >= 2 * EVENTS - 1, at
        assert found.rows == crash.rows[: len(found.rows)], at


def test_a_checkpoint_torn_anywhere_costs_nothing(crash: Crash, folder: Path) -> None:
    before, after = crash.database, crash.checkpointed
    for cut in range(SECTOR, len(after), 5 * SECTOR):
        grown = after[: max(cut, len(before))]  # to where it was written in order
        for torn in (after[:cut] + before[cut:], before[:cut] + after[cut:], grown):
            assert _start(folder, torn, crash.log) == Found(crash.rows, aside=False), cut


@pytest.mark.parametrize("logged", [True, False], ids=["with its log", "without its log"])
def test_a_database_cut_off_anywhere_is_whole_or_set_aside(
    crash: Crash, folder: Path, *, logged: bool
) -> None:
    whole = crash.rows if logged else crash.rows[:EVENTS]
    for cut in [0, 1, 15, 99, 100, 101, 511, 512, *_offsets(len(crash.database), 40)]:
        found = _start(folder, crash.database[:cut], crash.log if logged else b"")

        assert found in (Found(whole, aside=False), Found([], aside=True)) or (cut, logged) == (0, False), cut


@pytest.mark.parametrize("lost", [b"\0" * SECTOR, b"\xa5" * SECTOR], ids=["zeros", "rubbish"])
def test_a_database_with_a_bad_sector_is_whole_or_set_aside(crash: Crash, folder: Path, lost: bytes) -> None:
    for at in range(0, len(crash.checkpointed), 2 * SECTOR):
        found = _start(folder, _scribble(crash.checkpointed, at, lost), b"")

        assert found in (Found(crash.rows, aside=False), Found([], aside=True)), at


def test_an_event_that_its_index_does_not_know_shows_the_damage(crash: Crash, folder: Path) -> None:
    (known,) = (row[1] for row in crash.rows if row[0] == EVENTS)
    rotten = crash.checkpointed.replace(str(known).encode(), b"f" * 32, 1)

    assert _start(folder, rotten, b"") == Found([], aside=True)
