"""What clients of Sonoran CAD v1 send: objects under ``data``, as far as the bridge keeps them itself.

Many are v2's bodies under other names, and are read as those once they are renamed.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence

import msgspec

from bridge.errors import PushError
from bridge.events import Event
from bridge.intake.blips import blip_of
from bridge.intake.cad_v2 import (
    read_cad_dispatch_call,
    read_cad_emergency_call,
    read_cad_panic,
    read_cad_status,
)
from bridge.intake.call_changes import attachment_of, closing_of, detachment_of, note_of, removal_of
from bridge.intake.events import MAX_EVENTS
from bridge.intake.fields import is_list, is_object, mapping_of, players_of, whole_of
from bridge.intake.locations import LocationPush, read_cad_locations
from bridge.intake.required import units_in
from bridge.intake.units import kick_of
from bridge.units import UnitId

Record = dict[str, object]

SERVER_ID = "serverId"
IDS = ("apiIds", "apiId", "units", "communityUserIds", "communityUserId")
"""How v1 names units by what the bridge knows them by, of old and of late."""

ACCOUNTS = ("account", "accId", "accountUuid")
OTHER_TARGETS = (*ACCOUNTS, "identIds")
"""How it names them otherwise."""

KEPT_HOWEVER_NAMED = frozenset({"UNIT_PANIC", "UNIT_STATUS"})
"""The types that become events whatever their units are named by; the others are passed on then."""

BESIDE = {"GET_TEMPLATES": "recordTypeId", "JOIN_COMMUNITY": "internalKey", "LEAVE_COMMUNITY": "internalKey"}
"""What some types have beside ``data``."""

NOBODY = -1  # the primary unit of a call that has none

_PLAYERS = ("playerCount", "players")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_NO_NUMBER = ("", None)


def clean(value: object) -> object:
    """Return a value that can be written as JSON again: halves of characters replaced, NaN and Infinity nulls.

    Raises:
        PushError: it is nested too deeply, or holds a number that no reader takes.
    """
    try:
        return _clean(value)
    except RecursionError:
        raise PushError("data: nested too deeply") from None


def encode(value: object) -> bytes:
    """Return a clean value as JSON.

    Raises:
        PushError: it is nested too deeply, or holds a number that no reader takes.
    """
    try:
        return msgspec.json.encode(value)
    except (ValueError, RecursionError, OverflowError):
        raise PushError("data: expected valid text and numbers") from None


def read_beside(type_name: str, more: Mapping[str, object]) -> Record:
    """Return what of that which stands beside ``data`` its type has there.

    Raises:
        PushError: it is nested too deeply.
    """
    name = BESIDE.get(type_name, "")
    return {name: clean(more[name])} if more.get(name) is not None else {}


def read_locations_v1(records: Sequence[Record], *, max_coordinate: float) -> LocationPush:
    """Return what the objects of UNIT_LOCATION say.

    Raises:
        PushError: they cannot be written as JSON.
    """
    return read_cad_locations(encode({"updates": records}), max_coordinate=max_coordinate)


def read_players_v1(records: Sequence[Record]) -> int | None:
    """Return the player count of HEARTBEAT; None where it does not say: the server is alive all the same."""
    given = (record.get(name) for record in records for name in _PLAYERS)
    value = next((found for found in given if found not in _NO_NUMBER), None)
    if value is None:
        return None
    players = players_of(value)
    if players is None:
        raise PushError("playerCount: expected a whole number")
    return players


def is_named_otherwise(type_name: str, record: Record) -> bool:
    """Tell whether a unit is named only in ways that the bridge does not know for this type."""
    if type_name in KEPT_HOWEVER_NAMED:
        return False
    return not _filled(record, IDS) and bool(_filled(record, OTHER_TARGETS))


def read_events_v1(type_name: str, records: Sequence[Record]) -> tuple[Event, ...]:
    """Return the event of each object; there is at least one.

    Raises:
        PushError: there is none, there are too many, or some are bad; each bad one is named, and none counts.
    """
    if not records:
        raise PushError("data: expected at least one object")
    if len(records) > MAX_EVENTS:
        raise PushError(f"data: at most {MAX_EVENTS} objects fit into one request, found {len(records)}")
    events: list[Event] = []
    problems: list[tuple[int, str]] = []
    for index, record in enumerate(records):
        try:
            events.append(_READERS[type_name](record))
        except PushError as error:
            problems.append((index, str(error)))
    if problems:
        raise PushError(_summary(len(records), problems), problems)
    return tuple(events)


def _summary(count: int, problems: Sequence[tuple[int, str]]) -> str:
    if count == 1:
        return problems[0][1]
    reasons = "; ".join(f"number {index}: {reason}" for index, reason in problems)
    return f"{len(problems)} of {count} objects make no sense, none was taken: {reasons}"


def _panic(record: Record) -> Event:
    return read_cad_panic(encode(_named(record) | {"isPanic": record.get("isPanic")}))


def _status(record: Record) -> Event:
    return read_cad_status(encode(_named(record) | {"status": record.get("status")}))


def _named(record: Record) -> Record:
    """Return the units of a record as v2 names them: by the first of v1's three ways that it uses."""
    units = _units_or_none(record)
    if units:
        return {"communityUserIds": units}
    for name in _filled(record, OTHER_TARGETS):
        return {"identIds" if name not in ACCOUNTS else "accountUuid": record[name]}
    raise PushError("apiId or units: expected at least one unit")


def _emergency_call(record: Record) -> Event:
    return read_cad_emergency_call(encode(_without(record, SERVER_ID)))


def _dispatch_call(record: Record) -> Event:
    nobody = ("primary",) if whole_of(record.get("primary")) == NOBODY else ()
    body = _without(record, SERVER_ID, *IDS, *nobody) | {"communityUserIds": _units_or_none(record)}
    if "notes" in body:
        body["notes"] = _notes(body["notes"])
    return read_cad_dispatch_call(encode(body))


def _notes(value: object) -> list[object]:
    """Return the notes on a new call as Sonoran has them now; of old they were text."""
    notes = value if is_list(value) else [] if value in (None, "", {}) else [value]
    return [
        {"type": "text", "content": note} if isinstance(note, str) else note for note in notes if note != ""
    ]


def _note(record: Record) -> Event:
    return note_of(record | {"call": record.get("callId")})


def _attachment(record: Record) -> Event:
    return attachment_of({"call": record.get("callId"), "ids": _units(record)})


def _detachment(record: Record) -> Event:
    return detachment_of({"ids": _units(record)})


def _closing(record: Record) -> Event:
    return closing_of({"call": record.get("callId"), "calls": record.get("callIds")})


def _removal(record: Record) -> Event:
    return removal_of({"call": record.get("callId")})


def _kick(record: Record) -> Event:
    return kick_of({"ids": _units(record), "reason": record.get("reason")})


def _blip(record: Record) -> Event:
    return blip_of(blip_fields(record))


def blip_fields(record: Record) -> Record:
    """Return what ADD_BLIP says of the blip itself."""
    return mapping_of(record.get("blip", record))


_READERS: Mapping[str, Callable[[Record], Event]] = {
    "UNIT_PANIC": _panic,
    "UNIT_STATUS": _status,
    "CALL_911": _emergency_call,
    "NEW_DISPATCH": _dispatch_call,
    "ADD_CALL_NOTE": _note,
    "ATTACH_UNIT": _attachment,
    "DETACH_UNIT": _detachment,
    "CLOSE_CALL": _closing,
    "KICK_UNIT": _kick,
    "REMOVE_911": _removal,
    "ADD_BLIP": _blip,
}

EVENT_TYPES = frozenset(_READERS)
"""The types whose objects become events."""


def _units(record: Record) -> list[UnitId]:
    found = _units_or_none(record)
    if not found:
        raise PushError("apiId or units: expected at least one unit")
    return found


def _units_or_none(record: Record) -> list[UnitId]:
    return list(units_in(record, *_filled(record, IDS)))


def _filled(record: Record, names: Sequence[str]) -> list[str]:
    return [name for name in names if record.get(name) not in (None, "", [], {})]


def _without(record: Record, *names: str) -> Record:
    return {name: value for name, value in record.items() if name not in names}


def _clean(value: object) -> object:
    if isinstance(value, str):
        return value if value.isprintable() else _SURROGATES.sub("\ufffd", value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if is_object(value):
        return {str(_clean(name)): _clean(member) for name, member in value.items()}
    if is_list(value):
        return [_clean(member) for member in value]
    return value
