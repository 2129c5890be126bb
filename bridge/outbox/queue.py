"""The pending events of one kind in memory: what may be tried now, what later, and what must wait its turn.

An event about several units is several deliveries, one a unit, since each unit has an order of its own. For a
state (panic, status) only the newest waits: a newer one supersedes it. What is held (it waits for another event,
or an attempt of it is looked up) stays here, since it can expire, but is not handed out.
"""

import heapq
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from collections.abc import Set as AbstractSet
from itertools import count

from bridge.outbox.pending import Delivery

HEAP_SLACK = 64  # entries of ended deliveries that are not worth clearing out
EXPIRE_LIMIT = 50  # deliveries taken out at once, so that a great backlog does not keep the event loop


class DeliveryQueue:
    """The deliveries of one kind."""

    def __init__(self) -> None:
        self._waiting: dict[Hashable, Delivery] = {}  # by order: the newest not in flight
        self._claimed: dict[Hashable, Delivery] = {}  # by order: in flight
        self._ready: OrderedDict[Hashable, Delivery] = OrderedDict()  # by order: may be tried now
        self._later: list[tuple[float, int, Delivery]] = []
        self._expiring: list[tuple[float, int, Delivery]] = []
        self._tie = count()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._claimed)

    @property
    def claimed(self) -> int:
        """Return how many deliveries are in flight."""
        return len(self._claimed)

    @property
    def stuck(self) -> bool:
        """Tell whether nothing here can go on by itself: all that is left is held."""
        return not self._claimed and all(delivery.event.held for delivery in self._waiting.values())

    def add(self, delivery: Delivery) -> Delivery | None:
        """Take a new delivery and return the one that it supersedes, if any."""
        superseded = self._waiting.pop(delivery.order, None)
        self._ready.pop(delivery.order, None)
        self._waiting[delivery.order] = delivery
        self._watch_expiry(delivery)
        self._make_ready(delivery)
        return superseded

    def claim(self, now: float, busy: AbstractSet[Hashable], limit: int) -> list[Delivery]:
        """Take the longest ready delivery whose group is not ``busy``, and others that may share its request."""
        self._promote(now)
        first = next((delivery for delivery in self._ready.values() if delivery.group not in busy), None)
        if first is None:
            return []
        chosen = [first]
        if not first.alone and first.unit_id is not None:  # without a unit it is one of its own
            chosen += self._companions(first, limit - 1)
        for delivery in chosen:
            del self._ready[delivery.order]
            del self._waiting[delivery.order]
            self._claimed[delivery.order] = delivery
        return chosen

    def settle(self, delivery: Delivery) -> None:
        """End a claim; the next in the unit's order may go."""
        del self._claimed[delivery.order]
        successor = self._waiting.get(delivery.order)
        if successor is not None:
            self._make_ready(successor)

    def tidy(self) -> None:
        """Let go of what has ended, where it is much."""
        for heap in (self._later, self._expiring):
            self._clear_out(heap)

    def set_aside(self, delivery: Delivery) -> None:
        """End a claim whose delivery is held from now on."""
        self.settle(delivery)
        self._waiting[delivery.order] = delivery
        self._watch_expiry(delivery)

    def hold(self, delivery: Delivery) -> None:
        """Have a delivery that may be tried now wait: it is held from now on."""
        self._ready.pop(delivery.order, None)

    def unhold(self, delivery: Delivery, not_before: float) -> None:
        """Let a delivery be tried that was held."""
        self._push(self._later, not_before, delivery)

    def withdraw(self, delivery: Delivery) -> bool:
        """Take out a delivery that is not in flight; tell whether it was there."""
        if self._waiting.get(delivery.order) is not delivery:
            return False
        del self._waiting[delivery.order]
        self._ready.pop(delivery.order, None)
        return True

    def is_claimed(self, delivery: Delivery) -> bool:
        """Tell whether a delivery is in flight."""
        return self._claimed.get(delivery.order) is delivery

    def postpone_expiry(self, seconds: float) -> None:
        """Have everything expire later, as its events do by now."""
        self._expiring = [(at + seconds, tie, delivery) for at, tie, delivery in self._expiring]

    def put_back(self, delivery: Delivery, not_before: float) -> bool:
        """End a claim without an end of the delivery; False where a newer one made it pointless."""
        newer = delivery.order in self._waiting
        self.settle(delivery)
        if newer:
            return False
        self._waiting[delivery.order] = delivery
        self._push(self._later, not_before, delivery)
        self._watch_expiry(delivery)
        return True

    def release_all(self) -> None:
        """Let everything be tried now: the CAD is back."""
        for _, _, delivery in sorted(self._later, key=lambda entry: entry[2].event.seq):
            self._make_ready(delivery)
        self._later.clear()

    def expire(self, now: float) -> list[Delivery]:
        """Take out what is older than its time to live and not in flight.

        At most ``EXPIRE_LIMIT`` at once; while there are more, ``next_change_at`` is not later than ``now``.
        """
        expired: list[Delivery] = []
        while self._expiring and self._expiring[0][0] <= now and len(expired) < EXPIRE_LIMIT:
            delivery = heapq.heappop(self._expiring)[2]
            delivery.expiry_known = False
            if self.withdraw(delivery):
                expired.append(delivery)
        return expired

    def next_change_at(self) -> float | None:
        """Return when the next delivery gets ready or expires, if that is known."""
        times = [heap[0][0] for heap in (self._later, self._expiring) if heap]
        return min(times, default=None)

    def has_ready(self, now: float) -> bool:
        """Tell whether a delivery may be tried now."""
        self._promote(now)
        return bool(self._ready)

    def _watch_expiry(self, delivery: Delivery) -> None:
        if not delivery.expiry_known:
            delivery.expiry_known = True
            self._push(self._expiring, delivery.event.expires_at, delivery)

    def _push(self, heap: list[tuple[float, int, Delivery]], at: float, delivery: Delivery) -> None:
        self._clear_out(heap)
        heapq.heappush(heap, (at, next(self._tie), delivery))

    def _clear_out(self, heap: list[tuple[float, int, Delivery]]) -> None:
        # Entries of deliveries that ended stay until their time; many of them are cleared out at once.
        if len(heap) > HEAP_SLACK + 2 * len(self):
            heap[:] = [entry for entry in heap if self._is_open(entry[2])]
            heapq.heapify(heap)

    def _is_open(self, delivery: Delivery) -> bool:
        return delivery in (self._waiting.get(delivery.order), self._claimed.get(delivery.order))

    def _promote(self, now: float) -> None:
        while self._later and self._later[0][0] <= now:
            self._make_ready(heapq.heappop(self._later)[2])

    def _make_ready(self, delivery: Delivery) -> None:
        waiting = self._waiting.get(delivery.order) is delivery and delivery.order not in self._claimed
        if waiting and not delivery.event.held:
            self._ready[delivery.order] = delivery

    def _companions(self, first: Delivery, limit: int) -> list[Delivery]:
        return [delivery for _, delivery in zip(range(limit), self._alike(first), strict=False)]

    def _alike(self, first: Delivery) -> Iterator[Delivery]:
        for delivery in self._ready.values():
            if delivery is not first and not delivery.alone and delivery.group == first.group:
                yield delivery
