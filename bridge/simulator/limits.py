"""Rate limits as the simulated CAD keeps them.

How the real CAD counts a minute is not documented, so a request must fit both a fixed window, aligned to the
full minute, and a sliding one. The second sees to the first: whatever came since the last full minute came
within the last 60 s.
"""

from collections import deque
from collections.abc import Mapping

from msgspec import Struct

MINUTE = 60.0  # seconds; all documented limits are per minute
JITTER_SECONDS = 0.001  # that an advised gap may be short of


class Tally(Struct, frozen=True, kw_only=True):
    """What came in of one operation, or of a pool of them.

    ``arrivals`` counts every request, refused ones too; ``peak`` is the most that ever arrived within any
    60 s; ``violations`` is how many came when the limit was used up, or sooner after the last one than is advised.
    """

    limit: int | None
    arrivals: int
    peak: int
    violations: int


class Limiter:
    """The limits of one API key; ``enforced`` false only counts.

    ``pools`` name the pool that an operation shares a limit in, besides its own; ``gaps`` are the seconds that Sonoran
    advises to leave between two requests: one that comes sooner is let in and counted as a violation. Instants
    are Unix seconds; one that lies before an earlier one counts as that one.
    """

    def __init__(
        self,
        per_minute: Mapping[str, int | None],
        pools: Mapping[str, str] | None = None,
        gaps: Mapping[str, float] | None = None,
    ) -> None:
        self.enforced = True
        self._documented = dict(per_minute)
        self._per_minute = dict(per_minute)
        self._pools = dict(pools or {})
        self._gaps = dict(gaps or {})
        self._windows = self._fresh()

    def admit(self, operation: str, now: float) -> float | None:
        """Count a request; return the seconds until one would fit if this one does not, else None."""
        names = [operation, *filter(None, [self._pools.get(operation)])]
        windows = [self._windows[name] for name in names]
        waits = [self._windows[name].arrive(now, self._per_minute[name]) for name in names]
        wait = max((wait for wait in waits if wait is not None), default=None)
        if wait is not None and self.enforced:
            return wait
        for window in windows:
            window.let_in()
        return None

    def change(self, operation: str, per_minute: int | None) -> None:
        """Set another limit for an operation or a pool (None: no limit)."""
        if operation not in self._per_minute:
            raise ValueError(operation)
        self._per_minute[operation] = per_minute

    def restore(self) -> None:
        """Go back to the documented limits and empty windows."""
        self.enforced = True
        self._per_minute = dict(self._documented)
        self._windows = self._fresh()

    def tallies(self) -> dict[str, Tally]:
        """Return what came in so far, by operation and by pool."""
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
        """Return how many requests of all operations came when their limit was used up, or too soon."""
        return sum(window.violations for window in self._windows.values())

    def _fresh(self) -> "dict[str, _Window]":
        return {operation: _Window(self._gaps.get(operation, 0.0)) for operation in self._documented}


class _Window:
    """One operation: what arrived and what was let in during the last 60 s, (now - 60, now]."""

    def __init__(self, gap: float) -> None:
        self.arrivals = 0
        self.peak = 0
        self.violations = 0
        self._gap = gap
        self._last: float | None = None
        self._arrived: deque[float] = deque()
        self._admitted: deque[float] = deque()

    def arrive(self, now: float, limit: int | None) -> float | None:
        """Count a request; return how long it comes too early for the limit, or None where it fits."""
        before = self._last
        self._last = now = now if before is None else max(now, before)
        _expire(self._arrived, now)
        _expire(self._admitted, now)
        self._arrived.append(now)
        self.arrivals += 1
        self.peak = max(self.peak, len(self._arrived))
        wait = None if limit is None else self._wait(now, limit)
        too_soon = before is not None and now - before < self._gap - JITTER_SECONDS
        self.violations += wait is not None or too_soon
        return wait

    def let_in(self) -> None:
        """Note that the request that arrived last was let in."""
        if self._arrived:
            self._admitted.append(self._arrived[-1])

    def _wait(self, now: float, limit: int) -> float | None:
        used = len(self._admitted)
        if used < limit:
            return None
        return MINUTE if limit == 0 else self._admitted[used - limit] + MINUTE - now


def _expire(instants: deque[float], now: float) -> None:
    while instants and instants[0] <= now - MINUTE:
        instants.popleft()
