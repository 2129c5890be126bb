"""What is done to the daemon, one thing after the other."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

from bridge.simulator.journal import Journal, Received
from bridge.simulator.messages import Request
from tests.chaos.ledger import Ledger
from tests.chaos.life import Life, listed

LIVE_SECONDS = (0.1, 1.5)  # between two troubles
REST_SECONDS = (2.5, 6.0)  # now and then, so that it gets on
JUMPS = (-7200.0, -900.0, -120.0, -20.0, 20.0, 120.0, 900.0, 7200.0)  # seconds
FARTHEST = 20_000.0  # seconds that its clock is off at most
NOTICES_SECONDS = 7.0  # in which it sees that its clock was set, or that its disk has room again
STALLED, WINDOW_SECONDS = 5, 62.0  # one killed before that knows no better than to keep still for a minute
UNCLEAR = "unclear"  # a kick that ended so is sent again on an operator's word alone


class WatchedJournal(Journal):
    """Keeps everything, and tells of every request as it comes."""

    def __init__(self) -> None:
        super().__init__(max_requests=10_000_000, max_bytes=2**40)
        self.on_request: Callable[[str | None], None] | None = None

    def write(
        self, request: Request, located: tuple[str | None, int | None], *, monotonic: float, wall: float
    ) -> Received:
        received = super().write(request, located, monotonic=monotonic, wall=wall)
        if self.on_request is not None:
            self.on_request(received.operation)
        return received


class Troubles:
    """Makes them by chance."""

    def __init__(self, life: Life, ledger: Ledger, journal: WatchedJournal, dice: random.Random) -> None:
        self._life = life
        self._ledger = ledger
        self._journal = journal
        self._dice = dice
        self._offset = 0.0

    async def run(self, seconds: float, kills: int) -> None:
        """Go on for so long, and until there were so many kills."""
        end = time.monotonic() + seconds
        while time.monotonic() < end or self._life.kills < kills:
            sent = self._journal.total
            for _ in range(self._dice.randrange(4, 10)):
                await asyncio.sleep(self._dice.uniform(*LIVE_SECONDS))
                await self._life.check()
                await self._make_one()
            await asyncio.sleep(self._dice.uniform(*REST_SECONDS))
            await self._life.check()
            if self._journal.total - sent < STALLED and end - time.monotonic() > WINDOW_SECONDS:
                self._ledger.did("left alone")
                await asyncio.sleep(WINDOW_SECONDS)

    async def _make_one(self) -> None:
        choices: list[tuple[int, Callable[[], Awaitable[None]]]] = [
            (16, self._kill), (16, self._kill_at_a_request), (16, self._kill_at_an_answer),
            (2, lambda: self._life.freeze(self._dice.uniform(0.3, 6.0))), (2, self._life.restart),
            (2, lambda: self._life.reload(self._dice)), (1, lambda: self._life.reload_badly(self._dice)),
            (1, lambda: self._life.lose_the_key(self._dice, self._dice.uniform(0.5, 3.0))),
            (2, self._fill_the_disk), (2, self._set_the_clock), (1, self._retry), (1, self._discard),
        ]  # fmt: skip
        [trouble] = self._dice.choices([make for _, make in choices], [weight for weight, _ in choices])
        await trouble()

    async def _kill(self) -> None:
        await self._life.kill("at any moment", self._dice.choice((0.0, 0.0, 0.5)))

    async def _kill_at_a_request(self) -> None:
        """Kill it in the moment in which the CAD gets a request."""
        wanted = self._dice.choice(("create911Call", "createDispatchCall", "kickUnit", None))
        struck = asyncio.Event()

        def strike(operation: str | None) -> None:
            if wanted in {None, operation} and not struck.is_set():
                self._life.strike()
                struck.set()

        self._journal.on_request = strike
        await self._until(struck)
        self._journal.on_request = None
        await self._life.kill(f"as the CAD got {wanted or 'a request'}", 0.0)

    async def _kill_at_an_answer(self) -> None:
        """Kill it in the moment in which it has answered 202."""
        struck = asyncio.Event()

        def strike() -> None:
            if not struck.is_set():
                self._life.strike()
                struck.set()

        self._ledger.on_accept = strike
        await self._until(struck)
        self._ledger.on_accept = None
        await self._life.kill("as it answered 202", 0.0)

    async def _until(self, struck: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(3.0):
                await struck.wait()
        except TimeoutError:
            return

    async def _fill_the_disk(self) -> None:
        """Leave it the time to write down what it could not: of that, nothing survives a kill."""
        await self._life.fill_the_disk(self._dice.uniform(0.5, 3.0))
        await asyncio.sleep(NOTICES_SECONDS)

    async def _set_the_clock(self) -> None:
        jump = self._dice.choice(JUMPS)
        if abs(self._offset + jump) > FARTHEST:
            jump = -jump
        self._offset += jump
        self._life.jump(self._offset)
        if self._dice.random() < 0.5:
            await asyncio.sleep(NOTICES_SECONDS)

    async def _retry(self) -> None:
        """Have failed events tried again, as an operator would."""
        events = listed(
            await self._life.command("outbox", "list", "--state", "failed", "--state", "expired", "--json")
        )
        chosen = [
            event["id"] for event in events
            if event["id"] in self._ledger.accepted and not str(event.get("error", "")).startswith(UNCLEAR)
        ][:3]  # fmt: skip
        for event in chosen:
            self._ledger.retried.add(event)
            self._ledger.note(event, "retried by the operator")
        if chosen:
            await self._life.command("outbox", "retry", *chosen)
            self._ledger.did(f"outbox retry {chosen}")

    async def _discard(self) -> None:
        events = listed(await self._life.command("outbox", "list", "--state", "pending", "--json"))
        waiting = [event["id"] for event in events if event["id"] in self._ledger.accepted]
        for event in self._dice.sample(waiting, min(1, len(waiting))):
            self._ledger.discarded.add(event)
            self._ledger.note(event, "discarded by the operator")
            await self._life.command("outbox", "discard", event, "--yes")
            self._ledger.did(f"outbox discard {event}")
