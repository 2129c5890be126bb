"""The operations that configure a community and its servers: pagers, stations, callouts, street signs, codes, postals."""

from http import HTTPStatus

import msgspec

from bridge.simulator.community import Community
from bridge.simulator.configuration_shapes import (
    CALLOUTS,
    PAGER_CONFIG,
    PENAL_CODES,
    POSTALS,
    SIGN_CHANGE,
    STATIONS,
    STREET_SIGNS,
)
from bridge.simulator.messages import Ask, ProblemError
from bridge.simulator.shapes import changes


def get_pager_config(community: Community, ask: Ask) -> object:
    """Return a server's pager configuration; one that nobody has set is Sonoran's example."""
    return community.estate.equipment_of(ask.server_id).pager


def set_pager_config(community: Community, ask: Ask) -> object:
    """Replace a server's pager configuration."""
    community.estate.equipment_of(ask.server_id).pager = ask.body(PAGER_CONFIG)
    return {"serverId": ask.server_id}


def set_stations(community: Community, ask: Ask) -> object:
    """Replace a server's stations."""
    community.estate.equipment_of(ask.server_id).stations = ask.body(STATIONS)
    return {"serverId": ask.server_id}


def set_callouts(community: Community, ask: Ask) -> object:
    """Replace a server's callouts."""
    callouts = ask.body(CALLOUTS).callouts
    community.estate.equipment_of(ask.server_id).callouts = callouts
    return {"serverId": ask.server_id, "callouts": len(callouts)}


def set_street_sign_config(community: Community, ask: Ask) -> object:
    """Replace a server's street signs."""
    signs = ask.body(STREET_SIGNS).signs
    community.estate.equipment_of(ask.server_id).signs = {sign.id: sign for sign in signs}
    return {"serverId": ask.server_id, "signs": len(signs)}


def update_street_signs(community: Community, ask: Ask) -> object:
    """Change the text of signs; ``ids`` are those that are there, none of them there is a 404."""
    change = ask.body(SIGN_CHANGE)
    signs = community.estate.equipment_of(ask.server_id).signs
    ids = [number for number in change.ids if number in signs]
    if not ids:
        raise ProblemError(HTTPStatus.NOT_FOUND, "The street signs were not found.")
    texts = {name: value for name, value in changes(change).items() if name != "ids"}
    signs.update({number: msgspec.structs.replace(signs[number], **texts) for number in ids})
    return {"ids": ids}


def auth_street_signs(community: Community, ask: Ask) -> object:
    """Tell that the community may have street signs: its plan has been looked at already."""
    del community
    return {"authorized": True, "serverId": ask.server_id}


def get_penal_codes(community: Community, ask: Ask) -> object:
    """Return the penal codes, as setPenalCodes took them: the answer is not documented."""
    del ask
    return {"codes": community.estate.penal_codes}


def set_penal_codes(community: Community, ask: Ask) -> object:
    """Replace the penal codes."""
    community.estate.penal_codes = ask.body(PENAL_CODES).codes or []
    return {"updated": len(community.estate.penal_codes)}


def set_postal_config(community: Community, ask: Ask) -> object:
    """Replace the postals."""
    community.estate.postals = ask.body(POSTALS).postals or []
    return {"updated": len(community.estate.postals)}
