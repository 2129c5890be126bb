"""The drop-in door for what was written for Sonoran CMS v1, ``/cms``.

The whitelist is answered from memory, who clocks in or out is kept until the CMS has it; everything else is forwarded
with the bridge's key, inside its rate budget.
"""

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from msgspec import Struct

from bridge.clock import Clock
from bridge.errors import BudgetError, CadError, MalformedError, PushError
from bridge.events import EventState
from bridge.forward import Forward
from bridge.intake.cms_v1 import encode_cms_data, read_cms_account, read_cms_clocking, read_cms_server
from bridge.listener.answer import Answer, json_answer
from bridge.listener.auth import Tokens
from bridge.listener.cad_v2 import GAME_SERVER, GAME_SERVER_PATIENCE, Token
from bridge.listener.keyed import (
    TEXT,
    Envelope,
    check,
    malformed,
    not_allowed,
    read_envelope,
    refusal,
    text_answer,
)
from bridge.listener.problem import rate_limited
from bridge.listener.reception import Reception
from bridge.listener.routes import Push, Route
from bridge.operations import Operation, Scope
from bridge.outbox import Watch
from bridge.sonoran import cms
from bridge.sonoran.messages import CadRequest
from bridge.units import ServerId
from bridge.whitelist import PERIOD, Verdict, Whitelist

PREFIX = "/cms/"
NO_CMS = "bridge.toml has no section [cms]"
KEY_REFUSED = "the CMS refuses the API key of the bridge (cms.api_key_file)"
OTHER_SERVER = "serverId: the token is another server's"

Handler = Callable[[Push, Envelope, Operation], Awaitable[Answer]]


class CmsAccess(Struct, frozen=True, kw_only=True):
    """Who is let in: the id of the community, the servers' tokens, and what each opens."""

    community_id: str
    tokens: Tokens
    allow: Mapping[ServerId, Token]


class CmsV1Door:
    """Serves the CMS's own paths to the tokens of game servers.

    Args:
        access: who is let in.
        whitelist: who may join.
        forward: what asks the CMS.
        reception: where what is kept goes.
        clock: what time it is.
        timeout: seconds a request to the CMS may take.
    """

    def __init__(
        self,
        access: CmsAccess,
        whitelist: Whitelist,
        forward: Forward,
        reception: Reception,
        clock: Clock,
        *,
        timeout: float,
    ) -> None:
        self._access = access
        self._whitelist = whitelist
        self._forward = forward
        self._reception = reception
        self._clock = clock
        self._timeout = timeout
        self._own: dict[str, Handler] = {
            cms.VERIFY_WHITELIST.name: self._verify,
            cms.FULL_WHITELIST.name: self._list,
            cms.CLOCK_IN_OUT.name: self._clock_in_or_out,
        }

    @property
    def routes(self) -> tuple[Route, ...]:
        """Return what the listener serves of this door."""
        return (Route(method="POST", path=f"{PREFIX}{{path}}", handler=self._serve, keyed=True),)

    async def _serve(self, push: Push) -> Answer:
        try:
            envelope = read_envelope(push.body)
        except MalformedError as error:
            return malformed(error)
        operation = cms.BY_PATH.get(_plain(push.path))
        access = self._access
        name = None if operation is None else operation.name
        server_id = check(envelope, name, access.community_id, access.tokens)
        if isinstance(server_id, Answer):
            return server_id
        assert operation is not None, "check refuses a path without one"  # noqa: S101 -- check() says so
        token = access.allow[server_id]
        if Scope.CMS not in token.allow:
            return not_allowed(operation.name, Scope.CMS, token.name)
        push.server_id = server_id
        return await self._guarded(push, envelope, operation)

    async def _guarded(self, push: Push, envelope: Envelope, operation: Operation) -> Answer:
        """Answer what goes wrong as the CMS would, in text."""
        try:
            if read_cms_server(envelope.data) not in (None, push.server_id):
                return refusal(OTHER_SERVER)
            return await self._own.get(operation.name, self._pass_on)(push, envelope, operation)
        except PushError as error:
            return refusal(str(error))
        except BudgetError as error:
            return rate_limited(error.free_at - self._clock.monotonic())
        except CadError as error:
            return _no_answer(error)

    async def _verify(self, push: Push, envelope: Envelope, _operation: Operation) -> Answer:
        account = read_cms_account(envelope.data)
        any_server = read_cms_server(envelope.data) is None
        verdict = await self._whitelist.check(push.server_id, account, any_server=any_server)
        return Answer(
            status=verdict.status,
            body=verdict.text.encode("utf-8", "replace"),
            content_type=verdict.content_type or TEXT,
            headers=_told_of(verdict),
        )

    async def _list(self, push: Push, _envelope: Envelope, _operation: Operation) -> Answer:
        listing = self._whitelist.listing(push.server_id)
        if listing is None:
            return await self._ask(push, cms.full_whitelist(push.server_id))
        headers = _remembered(listing.age, stale=listing.stale)
        return Answer(
            status=HTTPStatus.OK, body=listing.body, content_type="application/json", headers=headers
        )

    async def _clock_in_or_out(self, push: Push, envelope: Envelope, _operation: Operation) -> Answer:
        """Keep it, and answer as the CMS does, or say where to ask when that takes too long."""
        deadline = self._clock.monotonic() + min(self._timeout, _patience(push) or self._timeout)
        watch = Watch()
        (event_id,) = await self._reception.append(push, (read_cms_clocking(envelope.data),), watch)
        view = await watch.wait(deadline - self._clock.monotonic())
        if view is None:
            return json_answer(HTTPStatus.ACCEPTED, {"event": event_id})
        reply = watch.reply
        delivered = view.state is EventState.DELIVERED
        if reply is not None and delivered == (reply.status < HTTPStatus.BAD_REQUEST):
            return Answer(status=reply.status, body=reply.body, content_type=reply.content_type or TEXT)
        late = view.state is EventState.EXPIRED
        status = HTTPStatus.GATEWAY_TIMEOUT if late else HTTPStatus.BAD_GATEWAY
        return text_answer(status, view.error or f"the clocking ended as {view.state}")

    async def _pass_on(self, push: Push, envelope: Envelope, operation: Operation) -> Answer:
        return await self._ask(push, cms.ask(operation, encode_cms_data(envelope.data)))

    async def _ask(self, push: Push, request: CadRequest) -> Answer:
        told = await self._forward.ask(request, _patience(push))
        if told.status == HTTPStatus.UNAUTHORIZED:
            return text_answer(HTTPStatus.BAD_GATEWAY, KEY_REFUSED)
        return Answer(
            status=told.status, body=told.body, content_type=told.content_type, headers=told.headers
        )


def route_without_cms() -> Route:
    """Return what is served where no CMS is configured: the reason why nothing is."""

    async def refuse(_push: Push) -> Answer:
        return text_answer(HTTPStatus.NOT_FOUND, NO_CMS)

    return Route(method="POST", path=f"{PREFIX}{{path}}", handler=refuse, keyed=True)


def _plain(path: str) -> str:
    """Return a path as the operations have it: clients join address and path with a slash too many."""
    segments = [segment for segment in path.casefold().split("/") if segment]
    return "/" + "/".join(segments[1:])


def _patience(push: Push) -> float | None:
    game_server = push.headers.get("User-Agent", "").startswith(GAME_SERVER)
    return GAME_SERVER_PATIENCE if game_server else None


def _told_of(verdict: Verdict) -> dict[str, str]:
    """Return headers that tell how a verdict came about."""
    if verdict.result == "unknown":
        return {"Cache-Status": 'cad-bridge; fwd=miss; detail="cms.when_down"'}
    if verdict.age is None:
        return {"Cache-Status": "cad-bridge; fwd=miss"}
    return _remembered(verdict.age, stale=verdict.result == "stale")


def _remembered(age: float, *, stale: bool) -> dict[str, str]:
    """Return headers that tell how old something is; what is stale has no time left."""
    left = int(PERIOD - age // 1)
    left = min(left, -1) if stale else max(left, 0)
    return {"Age": str(int(age)), "Cache-Status": f"cad-bridge; hit; ttl={left}"}


def _no_answer(error: CadError) -> Answer:
    late = error.reason == "timeout"
    status = HTTPStatus.GATEWAY_TIMEOUT if late else HTTPStatus.BAD_GATEWAY
    return text_answer(status, f"the CMS gave no answer ({error.reason})")
