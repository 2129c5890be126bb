"""The stub's PerformHttpRequest has the manners of FXServer's, on the wire and in what it tells Lua."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.fxserver.server import FxServer
from tests.support.fxserver.trial import started

ASK = """
Answers = {}
function Ask(url, ...)
    PerformHttpRequest(url, function(status, body, headers, problem)
        Answers[#Answers + 1] = { status, body or 'nil', json.encode(headers), problem or 'nil', GetGameTimer() }
    end, ...)
end
exports('ask', Ask)
exports('answers', function() return Answers end)
"""


@pytest.fixture
def game(tmp_path: Path) -> FxServer:
    return started(tmp_path, ASK)


class Heard:
    """What a server read, a connection at a time."""

    def __init__(self) -> None:
        self.connections = 0
        self.requests: list[bytes] = []


@asynccontextmanager
async def listening(answer: Callable[[int], bytes]) -> AsyncGenerator[tuple[str, Heard]]:
    """Serve raw answers by the number of the request; an empty one closes the connection."""
    heard = Heard()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    (
                        int(line.split(b":")[1])
                        for line in head.split(b"\r\n")
                        if line.startswith(b"Content-Length")
                    ),
                    0,
                )
                heard.requests.append(head + await reader.readexactly(length))
                raw = answer(len(heard.requests))
                if not raw:
                    return
                writer.write(raw)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heard


def raw(status: str = "200 OK", body: bytes = b"fine", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


async def test_a_request_looks_on_the_wire_as_libcurls(game: FxServer) -> None:
    async with game, listening(lambda _: raw()) as (url, heard):
        game.export("ask")(f"{url}/a?b=1", "POST", '{"x":1}\0rest', {"X-Own": "1", "X-Empty": ""})
        await game.run(0.2)

        assert heard.requests == [
            (
                f"POST /a?b=1 HTTP/1.1\r\nHost: {url[7:]}\r\nUser-Agent: FXServer/PerformHttpRequest\r\nAccept: */*\r\n"
                'X-Own: 1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 7\r\n\r\n{"x":1}'
            ).encode()
        ]
        assert game.export("answers")()[0][:2] == [200, "fine"]


async def test_a_post_without_a_body_has_no_length(game: FxServer) -> None:
    async with game, listening(lambda _: raw()) as (url, heard):
        game.export("ask")(url, "POST")
        await game.run(0.2)

        assert b"Content-Length" not in heard.requests[0]


async def test_requests_share_a_connection_and_a_closed_one_is_opened_again(game: FxServer) -> None:
    async with (
        game,
        listening(lambda number: raw() if number != 3 else raw("200 OK", b"last", "Connection: close")) as (
            url,
            heard,
        ),
    ):
        for _ in range(4):
            game.export("ask")(url)
            await game.run(0.2)

        assert heard.connections == 2
        assert [answer[0] for answer in game.export("answers")()] == [200] * 4


async def test_what_a_status_from_400_up_says_is_in_the_text_of_the_error_alone(game: FxServer) -> None:
    async with (
        game,
        listening(lambda _: raw("429 Slow Down", b'{"retry_after":5}', "Retry-After: 5")) as (url, _),
    ):
        game.export("ask")(url)
        await game.run(0.2)

        assert game.export("answers")()[0][:4] == [429, "nil", "[]", 'HTTP 429: {"retry_after":5}']


async def test_headers_of_a_good_answer_are_told(game: FxServer) -> None:
    async with game, listening(lambda _: raw("202 Accepted", b"", "X-Trace: abc")) as (url, _):
        game.export("ask")(url)
        await game.run(0.2)

        status, body, headers, problem, _ = game.export("answers")()[0]
        assert (status, body, problem) == (202, "", "nil")
        assert '"X-Trace":"abc"' in headers


async def test_an_answer_in_chunks_is_read_whole(game: FxServer) -> None:
    chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    async with game, listening(lambda _: chunks) as (url, _):
        game.export("ask")(url)
        await game.run(0.2)

        assert game.export("answers")()[0][1] == "abcde"


async def test_where_nobody_listens_or_the_connection_breaks_the_status_is_zero(game: FxServer) -> None:
    async with game, listening(lambda _: b"") as (url, _):
        game.export("ask")("http://127.0.0.1:1/")
        game.export("ask")(url)
        await game.run(0.3)

        for status, body, headers, problem, _ in game.export("answers")():
            assert (status, body, headers) == (0, "nil", "[]")
            assert "CURL error code" in problem


async def test_five_seconds_without_a_byte_end_a_request(game: FxServer) -> None:
    async with game:
        game.http.hang()
        game.export("ask")("http://127.0.0.1:1/")
        await game.run(4.9)
        assert game.export("answers")() == []
        await game.run(0.2)

        status, _, _, problem, at = game.export("answers")()[0]
        assert (status, at) == (0, 5000)
        assert "CURL error code 42" in problem


async def test_an_answer_comes_at_a_tick_and_never_at_once(game: FxServer) -> None:
    async with game:
        game.http.answer("/", 200, b"x")
        game.export("ask")("http://127.0.0.1:1/")
        assert game.export("answers")() == []
        await game.tick()

        assert game.export("answers")()[0][4] == 50


async def test_eight_requests_to_a_host_run_at_a_time_and_the_rest_waits_without_losing_time(
    game: FxServer,
) -> None:
    async with game:
        game.http.hang()
        for _ in range(10):
            game.export("ask")("http://127.0.0.1:1/")
        game.export("ask")("http://127.0.0.1:2/")
        assert sum(exchange.under_way for exchange in game.http.exchanges) == 9
        await game.run(5.1)
        assert len(game.export("answers")()) == 9
        assert sum(exchange.under_way for exchange in game.http.exchanges) == 2
        await game.run(5.1)

        assert len(game.export("answers")()) == 11


@pytest.mark.parametrize(
    "arguments", ["'u', nil, 'POST', {}", "'u', nil, 'POST', 5", "'u', nil, 'GET', '', { A = 1 }", "nil, nil"]
)
def test_what_is_no_text_raises_in_the_script_that_asks(arguments: str, game: FxServer) -> None:
    assert game.lua(f"return pcall(PerformHttpRequest, {arguments})")[0] is False


async def test_the_answer_to_a_stopped_resource_goes_nowhere(game: FxServer) -> None:
    async with game:
        game.http.answer("/", 200, b"x", seconds=1.0)
        game.export("ask")("http://127.0.0.1:1/")
        game.stop_resource()
        game.start_resource()
        await game.run(2.0)

        assert game.export("answers")() == []
