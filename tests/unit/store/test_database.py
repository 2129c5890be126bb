import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bridge.errors import StartError
from bridge.store.database import open_database

PAGE = 4096


def _fill(path: Path, rows: int = 200) -> bytes:
    """Make an outbox of several pages and return its bytes."""
    with contextlib.closing(open_database(path)) as connection:
        connection.executemany(
            "INSERT INTO events (id, server, kind, state, accepted_at, expires_at) VALUES (?, 1, 'panic', 'pending', 0, 0)",
            [(f"{number:064}",) for number in range(rows)],
        )
    return path.read_bytes()


def _count(path: Path) -> int:
    with contextlib.closing(open_database(path)) as connection:
        return int(connection.execute("SELECT count(*) FROM events").fetchone()[0])


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite3"


def _replaced(_: bytes) -> bytes:
    return b"not a database, " * 512


def _beheaded(whole: bytes) -> bytes:
    return b"\0" * 100 + whole[100:]


def _halved(whole: bytes) -> bytes:
    return whole[: len(whole) // 2]


def _scrambled(whole: bytes) -> bytes:
    return whole[: 3 * PAGE] + b"\xa5" * PAGE + whole[4 * PAGE :]


@pytest.mark.parametrize("damage", [_replaced, _beheaded, _halved, _scrambled])
def test_a_damaged_file_is_set_aside_whole_and_a_fresh_one_begun(
    path: Path, damage: Callable[[bytes], bytes]
) -> None:
    damaged = damage(_fill(path))
    path.write_bytes(damaged)

    with capture_logs() as lines:
        assert _count(path) == 0

    aside = path.with_name("outbox.sqlite3.damaged-1")
    assert aside.read_bytes() == damaged
    (line,) = lines
    assert (line["log_level"], line["kept_as"]) == ("error", str(aside))
    assert line["problem"]
    assert "\n" not in line["problem"]


def test_what_was_set_aside_before_is_not_written_over(path: Path) -> None:
    for content in (b"first" * 300, b"second" * 300):
        path.write_bytes(content)
        open_database(path).close()

    assert path.with_name("outbox.sqlite3.damaged-1").read_bytes() == b"first" * 300
    assert path.with_name("outbox.sqlite3.damaged-2").read_bytes() == b"second" * 300


def test_a_file_that_is_whole_stays_where_it_is(path: Path) -> None:
    _fill(path, rows=7)

    assert _count(path) == 7
    assert [file.name for file in path.parent.iterdir()] == ["outbox.sqlite3"]


def test_a_file_in_use_is_never_set_aside(path: Path) -> None:
    with contextlib.closing(open_database(path)), pytest.raises(StartError, match="held by another daemon"):
        open_database(path)

    assert not list(path.parent.glob("*.damaged-*"))


def test_a_torn_end_of_the_log_costs_no_commit_before_it(path: Path, tmp_path: Path) -> None:
    connection = open_database(path)
    connection.execute("INSERT INTO requests VALUES ('a', 'x', 0, NULL)")
    log = path.with_name("outbox.sqlite3-wal").read_bytes()
    connection.execute("INSERT INTO requests VALUES ('b', 'x', 0, NULL)")
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    copy = crashed / "outbox.sqlite3"
    copy.write_bytes(path.read_bytes())
    longer = path.with_name("outbox.sqlite3-wal").read_bytes()
    copy.with_name("outbox.sqlite3-wal").write_bytes(longer[: len(log) + (len(longer) - len(log)) // 2])
    connection.close()

    with contextlib.closing(open_database(copy)) as reopened:
        assert reopened.execute("SELECT id FROM requests").fetchall() == [("a",)]


def test_a_place_that_cannot_take_the_damaged_file_is_an_error_at_start(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_bytes(b"not a database, " * 512)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", refuse)

    with pytest.raises(StartError, match="is damaged and cannot be set aside"):
        open_database(path)


def test_the_version_of_sqlite_is_one_that_knows_strict_tables() -> None:
    assert sqlite3.sqlite_version_info >= (3, 37)
