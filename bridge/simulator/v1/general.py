"""The types about the community itself: its plan, its servers, its clock, secrets, pictures, who belongs to it."""

from typing import Any

from msgspec import Struct

from bridge.simulator import general
from bridge.simulator.community import Community, GameClock, Plan
from bridge.simulator.envelope import INVALID_KEY, NOT_LINKED, RefusedError, Task
from bridge.simulator.people import ACTIVE, INACTIVE, Account
from bridge.simulator.shapes import Number
from bridge.simulator.v1.errands import ask, here
from bridge.simulator.v1.shapes import OnServer

PLANS = {Plan.FREE: 0, Plan.STANDARD: 2, Plan.PLUS: 3, Plan.PRO: 4}  # v1 counts otherwise than v2
MAP_PORT = "30121"  # v1 shows one, and nothing sets it
TEXTS = ("listenerPort",)
INTERNAL_KEY = "simulator-internal-key"


class Beat(OnServer, frozen=True, kw_only=True, rename="camel"):
    """HEARTBEAT, of which the documents show nothing: v2's field, and the server that v2 has in its path."""

    player_count: Number = 0


class ServerSetting(Struct, frozen=True, kw_only=True, rename="camel"):
    """SET_SERVERS; ports are numbers here and text elsewhere."""

    servers: list[dict[str, Any]]
    deploy_map: bool | None = None


class ClockSetting(OnServer, frozen=True, kw_only=True, rename="camel"):
    """SET_CLOCK; instants are written ``01/30/2024 10:30``."""

    current_utc: str
    current_game: str
    seconds_per_hour: float


class Picture(Struct, frozen=True, kw_only=True, rename="camel"):
    """SEND_PHOTO."""

    api_id: str
    url: str


class Secret(Struct, frozen=True, kw_only=True):
    """VERIFY_SECRET."""

    secret: str


class Newcomer(Struct, frozen=True, kw_only=True):
    """JOIN_COMMUNITY and LEAVE_COMMUNITY: the UUID of an account."""

    account: str


def get_version(community: Community, task: Task) -> object:
    """Tell the community's plan by its number and name."""
    del task
    return f"{PLANS[community.plan]} - {community.plan.name}"


def get_servers(community: Community, task: Task) -> object:
    """List the configured game servers."""
    del task
    return {
        "servers": [
            {
                "id": row.id,
                "name": row.name,
                "description": row.description,
                "signal": row.signal,
                "mapUrl": row.map_url,
                "mapIp": row.map_ip,
                "mapPort": MAP_PORT,
                "differingOutbound": row.differing_outbound,
                "outboundIp": row.outbound_ip,
                "listenerPort": row.listener_port,
                "enableMap": row.enable_map,
                "mapType": row.map_type,
                "isStatic": row.is_static,
            }
            for row in community.estate.servers
        ]
    }


def set_servers(community: Community, task: Task) -> object:
    """Replace the configured game servers."""
    body = task.first(ServerSetting)
    rows = [{**row, **{name: str(row[name]) for name in TEXTS if name in row}} for row in body.servers]
    general.set_servers(community, ask(task, {"servers": rows, "deployMap": body.deploy_map}))
    return "Server config updated"


def heartbeat(community: Community, task: Task) -> object:
    """Take a server's player count; the text is made up, no page shows one."""
    for given in task.read(Beat):
        community.beat(here(community, given.server_id), given.player_count, task.now)
    return "HEARTBEAT RECEIVED"


def set_clock(community: Community, task: Task) -> object:
    """Set a server's clock; the text is made up, no page shows one."""
    for given in task.read(ClockSetting):
        community.clocks[here(community, given.server_id)] = GameClock(
            utc=given.current_utc, game=given.current_game, seconds_per_hour=given.seconds_per_hour
        )
    return "CLOCK SET"


def send_photo(community: Community, task: Task) -> object:
    """Show players pictures."""
    for given in task.read(Picture):
        body = {"communityUserId": given.api_id, "url": given.url}
        general.send_photo(community, ask(task, body))
    return "Photo sent!"


def verify_secret(community: Community, task: Task) -> object:
    """Tell whose secret it is: ``{account: secret}``."""
    secret = task.first(Secret).secret
    if secret not in community.secrets:
        raise RefusedError(NOT_LINKED)
    return {community.secrets[secret]: secret}


def join_community(community: Community, task: Task) -> object:
    """Let an account in; only Sonoran's own programs know the key for it. The answer is empty."""
    _newcomer(community, task).status = ACTIVE
    return ""


def leave_community(community: Community, task: Task) -> object:
    """Shut an account out; otherwise as JOIN_COMMUNITY."""
    _newcomer(community, task).status = INACTIVE
    return ""


def _newcomer(community: Community, task: Task) -> Account:
    if task.body.get("internalKey") != INTERNAL_KEY:
        raise RefusedError(INVALID_KEY)
    account = community.people.account(task.first(Newcomer).account)
    if account is None:
        raise RefusedError(NOT_LINKED)
    return account
