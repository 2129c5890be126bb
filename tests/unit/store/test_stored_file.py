"""A file without a daemon: who may open it, and what becomes of a damaged one."""

import contextlib
import shutil
import sqlite3
from pathlib import Path

import pytest

from bridge.errors import ConfigError, HeldError, StartError, StoreError
from bridge.store import StoredFile, Transaction
from bridge.store.database import open_database
from bridge.store.schema import SCHEMA_VERSION

VERSION_1 = Path(__file__).with_name("outbox-v1.sqlite3")
INSERT = "INSERT INTO events (id, server, kind, state, payload, accepted_at, expires_at) VALUES (?, 1, 'panic', 'failed', ?, 1, 2)"
ROWS = 400


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    path = tmp_path / "outbox.sqlite3"
    with contextlib.closing(open_database(path)) as connection:
        for number in range(ROWS):
            connection.execute(INSERT, (f"{number:032x}", b"x" * 200))
    return path


def ids(transaction: Transaction) -> list[object]:
    return [row[0] for row in transaction.query("SELECT id FROM events ORDER BY seq")]


def test_what_was_changed_is_there_when_it_is_opened_again(path: Path) -> None:
    with StoredFile(path) as file:
        assert file.damage == ""
        assert file.change(lambda tx: tx.execute("DELETE FROM events WHERE seq > 1")) >= 0
        assert len(file.read(ids)) == 1
    with StoredFile(path) as file:
        assert len(file.read(ids)) == 1
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_a_file_that_somebody_holds_is_refused_and_so_is_everybody_while_it_is_open(path: Path) -> None:
    with contextlib.closing(open_database(path)), pytest.raises(HeldError, match="is held by another daemon"):
        StoredFile(path).__enter__()
    with StoredFile(path), pytest.raises(HeldError):
        open_database(path)


def test_a_change_that_fails_changes_nothing(path: Path) -> None:
    def half(transaction: Transaction) -> None:
        transaction.execute("DELETE FROM events")
        transaction.execute("DELETE FROM nowhere")

    with StoredFile(path) as file:
        with pytest.raises(StoreError):
            file.change(half)
        assert len(file.read(ids)) == ROWS
        with pytest.raises(StoreError, match="cannot be read: no such table"):
            file.read(lambda tx: tx.query("SELECT * FROM nowhere"))


def test_what_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="there is no such file"):
        StoredFile(tmp_path / "outbox.sqlite3").__enter__()
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_another_version_says_so_and_stays_as_it_is(path: Path, tmp_path: Path) -> None:
    old = shutil.copyfile(VERSION_1, tmp_path / "old.sqlite3")
    before = old.read_bytes()
    with pytest.raises(StartError, match=r"older version \(schema 1.*start the daemon once"):
        StoredFile(old).__enter__()
    assert old.read_bytes() == before
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    with pytest.raises(ConfigError, match="was written by a newer version"):
        StoredFile(path).__enter__()


def test_a_database_of_something_else_is_told_as_such(tmp_path: Path) -> None:
    other = tmp_path / "cookies.sqlite3"
    with contextlib.closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE cookies (id INTEGER)")
    with pytest.raises(StartError, match="it is no outbox of cad-bridge"):
        StoredFile(other).__enter__()


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="there is no such file"):
        StoredFile(tmp_path).__enter__()


@pytest.mark.parametrize("name", ["outbox.sqlite3", "outbox.sqlite3.damaged-1"])
def test_of_a_damaged_file_the_rest_is_read_and_the_file_stays_as_it_is(path: Path, name: str) -> None:
    content = bytearray(path.read_bytes())
    page = 4096 * (len(content) // 4096 // 2)
    content[page : page + 4096] = b"\xff" * 4096
    damaged = path.with_name(name)
    damaged.write_bytes(content)

    with StoredFile(damaged) as file:
        assert "rows cannot be read" in file.damage
        found = file.read(ids)
        assert ROWS * 0.8 < len(found) < ROWS
        with pytest.raises(StoreError, match="it is only read"):
            file.change(lambda tx: tx.execute("DELETE FROM events"))

    assert damaged.read_bytes() == bytes(content)


def test_the_log_of_a_file_that_was_set_aside_is_read_too(path: Path) -> None:
    aside = path.with_name("outbox.sqlite3.damaged-3")
    with contextlib.closing(open_database(path)) as connection:
        connection.execute(INSERT, ("f" * 32, None))
        for companion in ("", "-wal"):
            shutil.copyfile(f"{path}{companion}", f"{aside}{companion}")

    with StoredFile(aside) as file:
        assert file.read(ids)[-1] == "f" * 32


@pytest.mark.parametrize("content", [b"", b"no database at all" * 100])
def test_of_a_file_without_a_database_nothing_is_read(tmp_path: Path, content: bytes) -> None:
    aside = tmp_path / "outbox.sqlite3.damaged-1"
    aside.write_bytes(content)

    with StoredFile(aside) as file:
        assert file.read(ids) == []
