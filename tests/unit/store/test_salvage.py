"""What is read of a damaged file of an older version; damage itself is tested with ``stored_file``."""

import contextlib
import shutil
import sqlite3
from pathlib import Path

from bridge.store.salvage import salvage

VERSION_1 = Path(__file__).with_name("outbox-v1.sqlite3")


def test_rows_of_an_older_version_stand_in_the_tables_of_this_one(tmp_path: Path) -> None:
    old = shutil.copyfile(VERSION_1, tmp_path / "old.sqlite3")
    with contextlib.closing(sqlite3.connect(old)) as connection:
        wanted = connection.execute("SELECT seq, id, state, unclear FROM events ORDER BY seq").fetchall()

    rescued = salvage(old)

    with contextlib.closing(rescued.connection) as connection:
        found = connection.execute("SELECT seq, id, state, unverified FROM events ORDER BY seq").fetchall()
    assert (found, rescued.lost) == (wanted, 0)


def test_a_row_that_is_no_event_any_more_is_counted_as_lost(tmp_path: Path) -> None:
    path = tmp_path / "loose.sqlite3"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "CREATE TABLE events (seq INTEGER PRIMARY KEY AUTOINCREMENT, id, server, kind, state, accepted_at, expires_at)"
        )
        connection.execute("INSERT INTO events VALUES (1, 'a', 1, 'panic', 'failed', 1.0, 2.0)")
        connection.execute("INSERT INTO events VALUES (2, NULL, 'x', NULL, 'failed', 1.0, 2.0)")
        connection.commit()

    rescued = salvage(path)

    with contextlib.closing(rescued.connection) as connection:
        assert connection.execute("SELECT id FROM events").fetchall() == [("a",)]
    assert rescued.lost == 1
