"""One rate budget: when a request of an operation may leave so that no documented limit is passed.

Sonoran counts each operation per API key and minute, and nobody knows whether in fixed or sliding windows. A slot
is therefore free again only 60 s after its answer: whenever between leaving and answer the CAD counted the
request, no 60 s of its clock hold more than the limit.
"""

import bisect
import math
from collections import deque
from collections.abc import Mapping, Sequence

from bridge.operations import DOCUMENTED_LIMITS, HEARTBEAT, SET_UNIT_PANIC, UPDATE_UNIT_LOCATIONS
from bridge.sonoran.pools import SEPARATE, Sharing, limits_v1, sharing_v1, whole

WINDOW = 60.0  # seconds in which the CAD counts
LOCATION_MARGIN = 0.05  # seconds beyond the even pace of location requests: at an exact one jitter overruns
FIRST_PENALTY = 5.0  # seconds to wait after a 429 that does not say how long
LONGEST_PENALTY = 60.0  # seconds, after several such in a row
FORBIDDEN_PAUSE = 30.0  # seconds: a plan that lacks an operation does not change within a minute
QUICK_PROBES = 3  # of the burst; the rest of it is kept for when the CAD takes requests again


class Budget:
    """One operation's slots. All times are monotonic seconds.

    Args:
        limit: requests in any 60 s.
        gap: seconds between two starts at least.
        burst: if positive, this many at once, then one each ``120 s / limit``; so that after a burst none waits
            for the whole window to pass. While requests fail, all but a few of the burst stay untouched, so that
            what has waited for the CAD to come back goes at once then.
        rest: seconds after an answer in which none starts.
        pools: limits in which each request counts too, together with those of other operations.
    """

    def __init__(
        self,
        limit: int,
        *,
        gap: float = 0.0,
        burst: int = 0,
        rest: float = 0.0,
        pools: Sequence["Budget"] = (),
    ) -> None:
        self.limit = limit
        self.gap = gap
        self.burst = burst
        self.rest = rest
        self._pools = tuple(pools)
        self.refill = 2 * WINDOW / limit
        # When each answered request's slot is free again, soonest first.
        self._free_at: deque[float] = deque()
        self._in_flight = 0
        self._not_before = -math.inf  # by the gap
        self._debt_until = -math.inf  # by the burst: when all of it would be available again
        self._started_at = self._started_before = -math.inf  # the last two starts
        self._answered_at = -math.inf  # the last one
        self._failing = False
        self._fine_at = -math.inf  # when the CAD was last known to take requests
        self._paused_until = -math.inf
        self._refusals = 0

    @property
    def capacity(self) -> int:
        """Return how many may leave in 60 s where nothing else of the pools does."""
        return min(self.limit, *(pool.limit for pool in self._pools)) if self._pools else self.limit

    def free_at(self, now: float, *, ahead: int = 0) -> float:
        """Return the earliest time at which a request may leave; with some in flight it may turn out later.

        Args:
            now: the time.
            ahead: how many others leave before it.
        """
        pools = (pool.free_at(now, ahead=ahead) for pool in self._pools)
        at = max(now, self._paused_until, self._not_before, *pools)
        if self.burst:
            at = max(at, self._burst_free_at())
        self._drop_free(now)
        excess = len(self._free_at) + self._in_flight + ahead - self.limit
        if excess >= len(self._free_at):
            return max(at, now + WINDOW)
        return at if excess < 0 else max(at, self._free_at[excess])

    def take(self, now: float) -> None:
        """Use a slot; the caller has seen that one is free."""
        self._in_flight += 1
        self._count(now)
        for pool in self._pools:
            pool.take(now)

    def settle(self, now: float) -> None:
        """The answer of a request came, or will never come."""
        self._in_flight -= 1
        self._end(now)
        for pool in self._pools:
            pool.settle(now)

    def give_back(self) -> None:
        """A request never left this machine: the CAD counts nothing. Its turn in the pace of locations is gone."""
        self._in_flight -= 1
        self._started_at = self._started_before
        if self.burst:
            self._debt_until -= self.refill
        for pool in self._pools:
            pool.give_back()

    def restore(self, started_at: float, answered_at: float) -> None:
        """Count a request of a former run, oldest first."""
        self._end(answered_at)
        self._count(started_at)
        for pool in self._pools:
            pool.restore(started_at, answered_at)

    def pause(self, now: float, seconds: float | None) -> float:
        """Send nothing until the CAD's penalty is over and return how long that is.

        Args:
            now: the time of the refusal.
            seconds: what the CAD asked for; None: 5 s, doubling to 60 with each refusal in a row. One that comes
                during the penalty is of a request that left before it and belongs to the same refusal.
        """
        if seconds is None and now < self._paused_until:
            return self._paused_until - now
        if seconds is None:
            seconds = min(FIRST_PENALTY * 2.0**self._refusals, LONGEST_PENALTY)
            self._refusals = min(self._refusals + 1, 8)
        self._paused_until = max(self._paused_until, now + seconds)
        return self._paused_until - now

    def slow(self, now: float) -> None:
        """The CAD forbids the operation: try it seldom, but panics no more seldom than they may have to wait."""
        self.pause(now, min(FORBIDDEN_PAUSE, self.refill) if self.burst else FORBIDDEN_PAUSE)

    def accepted(self, now: float) -> None:
        """The CAD took a request: the next penalty starts from the beginning."""
        self._refusals = 0
        self.recovered(now)

    def failed(self, started_at: float) -> None:
        """A request left and the CAD did not take it: the next ones are probes.

        One that left before the CAD was last known to take requests tells nothing new.
        """
        self._failing = self._failing or started_at >= self._fine_at

    def recovered(self, now: float) -> None:
        """The CAD answers again, be it to another operation: what waited may use all of the burst."""
        self._failing = False
        self._fine_at = now

    def follow(self, other: "Budget", now: float) -> None:
        """Keep to another budget's limit and pace from now on; what was sent until now counts as before."""
        owed = max(0.0, self._debt_until - now) / self.refill
        self.limit, self.gap = other.limit, other.gap
        self.burst, self.rest, self.refill = other.burst, other.rest, other.refill
        self._not_before = max(self._started_at + self.gap, self._answered_at + self.rest)
        if owed:
            self._debt_until = now + owed * self.refill

    def remaining(self, now: float) -> int:
        """Return how many requests the window still allows now; 0 while paused."""
        self._drop_free(now)
        if now < self._paused_until:
            return 0
        own = max(0, self.limit - len(self._free_at) - self._in_flight)
        return min(own, *(pool.remaining(now) for pool in self._pools)) if self._pools else own

    def _burst_free_at(self) -> float:
        """Return when the next one may leave by the pace; probes spare the burst, but go at the even pace."""
        at_once = min(QUICK_PROBES, self.burst) if self._failing else self.burst
        in_credit = self._debt_until - (at_once - 1) * self.refill
        return min(in_credit, self._started_at + self.refill)

    def _end(self, answered_at: float) -> None:
        bisect.insort(self._free_at, answered_at + WINDOW)
        self._answered_at = max(self._answered_at, answered_at)
        if self.rest:
            self._not_before = max(self._not_before, answered_at + self.rest)

    def _count(self, started_at: float) -> None:
        self._started_before, self._started_at = self._started_at, max(self._started_at, started_at)
        self._not_before = max(self._not_before, started_at + self.gap)
        if self.burst:
            self._debt_until = max(self._debt_until, started_at) + self.refill

    def _drop_free(self, now: float) -> None:
        while self._free_at and self._free_at[0] <= now:
            self._free_at.popleft()


def effective_limits(overrides: Mapping[str, int], share: float, api: str = "v2") -> dict[str, float]:
    """Return the requests a minute that we allow ourselves, by operation: whole ones, or a part of one."""
    if api == "v1":
        return limits_v1(overrides, share)
    ours = {name: overrides.get(name, limit) * share for name, limit in DOCUMENTED_LIMITS.items()}
    return {name: whole(limit) for name, limit in ours.items()}


def sharing_of(overrides: Mapping[str, int], share: float, api: str) -> Sharing:
    """Return what the operations have together: in v2 nothing."""
    return sharing_v1(overrides, share) if api == "v1" else SEPARATE


def location_pace(interval: float, limit: float) -> float:
    """Return the seconds between location batches: the configured interval, but never at the limit's brink."""
    return max(interval, WINDOW / limit + LOCATION_MARGIN)


def heartbeat_pace(interval: float, servers: int, limit: float) -> float:
    """Return the seconds between a server's heartbeats: stretched where many servers share the limit."""
    return max(interval, WINDOW * servers / limit)


def build(operation: str, limit: float, interval: float, rest: float, pools: Sequence[Budget]) -> Budget:
    """Build the budget of an operation: each of ours has a pace of its own."""
    if operation == UPDATE_UNIT_LOCATIONS.name:
        return Budget(max(1, int(limit)), gap=location_pace(interval, limit), rest=rest, pools=pools)
    if operation == SET_UNIT_PANIC.name and limit >= 1:
        return Budget(int(limit), burst=int(limit) // 2, pools=pools)
    if operation == HEARTBEAT.name and limit >= 1:
        return Budget(int(limit), gap=WINDOW / limit / 2, pools=pools)
    return build_plain(limit, pools)


def build_plain(limit: float, pools: Sequence[Budget] = ()) -> Budget:
    """Build the budget of a limit; one under 1 is one request every so often."""
    if limit < 1:
        return Budget(1, gap=WINDOW / limit, pools=pools)
    return Budget(int(limit), pools=pools)
