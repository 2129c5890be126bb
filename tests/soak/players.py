"""The game side: everybody drives, is pushed once a second, and comes, goes and changes servers meanwhile."""

import asyncio
import itertools
import random
import time
from collections.abc import Sequence

from tests.chaos.lines import Door
from tests.support.daemon import update

PUSHES = 2  # in which a server's players are pushed every second
FULL_EVERY = 60  # seconds
SPEED = 12.0  # metres a second
WAY = 6000.0  # metres until a player begins anew: the game world ends somewhere
STANDING = 4  # one of so many does not move
CHURN = 0.5  # players of a server who leave and are replaced, and who move to another one, a second
ARRIVAL_SECONDS = 30.0

_numbers = itertools.count()


class GameServer:
    """One game server with so many players; ``places`` is where each of them was last pushed."""

    def __init__(self, number: int, count: int, door: Door, dice: random.Random) -> None:
        self.number = number
        self.door = door
        self.places: dict[str, float] = {_invented(): 0.0 for _ in range(count)}
        self.pushes = 0
        self.refused = 0
        self._left: list[str] = []
        self._dice = dice
        self._turn = 0
        self._full_at = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Push until told to stop, each time a part of all."""
        due = time.monotonic()
        while not stop.is_set():
            self._move()
            for part in range(PUSHES):
                await self._push(part)
                due = max(due + 1.0 / PUSHES, time.monotonic())
                await asyncio.sleep(due - time.monotonic())

    async def arrive(self) -> None:
        """Push where everybody is, until it is taken."""
        deadline = time.monotonic() + ARRIVAL_SECONDS
        self._full_at = 0
        while await self._push(0) != 200:
            assert time.monotonic() < deadline, f"no position of server {self.number} is taken"
            await asyncio.sleep(0.2)

    async def restart(self, down: float) -> None:
        """Break off all connections and come back as a server that was restarted, everybody on it."""
        self._full_at = 0
        await asyncio.sleep(down)
        await self.door.reopen()

    def emigrate(self) -> str:
        """Return a player who is no longer here; his server says so, before or after the other one speaks of him."""
        name = self._dice.choice(list(self.places))
        del self.places[name]
        if self._dice.random() < 0.5:
            self._left.append(name)
        return name

    def _move(self) -> None:
        self._turn += 1
        for place, name in enumerate(self.places):
            if place % STANDING:
                self.places[name] = (self.places[name] + SPEED) % WAY
        if self._dice.random() < CHURN:
            gone = self._dice.choice(list(self.places))
            del self.places[gone]
            self._left.append(gone)
            self.places[_invented()] = 0.0

    async def _push(self, part: int) -> int:
        full = self._turn >= self._full_at
        names = list(self.places) if full else list(self.places)[part::PUSHES]
        updates = [update(name, self.places[name], 10.0 * place) for place, name in enumerate(names)]
        left, self._left = self._left, []
        body = {"updates": updates, "full": full, "left": left, "players": len(self.places)}
        status, _ = await self.door.post("/v1/locations", body, self.number)
        self.pushes += 1
        if status == 200:
            self._full_at = self._turn + FULL_EVERY if full else self._full_at
        else:  # as the resource does, everybody is pushed again
            self.refused += 1
            self._full_at = self._turn
        return status


async def wander(servers: Sequence[GameServer], dice: random.Random) -> None:
    """Let players change servers until cancelled."""
    while True:
        await asyncio.sleep(dice.expovariate(CHURN))
        here, there = dice.sample(servers, 2)
        there.places[here.emigrate()] = 0.0


def _invented() -> str:
    return f"license:{next(_numbers):040x}"
