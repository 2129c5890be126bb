"""What each kind of event becomes on Sonoran's wire."""

from collections.abc import Sequence

from bridge.events import (
    Blip,
    CallReference,
    Clocking,
    DispatchAttachment,
    DispatchCall,
    DispatchClosing,
    DispatchDetachment,
    DispatchNote,
    EmergencyCall,
    EmergencyCallRemoval,
    Event,
    EventId,
    Kick,
    Panic,
    Photo,
    Status,
)
from bridge.operations import (
    ADD_CALL_NOTE,
    ATTACH_UNITS,
    CLOSE_DISPATCH_CALLS,
    CREATE_911_CALL,
    CREATE_BLIP,
    CREATE_DISPATCH_CALL,
    DETACH_UNITS,
    KICK_UNIT,
    REMOVE_911_CALL,
    SEND_PHOTO,
    SET_UNIT_PANIC,
    SET_UNIT_STATUS,
)
from bridge.sonoran.messages import CadRequest
from bridge.sonoran.v2.requests import MARK, build, coordinates
from bridge.units import ServerId, TargetKind, UnitId, target_of

LATE_AFTER = 60.0  # seconds after which a 911 call says that it comes late


def deliver(
    server_id: ServerId, event: Event, units: Sequence[UnitId], age: float, mark: EventId
) -> CadRequest:
    """Build the request that an event becomes.

    Args:
        server_id: Sonoran's number of the game server.
        event: what happened; the calls it is about are Sonoran's numbers by now.
        units: the units to name, of this event and of others in the same state.
        age: seconds since the event was accepted.
        mark: the event's own id, by which a call that the CAD has is known again.

    Raises:
        TypeError: a call is still named by its event, or the event is none of the CAD's.
    """
    match event:
        case EmergencyCall():
            return build(CREATE_911_CALL, server_id, _emergency_call(event, age, mark))
        case DispatchCall():
            return build(CREATE_DISPATCH_CALL, server_id, _dispatch_call(event, mark))
        case Blip():
            return build(CREATE_BLIP, server_id, _blip(event))
        case Panic() | Status() | Kick() | Photo():
            return _about_units(server_id, event, units)
        case Clocking():
            raise TypeError("the CAD has no clock: the CMS is told")
        case _:
            return _about_call(server_id, event, units)


def describe_call(
    call: EmergencyCall | DispatchCall, mark: EventId, call_id: int | None
) -> dict[str, object]:
    """Return what the CAD answers to a new call, from what is known of it."""
    body = _emergency_call(call, 0.0, mark) if isinstance(call, EmergencyCall) else _dispatch_call(call, mark)
    return body | {"callId": call_id}


def _about_units(
    server_id: ServerId, event: Panic | Status | Kick | Photo, units: Sequence[UnitId]
) -> CadRequest:
    body: object
    match event:
        case Panic(active=active):
            body = {**name_units(units), "isPanic": active}
            return build(SET_UNIT_PANIC, server_id, body)
        case Status(status=status):
            body = {**name_units(units), "status": status.code}
            return build(SET_UNIT_STATUS, server_id, body)
        case Kick(reason=reason):
            body = [{"communityUserId": unit_id, "reason": reason} for unit_id in units]
            return build(KICK_UNIT, server_id, body)
        case Photo(id=unit_id, url=url):
            return build(SEND_PHOTO, server_id, {"communityUserId": unit_id, "url": url})


def name_units(units: Sequence[UnitId]) -> dict[str, object]:
    """Return the field that names units of one kind, as they were named to us."""
    targets = [target_of(unit_id) for unit_id in units]
    kind, name = targets[0]
    match kind:
        case TargetKind.COMMUNITY_USER:
            return {kind: units}
        case TargetKind.IDENTIFIER:
            return {kind: [int(number) for _, number in targets]}
        case TargetKind.ROBLOX:
            return {kind: int(name)}
        case _:
            return {kind: name}


def _about_call(
    server_id: ServerId,
    event: EmergencyCallRemoval | DispatchNote | DispatchAttachment | DispatchDetachment | DispatchClosing,
    units: Sequence[UnitId],
) -> CadRequest:
    match event:
        case EmergencyCallRemoval(call=call):
            return build(REMOVE_911_CALL, server_id, None, _number(call))
        case DispatchNote(call=call):
            return build(ADD_CALL_NOTE, server_id, _note(event), _number(call))
        case DispatchAttachment(call=call):
            return build(ATTACH_UNITS, server_id, {"communityUserIds": units}, _number(call))
        case DispatchDetachment():
            return build(DETACH_UNITS, server_id, {"communityUserIds": units})
        case DispatchClosing(calls=calls):
            return build(CLOSE_DISPATCH_CALLS, server_id, {"callIds": [_number(call) for call in calls]})


def _number(call: CallReference) -> int:
    if not isinstance(call, int):
        raise TypeError("a call is still named by its event")
    return call


def _emergency_call(call: EmergencyCall, age: float, mark: EventId) -> dict[str, object]:
    late = f"(delayed {round(age / 60)} min) " if age >= LATE_AFTER else ""
    postal = {} if call.postal is None else {"postal": call.postal}
    body: dict[str, object] = {
        "isEmergency": call.emergency,
        "caller": call.caller,
        "location": call.location,
        "description": late + str(call.extra.get("description", call.description)),
        "metaData": call.metadata | _place(call) | postal | {MARK: mark},
    }
    if call.delete_after_minutes is not None:
        body["deleteAfterMinutes"] = call.delete_after_minutes
    extra = {name: value for name, value in call.extra.items() if name not in ("description", "metaData")}
    return extra | {name: value for name, value in body.items() if name not in extra}


def _dispatch_call(call: DispatchCall, mark: EventId) -> dict[str, object]:
    units = {"communityUserIds": call.ids} if call.ids else {}
    return {
        "origin": call.origin,
        "status": call.status,
        "priority": call.priority,
        "block": call.block,
        "address": call.address,
        "postal": call.postal,
        "title": call.title,
        "code": call.code,
        "description": call.description,
        "notes": None,
        **units,
        **call.extra,
        "metaData": call.metadata | _place(call) | {MARK: mark},
    }


def _place(call: EmergencyCall | DispatchCall) -> dict[str, str]:
    place = {"x": call.x, "y": call.y, "z": call.z}
    return {name: _decimal(value) for name, value in place.items() if value is not None}


def _decimal(value: float) -> str:
    return f"{value:z.3f}".rstrip("0").rstrip(".")


def _note(note: DispatchNote) -> dict[str, str]:
    label = {} if note.label is None else {"label": note.label}
    return {"note": note.note, "noteType": note.note_type, **label}


def _blip(blip: Blip) -> dict[str, object]:
    radius = {} if blip.radius is None else {"radius": blip.radius}
    return {
        "coordinates": coordinates(blip.x, blip.y, blip.z, 0.0),
        "subType": blip.sub_type,
        "icon": blip.icon,
        "color": blip.color,
        "tooltip": blip.tooltip,
        **radius,
        "data": blip.data,
    }
