"""Rate limits as the simulated CAD keeps them.

How the real CAD counts a minute is not documented, so a request must fit both a fixed window, aligned to the
full minute, and a sliding one. The second sees to the first: whatever came since the last full minute came
within the last 60 s.
"""

from collections import deque
from collections.abc import Mapping

from msgspec import Struct

MINUTE = 60.0  # seconds; all documented limits are per minute


class Tally(Struct, frozen=True, kw_only=True):
    """What came in of one operation.

    ``arrivals`` counts every request, refused ones too; ``peak`` is the most that ever arrived within any
    60 s; ``violations`` is how many came when the limit was used up.
    """

    limit: int | None
    arrivals: int
    peak: int
    violations: int


class Limiter:
    """The limits of one API key; ``enforced`` false only counts.

    Instants are Unix seconds; one that lies before an earlier one counts as that one.
    """

    def __init__(self, per_minute: Mapping[str, int | None]) -> None:
        self.enforced = True
        self._documented = dict(per_minute)
        self._per_minute = dict(per_minute)
        self._windows = {operation: _Window() for operation in per_minute}

    def admit(self, operation: str, now: float) -> float | None:
        """Count a request; return the seconds until one would fit if this one does not, else None."""
        limit = self._per_minute[operation]
        return self._windows[operation].arrive(now, limit, enforced=self.enforced)

    def change(self, operation: str, per_minute: int | None) -> None:
        """Set another limit for an operation (None: no limit)."""
        if operation not in self._per_minute:
            raise ValueError(operation)
        self._per_minute[operation] = per_minute

    def restore(self) -> None:
        """Go back to the documented limits and empty windows."""
        self.enforced = True
        self._per_minute = dict(self._documented)
        self._windows = {operation: _Window() for operation in self._documented}

    def tallies(self) -> dict[str, Tally]:
        """Return what came in so far, by operation."""
        return {
            operation: Tally(
                limit=self._per_minute[operation],
                arrivals=window.arrivals,
                peak=window.peak,
                violations=window.violations,
            )
            for operation, window in self._windows.items()
        }

    @property
    def violations(self) -> int:
        """Return how many requests of all operations came when their limit was used up."""
        return sum(window.violations for window in self._windows.values())


class _Window:
    """One operation: what arrived and what was let in during the last 60 s, (now - 60, now]."""

    def __init__(self) -> None:
        self.arrivals = 0
        self.peak = 0
        self.violations = 0
        self._last = 0.0
        self._arrived: deque[float] = deque()
        self._admitted: deque[float] = deque()

    def arrive(self, now: float, limit: int | None, *, enforced: bool) -> float | None:
        """Count a request; return how long it comes too early, or None where it is let in."""
        self._last = now = max(now, self._last)
        _expire(self._arrived, now)
        _expire(self._admitted, now)
        self._arrived.append(now)
        self.arrivals += 1
        self.peak = max(self.peak, len(self._arrived))
        wait = None if limit is None else self._wait(now, limit)
        if wait is not None:
            self.violations += 1
            if enforced:
                return wait
        self._admitted.append(now)
        return None

    def _wait(self, now: float, limit: int) -> float | None:
        used = len(self._admitted)
        if used < limit:
            return None
        return MINUTE if limit == 0 else self._admitted[used - limit] + MINUTE - now


def _expire(instants: deque[float], now: float) -> None:
    while instants and instants[0] <= now - MINUTE:
        instants.popleft()
