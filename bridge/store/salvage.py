"""What can still be read of a damaged file, row by row, as a database in memory."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from msgspec import Struct

from bridge.store.schema import migrate

MOST_MISSES = 100_000  # row numbers in a row that cannot be read, after which the rest is given up
FORMER = {"unclear": "unverified"}  # columns that older versions called otherwise


class Rescued(Struct, frozen=True):
    """The events that could be read, in the tables of this version; ``lost`` counts those known to be missing."""

    connection: sqlite3.Connection
    lost: int


def salvage(path: Path) -> Rescued:
    """Read a damaged file, which may be changed by it."""
    target = sqlite3.connect(":memory:", isolation_level=None)
    migrate(target, 0)
    lost = 0
    with closing(sqlite3.connect(path, isolation_level=None)) as source:
        for row in _rows(source):
            lost += 0 if row and _insert(target, row) else 1
    return Rescued(target, lost)


def _rows(source: sqlite3.Connection) -> Iterator[dict[str, object]]:
    """Yield every event by its columns; an empty one for a place that cannot be read, however many were there."""
    last, misses, total = 0, 0, _last_number(source)
    while misses < MOST_MISSES and last <= total:
        try:
            cursor = source.execute("SELECT * FROM events NOT INDEXED WHERE seq > ? ORDER BY seq", (last,))
            names = [FORMER.get(column[0], column[0]) for column in cursor.description]
            for values in cursor:
                row = dict(zip(names, values, strict=True))
                last, misses = int(row["seq"]), 0
                yield row
        except sqlite3.Error:
            last, misses = last + 1, misses + 1
            if misses == 1:
                yield {}
        else:
            return


def _last_number(source: sqlite3.Connection) -> int:
    """Return the number of the last row, -1 where there is nothing to read, and much where nobody knows."""
    try:
        if not source.execute("SELECT 1 FROM sqlite_schema WHERE name = 'events'").fetchall():
            return -1
        return max((row[0] for row in source.execute("SELECT seq FROM sqlite_sequence")), default=0)
    except sqlite3.Error:
        return 2**62 if _opens(source) else -1


def _opens(source: sqlite3.Connection) -> bool:
    try:
        source.execute("SELECT 1 FROM sqlite_schema").fetchall()
    except sqlite3.Error:
        return False
    return True


def _insert(target: sqlite3.Connection, row: dict[str, object]) -> bool:
    known = [column[1] for column in target.execute("PRAGMA table_info(events)") if column[1] in row]
    marks = ", ".join("?" * len(known))
    try:
        target.execute(
            f"INSERT INTO events ({', '.join(known)}) VALUES ({marks})",  # noqa: S608 -- names from our own table
            [row[name] for name in known],
        )
    except sqlite3.Error:
        return False  # what the damage left there is no event
    return True
