"""What clients of Sonoran CAD v2 send, as far as the bridge keeps it itself."""

from collections.abc import Iterable

import msgspec

from bridge.errors import PushError
from bridge.events import DispatchCall, EmergencyCall, Panic, Status
from bridge.intake.calls import dispatch_call_of, emergency_call_of
from bridge.intake.document import read_document
from bridge.intake.fields import is_object, players_of, truth_of
from bridge.intake.required import units_in
from bridge.intake.units import status_of
from bridge.units import UnitId

OTHER_TARGETS = ("accountUuid", "roblox", "discord", "identIds")
"""How Sonoran lets a unit be named that the bridge knows only by its community user id."""

MAX_FIELD_BYTES = 16 * 1024  # of a field that is passed on as it came

_IDS = ("communityUserIds", "communityUserId", "apiIds", "apiId")
_EMERGENCY_FIELDS = frozenset(
    {"isEmergency", "caller", "location", "description", "deleteAfterMinutes", "metaData"}
)
_DISPATCH_FIELDS = frozenset(
    {
        "origin",
        "status",
        "priority",
        "block",
        "address",
        "postal",
        "title",
        "code",
        "description",
        "metaData",
        *_IDS,
    }
)


def read_cad_panic(body: bytes) -> Panic | None:
    """Return the panic of setUnitPanic's body; None where a unit is named otherwise than by its id.

    Raises:
        PushError: it names no unit, or does not say whether the panic is on.
        MalformedError: it is not JSON.
    """
    fields = _fields(body)
    if _named_otherwise(fields):
        return None
    active = truth_of(fields.get("isPanic"))
    if active is None:
        raise PushError("isPanic: expected true or false")
    return Panic(ids=_units(fields), active=active)


def read_cad_status(body: bytes) -> Status | None:
    """Return the status of setUnitStatus' body; None where a unit is named otherwise than by its id.

    Raises:
        PushError: it names no unit, or no status.
        MalformedError: it is not JSON.
    """
    fields = _fields(body)
    if _named_otherwise(fields):
        return None
    return status_of({"status": fields.get("status"), "ids": list(_units(fields))})


def read_cad_emergency_call(body: bytes) -> EmergencyCall:
    """Return the call of create911Call's body.

    Raises:
        PushError: a text is missing, or what is there of the rest is wrong.
        MalformedError: it is not JSON.
    """
    fields = _fields(body)
    named = {
        "emergency": fields.get("isEmergency"),
        "delete_after_minutes": fields.get("deleteAfterMinutes"),
        "metadata": fields.get("metaData"),
    }
    texts = {name: fields.get(name) for name in ("caller", "location", "description")}
    return emergency_call_of(named | texts, extra=_rest(fields, _EMERGENCY_FIELDS))


def read_cad_dispatch_call(body: bytes) -> DispatchCall:
    """Return the call of createDispatchCall's body.

    Raises:
        PushError: it has neither title nor description, or what is there of the rest is wrong.
        MalformedError: it is not JSON.
    """
    fields = _fields(body)
    units = units_in(fields, *_IDS)
    known = {name: fields[name] for name in _DISPATCH_FIELDS - set(_IDS) if name in fields}
    return dispatch_call_of(known | {"ids": list(units)}, extra=_rest(fields, _DISPATCH_FIELDS))


def read_cad_heartbeat(body: bytes) -> int:
    """Return the player count of heartbeat's body.

    Raises:
        PushError: there is no count in it.
        MalformedError: it is not JSON.
    """
    players = players_of(_fields(body).get("playerCount"))
    if players is None:
        raise PushError("playerCount: expected a whole number")
    return players


def _fields(body: bytes) -> dict[str, object]:
    document = read_document(body)
    if not is_object(document):
        raise PushError("expected an object")
    return document


def _named_otherwise(fields: dict[str, object]) -> bool:
    return any(fields.get(name) not in (None, "", []) for name in OTHER_TARGETS)


def _units(fields: dict[str, object]) -> tuple[UnitId, ...]:
    found = units_in(fields, *_IDS)
    if not found:
        raise PushError("communityUserIds: expected at least one unit")
    return found


def _rest(fields: dict[str, object], known: Iterable[str]) -> dict[str, object]:
    """Return the fields that have no name here; they are passed on as they came.

    Raises:
        PushError: they are no clean JSON, or too long.
    """
    rest = {name: value for name, value in fields.items() if name not in set(known)}
    for name, value in rest.items():
        try:
            encoded = msgspec.json.encode({name: value})
        except (ValueError, RecursionError, OverflowError):
            raise PushError(f"{name[:40]!a}: expected valid text and numbers") from None
        if len(encoded) > MAX_FIELD_BYTES:
            raise PushError(f"{name[:40]!a}: at most {MAX_FIELD_BYTES} bytes")
    return rest
