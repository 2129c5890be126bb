"""Everything from the outbox to a scripted CAD, on virtual time and a real SQLite file."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from pathlib import Path
from queue import Empty
from random import Random
from typing import Any, Self, TypeVar

import msgspec

from bridge.config import OutboxConfig
from bridge.events import (
    Blip,
    Clocking,
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
)
from bridge.lookup import Lookup
from bridge.metrics import Metrics
from bridge.operations import DOCUMENTED_LIMITS, OPERATIONS
from bridge.outbox import EventView, Idempotency, Outbox
from bridge.relay import Relay
from bridge.sonoran import cms
from bridge.sonoran.breaker import Breaker
from bridge.sonoran.budgets import Budgets
from bridge.sonoran.client import CadClient
from bridge.sonoran.keeper import Keeper
from bridge.store import Store
from bridge.units import ServerId, UnitId
from tests.support.transport import ScriptedTransport
from tests.support.virtual_time import VirtualClock, run_virtual

T = TypeVar("T")
SERVER = ServerId(1)
OTHER_SERVER = ServerId(2)
NAMES = {SERVER: "main", OTHER_SERVER: "other"}
CONFIG = OutboxConfig()
TIMEOUT = 10.0  # seconds, cad.timeout


class Sending:
    """Store, outbox, budgets, client, relay and keeper of one run; an async context manager."""

    def __init__(
        self,
        clock: VirtualClock,
        folder: Path,
        transport: ScriptedTransport,
        *,
        config: OutboxConfig = CONFIG,
        names: Mapping[ServerId, str] = NAMES,
        relaying: bool = True,
        with_cms: bool = True,
        seed: int = 1,
    ) -> None:
        self.clock = clock
        self.path = folder / "outbox.sqlite3"
        self.transport = transport
        self.metrics = Metrics("0")
        self.metrics.create_series(names.values(), OPERATIONS)
        self.store = Store(self.path, self.metrics.outbox_commit.observe)
        self.outbox = Outbox(self.store, config, clock, self.metrics, names)
        self.budgets = Budgets(self.store, clock, DOCUMENTED_LIMITS, 5.0, TIMEOUT)
        self.breaker = Breaker(clock)
        self.client = CadClient(transport, self.budgets, self.breaker, self.metrics, clock)
        self.keeper = Keeper(self.client, self.breaker, clock)
        self.breaker.on_doubt(self.keeper.look)
        self.cms_breaker = Breaker(clock, whose="CMS", key="cms.api_key_file")
        cms_budgets = Budgets(self.store, clock, cms.LIMITS, 5.0, TIMEOUT)
        self.cms = CadClient(transport, cms_budgets, self.cms_breaker, self.metrics, clock)
        self.relay = Relay(
            self.outbox.backlog, self.client, clock, Random(seed), cms=self.cms if with_cms else None
        )
        self.lookup = Lookup(self.outbox.backlog, self.client, config, TIMEOUT, clock, Random(seed))
        self._relaying = relaying
        self._tasks: list[asyncio.Task[None]] = []
        self._over = False

    async def __aenter__(self) -> Self:
        self.clock.watch(lambda: self.store.busy and not self._over)
        await self.store.__aenter__()
        await self.outbox.load()
        await self.budgets.load()
        if self._relaying:
            self._start(self.relay.run())
            self._start(self.lookup.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()
        await self.store.__aexit__()

    def start_keeper(self) -> None:
        self._start(self.keeper.run())

    async def crash(self) -> None:
        """Lose everything but what is on disk by now: what waits for the store is not written any more."""
        self.store._closed = True
        try:
            while True:
                self.store._jobs.get_nowait()
        except Empty:
            self._over = True
        await self.__aexit__()

    async def restart(self, **changed: Any) -> "Sending":
        """Crash and return the next run, entered already."""
        await self.crash()
        return await Sending(self.clock, self.path.parent, self.transport, **changed).__aenter__()

    async def append(
        self, *events: Event, server: ServerId = SERVER, idempotency: Idempotency | None = None
    ) -> EventId:
        """Append and return the first id."""
        return (await self.outbox.append(server, events, idempotency=idempotency))[0]

    async def view(self, event_id: EventId, server: ServerId = SERVER) -> EventView:
        found = await self.outbox.find(server, event_id)
        assert found is not None
        return found

    async def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """Return what stands in the file."""
        return await self.store.write(lambda transaction: list(transaction.query(statement)))

    def sample(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"cad_bridge_{name}", labels)

    def _start(self, loop: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(loop))

    async def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        for end in await asyncio.gather(*self._tasks, return_exceptions=True):
            assert isinstance(end, asyncio.CancelledError), repr(end)
        self._tasks.clear()


def run_sending(folder: Path, case: Callable[[Sending], Awaitable[T]], **options: Any) -> T:
    """Run ``case`` with a run of its own on virtual time; ``options`` are those of ``Sending``."""

    async def main(clock: VirtualClock) -> T:
        async with Sending(clock, folder, ScriptedTransport(clock), **options) as bench:
            return await case(bench)

    return run_virtual(main)


def panic(*units: str, active: bool = True) -> Panic:
    return Panic(ids=tuple(UnitId(unit) for unit in units or ("license:1",)), active=active)


def status(*units: str, to: UnitStatus = UnitStatus.BUSY) -> Status:
    return Status(ids=tuple(UnitId(unit) for unit in units or ("license:1",)), status=to)


def call(**changed: Any) -> EmergencyCall:
    usual = EmergencyCall(caller="Jane", location="Alta St", description="Shots")
    return msgspec.structs.replace(usual, **changed)


UNIT = UnitId("license:1")
KINDS: dict[EventKind, Event] = {
    EventKind.PANIC: panic(),
    EventKind.STATUS: status(),
    EventKind.CALL_911: call(),
    EventKind.CALL_911_REMOVE: EmergencyCallRemoval(call=302),
    EventKind.DISPATCH_CALL: DispatchCall(title="Robbery", description="Shots fired"),
    EventKind.DISPATCH_NOTE: DispatchNote(call=501, note="Caller hides"),
    EventKind.DISPATCH_ATTACH: DispatchAttachment(call=501, ids=(UNIT,)),
    EventKind.DISPATCH_DETACH: DispatchDetachment(ids=(UNIT,)),
    EventKind.DISPATCH_CLOSE: DispatchClosing(calls=(501,)),
    EventKind.KICK: Kick(id=UNIT, reason="Restart"),
    EventKind.BLIP: Blip(x=1.0, y=2.0),
    EventKind.PHOTO: Photo(id=UNIT, url="https://pictures.example/1.png"),
    EventKind.CLOCK: Clocking(id=UNIT, clocked_in=True),
}
