"""Full servers that push once a second: what the daemon computes and holds, beside the bare application."""

import asyncio
from contextlib import AsyncExitStack

from msgspec import Struct

from tests.bench.bench import Bench
from tests.bench.bodies import NATIVE, write_pushes
from tests.bench.cores import cpu_seconds, resident_mib
from tests.bench.open_loop import Pace
from tests.bench.pacing import pace_of, paced
from tests.bench.pushes import BARE
from tests.bench.rows import Row
from tests.bench.servers import bare_app, daemon, simulator

PLAYERS = (200, 2048)
STEPS = 30  # places that each player is at in turn
WARM_UP = 2.0  # seconds; the first batch is sent 5 s after the start
WINDOW = 5.0  # seconds; each holds one batch


class _Lane(Struct, frozen=True, kw_only=True):
    """A server with so many players, and what it used in each window."""

    name: str
    players: int
    url: str
    pid: int
    seconds: list[float]
    resident: list[float]

    @property
    def key(self) -> tuple[str, int]:
        return self.name, self.players


async def measure(bench: Bench) -> None:
    """Add the rows of a steady load. All servers run at the same time: together they hardly use the core."""
    bench.say(f"{' and '.join(map(str, PLAYERS))} players at 1 Hz for {bench.plan.steady} s")
    folder = bench.folder / "steady"
    async with AsyncExitStack() as stack:
        cad = await stack.enter_async_context(simulator(folder, bench.cores))
        lanes: list[_Lane] = []
        for players in PLAYERS:
            ours = await stack.enter_async_context(daemon(folder / f"ours-{players}", bench.cores, cad.url))
            bare = await stack.enter_async_context(bare_app(folder, bench.cores))
            for name, url, pid in (("ours", ours.url, ours.process.pid), ("bare", bare.url, bare.pid)):
                lanes.append(_Lane(name=name, players=players, url=url, pid=pid, seconds=[], resident=[]))
        async with asyncio.TaskGroup() as group:
            for lane in lanes:
                group.create_task(paced(_pace(bench, lane)))
            await _watch(lanes, bench.plan.steady)
    _add_rows(bench, {lane.key: lane for lane in lanes})


def _pace(bench: Bench, lane: _Lane) -> Pace:
    path = bench.folder / "steady" / f"native-{lane.players}"
    pushes = write_pushes(path, NATIVE, lane.players, lane.players, STEPS)
    seconds = WARM_UP + bench.plan.steady + 1
    return pace_of(lane.url, NATIVE, pushes, per_second=1.0, seconds=seconds)


async def _watch(lanes: list[_Lane], steady: int) -> None:
    await asyncio.sleep(WARM_UP)
    for _ in range(round(steady / WINDOW)):
        before = [cpu_seconds(lane.pid) for lane in lanes]
        await asyncio.sleep(WINDOW)
        for lane, was in zip(lanes, before, strict=True):
            lane.seconds.append(cpu_seconds(lane.pid) - was)
            lane.resident.append(resident_mib(lane.pid))


def _add_rows(bench: Bench, lanes: dict[tuple[str, int], _Lane]) -> None:
    for players in PLAYERS:
        ours, bare = lanes["ours", players], lanes["bare", players]
        million = players * WINDOW / 1e6
        for name, unit, scale in (
            ("CPU per million positions", "s", 1 / million),
            ("of a core", "%", 100 / WINDOW),
        ):
            bench.add(
                Row(
                    key=f"steady.{'cpu' if unit == 's' else 'core'}.{players}",
                    title=f"{players:,} players at 1 Hz: {name}",
                    unit=unit,
                    ours=tuple(seconds * scale for seconds in ours.seconds),
                    against=BARE,
                    baseline=tuple(seconds * scale for seconds in bare.seconds),
                )
            )
        bench.add(
            Row(
                key=f"steady.resident.{players}",
                title=f"{players:,} players at 1 Hz: resident",
                unit="MiB",
                ours=tuple(ours.resident),
                against=BARE,
                baseline=tuple(bare.resident),
            )
        )
