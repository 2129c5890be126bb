"""The simulated CAD: one request in, one reply out, no I/O and no clock of its own."""

import hmac
from collections.abc import Collection, Mapping
from http import HTTPStatus

import msgspec

from bridge.simulator.community import Community, Plan
from bridge.simulator.door import Gateway
from bridge.simulator.limits import Limiter
from bridge.simulator.messages import (
    JSON,
    PROBLEM,
    Ask,
    Problem,
    ProblemError,
    Reply,
    Request,
    json_reply,
    title_of,
)
from bridge.simulator.routes import ROUTES, Match, find
from bridge.simulator.v1 import table as v1_table
from bridge.simulator.v1.door import V1

SIMULATOR_KEY = "simulator-key"  # known to everybody: it opens nothing but simulators


class Cad:
    """Sonoran CAD v2 for one community with one API key; ``v1`` is the same community's older interface.

    The checks come in this order: path (404, 405), key (401), rate limit (429), plan (403), server (404), then what
    the operation itself finds (400, 404, 415).
    """

    def __init__(
        self,
        *,
        key: str = SIMULATOR_KEY,
        plan: Plan = Plan.PRO,
        servers: Collection[int] = (1, 2, 3, 4),
        known_units: Collection[str] | None = None,
    ) -> None:
        self.community = Community(plan, servers, known_units)
        per_minute = {route.operation: route.per_minute for route in ROUTES}
        self.limiter = Limiter({**per_minute, **v1_table.PER_MINUTE}, v1_table.POOLS, v1_table.GAPS)
        self.v1 = V1(self.community, self.limiter, key)
        self._authorization = f"Bearer {key}".encode()
        self._key = key
        self._gateway = Gateway()
        self.refuse_rate = self._gateway.refuse_rate

    @property
    def key(self) -> str:
        """Return the API key that is let in."""
        return self._key

    def handle(self, request: Request, now: float, refused: frozenset[str] = frozenset()) -> Reply:
        """Act on a request at ``now`` (Unix seconds); one that names a ``refused`` unit is a 400 and changes nothing."""
        try:
            match = find(request)
            if not match.route.public:
                self._check_key(request)
            wait = self.limiter.admit(match.route.operation, now)
            if wait is not None:
                return self._gateway.too_many(wait)
            self._check_community(match)
            ask = Ask(request=request, parameters=match.parameters, now=now, refused=refused)
            self._check_server(ask)
            content = match.route.handler(self.community, ask)
        except ProblemError as problem:
            return self.problem(request, problem.status, problem.detail, title=problem.title)
        return json_reply(content, headers={"x-trace-id": self._gateway.trace()})

    def locate(self, request: Request) -> tuple[str | None, int | None]:
        """Return the operation and the server that a request is for, as far as it names them."""
        try:
            match = find(request)
        except ProblemError:
            return None, None
        if "serverId" not in match.parameters:
            return match.route.operation, None
        try:
            server = Ask(request=request, parameters=match.parameters, now=0.0).server_id
        except ProblemError:
            return match.route.operation, None
        return match.route.operation, server

    def count(self, request: Request, now: float) -> None:
        """Count a request against its limit that is not going to be acted on."""
        operation, _ = self.locate(request)
        if operation is not None:
            self.limiter.admit(operation, now)

    def problem(
        self,
        request: Request,
        status: int,
        detail: str,
        headers: Mapping[str, str] | None = None,
        title: str | None = None,
    ) -> Reply:
        """Return a refusal as Sonoran words it."""
        trace = self._gateway.trace()
        content = Problem(
            type="about:blank",
            title=title_of(status) if title is None else title,
            status=status,
            detail=detail,
            instance=request.path,
            trace_id=trace,
        )
        return Reply(
            status=status,
            headers={"Content-Type": PROBLEM, "x-trace-id": trace, **(headers or {})},
            body=msgspec.json.encode(content),
        )

    def refuse_key(self, request: Request) -> Reply:
        """Return what a wrong key is answered."""
        return self.problem(request, HTTPStatus.UNAUTHORIZED, "The API key is invalid.")

    def kind(self, body: str) -> str:
        """Return the content type of a success: always JSON."""
        del body
        return JSON

    def reset(self) -> None:
        """Forget what happened and go back to the documented limits; the community's settings stay."""
        self.community.forget()
        self.limiter.restore()

    def _check_key(self, request: Request) -> None:
        given = request.header("Authorization")
        if given is None:
            raise ProblemError(HTTPStatus.UNAUTHORIZED, "The Authorization header is missing.")
        if not given.startswith("Bearer "):
            raise ProblemError(HTTPStatus.UNAUTHORIZED, "The Authorization header is not a Bearer token.")
        if self.community.api == "v1" or not hmac.compare_digest(
            given.encode(errors="surrogateescape"), self._authorization
        ):
            raise ProblemError(HTTPStatus.UNAUTHORIZED, "The API key is invalid.")

    def _check_community(self, match: Match) -> None:
        if self.community.plan < match.route.plan:
            detail = f"This endpoint requires the {match.route.plan.name} version of Sonoran CAD or higher."
            raise ProblemError(HTTPStatus.FORBIDDEN, detail)

    def _check_server(self, ask: Ask) -> None:
        if "serverId" in ask.parameters and ask.server_id not in self.community.servers:
            raise ProblemError(HTTPStatus.NOT_FOUND, "The server is not configured for this community.")
