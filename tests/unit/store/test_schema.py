import contextlib
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bridge.errors import StartError
from bridge.store import database, schema
from bridge.store.database import open_database

STORED = Path(__file__).with_name("outbox-v1.sqlite3")  # written by a daemon of version 1
PENDING = ["untried", "tried", "unclear", "half", "other"]


@pytest.fixture(name="old")
def _old(tmp_path: Path) -> Path:
    return shutil.copyfile(STORED, tmp_path / "old.sqlite3")


def _rows(path: Path, statement: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchall()


def _everything(path: Path) -> dict[str, Any]:
    tables = ("events", "idempotency", "requests", "sqlite_schema", "pragma_user_version")
    return {table: _rows(path, f"SELECT * FROM {table}") for table in tables}  # noqa: S608 -- names from above


def test_a_file_of_version_1_keeps_every_row(old: Path) -> None:
    before = _everything(old)

    open_database(old).close()

    after = _everything(old)
    assert [row for row in after["events"] if row[1] != "tried"] == [
        (*row, None) for row in before["events"] if row[1] != "tried"
    ]
    assert [row[1] for row in after["events"]] == [row[1] for row in before["events"]]
    assert [row[1] for row in after["events"] if row[4] == "pending"] == PENDING
    assert after["idempotency"] == before["idempotency"]
    assert after["requests"] == before["requests"]
    assert before["pragma_user_version"] == [(1,)]
    assert after["pragma_user_version"] == [(schema.SCHEMA_VERSION,)]


def test_a_call_that_version_1_left_half_tried_counts_as_unverified(old: Path) -> None:
    assert _rows(old, "SELECT id FROM events WHERE attempted_at IS NOT NULL") == [("tried",)]

    open_database(old).close()

    assert _rows(old, "SELECT id, attempts, attempted_at FROM events WHERE unverified = 1 ORDER BY seq") == [
        ("tried", 1, None),
        ("unclear", 1, None),
    ]


def test_a_new_file_and_one_that_was_migrated_have_the_same_tables(old: Path) -> None:
    new = old.with_name("new.sqlite3")
    for path in (old, new):
        open_database(path).close()

    tables = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"
    assert _rows(old, tables) == _rows(new, tables)
    assert _rows(old, "PRAGMA table_xinfo(events)") == _rows(new, "PRAGMA table_xinfo(events)")


def test_a_file_is_migrated_once(old: Path) -> None:
    open_database(old).close()
    once = _everything(old)
    open_database(old).close()

    assert _everything(old) == once


def test_a_migration_that_fails_half_way_leaves_the_file_as_it_was(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _everything(old)
    half = "DELETE FROM events;\nALTER TABLE requests RENAME TO asked;\nDROP TABLE nowhere;\n"
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, half))
    monkeypatch.setattr(schema, "SCHEMA_VERSION", schema.SCHEMA_VERSION + 1)
    monkeypatch.setattr(database, "SCHEMA_VERSION", schema.SCHEMA_VERSION)

    with capture_logs() as lines, pytest.raises(StartError, match="cannot be used: no such table: nowhere"):
        open_database(old)

    assert _everything(old) == before
    assert lines == []
    assert [path.name for path in old.parent.iterdir()] == ["old.sqlite3"], "nothing was set aside"


def test_what_an_older_version_kept_counts_as_newest_of_its_kind_and_server(old: Path) -> None:
    open_database(old).close()

    kept = dict(_rows(old, "SELECT subject, seq FROM newest"))

    assert kept == dict(
        _rows(
            old,
            "SELECT kind || ':' || server || ':', max(seq) FROM events WHERE kind IN ('panic', 'status')"
            " GROUP BY kind, server",
        )
    )
    assert kept
