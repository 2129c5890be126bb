"""One run: how long everything is measured, what was found, and what could not be measured."""

import sys
import time
from pathlib import Path

from msgspec import Struct

from tests.bench.cores import Cores
from tests.bench.rows import Row


class Plan(Struct, frozen=True, kw_only=True):
    """How long things are measured: ``rounds`` in which ours and the baseline take turns, each so many ``seconds``.

    ``steady`` is how many seconds a load of a steady pace is watched, ``samples`` how many times a short thing is done.
    """

    rounds: int
    seconds: float
    steady: int
    samples: int


FULL = Plan(rounds=5, seconds=0.8, steady=20, samples=5)
QUICK = Plan(rounds=2, seconds=0.4, steady=5, samples=2)


class Bench:
    """What every section gets: where to work, how long, and where to put its rows."""

    def __init__(self, folder: Path, cores: Cores, *, quick: bool) -> None:
        self.folder = folder
        self.cores = cores
        self.quick = quick
        self.plan = QUICK if quick else FULL
        self.rows: list[Row] = []
        self.notes: list[str] = []
        self.problems: list[str] = []
        self._started = time.monotonic()

    def add(self, row: Row) -> None:
        """Keep a row of the table."""
        self.rows.append(row)

    def note(self, text: str) -> None:
        """Keep what a reader must know of the rows."""
        self.notes.append(text)

    def say(self, text: str) -> None:
        """Tell whoever waits how far it is."""
        sys.stderr.write(f"{time.monotonic() - self._started:5.0f} s  {text}\n")

    def row(self, key: str) -> Row | None:
        """Return a row by its key."""
        return next((row for row in self.rows if row.key == key), None)
