import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from structlog.testing import capture_logs

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
    ("end", "reason", "again_at"),
    [
        (CadError("timeout", sent=True), "timeout", 13),
        (answer(503), "status_503", 13),
        (answer(401), "unauthorized", 6),  # the key is accepted again meanwhile
    ],
)
def test_a_heartbeat_that_did_not_get_through_is_counted_and_soon_repeated(
    end: CadAnswer | CadError, reason: str, again_at: float
) -> None:
    async def case(bench: Bench) -> None:
        await pushing(5)(bench)
        bench.client.breaker.accept_key()
        await pushing(20)(bench)

    with capture_logs() as logs:
        bench = beating(case, end)

    assert [at for at, _, _ in bench.beats] == [3, again_at]
    assert bench.counted("heartbeat_failures_total", reason=reason) == 1
    assert [line["server"] for line in logs if line["event"] == "heartbeat postponed"] == ["s1"]
    assert bench.counted("heartbeats_total") == 1


def test_the_longer_heartbeats_fail_the_more_seldom_they_are_tried_and_this_is_said_once() -> None:
    with capture_logs() as logs:
        bench = beating(pushing(300), *[answer(500)] * 6, interval=90.0)

    assert [at for at, _, _ in bench.beats] == [3, 13, 33, 73, 153, 243]
    assert [line["event"] for line in logs].count("heartbeat postponed") == 1


def test_the_retries_of_many_servers_share_the_limit_too() -> None:
    bench = beating(pushing(70, servers=5), *[answer(500)] * 99, servers=5)

    tries = [at for at, server, _ in bench.beats if server == 1]
    assert tries == [3, 33]  # not every 10 s: 5 servers, 10 a minute


def test_the_first_success_of_anything_makes_a_failed_heartbeat_due() -> None:
    async def case(bench: Bench) -> None:
        await pushing(5)(bench)
        for _ in range(3):
            bench.client.breaker.failed("connect")
        bench.client.breaker.answered()
        await pushing(5)(bench)

    assert [at for at, _, _ in beating(case, answer(503)).beats] == [3, 6]


def test_a_recovery_while_all_was_well_brings_no_retry_forward() -> None:
    async def case(bench: Bench) -> None:
        await pushing(20)(bench)
        for _ in range(3):
            bench.client.breaker.failed("connect")
        bench.client.breaker.answered()
        await pushing(70)(bench)

    assert [at for at, _, _ in beating(case, answer(503), answer(), answer(503)).beats] == [3, 13, 73, 83]


def test_who_waits_for_a_slot_first_gets_it_first() -> None:
    async def case(bench: Bench) -> None:
        bench.client.budgets[HEARTBEAT.name].pause(START, 61.0)
        await pushing(120, servers=6)(bench)

    assert [server for _, server, _ in beating(case, servers=6).beats[:6]] == [1, 2, 3, 4, 5, 6]


def test_one_that_waited_until_the_key_was_refused_stays_here_and_costs_no_slot() -> None:
    async def case(bench: Bench) -> None:
        bench.client.budgets[HEARTBEAT.name].pause(START, 30.0)
        await pushing(10)(bench)
        bench.client.breaker.refuse_key()
        await pushing(25)(bench)
        assert bench.beats == []
        assert bench.client.budgets.remaining()[HEARTBEAT.name] == (10, 10)

    beating(case)


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


def test_while_the_key_is_refused_nothing_is_told_and_at_once_when_it_works() -> None:
    async def case(bench: Bench) -> None:
        bench.client.breaker.refuse_key()
        await pushing(50)(bench)
        bench.client.breaker.accept_key()
        await pushing(10)(bench)

    assert [at for at, _, _ in beating(case).beats] == [50]


# The game server's own count


@asynccontextmanager
async def game_server(*parts: bytes, asked: list[float] | None = None) -> AsyncGenerator[str]:
    """Answer every connection's first request with these parts while entered; ``asked`` learns when one came."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if asked is not None:
            asked.append(round(asyncio.get_running_loop().time() - START, 1))
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


def test_game_servers_are_looked_at_every_ten_seconds() -> None:
    asked: list[float] = []

    async def main(clock: VirtualClock) -> Bench:
        async with game_server(dynamic(REAL), asked=asked) as url:
            bench = Bench(clock, servers=2, urls={TWO: url})
            async with asyncio.TaskGroup() as group:
                running = group.create_task(bench.heartbeat.run())
                await clock.sleep(49.0)
                running.cancel()
            looked_at = clock.monotonic()
        assert bench.fleet[TWO].state(looked_at) is GameServerState.RESOURCE_SILENT
        assert bench.fleet[ONE].state(looked_at) is GameServerState.SILENT
        return bench

    bench = run_virtual(main)

    assert bench.beats == [(33, 2, 12)]
    assert asked == [0, 10, 20, 30, 40]
