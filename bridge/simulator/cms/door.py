"""Sonoran CMS v1: one request in, one reply out, no I/O and no clock of its own."""

from collections.abc import Callable, Iterable
from http import HTTPStatus

from msgspec import Struct

from bridge.simulator.cms import handlers
from bridge.simulator.cms.members import CmsCommunity
from bridge.simulator.door import TextGateway
from bridge.simulator.envelope import (
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
from bridge.simulator.messages import Reply, Request

CMS_KEY = "simulator-cms-key"  # known to everybody: it opens nothing but simulators
CMS_COMMUNITY = "examplecms"
EVERY_ENDPOINT = "CMS:*"  # for faults


class Endpoint(Struct, frozen=True, kw_only=True):
    """One endpoint; ``per_minute`` is the limit that Sonoran documents for its twin in the CMS's v2."""

    name: str
    path: str
    per_minute: int
    handler: Callable[[CmsCommunity, Task], object]

    @property
    def operation(self) -> str:
        """Return how faults, limits and the journal call it."""
        return f"CMS:{self.name}"


def _row(path: str, per_minute: int, handler: Callable[[CmsCommunity, Task], object]) -> Endpoint:
    name = path.rpartition("/")[2].upper()
    return Endpoint(name=name, path=path, per_minute=per_minute, handler=handler)


ENDPOINTS = (
    _row("/general/get_sub_version", 13, handlers.get_sub_version),
    _row("/general/check_com_apiid", 27, handlers.check_com_apiid),
    _row("/general/get_com_account", 27, handlers.get_com_account),
    _row("/general/get_account_ranks", 27, handlers.get_account_ranks),
    _row("/general/clock_in_out", 22, handlers.clock_in_out),
    _row("/servers/get_game_servers", 13, handlers.get_game_servers),
    _row("/servers/verify_whitelist", 27, handlers.verify_whitelist),
    _row("/servers/full_whitelist", 13, handlers.full_whitelist),
)
BY_PATH = {endpoint.path: endpoint for endpoint in ENDPOINTS}
OPERATIONS = frozenset(endpoint.operation for endpoint in ENDPOINTS)


class Cms:
    """Sonoran CMS v1 for one community with one API key: neither is the CAD's.

    The checks come in the order of the CAD: path, type, community, key; then the rate limit (429) and what the
    endpoint itself finds (400, 404).
    """

    def __init__(
        self,
        *,
        key: str = CMS_KEY,
        community_id: str = CMS_COMMUNITY,
        servers: Iterable[int] = (1, 2, 3, 4),
    ) -> None:
        self.community = CmsCommunity(community_id, servers)
        self.limiter = Limiter({endpoint.operation: endpoint.per_minute for endpoint in ENDPOINTS})
        self.key = key
        self._gateway = TextGateway()
        self.problem = self._gateway.problem
        self.refuse_key = self._gateway.refuse_key
        self.refuse_rate = self._gateway.refuse_rate
        self.kind = self._gateway.kind

    def handle(self, request: Request, now: float, refused: frozenset[str] = frozenset()) -> Reply:
        """Act on a request at ``now`` (Unix seconds); one that names a ``refused`` API id is a 400 and changes nothing."""
        try:
            endpoint = _find(request)
            task = Task(body=opened(request.body), now=now, refused=refused)
            self._check(endpoint, task)
            wait = self.limiter.admit(endpoint.operation, now)
            if wait is not None:
                return self._gateway.too_many(wait)
            task.check_units()
            content = endpoint.handler(self.community, task)
        except RefusedError as error:
            return self._gateway.refusal(error)
        return answer(content, self._gateway.trace())

    def locate(self, request: Request) -> tuple[str | None, int | None]:
        """Return the operation and the server that a request is for, as far as it names them."""
        endpoint = BY_PATH.get(request.path)
        return (None, None) if endpoint is None else (endpoint.operation, server_of(opened(request.body)))

    def count(self, request: Request, now: float) -> None:
        """Count a request against its limit that is not going to be acted on."""
        operation, _ = self.locate(request)
        if operation is not None:
            self.limiter.admit(operation, now)

    def reset(self) -> None:
        """Forget what happened and go back to the documented limits; the community's settings stay."""
        self.community.forget()
        self.limiter.restore()

    def _check(self, endpoint: Endpoint, task: Task) -> None:
        check_type(task.body, endpoint.name)
        check_community(task.body, self.community.community_id)
        check_key(task.body, self.key)


def _find(request: Request) -> Endpoint:
    endpoint = BY_PATH.get(request.path)
    if endpoint is None:
        raise RefusedError("There is no such endpoint.", HTTPStatus.NOT_FOUND)
    if request.method != "POST":
        raise RefusedError("Endpoints take POST alone.", HTTPStatus.METHOD_NOT_ALLOWED)
    return endpoint
