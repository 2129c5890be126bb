"""What a daemon holds: memory, descriptors, threads, tasks. Read from outside, and asked of its witness."""

import asyncio
import os
import re
import signal
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from tests.soak.witness import QUICKLY, THOROUGHLY, Told
from tests.support.process import Running

MIB = 2**20
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
ANSWER_SECONDS = 10.0
NUMBER = re.compile(r"\d+")


class Holdings(Struct, frozen=True, kw_only=True):
    """``descriptors`` are counted by what they lead to, ``tasks`` by name; ``cpu`` is seconds since its start."""

    rss: int
    cpu: float
    descriptors: Mapping[str, int]
    threads: int
    tasks: Mapping[str, int]
    blocks: int
    objects: Mapping[str, int]

    @property
    def mib(self) -> float:
        return self.rss / MIB

    @property
    def sockets(self) -> int:
        return self.descriptors.get("socket", 0)

    @property
    def opened(self) -> int:
        return sum(self.descriptors.values())

    @property
    def running(self) -> int:
        return sum(self.tasks.values())


class Witness:
    """Asks a daemon that ``command`` started, whose ``process`` is given."""

    def __init__(self, file: Path, process: Running) -> None:
        self._file = file
        self._process = process

    async def look(self, *, thoroughly: bool = False) -> Holdings:
        """Return what it holds now; thoroughly: without garbage, and with its objects by type."""
        told = await self._ask(THOROUGHLY if thoroughly else QUICKLY)
        place = Path("/proc") / str(self._process.pid)
        [*_, user, system] = (place / "stat").read_text().rpartition(")")[2].split()[:13]
        return Holdings(
            rss=int((place / "statm").read_text().split()[1]) * PAGE_BYTES,
            cpu=(int(user) + int(system)) / TICKS_A_SECOND,
            descriptors=_descriptors(place / "fd"),
            threads=len([*(place / "task").iterdir()]),
            tasks=told.tasks,
            blocks=told.blocks,
            objects=told.objects,
        )

    async def _ask(self, number: signal.Signals) -> Told:
        before = self._read()
        self._process.signal(number)
        deadline = time.monotonic() + ANSWER_SECONDS
        while (told := self._read()) is None or (before is not None and told.number == before.number):
            assert not self._process.ended, f"it ended:\n{self._process.err[-3000:]}"
            assert time.monotonic() < deadline, "its witness is silent: the event loop stands still"
            await asyncio.sleep(0.01)
        return told

    def _read(self) -> Told | None:
        return msgspec.json.decode(self._file.read_bytes(), type=Told) if self._file.exists() else None


def command(file: Path, *arguments: str) -> tuple[str, ...]:
    """Return the words that run cad-bridge so that it tells into ``file`` what it holds."""
    return (sys.executable, "-m", "tests.soak.witness", str(file), *arguments)


def grown(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """Return what there is more of than before, most first."""
    more = Counter(after)
    more.subtract(before)
    return {name: number for name, number in more.most_common() if number > 0}


def _descriptors(folder: Path) -> dict[str, int]:
    found: Counter[str] = Counter()
    for one in folder.iterdir():
        try:
            target = str(one.readlink())
        except FileNotFoundError:  # closed meanwhile
            continue
        found[
            target.partition(":")[0] if target.startswith(("socket:", "pipe:")) else NUMBER.sub("N", target)
        ] += 1
    return dict(found)
