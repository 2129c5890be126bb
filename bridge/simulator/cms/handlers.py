"""The eight endpoints of the simulated CMS."""

from http import HTTPStatus

from msgspec import Struct

from bridge.simulator.cms.members import JOINED, LAST_LOGIN, CmsCommunity, Member
from bridge.simulator.envelope import NOT_LINKED, RefusedError, Task

VERSIONS = ("FREE", "STARTER", "STANDARD", "PLUS", "PRO", "SONORANONE")
NOBODY = "NO ACCOUNT FOUND UNDER GIVEN PARAMETERS IN THIS COMMUNITY"
NOT_ALLOWED = "NOT ALLOWED ON WHITELIST"


class Account(Struct, frozen=True, kw_only=True, rename="camel"):
    """The ways to name an account; one is required, the first that is given counts."""

    api_id: str | None = None
    username: str | None = None
    acc_id: str | None = None
    discord: str | None = None
    unique_id: int | str | None = None


class Clocking(Account, frozen=True, kw_only=True, rename="camel"):
    """CLOCK_IN_OUT."""

    force_clock_in: bool = False
    force_clock_out: bool = False


class Entry(Account, frozen=True, kw_only=True, rename="camel"):
    """VERIFY_WHITELIST."""

    server_id: int | None = None


class OnServer(Struct, frozen=True, kw_only=True, rename="camel"):
    """FULL_WHITELIST."""

    server_id: int


class ApiId(Struct, frozen=True, kw_only=True, rename="camel"):
    """CHECK_COM_APIID."""

    api_id: str


def get_sub_version(community: CmsCommunity, task: Task) -> object:
    """Tell the subscription by its number and name."""
    del task
    return f"{community.version} - {VERSIONS[community.version]}"


def check_com_apiid(community: CmsCommunity, task: Task) -> object:
    """Tell whose an API id is."""
    return _named(community, Account(api_id=task.first(ApiId).api_id)).username


def get_com_account(community: CmsCommunity, task: Task) -> object:
    """Return an account."""
    member = _named(community, task.first(Account))
    return {
        "accId": member.acc_id,
        "comStatus": member.active,
        "accName": member.username,
        "comName": member.username,
        "primaryIdentifier": member.primary_identifier,
        "secondaryIdentifiers": member.secondary_identifiers,
        "primaryRank": member.primary_rank,
        "secondaryRanks": member.secondary_ranks,
        "primaryDepartment": member.primary_department,
        "secondaryDepartments": member.secondary_departments,
        "joinDate": JOINED,
        "owner": member.owner,
        "banned": member.banned,
        "lastLogin": LAST_LOGIN,
        "activeApiIds": member.api_ids,
        "profileFields": {"data": []},
    }


def get_account_ranks(community: CmsCommunity, task: Task) -> object:
    """List the ranks of an account."""
    return _named(community, task.first(Account)).ranks


def clock_in_out(community: CmsCommunity, task: Task) -> object:
    """Clock an account in or out, whichever it is not, unless that is forced."""
    given = task.first(Clocking)
    if given.force_clock_in and given.force_clock_out:
        raise RefusedError("ERROR: Force a clock in or a clock out, not both.")
    member = _to_clock(community, given)
    if given.force_clock_in:
        community.clock_in(member, task.now)
        return "FORCE CLOCKED IN"
    if given.force_clock_out or community.session_of(member) is not None:
        community.clock_out(member, task.now)
        return "CLOCKED OUT"
    community.clock_in(member, task.now)
    return "CLOCKED IN"


def get_game_servers(community: CmsCommunity, task: Task) -> object:
    """List the game servers."""
    del task
    return {"servers": community.servers}


def verify_whitelist(community: CmsCommunity, task: Task) -> object:
    """Tell who may come in: the account's name, or a 404. Other refusals are JSON here."""
    try:
        given = task.first(Entry)
        member = _named(community, given)
        if given.server_id is not None:
            _here(community, given.server_id)
    except RefusedError as error:
        raise RefusedError({"status": error.status, "message": str(error)}) from error
    if member.is_allowed(given.server_id):
        return member.username
    if member.bypass and not member.banned:
        return f"BYPASSED WHITELIST - {member.username}"
    raise RefusedError(NOT_ALLOWED, HTTPStatus.NOT_FOUND)


def full_whitelist(community: CmsCommunity, task: Task) -> object:
    """List everybody whom a server's whitelist has; who only bypasses it is not on it."""
    server = task.first(OnServer).server_id
    _here(community, server)
    return [
        {"name": member.username, "apiIds": member.api_ids}
        for member in community.members.values()
        if member.is_allowed(server)
    ]


def _named(community: CmsCommunity, given: Account) -> Member:
    if given.api_id is not None:
        found = community.by_api_id(given.api_id)
        if found is None:
            raise RefusedError(NOT_LINKED)
        return found
    for member in community.members.values():
        if _fits(member, given):
            return member
    raise RefusedError(NOBODY)


def _fits(member: Member, given: Account) -> bool:
    ways = (
        (given.username, member.username),
        (given.acc_id, member.acc_id),
        (given.discord, member.discord),
        (None if given.unique_id is None else str(given.unique_id), str(member.unique_id)),
    )
    return next((wanted == held for wanted, held in ways if wanted is not None), False)


def _to_clock(community: CmsCommunity, given: Clocking) -> Member:
    """Return the account; an API id that is nobody's is a 400, anything else that is nobody's a 404 with the same text."""
    try:
        return _named(community, given)
    except RefusedError as error:
        status = HTTPStatus.BAD_REQUEST if given.api_id is not None else HTTPStatus.NOT_FOUND
        raise RefusedError(NOT_LINKED, status) from error


def _here(community: CmsCommunity, server_id: int) -> None:
    if server_id not in {server.id for server in community.servers}:
        raise RefusedError(f"SERVER NOT FOUND WITH ID: {server_id}")
