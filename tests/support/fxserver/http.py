"""HTTP as FXServer's scripts do it: libcurl's manners on a real connection, or an answer that a test wrote.

After HttpScriptFunctions.cpp and HttpClient.cpp of citizenfx/fivem: at most 8 connections to a host, the rest queue
and their time does not run yet; 5 s without a byte are status 0; a body ends at its first NUL; a header without a
value is not sent; a status from 400 up hides headers and body but in the error's text.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

CONNECTIONS_PER_HOST = 8
NO_RESPONSE = 5_000  # milliseconds
REAL_SECONDS = 20.0  # after which a test is stuck
INFORMATIONAL, FIRST_ERROR = 100, 400

Condition = Callable[["Exchange"], bool]
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Request(Struct, frozen=True):
    """What a script asked for."""

    url: str
    method: str
    body: bytes
    headers: dict[str, str]
    follow: bool


class Exchange:
    """A request of a script and its answer. Times are milliseconds of the game; ``status`` is None until answered."""

    def __init__(self, token: int, request: Request, now: int) -> None:
        self.token = token
        self.url = request.url
        self.method = request.method
        self.follow = request.follow
        self.body = request.body.split(b"\0")[0]
        self.headers = {name: value for name, value in request.headers.items() if value}
        self.asked_at = now
        self.started_at: int | None = None
        self.answered_at: int | None = None
        self.status: int | None = None
        self.answer = b""
        self.answer_headers: dict[str, str] = {}
        self.problem = ""

    @property
    def path(self) -> str:
        return urlsplit(self.url).path or "/"

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def answer_json(self) -> Any:
        return msgspec.json.decode(self.answer)

    @property
    def under_way(self) -> bool:
        return self.started_at is not None and self.status is None


class Planned:
    """What a test lets happen to the requests that it chooses: ``status`` None is no answer at all."""

    def __init__(
        self,
        condition: Condition,
        status: int | None,
        body: Callable[[], bytes],
        delay: int,
        times: int | None,
    ) -> None:
        self.condition = condition
        self.status = status
        self.body = body
        self.delay = delay
        self.left = times


class Http:
    """Every request, in order, and the connections they go over."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self.most_under_way = 0
        self._plans: list[Planned] = []
        self._waiting: deque[Exchange] = deque()
        self._running: dict[Exchange, asyncio.Task[None] | Planned] = {}
        self._idle: dict[str, list[Connection]] = {}

    def of(self, path: str) -> list[Exchange]:
        """Return the requests to a path, in order."""
        return [exchange for exchange in self.exchanges if exchange.path == path]

    def hang(self, path: str = "", *, times: int | None = None) -> Planned:
        """Let requests to paths that begin so hang without a byte, until ``stop``."""
        return self._add(Planned(_to(path), None, bytes, 0, times))

    def answer(
        self, path: str, status: int, body: object = b"", *, seconds: float = 0.0, times: int | None = None
    ) -> Planned:
        """Answer requests by the book of a test, ``status`` 0 as if nothing listened there."""
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return self._add(Planned(_to(path), status, lambda: content, int(seconds * 1000), times))

    def serve(self, host: str, path: str, body: Callable[[], object]) -> Planned:
        """Answer requests to one host with what is so at that time, as JSON."""
        return self._add(
            Planned(
                lambda exchange: (exchange.host, exchange.path) == (host, path),
                200,
                lambda: msgspec.json.encode(body()),
                0,
                None,
            )
        )

    def stop(self, plan: Planned) -> None:
        """Let further requests through again."""
        self._plans.remove(plan)

    def ask(self, exchange: Exchange) -> None:
        """Take a request: it starts at once where a connection is free."""
        self.exchanges.append(exchange)
        self._waiting.append(exchange)
        self._start_waiting(exchange.asked_at)

    def step(self, now: int) -> list[Exchange]:
        """Start what may start, and return what has ended since the last time."""
        for exchange, work in list(self._running.items()):
            self._judge(exchange, work, now)
        ended = [exchange for exchange in self._running if exchange.status is not None]
        for exchange in ended:
            exchange.answered_at = now
            del self._running[exchange]
        self._start_waiting(now)
        return ended

    def _start_waiting(self, now: int) -> None:
        for _ in range(len(self._waiting)):
            exchange = self._waiting.popleft()
            if sum(one.host == exchange.host for one in self._running) < CONNECTIONS_PER_HOST:
                self._start(exchange, now)
            else:
                self._waiting.append(exchange)
        self.most_under_way = max(self.most_under_way, len(self._running))

    async def settle(self) -> None:
        """Really wait for the real answers that are on their way."""
        real = [work for work in self._running.values() if isinstance(work, asyncio.Task)]
        if real:
            await asyncio.wait(real, timeout=REAL_SECONDS)

    async def close(self) -> None:
        real = [work for work in self._running.values() if isinstance(work, asyncio.Task)]
        for task in real:
            task.cancel()
        await asyncio.gather(*real, return_exceptions=True)
        for connections in self._idle.values():
            for _, writer in connections:
                writer.close()
        self._idle.clear()

    def _add(self, plan: Planned) -> Planned:
        self._plans.insert(0, plan)  # the newest decides
        return plan

    def _start(self, exchange: Exchange, now: int) -> None:
        exchange.started_at = now
        for plan in self._plans:
            if plan.condition(exchange) and plan.left != 0:
                plan.left = None if plan.left is None else plan.left - 1
                self._running[exchange] = plan
                return
        self._running[exchange] = asyncio.get_running_loop().create_task(self._exchange(exchange))

    def _judge(self, exchange: Exchange, work: "asyncio.Task[None] | Planned", now: int) -> None:
        assert exchange.started_at is not None
        waited = now - exchange.started_at
        if isinstance(work, Planned):
            if work.status is not None and work.delay <= waited and work.delay < NO_RESPONSE:
                self._end(exchange, work.status, work.body())
                return
        elif work.done():
            work.result()
            return
        if waited >= NO_RESPONSE:
            if isinstance(work, asyncio.Task):
                work.cancel()
            exchange.status = 0
            exchange.problem = (
                "Callback aborted - CURL error code 42 (Operation was aborted by an application callback)"
            )

    def _end(self, exchange: Exchange, status: int, body: bytes) -> None:
        exchange.status, exchange.answer = status, body
        if status == 0:
            exchange.problem = (
                f"Failed to connect to {exchange.host} - CURL error code 7 (Could not connect to server)"
            )
        elif status >= FIRST_ERROR:
            exchange.problem = f"HTTP {status}: " + body.decode("utf-8", "surrogateescape")

    async def _exchange(self, exchange: Exchange) -> None:
        kept = self._idle.setdefault(exchange.host, [])
        try:
            try:
                status, body = await self._attempt(exchange, kept.pop() if kept else await _connect(exchange))
            except _Stale:
                status, body = await self._attempt(exchange, await _connect(exchange))
        except (OSError, asyncio.IncompleteReadError, _Stale):
            status, body = 0, b""
        self._end(exchange, status, body)

    async def _attempt(self, exchange: Exchange, connection: Connection) -> tuple[int, bytes]:
        reader, writer = connection
        try:
            writer.write(_request(exchange))
            await writer.drain()
            status, headers, body = await _answer(reader)
        except BaseException:
            writer.transport.abort()
            raise
        exchange.answer_headers = headers
        if _value(headers, "connection").lower() == "close":
            writer.close()
        else:
            self._idle[exchange.host].append(connection)
        return status, body


class _Stale(Exception):  # noqa: N818 -- what happened, not a fault
    """The other side had closed a connection that was kept: nothing was received, so curl sends it again."""


async def _connect(exchange: Exchange) -> Connection:
    parts = urlsplit(exchange.url)
    return await asyncio.open_connection(parts.hostname, parts.port or 80)


def _to(path: str) -> Condition:
    return lambda exchange: exchange.path.startswith(path)


def _request(exchange: Exchange) -> bytes:
    parts = urlsplit(exchange.url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    given = {name.lower() for name in exchange.headers}
    headers = {"Host": exchange.host, "User-Agent": "FXServer/PerformHttpRequest", "Accept": "*/*"}
    headers = {name: value for name, value in headers.items() if name.lower() not in given} | exchange.headers
    if exchange.method != "GET" and "content-type" not in given:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    if exchange.body:
        headers["Content-Length"] = str(len(exchange.body))
    lines = [f"{exchange.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + exchange.body


async def _answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    try:
        raw = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if not error.partial:
            raise _Stale from error
        raise
    except ConnectionError as error:
        raise _Stale from error
    first, *lines = raw.decode("latin-1").rstrip().split("\r\n")
    status = int(first.split()[1])
    headers = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if status == INFORMATIONAL:
        return await _answer(reader)
    if _value(headers, "transfer-encoding").lower() == "chunked":
        return status, headers, await _chunks(reader)
    return status, headers, await reader.readexactly(int(_value(headers, "content-length") or 0))


def _value(headers: dict[str, str], wanted: str) -> str:
    return next((value for name, value in headers.items() if name.lower() == wanted), "")


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    found = bytearray()
    while size := int((await reader.readline()).split(b";")[0], 16):
        found += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return bytes(found)
