"""The operations on accounts: who they are, what they may do, and who has to go."""

from http import HTTPStatus

from bridge.simulator.community import Community, utc
from bridge.simulator.messages import Ask, ProblemError
from bridge.simulator.people import ACTIVE, BANNED, INACTIVE, JOINED_AT, LAST_LOGIN_AT, Account
from bridge.simulator.people_shapes import EXPULSION, PERMISSION_CHANGE, PERMISSION_KEY
from bridge.simulator.targets import player, player_in_query

MAX_ACCOUNTS = 100  # of one answer; the documents say that 1 to 100 are enforced


def get_account(community: Community, ask: Ask) -> object:
    """Return one account."""
    account = player_in_query(community, ask)
    return {**_row(account), "communityUserId": account.community_user_id}


def get_accounts(community: Community, ask: Ask) -> object:
    """List the accounts of a status, by a part of the username where one is given."""
    limit, offset, status = ask.number("limit"), ask.number("offset"), ask.number("status")
    if not 1 <= limit <= MAX_ACCOUNTS:
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"The value of 'limit' must be 1 to {MAX_ACCOUNTS}.")
    name = (ask.text("username") or "").lower()
    found = [
        account
        for account in community.people.everybody()
        if account.status == status and name in account.username.lower()
    ]
    return {
        "pagination": {"limit": limit, "offset": offset, "total": len(found)},
        "accounts": [_row(account) for account in found[offset : offset + limit]],
    }


def modify_account_permissions(community: Community, ask: Ask) -> object:
    """Give and take permissions, and let an account in or shut it out."""
    change = ask.body(PERMISSION_CHANGE)
    account = player(community, change, ask)
    for names, given in ((change.add, True), (change.remove, False)):
        account.permissions.update({_camel(name): given for name in names})
    if change.active is not None:
        account.status = ACTIVE if change.active else INACTIVE
    return {
        "accountUuid": account.account,
        "permissions": account.permissions,
        "active": account.status == ACTIVE,
    }


def apply_permission_key(community: Community, ask: Ask) -> object:
    """Give the permissions that a key stands for."""
    given = ask.body(PERMISSION_KEY)
    account = player(community, given, ask)
    if given.permission_key not in community.permission_keys:
        raise ProblemError(HTTPStatus.NOT_FOUND, "The permission key was not found.")
    account.keys.append(given.permission_key)
    account.permissions.update(dict.fromkeys(community.permission_keys[given.permission_key], True))
    return {
        "accountUuid": account.account,
        "username": account.username,
        "message": "Permission key applied.",
        "permissions": account.permissions,
    }


def kick_or_ban_user(community: Community, ask: Ask) -> object:
    """Log an account's unit out, and ban the account where that is asked for."""
    given = ask.body(EXPULSION)
    account = player(community, given, ask)
    action, done = ("ban", "banned") if given.is_ban else ("kick", "kicked")
    unit = community.roster.chosen_of(account)
    if unit is not None:
        community.kick(unit, action, ask.now)
    if given.is_ban:
        account.status = BANNED
    return {"accountUuid": account.account, "action": action, "message": f"Account was {done}."}


def _row(account: Account) -> dict[str, object]:
    return {
        "uuid": account.account,
        "username": account.username,
        "status": account.status,
        "joined": utc(JOINED_AT),
        "lastLogin": utc(LAST_LOGIN_AT),
        "permissions": account.permissions,
    }


def _camel(name: str) -> str:
    """Return ``LIVE_MAP`` as ``liveMap``; what is written so already stays."""
    first, *others = name.split("_")
    if not others and not name.isupper():
        return name
    return first.lower() + "".join(word.capitalize() for word in others)
