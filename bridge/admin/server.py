"""The HTTP server of the admin door; ``guard`` says who may come in."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from http import HTTPStatus
from typing import Self

from aiohttp import hdrs, web
from msgspec import Struct

from bridge import logs
from bridge.addresses import make_way, reason
from bridge.admin.connections import Connections, runner_of
from bridge.admin.guard import Guard
from bridge.admin.live import Live
from bridge.admin.outbox import OutboxDoor, OutboxViews
from bridge.admin.page import Page
from bridge.admin.picture import Picture, Search
from bridge.admin.problem import as_json, problem
from bridge.admin.status import Status
from bridge.admin.watch import WatchDoor
from bridge.clock import Clock
from bridge.config import Bind, Secret, TcpBind, UnixBind
from bridge.errors import ConfigError, StartError
from bridge.reload import Change

BACKLOG = 1024  # connections the kernel holds while the loop is busy
SOCKET_MODE = 0o660  # owner and group may ask; changing something needs the token all the same
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"

log = logs.get("admin")


class Readiness(Struct, frozen=True, kw_only=True):
    """Whether pushes are taken and go on to the CAD, and what is wrong."""

    ready: bool
    reasons: list[str]


class Views(Struct, frozen=True, kw_only=True):
    """What the door shows. ``alive`` returns whether the event loop and the store turn.

    ``openapi`` returns the description of the push door, as JSON; ``reload`` has the configuration read again and
    returns what differs, or raises ``ConfigError``. ``picture`` and ``search`` are what the status page shows and asks.
    """

    alive: Callable[[], Awaitable[bool]]
    readiness: Callable[[], Readiness]
    metrics: Callable[[], Awaitable[bytes]]
    status: Callable[[], Status]
    openapi: Callable[[], bytes]
    outbox: OutboxViews
    reload: Callable[[], Awaitable[list[Change]]]
    picture: Callable[[], Picture]
    search: Search


class Reloaded(Struct, frozen=True, kw_only=True):
    """What differs from the configuration before; what is marked ``restart`` waits for one."""

    changes: list[Change]


class AdminServer:
    """Serves the admin door while it is entered.

    Args:
        binds: the addresses.
        token: what readers from elsewhere show, and everybody who changes something.
        hosts: names, besides loopback ones, under which it may be read without the token.
        views: what there is to read and to change.
        clock: what time it is.

    Raises:
        StartError: an address cannot be had.
    """

    def __init__(
        self, binds: Sequence[Bind], token: Secret, hosts: Sequence[str], views: Views, clock: Clock
    ) -> None:
        self._binds = binds
        self._gatekeeper = Guard(token, hosts, clock)
        self._views = views
        self._live = Live(views.picture, clock)
        self._stack = AsyncExitStack()
        self.addresses: list[str] = []

    def reconfigure(self, token: Secret, hosts: Sequence[str]) -> None:
        """Expect this token, and answer under these names, from the next request on."""
        self._gatekeeper.reconfigure(token, hosts)

    async def __aenter__(self) -> Self:
        """Open every address."""
        application = web.Application(middlewares=[self._guard])
        application.router.add_get("/healthz", self._healthz)
        application.router.add_get("/readyz", self._readyz)
        application.router.add_get("/metrics", self._metrics)
        application.router.add_get("/status", self._status)
        application.router.add_get("/openapi.json", self._openapi)
        application.router.add_post("/reload", self._reload)
        OutboxDoor(self._views.outbox).add_to(application.router)
        Page().add_to(application.router)
        WatchDoor(self._live, self._views.search).add_to(application)
        runner = runner_of(application)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        assert runner.server is not None  # noqa: S101 -- it was set up
        connections = Connections(runner.server)
        for bind in self._binds:
            try:
                await self._open(bind, connections)
            except OSError as error:
                await self._stack.aclose()
                raise StartError(f"admin.bind: {bind} cannot be opened: {reason(error)}") from error
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every address."""
        await self._stack.aclose()

    async def _open(self, bind: Bind, connections: Connections) -> None:
        loop = asyncio.get_running_loop()
        if isinstance(bind, TcpBind):
            server = await loop.create_server(connections, bind.host, bind.port, backlog=BACKLOG)
        else:
            make_way(bind.path)
            server = await loop.create_unix_server(connections, bind.path, backlog=BACKLOG)
        self._stack.callback(server.close)
        if isinstance(bind, UnixBind):
            bind.path.chmod(SOCKET_MODE)
        self.addresses += [_url(sock.getsockname()) for sock in server.sockets]

    @web.middleware
    async def _guard(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        refusal = await self._gatekeeper.refuse(request)
        if refusal is not None:
            return refusal
        try:
            return await handler(request)
        except web.HTTPException as error:
            allow = {"Allow": error.headers[hdrs.ALLOW]} if hdrs.ALLOW in error.headers else None
            return problem(HTTPStatus(error.status), error.reason, allow)
        except ConnectionError:
            raise  # whoever asked has gone
        except Exception:
            log.exception("admin request failed", path=request.path)
            return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "the bridge failed; its log says why")

    async def _healthz(self, _: web.Request) -> web.Response:
        if await self._views.alive():
            return web.json_response({"alive": True})
        return problem(HTTPStatus.SERVICE_UNAVAILABLE, "the store does not answer")

    async def _readyz(self, _: web.Request) -> web.Response:
        readiness = self._views.readiness()
        status = HTTPStatus.OK if readiness.ready else HTTPStatus.SERVICE_UNAVAILABLE
        return as_json(readiness, status)

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=await self._views.metrics(), headers={hdrs.CONTENT_TYPE: METRICS_TYPE})

    async def _status(self, _: web.Request) -> web.Response:
        return as_json(self._views.status(), HTTPStatus.OK)

    async def _openapi(self, _: web.Request) -> web.Response:
        return web.Response(body=self._views.openapi(), content_type="application/json")

    async def _reload(self, _: web.Request) -> web.Response:
        try:
            changes = await self._views.reload()
        except ConfigError as error:
            return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "\n".join(error.problems))
        return as_json(Reloaded(changes=changes), HTTPStatus.OK)


def _url(address: tuple[object, ...] | str) -> str:
    if isinstance(address, str):
        return f"unix:{address}"
    host, port = str(address[0]), address[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
