"""Who is meant by a request: the ways to name units, read as the CAD reads them."""

from http import HTTPStatus
from typing import TypeVar

from bridge.simulator.community import Community
from bridge.simulator.messages import Ask, ProblemError, integer
from bridge.simulator.people import Account
from bridge.simulator.roster import Unit
from bridge.simulator.shapes import SingleTarget, Target

Named = TypeVar("Named", bound=SingleTarget)

QUERY_WAYS = ("communityUserId", "roblox", "accountUuid", "username")  # ``username`` only for getAccount

_WAYS = frozenset(Target.__struct_fields__)


def named(target: Named, ask: Ask) -> Named:
    """Return the target if it names units in exactly one way and none that the CAD refuses."""
    if len(_ways(target)) != 1:
        raise ProblemError(HTTPStatus.BAD_REQUEST, "Provide exactly one identifier of the unit.")
    return permitted(target, ask)


def permitted(target: Named, ask: Ask) -> Named:
    """Return the target if it names units in one way, or none at all, and none that the CAD refuses."""
    if len(_ways(target)) > 1:
        raise ProblemError(HTTPStatus.BAD_REQUEST, "Provide no more than one identifier of the units.")
    for unit_id in user_ids(target):
        check(unit_id, ask)
    return target


def check(unit_id: str, ask: Ask) -> None:
    """Refuse a community user id that is empty or that the CAD is told not to like."""
    if not unit_id or unit_id in ask.refused:
        raise ProblemError(HTTPStatus.BAD_REQUEST, "A unit of the request is not valid.")


def user_ids(target: SingleTarget) -> list[str]:
    """Return the community user ids of a target, under whichever name they came."""
    many = (target.community_user_ids or target.api_ids or []) if isinstance(target, Target) else []
    one = target.community_user_id if target.community_user_id is not None else target.api_id
    return [*many, *([] if one is None else [one])]


def find(community: Community, target: SingleTarget, ask: Ask) -> list[Unit]:
    """Return the units of a target, each once; nobody here has linked a Roblox or Discord account."""
    wanted = user_ids(target)
    if wanted:
        found = [community.unit(unit_id, ask.server_id) for unit_id in dict.fromkeys(wanted)]
        return [unit for unit in found if unit is not None]
    idents = set((target.ident_ids or []) if isinstance(target, Target) else [])
    account = community.people.account(target.account_uuid)
    if account is not None and account.selected_ident is not None:
        idents.add(account.selected_ident)
    return [unit for unit in community.roster.everyone() if unit.ident in idents]


def player(community: Community, target: SingleTarget, ask: Ask) -> Account:
    """Return the account of a target; named in two ways, the community user id counts, as in Sonoran's examples."""
    if not _ways(target):
        raise ProblemError(HTTPStatus.BAD_REQUEST, "Provide an identifier of the account: 'communityUserId'.")
    for unit_id in user_ids(target):
        check(unit_id, ask)
    found = [community.people.account_of(unit_id) for unit_id in user_ids(target)]
    account = found[0] if found else community.people.account(target.account_uuid)
    return _there(account)


def player_in_query(community: Community, ask: Ask) -> Account:
    """Return the account that a query names in exactly one way; nobody here has linked a Roblox account."""
    given = {name: value for name in QUERY_WAYS if (value := ask.text(name)) is not None}
    if len(given) != 1:
        raise ProblemError(HTTPStatus.BAD_REQUEST, "Provide exactly one identifier of the account.")
    if "roblox" in given:
        integer("roblox", given["roblox"])
    if "communityUserId" in given:
        check(given["communityUserId"], ask)
        return _there(community.people.account_of(given["communityUserId"]))
    everybody = community.people.everybody()
    wanted = {"accountUuid": "account", "username": "username"}
    found = (
        account
        for name, field in wanted.items()
        for account in everybody
        if getattr(account, field) == given.get(name)
    )
    return _there(next(found, None))


def account_in_path(community: Community, ask: Ask) -> Account:
    """Return the account that the path names by its UUID."""
    return _there(community.people.account(ask.parameters["accountUuid"]))


def _there(account: Account | None) -> Account:
    if account is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, "The account was not found.")
    return account


def _ways(target: SingleTarget) -> list[str]:
    return [name for name in target.__struct_fields__ if name in _WAYS and getattr(target, name) is not None]
