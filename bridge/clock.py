"""Time, so that no other module asks the operating system for it."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """What the daemon knows of time; tests hand in one that they turn themselves."""

    def wall(self) -> float:
        """Return Unix time in seconds; it may jump."""
        ...

    def monotonic(self) -> float:
        """Return seconds that only ever grow, from an unspecified start."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; zero or less only yields to other tasks."""
        ...


class SystemClock:
    """The clock of the machine."""

    def wall(self) -> float:
        """Return Unix time in seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Return the monotonic time that asyncio's loops count in too."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait on the running event loop."""
        await asyncio.sleep(max(0.0, seconds))


class Alarm:
    """A wake-up call with a deadline: whoever waits goes on when it rings or when time is up."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake the waiter, or the next one to come if nobody waits now."""
        self._rung.set()

    async def wait_until(self, deadline: float | None) -> None:
        """Return when the alarm rings or at ``deadline`` (monotonic seconds; None: no deadline).

        Other tasks get their turn even if the deadline has passed.
        """
        if self._rung.is_set():
            await self._clock.sleep(0)
        elif deadline is None:
            await self._rung.wait()
        else:
            try:
                async with asyncio.timeout(max(0.0, deadline - self._clock.monotonic())):
                    await self._rung.wait()
            except TimeoutError:
                return
        self._rung.clear()
