"""What a position costs as units grow tenfold: pushes of 100 that name all units in turn."""

import math
from contextlib import AsyncExitStack

from tests.bench.bench import Bench
from tests.bench.bodies import NATIVE, write_pushes
from tests.bench.cores import cpu_seconds
from tests.bench.load import load
from tests.bench.pushes import BARE
from tests.bench.rows import Row
from tests.bench.servers import TOKEN, bare_app, daemon, simulator

UNITS = (100, 1_000, 10_000, 100_000)
SIZE = 100  # positions in a push
ROUNDS = {False: 3, True: 1}  # True: quick
TARGETS = ("ours", "bare")


async def measure(bench: Bench) -> None:
    """Add the rows of growth."""
    folder = bench.folder / "growth"
    costs: dict[tuple[str, int], list[float]] = {(name, units): [] for name in TARGETS for units in UNITS}
    async with AsyncExitStack() as stack:
        cad = await stack.enter_async_context(simulator(folder, bench.cores))
        where: dict[tuple[str, int], tuple[str, int]] = {}
        for units in UNITS:
            ours = await stack.enter_async_context(daemon(folder / f"ours-{units}", bench.cores, cad.url))
            bare = await stack.enter_async_context(bare_app(folder, bench.cores))
            where["ours", units] = ours.url, ours.process.pid
            where["bare", units] = bare.url, bare.pid
        for number in range(ROUNDS[bench.quick] + 1):  # the first makes the units known
            bench.say(f"growth, round {number} of {ROUNDS[bench.quick]}")
            for (name, units), (url, pid) in where.items():
                steps = max(2, math.ceil(400 / units))
                pushes = write_pushes(folder / f"pushes-{units}", NATIVE, SIZE, units, steps)
                before = cpu_seconds(pid)
                done = await load(url, NATIVE, pushes, bench.plan.seconds, token=TOKEN)
                if number:
                    costs[name, units].append((cpu_seconds(pid) - before) / done.requests / SIZE * 1e6)
    for units in UNITS:
        bench.add(
            Row(
                key=f"growth.{units}",
                title=f"CPU a position with {units:,} units",
                unit="µs",
                ours=tuple(costs["ours", units]),
                against=BARE,
                baseline=tuple(costs["bare", units]),
            )
        )
