"""The bridge's own door, ``/v1``: everything is answered from memory or from disk, never by the CAD."""

import re
from collections.abc import Sequence
from functools import lru_cache
from http import HTTPStatus

from msgspec import Struct

from bridge.clock import Clock
from bridge.events import EventId
from bridge.intake import read_events, read_heartbeat, read_locations, read_panic
from bridge.listener.answer import Answer, json_answer
from bridge.listener.problem import problem
from bridge.listener.reception import Buffers, Reception
from bridge.listener.routes import Push, Route
from bridge.metrics import Metrics

API = 1  # what a resource compares to know whether it understands the answers

_EVENT_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


class Refused(Struct, frozen=True):
    """A record that was left out; ``index`` counts from 0."""

    index: int
    reason: str


class LocationsTaken(Struct, frozen=True, kw_only=True):
    """How many records were taken; another ``instance`` than before: the daemon forgot all, push everything again."""

    accepted: int
    rejected: Sequence[Refused]
    instance: str
    api: int = API


class EventTaken(Struct, frozen=True, kw_only=True):
    """The id of an event that is on disk."""

    event: EventId


class EventsTaken(Struct, frozen=True, kw_only=True):
    """The ids of events that are on disk, in the order of the request."""

    events: Sequence[EventId]


class NativeDoor:
    """Serves the push door.

    ``instance`` names this run of the daemon, ``max_coordinate`` is in metres, ``cms`` tells whether there is one.
    """

    def __init__(
        self,
        buffers: Buffers,
        metrics: Metrics,
        clock: Clock,
        *,
        max_coordinate: float,
        instance: str,
        cms: bool = False,
    ) -> None:
        self._coalescer = buffers.coalescer
        self._outbox = buffers.outbox
        self._reception = Reception(buffers, metrics, clock)
        self._clock = clock
        self._max_coordinate = max_coordinate
        self._instance = instance
        self._cms = cms
        self._all_taken = lru_cache(self._some_taken)  # few numbers come again and again

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
        self._reception.take_locations(push.server_id, said)
        accepted = len(said.reports)
        if not said.rejected:
            return self._all_taken(accepted)
        return self._some_taken(
            accepted, [Refused(entry.index, f"{entry.reason}: {entry.detail}") for entry in said.rejected]
        )

    def _some_taken(self, accepted: int, rejected: Sequence[Refused] = ()) -> Answer:
        taken = LocationsTaken(accepted=accepted, rejected=rejected, instance=self._instance)
        return json_answer(HTTPStatus.OK, taken)

    async def _take_panic(self, push: Push) -> Answer:
        said = read_panic(push.body, max_coordinate=self._max_coordinate)
        (event_id,) = await self._reception.append(push, (said.event,))
        now = self._clock.monotonic()
        if said.reports:
            self._coalescer.put(push.server_id, said.reports, now)
        if said.text is not None:
            for unit_id in said.event.ids:
                self._coalescer.set_text(push.server_id, unit_id, said.text, now)
        self._reception.mark((said.event,))
        return json_answer(HTTPStatus.ACCEPTED, EventTaken(event=event_id))

    async def _take_events(self, push: Push) -> Answer:
        events = read_events(push.body, cms=self._cms)
        event_ids = await self._reception.append(push, events)
        self._reception.mark(events)
        return json_answer(HTTPStatus.ACCEPTED, EventsTaken(events=event_ids))

    async def _show_event(self, push: Push) -> Answer:
        known = _EVENT_ID.fullmatch(push.argument)
        view = await self._outbox.find(push.server_id, EventId(push.argument)) if known else None
        if view is None:
            return problem(HTTPStatus.NOT_FOUND, "this server has no such event")
        return json_answer(HTTPStatus.OK, view)

    async def _take_heartbeat(self, push: Push) -> Answer:
        self._reception.take_heartbeat(push.server_id, read_heartbeat(push.body))
        return Answer(status=HTTPStatus.NO_CONTENT)
