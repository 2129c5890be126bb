"""Who may read what at the admin door, and how it says no."""

import socket
import stat
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from structlog.testing import capture_logs

from bridge.admin import AdminServer, Views
from bridge.admin.picture import Found, Picture
from bridge.admin.server import Readiness
from bridge.admin.status import Status
from bridge.clock import SystemClock
from bridge.config import Bind, Secret, TcpBind, UnixBind
from bridge.errors import StartError
from bridge.reload import Change
from tests.support.fake_desk import FakeDesk
from tests.support.status_json import status_json

TOKEN = "made-up-token-of-the-admin-door"
RIGHT = {"Authorization": f"Bearer {TOKEN}"}
LOOPBACK = TcpBind(host="127.0.0.1", port=0)
ELSEWHERE = "192.0.2.7"
CLOCK = SystemClock()
PATHS = ("/", "/page/page.js", "/healthz", "/readyz", "/metrics", "/status", "/openapi.json", "/units?q=a")


class Bridge:
    """What the door shows."""

    def __init__(self) -> None:
        self.turns = True
        self.ready = True
        self.error: Exception | None = None

    async def alive(self) -> bool:
        return self.turns

    def readiness(self) -> Readiness:
        return Readiness(ready=self.ready, reasons=[] if self.ready else ["draining"])

    async def metrics(self) -> bytes:
        if self.error is not None:
            raise self.error
        return b"cad_bridge_cad_up 1.0\n"

    async def reload(self) -> list[Change]:
        return [Change(key="log.level", old="info", new="debug")]

    def status(self) -> Status:
        return msgspec.json.decode(status_json(), type=Status)

    def picture(self) -> Picture:
        return Picture(status=self.status(), units=())

    def search(self, typed: str, *, full: bool) -> Found:
        assert typed
        assert not full
        return Found(matches=0, units=[])

    @property
    def views(self) -> Views:
        return Views(
            alive=self.alive,
            readiness=self.readiness,
            metrics=self.metrics,
            status=self.status,
            openapi=lambda: b'{"openapi":"3.1.0"}',
            outbox=FakeDesk().views,
            reload=self.reload,
            picture=self.picture,
            search=self.search,
        )


class Door:
    def __init__(self, server: AdminServer) -> None:
        self.server = server
        self.bridge: Bridge

    async def ask(self, path: str, headers: Mapping[str, str] | None = None, method: str = "GET") -> "Answer":
        url = self.server.addresses[0] + path
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, url, headers=headers) as answer,
        ):
            return Answer(answer.status, dict(answer.headers), await answer.read())


class Answer(msgspec.Struct):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


@asynccontextmanager
async def opened(
    *binds: Bind, hosts: Sequence[str] = (), bridge: Bridge | None = None
) -> AsyncGenerator[Door]:
    shown = bridge or Bridge()
    async with AdminServer(binds or (LOOPBACK,), Secret(TOKEN), hosts, shown.views, CLOCK) as server:
        yield Door(server)


async def ask_from(remote: str, path: str, headers: Mapping[str, str]) -> web.StreamResponse:
    """Return the answer to a request from another address than this machine has."""
    server = AdminServer((), Secret(TOKEN), ("bridge.example",), Bridge().views, CLOCK)
    request = make_mocked_request("GET", path, headers=dict(headers)).clone(remote=remote)

    async def handler(_: web.Request) -> web.StreamResponse:
        return web.Response()

    return await server._guard(request, handler)


# What there is to read


async def test_health_says_whether_loop_and_store_turn() -> None:
    bridge = Bridge()
    async with opened(bridge=bridge) as door:
        assert (await door.ask("/healthz")).json == {"alive": True}

        bridge.turns = False
        answer = await door.ask("/healthz")

    assert (answer.status, answer.json["detail"]) == (503, "the store does not answer")


async def test_readiness_is_200_or_503_with_its_reasons() -> None:
    bridge = Bridge()
    async with opened(bridge=bridge) as door:
        ready = await door.ask("/readyz")
        bridge.ready = False
        unready = await door.ask("/readyz")

    assert (ready.status, ready.json) == (200, {"ready": True, "reasons": []})
    assert (unready.status, unready.json) == (503, {"ready": False, "reasons": ["draining"]})


async def test_metrics_are_prometheus_text() -> None:
    async with opened() as door:
        answer = await door.ask("/metrics")

    assert answer.body == b"cad_bridge_cad_up 1.0\n"
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"


async def test_status_is_json_that_no_cache_keeps() -> None:
    async with opened() as door:
        answer = await door.ask("/status")

    assert answer.json["servers"][0]["name"] == "main"
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"


async def test_head_is_answered_like_get() -> None:
    async with opened() as door:
        answer = await door.ask("/healthz", method="HEAD")

    assert (answer.status, answer.body) == (200, b"")


# Who may read


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:30181",
        "127.0.0.1",
        "localhost:30181",
        "LOCALHOST",
        "[::1]:30181",
        "[::1]",
        "::1",
        "127.0.0.2",
    ],
)
async def test_a_loopback_host_reads_without_the_token(host: str) -> None:
    async with opened() as door:
        assert {(await door.ask(path, {"Host": host})).status for path in PATHS} == {200}


@pytest.mark.parametrize(
    "host",
    [
        "rebound.example:30181",
        "127.0.0.1.rebound.example",
        "localhost.rebound.example:30181",
        "10.0.0.1:30181",
        "[2001:db8::1]:30181",
        "bridge.example.rebound.example",
    ],
)
async def test_a_foreign_host_is_refused_without_the_token(host: str) -> None:
    async with opened(hosts=("bridge.example",)) as door:
        for path in ("/metrics", "/status", "/live", "/units?q=a", "/nowhere"):
            without = await door.ask(path, {"Host": host})
            assert without.status == 403
            assert without.json["detail"] == "this Host is neither a loopback name nor one of admin.hosts"
        with_it = await door.ask("/status", {"Host": host, **RIGHT})

    assert with_it.status == 200


@pytest.mark.parametrize("host", ["bridge.example", "bridge.example:30181", "BRIDGE.example"])
async def test_a_configured_host_reads_without_the_token(host: str) -> None:
    async with opened(hosts=("Bridge.Example",)) as door:
        assert (await door.ask("/status", {"Host": host})).status == 200


@pytest.mark.parametrize("path", ["/metrics", "/status", "/openapi.json"])
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:30181", "bridge.example"])
async def test_reading_from_elsewhere_needs_the_token(path: str, host: str) -> None:
    refused = await ask_from(ELSEWHERE, path, {"Host": host})
    let_in = await ask_from(ELSEWHERE, path, {"Host": host, **RIGHT})

    assert refused.status == 401
    assert refused.headers["WWW-Authenticate"] == "Bearer"
    assert let_in.status == 200


@pytest.mark.parametrize("path", ["/", "/page/page.js", "/page/page.css"])
async def test_the_empty_page_that_asks_for_the_token_is_free_from_everywhere(path: str) -> None:
    assert (await ask_from(ELSEWHERE, path, {"Host": "10.0.0.1:30181"})).status == 200


@pytest.mark.parametrize("path", ["/live", "/units?q=a", "/page", "//", "/pages/x"])
async def test_what_the_page_shows_is_not_free(path: str) -> None:
    assert (await ask_from(ELSEWHERE, path, {"Host": "10.0.0.1:30181"})).status == 401


@pytest.mark.parametrize("path", ["/page/..%2fstatus", "/page/%2e%2e/status", "/page/..;/status"])
async def test_no_way_leads_from_the_page_to_what_is_not_free(path: str) -> None:
    async with opened() as door:
        answer = await door.ask(path, {"Host": "rebound.example"})

    assert answer.status in (403, 404)
    assert b"main" not in answer.body


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_health_is_free_from_everywhere_under_every_name(path: str) -> None:
    assert (await ask_from(ELSEWHERE, path, {"Host": "10.0.0.1:30181"})).status == 200


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer another-token-of-the-admin-door",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Basic {TOKEN}",
        TOKEN,
        "Bearer",
        "Bearer ",
        "",
        "Bearer tökén",
    ],
)
async def test_a_wrong_token_is_401_even_on_loopback(authorization: str) -> None:
    async with opened() as door:
        for path in ("/status", "/metrics"):
            answer = await door.ask(path, {"Authorization": authorization})
            assert answer.status == 401
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert TOKEN.encode() not in answer.body


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_scheme_of_the_token_may_be_written_in_any_case(scheme: str) -> None:
    async with opened() as door:
        headers = {"Host": "rebound.example", "Authorization": f"{scheme} {TOKEN}"}
        assert (await door.ask("/status", headers)).status == 200


@pytest.mark.parametrize(
    "origin",
    [
        "http://rebound.example",
        "https://rebound.example:30181",
        "null",
        "",
        "http://127.0.0.1",
        "http://[",
        "file://",
    ],
)
async def test_a_foreign_origin_is_refused_even_with_the_token(origin: str) -> None:
    async with opened() as door:
        for path in PATHS:
            answer = await door.ask(path, {"Origin": origin, **RIGHT})
            assert answer.status == 403
            assert answer.json["detail"] == "a page of another origin may not read this"


async def test_the_door_s_own_origin_may_read() -> None:
    async with opened() as door:
        assert (await door.ask("/status", {"Origin": door.server.addresses[0]})).status == 200


async def test_a_rebound_page_is_refused_though_its_origin_is_its_host() -> None:
    async with opened() as door:
        headers = {"Host": "rebound.example:30181", "Origin": "http://rebound.example:30181"}
        assert (await door.ask("/status", headers)).status == 403


@pytest.mark.parametrize("headers", [{}, {"Origin": "http://page.example"}, RIGHT])
async def test_no_answer_opens_the_door_to_other_pages(headers: Mapping[str, str]) -> None:
    async with opened() as door:
        for method in ("GET", "OPTIONS"):
            answer = await door.ask("/status", headers, method=method)
            assert not [name for name in answer.headers if name.lower().startswith("access-control")]


# How it says no


async def test_an_unknown_path_is_a_problem() -> None:
    async with opened() as door:
        answer = await door.ask("/nowhere")

    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json == {"type": "about:blank", "title": "Not Found", "status": 404, "detail": "Not Found"}


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_another_method_is_a_problem_that_names_the_right_ones(method: str) -> None:
    async with opened() as door:
        answer = await door.ask("/status", method=method)

    assert (answer.status, answer.json["title"]) == (405, "Method Not Allowed")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Allow"] == "GET,HEAD"


async def test_a_view_that_raises_is_a_problem_and_a_line_without_the_detail() -> None:
    structlog.reset_defaults()
    bridge = Bridge()
    bridge.error = RuntimeError("an inner detail")
    with capture_logs() as lines:
        async with opened(bridge=bridge) as door:
            answer = await door.ask("/metrics")
            again = await door.ask("/status")

    assert (answer.status, again.status) == (500, 200)
    assert b"inner detail" not in answer.body
    assert [(line["event"], line["path"]) for line in lines] == [("admin request failed", "/metrics")]


# Where it listens


async def test_it_listens_on_every_address_and_says_where() -> None:
    async with opened(LOOPBACK, TcpBind(host="127.0.0.2", port=0)) as door:
        addresses = door.server.addresses
        assert [address.rpartition(":")[0] for address in addresses] == [
            "http://127.0.0.1",
            "http://127.0.0.2",
        ]
        async with aiohttp.ClientSession() as session:
            for address in addresses:
                async with session.get(f"{address}/healthz") as answer:
                    assert answer.status == 200


async def test_an_ipv6_address_stands_in_brackets() -> None:
    async with opened(TcpBind(host="::1", port=0)) as door:
        assert door.server.addresses[0].startswith("http://[::1]:")
        assert (await door.ask("/status")).status == 200


async def test_a_unix_socket_is_read_without_the_token(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    async with opened(UnixBind(path=path)) as door:
        assert door.server.addresses == [f"unix:{path}"]
        async with (
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session,
            session.get("http://localhost/status") as answer,
        ):
            assert answer.status == 200


async def test_the_socket_of_a_daemon_that_is_gone_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    with socket.socket(socket.AF_UNIX) as former:
        former.bind(str(path))

    async with opened(UnixBind(path=path)):
        assert stat.S_ISSOCK(path.stat().st_mode)


async def test_a_file_in_the_place_of_the_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "bridge.toml"
    path.write_text("precious")

    with pytest.raises(StartError, match=r"^admin\.bind: unix:"):
        async with opened(UnixBind(path=path)):
            pass

    assert path.read_text() == "precious"


async def test_a_taken_address_is_one_line_and_the_others_are_closed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as probe:
        free = TcpBind(host="127.0.0.1", port=probe.getsockname()[1])
        probe.close()
        port = taken.getsockname()[1]
        with pytest.raises(StartError) as caught:
            async with opened(free, TcpBind(host="127.0.0.1", port=port)):
                pass
        with socket.create_server((free.host, free.port)):
            pass  # it is free again

    assert str(caught.value).startswith(f"admin.bind: 127.0.0.1:{port} cannot be opened: ")
    assert "\n" not in str(caught.value)


async def test_it_is_closed_when_it_is_left() -> None:
    async with opened() as door:
        address = door.server.addresses[0]
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(f"{address}/healthz")


async def test_streams_end_in_good_order_when_it_is_left() -> None:
    async with aiohttp.ClientSession() as session:
        async with opened() as door:
            stream = await session.get(door.server.addresses[0] + "/live")
            assert await stream.content.readuntil(b"\n\n")

        assert await stream.content.read() == b""
