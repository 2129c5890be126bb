"""Where pushes go, whichever door they came through."""

import re
from collections.abc import Sequence
from hashlib import sha256

from msgspec import Struct
from prometheus_client import Counter

from bridge.clock import Clock
from bridge.coalescer import Coalescer
from bridge.errors import PushError
from bridge.events import Event, EventId, Panic
from bridge.fleet import Fleet
from bridge.intake import LocationPush, RejectReason
from bridge.listener.routes import Push
from bridge.metrics import Metrics
from bridge.outbox import Idempotency, Outbox, Watch
from bridge.units import ServerId

UNREADABLE = frozenset({RejectReason.BAD_ID, RejectReason.NOT_AN_OBJECT})
"""Why records are rejected before it is known whose they are."""

_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class Buffers(Struct, frozen=True, kw_only=True):
    """What keeps pushes until they are sent."""

    fleet: Fleet
    coalescer: Coalescer
    outbox: Outbox


class Reception:
    """Puts what doors have read into the buffers, and counts it."""

    def __init__(self, buffers: Buffers, metrics: Metrics, clock: Clock) -> None:
        self._fleet = buffers.fleet
        self._coalescer = buffers.coalescer
        self._outbox = buffers.outbox
        self._clock = clock
        self._counters = {server.id: _Counters(metrics, server.name) for server in buffers.fleet}

    def take_locations(self, server_id: ServerId, said: LocationPush) -> None:
        """Take where units are."""
        now = self._clock.monotonic()
        if said.left:
            self._coalescer.forget(server_id, said.left, now)
        replaced = self._coalescer.put(server_id, said.reports, now)
        if said.full:
            self._coalescer.keep_only(
                server_id, {report.unit_id for report in said.reports}.union(said.present)
            )
        self._fleet.pushed(server_id, now, said.players)
        self._counters[server_id].count(said, replaced)
        if said.rejected:
            self._remember(server_id, said, now)

    def _remember(self, server_id: ServerId, said: LocationPush, now: float) -> None:
        """Keep why records were rejected: those whose unit could be read are ``present``, in the same order."""
        present = iter(said.present)
        for rejection in said.rejected:
            unit_id = None if rejection.reason in UNREADABLE else next(present, None)
            self._coalescer.traces.reject(server_id, unit_id, rejection.reason, now)

    def take_heartbeat(self, server_id: ServerId, players: int) -> None:
        """Take how many players a server has."""
        self._fleet.counted(server_id, self._clock.monotonic(), players)

    async def append(
        self, push: Push, events: Sequence[Event], watch: Watch | None = None
    ) -> tuple[EventId, ...]:
        """Keep events on disk and return their ids; ``watch`` is told how they end.

        Raises:
            PushError: the Idempotency-Key cannot be one; or as ``Outbox.append``.
        """
        idempotency = _idempotency_of(push)
        return await self._outbox.append(push.server_id, events, idempotency=idempotency, watch=watch)

    def mark(self, events: Sequence[Event]) -> None:
        """Let the units of panics be seen in the next batch, before others; only known ones can be."""
        for event in events:
            if isinstance(event, Panic):
                for unit_id in event.ids:
                    self._coalescer.set_panicking(unit_id, event.active)


class _Counters:
    """The location counters of one server, bound once."""

    def __init__(self, metrics: Metrics, name: str) -> None:
        self._received: Counter = metrics.locations_received.labels(name)
        self._coalesced: Counter = metrics.locations_coalesced.labels(name)
        self._rejected = {
            reason: metrics.locations_rejected.labels(name, reason.value) for reason in RejectReason
        }

    def count(self, said: LocationPush, replaced: int) -> None:
        self._received.inc(len(said.reports))
        self._coalesced.inc(replaced)
        for rejection in said.rejected:
            self._rejected[rejection.reason].inc()


def _idempotency_of(push: Push) -> Idempotency | None:
    key = push.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise PushError("Idempotency-Key: expected 1 to 255 visible ASCII characters")
    # Hashed: a script may well take a secret for its key, and the outbox is a file.
    return Idempotency(key=sha256(key.encode()).hexdigest(), body_hash=sha256(push.body).digest())
