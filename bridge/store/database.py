"""The file itself: made for us alone, synced at every commit, and set aside when it is damaged."""

import os
import sqlite3
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from bridge import host, logs
from bridge.errors import BridgeError, ConfigError, HeldError, StartError
from bridge.store.schema import SCHEMA_VERSION, migrate

SYNCHRONOUS_FULL = 2
WAL_LIMIT = 16 * 1024 * 1024  # bytes that the log beside the file keeps after a burst
SMALLEST = 512  # bytes, the least that a database has
LOG_HEADER, FRAME_HEADER = 32, 24  # bytes, https://sqlite.org/fileformat2.html#the_write_ahead_log
DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
HELD = "the outbox is held by another daemon"
COMPANIONS = ("", "-wal", "-shm")  # a database is these files together

log = logs.get("store")


def open_database(path: Path) -> sqlite3.Connection:
    """Open the file, make or check its schema, and hold it against every other process.

    A damaged file is set aside beside its place, with a loud error, and a fresh one is begun: a daemon that
    refuses to start would lose what happens from now on as well.

    Raises:
        StartError: it is held by another daemon or cannot be used.
        ConfigError: it was written by a newer version.
    """
    try:
        return _open(path)
    except HeldError as error:
        raise HeldError(f"outbox.path: {error}; stop it or give this one an outbox of its own") from error
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
        ConfigError: it was written by a newer version.
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
        raise explain(path, error) from error
    except BridgeError:
        connection.close()
        raise
    return connection


def explain(path: Path, error: sqlite3.Error) -> Exception:
    """Return what an error means that SQLite had with a file at its opening.

    Damage stays an error of SQLite's, for the caller to deal with; anything else is the end.
    """
    if is_damage(error):
        return sqlite3.DatabaseError(str(error))
    if _code(error) == sqlite3.SQLITE_BUSY:
        return HeldError(f"{path}: {HELD}")
    return StartError(f"{path}: the outbox cannot be used: {error}")


def is_damage(error: Exception) -> bool:
    """Tell whether SQLite found the file itself wrong, not the disk or the statement."""
    return _code(error) in DAMAGED


def _code(error: Exception) -> int:
    extended: int = getattr(error, "sqlite_errorcode", 0)
    return extended & 0xFF


def _set_aside(path: Path, problem: str) -> None:
    names = (path.with_name(f"{path.name}.damaged-{number}") for number in count(1))
    aside = next(name for name in names if not name.exists())
    try:
        for companion in COMPANIONS:
            source = path.with_name(path.name + companion)
            if source.exists():
                host.replace(source, path.with_name(aside.name + companion))
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
    host.make_folder(path.parent)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    for companion in COMPANIONS:
        host.keep_private(path.with_name(path.name + companion))
    host.sync_folder(path.parent)


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    version = hold(connection, path)
    if version > SCHEMA_VERSION:
        raise newer(path, version)
    connection.execute("BEGIN IMMEDIATE")
    if version < SCHEMA_VERSION:
        migrate(connection, version)
    connection.execute("COMMIT")


def newer(path: Path, version: int) -> ConfigError:
    """Return the refusal of a file whose tables this version does not know."""
    return ConfigError((f"{path}: the outbox was written by a newer version (schema {version})",))


def hold(connection: sqlite3.Connection, path: Path) -> int:
    """Take a file for this process alone, see that it is whole, and return the version of its tables.

    Raises:
        sqlite3.Error: it is damaged, or held by somebody else.
        StartError: SQLite cannot sync commits here.
    """
    if _is_stump(path):
        raise _damaged("the database ends before its header does")
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA secure_delete = ON")  # ended events named players
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT}")
    if (_read(connection, "synchronous"), _read(connection, "journal_mode")) != (SYNCHRONOUS_FULL, "wal"):
        raise StartError(f"{path}: SQLite cannot sync every commit here; is this a network drive?")
    if _is_torn(path, int(_read(connection, "page_size"))):
        raise _damaged("the database ends within a page")
    damage = str(_read(connection, "integrity_check(1)"))
    if damage != "ok":
        raise _damaged(damage)
    return int(_read(connection, "user_version"))


def _read(connection: sqlite3.Connection, pragma: str) -> str | int:
    value: str | int = connection.execute(f"PRAGMA {pragma}").fetchone()[0]
    return value


def _is_stump(path: Path) -> bool:
    """Tell whether the file lost what SQLite knows it by: it would take it for a new one and delete its log."""
    size = path.stat().st_size
    return 0 < size < SMALLEST or (size == 0 and _log_of(path).exists() and _log_of(path).stat().st_size > 0)


def _is_torn(path: Path, page_size: int) -> bool:
    """Tell whether the file was cut off within a page that the log does not hold: SQLite would read zeros.

    Looks at the database from outside only: to close it a second time would give up SQLite's lock on it.
    """
    pages, rest = divmod(path.stat().st_size, page_size)
    return rest > 0 and pages + 1 not in _logged_pages(_log_of(path), page_size)


def _logged_pages(log_path: Path, page_size: int) -> Iterator[int]:
    """Go through the page numbers in a log; each frame begins with one."""
    if not log_path.exists():
        return
    with log_path.open("rb") as file:
        for at in range(LOG_HEADER, log_path.stat().st_size, FRAME_HEADER + page_size):
            file.seek(at)
            yield int.from_bytes(file.read(4), "big")


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _damaged(problem: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(problem)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error
