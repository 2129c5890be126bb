"""A panic's way to the CAD: what the bridge adds to a request that the game server would send there itself."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median

import aiohttp
import msgspec
from msgspec import Struct

from tests.bench.bench import Bench
from tests.bench.open_loop import Pace, Paced
from tests.bench.pacing import paced
from tests.bench.presses import PREFIX, press, press_directly, write_presses
from tests.bench.rows import Row, percentile
from tests.bench.servers import daemon, simulator

HOW = {"single": (20.0, 1), "together": (4.0, 64)}  # times a second, presses at once
SECONDS = {False: 2.0, True: 1.5}  # of each in a round; True: quick
ROUNDS = {False: 3, True: 1}
NO_LIMIT = {"cad.limits": {"setUnitPanic": 100_000}}  # so that none waits for a slot of the rate budget
DIRECT = "direct request"
SETTLE = 15.0  # seconds within which everything pressed must have arrived

_Times = dict[tuple[str, str], list[list[float]]]


class _Way(Struct, frozen=True, kw_only=True):
    """How presses get to the CAD."""

    name: str
    url: str
    presses: Path
    make: Callable[..., Pace]


class _Request(Struct, frozen=True, kw_only=True):
    monotonic: float
    body: dict[str, object]


class _Requests(Struct, frozen=True, kw_only=True):
    requests: list[_Request]


class _Section:
    """The rounds, and what came of them."""

    def __init__(self, bench: Bench, cad_url: str, ways: tuple[_Way, ...]) -> None:
        self._bench = bench
        self._cad_url = cad_url
        self._ways = ways
        self._pressed = 0
        self.answered: _Times = defaultdict(list)
        self.arrived: _Times = defaultdict(list)

    async def take_turns(self, how: str) -> None:
        """Press in one way after the other."""
        per_second, at_once = HOW[how]
        seconds = SECONDS[self._bench.quick]
        for way in self._ways:
            first = self._pressed
            began = time.time()
            seen = await paced(
                way.make(way.url, way.presses, per_second, seconds, at_once=at_once, first=first)
            )
            self._pressed += len(seen.due)
            self.answered[way.name, how].append(seen.seconds)
            self.arrived[way.name, how].append(await self._journeys(seen, first, began))

    async def _journeys(self, seen: Paced, first: int, began: float) -> list[float]:
        """Return how long each press took from leaving its client to the CAD."""
        names = [f"{PREFIX}{first + number:08d}" for number in range(len(seen.left))]
        deadline = time.monotonic() + SETTLE
        while True:
            arrivals = await self._arrivals(began)
            if all(name in arrivals for name in names):
                break
            missing = sum(name not in arrivals for name in names)
            assert time.monotonic() < deadline, f"{missing} of {len(names)} panics did not reach the CAD"
            await asyncio.sleep(0.1)
        return [arrivals[name] - left for name, left in zip(names, seen.left, strict=True)]

    async def _arrivals(self, began: float) -> dict[str, float]:
        """Return when each unit's first panic came in, in monotonic seconds."""
        asked = {"operation": "setUnitPanic", "since": str(began)}
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self._cad_url}/_simulator/requests", params=asked) as answer,
        ):
            told = msgspec.json.decode(await answer.read(), type=_Requests)
        arrivals: dict[str, float] = {}
        for request in told.requests:
            for name in msgspec.convert(request.body["communityUserIds"], list[str]):
                arrivals.setdefault(name, request.monotonic)
        return arrivals


async def measure(bench: Bench) -> None:
    """Add the rows of deliveries: alone, and many at once."""
    folder = bench.folder / "delivery"
    async with AsyncExitStack() as stack:
        cad = await stack.enter_async_context(simulator(folder, bench.cores))
        ours = await stack.enter_async_context(daemon(folder / "ours", bench.cores, cad.url, NO_LIMIT))
        pressed, direct = write_presses(folder / "pressed"), write_presses(folder / "direct", to_cad=True)
        ways = (
            _Way(name="ours", url=ours.url, presses=pressed, make=press),
            _Way(name="direct", url=cad.url, presses=direct, make=press_directly),
        )
        section = _Section(bench, cad.url, ways)
        for number in range(ROUNDS[bench.quick]):
            bench.say(f"deliveries, round {number + 1} of {ROUNDS[bench.quick]}")
            for how in HOW:
                await section.take_turns(how)
    _add_rows(bench, section)


def _add_rows(bench: Bench, section: _Section) -> None:
    arrived, answered = section.arrived, section.answered
    alone, direct = arrived["ours", "single"], arrived["direct", "single"]
    _add(
        bench,
        "delivery.single.p50",
        "panic at the CAD, p50",
        _percentiles(alone, 50),
        _percentiles(direct, 50),
    )
    added = [(median(ours) - median(bare)) * 1e3 for ours, bare in zip(alone, direct, strict=True)]
    _add(bench, "delivery.added", "panic at the CAD: what the bridge adds to p50", added, [])
    for name, what, times in (("answered", "answered", answered), ("arrived", "at the CAD", arrived)):
        _add(
            bench,
            f"delivery.together.{name}",
            f"64 panics at once {what}, p99",
            _percentiles(times["ours", "together"], 99),
            _percentiles(times["direct", "together"], 99),
        )


def _percentiles(rounds: list[list[float]], percent: float) -> list[float]:
    return [percentile(seconds, percent) * 1e3 for seconds in rounds]


def _add(bench: Bench, key: str, title: str, ours: list[float], direct: list[float]) -> None:
    bench.add(
        Row(
            key=key,
            title=title,
            unit="ms",
            ours=tuple(ours),
            against=DIRECT if direct else "",
            baseline=tuple(direct),
        )
    )
