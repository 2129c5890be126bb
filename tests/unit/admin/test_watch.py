"""The stream and the search over real sockets."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress

import pytest
import structlog
from aiohttp import ClientResponse, ClientSession, web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from bridge.admin import watch
from bridge.admin.live import MOST_WATCHERS, Live
from bridge.admin.picture import Found, Picture, UnitStory
from bridge.admin.watch import WatchDoor
from bridge.clock import SystemClock
from tests.support.daemon import until
from tests.support.pictures import LONG, Scene, events_of, row

BEARER = {"Authorization": "Bearer the-guard-has-looked-at-it"}


class Open:
    """The door and who asks at it."""

    def __init__(self, server: TestServer, session: ClientSession, live: Live, scene: Scene) -> None:
        self.server = server
        self.session = session
        self.live = live
        self.scene = scene
        self.asked: list[tuple[str, bool]] = []

    def search(self, typed: str, *, full: bool) -> Found:
        self.asked.append((typed, full))
        story = UnitStory(unit=typed, server=None, state="unknown", on_map=False, sentence="No.", more=[])
        return Found(matches=1, units=[story])

    async def get(self, path: str, headers: Mapping[str, str] | None = None) -> ClientResponse:
        return await self.session.get(self.server.make_url(path), headers=headers)

    async def emptied(self) -> None:
        await until(lambda: not self.live.watchers, within=5.0)


@asynccontextmanager
async def opened() -> AsyncGenerator[Open]:
    scene = Scene(row(), row("license:2"))
    live = Live(scene.look, SystemClock())
    application = web.Application()
    async with ClientSession() as session:
        server = TestServer(application)
        door = Open(server, session, live, scene)
        WatchDoor(live, door.search).add_to(application)
        async with server:
            yield door


async def first_event(answer: ClientResponse) -> tuple[str, object]:
    said = b""
    while b"\n\n" not in said:
        said += await answer.content.readany()
    return events_of(said)[0]


async def test_the_stream_begins_with_a_snapshot_that_nothing_keeps() -> None:
    async with opened() as door:
        answer = await door.get("/live")

        name, content = await first_event(answer)
        assert name == "snapshot"
        assert LONG not in str(content)
        assert answer.content_type == "text/event-stream"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        answer.close()


async def test_identifiers_in_full_are_told_to_who_shows_the_token() -> None:
    async with opened() as door:
        refused = await door.get("/live?full=1")
        answer = await door.get("/live?full=1", BEARER)

        assert (refused.status, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert LONG in str(await first_event(answer))
        answer.close()


async def test_a_tab_that_is_closed_costs_nothing() -> None:
    async with opened() as door:
        answer = await door.get("/live")
        await first_event(answer)
        assert door.live.watchers == 1

        answer.close()

        await door.emptied()


async def test_one_tab_too_many_is_told_so() -> None:
    async with opened() as door:
        tabs = [await door.get("/live") for _ in range(MOST_WATCHERS)]
        refused = await door.get("/live")
        body = await refused.json(content_type="application/problem+json")
        for tab in tabs:
            tab.close()
        await door.emptied()
        again = await door.get("/live")

        assert (refused.status, refused.headers["Retry-After"]) == (503, "10")
        assert body["detail"] == "16 pages watch already: close one"
        assert again.status == 200
        again.close()


async def test_a_reader_who_takes_nothing_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "SLOW", 0.2)
    async with opened() as door:
        door.scene.rows = [row(f"license:{number}", text="x" * 200) for number in range(40_000)]
        reader = socket.socket()
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.settimeout(0)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(reader, ("127.0.0.1", door.server.make_url("/").port or 0))
        await loop.sock_sendall(reader, b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await until(lambda: door.live.watchers == 1, within=10.0)

        await door.emptied()

        async with asyncio.timeout(10):
            with suppress(ConnectionResetError):
                while await loop.sock_recv(reader, 1 << 20):
                    pass
        reader.close()


async def test_streams_end_at_once_when_the_door_closes() -> None:
    async with opened() as door:
        answer = await door.get("/live")
        await first_event(answer)
        door.live.close()

        async with asyncio.timeout(5):
            while await answer.content.readany():
                pass
        assert answer.content.at_eof()


async def test_the_search_is_asked_for_what_was_typed() -> None:
    async with opened() as door:
        answer = await door.get("/units?q=%20license:…dddd%20")
        full = await door.get("/units?q=a&full=1", BEARER)

        assert (await answer.json())["units"][0]["sentence"] == "No."
        assert full.status == 200
        assert door.asked == [("license:…dddd", False), ("a", True)]
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"


@pytest.mark.parametrize("query", ["", "?q=", "?q=%20", f"?q={'a' * 129}", "?q=%00a", "?q=a%07b"])
async def test_what_is_no_identifier_is_422(query: str) -> None:
    async with opened() as door:
        assert (await door.get(f"/units{query}")).status == 422
        assert door.asked == []


@pytest.mark.parametrize("path", ["/live", "/units?q=a"])
async def test_a_page_of_another_site_is_refused(path: str) -> None:
    async with opened() as door:
        answer = await door.get(path, {"Sec-Fetch-Site": "cross-site"})

        assert answer.status == 403
        assert door.live.watchers == 0


async def test_searching_in_full_needs_the_token() -> None:
    async with opened() as door:
        assert (await door.get("/units?q=a&full=1")).status == 401
        assert door.asked == []


async def test_a_picture_that_fails_ends_the_stream_and_is_a_line_in_the_log() -> None:
    structlog.reset_defaults()
    async with opened() as door:
        door.live._look = _fail
        with capture_logs() as lines:
            answer = await door.get("/live")
            assert await answer.read() == b""

    assert [line["event"] for line in lines] == ["status page failed"]
    assert door.live.watchers == 0


def _fail() -> Picture:
    raise RuntimeError("made to fail")
