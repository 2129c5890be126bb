"""Panics: how long a game server waits for its 202, which comes after the commit, whatever else comes in."""

from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from tests.bench.bench import Bench
from tests.bench.bodies import NATIVE, write_pushes
from tests.bench.disk import sync_seconds
from tests.bench.load import Load, load
from tests.bench.open_loop import Paced
from tests.bench.pacing import beside, pace_of, paced
from tests.bench.presses import press, write_presses
from tests.bench.rows import Row, percentile
from tests.bench.servers import TOKEN, daemon, simulator

PER_SECOND = 200.0
SECONDS = {False: 5.0, True: 1.5}  # of panics in a round; True: quick
ROUNDS = {False: 3, True: 1}
POSITIONS, PUSHES = 10_000, 5  # a second, in so many pushes: five full servers
AROUND = 0.3  # seconds that other load begins before the panics, and goes on after them
SYNCS = 400  # bare ones in a round
PERCENTS = (50.0, 99.0, 99.9)
CONDITIONS = {
    "idle": "idle",
    "busy": f"{POSITIONS:,} positions/s",
    "saturated": "saturated with pushes of 64",
}

_Seen = dict[str, list[list[float]]]


async def measure(bench: Bench) -> None:
    """Add the rows of the answers to panics."""
    folder = bench.folder / "panics"
    seen: _Seen = defaultdict(list)
    async with AsyncExitStack() as stack:
        cad = await stack.enter_async_context(simulator(folder, bench.cores))
        ours = await stack.enter_async_context(daemon(folder / "ours", bench.cores, cad.url))
        presses = write_presses(folder / "presses")
        first = 0
        for number in range(ROUNDS[bench.quick]):
            bench.say(f"panics, round {number + 1} of {ROUNDS[bench.quick]}")
            seen["disk"].append(sync_seconds(folder, SYNCS))
            for condition in CONDITIONS:
                pace = press(ours.url, presses, PER_SECOND, SECONDS[bench.quick], first=first)
                async with _under(condition, ours.url, folder, pace.seconds):
                    seen[condition].append((await paced(pace)).seconds)
                first += len(seen[condition][-1])
    _add_rows(bench, seen)


@asynccontextmanager
async def _under(condition: str, url: str, folder: Path, seconds: float) -> AsyncGenerator[None]:
    """Make the load of a condition while entered."""
    seconds += 2 * AROUND
    match condition:
        case "busy":
            async with beside(_positions(url, folder, seconds), head_start=AROUND):
                yield
        case "saturated":
            async with beside(_flood(url, folder, seconds), head_start=AROUND):
                yield
        case _:
            yield


async def _positions(url: str, folder: Path, seconds: float) -> Paced:
    pushes = write_pushes(folder / "busy", NATIVE, POSITIONS // PUSHES, POSITIONS, 3)
    return await paced(pace_of(url, NATIVE, pushes, per_second=PUSHES, seconds=seconds))


async def _flood(url: str, folder: Path, seconds: float) -> Load:
    pushes = write_pushes(folder / "flood", NATIVE, 64, 64, 8)
    return await load(url, NATIVE, pushes, seconds, token=TOKEN)


def _add_rows(bench: Bench, seen: _Seen) -> None:
    for percent in PERCENTS:
        bare = tuple(percentile(seconds, percent) * 1e3 for seconds in seen["disk"])
        for condition, words in CONDITIONS.items():
            bench.add(
                Row(
                    key=f"panic.{condition}.p{percent:g}",
                    title=f"panic answered, {words}, p{percent:g}",
                    unit="ms",
                    ours=tuple(percentile(seconds, percent) * 1e3 for seconds in seen[condition]),
                    against="bare fdatasync",
                    baseline=bare,
                )
            )
