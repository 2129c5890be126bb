"""One run: a daemon, a CAD, game servers, everything that can go wrong, calm, and the verdict."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct

from bridge.clock import SystemClock
from bridge.simulator.cad import Cad
from bridge.simulator.cloud import Cloud
from bridge.simulator.routes import ROUTES
from bridge.simulator.server import SimulatorServer
from tests.chaos.ledger import Ledger
from tests.chaos.life import SERVERS, Life
from tests.chaos.lines import LINES, Door, Drivers, Line
from tests.chaos.lookout import Lookout
from tests.chaos.report import say, tell_charges
from tests.chaos.troubles import Troubles, WatchedJournal
from tests.chaos.verdict import Verdict
from tests.chaos.weather import change_the_weather, make_up, shake_the_network
from tests.support.daemon import API_KEY
from tests.support.fault_proxy import FaultProxy

PANIC = "setUnitPanic"  # keeps to its documented limit at any pace: it is the one that is always used up
LOOK_EVERY = 0.2  # seconds
POSITIONS_SECONDS = 40.0  # in which the last positions must arrive: every server has its turn within 3 slots


class Plan(Struct, frozen=True, kw_only=True):
    """How long the storm lasts (seconds and kills), how long the rest may take, how many times the documented limits."""

    seconds: float
    kills: int
    seed: int
    pace: int
    drain: float


class Chaos:
    """The world of one run; ``disk`` is a small one of its own."""

    def __init__(self, plan: Plan, folder: Path, disk: Path) -> None:
        self._plan = plan
        self._folder = folder
        self._disk = disk
        self.ledger = Ledger()
        self.journal = WatchedJournal()
        self.cloud = Cloud(SystemClock(), Cad(key=API_KEY))
        self.cloud.journal = self.journal
        self._limits = {
            one.operation: one.per_minute * (1 if one.operation == PANIC else plan.pace)
            for one in ROUTES
            if one.per_minute is not None
        }
        for operation, limit in self._limits.items():
            self.cloud.cad.limiter.change(operation, limit)

    async def run(self) -> int:
        """Return the exit code: 0 if nothing was lost, doubled or passed."""
        async with self._world() as (life, near, far):
            door = Door(near.url, life)
            drivers = [Drivers(door, server) for server in SERVERS[:2]]
            lines = await self._storm(life, near, far, door, drivers)
            for one in drivers:
                await one.arrive(within=20.0)
            await door.close()
            problems = [*life.problems, *(refusal for line in lines for refusal in line.refusals)]
            problems += await self._drain(life, drivers)
        return self._report(life, problems)

    @asynccontextmanager
    async def _world(self) -> AsyncGenerator[tuple[Life, FaultProxy, FaultProxy]]:
        async with (
            SimulatorServer(SystemClock(), cloud=self.cloud) as server,
            FaultProxy(("127.0.0.1", server.port), seed=self._plan.seed) as far,
        ):
            life = Life(self._folder, self._disk, far.url, self._limits, self.ledger)
            async with FaultProxy(("127.0.0.1", life.daemon.port), seed=self._plan.seed) as near:
                try:
                    await life.start()
                    yield life, near, far
                finally:
                    await life.daemon.close()

    def _dice(self, number: int) -> random.Random:
        return random.Random(f"{self._plan.seed}-{number}")

    async def _storm(
        self, life: Life, near: FaultProxy, far: FaultProxy, door: Door, drivers: list[Drivers]
    ) -> list[Line]:
        stop = asyncio.Event()
        lines = [
            Line(
                f"line-{number}",
                SERVERS[number % len(SERVERS)],
                door,
                self.ledger,
                life,
                self._dice(10 + number),
            )
            for number in range(LINES)
        ]
        async with asyncio.TaskGroup() as group:
            background: list[Awaitable[object]] = [
                *(group.create_task(line.run(stop, self._plan.pace)) for line in lines),
                *(group.create_task(one.run(stop)) for one in drivers),
            ]
            harm = [
                group.create_task(change_the_weather(self.cloud, self._dice(1))),
                group.create_task(shake_the_network(near, self._dice(2))),
                group.create_task(shake_the_network(far, self._dice(3))),
                group.create_task(self._look_around(life, self._dice(4))),
                group.create_task(self._let_go()),
                group.create_task(self._tell(life)),
            ]
            await Troubles(life, self.ledger, self.journal, self._dice(5)).run(
                self._plan.seconds, self._plan.kills
            )
            life.settle_down()
            stop.set()
            for task in harm[:3]:
                task.cancel()
            self.cloud.clear_faults()
            await make_up(near)
            await make_up(far)
            await life.restart()
            await asyncio.gather(*background)
            for task in harm[3:]:
                task.cancel()
        self.ledger.did("calm")
        return lines

    async def _drain(self, life: Life, drivers: list[Drivers]) -> list[str]:
        """Wait until everything has ended; return what is wrong with the rest."""
        lookout = Lookout(life, self.ledger)
        deadline = time.monotonic() + self._plan.drain
        arrived = time.monotonic() + POSITIONS_SECONDS
        while self.ledger.open and time.monotonic() < deadline and not life.daemon.process.ended:
            await lookout.look_at(self.ledger.open)
            await asyncio.sleep(0.5)
        await lookout.look_at(self.ledger.accepted)
        while self._strays(drivers) and time.monotonic() < arrived:
            await asyncio.sleep(0.5)
        problems = (
            [f"not where they were last pushed: {self._strays(drivers)[:5]}"] if self._strays(drivers) else []
        )
        if life.daemon.process.ended:
            problems.append(f"it ended by itself:\n{life.daemon.log[-3000:]}")
        if "Traceback" in life.daemon.log:
            problems.append("there are tracebacks in its log")
        return problems

    def _strays(self, drivers: list[Drivers]) -> list[str]:
        """Return the drivers that the CAD does not have where they stopped."""
        units = self.cloud.cad.community.units
        wrong: list[str] = []
        for one in drivers:
            for name in one.units:
                unit = units.get(name)
                if unit is None or unit.coordinates is None or unit.coordinates.x != 3.0 * one.turn:
                    wrong.append(name)
        return wrong

    async def _look_around(self, life: Life, dice: random.Random) -> None:
        """Ask for events all the time: what is told of an end must still hold after the next kill."""
        lookout = Lookout(life, self.ledger)
        while True:
            known = list(self.ledger.accepted)
            latest = known[-30:]
            seen = {*dice.sample(latest, min(4, len(latest))), *dice.sample(known, min(4, len(known)))}
            await lookout.look_at(seen)
            await asyncio.sleep(LOOK_EVERY)

    async def _let_go(self) -> None:
        while True:
            await asyncio.sleep(5.0)
            self.cloud.let_go()

    async def _tell(self, life: Life) -> None:
        while True:
            await asyncio.sleep(30.0)
            say(
                f"{time.monotonic() - self.ledger.started:5.0f} s: {life.kills} kills, {len(self.ledger.accepted)} "
                f"accepted, {len(self.ledger.open)} not known to have ended, {self.journal.total} requests"
            )

    def _report(self, life: Life, problems: list[str]) -> int:
        (self._folder / "deeds").write_text("\n".join(self.ledger.deeds), encoding="utf-8")
        verdict = Verdict(self.ledger, self.cloud)
        innocent = tell_charges(verdict, self.ledger, life.daemon.log, problems)
        say(f"\nfailed: {dict(verdict.failures)}")
        say(
            f"{life.kills} kills in {time.monotonic() - self.ledger.started:.0f} s, {self.journal.total} requests, seed {self._plan.seed}"
        )
        say(", ".join(f"{name} {count}" for name, count in verdict.counts.items()))
        return 0 if innocent else 1
