"""Ten minutes of a community that is still on Sonoran CAD v1, in virtual time, with bad weather at the CAD.

Nothing above the client knows which of Sonoran's interfaces is spoken, so what the bridge promises must hold here
too: of the limit, which all requests share, of the pace of locations, and of what becomes of each event.
"""

import asyncio
from asyncio import TaskGroup
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any, Self

import msgspec
import pytest
from structlog.testing import capture_logs

from bridge.app.parts import Parts
from bridge.config import CadConfig, Secret
from bridge.errors import BudgetError, CadError
from bridge.events import (
    DispatchAttachment,
    DispatchCall,
    DispatchClosing,
    DispatchDetachment,
    DispatchNote,
    EmergencyCall,
    EmergencyCallRemoval,
    Event,
    EventId,
    EventState,
    Kick,
    Panic,
    Photo,
    Status,
    UnitStatus,
)
from bridge.fit import Severity
from bridge.operations import GET_CALLS, OPERATIONS, UPDATE_UNIT_LOCATIONS
from bridge.outbox import EventView
from bridge.simulator.cad import SIMULATOR_KEY
from bridge.simulator.cloud import Cloud
from bridge.simulator.community import Plan
from bridge.simulator.faults import Answer, Delay, Down, Drop, Fault, Hang, RefuseKey, RefuseUnits
from bridge.sonoran.breaker import KeyState
from bridge.sonoran.messages import CadRequest
from bridge.units import LocationReport, ServerId, UnitId
from tests.support.running_daemon import daemon_config
from tests.support.simulated_transport import SimulatedTransport
from tests.support.virtual_time import VirtualClock, run_virtual

SERVERS = (ServerId(1), ServerId(2))
UNITS = {server: [UnitId(f"license:{server}-{number:03}") for number in range(40)] for server in SERVERS}
UNIT = UNITS[SERVERS[0]][0]
MINUTES_10 = 600.0
POOL = "V1"

# When, what goes wrong at the CAD, and for how long (0: until it has befallen as many requests as it says).
WEATHER: tuple[tuple[float, Fault, float], ...] = (
    (45.0, Answer(operation="V1:UNIT_PANIC", status=429, retry_after="7", times=2), 0.0),
    (100.0, Down(), 15.0),
    (150.0, Hang(operation="V1:UNIT_LOCATION", acts=True, times=1), 0.0),
    (180.0, Drop(operation="V1:CALL_911", acts=True, times=2), 0.0),
    (220.0, Answer(status=503), 20.0),
    (300.0, Delay(operation="V1:UNIT_LOCATION", seconds=4.8, times=3), 0.0),
    (360.0, Drop(operation="V1:CALL_911", times=2), 0.0),
    (430.0, RefuseKey(), 12.0),
    (480.0, Down(), 30.0),
)


class Life:
    """The daemon's real parts on v1, and the CAD at the other end; an async context manager."""

    def __init__(self, clock: VirtualClock, folder: Path, seed: int = 1) -> None:
        self.clock = clock
        self.cloud = Cloud(clock)
        self.cloud.cad.community.api = "v1"
        self.transport = SimulatedTransport(clock, self.cloud, seed=seed)
        cad = CadConfig(api="v1", community_id="examplecad", api_key=Secret(SIMULATOR_KEY))
        self.parts = Parts(daemon_config(folder, cad=cad), clock, self.transport)
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        parts = self.parts
        self.clock.watch(lambda: parts.store.busy)
        await parts.store.__aenter__()
        await parts.outbox.load()
        await parts.budgets.load()
        await parts.forward.__aenter__()
        parts.flusher.start()
        loops: tuple[Coroutine[Any, Any, None], ...] = (
            parts.flusher.run(), parts.relay.run(), parts.lookup.run(), parts.keeper.run(), parts.heartbeat.run(),
            parts.survey.run(),
        )  # fmt: skip
        self._tasks = [asyncio.get_running_loop().create_task(loop) for loop in loops]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        for end in await asyncio.gather(*self._tasks, return_exceptions=True):
            assert isinstance(end, asyncio.CancelledError), repr(end)
        await self.parts.forward.__aexit__()
        await self.parts.store.__aexit__()
        await self.transport.close()

    def put(self, server: ServerId, x: float) -> None:
        """Report every unit of a server at one place."""
        now = self.clock.monotonic()
        reports = [LocationReport(unit_id=unit, x=x, y=float(row)) for row, unit in enumerate(UNITS[server])]
        self.parts.coalescer.put(server, reports, now)
        self.parts.fleet.pushed(server, now, len(reports))

    async def append(self, event: Event, server: ServerId = SERVERS[0]) -> EventId:
        (event_id,) = await self.parts.outbox.append(server, [event])
        return event_id

    async def end_of(self, event_id: EventId, within: float = 60.0) -> EventView:
        """Return an event once it has ended."""
        deadline = self.clock.monotonic() + within
        while True:
            view = await self.parts.outbox.find(SERVERS[0], event_id)
            assert view is not None
            if view.state is not EventState.PENDING:
                return view
            assert self.clock.monotonic() < deadline, f"still pending: {view}"
            await self.clock.sleep(0.05)

    async def tell(self, event: Event, within: float = 60.0) -> EventView:
        return await self.end_of(await self.append(event), within)

    def bodies(self, type_name: str) -> list[Any]:
        """Return what was sent of a type, as it left the bridge."""
        found = [msgspec.json.decode(request.body or b"{}") for _, request in self.transport.left]
        return [body for body in found if body["type"] == type_name]

    def sample(self, name: str, **labels: str) -> float | None:
        return self.parts.metrics.registry.get_sample_value(f"cad_bridge_{name}", labels)

    @property
    def callers(self) -> Counter[str]:
        calls = self.cloud.cad.community.calls(self.cloud.now())
        return Counter(call.content.caller for call in calls if hasattr(call.content, "caller"))


def live(folder: Path, case: Callable[[Life], Awaitable[None]]) -> None:
    async def main(clock: VirtualClock) -> None:
        async with Life(clock, folder) as life:
            await life.clock.sleep(1.0)
            await case(life)

    run_virtual(main)


# Ten minutes


class History:
    """What was seen of ten minutes."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.accepted: list[tuple[ServerId, EventId]] = []
        self.states: Counter[EventState] = Counter()
        self.errors: list[str | None] = []
        self.limited = 0


async def ten_minutes(clock: VirtualClock, folder: Path) -> History:
    async with Life(clock, folder) as life:
        history = History(life)
        async with TaskGroup() as group:
            group.create_task(_blow(life))
            group.create_task(_drive(life))
            group.create_task(_happen(life, history, group))
            group.create_task(_forward(life, history))
        await clock.sleep(120.0)
        for server, event_id in history.accepted:
            view = await life.parts.outbox.find(server, event_id)
            assert view is not None
            history.states[view.state] += 1
            if view.state is not EventState.DELIVERED:
                history.errors.append(view.error)
    return history


async def _blow(life: Life) -> None:
    now = 0.0
    for at, fault, lasts in WEATHER:
        await life.clock.sleep(at - now)
        life.cloud.faults.add(fault)
        await life.clock.sleep(lasts)
        if lasts:
            life.cloud.clear_faults()
        now = at + lasts


async def _drive(life: Life) -> None:
    for second in range(int(MINUTES_10)):
        for server in SERVERS:
            life.put(server, second * 5.0)
        await life.clock.sleep(1.0)


async def _happen(life: Life, history: History, group: TaskGroup) -> None:
    random = Random(5)
    events: list[tuple[float, ServerId, Event]] = []
    for at, active in ((20.0, True), (60.0, False), (329.6, True)):
        events += [(at, SERVERS[0], Panic(ids=(unit,), active=active)) for unit in UNITS[SERVERS[0]]]
    for tick in range(100):  # five a second
        server = random.choice(SERVERS)
        one = Panic(ids=(random.choice(UNITS[server]),), active=random.random() < 0.7)
        events.append((120.0 + tick / 5, server, one))
    for _ in range(150):
        server = random.choice(SERVERS)
        unit = random.choice(UNITS[server])
        one = Status(ids=(unit,), status=random.choice(list(UnitStatus)[:5]))
        events.append((random.uniform(0, MINUTES_10), server, one))
    for number in range(40):
        call = EmergencyCall(caller=f"caller {number}", location="Alta St", description="Shots")
        events.append((random.uniform(0, MINUTES_10), random.choice(SERVERS), call))
    for at in (179.9, 180.2, 359.9, 360.2):  # into the worst of it
        events.append((at, SERVERS[0], EmergencyCall(caller=f"at {at}", location="x", description="y")))
    now = 0.0
    for at, server, event in sorted(events, key=lambda row: row[0]):
        await life.clock.sleep(at - now)
        now = at
        group.create_task(_tell(life, history, server, event))


async def _tell(life: Life, history: History, server: ServerId, event: Event) -> None:
    history.accepted.append((server, await life.append(event, server)))


async def _forward(life: Life, history: History) -> None:
    """Look things up all the time, as a busy resource does."""
    operation = OPERATIONS["lookupNameOrPlate"]
    for number in range(int(MINUTES_10 / 2)):
        body = msgspec.json.encode({"plate": f"{number}", "first": "", "last": "", "mi": "", "types": [7]})
        try:
            await life.parts.forward.ask(CadRequest(operation=operation, path=operation.path, body=body), 1.0)
        except CadError as error:  # of the weather, or because no slot is free
            history.limited += isinstance(error, BudgetError)
        await life.clock.sleep(2.0)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    folder = tmp_path_factory.mktemp("v1")
    return run_virtual(lambda clock: ten_minutes(clock, folder))


@pytest.mark.timeout(60)
def test_no_minute_at_the_cad_holds_more_than_sixty_requests(history: History) -> None:
    tallies = history.life.cloud.cad.limiter.tallies()

    assert history.life.cloud.cad.limiter.violations == 0
    assert 35 <= tallies[POOL].peak <= 60
    assert tallies["V1:UNIT_LOCATION"].peak <= 12
    assert tallies["V1:UNIT_LOCATION"].arrivals > 80
    assert 15 <= tallies["V1:UNIT_PANIC"].peak <= 20
    assert tallies["V1:LOOKUP"].peak <= 14
    assert tallies["V1:HEARTBEAT"].arrivals >= 14
    assert history.limited > 0


def test_locations_are_never_closer_than_five_seconds_as_the_cad_sees_them(history: History) -> None:
    at = [
        moment
        for moment, request in history.life.transport.left
        if request.operation is UPDATE_UNIT_LOCATIONS
    ]

    assert min(after - before for before, after in pairwise(at)) >= 5.0
    assert history.life.cloud.cad.limiter.tallies()["V1:UNIT_LOCATION"].violations == 0


def test_every_accepted_event_ends_well(history: History) -> None:
    assert len(history.accepted) > 300
    assert set(history.states) <= {EventState.DELIVERED, EventState.SUPERSEDED}, history.errors
    assert history.states.total() == len(history.accepted)


def test_every_call_is_at_the_cad_once(history: History) -> None:
    assert len(history.life.callers) == 44
    assert set(history.life.callers.values()) == {1}


def test_in_the_end_the_cad_knows_where_everybody_is(history: History) -> None:
    units = history.life.cloud.cad.community.units
    for row, unit in enumerate(UNITS[SERVERS[0]]):
        place = units[unit].coordinates
        assert place is not None
        assert (place.x, place.y) == ((MINUTES_10 - 1) * 5.0, float(row))


def test_nothing_of_v2_was_asked(history: History) -> None:
    assert all(request.keyed for _, request in history.life.transport.left)
    assert not any(
        SIMULATOR_KEY.encode() in (request.body or b"") for _, request in history.life.transport.left
    )
    tallies = history.life.cloud.cad.limiter.tallies()
    assert all(not tally.arrivals for name, tally in tallies.items() if not name.startswith("V1"))


# One thing at a time


def test_a_batch_is_one_request_as_sonorans_page_shows_it(tmp_path: Path) -> None:
    async def case(life: Life) -> None:
        life.put(SERVERS[0], 7.5)
        await life.clock.sleep(6.0)

        (body,) = life.bodies("UNIT_LOCATION")
        assert body == {
            "id": "examplecad",
            "type": "UNIT_LOCATION",
            "data": [
                {"apiId": unit, "location": f"8, {row}", "coordinates": {"x": 7.5, "y": float(row)}}
                for row, unit in enumerate(UNITS[SERVERS[0]])
            ],
        }
        assert life.sample("locations_sent_total", server="main") == 40.0
        assert life.sample("locations_unmatched_total", server="main") == 0.0

    live(tmp_path, case)


def test_a_panic_is_delivered_to_an_unknown_number(tmp_path: Path) -> None:
    async def case(life: Life) -> None:
        view = await life.tell(Panic(ids=(UNIT,)), within=1.0)

        assert view.state is EventState.DELIVERED
        assert view.result is not None
        assert view.result.updated is None
        assert life.cloud.cad.community.units[UNIT].is_panic
        assert life.sample("events_unmatched_total", server="main", kind="panic") == 0.0

    live(tmp_path, case)


def test_all_that_is_about_a_dispatch_call_arrives(tmp_path: Path) -> None:
    async def case(life: Life) -> None:
        life.put(SERVERS[0], 1.0)
        created = await life.tell(DispatchCall(title="Robbery", description="Shots", ids=(UNIT,)))
        assert created.result is not None
        call = created.result.call_id
        assert call is not None
        about: list[Event] = [
            DispatchNote(call=call, note="Caller hides", label="A-10"),
            DispatchDetachment(ids=(UNIT,)),
            DispatchAttachment(call=call, ids=(UNIT,)),
            DispatchClosing(calls=(call,)),
            Kick(id=UNIT, reason="Restart"),
            Photo(id=UNIT, url="https://pictures.example/1.png"),
            Status(ids=(UNIT,), status=UnitStatus.BUSY),
        ]
        for event in about:
            assert (await life.tell(event)).state is EventState.DELIVERED, event
        (status,) = life.bodies("UNIT_STATUS")
        assert status["data"] == [{"apiId": UNIT, "status": 1, "serverId": 1}]
        assert life.cloud.cad.community.kicks
        assert life.cloud.cad.community.photos

    live(tmp_path, case)


def test_a_call_event_is_removed_by_its_events_id(tmp_path: Path) -> None:
    async def case(life: Life) -> None:
        call = await life.append(EmergencyCall(caller="Jane", location="x", description="y"))
        removed = await life.append(EmergencyCallRemoval(call=call))
        assert (await life.end_of(call)).state is EventState.DELIVERED
        assert (await life.end_of(removed)).state is EventState.DELIVERED

        assert life.callers == {}

    live(tmp_path, case)


@pytest.mark.parametrize("acts", [True, False])
def test_a_911_call_whose_end_is_unclear_is_made_once(tmp_path: Path, *, acts: bool) -> None:
    async def case(life: Life) -> None:
        life.cloud.faults.add(Drop(operation="V1:CALL_911", acts=acts, times=1))
        with capture_logs() as logs:
            view = await life.tell(EmergencyCall(caller="Jane", location="x", description="y"))

        assert (view.state, life.callers) == (EventState.DELIVERED, {"Jane": 1})
        assert view.result is not None
        assert not view.result.unverified
        assert len(life.bodies("CALL_911")) == (1 if acts else 2)
        told = "call found, it is not sent again" if acts else "call not found, it is sent again"
        assert [line["event"] for line in logs if line["event"].startswith("call ")] == [
            "call in doubt",
            told,
        ]

    live(tmp_path, case)


@pytest.mark.parametrize(
    "event", [EmergencyCall(caller="Jane", location="x", description="y"), DispatchCall(title="t")]
)
def test_where_calls_show_no_metadata_nobody_claims_to_know(tmp_path: Path, event: Event) -> None:
    async def case(life: Life) -> None:
        life.cloud.cad.community.v1_metadata = False
        await life.tell(EmergencyCall(caller="earlier", location="x", description="y"))
        await life.tell(DispatchCall(title="earlier"))
        fault = "V1:CALL_911" if isinstance(event, EmergencyCall) else "V1:NEW_DISPATCH"
        life.cloud.faults.add(Drop(operation=fault, acts=True, times=1))
        with capture_logs() as logs:
            view = await life.tell(event)

        assert view.state is EventState.DELIVERED
        assert view.result is not None
        assert view.result.unverified
        assert "calls cannot be looked up" in [line["event"] for line in logs]

    live(tmp_path, case)


def test_where_the_plan_forbids_looking_nothing_else_is_held_up(tmp_path: Path) -> None:
    async def case(life: Life) -> None:
        life.cloud.cad.community.plan = Plan.STANDARD
        await life.clock.sleep(40.0)  # the keeper hears of it
        life.cloud.faults.add(Drop(operation="V1:CALL_911", acts=True, times=1))
        with capture_logs() as logs:
            view = await life.tell(EmergencyCall(caller="Jane", location="x", description="y"))

        assert view.result is not None
        assert view.result.unverified
        assert life.sample("cad_requests_total", operation=GET_CALLS.name, code="403") == 1.0
        assert "API key refused, everything is held" not in [line["event"] for line in logs]
        assert life.parts.breaker.key is KeyState.ACCEPTED

    live(tmp_path, case)


def test_a_refused_key_holds_everything_once_get_version_confirms_it(tmp_path: Path) -> None:
    async def case(life: Life) -> None:
        life.cloud.faults.add(RefuseKey())
        with capture_logs() as logs:
            event_id = await life.append(Status(ids=(UNIT,), status=UnitStatus.BUSY))
            await life.clock.sleep(3.0)
        assert life.parts.breaker.key is KeyState.REFUSED
        assert [
            line["log_level"] for line in logs if line["event"] == "API key refused, everything is held"
        ] == ["error"]
        assert life.sample("cad_requests_total", operation="setUnitStatus", code="401") == 1.0
        sent = len(life.bodies("UNIT_STATUS"))
        life.put(SERVERS[0], 1.0)
        await life.append(Panic(ids=(UNIT,)))
        await life.clock.sleep(30.0)
        assert (len(life.bodies("UNIT_STATUS")), life.bodies("UNIT_PANIC"), life.bodies("UNIT_LOCATION")) == (
            sent,
            [],
            [],
        )

        life.cloud.clear_faults()
        assert (await life.end_of(event_id, 70.0)).state is EventState.DELIVERED

    live(tmp_path, case)


@pytest.mark.parametrize("text", ["INVALID COMMUNITY ID", "API IS NOT ENABLED FOR THIS COMMUNITY"])
def test_the_other_texts_of_a_refused_key_hold_too(tmp_path: Path, text: str) -> None:
    async def case(life: Life) -> None:
        life.cloud.faults.add(Answer(status=400, body=text))
        event_id = await life.append(Panic(ids=(UNIT,)))
        await life.clock.sleep(3.0)
        assert life.parts.breaker.key is KeyState.REFUSED

        life.cloud.clear_faults()
        assert (await life.end_of(event_id, 70.0)).state is EventState.DELIVERED

    live(tmp_path, case)


def test_a_text_that_get_version_does_not_confirm_fails_its_event_alone(tmp_path: Path) -> None:
    async def case(life: Life) -> None:
        life.cloud.faults.add(Answer(operation="V1:UNIT_STATUS", status=400, body="INVALID API KEY"))
        view = await life.tell(Status(ids=(UNIT,), status=UnitStatus.BUSY))

        assert (view.state, life.parts.breaker.key) == (EventState.FAILED, KeyState.ACCEPTED)
        assert "INVALID API KEY" in (view.error or "")
        assert (await life.tell(Panic(ids=(UNIT,)))).state is EventState.DELIVERED

    live(tmp_path, case)


def test_a_bad_record_fails_with_the_cads_reason(tmp_path: Path) -> None:
    async def case(life: Life) -> None:
        view = await life.tell(DispatchNote(call=999_999, note="nobody"))

        assert view.state is EventState.FAILED
        assert (view.error or "").startswith(("bad_request", "not_found"))
        assert life.parts.breaker.key is KeyState.ACCEPTED

    live(tmp_path, case)


def test_a_unit_that_the_cad_refuses_is_found_and_set_aside(tmp_path: Path) -> None:
    async def case(life: Life) -> None:
        bad = UNITS[SERVERS[0]][7]
        life.cloud.faults.add(RefuseUnits(operation="V1:UNIT_LOCATION", units=frozenset({bad})))
        for second in range(120):
            life.put(SERVERS[0], second * 5.0)
            await life.clock.sleep(1.0)

        assert life.sample("locations_dropped_total", server="main", reason="refused") == 1.0
        sent = {row["apiId"] for body in life.bodies("UNIT_LOCATION")[-2:] for row in body["data"]}
        assert bad not in sent
        assert len(sent) == 39

    live(tmp_path, case)


def test_heartbeats_and_the_survey_speak_v1(tmp_path: Path) -> None:
    async def case(life: Life) -> None:
        life.put(SERVERS[0], 1.0)
        await life.clock.sleep(5.0)

        (beat,) = life.bodies("HEARTBEAT")
        assert beat["data"] == [{"playerCount": 40, "serverId": 1}]
        assert life.parts.keeper.plan == life.cloud.cad.community.plan.name
        assert life.bodies("GET_SERVERS")
        assert not [finding for finding in life.parts.survey.findings if finding.severity is Severity.PROBLEM]

    live(tmp_path, case)


def test_what_is_forwarded_is_translated_or_refused_with_the_reason(tmp_path: Path) -> None:
    async def case(life: Life) -> None:
        units, info = OPERATIONS["getActiveUnits"], OPERATIONS["getInfo"]
        path = units.path.replace("{serverId}", "1")
        told = await life.parts.forward.ask(CadRequest(operation=units, path=path))
        refused = await life.parts.forward.ask(CadRequest(operation=info, path=info.path))

        assert (told.status, isinstance(msgspec.json.decode(told.body), list)) == (200, True)
        assert (refused.status, refused.content_type) == (501, "application/problem+json")
        assert b"Sonoran CAD v1" in refused.body
        assert life.parts.budgets[info.name].remaining(life.clock.monotonic()) == info.per_minute

    live(tmp_path, case)
