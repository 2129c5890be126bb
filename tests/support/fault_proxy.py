"""A TCP proxy that fails as networks do, between any client and any server; switched while it runs."""

import asyncio
import random
import socket
import ssl
import struct
from contextlib import suppress
from typing import Self

from msgspec import Struct
from msgspec.structs import replace

PIECE = 16_384  # bytes read at once
TICK = 0.05  # seconds between two writes of a trickle
RESET_ON_CLOSE = struct.pack(
    "ii", 1, 0
)  # SO_LINGER with no time: close sends RST and forgets what was not sent


class Fault(Struct, frozen=True, kw_only=True):
    """What happens to the bytes of a connection.

    Every piece waits ``latency`` seconds and up to ``jitter`` more; ``bytes_per_second`` lets it trickle. ``silent``: what
    comes is kept and nothing goes on, nor is anything closed, so a TLS handshake stalls and a line in use is half open.
    After ``request_bytes`` or ``answer_bytes`` of the connection it is cut, by FIN or, where it ``resets``, by RST.
    """

    latency: float = 0.0
    jitter: float = 0.0
    bytes_per_second: float | None = None
    silent: bool = False
    request_bytes: int | None = None
    answer_bytes: int | None = None
    resets: bool = False


NO_FAULT = Fault()


class Connection:
    """One client's line; ``fault`` is its own, None: that of the proxy."""

    def __init__(
        self, proxy: "FaultProxy", reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._proxy = proxy
        self._client, self._client_writer = reader, writer
        self._server_writer: asyncio.StreamWriter | None = None
        self._changed = asyncio.Event()
        self._closed = False
        self.fault: Fault | None = None
        self.request_bytes = 0
        self.answer_bytes = 0

    def use(self, fault: Fault | None) -> None:
        """Let another fault befall this line alone; None: that of the proxy again."""
        self.fault = fault
        self.look_again()

    def look_again(self) -> None:
        """Wake what waits while the line is silent."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def serve(self) -> None:
        """Forward both ways until one end closes."""
        with suppress(OSError):
            await self._flow()
            server, self._server_writer = await asyncio.open_connection(*self._proxy.upstream)
            requests = asyncio.ensure_future(self._pump(self._client, self._server_writer, asking=True))
            answers = asyncio.ensure_future(self._pump(server, self._client_writer, asking=False))
            try:
                await asyncio.wait([requests, answers], return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in (requests, answers):
                    pump.cancel()
                await asyncio.gather(requests, answers, return_exceptions=True)

    def close(self, *, reset: bool = False) -> None:
        """Close both ends, by FIN or by RST."""
        self._closed = True
        self.look_again()
        for writer in (self._client_writer, self._server_writer):
            if writer is not None and reset:
                reset_on_close(writer)
                writer.transport.abort()
            elif writer is not None:
                writer.close()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, asking: bool) -> None:
        while piece := await source.read(PIECE):
            await self._flow()
            await asyncio.sleep(self._proxy.delay(self._fault))
            await self._flow()
            if asking and self._proxy.forgets and source.at_eof():
                return  # who asked is gone, and with it what had not arrived
            if not await self._forward(piece, sink, asking=asking):
                self.close(reset=self._fault.resets)
                return

    async def _forward(self, piece: bytes, sink: asyncio.StreamWriter, *, asking: bool) -> bool:
        """Pass a piece on; tell whether all of it went, and not only what was left until the cut."""
        left = self._left(asking=asking)
        whole = left is None or len(piece) <= left
        piece = piece if left is None else piece[: max(0, left)]
        while piece:
            rate = self._fault.bytes_per_second
            step = len(piece) if rate is None else max(1, int(rate * TICK))
            sink.write(piece[:step])
            await sink.drain()
            self._count(len(piece[:step]), asking=asking)
            piece = piece[step:]
            if piece:
                await asyncio.sleep(TICK)
                await self._flow()
        return whole

    def _left(self, *, asking: bool) -> int | None:
        fault = self._fault
        limit, gone = (
            (fault.request_bytes, self.request_bytes) if asking else (fault.answer_bytes, self.answer_bytes)
        )
        return None if limit is None else limit - gone

    def _count(self, length: int, *, asking: bool) -> None:
        if asking:
            self.request_bytes += length
        else:
            self.answer_bytes += length

    async def _flow(self) -> None:
        """Return as soon as the line is not silent."""
        while self._fault.silent and not self._closed:
            await self._changed.wait()
        if self._closed:
            raise ConnectionAbortedError

    @property
    def _fault(self) -> Fault:
        return self._proxy.fault if self.fault is None else self.fault


class FaultProxy:
    """Listens on ``port`` (0: any free one) and forwards to ``upstream``. An async context manager.

    Jitter comes from ``seed``. ``tls``: it is the end of TLS. ``forgets``: what was on its way when who asked went away
    never arrives, as where a router has lost the line. Closing the proxy resets every line.
    """

    def __init__(
        self,
        upstream: tuple[str, int],
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        seed: int = 1,
        tls: ssl.SSLContext | None = None,
        forgets: bool = True,
    ) -> None:
        self.upstream = upstream
        self.host = host
        self.port = port
        self.forgets = forgets
        self._tls = tls
        self.fault = NO_FAULT
        self.connections: list[Connection] = []
        self.accepted = 0
        self._dice = random.Random(seed)
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"http{'s' if self._tls else ''}://{self.host}:{self.port}"

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.refuse()
        self.reset()

    async def listen(self) -> None:
        """Take connections, after ``refuse`` again and on the same port."""
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, self.host, self.port, ssl=self._tls)
            self.port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Refuse new connections; those that are open go on."""
        if self._server is not None:
            self._server.close()
            self._server = None
            await asyncio.sleep(0)

    def use(self, fault: Fault) -> None:
        """Let a fault befall all lines, those that are open too, but for those with one of their own."""
        self.fault = fault
        for connection in self.connections:
            connection.look_again()

    def silence(self) -> None:
        """Let the lines that are open now fall silent for ever; new ones are fine."""
        for connection in self.connections:
            connection.use(replace(self.fault, silent=True))

    def cut(self) -> None:
        """Close every line by FIN."""
        for connection in list(self.connections):
            connection.close()

    def reset(self) -> None:
        """Close every line by RST."""
        for connection in list(self.connections):
            connection.close(reset=True)

    def delay(self, fault: Fault) -> float:
        """Return how long a piece waits."""
        return fault.latency + (self._dice.uniform(0.0, fault.jitter) if fault.jitter else 0.0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(self, reader, writer)
        self.connections.append(connection)
        self.accepted += 1
        try:
            await connection.serve()
        except asyncio.CancelledError:
            return  # the loop ends; whoever called back would take it for a fault
        finally:
            self.connections.remove(connection)
            connection.close()


def reset_on_close(writer: asyncio.StreamWriter) -> None:
    """Have a close send RST."""
    found: socket.socket | None = writer.get_extra_info("socket")
    if found is not None and found.fileno() >= 0:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
