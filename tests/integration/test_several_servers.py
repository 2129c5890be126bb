"""Several game servers on one key, and several bridges: who waits how long, in virtual time before a simulated CAD."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from itertools import pairwise
from pathlib import Path
from random import Random

import msgspec
from msgspec import Struct
from structlog.testing import capture_logs

from bridge.app import Daemon
from bridge.config import CadConfig, Config, Secret, ServerConfig
from bridge.events import EventId, EventState, Panic
from bridge.operations import DOCUMENTED_LIMITS
from bridge.simulator.cad import SIMULATOR_KEY
from bridge.simulator.cloud import Cloud
from bridge.units import LocationReport, ServerId, UnitId
from tests.support.measured import measured
from tests.support.running_daemon import daemon_config, make_daemon, samples
from tests.support.simulated_transport import SimulatedTransport
from tests.support.virtual_time import VirtualClock, run_virtual

MINUTES_10 = 600.0  # seconds
PUSH_EVERY = 5.0  # seconds: no slower than a batch leaves
PACE = 5.05  # seconds between batches of one key
PLAYERS = {1: 1_000, 2: 10, 3: 10, 4: 10, 5: 10}
MOST_IN_A_BATCH = 500
ROUNDING = 1e-6  # seconds
SLACK = 0.3  # seconds: latency of the line, pushes between two batches


class Bridge(Struct, kw_only=True, eq=False):
    """One daemon and the line to the CAD that it has for itself."""

    daemon: Daemon
    line: SimulatedTransport
    servers: Sequence[int]
    panics: list[tuple[ServerId, EventId]] = msgspec.field(default_factory=list[tuple[ServerId, EventId]])

    def push(self, server: int, number: int, random: Random, now: float) -> None:
        """Have some units of a server move."""
        reports = [
            LocationReport(
                unit_id=UnitId(f"license:{server}-{unit}"),
                x=random.uniform(0, 4000), y=20.0, z=30.0, heading=0.0, text="Alta St",
            )
            for unit in range(number)
        ]  # fmt: skip
        self.daemon.parts.coalescer.put(ServerId(server), reports, now)
        self.daemon.parts.fleet.pushed(ServerId(server), now, number)

    async def panic(self, unit: str) -> None:
        server = ServerId(self.servers[0])
        [event_id] = await self.daemon.parts.outbox.append(server, [Panic(ids=(UnitId(unit),), active=True)])
        self.panics.append((server, event_id))

    async def states(self) -> set[EventState]:
        """Return how its panics ended."""
        views = [await self.daemon.parts.outbox.find(server, event_id) for server, event_id in self.panics]
        return {view.state for view in views if view is not None}

    def left(self, operation: str) -> list[float]:
        return [at for at, request in self.line.left if request.operation.name == operation]


class Turns(Struct, frozen=True, kw_only=True):
    """What one server got: its batches, and the longest that it and any of its units waited, in seconds."""

    batches: int
    longest: float
    longest_of_a_unit: float


async def _cancel(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@asynccontextmanager
async def bridges(
    clock: VirtualClock, folder: Path, cloud: Cloud, fleets: Sequence[Sequence[int]], share: float
) -> AsyncGenerator[list[Bridge]]:
    """Run a daemon for each fleet."""
    async with AsyncExitStack() as stack:
        running: list[Bridge] = []
        for number, servers in enumerate(fleets):
            line = SimulatedTransport(clock, cloud, seed=number)
            stack.push_async_callback(line.close)
            place = folder / f"bridge-{number}"
            place.mkdir()
            daemon = await stack.enter_async_context(make_daemon(_config(place, servers, share), clock, line))
            task = asyncio.get_running_loop().create_task(daemon.run(asyncio.Event()))
            stack.push_async_callback(_cancel, task)
            running.append(Bridge(daemon=daemon, line=line, servers=servers))
        yield running


def _config(folder: Path, servers: Sequence[int], share: float) -> Config:
    return daemon_config(
        folder,
        cad=CadConfig(community_id="examplecad", api_key=Secret(SIMULATOR_KEY), share=share),
        servers=tuple(
            ServerConfig(id=number, name=f"s{number}", token=Secret(f"made-up-token-of-server-{number:03}"))
            for number in servers
        ),
    )


def run(
    folder: Path,
    story: Callable[[VirtualClock, list[Bridge]], Awaitable[None]],
    *,
    fleets: Sequence[Sequence[int]] = ((1, 2, 3, 4, 5),),
    share: float = 1.0,
) -> tuple[Cloud, list[Bridge]]:
    """Run a story with a daemon for each fleet on one key; return the CAD and the daemons after it."""

    async def main(clock: VirtualClock) -> tuple[Cloud, list[Bridge]]:
        cloud = Cloud(clock)
        cloud.cad.community.servers = tuple(server for servers in fleets for server in servers)
        async with bridges(clock, folder, cloud, fleets, share) as running:
            await story(clock, running)
        return cloud, running

    with capture_logs():  # so that what a test prints can be read
        return run_virtual(main)


def within_the_limits(cloud: Cloud) -> dict[str, int]:
    """Return the most of each operation that the CAD, which enforces its limits, saw in any 60 s."""
    assert cloud.cad.limiter.violations == 0
    peaks = {name: tally.peak for name, tally in cloud.cad.limiter.tallies().items() if tally.arrivals}
    assert all(peak <= DOCUMENTED_LIMITS[name] for name, peak in peaks.items() if name in DOCUMENTED_LIMITS)
    return peaks


# Five servers on one key


async def play(clock: VirtualClock, bridge: Bridge, players: Mapping[int, int]) -> None:
    """Have everybody move for 10 minutes."""
    random = Random(1)
    for _ in range(int(MINUTES_10 / PUSH_EVERY)):
        for server, number in players.items():
            bridge.push(server, number, random, clock.monotonic())
        await clock.sleep(PUSH_EVERY)


def turns_of(bridge: Bridge, began: float) -> dict[int, Turns]:
    """Return what each server got, from the requests as they left."""
    sent: dict[int, list[float]] = {server: [] for server in bridge.servers}
    units: dict[str, list[float]] = {}
    for at, request in bridge.line.left:
        if request.operation.name != "updateUnitLocations":
            continue
        server = int(request.path.split("/")[4])
        sent[server].append(at)
        for update in msgspec.json.decode(request.body or b"")["updates"]:
            units.setdefault(update["communityUserId"], []).append(at)
    return {
        server: Turns(
            batches=len(times),
            longest=_longest([began, *times]),
            longest_of_a_unit=max(
                (
                    _longest([began, *at])
                    for unit, at in units.items()
                    if unit.startswith(f"license:{server}-")
                ),
                default=0.0,
            ),
        )
        for server, times in sent.items()
    }


def _longest(times: Sequence[float]) -> float:
    return max((after - before for before, after in pairwise(times)), default=0.0)


def measure(folder: Path, title: str, players: Mapping[int, int], panicking: str = "") -> dict[int, Turns]:
    """Let five servers play for 10 minutes on one key; print and return what each got."""
    began = 0.0

    async def story(clock: VirtualClock, running: list[Bridge]) -> None:
        nonlocal began
        began = clock.monotonic()
        [bridge] = running
        if panicking:
            bridge.daemon.parts.coalescer.set_panicking(UnitId(panicking), active=True)
        await play(clock, bridge, players)
        rendered = samples(bridge.daemon.view.render_metrics())
        for server in bridge.servers:
            label = (("server", f"s{server}"),)
            assert (rendered["batches_total", label] > 0) is (server in players)
            assert rendered["locations_dropped_total", (("reason", "stale"), *label)] == 0
            assert rendered["heartbeats_total", label] >= (9 if server in players else 0)

    cloud, [bridge] = run(folder, story)
    within_the_limits(cloud)
    turns = turns_of(bridge, began)
    measured(
        "\n".join([title, *(_line(server, players.get(server, 0), got) for server, got in turns.items())])
    )
    return turns


def _line(server: int, players: int, got: Turns) -> str:
    return (
        f"  server {server}, {players:5} players: {got.batches:3} batches in 10 min, "
        f"longest wait {got.longest:5.1f} s, of a unit {got.longest_of_a_unit:5.1f} s"
    )


def test_five_busy_servers_get_the_same_number_of_turns(tmp_path: Path) -> None:
    turns = measure(tmp_path, "five busy servers", PLAYERS)

    assert sum(got.batches for got in turns.values()) >= MINUTES_10 / PACE - 2  # no slot is left unused
    for got in turns.values():
        assert 22 <= got.batches <= 24
        assert got.longest <= 5 * PACE + SLACK
    for server in (2, 3, 4, 5):  # a large neighbour costs them nothing
        assert turns[server].longest_of_a_unit <= 5 * PACE + SLACK
    batches = -(-PLAYERS[1] // MOST_IN_A_BATCH)
    assert turns[1].longest_of_a_unit <= batches * 5 * PACE + SLACK


def test_the_turns_of_a_silent_server_go_to_the_others(tmp_path: Path) -> None:
    players = {server: number for server, number in PLAYERS.items() if server != 4}

    turns = measure(tmp_path, "one of five silent", players)

    assert turns.pop(4) == Turns(batches=0, longest=0.0, longest_of_a_unit=0.0)
    for got in turns.values():
        assert 28 <= got.batches <= 30
        assert got.longest <= 4 * PACE + SLACK


def test_a_panic_takes_every_other_turn_and_starves_nobody(tmp_path: Path) -> None:
    turns = measure(tmp_path, "a panic on server 3 that lasts", PLAYERS, panicking="license:3-0")

    panicking = turns.pop(3)
    assert panicking.batches >= 58
    assert panicking.longest <= 2 * PACE + SLACK
    for got in turns.values():
        assert 13 <= got.batches <= 15
        assert got.longest <= 8 * PACE + SLACK


# Two bridges on one key


async def load(clock: VirtualClock, bridge: Bridge, seed: int) -> None:
    """Have two servers move and panics begin for five minutes, far more than the limits allow."""
    random = Random(seed)
    await clock.sleep(0.37 * seed)  # two computers do nothing at the very same instant
    for second in range(300):
        for server in bridge.servers:
            bridge.push(server, 5, random, clock.monotonic())
        if second < 200 and random.random() < 0.5:
            await bridge.panic(f"license:p{seed}-{second}")
        await clock.sleep(1.0)


def test_two_bridges_with_half_a_share_each_stay_within_the_limits_together(tmp_path: Path) -> None:
    async def story(clock: VirtualClock, running: list[Bridge]) -> None:
        async with asyncio.TaskGroup() as group:
            for seed, bridge in enumerate(running):
                group.create_task(load(clock, bridge, seed))
        await clock.sleep(60.0)
        for bridge in running:
            assert await bridge.states() == {EventState.DELIVERED}
            rendered = samples(bridge.daemon.view.render_metrics())
            assert not any(
                value for (name, labels), value in rendered.items()
                if name == "cad_requests_total" and ("code", "429") in labels
            )  # fmt: skip

    cloud, running = run(tmp_path, story, fleets=((1, 2), (3, 4)), share=0.5)

    peaks = within_the_limits(cloud)
    assert peaks["updateUnitLocations"] >= 11  # both lean on it
    assert peaks["setUnitPanic"] >= 18
    for bridge in running:
        batches = bridge.left("updateUnitLocations")
        assert min(after - before for before, after in pairwise(batches)) >= 10.05 - ROUNDING
        assert _longest(batches) <= 10.05 + SLACK
        assert len(batches) >= 300 / 10.05 - 1


def test_two_bridges_that_each_take_everything_pass_the_limits(tmp_path: Path) -> None:
    """What the share is for: without it the CAD refuses."""

    async def story(clock: VirtualClock, running: list[Bridge]) -> None:
        async with asyncio.TaskGroup() as group:
            for seed, bridge in enumerate(running):
                group.create_task(load(clock, bridge, seed))

    cloud, _ = run(tmp_path, story, fleets=((1, 2), (3, 4)))

    assert cloud.cad.limiter.violations > 0
