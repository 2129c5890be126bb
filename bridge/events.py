"""Events: what must reach the CAD once it was accepted."""

from enum import StrEnum
from typing import NewType

from msgspec import Struct, field
from msgspec.structs import replace

from bridge.units import Account, UnitId

EventId = NewType("EventId", str)
"""What a push is answered with; unguessable, since it is also the right to ask."""


CallReference = int | EventId
"""Which call is meant: Sonoran's number, or the id of the event that creates it."""


class EventKind(StrEnum):
    """The closed set of event types; the values are those of the ``type`` field and the metrics."""

    PANIC = "panic"
    STATUS = "status"
    CALL_911 = "call_911"
    CALL_911_REMOVE = "call_911_remove"
    DISPATCH_CALL = "dispatch_call"
    DISPATCH_NOTE = "dispatch_note"
    DISPATCH_ATTACH = "dispatch_attach"
    DISPATCH_DETACH = "dispatch_detach"
    DISPATCH_CLOSE = "dispatch_close"
    KICK = "kick"
    BLIP = "blip"
    PHOTO = "photo"
    CLOCK = "clock"


STATES = frozenset({EventKind.PANIC, EventKind.STATUS})
"""Kinds that set a state: a unit's newest makes what waits of an older one pointless."""

CALLS = frozenset({EventKind.CALL_911, EventKind.DISPATCH_CALL})
"""Kinds that create a call: one is made once, since a second one sends people out twice."""

ONCE = CALLS | {EventKind.KICK}
"""Kinds whose request is not simply repeated after an unclear end."""

CANCELLING = frozenset({EventKind.CALL_911_REMOVE, EventKind.DISPATCH_CLOSE})
"""Kinds that end a call; one that was not sent yet is not sent at all."""


class EventState(StrEnum):
    """Where an event stands. All but ``PENDING`` are endings."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"


class UnitStatus(StrEnum):
    """Sonoran's UNIT_STATUS; ``code`` is what goes over the wire."""

    UNAVAILABLE = "UNAVAILABLE"
    BUSY = "BUSY"
    AVAILABLE = "AVAILABLE"
    ENROUTE = "ENROUTE"
    ON_SCENE = "ON_SCENE"
    OFFLINE = "OFFLINE"

    @property
    def code(self) -> int:
        """Return the number that setUnitStatus takes."""
        return STATUS_CODES[self]


STATUS_CODES = {
    UnitStatus.UNAVAILABLE: 0,
    UnitStatus.BUSY: 1,
    UnitStatus.AVAILABLE: 2,
    UnitStatus.ENROUTE: 3,
    UnitStatus.ON_SCENE: 4,
    UnitStatus.OFFLINE: 100,
}


class Panic(Struct, frozen=True, kw_only=True, tag="panic"):
    """Panic buttons pressed, or released where ``active`` is false."""

    ids: tuple[UnitId, ...]
    active: bool = True


class Status(Struct, frozen=True, kw_only=True, tag="status"):
    """A new status for some units."""

    ids: tuple[UnitId, ...]
    status: UnitStatus


class EmergencyCall(Struct, frozen=True, kw_only=True, tag="call_911"):
    """A 911 call; ``x`` and ``y`` place it on the live map, in metres of the game world.

    ``extra`` are fields of Sonoran's that have no name here: they are passed on as they came.
    """

    caller: str
    location: str
    description: str
    emergency: bool = True
    x: float | None = None
    y: float | None = None
    z: float | None = None
    postal: str | None = None
    delete_after_minutes: int | None = None
    metadata: dict[str, str] = {}
    extra: dict[str, object] = {}


class EmergencyCallRemoval(Struct, frozen=True, kw_only=True, tag="call_911_remove"):
    """Take a 911 call off the board."""

    call: CallReference


class DispatchCall(Struct, frozen=True, kw_only=True, tag="dispatch_call"):
    """A call on the dispatch board with units on it; numbers are Sonoran's CALL_ORIGIN, CALL_STATUS and priority.

    ``x``, ``y`` and ``z`` are metres of the game world. Where nothing is said, the numbers are those of Sonoran's
    own resource: observed, active, first priority. ``extra`` are fields of Sonoran's that have no name here.
    """

    title: str = ""
    description: str = ""
    code: str = ""
    block: str = ""
    address: str = ""
    postal: str = ""
    origin: int = 2
    status: int = 1
    priority: int = 1
    ids: tuple[UnitId, ...] = ()
    x: float | None = None
    y: float | None = None
    z: float | None = None
    metadata: dict[str, str] = {}
    extra: dict[str, object] = {}


class DispatchNote(Struct, frozen=True, kw_only=True, tag="dispatch_note"):
    """A line in a call's log; ``label`` says who writes, ``note_type`` is Sonoran's word for what it is."""

    call: CallReference
    note: str
    label: str | None = None
    note_type: str = "text"


class DispatchAttachment(Struct, frozen=True, kw_only=True, tag="dispatch_attach"):
    """Put units on a call."""

    call: CallReference
    ids: tuple[UnitId, ...]


class DispatchDetachment(Struct, frozen=True, kw_only=True, tag="dispatch_detach"):
    """Take units off whatever call they are on."""

    ids: tuple[UnitId, ...]


class DispatchClosing(Struct, frozen=True, kw_only=True, tag="dispatch_close"):
    """Close calls of the dispatch board."""

    calls: tuple[CallReference, ...]


class Kick(Struct, frozen=True, kw_only=True, tag="kick"):
    """Log a unit out of the CAD."""

    id: UnitId
    reason: str


class BlipRow(Struct, frozen=True, kw_only=True):
    """One line of what a blip shows when it is opened."""

    title: str
    text: str


class Blip(Struct, frozen=True, kw_only=True, tag="blip"):
    """A mark on the live map; coordinates and ``radius`` are metres."""

    x: float
    y: float
    z: float | None = None
    sub_type: str = ""
    icon: str = ""
    color: str = ""
    tooltip: str = ""
    radius: float | None = None
    data: tuple[BlipRow, ...] = ()


class Photo(Struct, frozen=True, kw_only=True, tag="photo"):
    """A picture for a player's account."""

    id: UnitId
    url: str


class Clocking(Struct, frozen=True, kw_only=True, tag="clock"):
    """An account of the CMS clocked in, or out: what it is to be, never the opposite of what it was.

    ``account`` is the kind of name that ``id`` is. It is no state of which only the newest counts: the time between the
    two is what somebody worked.
    """

    id: str
    clocked_in: bool = field(name="in")
    account: str = "apiId"

    @property
    def whom(self) -> Account:
        """Return the account that is clocked."""
        return Account(value=self.id, kind=self.account)


Event = (
    Panic
    | Status
    | EmergencyCall
    | EmergencyCallRemoval
    | DispatchCall
    | DispatchNote
    | DispatchAttachment
    | DispatchDetachment
    | DispatchClosing
    | Kick
    | Blip
    | Photo
    | Clocking
)


def kind_of(event: Event) -> EventKind:
    """Return the event's kind."""
    return EventKind(str(event.__struct_config__.tag))


def units_of(event: Event) -> tuple[UnitId, ...]:
    """Return the units that each have a share in the event; empty where it is one thing, as a call is."""
    match event:
        case Panic(ids=ids) | Status(ids=ids) | DispatchAttachment(ids=ids) | DispatchDetachment(ids=ids):
            return ids
        case Kick(id=unit_id):
            return (unit_id,)
        case _:
            return ()


def calls_of(event: Event) -> tuple[CallReference, ...]:
    """Return the calls that the event is about and that something else created."""
    match event:
        case EmergencyCallRemoval(call=call) | DispatchNote(call=call) | DispatchAttachment(call=call):
            return (call,)
        case DispatchClosing(calls=calls):
            return calls
        case _:
            return ()


def with_calls(event: Event, calls: tuple[CallReference, ...]) -> Event:
    """Return the event about other calls, in the same order."""
    match event:
        case EmergencyCallRemoval() | DispatchNote() | DispatchAttachment():
            return replace(event, call=calls[0])
        case DispatchClosing():
            return replace(event, calls=calls)
        case _:
            return event
