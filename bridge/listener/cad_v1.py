"""The drop-in door for what was written for Sonoran CAD v1: ``/emergency``, ``/general`` and ``/civilian``.

Locations go into the batches, panics, states and what is done to calls into the outbox, new calls and blips through it
to the CAD and back; everything else is passed on. Answers are v1's own texts, refusals too.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus

import msgspec
from msgspec import Struct

from bridge.clock import Clock
from bridge.errors import BridgeError, MalformedError, PushError
from bridge.events import EventId, EventState
from bridge.intake.cad_v1 import (
    EVENT_TYPES,
    SERVER_ID,
    Record,
    blip_fields,
    clean,
    encode,
    is_named_otherwise,
    read_beside,
    read_events_v1,
    read_locations_v1,
    read_players_v1,
)
from bridge.intake.fields import is_object, mapping_of
from bridge.intake.locations import LocationPush
from bridge.listener.answer import Answer, json_answer
from bridge.listener.answers_v1 import decode
from bridge.listener.auth import Tokens
from bridge.listener.cad_v2 import GAME_SERVER, GAME_SERVER_PATIENCE, Token
from bridge.listener.forward_v1 import ForwardV1, Passing
from bridge.listener.keyed import (
    Envelope,
    check,
    malformed,
    not_allowed,
    read_envelope,
    refusal,
    text_answer,
)
from bridge.listener.paths import names_server
from bridge.listener.problem import problem_of
from bridge.listener.reception import Buffers, Reception
from bridge.listener.routes import Push, Route
from bridge.listener.translation import shown
from bridge.metrics import Metrics
from bridge.outbox import EventView, Watch
from bridge.types_v1 import BY_PATH, TypeV1
from bridge.units import ServerId

PREFIXES = ("/emergency/", "/general/", "/civilian/")

TEXTS = {
    "UNIT_PANIC": "UNIT PANIC UPDATED",
    "UNIT_STATUS": "UNIT STATUS UPDATED",
    "ADD_CALL_NOTE": "NOTE '{note}' added to call #{callId}",
    "ATTACH_UNIT": "UNITS ATTACHED",
    "DETACH_UNIT": "UNITS DETACHED",
    "CLOSE_CALL": "UNITS ATTACHED",  # so Sonoran's page shows it
    "KICK_UNIT": "UNIT KICKED",
    "REMOVE_911": "API ID(s) set!",  # the same
}
"""What is answered as soon as an event is on disk."""

CREATED = {"CALL_911": "EMERGENCY CALL ADDED ID: {}", "NEW_DISPATCH": "NEW DISPATCH CREATED - ID: {}"}
"""What is answered when the CAD has created a call."""

ADD_BLIP = "ADD_BLIP"

ABOUT_UNITS = frozenset({"UNIT_PANIC", "UNIT_STATUS", "ATTACH_UNIT", "DETACH_UNIT"})
"""Types that name units in other ways, too; such objects are passed on."""

Handler = Callable[[Push, TypeV1, list[Record]], Awaitable[Answer]]


class Ends(Watch):
    """Waits until all of several events have ended."""

    def __init__(self) -> None:
        super().__init__()
        self._views: dict[EventId, EventView] = {}
        self._count: int | None = None

    def end(self, view: EventView) -> None:
        """Tell how one of the events ended."""
        self._views[view.id] = view
        if len(self._views) == self._count:
            super().end(view)

    async def all_of(self, event_ids: Sequence[EventId], seconds: float) -> list[EventView] | None:
        """Return how the events ended, in their order, or None where some have not within ``seconds``."""
        self._count = len(set(event_ids))
        if len(self._views) < self._count and await self.wait(seconds) is None:
            return None
        return [self._views[event_id] for event_id in event_ids]


class Keys(Struct, frozen=True, kw_only=True):
    """Who may ask: ``tokens`` know whose token a key is, ``servers`` what each server's opens.

    ``community_id`` is what clients must name as ``id``.
    """

    tokens: Tokens
    servers: Mapping[ServerId, Token]
    community_id: str


class CadV1Door:
    """Serves v1's paths to game servers that show their token as the key.

    Args:
        buffers: where what is kept goes.
        metrics: what is counted.
        forward: what asks the CAD.
        keys: who may ask.
        clock: what time it is.
        max_coordinate: metres from the middle of the map beyond which a place is none.
        timeout: seconds a request to the CAD may take.
    """

    def __init__(
        self,
        buffers: Buffers,
        metrics: Metrics,
        forward: ForwardV1,
        keys: Keys,
        clock: Clock,
        *,
        max_coordinate: float,
        timeout: float,
    ) -> None:
        self._reception = Reception(buffers, metrics, clock)
        self._forward = forward
        self._keys = keys
        self._clock = clock
        self._max_coordinate = max_coordinate
        self._timeout = timeout
        own: dict[str, Handler] = dict.fromkeys(EVENT_TYPES, self._take_events)
        creating: dict[str, Handler] = dict.fromkeys((*CREATED, ADD_BLIP), self._create)
        others: dict[str, Handler] = {
            "UNIT_LOCATION": self._take_locations,
            "HEARTBEAT": self._take_heartbeat,
        }
        self._own = own | creating | others

    @property
    def routes(self) -> tuple[Route, ...]:
        """Return what the listener serves of this door."""
        return tuple(
            Route(method="POST", path=f"{prefix}{{path}}", handler=self._serve, keyed=True)
            for prefix in PREFIXES
        )

    async def _serve(self, push: Push) -> Answer:
        try:
            envelope = read_envelope(push.body)
        except MalformedError as error:
            return malformed(error)
        row = _row_of(push.path)
        name = None if row is None else row.name
        server_id = check(envelope, name, self._keys.community_id, self._keys.tokens)
        if row is None or isinstance(server_id, Answer):
            assert isinstance(server_id, Answer), "no type belongs to no path"  # noqa: S101 -- check compares with it
            return server_id
        push.server_id = server_id
        try:
            return await self._guarded(push, row, envelope)
        except PushError as error:
            return refusal(str(error))
        except BridgeError as error:
            return _as_text(problem_of(error))

    async def _guarded(self, push: Push, row: TypeV1, envelope: Envelope) -> Answer:
        """Serve what the token may reach."""
        records = [mapping_of(clean(record)) for record in envelope.data]
        if not names_server(push.server_id, "", encode(records)):
            return refusal(f"{SERVER_ID}: the key is another server's")
        token = self._keys.servers[push.server_id]
        if row.scope not in token.allow:
            return not_allowed(row.name, row.scope, token.name)
        handler = self._own.get(row.name)
        if handler is not None:
            return await handler(push, row, records)
        return await self._pass_on(push, row, records, read_beside(row.name, envelope.more))

    async def _take_locations(self, push: Push, _row: TypeV1, records: list[Record]) -> Answer:
        said = read_locations_v1(records, max_coordinate=self._max_coordinate)
        self._reception.take_locations(push.server_id, said)
        if said.rejected and not said.reports:
            reasons = (f"number {entry.index}: {entry.reason}: {entry.detail}" for entry in said.rejected)
            return refusal(f"no location makes sense: {'; '.join(reasons)}")
        return text_answer(HTTPStatus.OK, "UNIT LOCATION UPDATED")

    async def _take_heartbeat(self, push: Push, _row: TypeV1, records: list[Record]) -> Answer:
        players = read_players_v1(records)
        if players is None:
            self._reception.take_locations(push.server_id, LocationPush())
        else:
            self._reception.take_heartbeat(push.server_id, players)
        return text_answer(HTTPStatus.OK, "HEARTBEAT RECEIVED")

    async def _take_events(self, push: Push, row: TypeV1, records: list[Record]) -> Answer:
        """Keep what names units as the bridge does, and pass the rest on; the first does not wait for the CAD."""
        others = [one for one in records if row.name in ABOUT_UNITS and is_named_otherwise(row.name, one)]
        ours = [one for one in records if one not in others]
        if ours or not others:
            events = read_events_v1(row.name, ours)
            await self._reception.append(push, events)
            self._reception.mark(events)
        if others:
            answer = await self._pass_on(push, row, others)
            if answer.status != HTTPStatus.OK:
                return answer
        return text_answer(HTTPStatus.OK, _texts(TEXTS[row.name], records))

    async def _create(self, push: Push, row: TypeV1, records: list[Record]) -> Answer:
        """Keep calls or blips, and answer as the CAD does, or say where to ask when that takes too long."""
        deadline = self._clock.monotonic() + (self._patience(push) or self._timeout)
        ends = Ends()
        event_ids = await self._reception.append(push, read_events_v1(row.name, records), ends)
        views = await ends.all_of(event_ids, deadline - self._clock.monotonic())
        if views is None:
            alone = len(event_ids) == 1
            told = {"event": event_ids[0]} if alone else {"events": event_ids}
            return json_answer(HTTPStatus.ACCEPTED, told)
        failed = next((view for view in views if view.state is not EventState.DELIVERED), None)
        if failed is not None:
            return _ended_otherwise(failed, ends)
        if row.name == ADD_BLIP:
            return json_answer(HTTPStatus.OK, _blips(records, views, ends))
        numbers = (view.result.call_id if view.result else None for view in views)
        return text_answer(HTTPStatus.OK, "\n".join(CREATED[row.name].format(number) for number in numbers))

    async def _pass_on(
        self, push: Push, row: TypeV1, records: list[Record], beside: Record | None = None
    ) -> Answer:
        passing = Passing(
            row=row,
            server_id=push.server_id,
            records=records,
            beside=beside or {},
            seconds=self._patience(push),
        )
        return await self._forward.ask(passing)

    def _patience(self, push: Push) -> float | None:
        is_game_server = push.headers.get("User-Agent", "").startswith(GAME_SERVER)
        return GAME_SERVER_PATIENCE if is_game_server else None


def _row_of(path: str) -> TypeV1 | None:
    """Return the type that belongs to a path; Sonoran tells neither upper from lower case nor one slash from two."""
    return BY_PATH.get("/" + "/".join(segment for segment in path.casefold().split("/") if segment))


def _texts(template: str, records: Sequence[Record]) -> str:
    """Return a text for each object, none twice."""
    texts = (
        template.format_map({name: shown(record.get(name)) for name in ("note", "callId")})
        for record in records
    )
    return "\n".join(dict.fromkeys(texts))


def _blips(records: Sequence[Record], views: Sequence[EventView], ends: Ends) -> list[Record]:
    """Return the blips with their numbers; a single one as the CAD shows it, if it does."""
    told = decode(ends.reply.body) if ends.reply is not None and len(records) == 1 else None
    if is_object(told) and "coordinates" in told:
        return [told]
    numbers = [view.result.blip_id if view.result else None for view in views]
    return [blip_fields(record) | {"id": number} for record, number in zip(records, numbers, strict=True)]


def _ended_otherwise(view: EventView, ends: Ends) -> Answer:
    """Return the answer to what did not reach the CAD, or was refused by it."""
    reply = ends.reply
    refused = reply is not None and HTTPStatus.BAD_REQUEST <= reply.status < HTTPStatus.INTERNAL_SERVER_ERROR
    match view.state:
        case EventState.FAILED if refused:
            status = HTTPStatus.BAD_REQUEST
        case EventState.EXPIRED:
            status = HTTPStatus.GATEWAY_TIMEOUT
        case EventState.SUPERSEDED:
            status = HTTPStatus.CONFLICT
        case _:
            status = HTTPStatus.BAD_GATEWAY
    return text_answer(status, f"ERROR: {view.error or f'it ended as {view.state}'}")


def _as_text(answer: Answer) -> Answer:
    """Return a problem as v1's clients read it: its detail alone."""
    detail = shown(mapping_of(decode(answer.body)).get("detail"))
    text = text_answer(answer.status, f"ERROR: {detail}")
    return msgspec.structs.replace(text, headers=answer.headers)
