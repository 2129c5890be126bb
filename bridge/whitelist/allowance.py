"""How often something may be done in any minute."""

from collections import deque

WINDOW = 60.0  # seconds


class Allowance:
    """``limit`` times in any 60 s; times are monotonic seconds."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._taken: deque[float] = deque()

    def free_at(self, now: float) -> float:
        """Return when it may be done: ``now`` or later."""
        while self._taken and self._taken[0] + WINDOW <= now:
            self._taken.popleft()
        excess = len(self._taken) - self.limit
        return now if excess < 0 else self._taken[excess] + WINDOW

    def take(self, now: float) -> bool:
        """Do it, if it may be done now."""
        free = self.free_at(now) <= now
        if free:
            self._taken.append(now)
        return free

    def give_back(self) -> None:
        """Count the last time for nothing: it did not come to pass."""
        self._taken.pop()
