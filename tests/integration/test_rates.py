"""Rates in virtual time: whole daemons before a simulated CAD that fails, hangs, limits or is not there at all.

The simulator's own limiter judges, at the other end of a line with latency both ways: the most requests of each
operation in any 60 s. So does how long each panic waited for its turn.
"""

import asyncio
import shutil
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from msgspec import Struct
from structlog.testing import capture_logs

from bridge.app import Daemon
from bridge.config import CadConfig, Secret, ServerConfig
from bridge.errors import CadError
from bridge.events import EventId, EventState, Panic
from bridge.operations import DOCUMENTED_LIMITS, GET_VERSION, HEARTBEAT, SET_UNIT_PANIC, UPDATE_UNIT_LOCATIONS
from bridge.retry import LONGEST_URGENT_DELAY
from bridge.simulator.cad import SIMULATOR_KEY
from bridge.simulator.cloud import Cloud
from bridge.simulator.faults import Answer, Delay, Fault, Hang
from bridge.sonoran.messages import CadAnswer, CadRequest
from bridge.units import LocationReport, ServerId, UnitId
from tests.support.running_daemon import daemon_config, make_daemon, samples
from tests.support.simulated_transport import LATENCY, SimulatedTransport
from tests.support.virtual_time import VirtualClock, run_virtual

LONGEST_TURN = 6.0  # seconds a panic may wait for its turn
ROUND_TRIP = 2 * LATENCY[1]
OUTSIDE = 0.05  # seconds: what the store and the loop may take
NEVER = float("inf")

FAULTS: Mapping[str, Fault | None] = {
    "refused": None,
    "hang": Hang(),
    "503": Answer(status=503),
    "429": Answer(status=429, retry_after="7"),
}


class Trip(Struct, kw_only=True, eq=False):
    """One request of panics: when it left, when its end was known, and what it said."""

    left_at: float
    ended_at: float = NEVER
    units: frozenset[str]
    active: bool


class RoughTransport(SimulatedTransport):
    """A line to the CAD on which connections may be refused; it keeps a list of what panics met."""

    def __init__(self, clock: VirtualClock, cloud: Cloud, *, seed: int = 1) -> None:
        super().__init__(clock, cloud, seed=seed)
        self.refusing = False
        self.trips: list[Trip] = []

    async def exchange(self, request: CadRequest) -> CadAnswer:
        if request.operation is not SET_UNIT_PANIC:
            return await self._travel_or_fail(request)
        body = msgspec.json.decode(request.body or b"")
        trip = Trip(
            left_at=self._clock.monotonic(),
            units=frozenset(body["communityUserIds"]),
            active=body["isPanic"],
        )
        self.trips.append(trip)
        try:
            return await self._travel_or_fail(request)
        finally:
            trip.ended_at = self._clock.monotonic()

    async def _travel_or_fail(self, request: CadRequest) -> CadAnswer:
        if self.refusing:
            await self._clock.sleep(0.005)
            raise CadError("connect", sent=False)
        return await super().exchange(request)


class Accepted(Struct, frozen=True, kw_only=True):
    """A panic that the bridge answers for."""

    at: float
    server: ServerId
    id: EventId
    panic: Panic


class World:
    """A CAD, the line to it, and one daemon at a time."""

    daemon: Daemon

    def __init__(self, clock: VirtualClock, folder: Path, **config: Any) -> None:
        self.clock = clock
        self.cloud = Cloud(clock)
        self.line = RoughTransport(clock, self.cloud)
        self.accepted: list[Accepted] = []
        self.random = Random(1)
        self._folder = folder
        self._config = config
        self._lives = 0
        self._panics = 0
        self._life = AsyncExitStack()

    async def start(self) -> None:
        """Start a daemon on what the last one left on disk."""
        folder = self._folder / f"life-{self._lives}"
        folder.mkdir(exist_ok=True)
        self._life = AsyncExitStack()
        self.daemon = await self._life.enter_async_context(
            make_daemon(daemon_config(folder, **self._config), self.clock, self.line)
        )
        running = asyncio.get_running_loop().create_task(self.daemon.run(asyncio.Event()))
        self._life.push_async_callback(_cancel, running)

    async def kill(self) -> None:
        """End as on SIGKILL: the next daemon finds the files as they are this moment.

        What was handed to the disk's thread without waiting for it, milliseconds ago, has arrived.
        """
        while self.daemon.parts.store.busy:
            await self.clock.sleep(0.001)
        old, new = self._folder / f"life-{self._lives}", self._folder / f"life-{self._lives + 1}"
        shutil.copytree(old, new)
        self._lives += 1
        await self._life.aclose()

    async def close(self) -> None:
        await self._life.aclose()
        await self.line.close()

    async def panic(self, server: int = 1, *, active: bool = True) -> Accepted:
        """Have one unit that nobody heard of panic."""
        self._panics += 1
        panic = Panic(ids=(UnitId(f"license:p{self._panics}"),), active=active)
        at = self.clock.monotonic()
        (event_id,) = await self.daemon.parts.outbox.append(ServerId(server), [panic])
        accepted = Accepted(at=at, server=ServerId(server), id=event_id, panic=panic)
        self.accepted.append(accepted)
        return accepted

    def push(self, server: int, *units: str) -> None:
        """Have units move."""
        now = self.clock.monotonic()
        reports = [
            LocationReport(
                unit_id=UnitId(unit),
                x=self.random.uniform(0, 4000),
                y=20.0,
                z=30.0,
                heading=0.0,
                text="Alta St",
            )
            for unit in units
        ]
        self.daemon.parts.coalescer.put(ServerId(server), reports, now)
        self.daemon.parts.fleet.pushed(ServerId(server), now, 12)

    def trouble(self, kind: str) -> None:
        """Begin an outage."""
        fault = FAULTS[kind]
        if fault is None:
            self.line.refusing = True
        else:
            self.cloud.faults.add(fault)

    def mend(self) -> None:
        """End it; what hangs goes on hanging until it times out."""
        self.line.refusing = False
        self.cloud.faults.clear()

    def left(self, operation: str) -> list[tuple[float, CadRequest]]:
        """Return the requests of an operation, as they left."""
        return [(at, request) for at, request in self.line.left if request.operation.name == operation]

    def sample(self, name: str, **labels: str) -> float:
        """Return one figure of ``/metrics``, which must exist."""
        return self.by_server(name, (), **labels)[""]

    def by_server(self, name: str, servers: Iterable[int], **labels: str) -> dict[str, float]:
        """Return one figure of each server; reading all the metrics takes a while."""
        rendered = samples(self.daemon.view.render_metrics())
        named = {f"s{server}": {"server": f"s{server}"} for server in servers} or {"": dict[str, str]()}
        return {
            server: rendered[name, tuple(sorted((labels | label).items()))] for server, label in named.items()
        }

    def over_the_limit(self, share: float = 1.0) -> dict[str, int]:
        """Return the operations of which the CAD ever saw too many in 60 s."""
        limits = {name: max(1, int(limit * share)) for name, limit in DOCUMENTED_LIMITS.items()}
        tallies = self.cloud.cad.limiter.tallies()
        assert self.cloud.cad.limiter.violations == 0
        peaks = {name: tallies[name].peak for name in limits.keys() & tallies.keys()}
        return {name: peak for name, peak in peaks.items() if peak > limits[name]}

    async def states(self) -> set[EventState]:
        """Return how the accepted panics ended."""
        found = [
            await self.daemon.parts.outbox.find(accepted.server, accepted.id) for accepted in self.accepted
        ]
        return {view.state for view in found if view is not None}

    def turn(self, accepted: Accepted, since: float = 0.0) -> float:
        """Return the seconds that a panic waited for its turn, on the wire or in the CAD's penalty apart.

        Args:
            accepted: the panic.
            since: when the CAD was well again; what was waited before does not count.
        """
        own = [trip for trip in self.line.trips if accepted.panic.ids[0] in trip.units]
        ready_at = max([accepted.at, since, *(trip.ended_at for trip in own if trip.left_at < since)])
        if any(trip.left_at < since <= trip.ended_at < since + ROUND_TRIP for trip in own):
            return 0.0  # it was under way when the CAD got well, and arrived
        return min((trip.left_at for trip in own if trip.left_at >= ready_at), default=NEVER) - ready_at


async def _cancel(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


def with_world(
    folder: Path, story: Callable[[World], Awaitable[None]], *, servers: int = 2, **config: Any
) -> World:
    """Run a story and return the world after it."""

    async def main(clock: VirtualClock) -> World:
        async with _world(clock, folder, servers, config) as world:
            await story(world)
        return world

    return run_virtual(main)


@asynccontextmanager
async def _world(
    clock: VirtualClock, folder: Path, servers: int, config: Mapping[str, Any]
) -> AsyncGenerator[World]:
    entries = tuple(
        ServerConfig(id=number, name=f"s{number}", token=Secret(f"made-up-token-of-server-{number:03}"))
        for number in range(1, servers + 1)
    )
    world = World(clock, folder, servers=entries, **config)
    world.cloud.cad.community.servers = tuple(range(1, servers + 1))
    await world.start()
    try:
        yield world
    finally:
        await world.close()


async def panic_now_and_then(world: World, seconds: float, mean: float) -> None:
    """Have panics begin and end on two servers for a while."""
    until = world.clock.monotonic() + seconds
    async with asyncio.TaskGroup() as group:
        while world.clock.monotonic() < until:
            group.create_task(world.panic(world.random.choice([1, 2]), active=world.random.random() < 0.6))
            await world.clock.sleep(world.random.expovariate(1 / mean))


async def move(world: World, seconds: float, *servers: int, units: int = 3) -> None:
    """Have units of some servers move every second."""
    for _ in range(int(seconds)):
        for server in servers:
            world.push(server, *(f"license:{server}-{number}" for number in range(units)))
        await world.clock.sleep(1.0)


# Panics


@pytest.mark.parametrize("seconds", [4.0, 35.0, 100.0])
@pytest.mark.parametrize("kind", list(FAULTS))
def test_right_after_an_outage_no_panic_waits_longer_than_its_turn(
    tmp_path: Path, kind: str, seconds: float
) -> None:
    mended_at = 0.0

    async def story(world: World) -> None:
        nonlocal mended_at
        async with asyncio.TaskGroup() as group:
            group.create_task(panic_now_and_then(world, 20.0 + seconds + 60.0, mean=8.0))
            await world.clock.sleep(20.0)
            world.trouble(kind)
            await world.clock.sleep(seconds)
            world.mend()
            mended_at = world.clock.monotonic()
        await world.clock.sleep(30.0)
        assert await world.states() == {EventState.DELIVERED}
        if kind == "refused":
            assert world.sample("cad_request_failures_total", operation="setUnitPanic", reason="connect") > 0
        elif kind == "hang":
            assert world.sample("cad_request_failures_total", operation="setUnitPanic", reason="timeout") > 0
        else:
            assert world.sample("cad_requests_total", operation="setUnitPanic", code=kind) > 0
        assert world.sample("cad_up") == 1

    with capture_logs() as logs:
        world = with_world(tmp_path, story)

    penalty = 7.0 if kind == "429" else 0.0
    turns = [world.turn(panic, mended_at) for panic in world.accepted if panic.at + seconds > mended_at - 1.0]
    assert max(turns) <= LONGEST_TURN + penalty + OUTSIDE
    assert world.over_the_limit() == {}
    lines = [line["event"] for line in logs]
    assert "delivery postponed" in lines
    if kind == "429":
        assert "CAD limits our rate" in lines
    elif seconds > 30.0:
        assert lines.index("CAD is down") < lines.index("CAD is back")
        assert lines.count("CAD is back") == 1


@pytest.mark.parametrize("seconds", [44.0, 46.0, 48.0])
def test_a_panic_does_not_wait_for_a_probe_that_hangs(tmp_path: Path, seconds: float) -> None:
    async def story(world: World) -> None:
        world.trouble("hang")
        await world.panic(1)
        await world.clock.sleep(seconds)
        assert world.sample("cad_up") == 0
        await world.panic(2)
        world.mend()
        await world.clock.sleep(30.0)
        assert await world.states() == {EventState.DELIVERED}
        assert world.sample("cad_request_failures_total", operation="setUnitPanic", reason="timeout") >= 3

    world = with_world(tmp_path, story)

    # Only the pause after the probe before counts, which is never longer.
    assert world.turn(world.accepted[1]) <= LONGEST_URGENT_DELAY + OUTSIDE


@pytest.mark.parametrize("kind", ["503", "429"])
def test_during_an_outage_of_panics_alone_they_are_tried_at_an_even_pace(tmp_path: Path, kind: str) -> None:
    async def story(world: World) -> None:
        fault = FAULTS[kind]
        assert fault is not None
        world.cloud.faults.add(msgspec.structs.replace(fault, operation="setUnitPanic"))
        async with asyncio.TaskGroup() as group:
            group.create_task(move(world, 60.0, 1))
            for server in (1, 2):
                for active in (True, False):
                    await world.panic(server, active=active)
        world.mend()
        await world.clock.sleep(20.0)
        assert await world.states() == {EventState.DELIVERED}

    world = with_world(tmp_path, story)

    mended_at = world.accepted[0].at + 60.0
    tried = [trip.left_at for trip in world.line.trips if trip.left_at < mended_at]
    assert len(tried) >= 9
    assert min(after - before for before, after in pairwise(tried[4:])) >= LONGEST_TURN - 0.001
    turns = sorted(world.turn(panic, mended_at) for panic in world.accepted)
    assert turns[-1] <= LONGEST_TURN + (7.0 if kind == "429" else 0.0) + OUTSIDE
    assert turns[-1] - turns[0] <= 2 * ROUND_TRIP  # the first success lets all of them go


def test_a_forbidden_panic_fails_and_the_next_one_still_has_its_turn(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.cloud.faults.add(Answer(operation="setUnitPanic", status=403, times=1))
        refused = await world.panic()
        await world.clock.sleep(1.0)
        await world.panic()
        await world.clock.sleep(10.0)
        view = await world.daemon.parts.outbox.find(refused.server, refused.id)
        assert view is not None
        assert view.state is EventState.FAILED
        assert "forbidden" in (view.error or "")
        assert "trace" in (view.error or "")
        assert world.sample("events_failed_total", server="s1", kind="panic", reason="forbidden") == 1

    with capture_logs() as logs:
        world = with_world(tmp_path, story)

    assert LONGEST_TURN - 2.0 <= world.turn(world.accepted[1]) <= LONGEST_TURN
    assert "CAD forbids an operation, it is slowed" in [line["event"] for line in logs]


def test_panics_do_not_wait_behind_another_servers_locations(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.cloud.faults.add(Delay(operation="updateUnitLocations", seconds=9.0))
        async with asyncio.TaskGroup() as group:
            group.create_task(move(world, 60.0, 1, 2))
            for _ in range(9):
                await world.panic(2)
                await world.clock.sleep(6.5)

    world = with_world(tmp_path, story)

    assert len(world.left("updateUnitLocations")) >= 5
    assert max(world.turn(panic) for panic in world.accepted) <= OUTSIDE


# What is remembered


def test_neither_kills_nor_restarts_give_a_slot_back(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        for _ in range(4):
            async with asyncio.TaskGroup() as group:
                group.create_task(move(world, 14.0, 1))
                for _ in range(28):
                    group.create_task(world.panic(world.random.choice([1, 2])))
                    await world.clock.sleep(0.5)
            await world.kill()
            await world.start()
        await world.clock.sleep(60.0)
        assert await world.states() == {EventState.DELIVERED}
        assert world.sample("cad_budget_remaining", operation="setUnitPanic") > 0

    world = with_world(tmp_path, story)

    tallies = world.cloud.cad.limiter.tallies()
    assert world.over_the_limit() == {}
    assert tallies["setUnitPanic"].peak >= 18  # the limit was really leant on
    batches = [at for at, _ in world.left("updateUnitLocations")]
    assert min(after - before for before, after in pairwise(batches)) >= 5.0


def test_a_penalty_outlives_a_kill(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.cloud.faults.add(Answer(operation="setUnitPanic", status=429, retry_after="40", times=1))
        await world.panic()
        await world.clock.sleep(10.0)
        await world.kill()
        await world.start()
        assert world.sample("cad_budget_remaining", operation="setUnitPanic") == 0
        await world.clock.sleep(40.0)
        assert await world.states() == {EventState.DELIVERED}

    with capture_logs() as logs:
        world = with_world(tmp_path, story)

    first, second = (trip.left_at for trip in world.line.trips)
    assert 40.0 <= second - first <= 40.0 + 1.0
    lines = [line for line in logs if line["event"] == "CAD still limits our rate"]
    assert [(line["operation"], line["seconds"]) for line in lines] == [
        ("setUnitPanic", pytest.approx(30, abs=1))
    ]


# The CAD's penalties


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "3"}, 3.0),
        ({"Retry-After": "soon"}, 5.0),
        ({"Retry-After": "-3"}, 5.0),
        ({"Retry-After": "86400"}, 300.0),
        ({"RateLimit-Reset": "9"}, 9.0),
        ({"X-RateLimit-Reset": "11"}, 11.0),
        ({}, 5.0),
    ],
)
def test_a_429_pauses_its_operation_alone_and_then_a_200_ends_it(
    tmp_path: Path, headers: dict[str, str], seconds: float
) -> None:
    async def story(world: World) -> None:
        world.cloud.faults.add(Answer(operation="setUnitPanic", status=429, headers=headers, times=1))
        async with asyncio.TaskGroup() as group:
            group.create_task(move(world, seconds + 5.0, 1))
            await world.panic()
        await world.panic()
        await world.clock.sleep(2.0)
        assert await world.states() == {EventState.DELIVERED}
        assert world.sample("cad_requests_total", operation="setUnitPanic", code="429") == 1
        assert world.sample("cad_requests_total", operation="setUnitPanic", code="200") == 2

    with capture_logs() as logs:
        world = with_world(tmp_path, story)

    refused, taken, next_one = world.line.trips
    assert 0.0 <= taken.left_at - refused.ended_at - seconds <= OUTSIDE
    assert next_one.left_at - world.accepted[1].at <= OUTSIDE
    line = next(line for line in logs if line["event"] == "CAD limits our rate")
    assert (line["operation"], line["seconds"]) == ("setUnitPanic", seconds)
    batches = [at for at, _ in world.left("updateUnitLocations")]
    assert max((after - before for before, after in pairwise(batches)), default=0.0) <= 5.1


# Several servers on one key


def test_twenty_servers_share_one_key_in_fair_turns(tmp_path: Path) -> None:
    servers = range(1, 21)

    async def story(world: World) -> None:
        world.daemon.parts.coalescer.set_panicking(UnitId("license:7-0"), active=True)
        await move(world, 300.0, *servers, units=1)
        assert min(world.by_server("heartbeats_total", servers).values()) >= 2
        for name in ("batch_failures_total", "heartbeat_failures_total"):
            for reason in ("budget", "rate_limited"):
                assert set(world.by_server(name, servers, reason=reason).values()) == {0}

    world = with_world(tmp_path, story, servers=20)

    batches = [int(request.path.split("/")[4]) for _, request in world.left("updateUnitLocations")]
    turns = {server: batches.count(server) for server in servers}
    assert turns.pop(7) >= 28  # whose panic lasts: every other one
    assert max(turns.values()) - min(turns.values()) <= 1
    assert min(turns.values()) >= 1
    left = [at for at, _ in world.left("updateUnitLocations")]
    assert max(after - before for before, after in pairwise(left)) <= 5.06
    assert world.over_the_limit() == {}
    assert world.cloud.cad.limiter.tallies()["heartbeat"].peak == 10  # all that the limit allows


def test_after_an_outage_every_server_soon_has_a_heartbeat_again(tmp_path: Path) -> None:
    servers = range(1, 9)
    mended_at = 0.0

    async def story(world: World) -> None:
        nonlocal mended_at
        async with asyncio.TaskGroup() as group:
            group.create_task(move(world, 400.0, *servers, units=1))
            await world.clock.sleep(100.0)
            world.trouble("503")
            await world.clock.sleep(200.0)
            world.mend()
            mended_at = world.clock.monotonic()
        failures = world.by_server("heartbeat_failures_total", servers, reason="status_503")
        assert min(failures.values()) >= 3

    with capture_logs() as logs:
        world = with_world(tmp_path, story, servers=8)

    beats = [(at - mended_at, request.path) for at, request in world.left("heartbeat")]
    first = {path: min(at for at, other in beats if other == path and at > 0) for _, path in beats}
    assert len(first) == 8
    assert max(first.values()) <= 60.0
    assert world.over_the_limit() == {}
    assert {line["server"] for line in logs if line["event"] == "heartbeat postponed"} == {
        f"s{server}" for server in servers
    }


@pytest.mark.parametrize("share", [0.5, 0.25])
def test_no_operation_takes_more_than_our_share(tmp_path: Path, share: float) -> None:
    async def story(world: World) -> None:
        for name, limit in DOCUMENTED_LIMITS.items():
            if name in world.cloud.cad.limiter.tallies():
                world.cloud.cad.limiter.change(name, max(1, int(limit * share)))
        async with asyncio.TaskGroup() as group:
            group.create_task(move(world, 240.0, 1, 2, 3, 4))
            group.create_task(panic_now_and_then(world, 240.0, mean=1.0))
        await world.clock.sleep(150.0)
        assert await world.states() == {EventState.DELIVERED}
        assert world.sample("cad_budget_remaining", operation="heartbeat") <= 10 * share

    cad = CadConfig(community_id="examplecad", api_key=Secret(SIMULATOR_KEY), share=share)
    world = with_world(tmp_path, story, servers=4, cad=cad)

    tallies = world.cloud.cad.limiter.tallies()
    assert world.over_the_limit(share) == {}
    assert tallies["setUnitPanic"].peak >= int(20 * share) - 1
    batches = [at for at, _ in world.left("updateUnitLocations")]
    assert min(after - before for before, after in pairwise(batches)) >= 60 / int(12 * share)
    assert len(batches) >= 240 / (60 / int(12 * share) + 0.5) - 1
    beats = [at for at, _ in world.left("heartbeat")]
    assert len(beats) >= 4 * int(10 * share) / 2


# The breaker and the key


def test_while_the_cad_is_down_attempts_slow_to_probes_and_the_first_success_makes_all_due(
    tmp_path: Path,
) -> None:
    mended_at = 0.0

    async def story(world: World) -> None:
        nonlocal mended_at
        world.trouble("refused")
        async with asyncio.TaskGroup() as group:
            group.create_task(move(world, 130.0, 1))
            for server in (1, 2):
                for active in (True, False):
                    await world.panic(server, active=active)
            await world.clock.sleep(60.0)
            assert world.sample("cad_up") == 0
            await world.clock.sleep(60.0)
            world.mend()
            mended_at = world.clock.monotonic()
        assert await world.states() == {EventState.DELIVERED}
        assert world.sample("cad_up") == 1
        assert world.sample("events_expired_total", server="s1", kind="panic") == 0

    world = with_world(tmp_path, story)

    tried = [trip.left_at for trip in world.line.trips if trip.left_at < mended_at]
    assert max(after - before for before, after in pairwise(tried)) <= 2.1
    assert max(world.turn(panic, mended_at) for panic in world.accepted) <= 2.1


def test_a_refused_key_holds_everything_until_it_works_again(tmp_path: Path) -> None:
    accepted_at = 0.0

    async def story(world: World) -> None:
        nonlocal accepted_at
        key = world.cloud.cad._authorization
        async with asyncio.TaskGroup() as group:
            group.create_task(move(world, 200.0, 1))
            await world.clock.sleep(10.0)
            world.cloud.cad._authorization = b"Bearer another-key"
            await world.panic()
            await world.clock.sleep(1.0)
            readiness = world.daemon.view.readiness()
            assert not readiness.ready
            assert any("key refused" in reason for reason in readiness.reasons)
            await world.clock.sleep(150.0)
            await world.panic()
            assert world.sample("cad_requests_total", operation="getVersion", code="401") >= 5
            world.cloud.cad._authorization = key
            accepted_at = world.clock.monotonic()
        await world.clock.sleep(40.0)
        assert world.daemon.view.readiness().ready
        assert await world.states() == {EventState.DELIVERED}

    with capture_logs() as logs:
        world = with_world(tmp_path, story)

    refused = [at for at, _ in world.left("getVersion") if world.accepted[0].at <= at < accepted_at]
    assert [round(after - before, 0) for before, after in pairwise(refused)] == [2, 5, 15, 60, 60]
    others = [
        request.operation.name
        for at, request in world.line.left
        if refused[0] + 1.0 < at < accepted_at and request.operation is not GET_VERSION
    ]
    assert others == []
    resumed = {
        operation.name: min(
            at for at, request in world.line.left if at > accepted_at and request.operation is operation
        )
        for operation in (SET_UNIT_PANIC, UPDATE_UNIT_LOCATIONS, HEARTBEAT, GET_VERSION)
    }
    assert resumed["setUnitPanic"] - resumed["getVersion"] <= 2 * ROUND_TRIP
    assert resumed["updateUnitLocations"] - resumed["getVersion"] <= 5.1 + ROUND_TRIP
    assert resumed["heartbeat"] - resumed["getVersion"] <= 3.0 + ROUND_TRIP
    lines = [line["event"] for line in logs]
    assert lines.count("API key refused, everything is held") == 1
    assert lines.count("API key accepted again") == 1
