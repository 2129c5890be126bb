"""A clock for tests of one thing at a time: every sleep ends at once and moves time on."""

import asyncio

from tests.support.cad_requests import NOON


class SteppingClock:
    """Starts at noon; ``asked`` is set once somebody has slept. Wall time is ``ahead`` seconds off, as if it was set."""

    def __init__(self) -> None:
        self.now = NOON
        self.ahead = 0.0
        self.slept: list[float] = []
        self.asked = asyncio.Event()

    def wall(self) -> float:
        return self.now + self.ahead

    def monotonic(self) -> float:
        return self.now - NOON + 100.0

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        self.asked.set()
        await asyncio.sleep(0)


async def settle() -> None:
    """Let every task go on until it waits for something outside."""
    for _ in range(20):
        await asyncio.sleep(0)
