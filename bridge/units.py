"""Units and where they are: the values that positions are made of."""

import math
from enum import StrEnum
from typing import Annotated, NewType

from msgspec import Meta, Struct, field

UnitId = NewType("UnitId", str)
"""A community user id, such as ``license:…``: what Sonoran v2 calls communityUserId."""

ServerId = NewType("ServerId", int)
"""Sonoran's number of a game server."""

ACCOUNT_NAMES = ("apiId", "username", "accId", "discord", "uniqueId")
"""How Sonoran CMS lets an account be named."""

TARGET = (
    "\x00"  # what the id begins with of a unit that is not named by its community user id; none else does
)

MAX_ID_LENGTH = 128  # characters; the longest FiveM identifier has 48
MAX_TEXT_LENGTH = 250  # characters of a location or a description on the map

WORLD = 16000.0  # metres from the middle of the map, on each axis, beyond which there usually is nothing
UNPLACED_Z = -1700.0  # FXServer gives 0, 0, -1700 to a player it has not placed yet

Coordinate = Annotated[float, Meta(ge=-WORLD, le=WORLD)]
Height = Annotated[float, Meta(gt=UNPLACED_Z, le=WORLD)]
Text = Annotated[str, Meta(min_length=1, max_length=MAX_TEXT_LENGTH)]
Peer = Annotated[str, Meta(max_length=MAX_ID_LENGTH, pattern=r"^\S(.*\S)?$")]


class Account(Struct, frozen=True, kw_only=True):
    """An account of Sonoran CMS by one of its names; ``kind`` is one of ``ACCOUNT_NAMES``. A unit's id is an apiId."""

    value: str
    kind: str = "apiId"


class Vehicle(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel", gc=False):
    """How the unit's vehicle is drawn on the live map; field for field Sonoran's ``vehicle``."""

    model: str | None = None
    heading_offset: float | None = None
    z_offset: float | None = None
    light_z_offset: float | None = None
    size_offset: float | None = None
    lights: bool | str | None = None


class LocationReport(Struct, frozen=True, kw_only=True, gc=False, forbid_unknown_fields=True):
    """One unit's place as a game server reported it; names and bounds are those of a record that is kept as it comes.

    Coordinates are metres of the game world; ``heading`` is degrees. ``text`` is the street or zone that
    the game names; without it the unit's last text stands.
    """

    unit_id: Annotated[UnitId, Meta(min_length=1, max_length=MAX_ID_LENGTH)] = field(name="id")
    x: Coordinate
    y: Coordinate
    z: Height | None = None
    heading: float | None = None
    text: Text | None = field(default=None, name="location")
    vehicle: Vehicle | None = None
    peer_id: Peer | None = field(default=None, name="peerId")


class TargetKind(StrEnum):
    """The ways in which Sonoran lets a unit be named; the values are its fields, the first two hold lists."""

    COMMUNITY_USER = "communityUserIds"
    IDENTIFIER = "identIds"
    ACCOUNT = "accountUuid"
    ROBLOX = "roblox"
    DISCORD = "discord"


def other_target(kind: TargetKind, name: str) -> UnitId:
    """Return the id under which a unit is kept that is named otherwise than by its community user id."""
    return UnitId(f"{TARGET}{kind}{TARGET}{name}")


def target_of(unit_id: UnitId) -> tuple[TargetKind, str]:
    """Return how a unit is named, and its name."""
    if not unit_id.startswith(TARGET):
        return TargetKind.COMMUNITY_USER, unit_id
    _, kind, name = unit_id.split(TARGET, 2)
    return TargetKind(kind), name


def distance(one: LocationReport, other: LocationReport) -> float:
    """Return the metres between two reports; height counts where both have it."""
    rise = 0.0 if one.z is None or other.z is None else one.z - other.z
    return math.hypot(one.x - other.x, one.y - other.y, rise)


def turn(one: LocationReport, other: LocationReport) -> float:
    """Return the degrees between two headings, 0 to 180; 0 where either has none."""
    if one.heading is None or other.heading is None:
        return 0.0
    return abs((one.heading - other.heading + 180.0) % 360.0 - 180.0)


def shorten(identifier: str) -> str:
    """Return an identifier as it may stand in a log: its kind and last four characters."""
    kind, colon, rest = identifier.partition(":")
    if not colon:
        kind, rest = "", identifier
    return f"{kind}{colon}…{rest[-4:]}" if len(rest) > 4 else "…"  # noqa: PLR2004 -- the four that are shown
