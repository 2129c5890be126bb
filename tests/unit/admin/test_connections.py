import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from bridge.admin.connections import MOST, Connections, runner_of


@asynccontextmanager
async def door(
    handler: Callable[[web.Request], Awaitable[web.Response]] | None = None,
) -> AsyncGenerator[int]:
    """Serve nothing at all on a port, or one page."""
    application = web.Application()
    if handler is not None:
        application.router.add_get("/", handler)
    runner = runner_of(application)
    await runner.setup()
    assert runner.server is not None
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(Connections(runner.server), "127.0.0.1", 0, backlog=2 * MOST)
    yield listening.sockets[0].getsockname()[1]
    listening.close()
    await runner.cleanup()


async def status_of(port: int, data: bytes = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n") -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    return head[9:12]


async def test_the_connection_that_came_first_makes_way() -> None:
    async with door() as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(MOST + 5)]

        for reader, _ in held[:5]:
            async with asyncio.timeout(5.0):
                assert await reader.read() == b""
        assert await status_of(port) == b"404"
        assert not held[-1][0].at_eof()
        for _, writer in held:
            writer.close()


async def test_what_is_no_http_is_a_problem_that_repeats_nothing_of_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with door() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\nAuthorization: Bearer a-token\n\n")
        answer = await reader.read()
        writer.close()

    assert answer[9:12] == b"400"
    assert b"application/problem+json" in answer
    assert b"a-token" not in answer
    assert capsys.readouterr() == ("", "")


async def test_what_is_our_fault_is_logged_and_said(capsys: pytest.CaptureFixture[str]) -> None:
    async def fail(_: web.Request) -> web.Response:
        raise ValueError("ours")

    async with door(fail) as port:
        assert await status_of(port) == b"500"

    assert "admin connection failed" in capsys.readouterr().out
