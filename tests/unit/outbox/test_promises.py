"""Whatever the CAD answers and whenever the process dies: what was accepted ends, in order, with the newest state."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct
from structlog.testing import capture_logs

from bridge.errors import CadError
from bridge.events import (
    CALLS,
    CANCELLING,
    STATES,
    CallReference,
    DispatchAttachment,
    DispatchCall,
    DispatchClosing,
    DispatchDetachment,
    DispatchNote,
    EmergencyCallRemoval,
    Event,
    EventId,
    EventKind,
    EventState,
    Panic,
    Status,
    UnitStatus,
    calls_of,
    kind_of,
    units_of,
)
from bridge.operations import CREATE_911_CALL, CREATE_DISPATCH_CALL, GET_CALLS, GET_VERSION, OPERATIONS
from bridge.outbox import EventView
from bridge.outbox.references import ABOUT
from bridge.relay import OPERATION_OF
from bridge.sonoran.messages import CadAnswer, CadRequest
from bridge.sonoran.v2 import MARK
from bridge.units import UnitId
from tests.support.sending import Sending, call, panic, status
from tests.support.transport import Reaction, ScriptedTransport, Sent, answer
from tests.support.virtual_time import VirtualClock, run_virtual

LOST = CadError("timeout", sent=True)  # the CAD acts, and its answer never comes
CONFUSION = ZeroDivisionError()
DOWN = CadError("connect", sent=False)
MOODS: dict[str, Reaction | None] = {
    "well": None,
    "down": DOWN,
    "acts and says nothing": LOST,
    "overloaded": answer(503),
    "limiting": answer(429, retry_after=2.0),
    "refusing the key": answer(401),
    "refusing": answer(400),
    "confusing": CONFUSION,
}
CRASH = "crash"
UNITS = st.sampled_from("ABC")
STATES_OF_UNITS = frozenset({*STATES, EventKind.DISPATCH_ATTACH, EventKind.DISPATCH_DETACH})


class About(Struct, frozen=True):
    """An event about one of the calls that were pushed before, counted from the latest."""

    kind: EventKind
    back: int
    unit: str = "A"

    def event(self, call: CallReference) -> Event:
        match self.kind:
            case EventKind.CALL_911_REMOVE:
                return EmergencyCallRemoval(call=call)
            case EventKind.DISPATCH_CLOSE:
                return DispatchClosing(calls=(call,))
            case EventKind.DISPATCH_ATTACH:
                return DispatchAttachment(call=call, ids=(UnitId(self.unit),))
            case _:
                return DispatchNote(call=call, note="Caller hides")


def detachment(unit: str) -> DispatchDetachment:
    return DispatchDetachment(ids=(UnitId(unit),))


STEPS = st.one_of(
    st.builds(panic, UNITS, active=st.booleans()),
    st.builds(panic, UNITS, UNITS, active=st.booleans()),
    st.builds(status, UNITS, to=st.sampled_from([UnitStatus.BUSY, UnitStatus.ENROUTE])),
    st.sampled_from([call(), DispatchCall(title="Robbery")]),
    st.builds(About, st.sampled_from(sorted(ABOUT)), st.integers(0, 2), UNITS),
    UNITS.map(detachment),
    st.sampled_from([*sorted(MOODS), *["acts and says nothing"] * 4]),  # where calls are doubled
    st.sampled_from([0.0, 0.02, 0.5, 3.0, 40.0]),  # seconds that pass
    st.just(CRASH),
)


class Cad(ScriptedTransport):
    """Keeps each unit's state, and notes requests that overtake another about the same unit."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock)
        self.states: dict[tuple[EventKind, str], bool | int] = {}
        self.calls: dict[str, list[int]] = {}  # by mark: the numbers of the calls that it was found on
        self.arrived: list[Sent] = []  # what the CAD counts against its limits
        self.overtaken: set[tuple[str, str]] = set()
        self._under_way: set[tuple[str, str]] = set()

    async def exchange(self, request: CadRequest) -> CadAnswer:
        if request.operation in (GET_VERSION, GET_CALLS) and self.otherwise is CONFUSION:
            return answer()  # only an event that raises is at stake here
        body: dict[str, Any] = {} if request.body is None else msgspec.json.decode(request.body)
        kind = next((kind for kind, known in OPERATION_OF.items() if known is request.operation), None)
        named = {
            (_order_of(kind), unit) for unit in body.get("communityUserIds", []) if kind in STATES_OF_UNITS
        }
        self.overtaken |= named & self._under_way
        self._under_way |= named
        mood = self.otherwise
        number = len(self.sent)
        try:
            answered = await super().exchange(request)
        finally:
            self._under_way -= named
            if mood is not DOWN:
                self.arrived.append(self.sent[number])
            if mood in (None, LOST):
                self._act(request, kind, body)
        return self._tell(request, body) if mood is None else answered

    def _act(self, request: CadRequest, kind: EventKind | None, body: dict[str, Any]) -> None:
        if kind is EventKind.PANIC or kind is EventKind.STATUS:
            for unit in body["communityUserIds"]:
                self.states[kind, unit] = body["isPanic" if kind is EventKind.PANIC else "status"]
        if request.operation in (CREATE_911_CALL, CREATE_DISPATCH_CALL):
            self.calls.setdefault(body["metaData"][MARK], []).append(300 + sum(map(len, self.calls.values())))

    def _tell(self, request: CadRequest, body: dict[str, Any]) -> CadAnswer:
        """Answer as a CAD in good health does."""
        if request.operation in (CREATE_911_CALL, CREATE_DISPATCH_CALL):
            return answer(201, {"callId": self.calls[body["metaData"][MARK]][-1]})
        if request.operation is GET_CALLS:
            calls = [{"callId": made[-1], "metaData": {MARK: mark}} for mark, made in self.calls.items()]
            return answer(200, {"activeCalls": calls, "closedCalls": []})
        return answer(200, {"updated": len(body.get("communityUserIds", ())), "version": 3})


def _order_of(kind: EventKind | None) -> str:
    return str(kind) if kind in STATES else "attachment"


class World:
    """One history of pushes, moods and crashes, and what must be true at its end."""

    def __init__(self, clock: VirtualClock, folder: Path) -> None:
        self.cad = Cad(clock)
        self.accepted: dict[EventId, Event] = {}
        self.unrecorded: list[
            Sent
        ] = []  # left at the instant of a crash, before the budget's row was on disk
        self._clock = clock
        self._run = Sending(clock, folder, self.cad)

    async def start(self) -> None:
        await self._run.__aenter__()
        self._run.start_keeper()

    async def step(self, step: Any) -> None:
        if step == CRASH:
            now = self._clock.monotonic()
            self._run = await self._run.restart()
            self.unrecorded += [sent for sent in self.cad.sent if sent.at == now]
            self._run.start_keeper()
        elif isinstance(step, str):
            self.cad.otherwise = MOODS[step]
        elif isinstance(step, float):
            await self._clock.sleep(step)
        else:
            event = self._about(step) if isinstance(step, About) else step
            self.accepted[await self._run.append(event)] = event

    def _about(self, step: About) -> Event:
        calls = [event_id for event_id, event in self.accepted.items() if kind_of(event) in ABOUT[step.kind]]
        return step.event(calls[-1 - step.back] if step.back < len(calls) else 5)

    async def views(self) -> dict[EventId, EventView]:
        """Let the CAD be well, and return how everything ended."""
        self.cad.otherwise = None
        deadline = self._clock.monotonic() + 1_200.0
        while self._run.outbox.counts()[EventState.PENDING] and self._clock.monotonic() < deadline:
            await self._clock.sleep(1.0)
        found = {event_id: await self._run.view(event_id) for event_id in self.accepted}
        await self._run.__aexit__()
        return found

    def check(self, views: dict[EventId, EventView]) -> None:
        assert {view.state for view in views.values()} <= set(EventState) - {EventState.PENDING}
        assert not self.cad.overtaken
        self._check_states(views)
        for event_id, view in views.items():
            if view.type in CALLS:
                self._check_call(view, self.cad.calls.get(event_id, []))
            elif calls_of(self.accepted[event_id]) != (5,):
                self._check_what_was_about_a_call(view, self.accepted[event_id], views)
        self._check_limits()

    def _check_call(self, view: EventView, made: list[int]) -> None:
        """A call is there once where the bridge could look, and what is told of it is true."""
        unverified = view.result is not None and view.result.unverified
        if view.state is EventState.DELIVERED:
            assert view.result is not None
            assert view.result.call_id in made
            assert len(made) == 1 or unverified
        if view.state is EventState.SUPERSEDED:
            assert not made or unverified

    def _check_what_was_about_a_call(
        self, view: EventView, event: Event, views: dict[EventId, EventView]
    ) -> None:
        for call_id in calls_of(event):
            assert not isinstance(call_id, int)
            cancelled = views[call_id].state is EventState.SUPERSEDED
            if view.type in CANCELLING:
                end = views[call_id].result
                gone = cancelled and not (end is not None and end.unverified)
                assert gone == (view.result is not None and view.result.cancelled)
            elif cancelled:
                assert view.state is not EventState.DELIVERED
            if views[call_id].state in (EventState.FAILED, EventState.EXPIRED):
                assert view.state in (EventState.FAILED, EventState.EXPIRED)

    def _check_limits(self) -> None:
        known = [sent for sent in self.cad.arrived if all(sent is not lost for lost in self.unrecorded)]
        for operation in {sent.operation.name: sent.operation for sent in known}.values():
            times = [sent.at for sent in known if sent.operation is operation]
            limit = OPERATIONS[operation.name].per_minute
            assert all(sum(at <= other < at + 60.0 for other in times) <= limit for at in times)

    def _check_states(self, views: dict[EventId, EventView]) -> None:
        newest: dict[tuple[EventKind, str], EventId] = {}
        states = {key: event for key, event in self.accepted.items() if isinstance(event, Panic | Status)}
        for event_id, event in states.items():
            newest |= dict.fromkeys([(kind_of(event), unit) for unit in units_of(event)], event_id)
        for key, event_id in newest.items():
            event, state = states[event_id], views[event_id].state
            if state is EventState.DELIVERED:
                wanted = event.active if isinstance(event, Panic) else event.status.code
                assert self.cad.states[key] == wanted
            assert state is not EventState.SUPERSEDED or len(units_of(event)) > 1


@settings(max_examples=50, deadline=None)
@given(st.lists(STEPS, min_size=12, max_size=25))
def test_nothing_accepted_is_lost_and_the_newest_state_wins(steps: list[Any]) -> None:
    async def main(clock: VirtualClock) -> None:
        with TemporaryDirectory() as folder:
            world = World(clock, Path(folder))
            await world.start()
            for step in steps:
                await world.step(step)
            world.check(await world.views())

    with capture_logs():  # printing them takes longer than all the rest
        run_virtual(main)
