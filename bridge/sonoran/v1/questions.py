"""What Sonoran CAD v1 is asked in place of an operation of v2.

Most of v1 takes a list of objects in ``data``; a few types take one object, as Sonoran's pages have it. Locations,
panics and blips on the map have no heading and no height there.
"""

from collections.abc import Callable, Mapping

import msgspec
from msgspec import Struct

from bridge.operations import (
    ADD_CALL_NOTE,
    ATTACH_UNITS,
    CLOSE_DISPATCH_CALLS,
    CREATE_911_CALL,
    CREATE_BLIP,
    CREATE_DISPATCH_CALL,
    DETACH_UNITS,
    GET_CALLS,
    GET_SERVERS,
    GET_VERSION,
    HEARTBEAT,
    KICK_UNIT,
    REMOVE_911_CALL,
    SEND_PHOTO,
    SET_UNIT_PANIC,
    SET_UNIT_STATUS,
    UPDATE_UNIT_LOCATIONS,
    Operation,
)
from bridge.sonoran.messages import CadRequest, Line
from bridge.sonoran.v1.asked import (
    UNIT_NAMES,
    Asked,
    UntranslatableError,
    is_object,
    listed,
    rest,
    targets,
    unit_ids,
)
from bridge.types_v1 import TYPES

POST = "POST"
NEW = -1  # the number of a blip that has none yet
TEXT_NOTES = (None, "text")  # the kinds of notes that v1 has

Data = list[dict[str, object]] | dict[str, object]


class Question(Struct, frozen=True, kw_only=True):
    """A type of v1 and what it is asked with; ``more`` are members beside ``data``."""

    type: str
    data: Data
    more: dict[str, object] = {}


def pose(question: Question, operation: Operation, line: Line, community_id: str) -> CadRequest:
    """Build the request that asks v1; the key is put into it on the wire, and nowhere before.

    Args:
        question: what to ask.
        operation: whose budget and metrics it is counted in.
        line: which connections fit.
        community_id: Sonoran's id of the community.
    """
    body = {"id": community_id, "type": question.type, "data": question.data, **question.more}
    return CadRequest(
        operation=operation,
        method=POST,
        path=TYPES[question.type].path,
        body=msgspec.json.encode(body),
        line=line,
        keyed=True,
    )


def _locations(asked: Asked) -> Data:
    return [_location(row) for row in asked.rows("updates")]


def _location(update: Mapping[str, object]) -> dict[str, object]:
    unit = unit_ids(update)
    if not unit:
        raise UntranslatableError("v1 places a unit by its communityUserId alone")
    place = {"coordinates": _flat(update.get("coordinates"))} if "coordinates" in update else {}
    return {"apiId": unit[0], "location": update.get("location", ""), **place}


def _panic(asked: Asked) -> Data:
    return [{**target, "isPanic": asked.fields.get("isPanic", True)} for target in targets(asked.fields)]


def _status(asked: Asked) -> Data:
    status = {"status": asked.fields.get("status")} | asked.server
    return [{**target, **status} for target in targets(asked.fields)]


def _kick(asked: Asked) -> Data:
    return [{**_by_id(row), "reason": row.get("reason", ""), **asked.server} for row in asked.rows()]


def _by_id(fields: Mapping[str, object]) -> dict[str, object]:
    unit = unit_ids(fields)
    if not unit:
        raise UntranslatableError("v1 finds this unit by its communityUserId alone")
    return {"apiId": unit[0]}


def _emergency_call(asked: Asked) -> Data:
    return [{**asked.fields, **asked.server}]


def _dispatch_call(asked: Asked) -> Data:
    """Keep all fields that are called the same; one that names units otherwise is the CAD's to refuse."""
    fields = {name: value for name, value in asked.fields.items() if name not in UNIT_NAMES}
    units = {"units": unit_ids(asked.fields)} if unit_ids(asked.fields) else {}
    return [{**fields, "notes": listed(fields.get("notes")), **units, **asked.server}]


def _remove_911_call(asked: Asked) -> Data:
    return [{**asked.server, "callId": asked.number("callId")}]


def _note(asked: Asked) -> Data:
    fields = asked.fields
    kind = {} if fields.get("noteType") in TEXT_NOTES else {"noteType": fields["noteType"]}
    label = {"label": fields["label"]} if fields.get("label") is not None else {}
    return [
        {**asked.server, "callId": asked.number("callId"), **label, **kind, "note": fields.get("note", "")}
    ]


def _attach(asked: Asked) -> Data:
    return [{**asked.server, "callId": asked.number("callId"), **_together(asked.fields)}]


def _detach(asked: Asked) -> Data:
    units = _together(asked.fields)
    if "identIds" in units:
        raise UntranslatableError("v1 takes units off calls by communityUserIds or accountUuid alone")
    return [{**asked.server, **units}]


def _together(fields: Mapping[str, object]) -> dict[str, object]:
    """Return units as v1 has them where one object names several."""
    units = unit_ids(fields)
    return {"units": units} if units else targets(fields)[0]


def _close(asked: Asked) -> Data:
    return [{**asked.server, "callId": call} for call in listed(asked.fields.get("callIds"))]


def _calls(asked: Asked) -> Data:
    return [asked.server | asked.asked_for("closedLimit", "closedOffset", "type")]


def _blip(asked: Asked) -> Data:
    blip = {"id": NEW, **blip_fields(asked.fields)}
    return [{**asked.server, "blip": blip}]


def blip_fields(fields: Mapping[str, object]) -> dict[str, object]:
    """Return the fields of a blip, its place without height and heading."""
    place = {"coordinates": _flat(fields["coordinates"])} if "coordinates" in fields else {}
    return {**fields, **place}


def _flat(coordinates: object) -> object:
    if not is_object(coordinates):
        return coordinates
    return {axis: coordinates[axis] for axis in ("x", "y") if axis in coordinates}


def _photo(asked: Asked) -> Data:
    return [_by_id(asked.fields) | {"url": asked.fields.get("url", "")}]


def _heartbeat(asked: Asked) -> Data:
    """v1's page of the heartbeat is missing at Sonoran's: the fields are those of v2."""
    return [{**rest(asked.fields), **asked.server}]


def _nothing(_asked: Asked) -> Data:
    return []


OWN: Mapping[str, tuple[str, Callable[[Asked], Data]]] = {
    UPDATE_UNIT_LOCATIONS.name: ("UNIT_LOCATION", _locations),
    SET_UNIT_PANIC.name: ("UNIT_PANIC", _panic),
    SET_UNIT_STATUS.name: ("UNIT_STATUS", _status),
    CREATE_911_CALL.name: ("CALL_911", _emergency_call),
    REMOVE_911_CALL.name: ("REMOVE_911", _remove_911_call),
    CREATE_DISPATCH_CALL.name: ("NEW_DISPATCH", _dispatch_call),
    ADD_CALL_NOTE.name: ("ADD_CALL_NOTE", _note),
    ATTACH_UNITS.name: ("ATTACH_UNIT", _attach),
    DETACH_UNITS.name: ("DETACH_UNIT", _detach),
    CLOSE_DISPATCH_CALLS.name: ("CLOSE_CALL", _close),
    KICK_UNIT.name: ("KICK_UNIT", _kick),
    CREATE_BLIP.name: ("ADD_BLIP", _blip),
    SEND_PHOTO.name: ("SEND_PHOTO", _photo),
    GET_CALLS.name: ("GET_CALLS", _calls),
    HEARTBEAT.name: ("HEARTBEAT", _heartbeat),
    GET_VERSION.name: ("GET_VERSION", _nothing),
    GET_SERVERS.name: ("GET_SERVERS", _nothing),
}
"""What the bridge asks by itself: for each operation of v2 the type of v1, and what makes its data."""
