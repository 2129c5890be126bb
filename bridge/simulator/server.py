"""The simulated CAD on real sockets."""

import hashlib
from contextlib import AsyncExitStack, suppress
from http import HTTPStatus
from ipaddress import ip_address
from types import TracebackType
from typing import Self

from aiohttp import web

from bridge.clock import Clock
from bridge.simulator.cloud import Cloud, Dropped
from bridge.simulator.control import PREFIX, Control, refusal
from bridge.simulator.messages import Digest, Reply, Request
from bridge.simulator.multipart import KEPT_BYTES, Form, FormReader

MAX_BODY_BYTES = 64 * 1024 * 1024  # no limit is documented; this one only keeps the machine alive
GRACE_SECONDS = 0.2  # for requests under way when the server stops


class SimulatorServer:
    """Serves a ``Cloud`` over HTTP/1.1 while its context is open, the control door on the same listener.

    The same ``cloud`` may be served again later: what it knows outlives the server, as the CAD's would a lost
    network. The control door answers loopback callers only, unless ``open_control``.
    """

    def __init__(
        self,
        clock: Clock,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        cloud: Cloud | None = None,
        open_control: bool = False,
    ) -> None:
        self.cloud = Cloud(clock) if cloud is None else cloud
        self._host = host
        self._port = port
        self._control = Control(self.cloud)
        self._open_control = open_control
        self._stack = AsyncExitStack()

    @property
    def port(self) -> int:
        """Return the port; once it listens, the real one where 0 was asked for."""
        return self._port

    @property
    def url(self) -> str:
        """Return the base URL for clients."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    async def __aenter__(self) -> Self:
        """Listen; ``OSError`` where the address cannot be had."""
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_route("*", "/{path:.*}", self._serve)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=GRACE_SECONDS)
        async with AsyncExitStack() as stack:
            stack.push_async_callback(runner.cleanup)
            await runner.setup()
            await web.TCPSite(runner, self._host, self._port).start()
            stack.callback(self.cloud.let_go)
            self._stack = stack.pop_all()
        self._port = int(runner.addresses[0][1])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of what hangs, then close all connections."""
        await self._stack.aclose()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        asked = await _read(request)
        if request.path.startswith(PREFIX):
            return _response(self._steer(request, asked))
        try:
            return _response(await self.cloud.exchange(asked))
        except Dropped as dropped:
            return await _break_off(request, dropped)

    def _steer(self, request: web.Request, asked: Request) -> Reply:
        if not self._open_control and not _is_loopback(request.remote):
            return refusal(HTTPStatus.FORBIDDEN, "The control door is for callers on the same machine.")
        return self._control.handle(asked)


async def _read(request: web.Request) -> Request:
    path, _, raw_query = request.raw_path.partition("?")
    upload = request.content_type.startswith("multipart/")
    body, form, digest = await _read_upload(request) if upload else (await request.read(), None, None)
    return Request(
        method=request.method,
        path=path,
        query=dict(request.query),
        headers=dict(request.headers),
        body=body,
        raw_query=raw_query,
        fields=tuple(
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in request.raw_headers
        ),
        form=form,
        digest=digest,
    )


async def _read_upload(request: web.Request) -> tuple[bytes, Form, Digest | None]:
    """Read an upload of any length; its body is kept only if it is short."""
    reader, sha256 = FormReader(request.headers["Content-Type"]), hashlib.sha256()
    body, length = b"", 0
    async for piece in request.content.iter_any():
        reader.feed(piece)
        sha256.update(piece)
        length += len(piece)
        if length <= KEPT_BYTES:
            body += piece
    if length <= KEPT_BYTES:
        return body, reader.form(), None
    return b"", reader.form(), Digest(length=length, sha256=sha256.hexdigest())


def _response(reply: Reply) -> web.Response:
    return web.Response(status=reply.status, headers=reply.headers, body=reply.body)


async def _break_off(request: web.Request, dropped: Dropped) -> web.StreamResponse:
    """Close the connection, after half of the answer where that is the fault."""
    response = web.StreamResponse()
    if dropped.partial and dropped.reply is not None:
        reply = dropped.reply
        response = web.StreamResponse(status=reply.status, headers=reply.headers)
        response.content_length = len(reply.body)
        with suppress(ConnectionError):  # whoever asked has gone already
            await response.prepare(request)
            await response.write(reply.body[: len(reply.body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response


def _is_loopback(remote: str | None) -> bool:
    try:
        return remote is not None and ip_address(remote.partition("%")[0]).is_loopback
    except ValueError:
        return False
