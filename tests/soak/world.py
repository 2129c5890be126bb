"""Everything around the daemon: the CAD and the way to it, game servers and the way from them, visitors, reloads."""

import asyncio
import random
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

from bridge.clock import SystemClock
from bridge.simulator.cad import Cad
from bridge.simulator.cloud import Cloud
from bridge.simulator.routes import ROUTES
from bridge.simulator.server import SimulatorServer
from tests.chaos.ledger import Ledger
from tests.chaos.life import SERVERS
from tests.chaos.lines import Door, Line
from tests.chaos.lookout import Lookout
from tests.chaos.troubles import WatchedJournal
from tests.chaos.weather import make_up
from tests.soak.life import LongLife
from tests.soak.outages import Outages
from tests.soak.plan import Plan
from tests.soak.players import GameServer, wander
from tests.soak.visitors import Visitors
from tests.support.daemon import API_KEY
from tests.support.fault_proxy import FaultProxy

LOOK_EVERY = 1.0  # seconds
PACE = 0.6  # of what the budgets of one community carry, so that a backlog has an end
RELOAD_EVERY, RESTART_EVERY = (10.0, 30.0), (20.0, 60.0)  # seconds
ABSENT_SECONDS = 5.0
LAST_WORD_SECONDS = 60.0  # in which every push under way is taken
DOWN_SECONDS, KEY_LOST_SECONDS = (0.0, 5.0), (1.0, 4.0)


class World:
    """All of it while ``entered``; ``near`` is the network of the game servers, ``far`` that to the CAD."""

    def __init__(self, plan: Plan, cloud: Cloud, life: LongLife, near: FaultProxy, far: FaultProxy) -> None:
        self.plan = plan
        self.cloud = cloud
        self.life = life
        self.ledger = life.ledger
        self.near = near
        self.far = far
        self.games = [
            GameServer(
                number, (plan.players + place) // len(SERVERS), Door(near.url, life), plan.dice(number)
            )
            for place, number in enumerate(SERVERS)
        ]
        self.lines = [
            Line(
                f"line-{one.number}",
                one.number,
                one.door,
                self.ledger,
                life,
                plan.dice(f"line {one.number}"),
                memory=plan.keep / 2,
            )
            for one in self.games
        ]
        self.visitors = Visitors(life, plan.dice("visitors"))
        self.lookout = Lookout(life, self.ledger)
        self.restarts = 0
        self.problems: list[str] = []

    @classmethod
    @asynccontextmanager
    async def entered(cls, plan: Plan, folder: Path) -> "AsyncGenerator[tuple[Self, Outages]]":
        """Start the daemon and everything around it, without anything going on yet."""
        cloud = Cloud(SystemClock(), Cad(key=API_KEY))
        cloud.journal = WatchedJournal()
        limits = {one.operation: one.per_minute for one in ROUTES if one.per_minute is not None}
        server = SimulatorServer(SystemClock(), cloud=cloud)
        async with server, FaultProxy(("127.0.0.1", server.port), seed=plan.seed) as far:
            life = LongLife(folder, far.url, limits, Ledger(), seconds=plan.life, keep=plan.keep)
            async with FaultProxy(("127.0.0.1", life.daemon.port), seed=plan.seed) as near:
                world = cls(plan, cloud, life, near, far)
                try:
                    await life.start()
                    yield world, Outages(cloud, server, far, plan.seconds)
                finally:
                    await world.leave()
                    await life.daemon.close()

    @asynccontextmanager
    async def busy(self, *beside: Coroutine[Any, Any, None]) -> AsyncGenerator[None]:
        """Let all this go on while entered, and what is ``beside`` it; then let what was begun be ended."""
        stop = asyncio.Event()
        harm = (
            *beside, wander(self.games, self.plan.dice("wander")), self.visitors.run(), self._look(), self._reload(),
            self._restart_games(),
        )  # fmt: skip
        async with asyncio.TaskGroup() as group:
            work = [
                *(group.create_task(one.run(stop)) for one in self.games),
                *(group.create_task(line.run(stop, PACE)) for line in self.lines),
            ]
            tasks = [group.create_task(one) for one in harm]
            yield
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            self.cloud.clear_faults()
            await make_up(self.near)
            await make_up(self.far)
            stop.set()
            if not self.dead:
                self.life.settle_down()
                await self.life.ask_to_reload(self.plan.dice("last reload"))
                await asyncio.wait(work, timeout=LAST_WORD_SECONDS)
            for task in work:
                task.cancel()

    @property
    def dead(self) -> bool:
        return self.life.daemon.process.ended

    async def leave(self) -> None:
        """Close every line of the game servers."""
        for one in self.games:
            await one.door.close()

    def strays(self) -> list[str]:
        """Return the players whom the CAD does not have where they were last pushed."""
        units = self.cloud.cad.community.units
        wrong: list[str] = []
        for one in self.games:
            for name, x in one.places.items():
                unit = units.get(name)
                if unit is None or unit.coordinates is None or unit.coordinates.x != x:
                    wrong.append(name)
        return wrong

    async def _look(self) -> None:
        while True:
            await self.lookout.look_at(self.ledger.open)
            await asyncio.sleep(LOOK_EVERY)

    async def _reload(self) -> None:
        dice = self.plan.dice("reloads")
        while True:
            await asyncio.sleep(dice.uniform(*RELOAD_EVERY))
            match dice.randrange(4):
                case 0:
                    await self.life.reload_badly(dice)
                case 1:
                    await self.life.lose_the_key(dice, dice.uniform(*KEY_LOST_SECONDS))
                case _:
                    await self.life.reload(dice)
                    await self._take_back(dice)

    async def _take_back(self, dice: random.Random) -> None:
        """A server that was taken out comes back soon, or nobody sees how its events end before they are deleted."""
        if self.life.servers != SERVERS:
            await asyncio.sleep(ABSENT_SECONDS)
            self.life.settle_down()
            await self.life.ask_to_reload(dice)

    async def _restart_games(self) -> None:
        """Let game servers restart, and their network fail."""
        dice = self.plan.dice("games")
        while True:
            await asyncio.sleep(dice.uniform(*RESTART_EVERY))
            self.restarts += 1
            match dice.randrange(4):
                case 0:
                    self.near.reset()
                case 1:
                    self.near.silence()
                case _:
                    await self._restart_one(dice)

    async def _restart_one(self, dice: random.Random) -> None:
        await dice.choice(self.games).restart(dice.uniform(*DOWN_SECONDS))
