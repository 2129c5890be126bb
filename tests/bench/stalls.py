"""The longest stall of the daemon's event loop while units push, against a loop that has nothing to do."""

import asyncio
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from tests.bench.bench import Bench
from tests.bench.bodies import NATIVE, write_pushes
from tests.bench.cores import on_core
from tests.bench.pacing import pace_of, paced
from tests.bench.probed import Second
from tests.bench.rows import Row
from tests.bench.servers import simulator
from tests.support.daemon import Daemon, until
from tests.support.process import Running

SIZE = 2_048  # positions in a push, the most that one game server has
WATCHED = {False: 11.0, True: 5.5}  # seconds, two batches or one; True: quick
BARE_SECONDS = {False: 5.0, True: 1.5}  # before and after
STEPS = 3
PATIENCE = 20.0  # seconds in which a probe must tell something
FILL_PER_SECOND = 20.0  # pushes until every unit is known
BARE = "bare event loop"


class Case(Struct, frozen=True, kw_only=True):
    """So many units, pushed in so many pushes a second."""

    units: int
    per_second: float


CASES = (Case(units=2_048, per_second=1.0), Case(units=100_000, per_second=5.0))


async def measure(bench: Bench) -> None:
    """Add the rows of stalls."""
    folder = bench.folder / "stalls"
    bare = await _watch_nothing(bench, folder)
    seen: dict[int, list[Second]] = {}
    async with simulator(folder, bench.cores) as cad:
        for case in CASES:
            bench.say(f"stalls with {case.units:,} units")
            async with _probed_daemon(bench, folder / f"ours-{case.units}", cad.url) as ours:
                seen[case.units] = await _watch(bench, folder, ours, case)
    bare += await _watch_nothing(bench, folder)
    for units, seconds in seen.items():
        _add(
            bench, f"stall.{units}", f"longest stall with {units:,} units", _stalled(seconds), _stalled(bare)
        )
        _add(
            bench, f"stall.computing.{units}", f"longest computing at a stretch, {units:,} units",
            _computed(seconds), _computed(bare),
        )  # fmt: skip


@asynccontextmanager
async def _probed_daemon(bench: Bench, folder: Path, cad_url: str) -> AsyncGenerator[Daemon]:
    """Run the daemon with a probe on its loop, which writes to ``stalls`` in its folder."""
    ours = Daemon(folder, cad_url, {}, (1,))
    ours.process = Running(folder, _command(folder / "stalls", ours.config), "daemon")
    try:
        with on_core(bench.cores.measured):
            await ours.start()
        yield ours
    finally:
        await ours.close()


def _command(out: Path, *config: Path) -> tuple[str, ...]:
    return (sys.executable, "-m", "tests.bench.probed", str(out), *map(str, config))


async def _watch(bench: Bench, folder: Path, ours: Daemon, case: Case) -> list[Second]:
    """Make all units known, go on pushing them, and return what was seen from the first push on.

    The second in which the daemon started is over then: until it is ready it keeps nobody waiting.
    """
    pushes = write_pushes(folder / f"pushes-{case.units}", NATIVE, SIZE, case.units, STEPS)
    ready = time.monotonic()
    await until(lambda: _last(ours.folder / "stalls") > ready, PATIENCE)
    began = _last(ours.folder / "stalls")
    everybody = -(-case.units // SIZE) / FILL_PER_SECOND
    await paced(pace_of(ours.url, NATIVE, pushes, per_second=FILL_PER_SECOND, seconds=everybody))
    watched = WATCHED[bench.quick]
    await paced(pace_of(ours.url, NATIVE, pushes, per_second=case.per_second, seconds=watched))
    known = await ours.metric("cad_bridge_units", server="server-1")
    assert known == case.units, f"it knows {known} units of {case.units}"
    return await _seconds_of(ours.folder / "stalls", began)


async def _watch_nothing(bench: Bench, folder: Path) -> list[Second]:
    bench.say("a bare event loop")
    out = folder / f"bare-{time.monotonic()}"
    folder.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        process = Running(folder, _command(out), "bare")
        with on_core(bench.cores.measured):
            await process.start()
        stack.push_async_callback(process.kill)
        await until(lambda: bool(_read(out)), PATIENCE)
        began = time.monotonic()
        await asyncio.sleep(BARE_SECONDS[bench.quick])
        return await _seconds_of(out, began)


async def _seconds_of(path: Path, began: float) -> list[Second]:
    """Return what a probe saw from an instant (monotonic seconds) until now."""
    now = time.monotonic()
    await until(lambda: _last(path) >= now, PATIENCE)
    return [second for second in _read(path) if second.at > began]


def _read(path: Path) -> list[Second]:
    whole = path.read_bytes().rpartition(b"\n")[0] if path.exists() else b""
    return [msgspec.json.decode(line, type=Second) for line in whole.splitlines()]


def _last(path: Path) -> float:
    """Return the end of the last second a probe told of, in monotonic seconds; 0 before the first."""
    return max((second.at for second in _read(path)), default=0.0)


def _stalled(seconds: list[Second]) -> tuple[float, ...]:
    return tuple(second.stalled * 1e3 for second in seconds)


def _computed(seconds: list[Second]) -> tuple[float, ...]:
    return tuple(second.computed * 1e3 for second in seconds)


def _add(bench: Bench, key: str, title: str, ours: tuple[float, ...], bare: tuple[float, ...]) -> None:
    bench.add(Row(key=key, title=title, unit="ms", ours=ours, against=BARE, baseline=bare, worst=True))
