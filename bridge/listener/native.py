"""The bridge's own door, ``/v1``: everything is answered from memory or from disk, never by the CAD."""

import re
from collections.abc import Sequence
from hashlib import sha256
from http import HTTPStatus

from msgspec import Struct
from prometheus_client import Counter

from bridge.clock import Clock
from bridge.coalescer import Coalescer
from bridge.errors import PushError
from bridge.events import Event, EventId, Panic
from bridge.fleet import Fleet
from bridge.intake import (
    LocationPush,
    RejectReason,
    read_events,
    read_heartbeat,
    read_locations,
    read_panic,
)
from bridge.listener.answer import Answer, json_answer
from bridge.listener.problem import problem
from bridge.listener.routes import Push, Route
from bridge.metrics import Metrics
from bridge.outbox import Idempotency, Outbox

API = 1  # what a resource compares to know whether it understands the answers

_EVENT_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class Buffers(Struct, frozen=True, kw_only=True):
    """Where pushes go."""

    fleet: Fleet
    coalescer: Coalescer
    outbox: Outbox


class _Refused(Struct, frozen=True):
    index: int
    reason: str


class _Taken(Struct, frozen=True, kw_only=True):
    accepted: int
    rejected: list[_Refused]
    instance: str
    api: int = API


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


class NativeDoor:
    """Serves the push door; ``instance`` names this run of the daemon, ``max_coordinate`` is in metres."""

    def __init__(
        self, buffers: Buffers, metrics: Metrics, clock: Clock, *, max_coordinate: float, instance: str
    ) -> None:
        self._fleet = buffers.fleet
        self._coalescer = buffers.coalescer
        self._outbox = buffers.outbox
        self._clock = clock
        self._max_coordinate = max_coordinate
        self._instance = instance
        self._counters = {server.id: _Counters(metrics, server.name) for server in buffers.fleet}

    @property
    def routes(self) -> tuple[Route, ...]:
        """Return what the listener serves of this door."""
        return (
            Route(method="POST", path="/v1/locations", handler=self._take_locations),
            Route(method="POST", path="/v1/panic", handler=self._take_panic, success=HTTPStatus.ACCEPTED),
            Route(method="POST", path="/v1/events", handler=self._take_events, success=HTTPStatus.ACCEPTED),
            Route(method="GET", path="/v1/events/{id}", handler=self._show_event),
            Route(
                method="POST",
                path="/v1/heartbeat",
                handler=self._take_heartbeat,
                success=HTTPStatus.NO_CONTENT,
            ),
        )

    async def _take_locations(self, push: Push) -> Answer:
        said = read_locations(push.body, max_coordinate=self._max_coordinate)
        now = self._clock.monotonic()
        server_id = push.server_id
        if said.left:
            self._coalescer.forget(server_id, said.left)
        replaced = self._coalescer.put(server_id, said.reports, now)
        if said.full:
            self._coalescer.keep_only(
                server_id, {report.unit_id for report in said.reports}.union(said.present)
            )
        self._fleet.pushed(server_id, now, said.players)
        self._counters[server_id].count(said, replaced)
        rejected = [_Refused(entry.index, f"{entry.reason}: {entry.detail}") for entry in said.rejected]
        return json_answer(
            HTTPStatus.OK,
            _Taken(accepted=len(said.reports), rejected=rejected, instance=self._instance),
        )

    async def _take_panic(self, push: Push) -> Answer:
        said = read_panic(push.body, max_coordinate=self._max_coordinate)
        (event_id,) = await self._append(push, (said.event,))
        now = self._clock.monotonic()
        if said.reports:
            self._coalescer.put(push.server_id, said.reports, now)
        if said.text is not None:
            for unit_id in said.event.ids:
                self._coalescer.set_text(push.server_id, unit_id, said.text, now)
        self._mark(said.event)
        return json_answer(HTTPStatus.ACCEPTED, {"event": event_id})

    async def _take_events(self, push: Push) -> Answer:
        events = read_events(push.body)
        event_ids = await self._append(push, events)
        for event in events:
            if isinstance(event, Panic):
                self._mark(event)
        return json_answer(HTTPStatus.ACCEPTED, {"events": event_ids})

    async def _show_event(self, push: Push) -> Answer:
        known = _EVENT_ID.fullmatch(push.argument)
        view = await self._outbox.find(push.server_id, EventId(push.argument)) if known else None
        if view is None:
            return problem(HTTPStatus.NOT_FOUND, "this server has no such event")
        return json_answer(HTTPStatus.OK, view)

    async def _take_heartbeat(self, push: Push) -> Answer:
        players = read_heartbeat(push.body)
        self._fleet.counted(push.server_id, self._clock.monotonic(), players)
        return Answer(status=HTTPStatus.NO_CONTENT)

    async def _append(self, push: Push, events: Sequence[Event]) -> tuple[EventId, ...]:
        return await self._outbox.append(push.server_id, events, idempotency=_idempotency_of(push))

    def _mark(self, event: Panic) -> None:
        """Let the units be seen in the next batch, before others; only known ones can be."""
        for unit_id in event.ids:
            self._coalescer.set_panicking(unit_id, event.active)


def _idempotency_of(push: Push) -> Idempotency | None:
    key = push.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise PushError("Idempotency-Key: expected 1 to 255 visible ASCII characters")
    # Hashed: a script may well take a secret for its key, and the outbox is a file.
    return Idempotency(key=sha256(key.encode()).hexdigest(), body_hash=sha256(push.body).digest())
