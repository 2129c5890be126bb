"""The HTTP server that game servers push to.

Built on the HTTP library's lowest layer, so that every error is a problem of ours and nothing of a request
is read before its token is known.
"""

import asyncio
import socket
from collections.abc import Sequence
from http import HTTPStatus
from types import TracebackType
from typing import Self

from aiohttp import hdrs, web

from bridge import logs
from bridge.clock import Clock
from bridge.config import Bind, ListenerConfig, UnixBind
from bridge.errors import BridgeError
from bridge.listener.answer import Answer
from bridge.listener.auth import Tokens, delay_after, unauthorized
from bridge.listener.binding import accept, address_of, listen, release
from bridge.listener.body import read_body, stream_body
from bridge.listener.certificate import ServedCertificate
from bridge.listener.connection import Connection
from bridge.listener.counts import RequestCounts
from bridge.listener.handshake import REASONS, Handshakes
from bridge.listener.problem import not_allowed, problem, problem_of
from bridge.listener.reply import respond
from bridge.listener.routes import ANY, NOBODY, OTHER, Handler, Push, Resource, Route, Router
from bridge.listener.turnstile import Turnstile
from bridge.metrics import Metrics
from bridge.units import ServerId

WARN_EVERY = 60.0  # seconds between two warnings of wrong tokens
STOP_SECONDS = 2.0  # how long answers under way may take when the listener stops
FAREWELL_SECONDS = 1.5  # how long a kept connection may wait for one more push, to be told that it ends
FAREWELL_LOOK = 0.05  # seconds between looks whether all have gone

log = logs.get("listener")


class Listener:
    """Serves the routes on every configured address while it is entered.

    Raises StartError on entering where an address cannot be had. Sockets that were handed over take the place of
    the configured addresses: whoever keeps them lets clients wait while one daemon goes and the next comes.
    """

    def __init__(
        self,
        config: ListenerConfig,
        tokens: Tokens,
        routes: Sequence[Route],
        metrics: Metrics,
        clock: Clock,
        handed_over: Sequence[socket.socket] = (),
        certificate: ServedCertificate | None = None,
    ) -> None:
        self._config = config
        self._tokens = tokens
        self._router = Router(routes)
        self._counts = RequestCounts(metrics, routes)
        for reason in REASONS:
            metrics.listener_handshake_failures.labels(reason)
        self._clock = clock
        self._turnstile = Turnstile(config.max_connections, config.max_body)
        self._handed_over = handed_over
        self._handshakes = (
            None
            if certificate is None
            else Handshakes(
                certificate,
                config.request_timeout,
                metrics.listener_handshake_failures,
                clock,
            )
        )
        self._leaving = False
        self._servers: list[asyncio.Server] = []
        self.addresses: tuple[Bind, ...] = ()  # where it really listens
        self._protocols: web.Server | None = None
        self._warn_again_at = 0.0

    def reconfigure(self, config: ListenerConfig, tokens: Tokens, routes: Sequence[Route]) -> None:
        """Answer the next requests so; the addresses stay, and what is under way ends as it began."""
        self._config = config
        self._turnstile.reconfigure(config.max_connections, config.max_body)
        if self._handshakes is not None:
            self._handshakes.seconds = config.request_timeout
        self._tokens = tokens
        self._counts.add(routes)
        self._router = Router(routes)

    async def __aenter__(self) -> Self:
        protocols = self._protocols = web.Server(self._serve)
        if self._handshakes is not None:
            await self._handshakes.__aenter__()
        try:
            for sock in self._handed_over:
                await self._serve_socket(sock, protocols)
            for address in () if self._handed_over else self._config.bind:
                for sock in await listen(address):
                    await self._serve_socket(sock, protocols)
        except BaseException:
            await self._stop(protocols)
            raise
        return self

    async def _serve_socket(self, sock: socket.socket, protocols: web.Server) -> None:
        """Accept connections: to HTTP, or to TLS and then HTTP, which a unix socket never needs."""

        def connect(began: float | None = None) -> Connection:
            return Connection(
                protocols, self._turnstile, self._config.request_timeout, self._count_unrouted, began
            )

        address = address_of(sock)
        if self._handshakes is None or isinstance(address, UnixBind):
            self._servers.append(await accept(sock, connect))
        else:
            self._handshakes.accept(sock, connect)
        self.addresses += (address,)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Take no more connections, let answers under way finish, and free the addresses."""
        if self._protocols is not None:
            await self._stop(self._protocols)
            self._protocols = None

    async def _stop(self, protocols: web.Server) -> None:
        for server in self._servers:
            server.close()
        if self._handshakes is not None:
            self._handshakes.close()
        if self._handed_over:
            await self._say_farewell()
        if self._handshakes is not None:
            await self._handshakes.__aexit__()
        protocols.pre_shutdown()
        await protocols.shutdown(STOP_SECONDS)
        for address in () if self._handed_over else self.addresses:
            release(address)
        self._servers.clear()
        self.addresses = ()

    async def _say_farewell(self) -> None:
        """Tell kept connections that they end with their next answer; cut, they would lose the push on its way."""
        self._leaving = True
        deadline = self._clock.monotonic() + FAREWELL_SECONDS
        while self._turnstile.inside and self._clock.monotonic() < deadline:
            await self._clock.sleep(FAREWELL_LOOK)

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        connection = request.protocol
        assert isinstance(connection, Connection)  # noqa: S101 -- this server makes no other
        resource, argument = self._router.find("/" + request.rel_url.raw_path.lstrip("/"))
        try:
            answer = await self._answer(request, connection, resource, argument)
        except Exception:
            log.exception("request failed", route=resource.path if resource else OTHER)
            answer = problem(HTTPStatus.INTERNAL_SERVER_ERROR, "the bridge failed; its log says why")
        connection.stop_clock()
        self._counts.answered(resource.path if resource else OTHER, f"{answer.status:d}")
        response = respond(answer, request)
        # A proxy may take what follows a CONNECT for its body, which the HTTP library takes for the next request.
        if self._leaving or connection.is_last(request.content) or request.method == hdrs.METH_CONNECT:
            response.force_close()
        return response

    async def _answer(
        self, request: web.BaseRequest, connection: Connection, resource: Resource | None, argument: str
    ) -> Answer:
        if hdrs.ORIGIN in request.headers:
            await self._slow(connection)
            return problem(HTTPStatus.FORBIDDEN, "a request with an Origin comes from a browser")
        server_id = self._who(request, connection, resource)
        if server_id is None:
            self._warn_of_refusal(connection)
            await self._slow(connection)
            return unauthorized()
        if resource is None:
            return problem(HTTPStatus.NOT_FOUND, "there is nothing under this path")
        handler = resource.handlers.get(request.method) or resource.handlers.get(ANY)
        if handler is None:
            return not_allowed(resource.handlers)
        body = stream_body(request, connection) if resource.streamed else await read_body(
            request, connection, self._config
        )  # fmt: skip
        if isinstance(body, Answer):
            return body
        push = Push(
            server_id=server_id,
            body=body if isinstance(body, bytes) else b"",
            headers=request.headers,
            argument=argument,
            method=request.method,
            path=request.rel_url.raw_path,
            query=request.rel_url.raw_query_string,
            stream=None if isinstance(body, bytes) else body,
        )
        answer = await self._push(resource, handler, push)
        if answer.wrong_key:
            self._warn_of_refusal(connection)
            await self._slow(connection)
        elif answer.status < HTTPStatus.BAD_REQUEST:
            connection.trust()
        return answer

    def _who(
        self, request: web.BaseRequest, connection: Connection, resource: Resource | None
    ) -> ServerId | None:
        if resource is not None and resource.keyed:
            return NOBODY
        server_id = self._tokens.server_of(request.headers.get(hdrs.AUTHORIZATION))
        if server_id is not None:
            connection.trust()
        return server_id

    async def _push(self, resource: Resource, handler: Handler, push: Push) -> Answer:
        started = self._clock.monotonic()
        try:
            return await handler(push)
        except BridgeError as error:
            return problem_of(error)
        finally:
            self._counts.took(resource.path, self._clock.monotonic() - started)

    async def _slow(self, connection: Connection) -> None:
        """Let a connection wait on which a wrong token was shown, or none."""
        connection.stop_clock()
        connection.failures += 1
        await self._clock.sleep(delay_after(connection.failures))

    def _warn_of_refusal(self, connection: Connection) -> None:
        """Tell the operator why nothing moves on the map, but not once a second."""
        now = self._clock.monotonic()
        if now >= self._warn_again_at:
            self._warn_again_at = now + WARN_EVERY
            peer = connection.transport and connection.transport.get_extra_info("peername")
            log.warning("token wrong or missing", peer=peer[0] if isinstance(peer, tuple) else "local socket")

    def _count_unrouted(self, code: str) -> None:
        self._counts.answered(OTHER, code)
