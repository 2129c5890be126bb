"""Whatever the CAD answers and whenever the process dies: what was accepted ends, in order, with the newest state."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bridge.errors import CadError
from bridge.events import EventId, EventKind, EventState, Panic, Status, UnitStatus, kind_of, units_of
from bridge.operations import CREATE_911_CALL, GET_VERSION, OPERATIONS, SET_UNIT_PANIC, SET_UNIT_STATUS
from bridge.outbox import EventView
from bridge.relay import OPERATION_OF
from bridge.sonoran.messages import CadAnswer, CadRequest
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
STEPS = st.one_of(
    st.builds(panic, UNITS, active=st.booleans()),
    st.builds(panic, UNITS, UNITS, active=st.booleans()),
    st.builds(status, UNITS, to=st.sampled_from([UnitStatus.BUSY, UnitStatus.ENROUTE])),
    st.just(call()),
    st.sampled_from(sorted(MOODS)),
    st.sampled_from([0.0, 0.02, 0.5, 3.0, 40.0]),  # seconds that pass
    st.just(CRASH),
)


class Cad(ScriptedTransport):
    """Keeps each unit's state, and notes requests that overtake another about the same unit."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock)
        self.states: dict[tuple[EventKind, str], bool | int] = {}
        self.calls = 0
        self.arrived: list[Sent] = []  # what the CAD counts against its limits
        self.overtaken: set[tuple[EventKind, str]] = set()
        self._under_way: set[tuple[EventKind, str]] = set()

    async def exchange(self, request: CadRequest) -> CadAnswer:
        if request.operation is GET_VERSION and self.otherwise is CONFUSION:
            return answer()
        body: dict[str, Any] = {} if request.body is None else msgspec.json.decode(request.body)
        kind = next((kind for kind, known in OPERATION_OF.items() if known is request.operation), None)
        named = {(kind, unit) for unit in body.get("communityUserIds", []) if kind is not None}
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
                for key in named:
                    self.states[key] = body["isPanic" if key[0] is EventKind.PANIC else "status"]
                self.calls += request.operation is CREATE_911_CALL
        return answered


class World:
    """One history of pushes, moods and crashes, and what must be true at its end."""

    def __init__(self, clock: VirtualClock, folder: Path) -> None:
        self.cad = Cad(clock)
        self.accepted: dict[EventId, Panic | Status | Any] = {}
        self._clock = clock
        self._run = Sending(clock, folder, self.cad)

    async def start(self) -> None:
        await self._run.__aenter__()
        self._run.start_keeper()

    async def step(self, step: Any) -> None:
        if step == CRASH:
            self._run = await self._run.restart()
            self._run.start_keeper()
        elif isinstance(step, str):
            self.cad.otherwise = MOODS[step]
        elif isinstance(step, float):
            await self._clock.sleep(step)
        else:
            self.accepted[await self._run.append(step)] = step

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
        assert self.cad.calls >= sum(
            view.type is EventKind.CALL_911 and view.state is EventState.DELIVERED for view in views.values()
        )
        self._check_states(views)
        for operation in (SET_UNIT_PANIC, SET_UNIT_STATUS, CREATE_911_CALL):
            times = [sent.at for sent in self.cad.arrived if sent.operation is operation]
            limit = OPERATIONS[operation.name].per_minute
            assert all(sum(at <= other < at + 60.0 for other in times) <= limit for at in times)

    def _check_states(self, views: dict[EventId, EventView]) -> None:
        newest: dict[tuple[EventKind, str], EventId] = {}
        for event_id, event in self.accepted.items():
            newest |= dict.fromkeys([(kind_of(event), unit) for unit in units_of(event)], event_id)
        for key, event_id in newest.items():
            event, state = self.accepted[event_id], views[event_id].state
            if state is EventState.DELIVERED:
                wanted = event.active if isinstance(event, Panic) else event.status.code
                assert self.cad.states[key] == wanted
            assert state is not EventState.SUPERSEDED or len(units_of(event)) > 1


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=25))
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
