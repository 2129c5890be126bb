"""The types about the live map: marks that are put on it."""

from typing import Any

from msgspec import Struct

from bridge.simulator.community import Blip, Community
from bridge.simulator.envelope import RefusedError, Task
from bridge.simulator.shapes import BlipChange, NewBlip, changes
from bridge.simulator.v1.errands import here
from bridge.simulator.v1.shapes import OnServer


class Marking(OnServer, frozen=True, kw_only=True, rename="camel"):
    """ADD_BLIP; the mark's id is -1 until it has one."""

    blip: NewBlip


class MarkChange(BlipChange, frozen=True, kw_only=True, rename="camel"):
    """MODIFY_BLIP; what is left out stays."""

    id: int


class MarkIds(Struct, frozen=True, kw_only=True):
    """REMOVE_BLIP."""

    ids: list[int]


def add_blip(community: Community, task: Task) -> object:
    """Put marks on the live map; they are answered with their ids."""
    given = task.read(Marking)
    servers = [here(community, one.server_id) for one in given]
    return [_row(community.mark(server, one.blip)) for one, server in zip(given, servers, strict=True)]


def get_blips(community: Community, task: Task) -> object:
    """List the marks of a server."""
    server = here(community, task.first(OnServer).server_id)
    return [_row(blip) for blip in community.blips if blip.server_id == server]


def modify_blip(community: Community, task: Task) -> object:
    """Change marks."""
    given = task.read(MarkChange)
    for change, blip in [(change, _blip(community, change.id)) for change in given]:
        fields = {name: value for name, value in changes(change).items() if name != "id"}
        community.change_blip(blip, fields)
    return "\n".join(f"Blip {change.id} modified!" for change in given)


def remove_blip(community: Community, task: Task) -> object:
    """Remove marks; several are told in one line, which no page shows."""
    texts: list[str] = []
    for given in task.read(MarkIds):
        for blip in [_blip(community, number) for number in dict.fromkeys(given.ids)]:
            community.blips.remove(blip)
        texts.append(f"Blip {', '.join(str(number) for number in given.ids)} removed!")
    return "\n".join(texts)


def _blip(community: Community, number: int) -> Blip:
    for blip in community.blips:
        if blip.blip_id == number:
            return blip
    raise RefusedError("The blip was not found.")


def _row(blip: Blip) -> dict[str, Any]:
    content = blip.content
    return {
        "id": blip.blip_id,
        "subType": content.sub_type,
        "coordinates": {"x": content.coordinates.x, "y": content.coordinates.y},
        "radius": content.radius or 0.0,
        "icon": content.icon,
        "color": content.color,
        "tooltip": content.tooltip,
        "data": content.data or [],
    }
