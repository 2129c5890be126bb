"""Resident memory as units come, and what each of them holds."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from tests.bench.bench import Bench
from tests.bench.bodies import NATIVE, write_pushes
from tests.bench.cores import resident_mib
from tests.bench.pacing import pace_of, paced
from tests.bench.pushes import BARE
from tests.bench.rows import Row
from tests.bench.servers import bare_app, daemon, simulator

UNITS = (0, 2_048, 100_000)
SIZE = 2_048  # positions in a push, the most that one game server has
PUSHES_PER_SECOND = 50.0
STEPS = 3  # places that each unit is at: a unit is held in more ways once it has been replaced
FLUSH = {False: 5.5, True: 0.5}  # seconds; in the first a batch is sent; True: quick

_Resident = dict[int, float]


async def measure(bench: Bench) -> None:
    """Add the rows of memory."""
    bench.say("memory")
    folder = bench.folder / "memory"
    async with AsyncExitStack() as stack:
        cad = await stack.enter_async_context(simulator(folder, bench.cores))
        ours = await stack.enter_async_context(daemon(folder / "ours", bench.cores, cad.url))
        bare = await stack.enter_async_context(bare_app(folder, bench.cores))
        async with asyncio.TaskGroup() as group:
            held = group.create_task(_fill(bench, folder, ours.url, ours.process.pid))
            bare_held = group.create_task(_fill(bench, folder, bare.url, bare.pid))
    for units in UNITS:
        _add(
            bench,
            f"memory.{units}",
            f"resident with {units:,} units",
            "MiB",
            held.result()[units],
            bare_held.result()[units],
        )
    _add(
        bench, "memory.unit", f"memory a unit, of {UNITS[-1]:,}", "bytes",
        _each(held.result()), _each(bare_held.result()),
    )  # fmt: skip


async def _fill(bench: Bench, folder: Path, url: str, pid: int) -> _Resident:
    held: _Resident = {}
    for units in UNITS:
        if units:
            pushes = write_pushes(folder / f"pushes-{units}", NATIVE, SIZE, units, STEPS)
            seconds = STEPS * -(-units // SIZE) / PUSHES_PER_SECOND
            await paced(pace_of(url, NATIVE, pushes, per_second=PUSHES_PER_SECOND, seconds=seconds))
            await asyncio.sleep(FLUSH[bench.quick])
        held[units] = resident_mib(pid)
    return held


def _each(held: _Resident) -> float:
    return (held[UNITS[-1]] - held[0]) * 2**20 / UNITS[-1]


def _add(bench: Bench, key: str, title: str, unit: str, ours: float, bare: float) -> None:
    bench.add(Row(key=key, title=title, unit=unit, ours=(ours,), against=BARE, baseline=(bare,)))
