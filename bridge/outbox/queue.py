"""The pending events of one kind in memory: what may be tried now, what later, and what must wait its turn.

An event about several units is several deliveries, one a unit, since each unit has an order of its own. For a
state (panic, status) only the newest waits: a newer one supersedes it. Calls have no order among themselves.
"""

import heapq
from collections import OrderedDict
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from itertools import count

from bridge.events import Event, EventId, EventKind, Panic, Status, kind_of
from bridge.outbox.ledger import NewEvent
from bridge.outbox.records import Outcome
from bridge.units import ServerId, UnitId

HEAP_SLACK = 64  # entries of ended deliveries that are not worth clearing out
EXPIRE_LIMIT = 500  # deliveries taken out at once, so that a great backlog does not keep the event loop


class PendingEvent:
    """An event that has not ended. Times are monotonic seconds unless their name says Unix."""

    __slots__ = (
        "accepted_at",
        "accepted_at_unix",
        "attempts",
        "event",
        "expires_at",
        "id",
        "kind",
        "open",
        "outcomes",
        "seq",
        "server_id",
        "unclear",
    )

    def __init__(self, seq: int, new: NewEvent, accepted_at: float, expires_at: float) -> None:
        self.seq = seq
        self.id: EventId = new.id
        self.server_id: ServerId = new.server_id
        self.event: Event = new.event
        self.kind: EventKind = kind_of(new.event)
        self.accepted_at = accepted_at
        self.accepted_at_unix = new.accepted_at
        self.expires_at = expires_at
        self.attempts = 0
        self.unclear = False  # an attempt may have reached the CAD without our hearing of it
        self.open = 0  # deliveries that have not ended
        self.outcomes: dict[UnitId, Outcome] = {}


class Delivery:
    """One unit's share in an event; ``unit_id`` is None where the event is about no unit."""

    __slots__ = ("alone", "attempts", "event", "expiry_known", "postponed_for", "suspect_at", "unit_id")

    def __init__(self, event: PendingEvent, unit_id: UnitId | None) -> None:
        self.event = event
        self.unit_id = unit_id
        self.attempts = 0
        self.postponed_for = ""  # why the last attempt did not end it
        self.expiry_known = False  # it stands in the queue's heap of what expires
        self.alone = False  # not to be merged with others: a merged request was refused
        self.suspect_at: float | None = None  # when the CAD last refused the key for it

    @property
    def group(self) -> tuple[ServerId, object]:
        """Return what deliveries must share to go in one request: server and state."""
        match self.event.event:
            case Panic(active=active):
                return self.event.server_id, active
            case Status(status=status):
                return self.event.server_id, status
            case _:
                return self.event.server_id, self.event.seq

    @property
    def order(self) -> tuple[ServerId, UnitId | int]:
        """Return what only one delivery at a time may be in flight for."""
        return self.event.server_id, self.event.seq if self.unit_id is None else self.unit_id


class DeliveryQueue:
    """The deliveries of one kind."""

    def __init__(self) -> None:
        self._waiting: dict[object, Delivery] = {}  # by order: the newest not in flight
        self._claimed: dict[object, Delivery] = {}  # by order: in flight
        self._ready: OrderedDict[object, Delivery] = OrderedDict()  # by order: may be tried now
        self._later: list[tuple[float, int, Delivery]] = []
        self._expiring: list[tuple[float, int, Delivery]] = []
        self._tie = count()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._claimed)

    @property
    def claimed(self) -> int:
        """Return how many deliveries are in flight."""
        return len(self._claimed)

    def add(self, delivery: Delivery) -> Delivery | None:
        """Take a new delivery and return the one that it supersedes, if any."""
        superseded = self._waiting.pop(delivery.order, None)
        self._ready.pop(delivery.order, None)
        self._waiting[delivery.order] = delivery
        self._watch_expiry(delivery)
        if delivery.order not in self._claimed:
            self._ready[delivery.order] = delivery
        return superseded

    def claim(self, now: float, busy: AbstractSet[object], limit: int) -> list[Delivery]:
        """Take the longest ready delivery whose group is not ``busy``, and others that may share its request."""
        self._promote(now)
        first = next((delivery for delivery in self._ready.values() if delivery.group not in busy), None)
        if first is None:
            return []
        chosen = [first]
        if not first.alone and first.unit_id is not None:  # without a unit it is a group of its own
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
            self._ready[successor.order] = successor

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
            if self._waiting.get(delivery.order) is delivery:
                del self._waiting[delivery.order]
                self._ready.pop(delivery.order, None)
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
        # Entries of deliveries that ended stay until their time; many of them are cleared out at once.
        if len(heap) > HEAP_SLACK + 2 * len(self):
            heap[:] = [entry for entry in heap if self._is_open(entry[2])]
            heapq.heapify(heap)
        heapq.heappush(heap, (at, next(self._tie), delivery))

    def _is_open(self, delivery: Delivery) -> bool:
        return delivery in (self._waiting.get(delivery.order), self._claimed.get(delivery.order))

    def _promote(self, now: float) -> None:
        while self._later and self._later[0][0] <= now:
            self._make_ready(heapq.heappop(self._later)[2])

    def _make_ready(self, delivery: Delivery) -> None:
        if self._waiting.get(delivery.order) is delivery and delivery.order not in self._claimed:
            self._ready[delivery.order] = delivery

    def _companions(self, first: Delivery, limit: int) -> list[Delivery]:
        return [delivery for _, delivery in zip(range(limit), self._alike(first), strict=False)]

    def _alike(self, first: Delivery) -> Iterator[Delivery]:
        for delivery in self._ready.values():
            if delivery is not first and not delivery.alone and delivery.group == first.group:
                yield delivery
