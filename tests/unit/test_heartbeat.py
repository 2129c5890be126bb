import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest

from bridge.clock import Clock
from bridge.errors import CadError
from bridge.fleet import Fleet, GameServerState, Probe
from bridge.heartbeat import MAX_DYNAMIC, Heartbeat, ask_players
from bridge.metrics import Metrics
from bridge.operations import HEARTBEAT
from bridge.sonoran.messages import CadAnswer
from bridge.units import ServerId
from tests.support.cad_client import client_of, sample
from tests.support.reports import ONE, TWO
from tests.support.stepping_clock import SteppingClock
from tests.support.transport import ScriptedTransport, answer
from tests.support.virtual_time import START, VirtualClock, run_virtual


class Bench:
    def __init__(
        self,
        clock: Clock,
        *reactions: CadAnswer | CadError,
        servers: int = 1,
        interval: float = 60.0,
        urls: dict[ServerId, str] | None = None,
    ) -> None:
        self.clock = clock
        self.cad = ScriptedTransport(clock, seconds=0.0)
        self.cad.script(HEARTBEAT, *reactions)
        self.client = client_of(self.cad, clock)
        self.fleet = Fleet({ServerId(number): f"s{number}" for number in range(1, servers + 1)})
        self.metrics = Metrics("0")
        self.heartbeat = Heartbeat(
            self.fleet,
            self.client,
            self.metrics,
            clock,
            interval=interval,
            urls=urls or {},
            count_units=lambda server: 10 + server,
        )

    def push(self, players: int | None, server: ServerId = ONE) -> None:
        self.fleet.pushed(server, self.clock.monotonic(), players)

    @property
    def beats(self) -> list[tuple[float, int, int]]:
        """The heartbeats: seconds since the start, server, players."""
        return [
            (round(sent.at - START, 3), int(sent.path.split("/")[4]), sent.body["playerCount"])
            for sent in self.cad.requests(HEARTBEAT)
        ]

    def counted(self, name: str, **labels: str) -> float | None:
        return sample(self.metrics, name, server="s1", **labels)


def beating(
    case: Callable[[Bench], Awaitable[None]],
    *reactions: CadAnswer | CadError,
    servers: int = 1,
    interval: float = 60.0,
) -> Bench:
    async def main(clock: VirtualClock) -> Bench:
        bench = Bench(clock, *reactions, servers=servers, interval=interval)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(bench.heartbeat.run())
            await case(bench)
            running.cancel()
        return bench

    return run_virtual(main)


def pushing(seconds: int, players: int | None = 42, servers: int = 1) -> Callable[[Bench], Awaitable[None]]:
    """Have every server push each second."""

    async def case(bench: Bench) -> None:
        for _ in range(seconds):
            for number in range(1, servers + 1):
                bench.push(players, ServerId(number))
            await bench.clock.sleep(1.0)

    return case


def test_the_cad_is_told_the_players_of_the_last_push_once_a_minute() -> None:
    bench = beating(pushing(130))

    assert bench.beats == [(3, 1, 42), (63, 1, 42), (123, 1, 42)]
    assert bench.counted("heartbeats_total") == 3
    told_at = bench.heartbeat.last_success_at[ONE]
    assert bench.counted("heartbeat_last_success_timestamp_seconds") == told_at
    assert told_at - bench.clock.wall() == pytest.approx(123 - 130)


def test_a_server_that_nothing_is_heard_of_has_no_heartbeat() -> None:
    async def case(bench: Bench) -> None:
        await bench.clock.sleep(300.0)

    assert beating(case).beats == []


def test_a_server_that_falls_silent_has_no_heartbeat_any_more() -> None:
    async def case(bench: Bench) -> None:
        await pushing(40)(bench)
        await bench.clock.sleep(300.0)

    assert beating(case).beats == [(3, 1, 42)]


def test_a_server_without_a_resource_beats_by_what_it_answers_itself() -> None:
    async def case(bench: Bench) -> None:
        bench.fleet[ONE].probed(Probe(at=bench.clock.monotonic(), players=7, seconds=0.01))
        await bench.clock.sleep(70.0)

    assert beating(case).beats == [(3, 1, 7), (63, 1, 7)]


def test_a_server_that_never_tells_its_players_is_told_of_by_its_units() -> None:
    assert beating(pushing(10, players=None)).beats == [(3, 1, 11)]


def test_an_empty_server_is_told_of_too() -> None:
    assert beating(pushing(10, players=0)).beats == [(3, 1, 0)]


def test_a_server_that_comes_up_later_is_told_of_within_ten_seconds() -> None:
    async def case(bench: Bench) -> None:
        await bench.clock.sleep(100.0)
        await pushing(20)(bench)

    assert beating(case).beats == [(103, 1, 42)]


def test_the_servers_beats_are_spread() -> None:
    bench = beating(pushing(70, servers=3), servers=3)

    assert bench.beats == [(3, 1, 42), (23, 2, 42), (43, 3, 42), (63, 1, 42)]


def test_twenty_servers_stay_within_the_limit() -> None:
    bench = beating(pushing(400, servers=20), servers=20, interval=120.0)

    times = [at for at, _, _ in bench.beats]
    assert max(sum(start <= at < start + 60 for at in times) for start in times) <= 10
    assert {server for _, server, _ in bench.beats} == set(range(1, 21))


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (CadError("timeout", sent=True), "timeout"),
        (answer(503), "status_503"),
        (answer(401), "unauthorized"),
    ],
)
def test_a_heartbeat_that_did_not_get_through_is_counted_and_soon_repeated(
    end: CadAnswer | CadError, reason: str
) -> None:
    async def case(bench: Bench) -> None:
        await pushing(5)(bench)
        bench.client.breaker.accept_key()
        await pushing(20)(bench)

    bench = beating(case, end)

    assert [at for at, _, _ in bench.beats] == [3, 13]
    assert bench.counted("heartbeat_failures_total", reason=reason) == 1
    assert bench.counted("heartbeats_total") == 1


def test_a_refused_heartbeat_waits_for_its_next_turn() -> None:
    bench = beating(pushing(70), answer(404, {"detail": "no such server"}))

    assert [at for at, _, _ in bench.beats] == [3, 63]
    assert bench.counted("heartbeat_failures_total", reason="not_found") == 1


def test_a_429_delays_the_next_one() -> None:
    bench = beating(pushing(50), answer(429, retry_after=30.0))

    assert [at for at, _, _ in bench.beats] == [3, 33]
    assert bench.counted("heartbeat_failures_total", reason="rate_limited") == 1


def test_one_that_waited_for_its_slot_tells_the_players_of_now() -> None:
    async def case(bench: Bench) -> None:
        bench.client.budgets[HEARTBEAT.name].pause(START, 30.0)
        await pushing(10, players=42)(bench)
        await pushing(25, players=7)(bench)

    assert beating(case).beats == [(30, 1, 7)]


def test_servers_that_wait_for_the_same_slot_are_told_of_one_after_the_other() -> None:
    async def case(bench: Bench) -> None:
        bench.client.budgets[HEARTBEAT.name].pause(START, 30.0)
        await pushing(35, servers=2)(bench)

    bench = beating(case, servers=2, interval=10.0)

    assert [at for at, _, _ in bench.beats[:2]] == [30, 33]
    assert {server for _, server, _ in bench.beats[:2]} == {1, 2}
    assert bench.counted("heartbeat_failures_total", reason="budget") is None


def test_while_the_key_is_refused_nothing_is_told() -> None:
    async def case(bench: Bench) -> None:
        bench.client.breaker.refuse_key()
        await pushing(50)(bench)
        bench.client.breaker.accept_key()
        await pushing(10)(bench)

    assert [at for at, _, _ in beating(case).beats] == [53]


# The game server's own count


@asynccontextmanager
async def game_server(*parts: bytes) -> AsyncGenerator[str]:
    """Answer every connection's first request with these parts while entered."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for part in parts:
            writer.write(part)
            await writer.drain()
            for _ in range(5):
                await clock_turn()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def clock_turn() -> None:
    """Let the other end read what was written."""
    await SteppingClock().sleep(0)


def dynamic(body: bytes, status: str = "200 OK") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status.encode(), len(body), body)


async def ask(*parts: bytes) -> int | None:
    async with game_server(*parts) as url, aiohttp.ClientSession() as session:
        return await ask_players(session, f"{url}/")


REAL = b'{"clients":12,"gametype":"roleplay","hostname":"Los Santos","iv":"123","mapname":"x","sv_maxclients":"48"}'


@pytest.mark.parametrize(
    ("body", "players"),
    [
        (REAL, 12),
        (REAL.replace(b"12,", b'"12",'), 12),
        (REAL.replace(b"Los Santos", b"Jos\xe9 \xed\xa0\xbd"), 12),  # players and owners cut UTF-8 anywhere
        (REAL.replace(b"12,", b"0,"), 0),
        (REAL.replace(b"12,", b"-1,"), None),
        (b"{}", None),
        (b"[]", None),
        (b"", None),
        (b"Route not found", None),
        (b'{"clients": null}', None),
        (b'{"x":' + b"[" * 60_000, None),
        (REAL + b" " * MAX_DYNAMIC, None),
    ],
)
async def test_the_players_that_a_game_server_tells(body: bytes, players: int | None) -> None:
    assert await ask(dynamic(body)) == players


async def test_an_answer_may_come_in_pieces() -> None:
    whole = dynamic(REAL)
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (REAL[:5], REAL[5:40], REAL[40:]))
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n"

    assert await ask(*(whole[at : at + 50] for at in range(0, len(whole), 50))) == 12
    assert await ask(*(chunked[at : at + 50] for at in range(0, len(chunked), 50))) == 12


@pytest.mark.parametrize("status", ["404 Not Found", "503 No", "302 Found"])
async def test_another_answer_tells_nothing(status: str) -> None:
    assert await ask(dynamic(b"gone", status)) is None


async def test_no_answer_tells_nothing() -> None:
    async with game_server() as url, aiohttp.ClientSession() as session:
        assert await ask_players(session, url) is None
    async with aiohttp.ClientSession() as session:
        assert await ask_players(session, url) is None


async def test_game_servers_are_looked_at_every_ten_seconds() -> None:
    clock = SteppingClock()
    async with game_server(dynamic(REAL)) as url:
        bench = Bench(clock, servers=2, urls={TWO: url})
        started = clock.now
        async with asyncio.TaskGroup() as group:
            running = group.create_task(bench.heartbeat.run())
            for _ in range(10_000):
                if bench.beats:
                    break
                await clock_turn()
            running.cancel()

    assert [(server, players) for _, server, players in bench.beats] == [(2, 12)]
    assert bench.fleet[TWO].state(clock.monotonic()) is GameServerState.RESOURCE_SILENT
    assert bench.fleet[ONE].state(clock.monotonic()) is GameServerState.SILENT
    assert 10.0 in clock.slept
    assert clock.now - started < 10_000
