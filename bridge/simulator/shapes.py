"""The bodies of requests, field for field as Sonoran documents them.

Unknown fields are let pass; a field of another type than documented is not. The real shapes hold lists where
Sonoran's flattened examples show a single object, so only lists are taken.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

MAX_INTEGER = 2**31 - 1  # what an integer holds without a format

StatusCode = Literal[0, 1, 2, 3, 4, 100]

UNIT_STATUS: dict[int, str] = {
    0: "UNAVAILABLE",
    1: "BUSY",
    2: "AVAILABLE",
    3: "ENROUTE",
    4: "ON_SCENE",
    100: "OFFLINE",
}


class SingleTarget(Struct, frozen=True, kw_only=True, rename="camel"):
    """The ways to name one unit; ``api_id`` is the old alias of ``community_user_id``."""

    community_user_id: str | None = None
    api_id: str | None = None
    account_uuid: str | None = None
    roblox: int | None = None
    discord: str | None = None


class Target(SingleTarget, frozen=True, kw_only=True, rename="camel"):
    """The ways to name units; ``api_ids`` is the old alias of ``community_user_ids``."""

    community_user_ids: list[str] | None = None
    api_ids: list[str] | None = None
    ident_ids: list[int] | None = None


class Coordinates(Struct, frozen=True, kw_only=True):
    """Metres of the game world; ``w`` is the heading in degrees."""

    x: float
    y: float
    z: float | None = None
    w: float | None = None


class Vehicle(Struct, frozen=True, kw_only=True, rename="camel"):
    """How a unit's vehicle is drawn on the live map."""

    model: str | None = None
    heading_offset: float | None = None
    z_offset: float | None = None
    light_z_offset: float | None = None
    size_offset: float | None = None
    lights: bool | str | None = None


class LocationUpdate(SingleTarget, frozen=True, kw_only=True, rename="camel"):
    """Where one unit is."""

    location: str
    coordinates: Coordinates
    peer_id: str | None = None
    vehicle: Vehicle | None = None


class LocationUpdates(Struct, frozen=True, kw_only=True):
    """The body of updateUnitLocations."""

    updates: list[LocationUpdate]


class PanicChange(Target, frozen=True, kw_only=True, rename="camel"):
    """The body of setUnitPanic."""

    is_panic: bool


class StatusChange(Target, frozen=True, kw_only=True, rename="camel"):
    """The body of setUnitStatus; ``status`` is one of UNIT_STATUS."""

    status: StatusCode


class NewEmergencyCall(Struct, frozen=True, kw_only=True, rename="camel"):
    """The body of create911Call; ``x`` and ``y`` in ``meta_data`` place the call on the live map."""

    is_emergency: bool
    caller: str
    location: str
    description: str
    delete_after_minutes: Annotated[int, Meta(ge=0, le=MAX_INTEGER)] | None = None
    meta_data: dict[str, str] | None = None


class PlayerCount(Struct, frozen=True, kw_only=True, rename="camel"):
    """The body of heartbeat."""

    player_count: Annotated[int, Meta(ge=0, le=MAX_INTEGER)]


LOCATION_UPDATES = msgspec.json.Decoder(LocationUpdates)
PANIC_CHANGE = msgspec.json.Decoder(PanicChange)
STATUS_CHANGE = msgspec.json.Decoder(StatusChange)
NEW_EMERGENCY_CALL = msgspec.json.Decoder(NewEmergencyCall)
PLAYER_COUNT = msgspec.json.Decoder(PlayerCount)
