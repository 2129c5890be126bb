"""The operations on units: where they are, their panic buttons and status, who is there, who has to go."""

from http import HTTPStatus

from bridge.simulator.community import Community
from bridge.simulator.messages import Ask, ProblemError
from bridge.simulator.shapes import (
    KICKS,
    LOCATION_UPDATES,
    PANIC_CHANGE,
    STATUS_CHANGE,
    UNIT_STATUS,
)
from bridge.simulator.targets import account_in_path, check, find, named


def update_unit_locations(community: Community, ask: Ask) -> object:
    """Move units; ``updated`` counts those that some account has linked, each once."""
    updates = [named(update, ask) for update in ask.body(LOCATION_UPDATES).updates]
    updated: set[str] = set()
    for update in updates:
        for unit in find(community, update, ask):
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
    units = find(community, named(change, ask), ask)
    for unit in units:
        unit.is_panic = change.is_panic
        unit.updated_at = ask.now
    return {"updated": len(units), "isPanic": change.is_panic}


def set_unit_status(community: Community, ask: Ask) -> object:
    """Set the status of units; it is answered as text."""
    change = ask.body(STATUS_CHANGE)
    units = find(community, named(change, ask), ask)
    for unit in units:
        unit.status = change.status
        unit.updated_at = ask.now
    return {"updated": len(units), "status": UNIT_STATUS[change.status]}


def get_active_units(community: Community, ask: Ask) -> object:
    """List the units of a server that somebody is out as, or all of its identifiers."""
    include_offline, only_units = ask.flag("includeOffline"), ask.flag("onlyUnits")
    limit, offset = ask.number("limit"), ask.number("offset")
    shown = [
        unit.row()
        for unit in community.roster.everyone()
        if unit.server_id == ask.server_id
        and (include_offline or community.roster.is_online(unit))
        and not (only_units and unit.is_dispatch)
    ]
    return shown[offset : offset + limit]


def get_account_units(community: Community, ask: Ask) -> object:
    """List the identifiers that an account has on a server."""
    only_online, only_units = ask.flag("onlyOnline"), ask.flag("onlyUnits")
    limit, offset = ask.number("limit"), ask.number("offset")
    shown = [
        unit.row()
        for unit in community.roster.of(account_in_path(community, ask))
        if unit.server_id == ask.server_id
        and not (only_online and not community.roster.is_online(unit))
        and not (only_units and unit.is_dispatch)
    ]
    return {"Units": shown[offset : offset + limit]}


def kick_unit(community: Community, ask: Ask) -> object:
    """Log units out; a list is answered with the list of those that were found, nobody found is a 404."""
    body = ask.body(KICKS)
    kicks = body if isinstance(body, list) else [body]
    for kick in kicks:
        check(kick.community_user_id, ask)
    rows: list[object] = []
    for kick in kicks:
        unit = community.unit(kick.community_user_id, ask.server_id)
        if unit is not None:
            community.kick(unit, kick.reason, ask.now)
            rows.append({"identId": unit.ident, "reason": kick.reason})
    if not rows:
        raise ProblemError(HTTPStatus.NOT_FOUND, "The unit was not found.")
    return rows if isinstance(body, list) else rows[0]
