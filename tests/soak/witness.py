"""``python -m tests.soak.witness FILE ARGUMENTS…``: cad-bridge as it is, which writes down at a signal what it holds.

It is a session of its own, so that Ctrl-C is for whoever started it and not for the daemon.
"""

import asyncio
import gc
import os
import signal
import sys
from collections import Counter
from itertools import count
from pathlib import Path
from types import FrameType

import msgspec
from msgspec import Struct

from bridge.cli import main

QUICKLY, THOROUGHLY = signal.SIGUSR2, signal.SIGUSR1


class Told(Struct, frozen=True, kw_only=True):
    """What the interpreter holds: tasks by name, blocks of memory, and objects by type where garbage was collected."""

    number: int
    tasks: dict[str, int]
    blocks: int
    objects: dict[str, int]


def witness(file: Path) -> None:
    """Write to ``file`` at every signal of the two; the thorough one collects garbage first."""
    numbers = count(1)

    def tell(signal_number: int, _frame: FrameType | None) -> None:
        objects: Counter[str] = Counter()
        if signal_number == THOROUGHLY:
            gc.collect()
            objects.update(f"{type(one).__module__}.{type(one).__qualname__}" for one in gc.get_objects())
        told = Told(
            number=next(numbers),
            tasks=dict(Counter(_name(task) for task in asyncio.all_tasks())),
            blocks=sys.getallocatedblocks(),
            objects=dict(objects),
        )
        draft = file.with_suffix(".draft")
        draft.write_bytes(msgspec.json.encode(told))
        draft.replace(file)

    for number in (QUICKLY, THOROUGHLY):
        signal.signal(number, tell)


def _name(task: "asyncio.Task[object]") -> str:
    """Return its name, or what it runs where it was given none."""
    name = task.get_name()
    return getattr(task.get_coro(), "__qualname__", name) if name.startswith("Task-") else name


if __name__ == "__main__":
    os.setsid()
    witness(Path(sys.argv.pop(1)))
    main(prog_name="cad-bridge")
