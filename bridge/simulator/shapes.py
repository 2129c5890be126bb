"""The bodies of requests, field for field as Sonoran documents them.

Unknown fields are let pass; a field of another type than documented is not. The real shapes hold lists where
Sonoran's flattened examples show a single object, so only lists are taken.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

MAX_INTEGER = 2**31 - 1  # what an integer holds without a format

Number = Annotated[int, Meta(ge=0, le=MAX_INTEGER)]

StatusCode = Literal[0, 1, 2, 3, 4, 100]

UNIT_STATUS: dict[int, str] = {
    0: "UNAVAILABLE",
    1: "BUSY",
    2: "AVAILABLE",
    3: "ENROUTE",
    4: "ON_SCENE",
    100: "OFFLINE",
}

SYSTEM = "Sonoran CAD"  # the label of a note that has none
TEXT = "text"  # the type of a note that has none


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
    delete_after_minutes: Number | None = None
    meta_data: dict[str, str] | None = None


class CallNote(Struct, frozen=True, kw_only=True):
    """A line in a call's log as call rows show it; ``time`` is an instant in UTC."""

    time: str = ""
    label: str = SYSTEM
    type: str = TEXT
    content: str


class NewDispatchCall(Target, frozen=True, kw_only=True, rename="camel"):
    """The body of createDispatchCall. What its example leaves null or out may be left out, units are such a thing."""

    origin: Number
    status: Number
    priority: Number
    block: str
    address: str
    postal: str
    title: str
    code: str
    description: str
    primary: Number | None = None
    track_primary: bool | None = None
    notes: list[CallNote] | None = None
    meta_data: dict[str, str] | None = None


class DispatchChange(Struct, frozen=True, kw_only=True, rename="camel"):
    """The body of updateDispatchCall; what is left out, or null, stays."""

    origin: Number | None = None
    status: Number | None = None
    priority: Number | None = None
    block: str | None = None
    address: str | None = None
    postal: str | None = None
    title: str | None = None
    code: str | None = None
    description: str | None = None
    primary: Number | None = None
    track_primary: bool | None = None
    meta_data: dict[str, str] | None = None


class PostalChange(Struct, frozen=True, kw_only=True):
    """The body of updateCallPostal."""

    postal: str


class PrimaryChange(Struct, frozen=True, kw_only=True, rename="camel"):
    """The body of updateCallPrimary."""

    ident_id: Number
    track_primary: bool


class CustomCall(Target, frozen=True, kw_only=True, rename="camel"):
    """The body of createCustomDispatchCall, which is not documented beyond its path: ``values`` go by a field's uid."""

    template_id: int
    values: dict[str, str] = {}
    meta_data: dict[str, str] | None = None


class NewNote(Struct, frozen=True, kw_only=True, rename="camel"):
    """The body of addCallNote."""

    note: str
    note_type: str | None = None
    label: str | None = None


class CallClosing(Struct, frozen=True, kw_only=True, rename="camel"):
    """The body of closeDispatchCalls."""

    call_ids: list[Number]


class NewKick(Struct, frozen=True, kw_only=True, rename="camel"):
    """The body of kickUnit, or one of a list of them: both fields are required, ``roblox`` may be added."""

    community_user_id: str
    reason: str
    roblox: int | None = None


class BlipLine(Struct, frozen=True, kw_only=True):
    """One line of what a blip shows when it is opened."""

    title: str = ""
    text: str = ""


class NewBlip(Struct, frozen=True, kw_only=True, rename="camel"):
    """The body of createBlip; ``radius`` is in metres."""

    coordinates: Coordinates
    sub_type: str = ""
    icon: str = ""
    color: str = ""
    tooltip: str = ""
    radius: float | None = None
    data: list[BlipLine] | None = None


class BlipChange(Struct, frozen=True, kw_only=True, rename="camel"):
    """The body of updateBlip; what is left out, or null, stays."""

    coordinates: Coordinates | None = None
    sub_type: str | None = None
    icon: str | None = None
    color: str | None = None
    tooltip: str | None = None
    radius: float | None = None
    data: list[BlipLine] | None = None


class BlipIds(Struct, frozen=True, kw_only=True):
    """The body of deleteBlips."""

    ids: list[Number]


class NewPhoto(SingleTarget, frozen=True, kw_only=True, rename="camel"):
    """The body of sendPhoto."""

    url: str


class PlayerCount(Struct, frozen=True, kw_only=True, rename="camel"):
    """The body of heartbeat."""

    player_count: Number


LOCATION_UPDATES = msgspec.json.Decoder(LocationUpdates)
PANIC_CHANGE = msgspec.json.Decoder(PanicChange)
STATUS_CHANGE = msgspec.json.Decoder(StatusChange)
NEW_EMERGENCY_CALL = msgspec.json.Decoder(NewEmergencyCall)
NEW_DISPATCH_CALL = msgspec.json.Decoder(NewDispatchCall)
DISPATCH_CHANGE = msgspec.json.Decoder(DispatchChange)
POSTAL_CHANGE = msgspec.json.Decoder(PostalChange)
PRIMARY_CHANGE = msgspec.json.Decoder(PrimaryChange)
CUSTOM_CALL = msgspec.json.Decoder(CustomCall)
NEW_NOTE = msgspec.json.Decoder(NewNote)
TARGET = msgspec.json.Decoder(Target)
CALL_CLOSING = msgspec.json.Decoder(CallClosing)
KICKS: msgspec.json.Decoder[NewKick | list[NewKick]] = msgspec.json.Decoder(NewKick | list[NewKick])
NEW_BLIP = msgspec.json.Decoder(NewBlip)
BLIP_CHANGE = msgspec.json.Decoder(BlipChange)
BLIP_IDS = msgspec.json.Decoder(BlipIds)
NEW_PHOTO = msgspec.json.Decoder(NewPhoto)
PLAYER_COUNT = msgspec.json.Decoder(PlayerCount)


def changes(change: Struct) -> dict[str, object]:
    """Return the fields that a body changes: those that it names and that are not null."""
    return {name: value for name, value in msgspec.structs.asdict(change).items() if value is not None}
