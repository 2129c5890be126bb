"""The types that configure a community and its servers; texts are those of Sonoran's pages, several of which share one."""

from typing import Any

import msgspec
from msgspec import Struct, field

from bridge.simulator import configuration
from bridge.simulator.community import Community
from bridge.simulator.configuration_shapes import Callout, PagerConfig, SignChange, Stations, StreetSign
from bridge.simulator.envelope import Task, convert
from bridge.simulator.shapes import Coordinates
from bridge.simulator.v1.errands import ask, here
from bridge.simulator.v1.shapes import OnServer


class StationSetting(OnServer, frozen=True, kw_only=True, rename="camel"):
    """SET_STATIONS."""

    config: Stations


class CalloutSetting(OnServer, frozen=True, kw_only=True, rename="camel"):
    """SET_AVAILABLE_CALLOUTS."""

    callouts: list[Callout]


class Sign(Struct, frozen=True, kw_only=True):
    """A street sign, which has no place here."""

    id: int
    label: str = ""
    text1: str = ""
    text2: str = ""
    text3: str = ""
    coordinates: Coordinates = field(default_factory=lambda: Coordinates(x=0.0, y=0.0))


class SignSetting(OnServer, frozen=True, kw_only=True, rename="camel"):
    """SET_STREETSIGN_CONFIG."""

    sign_config: list[Sign]


class SignUpdate(OnServer, frozen=True, kw_only=True, rename="camel"):
    """UPDATE_STREETSIGN; what is left out stays."""

    sign_data: SignChange


def get_pager_config(community: Community, task: Task) -> object:
    """Return a server's pager configuration."""
    return community.estate.equipment_of(here(community, task.first(OnServer).server_id)).pager


def set_pager_config(community: Community, task: Task) -> object:
    """Replace pager configurations; nodes that are left out stay."""
    servers = [here(community, given.server_id) for given in task.read(OnServer)]
    for server, given in zip(servers, task.read(PagerConfig), strict=True):
        equipment = community.estate.equipment_of(server)
        nodes = equipment.pager.nodes if given.nodes is None else given.nodes
        equipment.pager = msgspec.structs.replace(given, nodes=nodes)
    return "Updated pager config!"


def set_stations(community: Community, task: Task) -> object:
    """Replace stations."""
    for given in task.read(StationSetting):
        community.estate.equipment_of(here(community, given.server_id)).stations = given.config
    return "Updated station config!"


def set_available_callouts(community: Community, task: Task) -> object:
    """Replace callouts."""
    count = 0
    for given in task.read(CalloutSetting):
        community.estate.equipment_of(here(community, given.server_id)).callouts = given.callouts
        count += len(given.callouts)
    return f"Updated {count} callouts"


def set_streetsign_config(community: Community, task: Task) -> object:
    """Replace street signs."""
    for given in task.read(SignSetting):
        signs = {sign.id: convert(msgspec.to_builtins(sign), StreetSign) for sign in given.sign_config}
        community.estate.equipment_of(here(community, given.server_id)).signs = signs
    return "API ID(s) set!"


def update_streetsign(community: Community, task: Task) -> object:
    """Change the text of signs; those that are not there are let be."""
    for given in task.read(SignUpdate):
        server = here(community, given.server_id)
        configuration.update_street_signs(community, ask(task, given.sign_data, {"serverId": server}))
    return "API ID(s) set!"


def auth_streetsigns(community: Community, task: Task) -> object:
    """Tell that a server may have street signs: the plan has been looked at already."""
    here(community, task.first(OnServer).server_id)
    return "Success"


def set_penal_codes(community: Community, task: Task) -> object:
    """Replace the penal codes: they are ``data``."""
    community.estate.penal_codes = _objects(task)
    return "PENAL CODES SET!"


def set_postals(community: Community, task: Task) -> object:
    """Replace the postals: they are ``data``."""
    community.estate.postals = _objects(task)
    return "Success"


def _objects(task: Task) -> list[dict[str, Any]]:
    return [convert(item, dict[str, Any]) for item in task.items]
