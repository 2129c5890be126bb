"""The operations on 911 calls, and the list of all calls."""

from http import HTTPStatus

from bridge.simulator.board import Call, DispatchCall, EmergencyCall
from bridge.simulator.community import Community, utc
from bridge.simulator.messages import Ask, ProblemError
from bridge.simulator.shapes import NEW_EMERGENCY_CALL

DISPATCH_CALLS, EMERGENCY_CALLS, ALL_CALLS = 0, 1, 100  # CALL_TABLE_TYPE
CLOSED = 2  # the status that closed calls are shown with


def create_911_call(community: Community, ask: Ask) -> object:
    """Create a 911 call."""
    content = ask.body(NEW_EMERGENCY_CALL)
    return _emergency_row(community.board.open_emergency(ask.server_id, content, ask.now))


def remove_911_call(community: Community, ask: Ask) -> object:
    """Remove a 911 call; one that is not there is a 404."""
    call_id = ask.parameter("callId")
    if not community.remove_call(ask.server_id, call_id, ask.now):
        raise ProblemError(HTTPStatus.NOT_FOUND, "The call was not found.")
    return {"callId": call_id, "serverId": ask.server_id}


def get_calls(community: Community, ask: Ask) -> object:
    """List a server's calls: the open ones of both sorts, and a page of the closed dispatch calls, newest first.

    Removed 911 calls are gone.
    """
    limit, offset = ask.number("closedLimit"), ask.number("closedOffset")
    table = ask.number("type")
    if table not in {DISPATCH_CALLS, EMERGENCY_CALLS, ALL_CALLS}:
        raise ProblemError(HTTPStatus.BAD_REQUEST, "The value of 'type' is not a CALL_TABLE_TYPE.")
    board = community.board
    emergency = [] if table == DISPATCH_CALLS else board.emergency(ask.now)
    dispatch, closed = ([], []) if table == EMERGENCY_CALLS else (board.dispatch(), board.closed())
    closed = [call for call in closed if _shows(call, community, ask)]
    tables = {
        "ActiveCalls": [dispatch_row(call) for call in dispatch if _shows(call, community, ask)],
        "EmergencyCalls": [_emergency_row(call) for call in emergency if _shows(call, community, ask)],
        "ClosedCalls": [dispatch_row(call) for call in closed[offset : offset + limit]],
        "ClosedCallCount": len(closed),
    }
    return {
        (name[0].lower() + name[1:] if community.camel_calls else name): rows for name, rows in tables.items()
    }


def dispatch_row(call: DispatchCall) -> dict[str, object]:
    """Return a dispatch call as the CAD shows it; who is on it first is its primary unless one was named."""
    content = call.content
    first = call.idents[0] if call.idents else None
    return {
        "callId": call.call_id,
        "origin": content.origin,
        "status": content.status if call.closed_at is None else CLOSED,
        "priority": content.priority,
        "block": content.block,
        "address": content.address,
        "postal": content.postal,
        "title": content.title,
        "code": content.code,
        "primary": first if content.primary is None else content.primary,
        "trackPrimary": bool(content.track_primary),
        "description": content.description,
        "notes": call.notes,
        "idents": call.idents,
        "metaData": content.meta_data or {},
        "updated": utc(call.updated_at),
    }


def _emergency_row(call: EmergencyCall) -> dict[str, object]:
    return {
        "callId": call.call_id,
        "isEmergency": call.content.is_emergency,
        "caller": call.content.caller,
        "location": call.content.location,
        "description": call.content.description,
        "metaData": call.content.meta_data or {},
        "updated": utc(call.updated_at),
    }


def _shows(call: Call, community: Community, ask: Ask) -> bool:
    return call.server_id == ask.server_id and call.created_at + community.calls_visible_after <= ask.now
