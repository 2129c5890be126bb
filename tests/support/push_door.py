"""A listener on a free port, and a client that can misbehave on the wire."""

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import msgspec

from bridge.clock import SystemClock
from bridge.config import Bind, ListenerConfig, Secret, TcpBind, UnixBind
from bridge.listener import Listener, Tokens
from bridge.listener.answer import Answer
from bridge.listener.certificate import ServedCertificate
from bridge.listener.routes import Push, Route
from bridge.metrics import Metrics
from bridge.units import ServerId

TOKENS = {ServerId(1): "made-up-token-of-server-one", ServerId(2): "made-up-token-of-server-two"}
AUTHORIZED = f"Authorization: Bearer {TOKENS[ServerId(1)]}\r\n".encode()
LOOPBACK = TcpBind(host="127.0.0.1", port=0)


class ListenerClock(SystemClock):
    """Real time, but nobody is kept waiting; ``slept`` says how long they should have been."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await super().sleep(0)


class Reply(msgspec.Struct):
    """One answer off the wire; header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class Wire:
    """One connection, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def reply(self, *, bodiless: bool = False) -> Reply:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.rstrip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = 0 if bodiless else int(headers.get("content-length", "0"))
        return Reply(int(first.split()[1]), headers, await self._reader.readexactly(length))

    async def is_closed(self, within: float = 5.0) -> bool:
        """Wait for the other side to end the connection without a further word."""
        try:
            async with asyncio.timeout(within):
                return await self._reader.read(1) == b""
        except ConnectionError:
            return True
        except TimeoutError:
            return False

    def hold(self) -> None:
        """Read nothing more, so that the other side's answers pile up."""
        cast(asyncio.Transport, self.writer.transport).pause_reading()

    def close(self) -> None:
        self.writer.transport.abort()


class Door:
    """A running listener and what it counts."""

    def __init__(self, listener: Listener, metrics: Metrics, clock: ListenerClock) -> None:
        self.listener = listener
        self.metrics = metrics
        self.clock = clock
        self.wires: list[Wire] = []

    @property
    def url(self) -> str:
        return f"http://{self.listener.addresses[0]}"

    async def connect(self, address: Bind | None = None, tls: ssl.SSLContext | None = None) -> Wire:
        where = address or self.listener.addresses[0]
        if isinstance(where, UnixBind):
            wire = Wire(*await asyncio.open_unix_connection(where.path))
        else:
            wire = Wire(*await asyncio.open_connection(where.host, where.port, ssl=tls))
        self.wires.append(wire)
        return wire

    async def ask(self, data: bytes, tls: ssl.SSLContext | None = None) -> Reply:
        """Return the answer to bytes on a connection of their own."""
        wire = await self.connect(tls=tls)
        await wire.send(data)
        return await wire.reply(bodiless=data.startswith(b"HEAD"))

    def counted(self, route: str, code: int | str) -> float | None:
        labels = {"route": route, "code": str(code)}
        return self.metrics.registry.get_sample_value("cad_bridge_listener_requests_total", labels)


@asynccontextmanager
async def listening(
    routes: Sequence[Route],
    *,
    bind: tuple[Bind, ...] = (LOOPBACK,),
    metrics: Metrics | None = None,
    max_body: int = 2**20,
    max_connections: int = 64,
    request_timeout: float = 10.0,
    handed_over: Sequence[socket.socket] = (),
    certificate: ServedCertificate | None = None,
) -> AsyncGenerator[Door]:
    """Serve routes to the servers of ``TOKENS`` while entered."""
    config = ListenerConfig(
        bind=bind, max_body=max_body, max_connections=max_connections, request_timeout=request_timeout
    )
    tokens = Tokens((server_id, Secret(token)) for server_id, token in TOKENS.items())
    clock = ListenerClock()
    counts = metrics or Metrics("0")
    async with Listener(config, tokens, routes, counts, clock, handed_over, certificate) as listener:
        door = Door(listener, counts, clock)
        try:
            yield door
        finally:
            for wire in door.wires:
                wire.close()


ECHO = "/v1/echo"


class Rooms:
    """The handlers of these tests."""

    def __init__(self) -> None:
        self.pushes: list[Push] = []
        self.entered = asyncio.Event()
        self.leave = asyncio.Event()
        self.error: Exception | None = None

    async def echo(self, push: Push) -> Answer:
        self.pushes.append(push)
        if self.error is not None:
            raise self.error
        return Answer(status=200, body=push.body, content_type="application/json")

    async def wait(self, _: Push) -> Answer:
        self.entered.set()
        await self.leave.wait()
        return Answer(status=204)

    @property
    def routes(self) -> tuple[Route, ...]:
        return (
            Route(method="POST", path=ECHO, handler=self.echo),
            Route(method="GET", path="/v1/echo/{id}", handler=self.echo),
            Route(method="POST", path="/v1/wait", handler=self.wait),
        )


@asynccontextmanager
async def rooms(**config: Any) -> AsyncGenerator[tuple[Rooms, Door]]:
    served = Rooms()
    async with listening(served.routes, **config) as door:
        yield served, door


async def is_alive(door: Door, tls: ssl.SSLContext | None = None) -> bool:
    return (await door.ask(request(body=b"alive"), tls)).body == b"alive"


def request(
    method: str = "POST",
    path: str = "/v1/echo",
    body: bytes | None = None,
    *,
    headers: Sequence[str] = (),
    authorized: bool = True,
) -> bytes:
    """Return a request as it goes over the wire; no Content-Length where there is no body."""
    lines = [f"{method} {path} HTTP/1.1", "Host: bridge", *headers]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    head = "".join(f"{line}\r\n" for line in lines).encode()
    return head + (AUTHORIZED if authorized else b"") + b"\r\n" + (body or b"")
