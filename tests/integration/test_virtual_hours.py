"""Ten minutes of a busy community in virtual time: the daemon's real parts between two game servers and the CAD.

There is bad weather at the CAD, two orderly restarts and a kill. What the bridge promises of limits, pace, freshness
and delivery must hold throughout.
"""

import asyncio
from asyncio import TaskGroup
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from queue import Empty
from random import Random
from typing import Any

import msgspec
import pytest

from bridge.app.parts import Parts
from bridge.errors import StoreError
from bridge.events import EmergencyCall, Event, EventId, EventKind, EventState, Panic, Status, UnitStatus
from bridge.operations import SET_UNIT_PANIC, UPDATE_UNIT_LOCATIONS
from bridge.simulator.cloud import Cloud
from bridge.simulator.faults import Answer, Delay, Down, Drop, Fault, Half, Hang, RefuseKey
from bridge.sonoran.messages import CadRequest
from bridge.units import LocationReport, ServerId, UnitId
from tests.support.running_daemon import daemon_config
from tests.support.simulated_transport import SimulatedTransport
from tests.support.virtual_time import VirtualClock, run_virtual

SERVERS = (ServerId(1), ServerId(2))
UNITS = {server: [UnitId(f"license:{server}-{number:03}") for number in range(100)] for server in SERVERS}
EVERYBODY = [unit for server in SERVERS for unit in UNITS[server]]
MINUTES_10 = 600.0
STALE_AFTER = 60.0

# When, what goes wrong at the CAD, and for how long (0: until it has befallen as many requests as it says).
WEATHER: tuple[tuple[float, Fault, float], ...] = (
    (45.0, Answer(operation="setUnitPanic", status=429, retry_after="7", times=2), 0.0),
    (70.0, Answer(status=429, times=3), 0.0),
    (100.0, Down(), 15.0),
    (150.0, Hang(operation="updateUnitLocations", acts=True, times=1), 0.0),
    (152.0, Hang(operation="setUnitPanic", times=1), 0.0),
    (180.0, Drop(operation="create911Call", acts=True, times=2), 0.0),
    (181.0, Half(operation="setUnitStatus", times=2), 0.0),
    (220.0, Answer(status=503), 20.0),
    (300.0, Answer(status=500, times=1), 0.0),
    (360.0, Drop(times=2), 0.0),
    (400.0, Delay(operation="updateUnitLocations", seconds=8.0, times=3), 0.0),
    (430.0, RefuseKey(), 12.0),
    (480.0, Down(), 30.0),
    (520.0, Answer(status=429, headers={"X-RateLimit-Reset": "4"}, times=2), 0.0),
)


class World:
    """Two game servers: where their units are, what they said, and what the bridge accepted."""

    def __init__(self, clock: VirtualClock, seed: int) -> None:
        self.clock = clock
        self.random = Random(seed)
        self.places = {unit: (number * 10.0, 0.0) for number, unit in enumerate(EVERYBODY)}
        self.pushed: dict[str, tuple[float, float, float]] = {}  # x, y and when
        self.accepted: list[tuple[ServerId, EventId]] = []
        self.down = False

    async def drive(self, life: "Life") -> None:
        """Push everybody once a second; nine in ten move."""
        while True:
            for server in SERVERS:
                now = self.clock.monotonic()
                life.parts.coalescer.put(server, [self._step(unit, now) for unit in UNITS[server]], now)
                life.parts.fleet.pushed(server, now, 100)
            await self.clock.sleep(1.0)

    def _step(self, unit: UnitId, now: float) -> LocationReport:
        x, y = self.places[unit]
        if not self.down and not unit.endswith("0"):
            x, y = x + self.random.uniform(-15.0, 15.0), y + self.random.uniform(-15.0, 15.0)
            self.places[unit] = x, y
        self.pushed[unit] = x, y, now
        return LocationReport(unit_id=unit, x=x, y=y, z=30.0, heading=90.0, text="Alta St")

    async def live(self, life: "Life", group: TaskGroup) -> None:
        """Have things happen until the end, as they would to a busy community."""
        for at, server, event in self._script():
            if at >= life.since:
                await self.clock.sleep(at - life.world_time)
                group.create_task(self._tell(life, server, event))

    async def _tell(self, life: "Life", server: ServerId, event: Event) -> None:
        with suppress(StoreError):  # it was not accepted
            (event_id,) = await life.parts.outbox.append(server, [event])
            self.accepted.append((server, event_id))

    def _script(self) -> Iterator[tuple[float, ServerId, Event]]:
        random = Random(5)
        moments: list[tuple[float, ServerId, Event]] = []
        for at, active in ((20.0, True), (60.0, False), (329.6, True), (500.0, False)):
            moments += [(at, SERVERS[0], Panic(ids=(unit,), active=active)) for unit in UNITS[SERVERS[0]]]
        for burst in (120.0, 235.0, 545.0):  # five a second
            moments += [(burst + tick / 5, *self._panic(random)) for tick in range(100)]
        moments += [(random.uniform(0, MINUTES_10), *self._panic(random)) for _ in range(100)]
        for _ in range(600):
            server = random.choice(SERVERS)
            event = Status(ids=(random.choice(UNITS[server]),), status=random.choice(list(UnitStatus)))
            moments.append((random.uniform(0, MINUTES_10), server, event))
        for number in range(55):
            call = EmergencyCall(caller=f"caller {number}", location="Alta St", description="Shots")
            moments.append((random.uniform(0, MINUTES_10), random.choice(SERVERS), call))
        return iter(sorted(moments, key=lambda moment: moment[0]))

    def _panic(self, random: Random) -> tuple[ServerId, Event]:
        server = random.choice(SERVERS)
        return server, Panic(ids=(random.choice(UNITS[server]),), active=random.random() < 0.7)


class Life:
    """One run of the daemon's parts, from its start to its end."""

    def __init__(self, parts: Parts, clock: VirtualClock, began: float) -> None:
        self.parts = parts
        self.since = clock.monotonic() - began  # the world's time at the start
        self._clock = clock
        self._began = began
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._killed = False

    @property
    def world_time(self) -> float:
        return self._clock.monotonic() - self._began

    async def start(self) -> None:
        parts = self.parts
        self._clock.watch(lambda: parts.store.busy and not self._killed)
        await parts.store.__aenter__()
        await parts.outbox.load()
        await parts.budgets.load()
        parts.flusher.start()
        loops: dict[str, Coroutine[Any, Any, None]] = {
            "flusher": parts.flusher.run(),
            "relay": parts.relay.run(),
            "lookup": parts.lookup.run(),
            "keeper": parts.keeper.run(),
            "heartbeat": parts.heartbeat.run(),
        }
        self._tasks = {name: asyncio.get_running_loop().create_task(loop) for name, loop in loops.items()}

    async def end(self) -> None:
        """End as the daemon does on SIGTERM."""
        deadline = self._clock.monotonic() + self.parts.config.outbox.drain
        await self._cancel("heartbeat")
        self.parts.flusher.stop()
        await self._tasks.pop("flusher")
        await self.parts.flusher.flush()
        await self.parts.relay.drain(deadline)
        await self._cancel(*self._tasks)
        await self.parts.store.__aexit__()

    async def kill(self) -> None:
        """End as on SIGKILL: what waits for the disk is lost, what has left arrives."""
        store = self.parts.store
        store._closed = True
        with suppress(Empty):
            while True:
                store._jobs.get_nowait()
        self._killed = True
        await self._cancel(*self._tasks)
        await store.__aexit__()

    async def _cancel(self, *names: str) -> None:
        for name in names:
            self._tasks[name].cancel()
        for ended in await asyncio.gather(*(self._tasks[name] for name in names), return_exceptions=True):
            assert isinstance(ended, asyncio.CancelledError), repr(ended)


class History:
    """What was seen of ten minutes."""

    def __init__(self, cloud: Cloud, world: World, transport: SimulatedTransport) -> None:
        self.cloud = cloud
        self.world = world
        self.transport = transport
        self.states: Counter[tuple[EventKind, EventState]] = Counter()
        self.ages: list[float] = []
        self.wrong: list[str] = []

    def watch(self, request: CadRequest, now: float) -> None:
        """Compare a batch that leaves with where the units are."""
        for update in msgspec.json.decode(request.body or b"null")["updates"]:
            x, y, at = self.world.pushed[update["communityUserId"]]
            place = update["coordinates"]
            if (place["x"], place["y"]) != (round(x, 3), round(y, 3)):
                self.wrong.append(update["communityUserId"])
            self.ages.append(now - at)


class WatchedTransport(SimulatedTransport):
    """Tells the history of every batch as it leaves."""

    history: History

    async def exchange(self, request: CadRequest) -> Any:
        if request.operation is UPDATE_UNIT_LOCATIONS:
            self.history.watch(request, self._clock.monotonic())
        return await super().exchange(request)


async def ten_minutes(clock: VirtualClock, folder: Path, seed: int) -> History:
    cloud = Cloud(clock)
    transport = WatchedTransport(clock, cloud, seed=seed)
    world = World(clock, seed)
    history = transport.history = History(cloud, world, transport)
    began = clock.monotonic()
    weather = asyncio.get_running_loop().create_task(blow(clock, cloud))
    for end, killed in ((260.0, False), (329.65, True), (533.0, False), (None, False)):
        life = Life(Parts(daemon_config(folder), clock, transport), clock, began)
        await life.start()
        async with TaskGroup() as group:
            driving = group.create_task(world.drive(life))
            living = group.create_task(world.live(life, group))
            if end is None:
                await asyncio.wait([living])
                await clock.sleep(began + MINUTES_10 - clock.monotonic())
                world.down = True  # nobody moves any more
                await settle(clock, life, history)
            else:
                await clock.sleep(end - life.world_time)
            driving.cancel()
            living.cancel()
            await (life.kill() if killed else life.end())
    await weather
    await transport.close()
    return history


async def settle(clock: VirtualClock, life: Life, history: History) -> None:
    """Wait until nothing is pending and the last batches had their time; then look at everything."""
    await clock.sleep(25.0)
    for _ in range(300):
        if not life.parts.outbox.counts()[EventState.PENDING]:
            break
        await clock.sleep(1.0)
    for server, event_id in history.world.accepted:
        view = await life.parts.outbox.find(server, event_id)
        assert view is not None
        history.states[view.type, view.state] += 1


async def blow(clock: VirtualClock, cloud: Cloud) -> None:
    """Make and end the weather."""
    now = 0.0
    for at, fault, lasts in WEATHER:
        await clock.sleep(at - now)
        cloud.faults.add(fault)
        await clock.sleep(lasts)
        if lasts:
            cloud.clear_faults()
        now = at + lasts


@pytest.fixture(scope="module", params=[1])
def history(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> History:
    folder = tmp_path_factory.mktemp("virtual")
    return run_virtual(lambda clock: ten_minutes(clock, folder, request.param))


@pytest.mark.timeout(60)
def test_no_minute_at_the_cad_holds_more_than_the_documented_number_of_any_operation(
    history: History,
) -> None:
    tallies = history.cloud.cad.limiter.tallies()

    assert history.cloud.cad.limiter.violations == 0
    assert {
        operation: tally.peak for operation, tally in tallies.items() if tally.peak > (tally.limit or 0)
    } == {}
    assert tallies["updateUnitLocations"].arrivals > 80
    assert tallies["setUnitPanic"].peak >= 18  # the limits were really leant on
    assert tallies["setUnitStatus"].arrivals > 150
    assert tallies["heartbeat"].arrivals >= 16


def test_every_accepted_event_ends_well(history: History) -> None:
    assert len(history.world.accepted) > 1200
    assert {state for _, state in history.states} <= {EventState.DELIVERED, EventState.SUPERSEDED}
    assert history.states.total() == len(history.world.accepted)
    assert (EventKind.CALL_911, EventState.SUPERSEDED) not in history.states


def test_location_requests_are_never_closer_than_five_seconds(history: History) -> None:
    left = [at for at, request in history.transport.left if request.operation is UPDATE_UNIT_LOCATIONS]

    assert min(after - before for before, after in pairwise(left)) >= 5.0


def test_every_location_is_the_newest_one_when_it_leaves(history: History) -> None:
    assert history.wrong == []
    assert max(history.ages) <= 1.0  # as old as the last push


def test_servers_take_turns_and_keep_up(history: History) -> None:
    left = [
        (at, request.path)
        for at, request in history.transport.left
        if request.operation is UPDATE_UNIT_LOCATIONS
    ]
    calm = [(at - 1000.0, path) for at, path in left if 1002 < at < 1060]

    assert len(calm) >= 9
    assert all(path != after for (_, path), (_, after) in pairwise(calm))


def test_in_the_end_the_cad_knows_where_everybody_is(history: History) -> None:
    units = history.cloud.cad.community.units
    off: dict[str, float] = {}
    for unit, (x, y, _) in history.world.pushed.items():
        place = units[unit].coordinates
        assert place is not None
        off[unit] = ((place.x - x) ** 2 + (place.y - y) ** 2) ** 0.5

    assert len(off) == 200
    assert max(off.values()) <= 2.0


def test_a_hundred_panics_at_once_reach_the_cad_within_the_minute_in_few_requests(history: History) -> None:
    left = [
        (at - 1000.0, len(msgspec.json.decode(request.body or b"")["communityUserIds"]))
        for at, request in history.transport.left
        if request.operation is SET_UNIT_PANIC
    ]
    burst = [units for at, units in left if 20.0 <= at < 30.0]

    assert sum(burst) >= 100
    assert len(burst) <= 20


def test_every_call_reached_the_cad(history: History) -> None:
    callers = Counter(call.content.caller for call in history.cloud.cad.community.calls(history.cloud.now()))
    delivered = history.states[EventKind.CALL_911, EventState.DELIVERED]

    assert delivered > 45
    assert len(callers) >= delivered
