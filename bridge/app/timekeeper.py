"""Notices that the machine's clock jumped or that the machine slept: neither makes events older than they are.

Wall time jumps when NTP sets a wrong clock, and after a suspend under Linux, where monotonic time stands still
meanwhile. Where it does not (Windows, some virtual machines), a sleep shows as a gap between two looks.
"""

from msgspec import Struct

from bridge.clock import Clock

JUMP = 300.0  # seconds; less is left alone, clocks are always drifting and being set


class TimeJump(Struct, frozen=True, kw_only=True):
    """What happened to time since the last look, in seconds; 0 where nothing did.

    Wall time went ahead of monotonic time by ``wall``, and for ``sleep`` of monotonic time nothing ran.
    """

    wall: float = 0.0
    sleep: float = 0.0


class Timekeeper:
    """Compares the two clocks, look by look."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wall, self._monotonic = clock.wall(), clock.monotonic()

    def look(self) -> TimeJump | None:
        """Return what happened to time since the last look, or None if nothing did; to be called every few seconds."""
        wall, monotonic = self._clock.wall(), self._clock.monotonic()
        gap = monotonic - self._monotonic
        ahead = wall - self._wall - gap
        self._wall, self._monotonic = wall, monotonic
        if abs(ahead) <= JUMP and gap <= JUMP:
            return None
        return TimeJump(wall=ahead if abs(ahead) > JUMP else 0.0, sleep=gap if gap > JUMP else 0.0)
