"""What clients of Sonoran CAD v2 send, as far as the bridge keeps it itself."""

from collections.abc import Iterable, Iterator

import msgspec
from msgspec.structs import replace

from bridge.errors import PushError
from bridge.events import DispatchCall, EmergencyCall, Panic, Status
from bridge.intake.calls import dispatch_call_of, emergency_call_of
from bridge.intake.document import read_document
from bridge.intake.fields import ids_of, is_object, players_of, text_of, truth_of
from bridge.intake.required import MAX_POSTAL_LENGTH, MAX_UNITS, units_in
from bridge.intake.units import status_of
from bridge.units import TargetKind, UnitId, other_target

OTHER_TARGETS = tuple(kind for kind in TargetKind if kind is not TargetKind.COMMUNITY_USER)
NUMBERED = frozenset({TargetKind.IDENTIFIER, TargetKind.ROBLOX})

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
_DISPATCH_TEXTS = ("block", "address", "postal", "title", "code", "description")


def read_cad_panic(body: bytes) -> Panic:
    """Return the panic of setUnitPanic's body, its units named in whatever way Sonoran knows.

    Raises:
        PushError: it names no unit, or does not say whether the panic is on.
        MalformedError: it is not JSON.
    """
    fields = _fields(body)
    active = truth_of(fields.get("isPanic"))
    if active is None:
        raise PushError("isPanic: expected true or false")
    return Panic(ids=_units(fields), active=active)


def read_cad_status(body: bytes) -> Status:
    """Return the status of setUnitStatus' body, its units named in whatever way Sonoran knows.

    Raises:
        PushError: it names no unit, or no status.
        MalformedError: it is not JSON.
    """
    fields = _fields(body)
    units = _units(fields)
    return replace(status_of({"status": fields.get("status"), "id": "any"}), ids=units)


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
    extra = _rest(fields, _EMERGENCY_FIELDS) | _as_written(fields, texts)
    return emergency_call_of(named | texts, extra=extra)


def read_cad_dispatch_call(body: bytes) -> DispatchCall:
    """Return the call of createDispatchCall's body.

    Raises:
        PushError: it has neither title nor description, or what is there of the rest is wrong.
        MalformedError: it is not JSON.
    """
    fields = _fields(body)
    units = units_in(fields, *_IDS)
    known = {name: fields[name] for name in _DISPATCH_FIELDS - set(_IDS) if name in fields}
    extra = _rest(fields, _DISPATCH_FIELDS) | _as_written(fields, _DISPATCH_TEXTS)
    return dispatch_call_of(known | {"ids": list(units)}, extra=extra)


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


def _units(fields: dict[str, object]) -> tuple[UnitId, ...]:
    found = tuple(dict.fromkeys((*units_in(fields, *_IDS), *_named_otherwise(fields))))
    if len(found) > MAX_UNITS:
        raise PushError(f"at most {MAX_UNITS} units fit into one request, found {len(found)}")
    if not found:
        raise PushError("communityUserIds: expected at least one unit")
    return found


def _named_otherwise(fields: dict[str, object]) -> Iterator[UnitId]:
    for kind in OTHER_TARGETS:
        value = fields.get(kind)
        for _, name in () if value in ("", []) else ids_of(value):
            if not name or (kind in NUMBERED and not (name.isascii() and name.isdecimal())):
                raise PushError(f"{kind}: expected {'a number' if kind in NUMBERED else 'text'}")
            yield other_target(kind, name)


def _as_written(fields: dict[str, object], names: Iterable[str]) -> dict[str, object]:
    """Return the texts that cleaning or cutting would change: the CAD gets them word for word.

    Raises:
        PushError: one is no clean JSON, or too long.
    """
    texts = {name: fields[name] for name in names if isinstance(fields.get(name), str)}
    return _rest({name: text for name, text in texts.items() if text_of(text, MAX_POSTAL_LENGTH) != text}, ())


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
