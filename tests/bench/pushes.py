"""Pushes as fast as they are answered: both doors against the bare application, and against vmagent."""

import shutil
from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

from msgspec import Struct

from tests.bench.bench import Bench
from tests.bench.bodies import DROP_IN, NATIVE, PACKED, SERIES, Shape, write_pushes
from tests.bench.cores import cpu_seconds
from tests.bench.load import load
from tests.bench.rows import Row
from tests.bench.servers import TOKEN, VMAGENT_PACKAGE, bare_app, daemon, simulator, vmagent
from tests.support.daemon import Daemon

SIZES = {False: (1, 64, 500, 2048), True: (1, 64, 2048)}  # True: quick
OTHERS_SIZE = 64  # the one that vmagent takes its turns at
STEPS = 8  # places that each unit is at in turn
BARE = "bare aiohttp"
COMPARED = (
    ("native", "bare native", BARE),
    ("drop-in", "bare drop-in", BARE),
    ("native", "vmagent", "vmagent, a JSON line a number"),
    ("native", "packed", "vmagent, a JSON line a unit"),
)


class _Lane(Struct, frozen=True, kw_only=True):
    """One of those that take turns."""

    name: str
    url: str
    pid: int
    shape: Shape


class _Lanes(Struct, frozen=True, kw_only=True):
    ours: Daemon
    every: list[_Lane]


class _Taken(Struct, frozen=True, kw_only=True):
    """One turn: what was answered a second, and what the server computed for each push."""

    per_second: float
    microseconds: float


_Turns = dict[str, list[_Taken]]


async def measure(bench: Bench) -> None:
    """Add the rows of pushes."""
    async with _running(bench) as lanes:
        for size in SIZES[bench.quick]:
            bench.say(f"pushes of {size:,}")
            _add_rows(bench, size, await _take_turns(bench, lanes, size))


@asynccontextmanager
async def _running(bench: Bench) -> AsyncGenerator[_Lanes]:
    folder, cores = bench.folder / "pushes", bench.cores
    program = shutil.which("vmagent")
    async with AsyncExitStack() as stack:
        cad = await stack.enter_async_context(simulator(folder, cores))
        ours = await stack.enter_async_context(daemon(folder / "ours", cores, cad.url))
        bare = await stack.enter_async_context(bare_app(folder, cores))
        pid = ours.process.pid
        every = [
            _Lane(name="native", url=ours.url, pid=pid, shape=NATIVE),
            _Lane(name="bare native", url=bare.url, pid=bare.pid, shape=NATIVE),
            _Lane(name="drop-in", url=ours.url, pid=pid, shape=DROP_IN),
            _Lane(name="bare drop-in", url=bare.url, pid=bare.pid, shape=DROP_IN),
        ]
        if program is None:
            bench.note(f"vmagent is not installed (apt-get install {VMAGENT_PACKAGE}): its rows are left out")
        else:
            agent = await stack.enter_async_context(vmagent(folder, cores, program))
            every.append(_Lane(name="vmagent", url=agent.url, pid=agent.pid, shape=SERIES))
            every.append(_Lane(name="packed", url=agent.url, pid=agent.pid, shape=PACKED))
        yield _Lanes(ours=ours, every=every)


async def _take_turns(bench: Bench, lanes: _Lanes, size: int) -> _Turns:
    turns: _Turns = defaultdict(list)
    for _ in range(bench.plan.rounds):
        for lane in lanes.every:
            if size == OTHERS_SIZE or lane.shape in (NATIVE, DROP_IN):
                turns[lane.name].append(await _take_turn(bench, lanes.ours, lane, size))
    return turns


async def _take_turn(bench: Bench, ours: Daemon, lane: _Lane, size: int) -> _Taken:
    path = bench.folder / "pushes" / f"{lane.shape.write.__name__}-{size}"
    pushes = write_pushes(path, lane.shape, size, size, STEPS)
    before, computed = await _count(ours), cpu_seconds(lane.pid)
    done = await load(lane.url, lane.shape, pushes, bench.plan.seconds, token=TOKEN)
    computed = cpu_seconds(lane.pid) - computed
    if lane.url == ours.url:
        grown = await _count(ours) - before
        assert grown >= done.requests * size, f"{done.requests} pushes of {size} made {grown} positions"
    return _Taken(per_second=done.per_second, microseconds=computed / done.requests * 1e6)


async def _count(ours: Daemon) -> float:
    return await ours.metric("cad_bridge_locations_received_total", server="server-1")


def _add_rows(bench: Bench, size: int, turns: _Turns) -> None:
    for name, baseline, against in COMPARED:
        if baseline not in turns:
            continue
        bench.add(
            Row(
                key=f"push.{baseline.replace('bare ', '')}.{size}",
                title=f"pushes of {size:,}, {name} door",
                unit="pushes/s",
                ours=tuple(taken.per_second for taken in turns[name]),
                against=against,
                baseline=tuple(taken.per_second for taken in turns[baseline]),
                more=True,
            )
        )
        bench.add(
            Row(
                key=f"push.cpu.{baseline.replace('bare ', '')}.{size}",
                title=f"pushes of {size:,}, {name} door: CPU a push",
                unit="µs",
                ours=tuple(taken.microseconds for taken in turns[name]),
                against=against,
                baseline=tuple(taken.microseconds for taken in turns[baseline]),
            )
        )
