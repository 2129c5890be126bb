"""TLS on the listener, on both event loops: whom it lets in, and who cannot stay."""

import asyncio
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bridge.config import TcpBind, UnixBind
from bridge.host import loop_factory
from bridge.listener.connection import Connection
from bridge.listener.routes import OTHER
from bridge.metrics import Metrics
from tests.support.push_door import LOOPBACK, Door, Wire, is_alive, request, rooms
from tests.support.tls import Authority, unverified

FAILURES = "cad_bridge_listener_handshake_failures_total"
HELLO = bytes.fromhex("16030102000100")  # the first bytes of a handshake

Story = Callable[[], Awaitable[None]]


@pytest.fixture(name="authority")
def _authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


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


def failed(door: Door, reason: str) -> float | None:
    return door.metrics.registry.get_sample_value(FAILURES, {"reason": reason})


def inside(door: Door) -> int:
    return door.listener._turnstile.inside


async def until_inside(door: Door, number: int, within: float = 10.0) -> None:
    async with asyncio.timeout(within):
        while inside(door) != number:  # noqa: ASYNC110 -- no event tells it
            await asyncio.sleep(0.01)  # noqa: TID251 -- until the kernel has told the listener


async def silent(door: Door, number: int, first: bytes = b"") -> list[Wire]:
    wires = [await door.connect() for _ in range(number)]
    for wire in wires:
        wire.writer.write(first)
    return wires


def with_tls(authority: Authority, **more: Any) -> Any:
    metrics = Metrics("0")
    return rooms(certificate=authority.served(metrics), metrics=metrics, **more)


def test_pushes_come_over_tls_and_over_a_unix_socket_without(
    authority: Authority, tmp_path: Path, tell: Callable[[Story], None]
) -> None:
    async def story() -> None:
        path = tmp_path / "listener.sock"
        six = TcpBind(host="::1", port=0)
        async with with_tls(authority, bind=(LOOPBACK, six, UnixBind(path=path))) as (_, door):
            for address in door.listener.addresses:
                tls = None if isinstance(address, UnixBind) else authority.trusted()
                wire = await door.connect(address, tls)
                for body in (b"first", b"second"):
                    await wire.send(request(body=body))
                    assert (await wire.reply()).body == body

    tell(story)


def test_a_client_that_offers_http_2_too_is_spoken_to_in_http_1(
    authority: Authority, tell: Callable[[Story], None]
) -> None:
    async def story() -> None:
        async with with_tls(authority) as (_, door):
            for offered, chosen in ((("h2", "http/1.1"), "http/1.1"), (("h2",), None), ((), None)):
                wire = await door.connect(tls=authority.trusted(*offered))
                tls: ssl.SSLObject = wire.writer.get_extra_info("ssl_object")
                assert tls.selected_alpn_protocol() == chosen
                await wire.send(request(body=b"spoken"))
                assert (await wire.reply()).body == b"spoken"

    tell(story)


def test_a_client_that_checks_nothing_is_served_as_fxserver_is(
    authority: Authority, tell: Callable[[Story], None]
) -> None:
    async def story() -> None:
        authority.issue("another.name.test")
        async with with_tls(authority) as (_, door):
            assert await is_alive(door, unverified())

    tell(story)


def test_old_tls_is_refused(authority: Authority) -> None:
    async def story() -> None:
        async with with_tls(authority) as (_, door):
            old = unverified()
            old.set_ciphers("ALL:@SECLEVEL=0")
            old.minimum_version = ssl.TLSVersion.SSLv3
            old.maximum_version = ssl.TLSVersion.TLSv1_1
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await door.connect(tls=old)
            await until_inside(door, 0)
            assert failed(door, "broken") == 1

    with pytest.warns(DeprecationWarning, match="TLSVersion"):
        asyncio.run(_within(story))


def test_a_request_in_the_same_segment_as_the_end_of_the_handshake_is_not_lost(
    authority: Authority, tell: Callable[[Story], None]
) -> None:
    async def story() -> None:
        async with with_tls(authority) as (_, door):
            address = door.listener.addresses[0]
            assert isinstance(address, TcpBind)
            reply = await asyncio.to_thread(_all_at_once, address, authority.trusted())
            assert reply.endswith(b"\r\n\r\nearly")

    tell(story)


def _all_at_once(address: TcpBind, trusted: ssl.SSLContext) -> bytes:
    """Send the last words of the handshake and a request in one piece."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = trusted.wrap_bio(incoming, outgoing, server_hostname=address.host)
    with socket.create_connection((address.host, address.port), timeout=10.0) as sock:
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                sock.sendall(outgoing.read())
                incoming.write(sock.recv(65536))
        tls.write(request(body=b"early", headers=["Connection: close"]))
        sock.sendall(outgoing.read())
        reply = b""
        while not reply.endswith(b"early"):
            incoming.write(sock.recv(65536))
            try:
                reply += tls.read(65536)
            except ssl.SSLWantReadError:
                continue
        return reply


@pytest.mark.parametrize("first", [b"", HELLO])
def test_who_is_silent_or_stalls_in_the_handshake_is_cut_and_others_are_served(
    authority: Authority, tell: Callable[[Story], None], first: bytes
) -> None:
    async def story() -> None:
        async with with_tls(authority, request_timeout=0.5) as (_, door):
            with capture_logs() as logs:
                wires = await silent(door, 20, first)
                await until_inside(door, 20)
                assert await is_alive(door, authority.trusted())
                for wire in wires:
                    assert await wire.is_closed(within=5.0)
                await until_inside(door, 1)  # the one that was served is kept

            assert failed(door, "timeout") == 20
            assert [(entry["event"], entry["reason"]) for entry in logs] == [
                ("TLS handshake failed", "timeout")
            ]

    tell(story)


def test_the_time_of_the_handshake_is_part_of_the_first_requests(
    authority: Authority, tell: Callable[[Story], None]
) -> None:
    async def story() -> None:
        async with with_tls(authority, request_timeout=2.0) as (_, door):
            address = door.listener.addresses[0]
            assert isinstance(address, TcpBind)
            seconds = await asyncio.to_thread(_dawdle, address, authority.trusted())
            assert 1.9 <= seconds < 3.1
            assert door.counted(OTHER, 408) == 1
            await until_inside(door, 0)

    tell(story)


def _dawdle(address: TcpBind, trusted: ssl.SSLContext) -> float:
    """Begin the handshake late, say nothing afterwards, and return how long that is borne."""
    began = time.monotonic()  # noqa: TID251 -- in a thread of its own
    with socket.create_connection((address.host, address.port), timeout=10.0) as sock:
        time.sleep(1.2)
        with trusted.wrap_socket(sock, server_hostname=address.host) as tls:
            assert tls.recv(1) == b""
    return time.monotonic() - began  # noqa: TID251 -- as above


def test_two_thousand_silent_connections_do_not_get_past_the_limit_nor_stay(
    authority: Authority, tell: Callable[[Story], None]
) -> None:
    async def story() -> None:
        async with with_tls(authority, max_connections=50, request_timeout=1.0) as (_, door):
            wires = await silent(door, 50)
            await until_inside(door, 50)
            with capture_logs() as logs:
                for _ in range(39):
                    more = await silent(door, 50)
                    assert inside(door) <= 50
                    for wire in more:
                        wire.close()
            await until_inside(door, 0)
            ended = [door.counted(OTHER, "refused"), failed(door, "timeout"), failed(door, "broken")]
            assert sum(number or 0 for number in ended) == 2000
            assert ended[0]
            assert "connection limit reached" in [entry["event"] for entry in logs]
            assert await is_alive(door, authority.trusted())
            for wire in wires:
                wire.close()

    tell(story)


def test_a_handshake_that_does_not_begin_makes_way(
    authority: Authority, tell: Callable[[Story], None]
) -> None:
    async def story() -> None:
        async with with_tls(authority, max_connections=2) as (_, door):
            first, second = await silent(door, 2)
            await until_inside(door, 2)

            assert await is_alive(door, authority.trusted())

            assert await first.is_closed(within=2.0)
            assert not await second.is_closed(within=0.1)
            assert door.counted(OTHER, "refused") == 1

    tell(story)


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_plain_http_is_closed_and_told_with_a_hint_but_once_a_minute(
    authority: Authority, tell: Callable[[Story], None], method: str
) -> None:
    async def story() -> None:
        async with with_tls(authority) as (_, door):
            with capture_logs() as logs:
                for _ in range(3):
                    wire = await door.connect()
                    await wire.send(request(method, body=b"x"))
                    assert await wire.is_closed(within=2.0)
                await until_inside(door, 0)

            (entry,) = logs
            assert (entry["event"], entry["log_level"]) == ("TLS handshake failed", "warning")
            assert entry["reason"] == "plain_http"
            assert entry["peer"] == "127.0.0.1"
            assert entry["hint"].startswith("a game server speaks http:// to a TLS listener")
            assert failed(door, "plain_http") == 3

    tell(story)


def test_a_client_that_does_not_trust_the_certificate_is_told_of(
    authority: Authority, tell: Callable[[Story], None]
) -> None:
    async def story() -> None:
        async with with_tls(authority) as (_, door):
            address = door.listener.addresses[0]
            assert isinstance(address, TcpBind)
            with capture_logs() as logs:
                await asyncio.to_thread(_distrust, address)
                await until_inside(door, 0)

            assert failed(door, "untrusted") == 1
            assert [(entry["reason"], entry["log_level"]) for entry in logs] == [("untrusted", "warning")]

    tell(story)


def _distrust(address: TcpBind) -> None:
    with (
        socket.create_connection((address.host, address.port), timeout=10.0) as sock,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        ssl.create_default_context().wrap_socket(sock, server_hostname=address.host)


def test_who_vanishes_in_the_handshake_leaves_no_trace(
    authority: Authority, tell: Callable[[Story], None]
) -> None:
    async def story() -> None:
        async with with_tls(authority) as (_, door):
            for wire in await silent(door, 5, HELLO):
                wire.close()
            await until_inside(door, 0)
            assert failed(door, "broken") == 5
            assert await is_alive(door, authority.trusted())

    tell(story)


def test_a_listener_that_stops_waits_for_no_handshake(
    authority: Authority, tell: Callable[[Story], None]
) -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        async with with_tls(authority, request_timeout=10.0) as (_, door):
            wires = await silent(door, 5)
            await until_inside(door, 5)
            stopping_at = loop.time()
            await door.listener.close()

            assert loop.time() - stopping_at < 5.0
            assert inside(door) == 0
            for wire in wires:
                assert await wire.is_closed(within=2.0)

    tell(story)


def test_a_socket_that_was_handed_over_speaks_tls_and_is_served_by_the_next(
    authority: Authority, tell: Callable[[Story], None]
) -> None:
    async def story() -> None:
        with socket.create_server(("127.0.0.1", 0)) as kept:
            kept.setblocking(False)  # noqa: FBT003 -- the library's own signature
            for _ in range(2):
                async with with_tls(authority, handed_over=[kept.dup()]) as (_, door):
                    assert await is_alive(door, authority.trusted())

    tell(story)


async def test_where_no_descriptor_is_left_it_accepts_again_later(authority: Authority) -> None:
    loop = asyncio.get_running_loop()
    async with with_tls(authority) as (_, door):
        await is_alive(door, authority.trusted())
        address = door.listener.addresses[0]
        assert isinstance(address, TcpBind)
        handshakes = door.listener._handshakes
        assert handshakes is not None
        with capture_logs() as logs:
            exhausted = _Exhausted()
            handshakes.accept(exhausted, _nobody)
            while not door.clock.slept:  # noqa: ASYNC110 -- no event tells it
                await asyncio.sleep(0.01)  # noqa: TID251 -- until the listener has looked
            handshakes.close()

        assert logs[0]["event"] == "no connection accepted"
        assert door.clock.slept[0] == 1.0
        assert loop.is_running()


def _nobody(_: float) -> Connection:
    raise AssertionError("nobody came")


class _Exhausted(socket.socket):
    """A socket that listens while the system has no descriptor for those who come."""

    __slots__ = ("tried",)

    def __init__(self) -> None:
        super().__init__()
        self.tried = 0
        self.setblocking(False)  # noqa: FBT003 -- the library's own signature

    def accept(self) -> Any:
        self.tried += 1
        if self.tried == 1:
            raise ConnectionAbortedError
        raise OSError(24, "Too many open files")
