"""Starts the daemon in the order of the flow and stops it in an order that loses nothing."""

import asyncio
from asyncio import TaskGroup
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Self

from bridge import __version__, logs
from bridge.admin import AdminServer, Views
from bridge.app.parts import Parts, admin_token
from bridge.app.view import View
from bridge.clock import Clock
from bridge.config import Config
from bridge.errors import BridgeError, StoreError
from bridge.events import EventState
from bridge.sonoran.client import Transport

PING_TIMEOUT = 5.0  # seconds after which the store counts as stuck
UPKEEP_EVERY = 5.0  # seconds
PRUNE_EVERY = 3600.0  # seconds
LAG_EVERY = 0.25  # seconds between looks at the event loop
LAG_MEMORY = 60  # looks among which the longest stall is told
RESTART_DELAYS = (1.0, 5.0, 15.0, 60.0)  # seconds before a loop that died is started again

log = logs.get("app")


class Daemon:
    """One running bridge: inside the context pushes are taken, ``run`` sends them on.

    Raises:
        StartError: a port is taken, the outbox is held by another daemon, a file cannot be used.
    """

    def __init__(self, config: Config, clock: Clock, transport: Transport | None = None) -> None:
        self.parts = Parts(config, clock, transport)
        self.view = View(self.parts)
        views = Views(
            alive=self._alive,
            readiness=self.view.readiness,
            metrics=self.view.render_metrics,
            status=self.view.status,
        )
        self.admin = AdminServer(config.admin.bind, admin_token(config), config.admin.hosts, views)
        self._clock = clock
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Open the outbox, the lines to the CAD, the listener and the admin door, in this order."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.parts.store)
            await self.parts.outbox.load()
            await self.parts.budgets.load()
            await stack.enter_async_context(self.parts.http)
            await stack.enter_async_context(self.parts.listener)
            await stack.enter_async_context(self.admin)
            self._stack = stack.pop_all()
        self.parts.flusher.start()
        log.info(
            "daemon ready",
            version=__version__,
            instance=self.parts.instance,
            listener=[str(address) for address in self.parts.listener.addresses],
            admin=self.admin.addresses,
            servers=[server.name for server in self.parts.fleet],
            interval=self.parts.flusher.interval,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close what is still open."""
        await self._stack.aclose()
        log.info("daemon stopped")

    async def run(self, stop: asyncio.Event) -> None:
        """Send on what is pushed until ``stop`` is set, then drain."""
        loops: dict[str, Callable[[], Coroutine[None, None, None]]] = {
            "flusher": self.parts.flusher.run,
            "relay": self.parts.relay.run,
            "keeper": lambda: self._restarting("keeper", self.parts.keeper.run),
            "heartbeat": lambda: self._restarting("heartbeat", self.parts.heartbeat.run),
            "upkeep": self._keep_up,
            "lag": self._watch_lag,
        }
        async with TaskGroup() as group:
            tasks = {name: group.create_task(loop(), name=name) for name, loop in loops.items()}
            await stop.wait()
            await self._drain(tasks)
            for task in tasks.values():
                task.cancel()

    async def _drain(self, tasks: dict[str, "asyncio.Task[None]"]) -> None:
        """Take no more pushes, send a last batch if the budget allows, deliver what is kept."""
        self.view.draining = True
        log.info("daemon draining")
        deadline = self._clock.monotonic() + self.parts.config.outbox.drain
        await self.parts.listener.close()
        tasks["heartbeat"].cancel()
        tasks["flusher"].cancel()
        await asyncio.wait([tasks["flusher"]])
        async with TaskGroup() as group:
            group.create_task(self._flush_once(deadline))
            group.create_task(self.parts.relay.drain(deadline))
        log.info("daemon drained", pending=self.parts.outbox.counts()[EventState.PENDING])

    async def _flush_once(self, deadline: float) -> None:
        try:
            async with asyncio.timeout(deadline - self._clock.monotonic()):
                await self.parts.flusher.flush()
        except TimeoutError:
            return

    async def _restarting(self, name: str, loop: Callable[[], Awaitable[None]]) -> None:
        """Run a loop that the daemon can do without for a while; start it again when it dies."""
        deaths = 0
        while True:
            try:
                await loop()
            except Exception:
                log.exception("loop died, it is started again", loop=name)
            await self._clock.sleep(RESTART_DELAYS[min(deaths, len(RESTART_DELAYS) - 1)])
            deaths += 1

    async def _keep_up(self) -> None:
        """Try a failing disk again, and delete what is old."""
        prune_at = self._clock.monotonic()
        while True:
            try:
                await self.parts.store.ping()
                self.parts.outbox.save_again()
                if self._clock.monotonic() >= prune_at:
                    prune_at = self._clock.monotonic() + PRUNE_EVERY
                    await self.parts.outbox.prune()
            except StoreError as error:
                log.error("store unwritable", detail=str(error))  # noqa: TRY400 -- the message says it all
            await self._clock.sleep(UPKEEP_EVERY)

    async def _watch_lag(self) -> None:
        stalls = [0.0] * LAG_MEMORY
        look = 0
        while True:
            started = self._clock.monotonic()
            await self._clock.sleep(LAG_EVERY)
            stalls[look % LAG_MEMORY] = max(0.0, self._clock.monotonic() - started - LAG_EVERY)
            self.view.loop_lag = max(stalls)
            look += 1

    async def _alive(self) -> bool:
        try:
            async with asyncio.timeout(PING_TIMEOUT):
                await self.parts.store.ping()
        except TimeoutError:
            return False
        except BridgeError:
            return True  # the store turns; /readyz says what is wrong with the disk
        return True


async def serve(config: Config, clock: Clock, stop: asyncio.Event, ready: Callable[[Daemon], None]) -> None:
    """Run one daemon until ``stop`` is set; ``ready`` is called when it takes pushes."""
    async with Daemon(config, clock) as daemon:
        ready(daemon)
        await daemon.run(stop)
