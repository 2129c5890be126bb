"""The operations under ``/v2/general``: the community itself."""

from bridge.simulator.community import Community, utc
from bridge.simulator.messages import Ask
from bridge.simulator.shapes import PLAYER_COUNT


def get_version(community: Community, ask: Ask) -> object:
    """Tell the community's plan."""
    del ask
    return {"version": community.plan.value, "name": community.plan.name}


def get_servers(community: Community, ask: Ask) -> object:
    """List the configured game servers."""
    del ask
    return {"servers": [_server_row(server_id) for server_id in community.servers]}


def heartbeat(community: Community, ask: Ask) -> object:
    """Take a server's player count."""
    count = ask.body(PLAYER_COUNT).player_count
    community.beat(ask.server_id, count, ask.now)
    return {"serverId": ask.server_id, "playerCount": count, "receivedAtUtc": utc(ask.now)}


def _server_row(server_id: int) -> object:
    return {
        "id": server_id,
        "name": f"Server {server_id}",
        "description": "A simulated game server",
        "signal": "100",
        "mapUrl": "",
        "mapIp": "127.0.0.1",
        "listenerPort": "30120",
        "differingOutbound": False,
        "outboundIp": "",
        "enableMap": True,
        "mapType": "NORMAL",
        "isStatic": False,
        "liveMapFormat": 0,
    }
