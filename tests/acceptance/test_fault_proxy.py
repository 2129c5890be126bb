"""The proxy that stands for bad networks does what its tests think it does."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from tests.support.fault_proxy import NO_FAULT, Fault, FaultProxy

ANSWER = b"answer " * 100


class Server:
    """Answers every line with ``ANSWER`` and remembers what came."""

    def __init__(self) -> None:
        self.came = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(1000):
                self.came += piece
                if piece.endswith(b"\n"):
                    writer.write(ANSWER)
        except ConnectionError:
            pass
        finally:
            writer.close()


class Line:
    """A client's line through the proxy."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def ask(self, length: int = len(ANSWER), within: float = 5.0) -> bytes:
        """Send a line and return what came back, up to a length or to the end of the connection."""
        self._writer.write(b"question\n")
        return await self.read(length, within)

    async def read(self, length: int, within: float = 5.0) -> bytes:
        answer = b""
        async with asyncio.timeout(within):
            while len(answer) < length and (piece := await self._reader.read(length)):
                answer += piece
        return answer

    def close(self) -> None:
        self._writer.close()


@asynccontextmanager
async def proxied(seed: int = 1) -> AsyncGenerator[tuple[FaultProxy, Server]]:
    server = Server()
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listening:
        port: int = listening.sockets[0].getsockname()[1]
        async with FaultProxy(("127.0.0.1", port), seed=seed) as proxy:
            yield proxy, server


@asynccontextmanager
async def line_to(proxy: FaultProxy) -> AsyncGenerator[Line]:
    line = Line(*await asyncio.open_connection("127.0.0.1", proxy.port))
    try:
        yield line
    finally:
        line.close()


async def test_without_a_fault_everything_goes_through() -> None:
    async with proxied() as (proxy, server), line_to(proxy) as line:
        assert await line.ask() == ANSWER
        assert await line.ask() == ANSWER
        assert server.came == b"question\n" * 2
        assert proxy.accepted == 1


async def test_latency_delays_both_ways_and_jitter_is_the_same_for_the_same_seed() -> None:
    async with proxied() as (proxy, _), line_to(proxy) as line:
        proxy.use(Fault(latency=0.1))
        asked = time.monotonic()
        assert await line.ask() == ANSWER
        assert time.monotonic() - asked >= 0.2
    one, other = FaultProxy(("", 0), seed=7), FaultProxy(("", 0), seed=7)
    jitter = Fault(latency=1.0, jitter=2.0)
    waits = [one.delay(jitter) for _ in range(20)]
    assert waits == [other.delay(jitter) for _ in range(20)]
    assert 1.0 <= min(waits) < max(waits) <= 3.0


async def test_a_trickle_takes_its_time() -> None:
    async with proxied() as (proxy, _), line_to(proxy) as line:
        proxy.use(Fault(bytes_per_second=2000))
        asked = time.monotonic()
        assert await line.ask() == ANSWER
        assert time.monotonic() - asked > 0.25


async def test_an_answer_is_cut_in_its_middle() -> None:
    async with proxied() as (proxy, _), line_to(proxy) as line:
        proxy.use(Fault(answer_bytes=10))
        assert await line.ask() == ANSWER[:10]


async def test_a_request_is_cut_by_a_reset() -> None:
    async with proxied() as (proxy, server), line_to(proxy) as line:
        proxy.use(Fault(request_bytes=4, resets=True))
        with pytest.raises(ConnectionResetError):
            await line.ask()
        await asyncio.sleep(0)
        assert server.came in {b"", b"ques"}


async def test_a_silent_line_says_nothing_and_goes_on_when_the_fault_is_over() -> None:
    async with proxied() as (proxy, server), line_to(proxy) as line, line_to(proxy) as fresh:
        assert await line.ask() == ANSWER
        proxy.use(Fault(silent=True))
        with pytest.raises(TimeoutError):
            await line.ask(within=0.2)
        with pytest.raises(TimeoutError):
            await fresh.ask(within=0.2)
        assert server.came == b"question\n"
        proxy.use(NO_FAULT)
        assert await line.read(len(ANSWER)) == ANSWER
        assert await fresh.read(len(ANSWER)) == ANSWER


async def test_lines_that_were_silenced_stay_so_and_new_ones_are_fine() -> None:
    async with proxied() as (proxy, _), line_to(proxy) as line:
        assert await line.ask() == ANSWER
        proxy.silence()
        with pytest.raises(TimeoutError):
            await line.ask(within=0.2)
        async with line_to(proxy) as fresh:
            assert await fresh.ask() == ANSWER


async def test_what_was_on_its_way_when_its_sender_left_never_arrives() -> None:
    async with proxied() as (proxy, server), line_to(proxy) as line:
        assert await line.ask() == ANSWER
        proxy.use(Fault(latency=0.2))
        with pytest.raises(TimeoutError):
            await line.ask(within=0.05)
        line.close()
        while proxy.connections:
            await asyncio.sleep(0.01)
        assert server.came == b"question\n"


async def test_one_line_alone_may_fail_and_all_are_reset_or_cut_at_once() -> None:
    async with proxied() as (proxy, _), line_to(proxy) as line, line_to(proxy) as other:
        assert await line.ask() == ANSWER
        assert await other.ask() == ANSWER
        proxy.connections[0].use(Fault(silent=True))
        with pytest.raises(TimeoutError):
            await line.ask(within=0.2)
        assert await other.ask() == ANSWER
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            await line.read(1)
    async with proxied() as (proxy, _), line_to(proxy) as line:
        assert await line.ask() == ANSWER
        proxy.cut()
        assert await line.read(1) == b""


async def test_a_port_that_refuses_is_the_same_afterwards() -> None:
    async with proxied() as (proxy, _):
        port = proxy.port
        await proxy.refuse()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
        await proxy.listen()
        async with line_to(proxy) as line:
            assert proxy.port == port
            assert await line.ask() == ANSWER
