"""JSON Schemas of what the push door takes and answers, made from the types that the program itself uses.

The types say which fields there are; what only the readers know, such as the longest list, is laid over them. FiveM's
odd shapes are left out: a schema shows the form that a well-made script writes.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from bridge.events import STATUS_CODES, Event
from bridge.intake.blips import MAX_COORDINATE, MAX_ROWS
from bridge.intake.call_changes import MAX_CALL_NUMBER, MAX_CALLS
from bridge.intake.calls import MAX_MINUTES, NUMBERS
from bridge.intake.events import MAX_EVENTS
from bridge.intake.fields import LONGEST_WHOLE, MAX_PLAYERS
from bridge.intake.locations import LocationBody, LocationRecord, Point
from bridge.intake.required import (
    MAX_DESCRIPTION_LENGTH,
    MAX_METADATA,
    MAX_METADATA_KEY_LENGTH,
    MAX_METADATA_VALUE_LENGTH,
    MAX_RADIUS,
    MAX_UNITS,
)
from bridge.intake.units import MAX_URL_LENGTH
from bridge.listener.native import EventsTaken, EventTaken, LocationsTaken
from bridge.outbox import EventView
from bridge.units import MAX_ID_LENGTH, MAX_TEXT_LENGTH, UnitId

Schema = dict[str, Any]
Plain = str | int | float | bool

REFERENCES = "#/components/schemas/{name}"
WORD = r"[^\s\x00-\x1f\x7f-\x9f]"  # found in every text that is none of blanks and control characters alone
EVENT_ID = {"type": "string", "pattern": "^[0-9a-f]{32}$"}


class PanicBody(Struct, frozen=True, kw_only=True):
    """Panic buttons pressed, or released where `active` is false; `location` is a street's name or a place."""

    id: UnitId | UnsetType = UNSET
    ids: tuple[UnitId, ...] | UnsetType = UNSET
    active: bool = True
    location: str | Point | UnsetType = UNSET


class HeartbeatBody(Struct, frozen=True, kw_only=True):
    """How many players the game server has."""

    players: int


class OperationBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one of Sonoran's operations is asked with; `serverId` is the token's own where it is missing."""

    path: dict[str, Plain] = {}
    query: dict[str, Plain | list[Plain]] = {}
    body: object = None


class BadRecord(Struct, frozen=True, kw_only=True):
    """A record of a request that made no sense; `index` counts from 0."""

    index: int
    reason: str


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An error as RFC 9457 has it.

    `offset` is the byte where reading stopped, `problems` names each bad record, `retry_after` is the seconds to wait,
    `reason` a closed word for why the CAD gave no answer, `event` the id of a call that did not reach it.
    """

    type: str
    title: str
    status: int
    detail: str
    offset: int = 0
    problems: list[BadRecord] = []
    retry_after: int = 0
    reason: str = ""
    event: str = ""


class RateLimited(Struct, frozen=True, kw_only=True):
    """No slot is free in the operation's budget, said as Sonoran says it; `retry_after` is the seconds to wait."""

    message: str
    request_id: str
    retry_after: int


TAKEN = (Event, LocationBody, LocationRecord, PanicBody, HeartbeatBody, OperationBody)
ANSWERED = (LocationsTaken, EventTaken, EventsTaken, EventView, Problem, RateLimited)

_UNIT = {"type": "string", "maxLength": MAX_ID_LENGTH, "pattern": "^[!-~]([ -~]*[!-~])?$"}
_UNITS = {"type": "array", "items": _UNIT, "minItems": 1, "maxItems": MAX_UNITS}
_CALL = {
    "anyOf": [{"type": "integer", "minimum": 1, "maximum": MAX_CALL_NUMBER}, EVENT_ID],
    "description": "Sonoran's number of the call, or the id of the event that creates it.",
}
_TEXT = {"pattern": WORD, "maxLength": MAX_TEXT_LENGTH}
_LONG_TEXT = {"pattern": WORD, "maxLength": MAX_DESCRIPTION_LENGTH}
_METRES = {"minimum": -MAX_COORDINATE, "maximum": MAX_COORDINATE}
_PLAYERS = {"type": "integer", "minimum": 0, "maximum": MAX_PLAYERS}
_STATUSES = ", ".join(f"{status} {code}" for status, code in STATUS_CODES.items())
_OR_NULL = {"type": "null"}
_PLAIN = {
    "anyOf": [
        {"type": "string"},
        {"type": "number", "exclusiveMinimum": -LONGEST_WHOLE, "exclusiveMaximum": LONGEST_WHOLE},
        {"type": "boolean"},
    ]
}
_RANGES = {name: {"minimum": low, "maximum": high} for name, (low, high, _) in NUMBERS.items()}
_METADATA = {
    "additionalProperties": {"type": "string", "maxLength": MAX_METADATA_VALUE_LENGTH},
    "propertyNames": {"pattern": WORD, "maxLength": MAX_METADATA_KEY_LENGTH},
    "maxProperties": MAX_METADATA,
}

FIELDS: Mapping[str, Mapping[str, Schema]] = {
    "Panic": {"ids": _UNITS},
    "Status": {
        "ids": _UNITS,
        "status": {
            "anyOf": [
                {"$ref": "#/components/schemas/UnitStatus"},
                {"type": "integer", "enum": list(STATUS_CODES.values())},
            ],
            "description": f"By name or as Sonoran's number: {_STATUSES}.",
        },
    },
    "EmergencyCall": {
        "caller": _TEXT,
        "location": _TEXT,
        "description": _LONG_TEXT,
        "delete_after_minutes": {
            "anyOf": [{"type": "integer", "minimum": 1, "maximum": MAX_MINUTES}, _OR_NULL]
        },
        "metadata": _METADATA,
    },
    "EmergencyCallRemoval": {"call": _CALL},
    "DispatchCall": {"ids": _UNITS | {"minItems": 0}, "metadata": _METADATA, **_RANGES},
    "DispatchNote": {"call": _CALL, "note": _LONG_TEXT},
    "DispatchAttachment": {"call": _CALL, "ids": _UNITS},
    "DispatchDetachment": {"ids": _UNITS},
    "DispatchClosing": {"calls": {"items": _CALL, "minItems": 1, "maxItems": MAX_CALLS}},
    "Kick": {"id": _UNIT, "reason": _TEXT},
    "Blip": {
        "x": _METRES,
        "y": _METRES,
        "z": {"anyOf": [{"type": "number", **_METRES}, _OR_NULL]},
        "radius": {"anyOf": [{"type": "number", "minimum": 0, "maximum": MAX_RADIUS}, _OR_NULL]},
        "data": {"maxItems": MAX_ROWS},
    },
    "BlipRow": {"title": _TEXT},
    "Photo": {
        "id": _UNIT,
        "url": {"pattern": r"^https?://[A-Za-z0-9\[][!-~]*$", "maxLength": MAX_URL_LENGTH},
    },
    "Clocking": {"id": _UNIT},
    "PanicBody": {"id": _UNIT, "ids": _UNITS},
    "HeartbeatBody": {"players": _PLAYERS},
    "OperationBody": {
        "path": {"additionalProperties": _PLAIN},
        "query": {"additionalProperties": {"anyOf": [*_PLAIN["anyOf"], {"type": "array", "items": _PLAIN}]}},
    },
    "LocationBody": {"players": {"anyOf": [_PLAYERS, _OR_NULL]}},
    "LocationRecord": {"id": {"anyOf": [_UNIT, {"type": "integer"}]}},
}
"""What the types do not say of a field, by component."""

WHOLE: Mapping[str, Schema] = {
    "LocationBody": {"required": []},
    "PanicBody": {"anyOf": [{"required": ["id"]}, {"required": ["ids"]}]},
    "EmergencyCall": {
        "description": "A 911 call; `x` and `y` place it on the live map, in metres of the game world."
    },
    "Clocking": {
        "description": "An account of Sonoran CMS clocked in, or out where `in` is false; 422 where no CMS is configured."
    },
    "UnitStatus": {"description": "Sonoran's UNIT_STATUS by name."},
    "DispatchCall": {
        "description": "A call on the dispatch board with units on it, with a title or a description at least; `origin`, "
        "`status` and `priority` are Sonoran's numbers, `x`, `y` and `z` metres of the game world.",
        "anyOf": [{"required": [name], "properties": {name: {"pattern": WORD}}} for name in ("title", "description")],
    },
}  # fmt: skip
"""What the types do not say of a component."""

_INTERNAL = frozenset({"account", "extra"})  # fields that no push fills
_DOUBLE_TICKS = re.compile("``")


@cache
def components() -> Mapping[str, Schema]:
    """Return the schema of every type by its name; do not change them."""
    types = (*TAKEN, *ANSWERED)
    (event, *_), found = msgspec.json.schema_components(
        types, schema_hook=_any_value, ref_template=REFERENCES
    )
    found |= {
        "Event": {"title": "Event", "description": "What must reach the CAD, told apart by `type`.", **event},
        "Events": {"type": "array", "items": reference("Event"), "minItems": 1, "maxItems": MAX_EVENTS},
    }
    for answer in ANSWERED:
        if not answer.__struct_config__.omit_defaults:
            found[answer.__name__]["required"] = list(answer.__struct_encode_fields__)
    return {name: _refine(name, schema) for name, schema in found.items()}


def reference(name: str) -> Schema:
    """Return the schema that stands for a component."""
    return {"$ref": REFERENCES.format(name=name)}


def _refine(name: str, schema: Schema) -> Schema:
    refined = schema | WHOLE.get(name, {})
    if "description" in refined:
        refined["description"] = _DOUBLE_TICKS.sub("`", refined["description"])
    if "properties" in refined:
        said = FIELDS.get(name, {})
        refined["properties"] = {
            field: _merge(known, said.get(field, {}))
            for field, known in refined["properties"].items()
            if field not in _INTERNAL
        }
    return refined


def _merge(known: Schema, said: Schema) -> Schema:
    """Return what is known of a field and what is said of it besides; alternatives and enumerations replace it."""
    replaced = {"$ref", "type", "items"} if "anyOf" in said else {"anyOf"} if "type" in said else set[str]()
    return {key: value for key, value in known.items() if key not in replaced} | said


def _any_value(kind: type) -> Schema:
    """Return the schema of what may be anything; msgspec asks for no other kind that it does not know itself."""
    if kind is not object:
        raise TypeError(f"{kind} has no schema")
    return {"title": "Any"}
