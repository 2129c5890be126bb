"""Event pushes: what must reach the CAD, one or many at once."""

from collections.abc import Callable, Sequence

from bridge.errors import PushError
from bridge.events import Event, EventKind
from bridge.intake.blips import blip_of
from bridge.intake.call_changes import attachment_of, closing_of, detachment_of, note_of, removal_of
from bridge.intake.calls import dispatch_call_of, emergency_call_of
from bridge.intake.clockings import clocking_of
from bridge.intake.document import read_document
from bridge.intake.fields import is_list, is_object, items_of, mapping_of, text_of
from bridge.intake.units import kick_of, panic_of, photo_of, status_of

MAX_EVENTS = 1000  # in one request
MAX_SHOWN_LENGTH = 23  # characters of a wrong type that are repeated: a token in its place is longer
NO_CMS = "type: clock is for the CMS, and bridge.toml has no section [cms]"

_KNOWN = ", ".join(sorted(EventKind))
_READERS: dict[EventKind, Callable[[dict[str, object]], Event]] = {
    EventKind.PANIC: panic_of,
    EventKind.STATUS: status_of,
    EventKind.CALL_911: emergency_call_of,
    EventKind.CALL_911_REMOVE: removal_of,
    EventKind.DISPATCH_CALL: dispatch_call_of,
    EventKind.DISPATCH_NOTE: note_of,
    EventKind.DISPATCH_ATTACH: attachment_of,
    EventKind.DISPATCH_DETACH: detachment_of,
    EventKind.DISPATCH_CLOSE: closing_of,
    EventKind.KICK: kick_of,
    EventKind.BLIP: blip_of,
    EventKind.PHOTO: photo_of,
    EventKind.CLOCK: clocking_of,
}


def read_events(body: bytes, *, cms: bool = True) -> tuple[Event, ...]:
    """Return the events of one object with a ``type``, or of a list of such.

    Args:
        body: what was pushed.
        cms: whether there is a CMS, which ``clock`` is for.

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
                events.append(_event_of(member, cms=cms))
            except PushError as error:
                problems.append((index, str(error)))
    if problems:
        raise PushError(f"{len(problems)} of {len(members)} events make no sense; none was stored", problems)
    if not events:
        raise PushError(f'expected {{"type": …}} or a list of such; the types are {_KNOWN}')
    return tuple(events)


def _members(document: object) -> Sequence[object]:
    fields = mapping_of(document)
    if "type" in fields or (fields and not all(isinstance(member, dict) for member in fields.values())):
        return (document,)
    if not is_list(document) and not is_object(document):
        raise PushError("expected an event or a list of events")
    return items_of(document) or ()


def _event_of(member: object, *, cms: bool) -> Event:
    fields = mapping_of(member)
    kind = text_of(fields.get("type"))
    if kind is None:
        raise PushError(f"type: missing; the types are {_KNOWN}")
    if kind == EventKind.CLOCK and not cms:
        raise PushError(NO_CMS)
    if kind not in _READERS:
        shown = f" {kind!r}" if len(kind) <= MAX_SHOWN_LENGTH else ""
        raise PushError(f"type: unknown{shown}; the types are {_KNOWN}")
    return _READERS[EventKind(kind)](fields)
