"""Location pushes: the hot path of the daemon.

Three ways lead to the same values. Most pushes need no mending: a decoder reads them into what is kept. A wider one
reads the rest of what well-made resources send. Whatever that refuses, a bare NaN or one odd record, is read again
record by record, so that one bad record costs nobody else.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from bridge.errors import PushError
from bridge.intake.document import read_document
from bridge.intake.fields import (
    MAX_PLAYERS,
    ids_of,
    is_list,
    is_object,
    items_of,
    mapping_of,
    number_of,
    place_of,
    players_of,
    text_of,
    truth_of,
    unit_id_of,
)
from bridge.units import MAX_ID_LENGTH, UNPLACED_Z, WORLD, LocationReport, UnitId, Vehicle

EXPECTED = 'expected {"updates": [{"id", "x", "y"}, …]} or a list of updates'

_PUSH_KEYS = frozenset({"updates", "left", "full", "players"})


class RejectReason(StrEnum):
    """Why a record made no sense; a closed set, since it is a metric's label."""

    NOT_AN_OBJECT = "not_an_object"
    BAD_ID = "bad_id"
    BAD_COORDINATES = "bad_coordinates"
    OUT_OF_BOUNDS = "out_of_bounds"


DETAILS = {
    RejectReason.NOT_AN_OBJECT: "expected an object with id, x and y",
    RejectReason.BAD_ID: f"id: expected 1 to {MAX_ID_LENGTH} characters without control characters",
    RejectReason.BAD_COORDINATES: "x and y: expected two finite numbers",
    RejectReason.OUT_OF_BOUNDS: "x, y, z: no place in the game world",
}


class Rejection(Struct, frozen=True, kw_only=True):
    """One record that was left out; ``index`` counts from 0 and counts nulls too."""

    index: int
    reason: RejectReason
    detail: str


class LocationPush(Struct, frozen=True, kw_only=True):
    """What one push says.

    ``present`` are the units of rejected records whose id could be read: they are still there, so a ``full``
    push does not forget them. ``players`` is None where the push does not say.
    """

    reports: Sequence[LocationReport] = ()
    rejected: Sequence[Rejection] = ()
    present: Sequence[UnitId] = ()
    left: Sequence[UnitId] = ()
    full: bool = False
    players: int | None = None


class Point(Struct, frozen=True, gc=False):
    """A place, in metres of the game world; ``w`` is where a vector4 carries the heading, in degrees."""

    x: float
    y: float
    z: float | None = None
    w: float | None = None


class LocationRecord(Struct, frozen=True, kw_only=True, gc=False):
    """Where one unit is, as well-made resources write it."""

    id: str | int
    x: float | None = None
    y: float | None = None
    z: float | None = None
    w: float | None = None
    heading: float | None = None
    coords: Point | None = None
    coordinates: Point | None = None
    position: Point | None = None
    location: str | None = None
    vehicle: Vehicle | None = None
    peer_id: str | int | None = msgspec.field(default=None, name="peerId")


class _CadRecord(LocationRecord, frozen=True, kw_only=True, gc=False):
    """A record with the id under the name that Sonoran gave it; ``apiId`` is the older one."""

    id: str | int = msgspec.field(default="", name="communityUserId")
    api_id: str | int = msgspec.field(default="", name="apiId")


_Place = Point | LocationRecord


class LocationBody(Struct, frozen=True, kw_only=True):
    """A push of locations, as well-made resources write it."""

    updates: list[LocationRecord | None]
    left: list[str | int | None] = []
    full: bool = False
    players: int | None = None


class _CleanPush(Struct, frozen=True, kw_only=True):
    """A push of locations whose records are kept as they come."""

    updates: list[LocationReport]
    left: list[str | int | None] = []
    full: bool = False
    players: Annotated[int, Meta(ge=0, le=MAX_PLAYERS)] | None = None


class _CadPush(Struct, frozen=True, kw_only=True):
    updates: list[_CadRecord | None]


_CLEAN_DECODER = msgspec.json.Decoder(_CleanPush)
_DECODER = msgspec.json.Decoder(list[LocationRecord | None] | LocationBody)
_CAD_DECODER = msgspec.json.Decoder(_CadPush)
_NATIVE_IDS = ("id",)
_CAD_IDS = ("communityUserId", "apiId")
_NO_VEHICLE = Vehicle()


def read_cad_locations(body: bytes, *, max_coordinate: float) -> LocationPush:
    """Return what the body of Sonoran's updateUnitLocations says.

    A unit that is named by anything but its community user id, or that id's older name, is rejected: the bridge
    knows it by no other.

    Raises:
        PushError: the body holds no updates.
        MalformedError: it is not JSON.
    """
    try:
        push = _CAD_DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        updates = mapping_of(read_document(body)).get("updates")
        alone = (
            not mapping_of(updates).keys().isdisjoint(_CAD_IDS)
        )  # as Sonoran's examples write a list of one
        records = (updates,) if alone else items_of(updates) if updates is not None else None
        if records is None:
            raise PushError(
                'expected {"updates": [{"communityUserId", "location", "coordinates"}, …]}'
            ) from None
        return _sift(records, {}, _CAD_IDS, max_coordinate)
    sieve = _Sieve(max_coordinate)
    for index, record in enumerate(push.updates):
        if record is not None:
            named = unit_id_of(record.id) or record.api_id if record.api_id != "" else record.id
            sieve.take(index, record, named)
    return sieve.result((), full=False, players=None)


def read_locations(body: bytes, *, max_coordinate: float) -> LocationPush:
    """Return what a location push says.

    A place beyond ``max_coordinate`` (metres, x or y), at exactly 0, 0 or at z = -1700 is rejected: there
    OneSync puts players whose place it does not know.

    Raises:
        PushError: the body is no location push at all.
        MalformedError: it is not JSON.
    """
    clean = _read_clean(body) if max_coordinate >= WORLD else None
    if clean is not None:
        return clean
    try:
        push = _DECODER.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        head, records = _split(read_document(body))
        return _sift(records, head, _NATIVE_IDS, max_coordinate)
    if not isinstance(push, LocationBody):
        push = LocationBody(updates=push)
    sieve = _Sieve(max_coordinate)
    for index, record in enumerate(push.updates):
        if record is not None:
            sieve.take(index, record, record.id)
    return sieve.result(push.left, full=push.full, players=push.players)


def _read_clean(body: bytes) -> LocationPush | None:
    """Return what a push says in which nothing needs mending, or None."""
    if not body.isascii() or b"\\" in body or b"\x7f" in body:  # else every string in it is printable
        return None
    try:
        push = _CLEAN_DECODER.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None
    for report in push.updates:
        unit_id, text = report.unit_id, report.text
        if (
            unit_id.strip() != unit_id
            or (text is not None and text.strip() != text)
            or not report.x  # perhaps at 0, 0
            or (report.vehicle is not None and _clean(report.vehicle) is not report.vehicle)
        ):
            return None
    return LocationPush(
        reports=push.updates,
        rejected=[],
        present=[],
        left=_units_of(push.left) if push.left else [],
        full=push.full,
        players=push.players,
    )


def _sift(
    records: Sequence[object], head: dict[str, object], id_names: Sequence[str], max_coordinate: float
) -> LocationPush:
    """Read record by record; ``head`` holds what a push says besides, ``id_names`` are tried in this order."""
    sieve = _Sieve(max_coordinate)
    for index, record in enumerate(records):
        if is_object(record):
            ids = (unit_id_of(record.get(name)) for name in id_names)
            sieve.take(index, _record_of(record), next((unit_id for unit_id in ids if unit_id), ""))
        elif record is not None:
            sieve.reject(index, RejectReason.NOT_AN_OBJECT)
    return sieve.result(
        head.get("left"), full=truth_of(head.get("full")) or False, players=head.get("players")
    )


def _split(document: object) -> tuple[dict[str, object], Sequence[object]]:
    head = mapping_of(document)
    if "updates" in head:
        records = items_of(head["updates"])
        if records is None:
            raise PushError(f"updates: {EXPECTED}")
        return head, records
    if not is_list(document) and not is_object(document):
        raise PushError(EXPECTED)
    if is_list(document) or "id" in head or _is_collection(head):
        return {}, items_of(document) or ()
    return head, ()


def _is_collection(fields: dict[str, object]) -> bool:
    members = fields.values()
    return (
        not _PUSH_KEYS.intersection(fields)
        and all(member is None or isinstance(member, dict) for member in members)
        and any("id" in mapping_of(member) for member in members)
    )


class _Sieve:
    """Collects the reports of one push and what had to be left out."""

    def __init__(self, max_coordinate: float) -> None:
        self._limit = max_coordinate
        self._reports: list[LocationReport] = []
        self._rejected: list[Rejection] = []
        self._present: list[UnitId] = []

    def take(self, index: int, record: LocationRecord, named: str | int) -> None:
        """Take one record of the unit that is named so, or reject it."""
        unit_id = unit_id_of(named)
        if unit_id is None:
            self.reject(index, RejectReason.BAD_ID)
            return
        place: _Place = record
        if record.x is None and record.y is None:
            place = record.coords or record.coordinates or record.position or record
        x, y = place.x, place.y
        reason = misplaced(x, y, place.z, self._limit)
        if x is None or y is None or reason is not None:
            self._present.append(unit_id)
            self.reject(index, reason or RejectReason.BAD_COORDINATES)
            return
        report = LocationReport(
            unit_id=unit_id,
            x=x,
            y=y,
            z=height(place.z, self._limit),
            heading=place.w if record.heading is None else record.heading,
            text=None if record.location is None else text_of(record.location),
            vehicle=None if record.vehicle is None else _clean(record.vehicle),
            peer_id=None if record.peer_id is None else text_of(record.peer_id, MAX_ID_LENGTH),
        )
        self._reports.append(report)

    def reject(self, index: int, reason: RejectReason) -> None:
        """Leave a record out."""
        self._rejected.append(Rejection(index=index, reason=reason, detail=DETAILS[reason]))

    def result(self, left: object, *, full: bool, players: object) -> LocationPush:
        """Return everything taken, with the push's own fields."""
        return LocationPush(
            reports=self._reports,
            rejected=self._rejected,
            present=self._present,
            left=_units_of(left),
            full=full,
            players=players_of(players),
        )


def _units_of(left: object) -> list[UnitId]:
    return [unit_id for _, unit_id in ids_of(left) if unit_id is not None]


def misplaced(x: float | None, y: float | None, z: float | None, limit: float) -> RejectReason | None:
    """Return why a place is none in the game world, or None where it is one."""
    if x is None or y is None:
        return RejectReason.BAD_COORDINATES
    if abs(x) > limit or abs(y) > limit or z == UNPLACED_Z or not (x or y or z):
        return RejectReason.OUT_OF_BOUNDS
    return None


def height(z: float | None, limit: float) -> float | None:
    """Return a height that can be one."""
    return z if z is None or abs(z) <= limit else None


def _record_of(fields: dict[str, object]) -> LocationRecord:
    place = place_of(fields)
    return LocationRecord(
        id="",
        x=place.x,
        y=place.y,
        z=place.z,
        w=place.w,
        heading=number_of(fields.get("heading")),
        location=text_of(fields.get("location")),
        vehicle=_vehicle_of(mapping_of(fields.get("vehicle"))),
        peer_id=text_of(fields.get("peerId"), MAX_ID_LENGTH),
    )


def _vehicle_of(fields: dict[str, object]) -> Vehicle:
    lights = fields.get("lights")
    return Vehicle(
        model=text_of(fields.get("model")),
        heading_offset=number_of(fields.get("headingOffset")),
        z_offset=number_of(fields.get("zOffset")),
        light_z_offset=number_of(fields.get("lightZOffset")),
        size_offset=number_of(fields.get("sizeOffset")),
        lights=lights if isinstance(lights, str) else truth_of(lights),
    )


def _clean(vehicle: Vehicle) -> Vehicle | None:
    model = None if vehicle.model is None else text_of(vehicle.model)
    lights = text_of(vehicle.lights) if isinstance(vehicle.lights, str) else vehicle.lights
    if model != vehicle.model or lights != vehicle.lights:
        vehicle = msgspec.structs.replace(vehicle, model=model, lights=lights)
    return None if vehicle == _NO_VEHICLE else vehicle
