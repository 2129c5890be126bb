import asyncio

import aiohttp
import msgspec
import pytest
from aiohttp import web
from msgspec import Struct
from pytest_aiohttp import AiohttpServer

from bridge.players.door import Answer, Door
from bridge.players.world import Press

PRESS = Press(id="license:1", active=True, location="Grove Street")


class Word(Struct):
    word: str


async def ask(aiohttp_server: AiohttpServer, response: web.Response) -> Answer:
    async def handle(_request: web.Request) -> web.Response:
        return response

    app = web.Application()
    app.router.add_post("/v1/panic", handle)
    server = await aiohttp_server(app)
    async with aiohttp.ClientSession() as session:
        return await Door(session, str(server.make_url("/")), "t").post("/v1/panic", PRESS)


async def test_a_push_carries_token_key_and_body(aiohttp_server: AiohttpServer) -> None:
    seen: list[tuple[str | None, str | None, object]] = []

    async def handle(request: web.Request) -> web.Response:
        headers = request.headers
        body = msgspec.json.decode(await request.read())
        seen.append((headers.get("Authorization"), headers.get("Idempotency-Key"), body))
        return web.Response()

    app = web.Application()
    app.router.add_post("/v1/panic", handle)
    server = await aiohttp_server(app)
    async with aiohttp.ClientSession() as session:
        door = Door(session, str(server.make_url("/")), "the-token")
        await door.post("/v1/panic", PRESS, key="k")
        await door.post("/v1/panic", PRESS)

    body = {"id": "license:1", "active": True, "location": "Grove Street"}
    assert seen == [("Bearer the-token", "k", body), ("Bearer the-token", None, body)]


@pytest.mark.parametrize(
    ("status", "body", "problem", "retry_after"),
    [
        (503, b'{"title": "busy", "detail": "full", "retry_after": 7}', "HTTP 503 (busy: full)", 7.0),
        (503, b"", "HTTP 503", 1.0),  # a proxy's 503 names no time
        (503, b'{"retry_after": 1e6}', "HTTP 503", 60.0),  # nobody waits for days
        (503, b'{"retry_after": -1}', "HTTP 503", 1.0),
        (500, b"<html>", "HTTP 500", 0.0),
        (422, b'{"title": "no push"}', "HTTP 422 (no push)", 0.0),
    ],
)
async def test_a_problem_is_told_in_words(
    aiohttp_server: AiohttpServer, status: int, body: bytes, problem: str, retry_after: float
) -> None:
    answer = await ask(aiohttp_server, web.Response(status=status, body=body))

    assert (answer.status, answer.problem, answer.retry_after) == (status, problem, retry_after)


async def test_nobody_there_is_an_answer_too() -> None:
    async with aiohttp.ClientSession() as session:
        answer = await Door(session, "http://127.0.0.1:1", "t").get("/v1/events/e")

    assert answer.status == 0
    assert "127.0.0.1" in str(answer.problem)


@pytest.mark.parametrize("url", ["nonsense", "http://", "ftp://127.0.0.1"])
async def test_a_url_that_is_none_is_an_answer_too(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        answer = await Door(session, url, "t").get("/v1/events/e")

    assert (answer.status, answer.ok) == (0, False)
    assert answer.problem


async def test_a_connection_cut_in_the_answer_is_an_answer_too() -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        writer.close()

    server = await asyncio.start_server(cut, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, aiohttp.ClientSession() as session:
        answer = await Door(session, f"http://127.0.0.1:{port}", "t").get("/v1/events/e")

    assert answer.status == 0
    assert answer.problem


@pytest.mark.parametrize(
    ("status", "ok", "refused", "busy"),
    [
        (200, True, False, False),
        (202, True, False, False),
        (302, False, False, False),
        (401, False, True, False),
        (408, False, False, False),  # the same request may pass next time
        (422, False, True, False),
        (500, False, False, False),
        (503, False, False, True),
    ],
)
def test_answers_are_told_apart(status: int, ok: bool, refused: bool, busy: bool) -> None:  # noqa: FBT001 -- a table
    answer = Answer(status=status)

    assert (answer.ok, answer.refused, answer.busy) == (ok, refused, busy)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"word": 1}', b"{}", b'{"word": "\xff"}'])
def test_a_body_of_another_shape_decodes_to_nothing(body: bytes) -> None:
    assert Answer(status=200, body=body).decode(Word) is None
    assert Answer(status=200, body=b'{"word": "yes", "new": 1}').decode(Word) == Word("yes")
