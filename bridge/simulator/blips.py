"""The operations on the live map: marks that are put on it."""

from bridge.simulator.community import Blip, Community
from bridge.simulator.messages import Ask
from bridge.simulator.shapes import NEW_BLIP


def create_blip(community: Community, ask: Ask) -> object:
    """Put a mark on the live map."""
    return _row(community.mark(ask.server_id, ask.body(NEW_BLIP)))


def get_blips(community: Community, ask: Ask) -> object:
    """List the marks of a server."""
    return [_row(blip) for blip in community.blips if blip.server_id == ask.server_id]


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
