"""Who is meant by a request: the ways to name units, read as the CAD reads them."""

from http import HTTPStatus
from typing import TypeVar

from bridge.simulator.community import Community, Unit
from bridge.simulator.messages import Ask, ProblemError
from bridge.simulator.shapes import SingleTarget, Target

Named = TypeVar("Named", bound=SingleTarget)

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
    idents = (target.ident_ids or []) if isinstance(target, Target) else []
    everybody = community.units.values()
    return [unit for unit in everybody if unit.ident in idents or unit.account == target.account_uuid]


def _ways(target: SingleTarget) -> list[str]:
    return [name for name in target.__struct_fields__ if name in _WAYS and getattr(target, name) is not None]
