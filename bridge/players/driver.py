"""Pushes a synthetic world to a running bridge, as a careful FiveM resource does."""

import asyncio
import ssl
import uuid
from collections.abc import Callable

import aiohttp
import msgspec
from msgspec import Struct

from bridge.clock import Clock
from bridge.players.door import Answer, Door
from bridge.players.summary import DriveSummary, PanicRecord, Tally
from bridge.players.world import Press, World


async def drive(  # noqa: PLR0913 -- the first three are needed, the others have defaults
    url: str,
    token: str,
    world: World,
    *,
    rate_hz: float,
    seconds: float | None,
    clock: Clock,
    settle_seconds: float = 5.0,
    stop: asyncio.Event | None = None,
    on_progress: Callable[[DriveSummary], None] | None = None,
    on_panic: Callable[[PanicRecord], None] | None = None,
    trust: ssl.SSLContext | None = None,
) -> DriveSummary:
    """Let ``world`` live in real time and push it to the bridge at ``url`` until told to end.

    Args:
        url: the push door, ``http://127.0.0.1:30180``.
        token: of the ``[[servers]]`` entry to speak as.
        world: who plays.
        rate_hz: location pushes a second; never more than one is under way.
        seconds: how long; None goes on until ``stop``.
        clock: the time to live by.
        settle_seconds: how long to wait at the end for the panics to reach the CAD.
        stop: ends the drive when set; buttons still pressed are released first.
        on_progress: called about once a second with the figures so far, and with the last ones.
        on_panic: called with each press and release that the bridge took.
        trust: whose certificates are taken from a bridge on https; None: those the system trusts.

    A token that the bridge refuses ends the drive at once, with ``token_refused`` set. A bridge that is away,
    busy (503) or restarted is pushed everything again as soon as it answers.
    """
    connector = aiohttp.TCPConnector(ssl=True if trust is None else trust)
    async with aiohttp.ClientSession(connector=connector) as session:
        door = Door(session, url, token)
        driver = _Driver(door, world, clock, on_progress=on_progress, on_panic=on_panic)
        return await driver.run(1.0 / rate_hz, seconds, settle_seconds, stop)


class _LocationsAnswer(Struct, frozen=True, kw_only=True):
    accepted: int = 0
    rejected: tuple[msgspec.Raw, ...] = ()
    instance: str = ""


class _PanicAnswer(Struct, frozen=True, kw_only=True):
    event: str


class _EventAnswer(Struct, frozen=True, kw_only=True):
    state: str
    accepted_at: float | None = None
    delivered_at: float | None = None
    error: str | None = None


class _Driver:
    """One drive: a pusher, a task for each panic on its way, and a follower of those under way."""

    def __init__(
        self,
        door: Door,
        world: World,
        clock: Clock,
        *,
        on_progress: Callable[[DriveSummary], None] | None,
        on_panic: Callable[[PanicRecord], None] | None,
    ) -> None:
        self._door = door
        self._world = world
        self._clock = clock
        self._on_progress = on_progress
        self._on_panic = on_panic
        self._tally = Tally(len(world.players))
        self._started = clock.monotonic()
        self._progress_at = self._started
        self._instance = ""
        self._pressing: dict[str, asyncio.Task[None]] = {}
        self._taken = asyncio.Event()

    async def run(
        self, interval: float, seconds: float | None, settle_seconds: float, stop: asyncio.Event | None
    ) -> DriveSummary:
        async with asyncio.TaskGroup() as group:
            pusher = group.create_task(self._push(group, interval, seconds), name="players.push")
            helpers = [group.create_task(self._follow(), name="players.follow")]
            if stop is not None:
                helpers.append(group.create_task(_cancel_on(stop, pusher), name="players.stop"))
            await asyncio.wait({pusher})
            await self._finish(group, settle_seconds)
            for task in helpers:
                task.cancel()
        summary = self._summary()
        if self._on_progress is not None:
            self._on_progress(summary)
        return summary

    def _summary(self) -> DriveSummary:
        return self._tally.summary(self._clock.monotonic() - self._started)

    async def _push(self, group: asyncio.TaskGroup, interval: float, seconds: float | None) -> None:
        """Step, push, wait, until time is up or the token is refused."""
        lived = due = self._started
        while True:
            now = self._clock.monotonic()
            self._world.step(now - lived)
            for press in self._world.presses(now - lived):
                self._press(group, press)
            lived = now
            pause = await self._push_locations()
            self._report()
            if self._tally.token_refused:
                return
            due = max(due + interval, self._clock.monotonic() + pause)
            if seconds is not None and due >= self._started + seconds:
                await self._clock.sleep(self._started + seconds - self._clock.monotonic())
                return
            await self._clock.sleep(due - self._clock.monotonic())

    async def _push_locations(self) -> float:
        """Push once; return the seconds that the bridge wants to be left alone."""
        began = self._clock.monotonic()
        answer = await self._door.post("/v1/locations", self._world.push())
        body = answer.decode(_LocationsAnswer) if answer.ok else None
        if body is None:
            self._world.resend()
            self._count(answer)
            return answer.retry_after
        self._tally.pushed(body.accepted, len(body.rejected), self._clock.monotonic() - began)
        if self._instance and body.instance != self._instance:
            self._tally.restarts += 1
            self._world.resend()
        self._instance = body.instance
        return 0.0

    def _count(self, answer: Answer) -> None:
        tally = self._tally
        tally.last_problem = answer.problem or _NO_BRIDGE
        if answer.status == _UNAUTHORIZED:
            tally.token_refused = True
        elif answer.refused:
            tally.refused += 1
        elif answer.busy:
            tally.busy += 1
        else:
            tally.errors += 1

    def _press(self, group: asyncio.TaskGroup, press: Press) -> None:
        record = PanicRecord(unit_id=press.id, active=press.active, pressed_at=self._clock.wall())
        number = self._tally.press(record)
        before = self._pressing.get(press.id)
        task = group.create_task(self._push_panic(press, number, before), name="players.panic")
        self._pressing[press.id] = task

    async def _push_panic(self, press: Press, number: int, before: asyncio.Task[None] | None) -> None:
        """Push until the bridge took it, after the same unit's press ``before``; the key makes repeats one event."""
        if before is not None:
            await asyncio.wait({before})
        key = uuid.uuid4().hex
        for _ in range(_PANIC_ATTEMPTS):
            answer = await self._door.post("/v1/panic", press, key=key)
            body = answer.decode(_PanicAnswer) if answer.ok else None
            if body is not None:
                self._note(number, event_id=body.event, state="pending")
                self._taken.set()
                if self._on_panic is not None:
                    self._on_panic(self._tally.panics[number])
                return
            self._tally.last_problem = answer.problem or _NO_BRIDGE
            if answer.refused:
                break
            await self._clock.sleep(answer.retry_after or _PANIC_PAUSE)
        self._note(number, state="refused", error=self._tally.last_problem)

    def _note(self, number: int, **changes: str | float | None) -> None:
        self._tally.panics[number] = msgspec.structs.replace(self._tally.panics[number], **changes)

    async def _follow(self) -> None:
        """Ask in rounds how the panics stand that have not ended."""
        while True:
            await self._taken.wait()
            self._taken.clear()
            while any(record.open for record in self._tally.panics):
                await self._clock.sleep(_FOLLOW_EVERY)
                await self._ask_all()

    async def _ask_all(self) -> None:
        for number, record in enumerate(self._tally.panics):
            if record.open:
                await self._ask(number, str(record.event_id))

    async def _ask(self, number: int, event_id: str) -> None:
        answer = await self._door.get(f"/v1/events/{event_id}")
        if answer.status == _NOT_FOUND:
            return self._note(number, state="unknown", error="the bridge does not know the event any more")
        body = answer.decode(_EventAnswer) if answer.ok else None
        if body is None or body.state == "pending":
            return None
        latency = None
        if body.delivered_at is not None and body.accepted_at is not None:
            latency = max(0.0, body.delivered_at - body.accepted_at)
        return self._note(number, state=body.state, latency_seconds=latency, error=body.error)

    def _report(self) -> None:
        now = self._clock.monotonic()
        if self._on_progress is not None and now >= self._progress_at:
            self._progress_at = now + _PROGRESS_EVERY
            self._on_progress(self._summary())

    async def _finish(self, group: asyncio.TaskGroup, settle_seconds: float) -> None:
        """Release what is still pressed and give the events time to end."""
        if self._tally.token_refused:
            settle_seconds = 0.0
        else:
            for press in self._world.releases():
                self._press(group, press)
        deadline = self._clock.monotonic() + settle_seconds
        while self._unsettled() and self._clock.monotonic() < deadline:
            await self._clock.sleep(_SETTLE_STEP)
            self._report()
        for task in self._pressing.values():
            task.cancel()

    def _unsettled(self) -> bool:
        return any(record.open or record.state == "sending" for record in self._tally.panics)


_NO_BRIDGE = "the answer is not that of a bridge"
_UNAUTHORIZED = 401
_NOT_FOUND = 404
_PANIC_ATTEMPTS = 8
_PANIC_PAUSE = 1.0  # seconds between attempts where the bridge names none
_FOLLOW_EVERY = 0.5  # seconds
_PROGRESS_EVERY = 0.9  # seconds; under one, so that a push each second reports each second
_SETTLE_STEP = 0.1  # seconds


async def _cancel_on(stop: asyncio.Event, pusher: asyncio.Task[None]) -> None:
    await stop.wait()
    pusher.cancel()
