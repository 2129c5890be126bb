"""The operations on the live map: marks that are put on it."""

from http import HTTPStatus

from bridge.simulator.community import Blip, Community
from bridge.simulator.messages import Ask, ProblemError
from bridge.simulator.shapes import BLIP_CHANGE, BLIP_IDS, NEW_BLIP, changes


def create_blip(community: Community, ask: Ask) -> object:
    """Put a mark on the live map."""
    return _row(community.mark(ask.server_id, ask.body(NEW_BLIP)))


def get_blips(community: Community, ask: Ask) -> object:
    """List the marks of a server."""
    return [_row(blip) for blip in community.blips if blip.server_id == ask.server_id]


def update_blip(community: Community, ask: Ask) -> object:
    """Change a mark; what the body leaves out stays."""
    change = ask.body(BLIP_CHANGE)
    for blip in community.blips:
        if (blip.server_id, blip.blip_id) == (ask.server_id, ask.parameter("blipId")):
            community.change_blip(blip, changes(change))
            return {"id": blip.blip_id}
    raise ProblemError(HTTPStatus.NOT_FOUND, "The blip was not found.")


def delete_blips(community: Community, ask: Ask) -> object:
    """Remove marks; ``ids`` are those that were there, none of them there is a 404."""
    wanted = ask.body(BLIP_IDS).ids
    here = [blip for blip in community.blips if blip.server_id == ask.server_id and blip.blip_id in wanted]
    if not here:
        raise ProblemError(HTTPStatus.NOT_FOUND, "The blips were not found.")
    for blip in here:
        community.blips.remove(blip)
    return {"ids": [blip.blip_id for blip in here]}


def _row(blip: Blip) -> object:
    content = blip.content
    return {
        "id": blip.blip_id,
        "coordinates": {
            "x": content.coordinates.x,
            "y": content.coordinates.y,
            "z": content.coordinates.z or 0.0,
            "w": content.coordinates.w or 0.0,
        },
        "subType": content.sub_type,
        "icon": content.icon,
        "color": content.color,
        "tooltip": content.tooltip,
        "data": content.data or [],
        "radius": content.radius or 0.0,
    }
