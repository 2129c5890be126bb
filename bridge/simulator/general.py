"""The operations under ``/v2/general``: the community itself."""

from bridge.simulator.community import Community, Photo, utc
from bridge.simulator.messages import Ask
from bridge.simulator.shapes import NEW_PHOTO, PLAYER_COUNT, SingleTarget
from bridge.simulator.targets import named, user_ids


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


def send_photo(community: Community, ask: Ask) -> object:
    """Show a player a picture; ``delivered`` is 0 where no account is found."""
    photo = named(ask.body(NEW_PHOTO), ask)
    unit_id = _player(community, photo)
    if unit_id is not None:
        community.photos.append(Photo(unit_id=unit_id, url=photo.url, sent_at=ask.now))
    shown = unit_id or photo.community_user_id or photo.api_id
    return {"communityUserId": shown, "delivered": int(unit_id is not None)}


def _player(community: Community, target: SingleTarget) -> str | None:
    """Return the community user id of a target that some account has linked."""
    by_id = [unit_id for unit_id in user_ids(target) if community.knows(unit_id)]
    by_account = [unit.unit_id for unit in community.units.values() if unit.account == target.account_uuid]
    return next(iter(by_id + by_account), None)


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
