"""The wire through a proxy and to authorities of one's own, with real TLS, on both event loops."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from aiohttp import web
from msgspec import Struct
from structlog.testing import capture_logs

from bridge.clock import SystemClock
from bridge.config import Proxy, Secret
from bridge.errors import CadError
from bridge.host import loop_factory
from bridge.operations import CREATE_911_CALL, GET_VERSION
from bridge.sonoran.http import CadHttp, Outbound
from bridge.sonoran.messages import CadAnswer, CadRequest, Line
from tests.support.proxy import FakeProxy, proxying
from tests.support.tls import Authority

KEY = "made-up-key-of-the-community"
NAME = "api.sonorancad.test"
LOGIN = "me:p@ss-made-up"

Story = Callable[[], Awaitable[None]]


@pytest.fixture(name="tell", params=["asyncio", "uvloop"])
def _tell(request: pytest.FixtureRequest) -> Callable[[Story], None]:
    """Return what runs a story on one of the event loops that the daemon may run on."""
    factory = asyncio.new_event_loop if request.param == "asyncio" else loop_factory()

    def tell(story: Story) -> None:
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(_within(story))

    return tell


async def _within(story: Story) -> None:
    async with asyncio.timeout(20.0):
        await story()


class Far(Struct, kw_only=True):
    """A CAD that only the proxy can reach, the proxy, and the client."""

    client: CadHttp
    proxy: FakeProxy
    requests: list[web.Request]
    on_request: Callable[[], None] = lambda: None

    async def ask(self, line: Line = Line.ORDINARY) -> CadAnswer:
        operation = CREATE_911_CALL if line is Line.FRESH else GET_VERSION
        return await self.client.exchange(CadRequest(operation=operation, path="/v2/x", line=line))

    async def fail(self, line: Line = Line.ORDINARY) -> tuple[str, bool, int]:
        with pytest.raises(CadError) as caught:
            await self.ask(line)
        return caught.value.reason, caught.value.sent, caught.value.sends


@asynccontextmanager
async def far_away(
    folder: Path,
    *,
    login: str | None = None,
    wanted: str | None = None,
    scheme: str = "http",
    trusting: bool = True,
    seconds: float = 5.0,
    certified: str = NAME,
) -> AsyncGenerator[Far]:
    authority = Authority(folder)
    authority.issue(certified, "127.0.0.1")
    context = authority.served().context
    requests: list[web.Request] = []
    seen: list[Far] = []

    async def answer(request: web.BaseRequest) -> web.Response:
        assert isinstance(request, web.Request)
        requests.append(request)
        seen[0].on_request()
        return web.json_response({})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    port: int = runner.addresses[0][1]
    routes = {f"{NAME}:443": ("127.0.0.1", port), f"{NAME}:444": ("127.0.0.1", 9)}
    try:
        async with proxying(routes, wanted, context if scheme == "https" else None) as proxy:
            way = Outbound(
                proxy=Proxy(
                    url=f"{scheme}://127.0.0.1:{proxy.port}", login=None if login is None else Secret(login)
                ),
                ca_file=authority.file if trusting else None,
            )
            url = f"https://{NAME}"
            async with CadHttp(url, Secret(KEY), seconds, SystemClock(), outbound=way) as client:
                seen.append(Far(client=client, proxy=proxy, requests=requests))
                yield seen[0]
    finally:
        await runner.cleanup()


def test_the_proxy_hears_where_to_and_nothing_else(tmp_path: Path, tell: Callable[[Story], None]) -> None:
    async def story() -> None:
        async with far_away(tmp_path) as far:
            got = await far.ask()

        assert (got.status, got.sends) == (200, 1)
        (head,) = far.proxy.heads
        assert head.startswith(f"CONNECT {NAME}:443 HTTP/1.1\r\n")
        assert KEY not in head
        assert "authorization" not in head.lower()
        assert far.requests[0].headers["Authorization"] == f"Bearer {KEY}"
        assert "Proxy-Authorization" not in far.requests[0].headers

    tell(story)


def test_lines_stay_warm_through_the_proxy_and_each_has_its_own(
    tmp_path: Path, tell: Callable[[Story], None]
) -> None:
    async def story() -> None:
        async with far_away(tmp_path, login=LOGIN, wanted=LOGIN) as far:
            for line in (Line.URGENT, Line.ORDINARY, Line.URGENT, Line.FRESH, Line.ORDINARY, Line.FRESH):
                assert (await far.ask(line)).sends == 1

        assert far.proxy.asked == [f"CONNECT {NAME}:443 HTTP/1.1"] * 3
        assert len(far.requests) == 6

    tell(story)


def test_a_proxy_may_be_spoken_to_over_tls(tmp_path: Path, tell: Callable[[Story], None]) -> None:
    async def story() -> None:
        async with far_away(tmp_path, login=LOGIN, wanted=LOGIN, scheme="https") as far:
            assert (await far.ask()).status == 200
            assert (await far.ask()).status == 200
            assert len(far.proxy.asked) == 1

    tell(story)


@pytest.mark.parametrize(
    ("login", "hint"), [(None, True), ("me:wrong-made-up", True)], ids=["nobody", "wrong password"]
)
def test_a_proxy_that_wants_a_login_is_a_clear_end_and_told_once(
    tmp_path: Path, tell: Callable[[Story], None], login: str | None, *, hint: bool
) -> None:
    async def story() -> None:
        async with far_away(tmp_path, login=login, wanted=LOGIN) as far:
            with capture_logs() as logs:
                for _ in range(3):
                    assert await far.fail(Line.FRESH) == ("proxy", False, 0)

            (entry,) = logs
            assert (entry["event"], entry["log_level"]) == ("proxy lets nothing through", "warning")
            assert (entry["reason"], entry["proxy"]) == (407, f"http://127.0.0.1:{far.proxy.port}")
            assert ("CAD_BRIDGE_PROXY" in entry["hint"]) is hint
            assert "made-up" not in str(logs)
        assert far.requests == []

    tell(story)


@pytest.mark.parametrize("status", [403, 500, 502, 504])
def test_a_refused_connect_is_a_clear_end(tmp_path: Path, tell: Callable[[Story], None], status: int) -> None:
    async def story() -> None:
        async with far_away(tmp_path) as far:
            far.proxy.refusal = status
            with capture_logs() as logs:
                assert await far.fail(Line.FRESH) == ("proxy", False, 0)
                far.proxy.refusal = None
                assert (await far.ask(Line.FRESH)).ok
                far.proxy.cut()
                far.proxy.refusal = status
                assert (await far.fail(Line.URGENT))[0] == "proxy"

            assert [entry["reason"] for entry in logs] == [status, status]

    tell(story)


def test_a_proxy_that_hangs_up_or_says_nothing_is_a_clear_end(
    tmp_path: Path, tell: Callable[[Story], None]
) -> None:
    async def story() -> None:
        async with far_away(tmp_path, seconds=0.5) as far:
            far.proxy.abrupt = True
            assert await far.fail(Line.FRESH) == ("proxy", False, 0)
            far.proxy.abrupt, far.proxy.silent = False, True
            assert await far.fail(Line.FRESH) == ("proxy", False, 0)
        assert far.requests == []

    tell(story)


def test_a_proxy_that_is_not_there_is_a_clear_end(tell: Callable[[Story], None]) -> None:
    async def story() -> None:
        for url in ("http://127.0.0.1:9", "http://no-such-host.invalid:3128"):
            way = Outbound(proxy=Proxy(url=url))
            async with CadHttp(f"https://{NAME}", Secret(KEY), 5.0, SystemClock(), outbound=way) as client:
                with pytest.raises(CadError) as caught:
                    await client.exchange(CadRequest(operation=GET_VERSION, path="/v2/x"))
            assert (caught.value.reason, caught.value.sent, caught.value.sends) == ("proxy", False, 0)

    tell(story)


def test_a_tunnel_that_breaks_under_a_request_is_no_clear_end_and_is_not_tried_again(
    tmp_path: Path, tell: Callable[[Story], None]
) -> None:
    async def story() -> None:
        async with far_away(tmp_path) as far:
            far.on_request = far.proxy.cut
            assert await far.fail(Line.FRESH) == ("reset", True, 1)
            await SystemClock().sleep(0.1)
            assert len(far.requests) == 1

    tell(story)


def test_the_cad_is_verified_through_the_proxy(tmp_path: Path, tell: Callable[[Story], None]) -> None:
    async def story() -> None:
        async with far_away(tmp_path, trusting=False) as far:
            assert await far.fail() == ("tls", False, 0)
        async with far_away(tmp_path, certified="another.name.test") as far:
            assert await far.fail() == ("tls", False, 0)
        assert far.requests == []

    tell(story)


async def test_authorities_of_ones_own_are_trusted_besides_the_systems(tmp_path: Path) -> None:
    async with far_away(tmp_path) as far:
        connector = far.client._sessions[Line.URGENT].connector
        context: ssl.SSLContext = getattr(connector, "_ssl")  # noqa: B009 -- it is the library's own
        plain = ssl.create_default_context()

        assert context.cert_store_stats()["x509_ca"] == plain.cert_store_stats()["x509_ca"] + 1
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname


async def test_plain_http_to_this_machine_goes_through_a_proxy_of_this_machine() -> None:
    async def answer(_: web.BaseRequest) -> web.Response:
        return web.json_response({})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    place = ("127.0.0.1", int(runner.addresses[0][1]))
    where = f"127.0.0.1:{place[1]}"
    try:
        async with proxying({where: place}) as proxy:
            way = Outbound(proxy=Proxy(url=f"http://127.0.0.1:{proxy.port}"))
            async with CadHttp(f"http://{where}", Secret(KEY), 5.0, SystemClock(), outbound=way) as client:
                request = CadRequest(operation=GET_VERSION, path="/v2/x")
                assert (await client.exchange(request)).ok
                assert proxy.asked == [f"GET http://{where}/v2/x HTTP/1.1"]
                proxy.login = LOGIN
                with pytest.raises(CadError) as caught:
                    await client.exchange(msgspec.structs.replace(request, line=Line.URGENT))
                assert (caught.value.reason, caught.value.sent, caught.value.sends) == ("proxy", False, 1)
    finally:
        await runner.cleanup()
