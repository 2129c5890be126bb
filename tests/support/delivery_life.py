"""One run of the daemon's real parts on virtual time, from its start to its end, good or bad."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from random import Random
from typing import Any

from bridge.app.parts import Parts
from bridge.config import LocationsConfig, OutboxConfig
from bridge.events import EventState
from tests.support.model_line import ModelLine
from tests.support.running_daemon import daemon_config
from tests.support.virtual_disk import Disk, VirtualStore
from tests.support.virtual_time import VirtualClock

ENDINGS = ("events_delivered", "events_failed", "events_expired", "events_superseded")


class Life:
    """One run. ``begun_with`` events were pending on disk at its start."""

    def __init__(self, clock: VirtualClock, folder: Path, line: ModelLine, disk: Disk, unclear: str) -> None:
        outbox = OutboxConfig(path=folder / "outbox.sqlite3", unclear=unclear)
        locations = LocationsConfig(resend_after=0.0)  # what is lost must not come again by itself
        self.parts = Parts(daemon_config(folder, outbox=outbox, locations=locations), clock, line)
        self.store = VirtualStore.take_over(self.parts.store, disk)
        self.parts.relay._random = self.parts.lookup._random = Random(1)
        self.begun_with = 0
        self._clock = clock
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def start(self) -> None:
        parts = self.parts
        await parts.store.__aenter__()
        self.begun_with = await parts.store.write(
            lambda transaction: int(
                transaction.query("SELECT count(*) FROM events WHERE state = 'pending'")[0][0] or 0
            )
        )
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

    @property
    def pending(self) -> int:
        return self.parts.outbox.counts()[EventState.PENDING]

    def counted_endings(self) -> int:
        """Return how many endings the metrics tell of."""
        return sum(
            int(sample.value)
            for metric in self.parts.metrics.registry.collect()
            for sample in metric.samples
            if sample.name.removeprefix("cad_bridge_").removesuffix("_total") in ENDINGS
        )

    def check_alive(self) -> None:
        assert [name for name, task in self._tasks.items() if task.done()] == []

    async def end(self) -> None:
        """End as the daemon does on SIGTERM."""
        self.check_alive()
        deadline = self._clock.monotonic() + self.parts.config.outbox.drain
        await self._cancel("heartbeat")
        self.parts.flusher.stop()
        await self._tasks.pop("flusher")
        await self.parts.flusher.flush()
        await self.parts.relay.drain(deadline)
        await self._cancel("relay", "lookup", "keeper")
        await self.parts.store.__aexit__()

    async def kill(self) -> None:
        """End as on SIGKILL: what is not committed is lost, what has left arrives."""
        self.check_alive()
        self.store.lose()
        await self._cancel(*self._tasks)

    async def _cancel(self, *names: str) -> None:
        for name in names:
            self._tasks[name].cancel()
        for ended in await asyncio.gather(*(self._tasks[name] for name in names), return_exceptions=True):
            assert isinstance(ended, asyncio.CancelledError), repr(ended)
