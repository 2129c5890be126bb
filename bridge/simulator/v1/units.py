"""The types about units: where they are, their panic buttons and status, who is there, who has to go."""

from typing import Any

from bridge.simulator import units
from bridge.simulator.community import Community
from bridge.simulator.envelope import Task
from bridge.simulator.roster import Unit
from bridge.simulator.shapes import changes
from bridge.simulator.v1.errands import ask, here, server_of_unit, target_of
from bridge.simulator.v1.shapes import Kick, Location, Panic, Status, UnitsWanted


def unit_location(community: Community, task: Task) -> object:
    """Move units; nobody is told about those that no account has linked."""
    by_server: dict[int, list[Any]] = {}
    for given in task.read(Location):
        server = server_of_unit(community, given.api_id, given.server_id)
        by_server.setdefault(server, []).append(_update(given))
    for server, updates in by_server.items():
        units.update_unit_locations(community, ask(task, {"updates": updates}, {"serverId": server}))
    return "UNIT LOCATION UPDATED"


def unit_panic(community: Community, task: Task) -> object:
    """Switch panic buttons."""
    for given, target in [(given, target_of(given)) for given in task.read(Panic)]:
        server = server_of_unit(community, given.api_id, given.server_id)
        body = {**target, "isPanic": given.is_panic}
        units.set_unit_panic(community, ask(task, body, {"serverId": server}))
    return "UNIT PANIC UPDATED"


def unit_status(community: Community, task: Task) -> object:
    """Set the status of units."""
    for given, target in [(given, target_of(given)) for given in task.read(Status)]:
        server = server_of_unit(community, given.api_id, given.server_id)
        units.set_unit_status(community, ask(task, {**target, "status": given.status}, {"serverId": server}))
    return "UNIT STATUS UPDATED"


def kick_unit(community: Community, task: Task) -> object:
    """Log units out; that nobody was found is told to nobody."""
    for given in task.read(Kick):
        unit = community.unit(given.api_id, here(community, given.server_id))
        if unit is not None:
            community.kick(unit, given.reason, task.now)
    return "UNIT KICKED"


def get_active_units(community: Community, task: Task) -> object:
    """List the units of a server that somebody is out as, or all of its identifiers."""
    wanted = task.first(UnitsWanted)
    here(community, wanted.server_id)
    shown = [
        unit_row(community, unit)
        for unit in community.roster.everyone()
        if unit.server_id == wanted.server_id
        and (wanted.include_offline or community.roster.is_online(unit))
        and not (wanted.only_units and unit.is_dispatch)
    ]
    return shown[wanted.offset : wanted.offset + wanted.limit]


def unit_row(community: Community, unit: Unit) -> dict[str, Any]:
    """Return a unit as v1 shows it: with the API ids of its account and without coordinates."""
    ids = [*community.people.api_ids(unit.account), "", ""]
    data = unit.data
    return {
        "id": unit.ident,
        "accId": unit.account,
        "status": unit.status,
        "isPanic": unit.is_panic,
        "location": unit.location or "",
        "aop": unit.aop,
        "isDispatch": unit.is_dispatch,
        "data": {
            "apiId1": ids[0],
            "apiId2": ids[1],
            "communityUserId": unit.unit_id,
            "unitNum": data.unit_num,
            "name": data.name,
            "district": data.district,
            "department": data.department,
            "subdivision": data.subdivision,
            "rank": data.rank,
            "group": data.group,
            "page": data.page,
        },
    }


def _update(given: Location) -> dict[str, object]:
    said = changes(given)
    return {
        "communityUserId": given.api_id,
        "location": given.location,
        "coordinates": given.coordinates,
        **{
            name: said[field]
            for field, name in (("peer_id", "peerId"), ("vehicle", "vehicle"))
            if field in said
        },
    }
