"""The real daemon between a game server and a CAD whose lines fail in every way that a network has."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import msgspec
import pytest

from tests.support.certificate import self_signed
from tests.support.daemon import TOKENS, Daemon, daemon_of, simulated_cad, until, update
from tests.support.fault_proxy import NO_FAULT, Fault, FaultProxy
from tests.support.hearing import Hearing
from tests.support.measured import measured
from tests.support.oracle import Oracle, example
from tests.support.process import BRIDGE, Running

RECOVERY_SECONDS = 2.0  # in which the panic path is back
SLACK_SECONDS = 1.0  # for a busy machine
INTERVAL_SECONDS = 5.05  # of locations, at the documented 12 a minute
TROUBLE_SECONDS = 5.0

pytestmark = pytest.mark.timeout(120)

Harm = Callable[[FaultProxy], None]


class Between(Hearing, kw_only=True):
    """A daemon with a failing line to its CAD."""

    daemon: Daemon
    proxy: FaultProxy

    async def drive(self) -> None:
        """Push a unit that moves all the time, until cancelled."""
        turn = 0
        while True:
            turn += 1
            await self.daemon.push("/v1/locations", {"updates": [update("license:before", 5.0 * turn)]})
            await asyncio.sleep(0.2)

    def check(self) -> None:
        """Nothing is lost or doubled, and no limit was passed."""
        self.oracle.judge()
        assert self.cloud.cad.limiter.violations == 0
        assert {end["state"] for end in self.oracle.ends.values()} == {"delivered"}


@asynccontextmanager
async def between(folder: Path, **cad_settings: str) -> AsyncGenerator[Between]:
    async with (
        simulated_cad() as cad,
        FaultProxy(("127.0.0.1", cad.port)) as proxy,
        daemon_of(folder, proxy.url, {"cad": cad_settings}) as daemon,
    ):
        yield Between(daemon=daemon, proxy=proxy, cloud=cad.cloud, oracle=Oracle(daemon, cad.cloud))


def half_open(proxy: FaultProxy) -> None:
    proxy.use(Fault(silent=True))


def slow_and_uneven(proxy: FaultProxy) -> None:
    proxy.use(Fault(latency=0.3, jitter=0.5))


def trickle(proxy: FaultProxy) -> None:
    proxy.use(Fault(bytes_per_second=200))


def cut_answers(proxy: FaultProxy) -> None:
    proxy.use(Fault(answer_bytes=60))
    proxy.cut()


def reset_answers(proxy: FaultProxy) -> None:
    proxy.use(Fault(answer_bytes=60, resets=True))
    proxy.reset()


def reset_requests(proxy: FaultProxy) -> None:
    proxy.use(Fault(request_bytes=120, resets=True))
    proxy.reset()


@pytest.mark.parametrize(
    "harm", [half_open, slow_and_uneven, trickle, cut_answers, reset_answers, reset_requests]
)
async def test_events_and_locations_are_back_soon_after_the_network_and_none_is_lost_or_made_twice(
    tmp_path: Path, harm: Harm
) -> None:
    async with between(tmp_path, timeout="3s") as world, asyncio.TaskGroup() as group:
        driving = group.create_task(world.drive())
        await world.panic("before")
        await until(lambda: world.heard_of("before") is not None, within=10.0)
        harm(world.proxy)
        await world.oracle.push(*(example(kind, "amid") for kind in ("call_911", "dispatch_call", "status")))
        for number in range(3):
            await world.panic(f"amid-{number}")
            await asyncio.sleep(TROUBLE_SECONDS / 3)
        world.proxy.use(NO_FAULT)
        mended = time.monotonic()
        await world.panic("after")
        await until(lambda: world.heard_of("after") is not None, within=10.0)
        await until(lambda: world.located_after(mended) is not None, within=10.0)
        await world.oracle.settle(within=60.0)
        driving.cancel()

        heard, located = world.heard_of("after"), world.located_after(mended)
        assert heard is not None
        assert located is not None
        measured(f"{harm.__name__}: panic {heard - mended:.2f} s, locations {located - mended:.2f} s")
        assert heard - mended < RECOVERY_SECONDS + SLACK_SECONDS
        assert located - mended < INTERVAL_SECONDS + SLACK_SECONDS
        world.check()
        await check_what_the_operator_sees(world)


async def check_what_the_operator_sees(world: Between) -> None:
    assert await world.daemon.metric("cad_bridge_cad_up") == 1
    assert await world.daemon.metric("cad_bridge_outbox_events", state="pending") == 0
    assert await world.daemon.metric("cad_bridge_outbox_events", state="delivered") == len(world.oracle.ends)
    lines = [msgspec.json.decode(line) for line in world.daemon.log.splitlines()]
    assert [line for line in lines if line["level"] == "error"] == []


async def test_a_port_that_refuses_is_told_of_and_panics_are_back_soon_after(tmp_path: Path) -> None:
    async with between(tmp_path) as world:
        await world.panic("before")
        await until(lambda: world.heard_of("before") is not None, within=10.0)
        await world.proxy.refuse()
        world.proxy.reset()
        await world.panic("amid")
        await until(lambda: '"CAD is down"' in world.daemon.log, within=15.0)
        refused = {"operation": "setUnitPanic", "reason": "connect"}
        assert await world.daemon.metric("cad_bridge_cad_request_failures_total", **refused) > 0
        assert await world.daemon.metric("cad_bridge_cad_up") == 0
        await world.proxy.listen()
        mended = time.monotonic()
        await until(lambda: world.heard_of("amid") is not None, within=10.0)
        await world.oracle.settle(within=10.0)

        heard = world.heard_of("amid")
        assert heard is not None
        assert heard - mended < RECOVERY_SECONDS + SLACK_SECONDS
        world.check()
        assert '"CAD is back"' in world.daemon.log


async def test_a_line_that_fell_silent_alone_does_not_hold_up_panics_for_long(tmp_path: Path) -> None:
    """Half open lines: whoever is in the middle forgot them; each costs a timeout, and new ones are fine."""
    async with between(tmp_path, timeout="3s") as world:
        await world.panic("before")
        await until(lambda: world.heard_of("before") is not None, within=10.0)
        open_lines = len(world.proxy.connections)
        world.proxy.silence()
        pushed = time.monotonic()
        await world.panic("amid")
        await until(lambda: world.heard_of("amid") is not None, within=15.0)
        await world.oracle.settle(within=20.0)

        heard = world.heard_of("amid")
        assert heard is not None
        measured(f"{open_lines} half open lines: a panic took {heard - pushed:.2f} s")
        assert heard - pushed < 3.0 * open_lines + RECOVERY_SECONDS + SLACK_SECONDS
        world.check()


async def test_a_tls_handshake_that_stalls_is_given_up_and_tried_again(tmp_path: Path) -> None:
    trusted, tls = self_signed(tmp_path)
    async with (
        simulated_cad() as cad,
        FaultProxy(("127.0.0.1", cad.port), tls=tls) as door,
        FaultProxy(("127.0.0.1", door.port)) as proxy,
    ):
        proxy.use(Fault(silent=True))
        url = f"https://127.0.0.1:{proxy.port}"
        daemon = Daemon(tmp_path, url, {"cad": {"timeout": "3s"}}, (1,))
        command = ("env", f"SSL_CERT_FILE={trusted}", *BRIDGE, "run", "--config", str(daemon.config))
        daemon.process = Running(tmp_path, command, "daemon")
        oracle = Oracle(daemon, cad.cloud)
        world = Between(daemon=daemon, proxy=proxy, cloud=cad.cloud, oracle=oracle)
        try:
            await daemon.start()
            await world.panic("stalled")
            await oracle.push(example("call_911", "stalled"), example("kick", "stalled"))
            await until(lambda: '"CAD is down"' in daemon.log, within=30.0)
            assert cad.cloud.journal.total == 0
            timeouts = {"operation": "setUnitPanic", "reason": "timeout"}
            assert await daemon.metric("cad_bridge_cad_request_failures_total", **timeouts) > 0
            proxy.use(NO_FAULT)
            proxy.reset()
            mended = time.monotonic()
            await until(lambda: world.heard_of("stalled") is not None, within=10.0)
            await oracle.settle(within=30.0)

            heard = world.heard_of("stalled")
            assert heard is not None
            measured(f"stalled handshakes: a panic {heard - mended:.2f} s after the last")
            assert heard - mended < RECOVERY_SECONDS + SLACK_SECONDS
            world.check()
            assert len(cad.cloud.journal.of("create911Call")) == 1
            assert len(cad.cloud.journal.of("kickUnit")) == 1
        finally:
            await daemon.close()


@pytest.mark.parametrize("harm", [cut_answers, reset_requests, reset_answers, trickle])
async def test_a_push_that_is_repeated_over_a_bad_line_until_it_is_answered_counts_once(
    tmp_path: Path, harm: Harm
) -> None:
    async with simulated_cad() as cad, daemon_of(tmp_path, cad) as daemon:
        async with FaultProxy(("127.0.0.1", daemon.port)) as proxy:
            harm(proxy)
            content = [example("kick", "once"), example("call_911", "once")]
            tries = [await push(proxy, content) for _ in range(3)]
            proxy.use(NO_FAULT)
            answer = await push(proxy, content)
        assert answer is not None
        await daemon.ended(answer, within=15.0)

        assert {tuple(events) for events in tries if events} <= {tuple(answer)}
        assert len(cad.cloud.cad.community.kicks) == 1
        assert len(cad.cloud.cad.community.calls(time.time())) == 1
        assert (await daemon.read("/healthz")).status == 200
        kicks = {"server": "server-1", "kind": "kick"}
        assert await daemon.metric("cad_bridge_events_accepted_total", **kicks) == 1


async def push(proxy: FaultProxy, content: object) -> list[str] | None:
    """Push as a game server does that gives up after 5 s, and return the events, if an answer came."""
    headers = {"Authorization": f"Bearer {TOKENS[1]}", "Idempotency-Key": "the-same"}
    body = msgspec.json.encode(content)
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5.0)) as session,
            session.post(f"{proxy.url}/v1/events", data=body, headers=headers) as response,
        ):
            assert response.status == 202, await response.text()
            events: list[str] = msgspec.json.decode(await response.read())["events"]
            return events
    except (aiohttp.ClientError, TimeoutError):
        return None
