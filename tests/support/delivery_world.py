"""Two game servers, the bridge between them and a model CAD, and what must be true however a history went."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from bridge.events import (
    CALLS,
    Blip,
    DispatchAttachment,
    DispatchCall,
    DispatchClosing,
    DispatchDetachment,
    DispatchNote,
    EmergencyCall,
    EmergencyCallRemoval,
    Event,
    EventId,
    EventKind,
    Kick,
    Panic,
    Photo,
    Status,
    UnitStatus,
    kind_of,
)
from bridge.outbox.records import Result
from bridge.outbox.references import ABOUT
from bridge.units import LocationReport, ServerId, UnitId
from tests.support.delivery_life import Life
from tests.support.delivery_steps import (
    GHOST,
    STATUSES,
    Crash,
    Knows,
    Mood,
    Once,
    Pass,
    Person,
    Places,
    Push,
    Restart,
    Shows,
    SlowDisk,
    Step,
    Told,
)
from tests.support.model_cad import Asked, ModelCad
from tests.support.model_line import ModelLine
from tests.support.virtual_disk import Disk
from tests.support.virtual_time import VirtualClock

NOBODYS_CALL = 999
FRESH = "F"  # a unit that nothing happened to
SETTLED_WITHIN = 1500.0  # seconds of good weather in which everything must end
PLACED_WITHIN = 720.0  # seconds in which everybody is where they are: a unit may be set aside for ten minutes
FRESH_WITHIN = 75.0  # seconds: ten 911 calls a minute
SERVERS = (1, 2)


class Row(Struct, frozen=True, kw_only=True):
    """An event as it stands on disk when all is over; times are Unix seconds."""

    seq: int
    id: EventId
    server: int
    event: Event
    state: str
    result: Result
    error: str
    unverified: bool
    accepted_at: float
    expires_at: float
    ended_at: float

    @property
    def kind(self) -> EventKind:
        return kind_of(self.event)


class World:
    """One history."""

    def __init__(self, clock: VirtualClock, folder: Path, *, seed: int, unclear: str) -> None:
        self.clock = clock
        self.cad = ModelCad(clock)
        self.cad.unknown = {unit_of(server, GHOST) for server in SERVERS}
        self.line = ModelLine(clock, self.cad, seed)
        self.line.on_batch = self._check_batch
        self.disk = Disk()
        self.accepted: dict[EventId, Event] = {}  # answered 202
        self.orphans: dict[EventId, Event] = {}  # committed, but a kill came before the answer
        self.ever_unknown = set(self.cad.unknown)
        self.places: dict[UnitId, tuple[int, float, float]] = {}  # the newest push: server, x, y
        self.misplaced: list[tuple[UnitId, float, float]] = []
        self.folder = folder
        self.unclear = unclear
        self.life = self._new_life()
        self._calls: dict[int, list[EventId]] = {server: [] for server in SERVERS}
        self._pushing: set[asyncio.Task[None]] = set()
        self._number = 0
        self._accepted_before = 0

    async def run(self, steps: list[Step]) -> list[Row]:
        """Live through the steps, let everything end, and return all events."""
        await self.life.start()
        for step in steps:
            await self._take(step)
        await self._end_well()
        await self.life.end()
        await self.line.close()
        return self._rows()

    async def _take(self, step: Step) -> None:  # noqa: C901, PLR0912 -- one case for each step
        match step:
            case Push():
                await self._push(step)
            case Places(server=server, units=units, spot=spot):
                self._move(server, units, spot)
            case Pass(seconds):
                await self.clock.sleep(seconds)
            case Mood(scope, fault):
                self.line.set_mood(scope, fault)
            case Once(scope, fault):
                self.line.once.append((scope, fault))
            case Knows(unit, known):
                self._know(unit, known=known)
            case Person(call):
                self.cad.end_by_person(call)
            case Shows(late, camel, closed):
                self.cad.late, self.cad.camel, self.cad.foreign_closed = late, camel, closed
            case SlowDisk(seconds):
                self.disk.seconds = seconds
            case Crash(down):
                await self._crash(down)
            case Restart():
                await self._settle_pushes()
                await self.life.end()
                await self._begin()

    # What the game does

    async def _push(self, push: Push) -> None:
        events = [self._event(push.server, told) for told in push.told]
        task = asyncio.get_running_loop().create_task(self._tell(push.server, events))
        self._pushing.add(task)
        task.add_done_callback(self._pushing.discard)
        if push.wait:
            await task

    async def _tell(self, server: int, events: list[Event]) -> None:
        ids = await self.life.parts.outbox.append(ServerId(server), events)
        self.accepted |= dict(zip(ids, events, strict=True))
        self._calls[server] += [
            event_id for event_id, event in zip(ids, events, strict=True) if kind_of(event) in CALLS
        ]

    def _event(self, server: int, told: Told) -> Event:  # noqa: C901, PLR0911, PLR0912 -- one case for each kind
        self._number += 1
        name = f"number {self._number}"
        units = tuple(UnitId(unit_of(server, unit)) for unit in told.units)
        match told.kind:
            case EventKind.PANIC:
                return Panic(ids=units, active=bool(told.value))
            case EventKind.STATUS:
                return Status(ids=units, status=UnitStatus(STATUSES[told.value]))
            case EventKind.CALL_911:
                return EmergencyCall(caller=name, location="Alta St", description="Shots", x=1.5, y=-2.0)
            case EventKind.DISPATCH_CALL:
                return DispatchCall(title=name, description="Robbery", priority=2, metadata={"a": "b"})
            case EventKind.CALL_911_REMOVE:
                return EmergencyCallRemoval(call=self._reference(server, told))
            case EventKind.DISPATCH_NOTE:
                return DispatchNote(call=self._reference(server, told), note=name)
            case EventKind.DISPATCH_ATTACH:
                return DispatchAttachment(call=self._reference(server, told), ids=units)
            case EventKind.DISPATCH_DETACH:
                return DispatchDetachment(ids=units)
            case EventKind.DISPATCH_CLOSE:
                return DispatchClosing(calls=(self._reference(server, told),))
            case EventKind.KICK:
                return Kick(id=units[0], reason=name)
            case EventKind.BLIP:
                return Blip(x=3.0, y=4.0, tooltip=name)
            case EventKind.PHOTO:
                return Photo(id=units[0], url=f"https://pictures.example/{self._number}.png")
            case EventKind.CLOCK:
                raise ValueError("the CAD has no clock")

    def _reference(self, server: int, told: Told) -> int | EventId:
        """Return one of the server's calls that such an event may be about, the newest first."""
        fitting = [call for call in self._calls[server] if kind_of(self.accepted[call]) in ABOUT[told.kind]]
        if told.call >= len(fitting):
            return NOBODYS_CALL
        event_id = fitting[-1 - told.call]
        known = self.cad.of(event_id)
        return known[0].number if told.by_number and known else event_id

    def _move(self, server: int, units: str, spot: int) -> None:
        for unit in units:
            unit_id = UnitId(f"license:{unit}")  # the same player on either server
            self.places[unit_id] = server, 50.0 * spot, 1000.0 * ord(unit)
        self._put(server, [UnitId(f"license:{unit}") for unit in units])

    def _put(self, server: int, units: list[UnitId]) -> None:
        now = self.clock.monotonic()
        reports = [
            LocationReport(unit_id=unit, x=self.places[unit][1], y=self.places[unit][2]) for unit in units
        ]
        self.life.parts.coalescer.put(ServerId(server), reports, now)
        self.life.parts.fleet.pushed(ServerId(server), now, len(units))

    # What happens to the CAD and the bridge

    def _know(self, unit: str, *, known: bool) -> None:
        named = {unit_of(server, unit) for server in SERVERS} | {f"license:{unit}"}
        if known:
            self.cad.unknown -= named
        else:
            self.cad.unknown |= named
            self.ever_unknown |= named

    async def _crash(self, down: float) -> None:
        pushing = list(self._pushing)
        for task in pushing:
            task.cancel()
        await self.life.kill()
        await asyncio.gather(*pushing, return_exceptions=True)
        if pushing:
            self._adopt()
        await self.clock.sleep(down)
        await self._begin()

    def _adopt(self) -> None:
        """Note the events of pushes that were killed after their commit."""
        for event_id, payload in self._query("SELECT id, payload FROM events WHERE payload IS NOT NULL"):
            if event_id not in self.accepted and event_id not in self.orphans:
                self.orphans[event_id] = msgspec.json.decode(payload, type=Event)

    async def _begin(self) -> None:
        self._accepted_before = len(self.accepted)
        self.life = self._new_life()
        await self.life.start()

    def _new_life(self) -> Life:
        return Life(self.clock, self.folder, self.line, self.disk, self.unclear)

    async def _settle_pushes(self) -> None:
        while self._pushing:
            await asyncio.gather(*self._pushing)

    # The end

    async def _end_well(self) -> None:
        """Let the CAD be well until everything has ended, and see that new things still flow."""
        self.line.be_well()
        self.disk.seconds = 0.001
        await self._settle_pushes()
        await self._wait(lambda: not self.life.pending, SETTLED_WITHIN)
        await self._wait(lambda: not self.lost(), PLACED_WITHIN)
        fresh = Push(
            told=(
                Told(kind=EventKind.PANIC, units=FRESH),
                Told(kind=EventKind.CALL_911),
                Told(kind=EventKind.DISPATCH_CALL),
            )
        )
        await self._push(fresh)
        await self._wait(lambda: not self.life.pending, FRESH_WITHIN)
        self.life.check_alive()
        accepted = len(self.accepted) - self._accepted_before
        assert self.life.counted_endings() == self.life.begun_with + accepted - self.life.pending

    async def _wait(self, over: Any, seconds: float) -> None:
        """Wait while the game goes on telling where everybody is."""
        deadline = self.clock.monotonic() + seconds
        while not over() and self.clock.monotonic() < deadline:
            for server in SERVERS:
                self._put(server, [unit for unit, place in self.places.items() if place[0] == server])
            await self.clock.sleep(5.0)

    def lost(self) -> list[UnitId]:
        """Return the units that the CAD shows elsewhere."""
        return [
            unit for unit, (_, x, y) in self.places.items()
            if unit not in self.cad.unknown and not unit.endswith(GHOST) and self.cad.places.get(unit) != (x, y)
        ]  # fmt: skip

    def _check_batch(self, asked: Asked) -> None:
        for update in asked.body["updates"]:
            unit, place = UnitId(update["communityUserId"]), update["coordinates"]
            if self.places[unit] != (asked.server, place["x"], place["y"]):
                self.misplaced.append((unit, place["x"], place["y"]))

    def _rows(self) -> list[Row]:
        known = self.accepted | self.orphans
        return [
            Row(
                seq=seq, id=event_id, server=server, event=known[event_id], state=state,
                result=Result() if result is None else msgspec.json.decode(result, type=Result),
                error=error or "", unverified=bool(unverified), accepted_at=accepted_at,
                expires_at=expires_at, ended_at=ended_at or 0.0,
            )
            for seq, event_id, server, state, result, error, unverified, accepted_at, expires_at, ended_at
            in self._query(
                "SELECT seq, id, server, state, result, error, unverified, accepted_at, expires_at, ended_at"
                " FROM events ORDER BY seq"
            )
        ]  # fmt: skip

    def _query(self, statement: str) -> list[Any]:
        connection = sqlite3.connect(self.folder / "outbox.sqlite3")
        try:
            return connection.execute(statement).fetchall()
        finally:
            connection.close()


def unit_of(server: int, letter: str) -> str:
    """Return a unit that only one server has, for what is counted by server."""
    return f"license:{server}{letter}"
