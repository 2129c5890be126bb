"""What clients, operators and a failing CAD do to a daemon in one round, hundreds of times each and at once."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress

import aiohttp

from bridge.simulator.cloud import Cloud
from bridge.simulator.faults import Answer, Delay, Drop, Hang
from tests.chaos.life import Life
from tests.soak.visitors import HALVES, PAGES, STREAM, Visitors
from tests.support.daemon import update
from tests.support.fault_proxy import FaultProxy
from tests.support.oracle import example

AT_ONCE = 12
UNITS = 50
FAULTS = (
    Answer(status=503), Answer(status=500, acts=True), Drop(acts=True), Hang(), Delay(seconds=0.3),
    Answer(status=429, retry_after="1"),
)  # fmt: skip
FAULT_SECONDS = 0.4
KINDS = ("panic", "status", "call_911", "dispatch_call", "kick", "blip", "photo")


class Abuse:
    """``far`` is the network between the daemon and the ``cloud``."""

    def __init__(self, life: Life, cloud: Cloud, far: FaultProxy, dice: random.Random) -> None:
        self._life = life
        self._cloud = cloud
        self._far = far
        self._dice = dice
        self._visitors = Visitors(life, dice)
        self._number = 0

    async def round(self, size: int) -> None:
        """Do everything ``size`` times, or as often as it takes."""
        await asyncio.gather(
            self._each(self._push, size),
            self._each(self._push_badly, size // 4),
            self._each(self._intrude, size),
            self._each(self._look, size // 2),
            self._each(self._watch, size // 4),
            self._each(self._ask, size // 4),
            self._reload(max(2, size // 25)),
            self._fail(),
        )
        self.make_up()

    async def fill(self, number: int) -> None:
        """Push so many events of every kind, for whatever keeps a number of them."""
        for kind in KINDS:
            events = [example(kind, f"fill-{place}") for place in range(number)]
            assert await self.push("/v1/events", events) == 202

    def make_up(self) -> None:
        """Let the CAD be fine, and close every line to it."""
        self._cloud.clear_faults()
        self._far.cut()

    async def push(self, path: str, content: object, token: str | None = None) -> int:
        """Push on a connection of its own."""
        headers = {"Authorization": f"Bearer {token or self._life.token(1)}"}
        timeout = aiohttp.ClientTimeout(total=10.0)
        async with (
            aiohttp.ClientSession(headers=headers, timeout=timeout) as session,
            session.post(self._life.daemon.url + path, json=content) as answer,
        ):
            await answer.read()
            return answer.status

    async def status_of(self, path: str) -> int:
        """Return how the admin door answers."""
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10.0)) as session,
            session.get(self._life.daemon.admin_url + path) as answer,
        ):
            return answer.status

    async def _each(self, deed: Callable[[], Awaitable[object]], times: int) -> None:
        """Do something so often, by a few at once."""
        left = iter(range(times))

        async def work(numbers: Iterable[int]) -> None:
            for _ in numbers:
                await deed()

        await asyncio.gather(*(work(left) for _ in range(AT_ONCE // 4)))

    async def _push(self) -> None:
        self._number += 1
        if self._number % 2:
            units = [f"license:abuse-{(self._number + unit) % UNITS}" for unit in range(10)]
            content: object = {"updates": [update(unit, 3.0 * self._number) for unit in units]}
            assert await self.push("/v1/locations", content) == 200
        else:
            name = f"abuse-{self._number % UNITS}"
            assert await self.push("/v1/events", [example(self._dice.choice(KINDS), name)]) == 202

    async def _push_badly(self) -> None:
        """Push what makes no sense, with a wrong token, or go before the answer."""
        match self._dice.randrange(3):
            case 0:
                assert await self.push("/v1/events", [{"type": "nothing"}]) == 422
            case 1:
                assert await self.push("/v1/locations", {"updates": []}, "made-up-and-wrong") == 401
            case _:
                with suppress(TimeoutError, aiohttp.ClientError):
                    async with asyncio.timeout(self._dice.uniform(0.0, 0.01)):
                        await self.push("/v1/panic", {"id": "license:abuse-0", "active": True})

    async def _intrude(self) -> None:
        await self._visitors.intrude(
            self._dice.choice(HALVES), admin=self._dice.random() < 0.3, patience=self._dice.uniform(0.0, 0.02)
        )

    async def _look(self) -> None:
        await self._visitors.look(self._dice.choice(PAGES), self._dice.uniform(0.001, 0.2))

    async def _watch(self) -> None:
        await self._visitors.look(STREAM, self._dice.uniform(0.05, 0.4))

    async def _ask(self) -> None:
        async with aiohttp.ClientSession() as session:
            await self._visitors.ask_the_cad(
                session, self._dice.choice((1, 2)), self._dice.uniform(0.01, 0.3)
            )

    async def _reload(self, times: int) -> None:
        for _ in range(times):
            await (self._life.reload_badly if self._dice.random() < 0.3 else self._life.reload)(self._dice)
        self._life.settle_down()
        await self._life.ask_to_reload(self._dice)

    async def _fail(self) -> None:
        for fault in FAULTS:
            self._cloud.faults.add(fault)
            await asyncio.sleep(FAULT_SECONDS)
            self._cloud.clear_faults()
            self._far.reset()
