"""Against real sockets: what the wire does, and which of our errors it becomes."""

import asyncio
import errno
import gc
import gzip
import re
import socket
import ssl
import struct
import tracemalloc
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote, quote_plus

import aiohttp
import msgspec
import pytest
from aiohttp import web
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from bridge.clock import SystemClock
from bridge.config import Secret
from bridge.errors import CadError
from bridge.operations import (
    CREATE_911_CALL,
    DETACH_UNITS,
    GET_VERSION,
    KICK_UNIT,
    SET_UNIT_PANIC,
    UPLOAD_BODYCAM_RECORDING,
    Operation,
)
from bridge.sonoran import http
from bridge.sonoran.http import FAILURE_REASONS, CadHttp, classify, read_retry_after, with_key
from bridge.sonoran.messages import CadAnswer, CadRequest, Line, Upload
from tests.support.cad_requests import NOON
from tests.support.stepping_clock import SteppingClock

KEY = "made-up/key+of=the 'community"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"

Script = Callable[["Connection"], Awaitable[None]]


class Connection:
    """The CAD's end of one connection; ``head`` is the last request's."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        self._reader = reader
        self._writer = writer
        self.number = number
        self.head = ""
        self.body = b""

    async def receive(self) -> None:
        self.head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        headers = dict(line.lower().split(": ", 1) for line in self.head.splitlines()[1:] if line)
        self.body = await self._reader.readexactly(int(headers.get("content-length", "0")))

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def answer(self, data: bytes = OK) -> None:
        await self.receive()
        await self.send(data)

    def close(self) -> None:
        self._writer.close()

    def reset(self) -> None:
        """End the connection with a reset rather than a farewell."""
        linger = struct.pack("ii", 1, 0)
        self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._writer.transport.abort()


class Wire:
    """A scripted CAD and the client that talks to it."""

    def __init__(self, client: CadHttp, connections: list[Connection]) -> None:
        self.client = client
        self.connections = connections

    async def ask(
        self, operation: Operation = GET_VERSION, line: Line = Line.ORDINARY, body: bytes | None = None
    ) -> CadAnswer:
        request = CadRequest(operation=operation, path=operation.path, body=body, line=line)
        return await self.client.exchange(request)

    async def fail(self, operation: Operation = GET_VERSION, **more: Any) -> tuple[str, bool, int]:
        with pytest.raises(CadError) as caught:
            await self.ask(operation, **more)
        return caught.value.reason, caught.value.sent, caught.value.sends

    @property
    def heads(self) -> list[str]:
        return [connection.head for connection in self.connections]


@asynccontextmanager
async def wire(script: Script, *, seconds: float = 5.0, scheme: str = "http") -> AsyncGenerator[Wire]:
    """Serve ``script`` to every connection while entered."""
    connections: list[Connection] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(reader, writer, len(connections))
        connections.append(connection)
        try:
            await script(connection)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    url = f"{scheme}://127.0.0.1:{port}/"
    try:
        async with CadHttp(url, Secret(KEY), seconds, SteppingClock()) as client:
            yield Wire(client, connections)
    finally:
        server.close()


def replying(*answers: bytes) -> Script:
    """Answer the requests of a connection with these, then with the last of them."""

    async def script(connection: Connection) -> None:
        for data in answers:
            await connection.answer(data)
        while True:
            await connection.answer(answers[-1])

    return script


def response(status: str = "200 OK", *headers: str, body: bytes = b"{}") -> bytes:
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}"]
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n" + body


# What goes out


async def test_a_request_as_sonoran_wants_it() -> None:
    async with wire(replying(OK)) as cad:
        got = await cad.ask(SET_UNIT_PANIC, body=b'{"isPanic":true}')

    lines = cad.heads[0].splitlines()
    assert lines[0] == "PATCH /v2/emergency/servers/{serverId}/units/panic HTTP/1.1"
    assert f"Authorization: Bearer {KEY}" in lines
    assert "Accept: application/json" in lines
    assert "Content-Type: application/json" in lines
    assert cad.connections[0].body == b'{"isPanic":true}'
    assert (got.status, got.body, got.retry_after, got.trace_id, got.sends) == (200, b"{}", None, None, 1)


async def test_a_question_has_no_body_and_no_type_of_one() -> None:
    async with wire(replying(OK)) as cad:
        await cad.ask()

    assert cad.heads[0].startswith("GET /v2/general/version HTTP/1.1\r\n")
    assert "content-type" not in cad.heads[0].lower()
    assert "content-length" not in cad.heads[0].lower()


def keyed(body: bytes | None) -> CadRequest:
    return CadRequest(
        operation=SET_UNIT_PANIC, path="/emergency/unit_panic", method="POST", body=body, keyed=True
    )


async def test_the_key_of_a_keyed_request_is_in_its_body_and_nowhere_else() -> None:
    request = keyed(b'{"id":"examplecad","type":"UNIT_PANIC","data":[]}')
    async with wire(replying(OK)) as cad:
        await cad.client.exchange(request)

    head, body = cad.heads[0], cad.connections[0].body
    assert head.startswith("POST /emergency/unit_panic HTTP/1.1\r\n")
    assert "authorization" not in head.lower()
    assert KEY not in head
    assert KEY not in repr(request)
    assert "Content-Type: application/json" in head.splitlines()
    assert msgspec.json.decode(body) == {"key": KEY, "id": "examplecad", "type": "UNIT_PANIC", "data": []}


async def test_a_key_that_needs_escaping_is_escaped() -> None:
    assert msgspec.json.decode(with_key(b'{"a":1}', Secret('k"\\\n'))) == {"key": 'k"\\\n', "a": 1}


@pytest.mark.parametrize("body", [None, b"", b"[]", b"{}", b" {}"])
async def test_a_keyed_request_without_an_object_never_leaves(body: bytes | None) -> None:
    async with wire(replying(OK)) as cad:
        with pytest.raises(CadError) as caught:
            await cad.client.exchange(keyed(body))

    assert (caught.value.reason, caught.value.sent, cad.connections) == ("protocol", False, [])


async def test_a_keyed_request_and_another_share_a_client() -> None:
    async with wire(replying(OK)) as cad:
        await cad.client.exchange(keyed(b'{"a":1}'))
        await cad.ask()

    (connection,) = cad.connections
    assert f"Authorization: Bearer {KEY}" in connection.head.splitlines()


async def test_a_key_that_v1_repeats_is_masked() -> None:
    reply = response("400 Bad Request", "Content-Type: text/plain", body=f"BAD {KEY}".encode())
    async with wire(replying(reply)) as cad:
        got = await cad.client.exchange(keyed(b'{"a":1}'))

    assert got.body == b"BAD ***"


async def test_a_path_that_is_encoded_already_goes_out_as_it_is() -> None:
    async with wire(replying(OK)) as cad:
        await cad.client.exchange(CadRequest(operation=GET_VERSION, path="/v2/a%2Fb%20c/%C3%A9"))

    assert cad.heads[0].startswith("GET /v2/a%2Fb%20c/%C3%A9 HTTP/1.1")


async def test_connections_are_kept_and_each_line_has_its_own() -> None:
    async with wire(replying(OK)) as cad:
        for line in (Line.URGENT, Line.ORDINARY, Line.URGENT, Line.FRESH, Line.ORDINARY, Line.FRESH):
            await cad.ask(line=line)

    assert len(cad.connections) == 3


async def test_a_fresh_line_does_not_ride_on_a_connection_that_idled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(http.IDLE_SECONDS, Line.FRESH, 0.01)
    async with wire(replying(OK)) as cad:
        for line in (Line.FRESH, Line.URGENT) * 2:
            await cad.ask(line=line)
            await SystemClock().sleep(0.03)

    assert len(cad.connections) == 3


async def test_requests_of_one_line_do_not_wait_for_each_other() -> None:
    together = asyncio.Barrier(3)

    async def script(connection: Connection) -> None:
        await connection.receive()
        await together.wait()
        await connection.send(OK)

    async with wire(script) as cad, asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(cad.ask(line=Line.URGENT))

    assert len(cad.connections) == 3


async def test_certificates_are_always_checked() -> None:
    async with wire(replying(OK)) as cad:
        for line in Line:
            connector = cad.client._sessions[line].connector
            assert isinstance(connector, aiohttp.TCPConnector)
            assert connector._ssl is True  # by the library's own context; test_outbound has one it refuses


async def test_a_line_gives_up_in_time_for_nothing_to_arrive_after_the_timeout_of_its_request() -> None:
    async with wire(replying(OK), seconds=10.0) as cad:
        for line in Line:
            patience = 3.5 if line is Line.URGENT else 4.5
            request = CadRequest(operation=KICK_UNIT, path="/v2/x", line=line, body=b"[]")
            assert cad.client._limits(request).sock_connect == patience
            connector = cad.client._sessions[line].connector
            assert isinstance(connector, aiohttp.TCPConnector)
            address = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 1))
            with vars(connector)["_socket_factory"](address) as made:
                given_up = made.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
            assert given_up == patience * 1000


@pytest.mark.parametrize("method", ["", "DELETE"])
async def test_a_method_that_is_asked_for_is_used(method: str) -> None:
    async with wire(replying(OK)) as cad:
        await cad.client.exchange(CadRequest(operation=KICK_UNIT, path="/v2/x", method=method, body=b"[]"))

    assert cad.heads[0].startswith(f"{method or 'POST'} /v2/x HTTP/1.1")


async def test_a_body_has_the_type_that_is_said() -> None:
    async with wire(replying(OK)) as cad:
        await cad.client.exchange(
            CadRequest(
                operation=KICK_UNIT, path="/v2/x?a=%2F&b=c+d", body=b"a=1", content_type="text/odd; q=1"
            )
        )

    assert cad.heads[0].startswith("POST /v2/x?a=%2F&b=c+d HTTP/1.1")
    assert "Content-Type: text/odd; q=1" in cad.heads[0].splitlines()


# Uploads

MULTIPART = "multipart/form-data; boundary=b"
PART = b"\xf0" * 65536
PARTS = 1024  # 64 MiB in all


class Uploads:
    """A CAD that takes uploads: ``sizes`` are those of complete bodies; ``over`` is set after any."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.heads: list[CIMultiDict[str]] = []
        self.begun = asyncio.Event()
        self.over = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def take(self, request: web.Request) -> web.Response:
        self.heads.append(CIMultiDict(request.headers))
        self.begun.set()
        await self.go_on.wait()
        size = 0
        try:
            async for part in request.content.iter_any():
                size += len(part)
        finally:
            self.over.set()
        self.sizes.append(size)
        return web.json_response({"size": size})


@asynccontextmanager
async def uploading(*, seconds: float = 5.0) -> AsyncGenerator[tuple[CadHttp, Uploads]]:
    uploads = Uploads()
    app = web.Application(client_max_size=2**30)
    app.router.add_post("/v2/general/bodycam-recordings", uploads.take)
    async with (
        TestServer(app) as server,
        CadHttp(str(server.make_url("")), Secret(KEY), seconds, SystemClock()) as client,
    ):
        yield client, uploads


def upload_of(parts: AsyncIterator[bytes], length: int | None, *, seconds: float = 20.0) -> CadRequest:
    return CadRequest(
        operation=UPLOAD_BODYCAM_RECORDING,
        path=UPLOAD_BODYCAM_RECORDING.path,
        content_type=MULTIPART,
        line=Line.FRESH,
        upload=Upload(parts=parts, length=length, seconds=seconds),
    )


class Film:
    """Sixty-four megabytes, or fewer and then an error; ``read`` counts the parts that somebody took."""

    def __init__(self, *, until: int = PARTS, error: Exception | None = None) -> None:
        self.read = 0
        self._until = until
        self._error = error

    async def parts(self) -> AsyncIterator[bytes]:
        for _ in range(self._until):
            self.read += 1
            yield bytes(PART)
        if self._error is not None:
            raise self._error


@pytest.mark.parametrize("length", [None, PARTS * len(PART)])
async def test_an_upload_is_passed_on_while_it_comes_and_never_lies_in_memory(length: int | None) -> None:
    film = Film()
    async with uploading() as (client, uploads):
        uploads.go_on.clear()
        tracemalloc.start()
        try:
            asking = asyncio.create_task(client.exchange(upload_of(film.parts(), length)))  # noqa: TID251
            await uploads.begun.wait()
            before = -1
            while film.read != before:  # until nothing more fits into the sockets' buffers
                before = film.read
                await SystemClock().sleep(0.2)
            uploads.go_on.set()
            got = await asking
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert before < PARTS / 2, "a CAD that does not read makes the sender wait"
    assert most < 16 * 2**20
    assert (got.status, uploads.sizes) == (200, [PARTS * len(PART)])
    (head,) = uploads.heads
    assert head["Content-Type"] == MULTIPART
    assert head["Authorization"] == f"Bearer {KEY}"
    assert head.get("Content-Length") == (None if length is None else str(length))
    assert head.get("Transfer-Encoding") == ("chunked" if length is None else None)


class NoMoreError(Exception):
    """Whoever sends the film has gone."""


@pytest.mark.parametrize("length", [None, PARTS * len(PART)])
@pytest.mark.parametrize("until", [0, 3])
@pytest.mark.parametrize("error", [NoMoreError(), TimeoutError()], ids=repr)
async def test_an_upload_that_breaks_off_is_never_complete(
    length: int | None, until: int, error: Exception
) -> None:
    async with uploading() as (client, uploads):
        with pytest.raises(CadError) as caught:
            await client.exchange(upload_of(Film(until=until, error=error).parts(), length))
        assert caught.value.sent
        assert caught.value.reason in FAILURE_REASONS
        async with asyncio.timeout(10.0):
            await (uploads.over.wait() if until else SystemClock().sleep(0.1))

    assert uploads.sizes == []


async def test_an_upload_shorter_than_it_said_is_never_complete() -> None:
    async with uploading() as (client, uploads):
        with pytest.raises(CadError) as caught:
            await client.exchange(upload_of(Film(until=3).parts(), 4 * len(PART), seconds=1.0))
        assert caught.value.sent
        async with asyncio.timeout(10.0):
            await uploads.over.wait()

    assert uploads.sizes == []


async def test_an_upload_has_a_timeout_of_its_own() -> None:
    async def slow() -> AsyncIterator[bytes]:
        for _ in range(4):
            await SystemClock().sleep(0.1)
            yield b"x"

    async def endless() -> AsyncIterator[bytes]:
        while True:
            await SystemClock().sleep(0.05)
            yield b"x"

    async with uploading(seconds=0.2) as (client, uploads):
        got = await client.exchange(upload_of(slow(), 4))
        with pytest.raises(CadError) as caught:
            await client.exchange(upload_of(endless(), None, seconds=0.3))

    assert (got.status, uploads.sizes) == (200, [4])
    assert caught.value.reason == "timeout"


async def test_an_upload_that_is_refused_before_it_ends_is_told_the_refusal() -> None:
    refusal = response("413 Too Large", "Connection: close", body=b'{"detail":"too large"}')

    async def script(connection: Connection) -> None:
        await connection._reader.readuntil(b"\r\n\r\n")
        await connection.send(refusal)
        while await connection._reader.read(65536):
            pass

    async def film() -> AsyncIterator[bytes]:
        yield PART
        await SystemClock().sleep(60.0)
        yield PART

    async with wire(script) as cad:
        async with asyncio.timeout(10.0):
            got = await cad.client.exchange(upload_of(film(), 2 * len(PART)))

    assert (got.status, got.body) == (413, b'{"detail":"too large"}')


# What comes back


async def test_an_answer_brings_its_trace_and_how_long_to_wait() -> None:
    refused = response("429 Too Many", "Retry-After: 7", "x-trace-id: t-1", body=b'{"message":"slow"}')
    async with wire(replying(refused)) as cad:
        got = await cad.ask()

    assert (got.status, got.body, got.retry_after, got.trace_id) == (429, b'{"message":"slow"}', 7.0, "t-1")


async def test_the_gateways_trace_serves_too() -> None:
    async with wire(replying(response("503 Down", "X-Kong-Request-Id: k-1"))) as cad:
        assert (await cad.ask()).trace_id == "k-1"


async def test_a_redirect_is_not_followed() -> None:
    elsewhere = response("302 Found", "Location: /elsewhere")
    async with wire(replying(elsewhere)) as cad:
        got = await cad.ask()

    assert got.status == 302
    assert [head.splitlines()[0] for head in cad.heads] == ["GET /v2/general/version HTTP/1.1"]


async def test_cookies_are_not_kept() -> None:
    async with wire(replying(response("200 OK", "Set-Cookie: session=1; Path=/"))) as cad:
        await cad.ask()
        await cad.ask()

    assert "cookie" not in cad.heads[0].lower()


async def test_the_key_does_not_come_back() -> None:
    echo = response("400 Bad", f"x-trace-id: {KEY}", body=f'{{"detail": "{KEY} and {KEY}"}}'.encode())
    async with wire(replying(echo)) as cad:
        got = await cad.ask()

    assert got.body == b'{"detail": "*** and ***"}'
    assert got.trace_id == "***"
    assert KEY not in repr(got)


SPELLINGS = {
    "as it is": KEY,
    "JSON": KEY.replace('"', '\\"'),
    "JSON with slashes escaped": KEY.replace('"', '\\"').replace("/", "\\/"),
    "JSON as .NET writes it": KEY.replace("+", "\\u002B").replace('"', "\\u0022"),
    "JSON as others do": KEY.replace("+", "\\u002b").replace('"', "\\u0022").replace("/", "\\u002f"),
    "address": quote(KEY, safe=""),
    "address in small letters": re.sub("%..", lambda found: found[0].lower(), quote(KEY, safe="")),
    "address with slashes": quote(KEY),
    "form": quote_plus(KEY),
}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
async def test_the_key_does_not_come_back_in_any_spelling(spelling: str) -> None:
    echo = response(
        "400 Bad",
        f"x-trace-id: t-{spelling}",
        f"Content-Type: text/plain; about={spelling}",
        body=f"<{spelling}> and <{spelling}>".encode(),
    )
    async with wire(replying(echo)) as cad:
        got = await cad.ask()

    assert got.body == b"<***> and <***>"
    assert (got.trace_id, got.content_type) == ("t-***", "text/plain; about=***")


async def test_the_key_is_masked_in_a_compressed_answer_too() -> None:
    echo = response("200 OK", "Content-Encoding: gzip", body=gzip.compress(KEY.encode()))
    async with wire(replying(echo)) as cad:
        assert (await cad.ask()).body == b"***"


async def test_an_answer_brings_its_type() -> None:
    typed = response("200 OK", "Content-Type: text/html; charset=utf-8")
    async with wire(replying(typed, response())) as cad:
        assert [(await cad.ask()).content_type for _ in range(2)] == ["text/html; charset=utf-8", None]


async def test_a_compressed_answer_is_read_and_a_bomb_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_ANSWER", 100_000)
    small, large = gzip.compress(b'{"a":1}'), gzip.compress(b" " * 50_000_000)
    packed = [response("200 OK", "Content-Encoding: gzip", body=body) for body in (small, large)]
    async with wire(replying(*packed)) as cad:
        got = await cad.ask()
        failure = await cad.fail()

    assert got.body == b'{"a":1}'
    assert failure == ("answer_too_large", True, 1)


async def test_an_answer_too_large_is_given_up() -> None:
    endless = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"

    async def script(connection: Connection) -> None:
        await connection.answer(endless)
        while True:
            await connection.send(chunk)

    async with wire(script) as cad:
        assert await cad.fail() == ("answer_too_large", True, 1)


# What goes wrong


async def test_a_refused_connection_was_not_sent() -> None:
    async with wire(replying(OK)) as cad:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
            cad.client._base_url = f"http://127.0.0.1:{taken.getsockname()[1]}"
            assert await cad.fail() == ("connect", False, 0)


async def test_an_unknown_host_was_not_sent() -> None:
    async with CadHttp("http://cad.invalid", Secret(KEY), 5.0, SteppingClock()) as client:
        assert await Wire(client, []).fail() == ("dns", False, 0)


async def test_a_failed_handshake_was_not_sent() -> None:
    async def script(connection: Connection) -> None:
        await connection.send(b"HTTP/1.1 400 This is no TLS\r\n\r\n")

    async with wire(script, scheme="https") as cad:
        assert await cad.fail() == ("tls", False, 0)


@pytest.mark.parametrize("operation", [SET_UNIT_PANIC, CREATE_911_CALL])
@pytest.mark.parametrize("end", [Connection.close, Connection.reset])
async def test_a_connection_that_ends_in_place_of_an_answer_may_have_been_sent(
    operation: Operation, end: Callable[[Connection], None]
) -> None:
    async def script(connection: Connection) -> None:
        await connection.receive()
        end(connection)

    async with wire(script) as cad:
        assert await cad.fail(operation, body=b"{}") == ("reset", True, 1)
        assert len(cad.connections) == 1


async def test_a_connection_that_ends_before_the_request_is_read_may_have_been_sent() -> None:
    async def script(connection: Connection) -> None:
        connection.reset()

    async with wire(script) as cad:
        reason, sent, sends = await cad.fail(SET_UNIT_PANIC, body=b"{}" * 100_000)

    assert (reason, sends) == ("reset", 1)
    assert sent


async def test_half_an_answer_is_none() -> None:
    async def script(connection: Connection) -> None:
        await connection.answer(OK[:-1])

    async with wire(script) as cad:
        assert await cad.fail(SET_UNIT_PANIC, body=b"{}") == ("reset", True, 1)


async def test_half_a_head_is_none() -> None:
    async def script(connection: Connection) -> None:
        await connection.answer(b"HTTP/1.1 200 OK\r\nContent-")

    async with wire(script) as cad:
        assert await cad.fail(SET_UNIT_PANIC, body=b"{}") == ("reset", True, 1)


async def test_failures_leave_nothing_in_memory() -> None:
    async def script(connection: Connection) -> None:
        await connection.receive()
        connection.reset()

    def kept() -> int:
        return sum(isinstance(one, ResponseHandler) for one in gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        before = kept()
        async with wire(script) as cad:
            for _ in range(5):
                await cad.fail(SET_UNIT_PANIC, body=b"{}")
        assert kept() == before
    finally:
        gc.enable()


async def test_silence_ends_at_the_timeout() -> None:
    async def script(connection: Connection) -> None:
        await connection.receive()
        await connection.receive()  # never comes

    async with wire(script, seconds=0.05) as cad:
        assert await cad.fail() == ("timeout", True, 1)


async def test_an_answer_that_trickles_ends_at_the_timeout_too() -> None:
    async def script(connection: Connection) -> None:
        await connection.answer(OK[:-1])
        await connection.receive()

    async with wire(script, seconds=0.05) as cad:
        assert await cad.fail() == ("timeout", True, 1)


@pytest.mark.parametrize(
    "rubbish",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 600 Odd\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_a_breach_of_protocol(rubbish: bytes) -> None:
    async with wire(replying(rubbish)) as cad:
        assert await cad.fail(SET_UNIT_PANIC, body=b"{}") == ("protocol", True, 1)


async def test_a_broken_encoding_is_a_failure() -> None:
    broken = [
        response("200 OK", "Content-Encoding: gzip", body=b"no gzip at all"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ]
    for data in broken:
        async with wire(replying(data)) as cad:
            reason, sent, _ = await cad.fail(SET_UNIT_PANIC, body=b"{}")
            assert reason in ("reset", "protocol")
            assert sent


async def test_odd_bytes_in_a_trace_are_made_text_that_can_be_kept() -> None:
    head = b"HTTP/1.1 400 Bad\r\nContent-Length: 0\r\nx-trace-id: ab\xff\r\n\r\n"
    async with wire(replying(head)) as cad:
        refused = await cad.ask()

    assert refused.trace_id == "ab?"


async def test_the_library_repeats_nothing_by_itself_past_the_budgets() -> None:
    async def script(connection: Connection) -> None:
        await connection.answer()
        await connection.receive()  # and it is gone, as a kept connection may be

    async with wire(script) as cad:
        for operation in (GET_VERSION, DETACH_UNITS):
            await cad.ask(operation)

            assert await cad.fail(operation) == ("reset", True, 1)

    assert len(cad.connections) == 2


async def test_what_changes_something_is_never_repeated() -> None:
    async def script(connection: Connection) -> None:
        await connection.answer()
        await connection.receive()

    async with wire(script) as cad:
        await cad.ask(SET_UNIT_PANIC, body=b"{}")

        assert await cad.fail(SET_UNIT_PANIC, body=b"{}") == ("reset", True, 1)
        assert len(cad.connections) == 1


async def test_no_failure_shows_the_key() -> None:
    async with wire(replying(b"rubbish\r\n\r\n")) as cad:
        with pytest.raises(CadError) as caught:
            await cad.ask()

    assert KEY not in f"{caught.value} {caught.value.__cause__}"


# The table of errors

KEY_OF_CONNECTION: Any = ConnectionKey("cad", 443, True, True, None, None, None)  # noqa: FBT003 -- aiohttp's
REQUEST: Any = None


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (TimeoutError(), "timeout"),
        (aiohttp.ServerTimeoutError(), "timeout"),
        (aiohttp.ConnectionTimeoutError(), "timeout"),
        (aiohttp.SocketTimeoutError(), "timeout"),
        (aiohttp.ClientConnectorDNSError(KEY_OF_CONNECTION, OSError(-2, "unknown")), "dns"),
        (aiohttp.ClientConnectorSSLError(KEY_OF_CONNECTION, OSError(1, "ssl")), "tls"),
        (aiohttp.ClientConnectorCertificateError(KEY_OF_CONNECTION, ssl.CertificateError("bad")), "tls"),
        (aiohttp.ClientConnectorError(KEY_OF_CONNECTION, OSError(errno.ECONNREFUSED, "no")), "connect"),
        (aiohttp.ClientConnectorError(KEY_OF_CONNECTION, OSError(errno.ETIMEDOUT, "no")), "connect"),
        (aiohttp.ClientOSError(errno.EPIPE, "gone"), "reset"),
        (aiohttp.ServerDisconnectedError(), "reset"),
        (aiohttp.ClientConnectionResetError("gone"), "reset"),
        (aiohttp.ClientPayloadError("half"), "reset"),
        (OSError(errno.ENETDOWN, "down"), "reset"),
        (aiohttp.ClientResponseError(REQUEST, ()), "protocol"),
        (aiohttp.InvalidURL("x"), "protocol"),
        (aiohttp.ClientConnectionError("closed"), "protocol"),
        (ValueError(), "protocol"),
        (http._TooLargeError(), "answer_too_large"),
    ],
)
def test_every_error_of_the_library_has_its_word(error: Exception, reason: str) -> None:
    assert classify(error) == reason
    assert reason in FAILURE_REASONS


# How long to wait


def date(seconds: float) -> str:
    return format_datetime(datetime.fromtimestamp(NOON, UTC) + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "3"}, 3.0),
        ({"retry-after": " 3 "}, 3.0),
        ({"Retry-After": "0.5"}, 0.5),
        ({"Retry-After": date(42)}, 42.0),
        ({"Retry-After": date(42).replace("GMT", "-0000")}, 42.0),  # read as UTC
        ({"Retry-After": "86400"}, 300.0),  # far too long
        ({"Retry-After": date(86400)}, 300.0),
        ({"Retry-After": "0"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": date(-42)}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": ""}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "1e999"}, None),
        ({"Retry-After": "Wed, 21 Oct 99999999999999999999 07:28:00 GMT"}, None),
        ({"Retry-After": "Wed, 21 Oct 2027 07:28:00 +99999999999999999999"}, None),
        ({"Retry-After": "7", "RateLimit-Reset": "9"}, 7.0),
        ({"Retry-After": "soon", "RateLimit-Reset": "9"}, 9.0),
        ({"Retry-After": "-1", "X-RateLimit-Reset": "11"}, 11.0),
        ({"RateLimit-Reset": "9"}, 9.0),
        ({"X-RateLimit-Reset": "11"}, 11.0),
        ({"X-RateLimit-Reset": f"{NOON + 17:.0f}"}, 17.0),
        ({"X-RateLimit-Reset": f"{NOON - 17:.0f}"}, None),
        ({"X-RateLimit-Reset": f"{NOON * 1000:.0f}"}, 300.0),
        ({"X-RateLimit-Reset": "999999999"}, 300.0),  # a duration still
    ],
)
def test_how_long_the_cad_asks_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert read_retry_after(CIMultiDict(headers), NOON) == seconds


@given(st.text(max_size=80) | st.from_regex(r"\w{3}, \d+ \w{3} \d+ \d+:\d+:\d+ [+-]?\w+", fullmatch=True))
def test_whatever_a_header_holds_the_wait_is_sane(value: str) -> None:
    seconds = read_retry_after({"Retry-After": value}, NOON)

    assert seconds is None or 0 < seconds <= 300
