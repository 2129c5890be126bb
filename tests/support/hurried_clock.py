"""A clock for tests: every sleep ends at once and moves time on."""

import asyncio


class HurriedClock:
    """Time passes only where somebody sleeps: it jumps to the end of the shortest sleep there is.

    After a virtual hour it raises, so that a loop without an end fails its test before it fills the memory.
    """

    def __init__(self) -> None:
        self.now = _START
        self._dues: list[float] = []

    def wall(self) -> float:
        return 1_700_000_000.0 + self.now

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        if self.now > _START + _LONGEST:
            raise RuntimeError("this test sleeps without an end")
        due = self.now + max(0.0, seconds)
        self._dues.append(due)
        try:
            while True:
                for _ in range(_TURNS):
                    await asyncio.sleep(0)
                if self.now < due == min(self._dues):
                    self.now = due
                if self.now >= due:
                    return
        finally:
            self._dues.remove(due)


_START = 1_000.0
_LONGEST = 3_600.0  # seconds
_TURNS = 10  # of the loop, so that requests under way get on before time does
