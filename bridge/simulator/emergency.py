"""The operations under ``/v2/emergency``: units and calls."""

from http import HTTPStatus

from bridge.simulator.community import Community, EmergencyCall, Unit, utc
from bridge.simulator.messages import Ask, ProblemError
from bridge.simulator.shapes import (
    LOCATION_UPDATES,
    NEW_EMERGENCY_CALL,
    PANIC_CHANGE,
    STATUS_CHANGE,
    UNIT_STATUS,
    SingleTarget,
    Target,
)

OFFLINE = 100  # UNIT_STATUS
DISPATCH_CALLS, EMERGENCY_CALLS, ALL_CALLS = 0, 1, 100  # CALL_TABLE_TYPE


def update_unit_locations(community: Community, ask: Ask) -> object:
    """Move units; ``updated`` counts those that some account has linked, each once."""
    updates = ask.body(LOCATION_UPDATES).updates
    moves = [(_named(update, ask), update) for update in updates]
    updated: set[str] = set()
    for named, update in moves:
        for unit in _find(community, named, ask):
            unit.location = update.location
            unit.coordinates = update.coordinates
            unit.vehicle = update.vehicle
            unit.peer_id = update.peer_id
            unit.updated_at = ask.now
            updated.add(unit.unit_id)
    return {"updated": len(updated)}


def set_unit_panic(community: Community, ask: Ask) -> object:
    """Switch panic buttons."""
    change = ask.body(PANIC_CHANGE)
    units = _find(community, _named(change, ask), ask)
    for unit in units:
        unit.is_panic = change.is_panic
        unit.updated_at = ask.now
    return {"updated": len(units), "isPanic": change.is_panic}


def set_unit_status(community: Community, ask: Ask) -> object:
    """Set the status of units; it is answered as text."""
    change = ask.body(STATUS_CHANGE)
    units = _find(community, _named(change, ask), ask)
    for unit in units:
        unit.status = change.status
        unit.updated_at = ask.now
    return {"updated": len(units), "status": UNIT_STATUS[change.status]}


def get_active_units(community: Community, ask: Ask) -> object:
    """List the units of a server. There are no dispatchers here, so ``onlyUnits`` hides nobody."""
    include_offline = ask.flag("includeOffline")
    ask.flag("onlyUnits")
    limit, offset = ask.number("limit"), ask.number("offset")
    here = [unit for unit in community.units.values() if unit.server_id == ask.server_id]
    shown = [unit for unit in here if include_offline or unit.status != OFFLINE]
    return [_unit_row(unit) for unit in shown[offset : offset + limit]]


def create_911_call(community: Community, ask: Ask) -> object:
    """Create a 911 call."""
    content = ask.body(NEW_EMERGENCY_CALL)
    return _call_row(community.open_call(ask.server_id, content, ask.now))


def remove_911_call(community: Community, ask: Ask) -> object:
    """Remove a 911 call; one that is not there is a 404."""
    call_id = ask.parameter("callId")
    if not community.remove_call(ask.server_id, call_id, ask.now):
        raise ProblemError(HTTPStatus.NOT_FOUND, "The call was not found.")
    return {"callId": call_id, "serverId": ask.server_id}


def get_calls(community: Community, ask: Ask) -> object:
    """List a server's calls. Removed 911 calls are gone; only dispatch calls would be listed as closed."""
    ask.number("closedLimit")
    ask.number("closedOffset")
    table = ask.number("type")
    if table not in {DISPATCH_CALLS, EMERGENCY_CALLS, ALL_CALLS}:
        raise ProblemError(HTTPStatus.BAD_REQUEST, "The value of 'type' is not a CALL_TABLE_TYPE.")
    here = [call for call in community.calls(ask.now) if call.server_id == ask.server_id]
    emergency = [] if table == DISPATCH_CALLS else [_call_row(call) for call in here]
    tables = {"ActiveCalls": [], "EmergencyCalls": emergency, "ClosedCalls": [], "ClosedCallCount": 0}
    return {
        (name[0].lower() + name[1:] if community.camel_calls else name): rows for name, rows in tables.items()
    }


def _named(target: SingleTarget, ask: Ask) -> SingleTarget:
    """Return the target if it names units in exactly one way and none that the CAD refuses."""
    given = [name for name in target.__struct_fields__ if name in _WAYS and getattr(target, name) is not None]
    if len(given) != 1:
        raise ProblemError(HTTPStatus.BAD_REQUEST, "Provide exactly one identifier of the unit.")
    if "" in _user_ids(target) or not ask.refused.isdisjoint(_user_ids(target)):
        raise ProblemError(HTTPStatus.BAD_REQUEST, "A unit of the request is not valid.")
    return target


_WAYS = frozenset(Target.__struct_fields__)


def _user_ids(target: SingleTarget) -> list[str]:
    many = (target.community_user_ids or target.api_ids or []) if isinstance(target, Target) else []
    one = target.community_user_id if target.community_user_id is not None else target.api_id
    return [*many, *([] if one is None else [one])]


def _find(community: Community, target: SingleTarget, ask: Ask) -> list[Unit]:
    """Return the units of a target, each once; nobody here has linked a Roblox or Discord account."""
    user_ids = _user_ids(target)
    if user_ids:
        found = [community.unit(unit_id, ask.server_id) for unit_id in dict.fromkeys(user_ids)]
        return [unit for unit in found if unit is not None]
    idents = (target.ident_ids or []) if isinstance(target, Target) else []
    everybody = community.units.values()
    return [unit for unit in everybody if unit.ident in idents or unit.account == target.account_uuid]


def _unit_row(unit: Unit) -> object:
    return {
        "id": unit.ident,
        "accId": unit.account,
        "status": unit.status,
        "isPanic": unit.is_panic,
        "location": unit.location or "",
        "coordinates": unit.coordinates,
        "aop": "",
        "data": {
            "unitNum": f"A-{unit.ident}",
            "name": f"Officer {unit.ident}",
            "district": "Los Santos",
            "department": "LSPD",
            "subdivision": "Patrol",
            "rank": "Officer",
            "group": "",
            "page": 0,
        },
        "isDispatch": False,
    }


def _call_row(call: EmergencyCall) -> dict[str, object]:
    return {
        "callId": call.call_id,
        "isEmergency": call.content.is_emergency,
        "caller": call.content.caller,
        "location": call.content.location,
        "description": call.content.description,
        "metaData": call.content.meta_data or {},
        "updated": utc(call.created_at),
    }
