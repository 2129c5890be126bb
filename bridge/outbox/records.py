"""What the outbox keeps of an event, and what it says of it."""

from msgspec import Struct

from bridge.events import Event, EventId, EventKind, EventState
from bridge.units import ServerId


class Idempotency(Struct, frozen=True, kw_only=True):
    """A request's Idempotency-Key and a hash of its body."""

    key: str
    body_hash: bytes


class NewEvent(Struct, frozen=True, kw_only=True):
    """A row to be: an accepted event; times are Unix seconds."""

    id: EventId
    server_id: ServerId
    event: Event
    accepted_at: float
    expires_at: float


class Result(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """What the CAD said of a delivered event.

    ``updated`` of the ``of`` units in the request were known to the CAD; ``call_id`` is Sonoran's number of a
    new call, ``blip_id`` that of a new blip; ``unverified`` says that an earlier attempt may have reached the CAD
    too, ``cancelled`` that the call to be ended was never sent.
    """

    updated: int | None = None
    of: int | None = None
    call_id: int | None = None
    blip_id: int | None = None
    cancelled: bool = False
    unverified: bool = False


class Outcome(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How one unit's share in an event ended; ``reason`` is a closed word, ``detail`` is for a person."""

    state: EventState
    reason: str = ""
    detail: str = ""
    result: Result | None = None


class EventView(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What ``GET /v1/events/{id}`` answers; times are Unix seconds."""

    id: EventId
    type: EventKind
    state: EventState
    attempts: int
    accepted_at: float
    delivered_at: float | None = None
    result: Result | None = None
    error: str | None = None
