"""Events: what must reach the CAD once it was accepted."""

from enum import StrEnum
from typing import NewType

from msgspec import Struct

from bridge.units import UnitId

EventId = NewType("EventId", str)
"""What a push is answered with; unguessable, since it is also the right to ask."""


class EventKind(StrEnum):
    """The closed set of event types; the values are those of the ``type`` field and the metrics."""

    PANIC = "panic"
    STATUS = "status"
    CALL_911 = "call_911"


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
    """A 911 call; ``x`` and ``y`` place it on the live map, in metres of the game world."""

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


Event = Panic | Status | EmergencyCall


def kind_of(event: Event) -> EventKind:
    """Return the event's kind."""
    match event:
        case Panic():
            return EventKind.PANIC
        case Status():
            return EventKind.STATUS
        case EmergencyCall():
            return EventKind.CALL_911


def units_of(event: Event) -> tuple[UnitId, ...]:
    """Return the units an event is about; empty for a call, which is about none."""
    match event:
        case Panic(ids=ids) | Status(ids=ids):
            return ids
        case EmergencyCall():
            return ()
