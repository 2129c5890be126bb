import asyncio
import random
from typing import Any

import pytest
from structlog.testing import capture_logs

from bridge.errors import IdempotencyError, MalformedError, OutboxFullError, PushError, StartError, StoreError
from bridge.listener.auth import SPREAD
from bridge.listener.routes import OTHER
from tests.support.push_door import (
    ECHO,
    TOKENS,
    Rooms,
    is_alive,
    listening,
    request,
    rooms,
)


async def test_the_operator_is_told_of_wrong_tokens_once_a_minute_and_not_what_they_were() -> None:
    async with rooms() as (_, door):
        with capture_logs() as lines:
            for _ in range(3):
                await door.ask(request(headers=["Authorization: Bearer a-wrong-one"], authorized=False))

        assert lines == [{"event": "token wrong or missing", "log_level": "warning", "peer": "127.0.0.1"}]


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer  "])
async def test_a_token_says_which_server_speaks(scheme: str) -> None:
    async with rooms() as (served, door):
        for server_id, token in TOKENS.items():
            headers = [f"Authorization: {scheme} {token}"]

            reply = await door.ask(request(body=b"{}", headers=headers, authorized=False))

            assert (reply.status, reply.body) == (200, b"{}")
            assert served.pushes[-1].server_id == server_id


@pytest.mark.parametrize(
    "header",
    [
        "X-Nothing: 1",
        "Authorization: Bearer",
        "Authorization: Bearer wrong",
        "Authorization: Basic made-up-token-of-server-one",
        "Authorization: made-up-token-of-server-one",
        "Authorization: Bearer made-up-token-of-server-one-and-more",
        "Authorization: Bearer \xff",
    ],
)
async def test_without_the_right_token_nothing_is_served(header: str) -> None:
    async with rooms() as (served, door):
        reply = await door.ask(request(headers=[header], authorized=False))

        assert reply.status == 401
        assert reply.headers["www-authenticate"] == "Bearer"
        assert reply.headers["content-type"] == "application/problem+json"
        assert reply.json["status"] == 401
        assert served.pushes == []
        assert door.counted(ECHO, 401) == 1


async def test_wrong_tokens_slow_their_connection_down() -> None:
    async with rooms() as (_, door):
        wire = await door.connect()
        for _ in range(5):
            await wire.send(request(authorized=False))
            assert (await wire.reply()).status == 401

        assert door.clock.slept == [pytest.approx(delay, rel=SPREAD) for delay in (0.25, 0.5, 1.0, 2.0, 2.0)]

        await wire.send(request())
        assert (await wire.reply()).status == 200
        await wire.send(request(authorized=False))
        assert (await wire.reply()).status == 401
        assert door.clock.slept[-1] == pytest.approx(0.25, rel=SPREAD)


async def test_a_body_without_a_token_is_not_waited_for() -> None:
    async with rooms() as (_, door):
        wire = await door.connect()
        await wire.send(request(headers=["Content-Length: 1000"], authorized=False) + b"half")

        reply = await wire.reply()

        assert reply.status == 401
        assert reply.headers["connection"] == "close"
        assert await wire.is_closed()


async def test_a_browser_is_turned_away_slowly_before_its_token_is_looked_at() -> None:
    async with rooms() as (_, door):
        for authorized in (True, False):
            reply = await door.ask(request(headers=["Origin: null"], authorized=authorized))

            assert (reply.status, reply.json["title"]) == (403, "Forbidden")
        assert door.clock.slept == [pytest.approx(0.25, rel=SPREAD)] * 2


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("POST", "/", 404, None),
        ("POST", "/v1/echo/", 404, None),
        ("GET", "/v1/echo/a/b", 404, None),
        ("GET", "/v1//echo", 404, None),
        ("POST", "/%76%31/echo", 404, None),
        ("GET", ECHO, 405, "POST"),
        ("HEAD", ECHO, 405, "POST"),
        ("OPTIONS", ECHO, 405, "POST"),
        ("PATCH", "/v1/echo/7", 405, "GET"),
        ("OPTIONS", "*", 404, None),
        ("CONNECT", "bridge:80", 404, None),
    ],
)
async def test_what_is_not_there_is_said_so(method: str, path: str, status: int, allow: str | None) -> None:
    async with rooms() as (_, door):
        reply = await door.ask(request(method, path))

        assert reply.status == status
        assert reply.headers.get("allow") == allow
        assert reply.headers["content-type"] == "application/problem+json"
        assert await is_alive(door)


@pytest.mark.parametrize(
    ("path", "argument"),
    [("/v1/echo/7-a?x=1", "7-a"), ("http://bridge/v1/echo/8", "8"), ("/v1/echo/%20", "%20")],
)
async def test_a_path_may_name_something(path: str, argument: str) -> None:
    async with rooms() as (served, door):
        reply = await door.ask(request("GET", path))

        assert reply.status == 200
        assert served.pushes[0].argument == argument
        assert door.counted("/v1/echo/{id}", 200) == 1


@pytest.mark.parametrize(
    ("error", "status", "members"),
    [
        (MalformedError("not JSON", 7), 400, {"detail": "not JSON (byte 7)", "offset": 7}),
        (PushError("expected a list"), 422, {"detail": "expected a list"}),
        (PushError("bad", [(3, "no id")]), 422, {"problems": [{"index": 3, "reason": "no id"}]}),
        (IdempotencyError("another body"), 422, {"detail": "another body"}),
        (OutboxFullError("7"), 503, {"detail": "the outbox is full", "retry_after": 5}),
        (StoreError("disk I/O error"), 503, {"detail": "the outbox cannot be written now", "retry_after": 5}),
    ],
)
async def test_a_refusal_says_why(error: Exception, status: int, members: dict[str, Any]) -> None:
    async with rooms() as (served, door):
        served.error = error

        reply = await door.ask(request(body=b"{}"))

        assert reply.status == status
        assert reply.headers["content-type"] == "application/problem+json"
        assert reply.json.items() >= {"type": "about:blank", "status": status}.items()
        assert reply.json.items() >= members.items()
        assert reply.headers.get("retry-after") == ("5" if status == 503 else None)


@pytest.mark.parametrize(
    "error", [ValueError("secret"), TimeoutError(), ConnectionResetError(), StartError("x")]
)
async def test_a_failing_handler_is_answered_logged_and_counted(error: Exception) -> None:
    async with rooms() as (served, door):
        served.error = error
        with capture_logs() as logs:
            reply = await door.ask(request(body=b"{}"))

        assert reply.status == 500
        assert b"secret" not in reply.body
        assert [(entry["event"], entry["route"], entry["log_level"]) for entry in logs] == [
            ("request failed", ECHO, "error")
        ]
        assert door.counted(ECHO, 500) == 1
        served.error = None
        assert await is_alive(door)


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"POST /v1/echo HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST /v1/echo HTTP/1.1\r\n\r\n",
        b"POST /v1/echo HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /v1/echo HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n",
        b"POST /v1/echo HTTP/9.9\r\nHost: a\r\n\r\n",
        b"POST /" + b"x" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST /v1/echo HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 9000 + b"\r\n\r\n",
        b"POST /v1/echo HTTP/1.1\r\nHost: a\r\n" + b"X: 1\r\n" * 200 + b"\r\n",
        b"POST http://[ HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
    ids=lambda data: repr(data[:60]) + str(len(data)),
)
async def test_what_is_no_http_is_a_bad_request(data: bytes) -> None:
    async with rooms() as (_, door):
        with capture_logs() as logs:
            reply = await door.ask(data)

        assert (reply.status, reply.headers["content-type"]) == (400, "application/problem+json")
        assert reply.json["detail"] == "the request is not valid HTTP/1.1"
        assert await door.wires[-1].is_closed()
        assert door.counted(OTHER, 400) == 1
        assert logs == []


@pytest.mark.parametrize("together", [True, False])
async def test_a_body_that_breaks_off_into_nonsense_is_a_bad_request(together: object) -> None:
    async with rooms(request_timeout=5.0) as (_, door):
        wire = await door.connect()
        head = request(headers=["Transfer-Encoding: chunked"]) + b"2\r\nab\r\n"
        parts = [head + b"nonsense\r\n"] if together else [head, b"nonsense\r\n"]
        for part in parts:
            await wire.send(part)
            await asyncio.sleep(0.02)  # noqa: TID251 -- one segment each

        assert (await wire.reply()).status == 400
        assert await wire.is_closed(within=2.0)
        assert await is_alive(door)


@pytest.mark.parametrize(
    "headers",
    [
        ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA"],
        ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"],
        ["Connection: keep-alive", "Upgrade-Insecure-Requests: 1"],
    ],
)
async def test_offers_to_speak_something_else_are_not_taken_up(headers: list[str]) -> None:
    async with rooms() as (_, door):
        wire = await door.connect()
        for _ in range(2):
            await wire.send(request(body=b"abc", headers=headers))

            assert (await wire.reply()).body == b"abc"


async def test_what_follows_a_connect_is_no_request() -> None:
    async with rooms() as (served, door):
        wire = await door.connect()
        await wire.send(request("CONNECT", "bridge:80") + request(body=b"hidden"))

        assert (await wire.reply()).status == 404
        assert await wire.is_closed(within=2.0)
        assert served.pushes == []


async def test_any_bytes_end_in_an_answer_or_a_closed_connection() -> None:
    chance = random.Random(7)
    whole = (
        request(body=b'{"a":1}') + request(headers=["Transfer-Encoding: chunked"]) + b"2\r\nab\r\n0\r\n\r\n"
    )
    async with rooms(request_timeout=0.1) as (_, door):
        with capture_logs() as logs:
            for _ in range(150):
                at = chance.randrange(len(whole))
                junk = chance.randbytes(chance.randrange(4))
                wire = await door.connect()
                await wire.send(whole[:at] + junk + whole[at + chance.randrange(4) :])
                wire.writer.write_eof()
                seen = await wire._reader.read()

                assert all(
                    line.split()[1] < b"5" for line in seen.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")
                )
                wire.close()
        assert {line["event"] for line in logs} <= {"token wrong or missing"}  # junk in the token
        assert await is_alive(door)


async def test_answers_under_way_are_given_before_the_listener_stops() -> None:
    served = Rooms()
    async with listening(served.routes) as door:
        busy, idle, half = await door.connect(), await door.connect(), await door.connect()
        await busy.send(request(path="/v1/wait"))
        await idle.send(request())
        await idle.reply()
        await half.send(request(headers=["Content-Length: 9"]) + b"x")
        await served.entered.wait()
        await asyncio.sleep(0.05)  # noqa: TID251 -- until the half request has arrived
        address = door.listener.addresses[0]
        stopping = asyncio.ensure_future(door.listener.__aexit__(None, None, None))  # noqa: TID251 -- watched below

        assert await idle.is_closed(within=1.0)
        assert (await half.reply()).status == 400
        served.leave.set()
        assert (await busy.reply()).status == 204
        await stopping
        with pytest.raises(ConnectionRefusedError):
            await door.connect(address)


async def test_known_series_exist_from_the_start() -> None:
    async with rooms() as (_, door):
        assert [door.counted(ECHO, code) for code in (200, 400, 401, 413, 500)] == [0.0] * 5
        assert [door.counted(OTHER, code) for code in (404, 408, "refused")] == [0.0] * 3
        await door.ask(request(body=b"{}"))

        assert door.counted(ECHO, 200) == 1
        count = door.metrics.registry.get_sample_value
        assert count("cad_bridge_listener_request_seconds_count", {"route": ECHO}) == 1
