"""The operations under ``/v2/general``: the community itself."""

from base64 import b64encode
from http import HTTPStatus
from secrets import token_bytes

from bridge.simulator.community import Community, Photo, utc
from bridge.simulator.configuration_shapes import SERVER_ROWS
from bridge.simulator.messages import Ask, ProblemError
from bridge.simulator.people_shapes import SECRET_CHECK
from bridge.simulator.shapes import NEW_PHOTO, PLAYER_COUNT, SingleTarget
from bridge.simulator.targets import named, user_ids

TURN_SECONDS = 600  # a credential is good for
TURN_URLS = (
    "turn:coturn.sonorancad.com:3478?transport=udp",
    "turn:coturn.sonorancad.com:3478?transport=tcp",
    "stun:coturn.sonorancad.com:3478",
)


def get_version(community: Community, ask: Ask) -> object:
    """Tell the community's plan."""
    del ask
    return {"version": community.plan.value, "name": community.plan.name}


def get_servers(community: Community, ask: Ask) -> object:
    """List the configured game servers."""
    del ask
    return {"servers": community.estate.servers}


def set_servers(community: Community, ask: Ask) -> object:
    """Replace the configured game servers; one that is left out is not configured any more."""
    community.estate.servers = tuple(ask.body(SERVER_ROWS).servers)
    return {"servers": community.estate.servers}


def get_info(community: Community, ask: Ask) -> object:
    """Tell who the community is, and its ten codes."""
    del ask
    return {"uuid": community.uuid, "community": community.profile, "codes": community.ten_codes}


def get_login_page(community: Community, ask: Ask) -> object:
    """Tell how a community shows itself, found by its id or by the address of its login page; no key is asked for."""
    given = [ask.text("communityId"), ask.text("url")]
    if given.count(None) != 1:
        raise ProblemError(HTTPStatus.BAD_REQUEST, "Provide exactly one of 'communityId' and 'url'.")
    if given not in ([community.profile.com_id, None], [None, community.profile.custom_login_url]):
        raise ProblemError(HTTPStatus.NOT_FOUND, "The community was not found.")
    return community.profile


def get_turn_credentials(community: Community, ask: Ask) -> object:
    """Give credentials for Sonoran's relay of sound and film; each call gives others."""
    del community
    expires_at = int(ask.now) + TURN_SECONDS
    user_id = ask.text("userId")
    return {
        "iceServers": [
            {
                "urls": TURN_URLS,
                "username": f"{expires_at}:{user_id}" if user_id else str(expires_at),
                "credential": b64encode(token_bytes(20)).decode(),
            }
        ],
        "ttl": TURN_SECONDS,
    }


def verify_secret(community: Community, ask: Ask) -> object:
    """Tell what a secret stands for."""
    secret = ask.body(SECRET_CHECK).secret
    if secret not in community.secrets:
        raise ProblemError(HTTPStatus.NOT_FOUND, "The secret was not found.")
    return {secret: community.secrets[secret]}


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
    account = community.people.account(target.account_uuid)
    by_account = [] if account is None else [account.community_user_id]
    return next(iter(by_id + by_account), None)
