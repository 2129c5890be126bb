"""The HTTP server of the admin door.

Reading is free on loopback and needs the token elsewhere; health is free everywhere. A page on the web that has its
name resolve to 127.0.0.1 (DNS rebinding) still sends its own name as Host, so that without the token only loopback
names and the configured ones are answered.
"""

import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from http import HTTPStatus
from typing import Self

import msgspec
from aiohttp import hdrs, web
from msgspec import Struct
from yarl import URL

from bridge import logs
from bridge.addresses import make_way, reason
from bridge.admin.status import Status
from bridge.config import Bind, Secret, TcpBind, is_loopback
from bridge.errors import StartError

HEALTH = ("/healthz", "/readyz")
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PROBLEM_TYPE = "application/problem+json"

log = logs.get("admin")


class Readiness(Struct, frozen=True, kw_only=True):
    """Whether pushes are taken and go on to the CAD, and what is wrong."""

    ready: bool
    reasons: list[str]


class Views(Struct, frozen=True, kw_only=True):
    """What the door shows. ``alive`` returns whether the event loop and the store turn.

    ``openapi`` returns the description of the push door, as JSON.
    """

    alive: Callable[[], Awaitable[bool]]
    readiness: Callable[[], Readiness]
    metrics: Callable[[], bytes]
    status: Callable[[], Status]
    openapi: Callable[[], bytes]


class AdminServer:
    """Serves the admin door while it is entered.

    Args:
        binds: the addresses.
        token: what readers from elsewhere show.
        hosts: names, besides loopback ones, under which it may be read without the token.
        views: what there is to read.

    Raises:
        StartError: an address cannot be had.
    """

    def __init__(self, binds: Sequence[Bind], token: Secret, hosts: Sequence[str], views: Views) -> None:
        self._binds = binds
        self._token = token
        self._hosts = frozenset(name.lower() for name in hosts)
        self._views = views
        self._stack = AsyncExitStack()
        self.addresses: list[str] = []

    async def __aenter__(self) -> Self:
        """Open every address."""
        application = web.Application(middlewares=[self._guard])
        application.router.add_get("/healthz", self._healthz)
        application.router.add_get("/readyz", self._readyz)
        application.router.add_get("/metrics", self._metrics)
        application.router.add_get("/status", self._status)
        application.router.add_get("/openapi.json", self._openapi)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        for bind in self._binds:
            try:
                await self._site(runner, bind).start()
            except OSError as error:
                await self._stack.aclose()
                raise StartError(f"admin.bind: {bind} cannot be opened: {reason(error)}") from error
        self.addresses = [_url(address) for address in runner.addresses]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every address."""
        await self._stack.aclose()

    def _site(self, runner: web.AppRunner, bind: Bind) -> web.BaseSite:
        if isinstance(bind, TcpBind):
            return web.TCPSite(runner, bind.host, bind.port)
        make_way(bind.path)
        return web.UnixSite(runner, bind.path)

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        refusal = self._refuse(request)
        if refusal is not None:
            return refusal
        try:
            return await handler(request)
        except web.HTTPException as error:
            allow = {"Allow": error.headers[hdrs.ALLOW]} if hdrs.ALLOW in error.headers else None
            return problem(HTTPStatus(error.status), error.reason, allow)
        except Exception:
            log.exception("admin request failed", path=request.path)
            return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "the bridge failed; its log says why")

    def _refuse(self, request: web.Request) -> web.Response | None:
        """Return why a request is not answered, or None if it is."""
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is not None and _authority(origin) != request.host.lower():
            return problem(HTTPStatus.FORBIDDEN, "a page of another origin may not read this")
        shown = request.headers.get(hdrs.AUTHORIZATION)
        if shown is not None:
            if self._knows(shown):
                return None
            return problem(HTTPStatus.UNAUTHORIZED, "the token is wrong", {"WWW-Authenticate": "Bearer"})
        if request.path in HEALTH:
            return None
        if request.remote and not is_loopback(request.remote):
            detail = "reading from elsewhere needs Authorization: Bearer and the admin token"
            return problem(HTTPStatus.UNAUTHORIZED, detail, {"WWW-Authenticate": "Bearer"})
        name = _host_name(request.host)
        if is_loopback(name) or name in self._hosts:
            return None
        return problem(HTTPStatus.FORBIDDEN, "this Host is neither a loopback name nor one of admin.hosts")

    def _knows(self, authorization: str) -> bool:
        scheme, _, token = authorization.partition(" ")
        expected = self._token.reveal().encode()
        matches = hmac.compare_digest(token.strip().encode("utf-8", "surrogateescape"), expected)
        return matches and scheme.lower() == "bearer"

    async def _healthz(self, _: web.Request) -> web.Response:
        if await self._views.alive():
            return web.json_response({"alive": True})
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, "the store does not answer")

    async def _readyz(self, _: web.Request) -> web.Response:
        readiness = self._views.readiness()
        status = HTTPStatus.OK if readiness.ready else HTTPStatus.SERVICE_UNAVAILABLE
        return _json(readiness, status)

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=self._views.metrics(), headers={hdrs.CONTENT_TYPE: METRICS_TYPE})

    async def _status(self, _: web.Request) -> web.Response:
        return _json(self._views.status(), HTTPStatus.OK)

    async def _openapi(self, _: web.Request) -> web.Response:
        return web.Response(body=self._views.openapi(), content_type="application/json")


def problem(status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return an error as problem+json."""
    body = msgspec.json.encode(
        {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    )
    return web.Response(status=status, body=body, content_type=PROBLEM_TYPE, headers=headers)


def _json(value: object, status: HTTPStatus) -> web.Response:
    return web.Response(
        status=status,
        body=msgspec.json.encode(value),
        content_type="application/json",
        headers={hdrs.CACHE_CONTROL: "no-store"},
    )


def _authority(origin: str) -> str:
    try:
        return URL(origin).authority.lower()
    except ValueError:
        return ""


def _host_name(host: str) -> str:
    """Return a Host header without its port; an IPv6 address without its brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.rpartition(":")[0].lower() if host.count(":") == 1 else host.lower()


def _url(address: tuple[object, ...] | str) -> str:
    if isinstance(address, str):
        return f"unix:{address}"
    host, port = str(address[0]), address[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
