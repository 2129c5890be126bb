"""An outbox file without a daemon: what a command reads and changes while nobody else holds it.

The file is opened under the daemon's own lock, made by nobody, migrated by nobody and set aside by nobody. Of one that
is damaged, or was set aside, a copy is read row by row, and nothing is changed.
"""

import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self, TypeVar

from bridge.errors import StartError, StoreError
from bridge.store.database import COMPANIONS, explain, hold, newer
from bridge.store.group import Group
from bridge.store.jobs import Job, Transaction
from bridge.store.salvage import salvage
from bridge.store.schema import SCHEMA_VERSION

T = TypeVar("T")

ASIDE = re.compile(r"\.damaged-\d+$")


class StoredFile:
    """One file, open while entered. ``damage`` says what is wrong with it, empty where it is whole.

    Raises:
        HeldError: a daemon holds it.
        StartError: there is none, it cannot be opened, or is none of this version.
        ConfigError: it was written by a newer version.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stack = ExitStack()
        self._connection: sqlite3.Connection | None = None
        self.damage = ""

    def __enter__(self) -> Self:
        """Open it."""
        try:
            self._connection = self._find()
        except PermissionError as error:
            self._stack.close()
            raise StartError(f"{self._path}: this user may not read it; try sudo") from error
        except OSError as error:
            self._stack.close()
            raise StartError(f"{self._path}: it cannot be read: {error.strerror or error}") from error
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self._stack.close()

    def read(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work``, which changes nothing, and return its result.

        Raises:
            StoreError: the disk fails.
        """
        try:
            return work(Transaction(self._opened()))
        except sqlite3.Error as error:
            raise StoreError(f"{self._path}: it cannot be read: {error}") from error

    def change(self, work: Callable[[Transaction], T]) -> T:
        """Run ``work`` in a transaction; what it did is durable when this returns.

        Raises:
            StoreError: the file is damaged, or the disk does not take it; nothing was changed.
        """
        if self.damage:
            raise StoreError(f"{self._path}: it is only read: {self.damage}")
        results: list[T] = []

        def run(transaction: Transaction) -> None:
            results[:] = [work(transaction)]

        job = Job(run, lambda: None, lambda _: None)
        Group(self._opened()).commit([job])
        if job.error is not None:
            raise job.error
        return results[0]

    def _opened(self) -> sqlite3.Connection:
        assert self._connection is not None, "it is not open"  # noqa: S101 -- an error of the program
        return self._connection

    def _find(self) -> sqlite3.Connection:
        if not self._path.is_file():
            raise StartError(f"{self._path}: there is no such file")
        return self._copy("it was set aside") if ASIDE.search(self._path.name) else self._open()

    def _open(self) -> sqlite3.Connection:
        try:
            return self._take()
        except sqlite3.DatabaseError as error:
            return self._copy(str(error))

    def _take(self) -> sqlite3.Connection:
        """Open the file itself, for this process alone.

        Raises:
            sqlite3.DatabaseError: it is damaged.
        """
        self._path.open("r+b").close()  # SQLite would open what it may not write, and fail later
        uri = f"{self._path.absolute().as_uri()}?mode=rw"
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=0)
        try:
            version = hold(connection, self._path)
            _check(connection, version, self._path)
        except sqlite3.Error as error:
            connection.close()
            raise explain(self._path, error) from error
        except BaseException:
            connection.close()
            raise
        self._stack.callback(connection.close)
        return connection

    def _copy(self, damage: str) -> sqlite3.Connection:
        """Read what can be read of a copy, so that the damaged files stay as they are."""
        folder = Path(self._stack.enter_context(TemporaryDirectory(prefix="cad-bridge-")))
        for companion in COMPANIONS[:2]:
            source = self._path.with_name(self._path.name + companion)
            if source.exists():
                shutil.copyfile(source, folder / f"copy{companion}")
        rescued = salvage(folder / "copy")
        self._stack.callback(rescued.connection.close)
        lost = f", {rescued.lost} rows cannot be read" if rescued.lost else ""
        self.damage = f"{' '.join(damage.split())}{lost}"
        return rescued.connection


def _check(connection: sqlite3.Connection, version: int, path: Path) -> None:
    """Refuse tables that this version does not know, and a database of something else."""
    if version > SCHEMA_VERSION:
        raise newer(path, version)
    if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'events'").fetchall():
        raise StartError(f"{path}: it is no outbox of cad-bridge")
    if version < SCHEMA_VERSION:
        raise StartError(
            f"{path}: the outbox was written by an older version (schema {version}, this one reads {SCHEMA_VERSION}):"
            " start the daemon once, which brings it up to date"
        )
