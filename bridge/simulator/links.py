"""The operations on community links: which community user id belongs to which account."""

from http import HTTPStatus

from bridge.simulator.community import Community, utc
from bridge.simulator.messages import Ask, ProblemError
from bridge.simulator.people import CODE_SECONDS
from bridge.simulator.people_shapes import LINK_CHANGE, LINKED_PLAYER
from bridge.simulator.targets import check


def check_community_link(community: Community, ask: Ask) -> object:
    """Tell whether some account has linked a community user id, and which."""
    unit_id = ask.body(LINKED_PLAYER).community_user_id
    check(unit_id, ask)
    account = community.people.account_of(unit_id)
    return {
        "communityUserId": unit_id,
        "linked": account is not None,
        "accountUuid": None if account is None else account.account,
    }


def create_community_link(community: Community, ask: Ask) -> object:
    """Issue a code with which the player links an account."""
    unit_id = ask.body(LINKED_PLAYER).community_user_id
    check(unit_id, ask)
    code = community.people.issue_code(unit_id, ask.now)
    return {
        "code": code.code,
        "communityUserId": unit_id,
        "communityUuid": community.uuid,
        "expiresAt": utc(code.expires_at),
        "expiresInSeconds": CODE_SECONDS,
    }


def set_community_link(community: Community, ask: Ask) -> object:
    """Have an account link a community user id; the answer is checkCommunityLink's, none being documented."""
    given = ask.body(LINK_CHANGE)
    check(given.community_user_id, ask)
    account = community.people.account(given.account_uuid)
    if account is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, "The account was not found.")
    community.link(given.community_user_id, account)
    return {"communityUserId": given.community_user_id, "linked": True, "accountUuid": account.account}
