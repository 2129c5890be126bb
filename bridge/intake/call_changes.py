"""Events about a call that something else created, and how they say which one."""

import re

from bridge.errors import PushError
from bridge.events import (
    CallReference,
    DispatchAttachment,
    DispatchClosing,
    DispatchDetachment,
    DispatchNote,
    EmergencyCallRemoval,
    EventId,
)
from bridge.intake.fields import items_of, mapping_of, text_of, whole_of
from bridge.intake.required import MAX_DESCRIPTION_LENGTH, MAX_WORD_LENGTH, needed_text, needed_units

MAX_CALLS = 100  # in one event
MAX_CALL_NUMBER = 2**31 - 1  # what a 32-bit number holds; Sonoran's examples have three digits
EXPECTED = f"Sonoran's number of a call (1 to {MAX_CALL_NUMBER}) or the id of the event that creates it"

_EVENT_ID = re.compile(r"[0-9a-f]{32}|(?=[0-9-]*[A-Za-z])[A-Za-z0-9-]{1,64}")
_NUMBER = re.compile(r"[0-9]{1,20}(?:\.0*)?")


def removal_of(fields: dict[str, object]) -> EmergencyCallRemoval:
    """Return the removal of a 911 call.

    Raises:
        PushError: it names no call.
    """
    return EmergencyCallRemoval(call=_call_of(fields))


def note_of(fields: dict[str, object]) -> DispatchNote:
    """Return the note on a call.

    Raises:
        PushError: it names no call, or says nothing.
    """
    return DispatchNote(
        call=_call_of(fields),
        note=needed_text(fields, "note", MAX_DESCRIPTION_LENGTH),
        label=text_of(fields.get("label"), MAX_WORD_LENGTH),
        note_type=text_of(fields.get("note_type", fields.get("noteType")), MAX_WORD_LENGTH) or "text",
    )


def attachment_of(fields: dict[str, object]) -> DispatchAttachment:
    """Return the units that are put on a call.

    Raises:
        PushError: it names no call, or no unit.
    """
    return DispatchAttachment(call=_call_of(fields), ids=needed_units(fields))


def detachment_of(fields: dict[str, object]) -> DispatchDetachment:
    """Return the units that are taken off their calls.

    Raises:
        PushError: it names no unit.
    """
    return DispatchDetachment(ids=needed_units(fields))


def closing_of(fields: dict[str, object]) -> DispatchClosing:
    """Return the calls of ``calls`` and ``call`` that are closed, each once.

    Raises:
        PushError: there is none, one is no call, or there are too many.
    """
    found: dict[CallReference, None] = {}
    for name in ("calls", "call"):
        for index, call in _calls_of(fields.get(name)):
            if call is None:
                raise PushError(f"{name}: number {index} is no call; expected {EXPECTED}")
            found[call] = None
    if not found:
        raise PushError(f"calls: expected at least one; each is {EXPECTED}")
    if len(found) > MAX_CALLS:
        raise PushError(f"calls: at most {MAX_CALLS} fit into one event, found {len(found)}")
    return DispatchClosing(calls=tuple(found))


def reference_of(value: object) -> CallReference | None:
    """Return which call is meant: Sonoran's number, also as text, or the id of the call's own event.

    An event's id may consist of digits and one ``e``, which is why text is not simply read as a number.
    """
    if isinstance(value, str):
        value = value.strip()
        if _EVENT_ID.fullmatch(value):
            return EventId(value)
        if not _NUMBER.fullmatch(value):
            return None
    number = whole_of(value)
    return number if number is not None and 0 < number <= MAX_CALL_NUMBER else None


def _call_of(fields: dict[str, object]) -> CallReference:
    call = reference_of(fields.get("call"))
    if call is None:
        raise PushError(f"call: expected {EXPECTED}")
    return call


def _calls_of(value: object) -> list[tuple[int, CallReference | None]]:
    members = items_of(value)
    return [
        (index, reference_of(mapping_of(member).get("id", member)))
        for index, member in enumerate((value,) if members is None else members)
        if member is not None
    ]
