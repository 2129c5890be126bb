"""Event pushes: what must reach the CAD, one or many at once."""

from collections.abc import Callable, Sequence

from bridge.errors import PushError
from bridge.events import STATUS_CODES, EmergencyCall, Event, EventKind, Panic, Status, UnitStatus
from bridge.intake.document import read_document
from bridge.intake.fields import (
    ids_of,
    is_list,
    is_object,
    items_of,
    mapping_of,
    place_of,
    text_of,
    truth_of,
    whole_of,
)
from bridge.units import MAX_TEXT_LENGTH, UnitId

MAX_EVENTS = 1000  # in one request
MAX_UNITS = 1000  # in one event
MAX_DESCRIPTION_LENGTH = 4000  # characters of a 911 call's description
MAX_POSTAL_LENGTH = 32
MAX_METADATA = 50  # entries of a call
MAX_METADATA_KEY_LENGTH = 100
MAX_METADATA_VALUE_LENGTH = 1000
MAX_MINUTES = 525_600  # a year; deleteAfterMinutes
MAX_SHOWN_LENGTH = 23  # characters of a wrong type that are repeated: a token in its place is longer
LATER_KINDS = frozenset(
    {
        "call_911_remove",
        "dispatch_call",
        "dispatch_note",
        "dispatch_attach",
        "dispatch_detach",
        "dispatch_close",
        "kick",
        "blip",
        "photo",
        "clock",
    }
)

_KNOWN = ", ".join(sorted(EventKind))
_STATUS_OF_CODE = {code: status for status, code in STATUS_CODES.items()}
_STATUS_OF_NAME = {status.replace("_", ""): status for status in UnitStatus}


def read_events(body: bytes) -> tuple[Event, ...]:
    """Return the events of one object with a ``type``, or of a list of such.

    Raises:
        PushError: there is none, or some are bad; ``problems`` names each bad one.
        MalformedError: the body is not JSON.
    """
    members = _members(read_document(body))
    if len(members) > MAX_EVENTS:
        raise PushError(f"at most {MAX_EVENTS} events fit into one request, found {len(members)}")
    events: list[Event] = []
    problems: list[tuple[int, str]] = []
    for index, member in enumerate(members):
        if member is not None:
            try:
                events.append(_event_of(member))
            except PushError as error:
                problems.append((index, str(error)))
    if problems:
        raise PushError(f"{len(problems)} of {len(members)} events make no sense; none was stored", problems)
    if not events:
        raise PushError(f'expected {{"type": …}} or a list of such; the types are {_KNOWN}')
    return tuple(events)


def panic_of(fields: dict[str, object]) -> Panic:
    """Return the panic of a record; ``active`` is true where it is missing.

    Raises:
        PushError: it names no unit, or ``active`` is no truth value.
    """
    active = fields.get("active")
    switched = True if active is None else truth_of(active)
    if switched is None:
        raise PushError("active: expected true or false")
    return Panic(ids=_ids_of(fields), active=switched)


def _members(document: object) -> Sequence[object]:
    fields = mapping_of(document)
    if "type" in fields or (fields and not all(isinstance(member, dict) for member in fields.values())):
        return (document,)
    if not is_list(document) and not is_object(document):
        raise PushError("expected an event or a list of events")
    return items_of(document) or ()


def _event_of(member: object) -> Event:
    fields = mapping_of(member)
    kind = text_of(fields.get("type"))
    if kind is None:
        raise PushError(f"type: missing; the types are {_KNOWN}")
    if kind in LATER_KINDS:
        raise PushError(f"type: {kind} is not supported by this version")
    if kind not in _READERS:
        shown = f" {kind!r}" if len(kind) <= MAX_SHOWN_LENGTH else ""
        raise PushError(f"type: unknown{shown}; the types are {_KNOWN}")
    return _READERS[EventKind(kind)](fields)


def _ids_of(fields: dict[str, object]) -> tuple[UnitId, ...]:
    found: dict[UnitId, None] = {}
    for name in ("ids", "id"):
        for index, unit_id in ids_of(fields.get(name)):
            if unit_id is None:
                raise PushError(f"{name}: number {index} is no id")
            found[unit_id] = None
    if not found:
        raise PushError("id or ids: expected at least one unit")
    if len(found) > MAX_UNITS:
        raise PushError(f"ids: at most {MAX_UNITS} units fit into one event, found {len(found)}")
    return tuple(found)


def _status_of(fields: dict[str, object]) -> Status:
    value = fields.get("status")
    code = whole_of(value)
    status = None if code is None else _STATUS_OF_CODE.get(code)
    if status is None and isinstance(value, str):
        name = value.strip().upper().replace("-", "").replace(" ", "").replace("_", "")
        status = _STATUS_OF_NAME.get(name)
    if status is None:
        names = ", ".join(f"{known} ({known.code})" for known in UnitStatus)
        raise PushError(f"status: expected one of {names}")
    return Status(ids=_ids_of(fields), status=status)


def _call_of(fields: dict[str, object]) -> EmergencyCall:
    emergency = fields.get("emergency")
    urgent = True if emergency is None else truth_of(emergency)
    if urgent is None:
        raise PushError("emergency: expected true or false")
    place = place_of(fields)
    return EmergencyCall(
        caller=_needed(fields, "caller", MAX_TEXT_LENGTH),
        location=_needed(fields, "location", MAX_TEXT_LENGTH),
        description=_needed(fields, "description", MAX_DESCRIPTION_LENGTH),
        emergency=urgent,
        x=place.x,
        y=place.y,
        z=place.z,
        postal=text_of(fields.get("postal"), MAX_POSTAL_LENGTH),
        delete_after_minutes=_minutes_of(fields.get("delete_after_minutes")),
        metadata=_metadata_of(fields.get("metadata")),
    )


def _needed(fields: dict[str, object], name: str, limit: int) -> str:
    text = text_of(fields.get(name), limit)
    if text is None:
        raise PushError(f"{name}: expected text")
    return text


def _minutes_of(value: object) -> int | None:
    if value is None:
        return None
    minutes = whole_of(value)
    if minutes is None or not 0 < minutes <= MAX_MINUTES:
        raise PushError(f"delete_after_minutes: expected a whole number from 1 to {MAX_MINUTES}")
    return minutes


def _metadata_of(value: object) -> dict[str, str]:
    if not value:
        return {}
    if not is_object(value):
        raise PushError("metadata: expected an object")
    if len(value) > MAX_METADATA:
        raise PushError(f"metadata: at most {MAX_METADATA} entries, found {len(value)}")
    return dict(_entry(name, member) for name, member in value.items() if member is not None)


def _entry(name: str, value: object) -> tuple[str, str]:
    key = text_of(name, MAX_METADATA_KEY_LENGTH)
    text = text_of(value, MAX_METADATA_VALUE_LENGTH)
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, str):
        text = text or ""
    if key is None or text is None:
        raise PushError("metadata: expected names and texts")
    return key, text


_READERS: dict[EventKind, Callable[[dict[str, object]], Event]] = {
    EventKind.PANIC: panic_of,
    EventKind.STATUS: _status_of,
    EventKind.CALL_911: _call_of,
}
