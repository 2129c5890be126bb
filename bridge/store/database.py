"""The file itself: made for us alone, synced at every commit, and set aside when it is damaged."""

import os
import sqlite3
from itertools import count
from pathlib import Path

from bridge import logs
from bridge.errors import StartError

SYNCHRONOUS_FULL = 2
SCHEMA_VERSION = 1
SCHEMA = """
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    server INTEGER NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    payload BLOB,
    accepted_at REAL NOT NULL,
    expires_at REAL NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    attempted_at REAL,
    unclear INTEGER NOT NULL DEFAULT 0,
    outcomes BLOB,
    ended_at REAL,
    result BLOB,
    error TEXT
) STRICT;
CREATE INDEX events_by_state ON events (state, ended_at);
CREATE TABLE idempotency (
    server INTEGER NOT NULL,
    key TEXT NOT NULL,
    body_hash BLOB NOT NULL,
    event_ids BLOB NOT NULL,
    created_at REAL NOT NULL,
    PRIMARY KEY (server, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_by_age ON idempotency (created_at);
CREATE TABLE requests (
    id TEXT PRIMARY KEY,
    operation TEXT NOT NULL,
    started_at REAL NOT NULL,
    answered_at REAL
) STRICT, WITHOUT ROWID;
"""

WAL_LIMIT = 16 * 1024 * 1024  # bytes that the log beside the file keeps after a burst
DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
COMPANIONS = ("", "-wal", "-shm")  # a database is these files together

log = logs.get("store")


def open_database(path: Path) -> sqlite3.Connection:
    """Open the file, make or check its schema, and hold it against every other process.

    A damaged file is set aside beside its place, with a loud error, and a fresh one is begun: a daemon that
    refuses to start would lose what happens from now on as well.

    Raises:
        StartError: it is held by another daemon, was written by a newer version, or cannot be used.
    """
    try:
        return _open(path)
    except sqlite3.DatabaseError as error:
        _set_aside(path, str(error))
    try:
        return _open(path)
    except sqlite3.DatabaseError as error:
        raise StartError(f"{path}: the outbox cannot be used: {error}") from error


def _open(path: Path) -> sqlite3.Connection:
    """Open the file once.

    Raises:
        sqlite3.DatabaseError: it is damaged.
        StartError: anything else.
    """
    try:
        _create(path)
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=0)
    except (OSError, sqlite3.Error) as error:
        raise StartError(f"{path}: the outbox cannot be opened: {error}") from error
    try:
        _prepare(connection, path)
    except sqlite3.Error as error:
        connection.close()
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without the extension
        if code in DAMAGED:
            raise sqlite3.DatabaseError(str(error)) from error
        held = code == sqlite3.SQLITE_BUSY
        reason = "is held by another daemon" if held else f"cannot be used: {error}"
        raise StartError(f"{path}: the outbox {reason}") from error
    except StartError:
        connection.close()
        raise
    return connection


def _set_aside(path: Path, problem: str) -> None:
    names = (path.with_name(f"{path.name}.damaged-{number}") for number in count(1))
    aside = next(name for name in names if not name.exists())
    try:
        for companion in COMPANIONS:
            source = path.with_name(path.name + companion)
            if source.exists():
                source.replace(path.with_name(aside.name + companion))
    except OSError as error:
        raise StartError(f"{path}: the outbox is damaged and cannot be set aside: {error}") from error
    log.error(
        "outbox damaged, set aside, a fresh one is begun",
        problem=" ".join(problem.split()),
        kept_as=str(aside),
        hint="events that waited in it are not sent",
    )


def _create(path: Path) -> None:
    """Make the file readable by nobody else, and its name as durable as its rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA secure_delete = ON")  # ended events named players
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT}")
    if connection.execute("PRAGMA synchronous").fetchone()[0] != SYNCHRONOUS_FULL:
        raise StartError(f"{path}: SQLite does not sync every commit here")
    damage = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    if damage != "ok":
        raise _damaged(damage)
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise StartError(f"{path}: the outbox was written by a newer version (schema {version})")
    connection.execute("BEGIN IMMEDIATE")
    if version == 0:
        for statement in SCHEMA.strip().split(";\n"):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")


def _damaged(problem: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(problem)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error
