"""The types about accounts: who they are, which API ids they have, what they may do, and who has to go."""

from datetime import UTC, datetime

from bridge.simulator.community import Community
from bridge.simulator.envelope import NOT_LINKED, RefusedError, Task
from bridge.simulator.people import ACTIVE, BANNED, INACTIVE, JOINED_AT, LAST_LOGIN_AT, Account
from bridge.simulator.v1.errands import account_of
from bridge.simulator.v1.people_shapes import (
    PERMISSIONS,
    AccountsWanted,
    ApiIds,
    Ban,
    NamedAccount,
    PermissionChange,
    PermissionKey,
)
from bridge.simulator.v1.shapes import Who

MAX_ACCOUNTS = 100  # of one answer

_PERMISSIONS = {name.upper(): name for name in PERMISSIONS}


def check_apiid(community: Community, task: Task) -> object:
    """Tell whose an API id is."""
    return account_of(community, task.first(Who)).username


def get_account(community: Community, task: Task) -> object:
    """Return one account."""
    return _row(community, _named(community, task.first(NamedAccount)))


def get_accounts(community: Community, task: Task) -> object:
    """List the accounts of a status."""
    wanted = task.first(AccountsWanted)
    limit = min(wanted.limit, MAX_ACCOUNTS)
    found = [account for account in community.people.everybody() if account.status == wanted.status]
    return {
        "pagination": {"limit": limit, "offset": wanted.offset, "total": len(found)},
        "accounts": [_row(community, account) for account in found[wanted.offset : wanted.offset + limit]],
    }


def set_api_id(community: Community, task: Task) -> object:
    """Link API ids to accounts, besides those that they have or in their place."""
    for given in task.read(ApiIds):
        account = _named(community, given)
        if not given.push_new:
            community.people.unlink(account, keep=given.api_ids)
        for api_id in dict.fromkeys(filter(None, given.api_ids)):
            community.people.add_id(api_id, account)
    return "API ID(s) set!"


def apply_permission_key(community: Community, task: Task) -> object:
    """Give the permissions that a key stands for."""
    texts: list[str] = []
    for given in task.read(PermissionKey):
        account = _named(community, given)
        if given.permission_key not in community.permission_keys:
            raise RefusedError("The permission key was not found.")
        account.keys.append(given.permission_key)
        account.permissions.update(dict.fromkeys(community.permission_keys[given.permission_key], True))
        texts.append(f"Permission key {given.permission_key} applied!")
    return "\n".join(texts)


def set_account_permissions(community: Community, task: Task) -> object:
    """Give and take permissions, and let accounts in or shut them out."""
    for given in task.read(PermissionChange):
        account = _named(community, given)
        if given.set:
            account.permissions.update(dict.fromkeys(account.permissions, False))
        for names, allowed in ((given.set or given.add, True), ([] if given.set else given.remove, False)):
            account.permissions.update({_permission(name): allowed for name in names})
        if given.active is not None or given.join:
            account.status = INACTIVE if given.active is False else ACTIVE
    return "User account permissions updated."


def ban_user(community: Community, task: Task) -> object:
    """Ban accounts, undo that, or log their units out."""
    texts: list[str] = []
    for given in task.read(Ban):
        account = _named(community, given)
        unit = community.roster.chosen_of(account)
        if unit is not None and (given.is_ban or given.is_kick):
            community.kick(unit, "kick" if given.is_kick else "ban", task.now)
        if not given.is_kick:
            account.status = BANNED if given.is_ban else ACTIVE
        texts.append(f"User Ban: {account.account} Status: {given.is_ban}")
    return "\n".join(texts)


def _named(community: Community, given: NamedAccount) -> Account:
    if given.api_id is not None:
        return account_of(community, given)
    wanted = given.account or given.acc_id
    for account in community.people.everybody():
        if account.account == wanted or (wanted is None and account.username == given.username):
            return account
    raise RefusedError(NOT_LINKED)


def _row(community: Community, account: Account) -> dict[str, object]:
    return {
        "uuid": account.account,
        "username": account.username,
        "status": account.status,
        "joined": _instant(JOINED_AT),
        "lastLogin": _instant(LAST_LOGIN_AT),
        "permissions": {**dict.fromkeys(PERMISSIONS, False), **account.permissions},
        "apiIds": community.people.api_ids(account.account),
    }


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")


def _permission(name: str) -> str:
    if name.upper() not in _PERMISSIONS:
        raise RefusedError(f"ERROR: There is no permission '{name}'.")
    return _PERMISSIONS[name.upper()]
