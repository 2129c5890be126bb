"""Sonoran CAD v1: one request in, one reply out, no I/O and no clock of its own."""

from http import HTTPStatus

from bridge.simulator.community import Community, Plan
from bridge.simulator.door import TextGateway
from bridge.simulator.envelope import (
    NOT_ENABLED,
    RefusedError,
    Task,
    answer,
    check_community,
    check_key,
    check_type,
    opened,
    server_of,
)
from bridge.simulator.limits import Limiter
from bridge.simulator.messages import ProblemError, Reply, Request
from bridge.simulator.v1.table import BY_PATH, Type

PREFIXES = ("/emergency/", "/general/", "/civilian/")
ENDPOINT_NOT_ENABLED = "API ENDPOINT IS NOT ENABLED FOR THIS COMMUNITY"  # how the pages of blips put it


class V1:
    """Sonoran CAD v1 for the community that v2 speaks of as well, with the same key.

    The checks come in the documented order: path (404, 405), type, community, plan, key; then the rate limit (429) and
    what the type itself finds. All but the first and the limit are 400 with text.
    """

    def __init__(self, community: Community, limiter: Limiter, key: str) -> None:
        self._community = community
        self._limiter = limiter
        self._key = key
        self._gateway = TextGateway()
        self.problem = self._gateway.problem
        self.refuse_key = self._gateway.refuse_key
        self.refuse_rate = self._gateway.refuse_rate
        self.kind = self._gateway.kind

    def handle(self, request: Request, now: float, refused: frozenset[str] = frozenset()) -> Reply:
        """Act on a request at ``now`` (Unix seconds); one that names a ``refused`` unit is a 400 and changes nothing."""
        try:
            row = self._find(request)
            task = Task(body=opened(request.body), now=now, refused=refused)
            self._check(row, task)
            wait = self._limiter.admit(row.operation, now)
            if wait is not None:
                return self._gateway.too_many(wait)
            task.check_units()
            content = row.handler(self._community, task)
        except RefusedError as error:
            return self._gateway.refusal(error)
        except ProblemError as error:
            return self._gateway.refusal(RefusedError(error.detail))
        return answer(content, self._gateway.trace())

    def locate(self, request: Request) -> tuple[str | None, int | None]:
        """Return the operation and the server that a request is for, as far as it names them."""
        row = BY_PATH.get(request.path)
        return (None, None) if row is None else (row.operation, server_of(opened(request.body)))

    def count(self, request: Request, now: float) -> None:
        """Count a request against its limit that is not going to be acted on."""
        operation, _ = self.locate(request)
        if operation is not None:
            self._limiter.admit(operation, now)

    def _find(self, request: Request) -> Type:
        row = BY_PATH.get(request.path)
        if row is None:
            raise RefusedError("There is no such endpoint.", HTTPStatus.NOT_FOUND)
        if request.method != "POST":
            raise RefusedError("Endpoints take POST alone.", HTTPStatus.METHOD_NOT_ALLOWED)
        return row

    def _check(self, row: Type, task: Task) -> None:
        community = self._community
        check_type(task.body, row.name)
        check_community(task.body, community.profile.com_id)
        if community.api == "v2" or community.plan < row.plan:
            raise RefusedError(_not_enabled(row, community.plan))
        check_key(task.body, self._key)


def _not_enabled(row: Type, plan: Plan) -> str:
    return ENDPOINT_NOT_ENABLED if row.name.endswith("_BLIP") and plan < row.plan else NOT_ENABLED
