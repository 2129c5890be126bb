"""Starts the daemon in the order of the flow and stops it in an order that loses nothing."""

import asyncio
from asyncio import Task, TaskGroup
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from typing import Self

from bridge import __version__, logs
from bridge.admin import AdminServer, OutboxViews, Views
from bridge.app.parts import Parts, admin_token, load_postals, secrets_of
from bridge.app.picture import Painter
from bridge.app.search import Search
from bridge.app.timekeeper import Timekeeper
from bridge.app.view import View
from bridge.clock import Alarm, Clock
from bridge.config import Config, Loaded
from bridge.errors import BridgeError, ConfigError, StartError, StoreError
from bridge.events import EventState
from bridge.listener.openapi import describe
from bridge.postals import Postals
from bridge.reload import Change, compare, keep_fixed
from bridge.sonoran.client import Transport
from bridge.systemd import NOBODY, Supervisor

PING_TIMEOUT = 5.0  # seconds after which the store counts as stuck
DEAD_TIMEOUT = 60.0  # seconds after which it counts as dead, which ends the daemon
UPKEEP_EVERY = 5.0  # seconds
PRUNE_EVERY = 60.0  # seconds
LAG_EVERY = 0.25  # seconds between looks at the event loop
LAG_MEMORY = 60  # looks among which the longest stall is told
RESTART_DELAYS = (1.0, 5.0, 15.0, 60.0)  # seconds before a loop that died is started again

log = logs.get("app")


class Daemon:
    """One running bridge: inside the context pushes are taken, ``run`` sends them on.

    Raises:
        StartError: a port is taken, the outbox is held by another daemon, a file cannot be used.
    """

    def __init__(
        self,
        config: Config,
        clock: Clock,
        transport: Transport | None = None,
        supervisor: Supervisor = NOBODY,
        reread: Callable[[], Loaded] | None = None,
    ) -> None:
        self.parts = Parts(config, clock, transport, supervisor.take_sockets())
        self._supervisor = supervisor
        self.view = View(self.parts)
        views = Views(
            alive=self._alive,
            readiness=self.view.readiness,
            metrics=self._render_metrics,
            status=self.view.status,
            openapi=lambda: describe(self.parts.listener.addresses, tls=config.listener.tls),
            outbox=OutboxViews.of(self.parts.desk),
            reload=self.reload,
            picture=Painter(self.parts, self.view).paint,
            search=Search(self.parts).find,
        )
        self.admin = AdminServer(config.admin.bind, admin_token(config), config.admin.hosts, views, clock)
        self._clock = clock
        self._reread = reread
        self._reloading = asyncio.Lock()
        self._reload_asked = Alarm(clock)
        self._secrets = secrets_of(config)  # also former ones: an old line may still be on its way
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Open the outbox, the lines to the CAD, the listener and the admin door, in this order."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.parts.store)
            await self._load()
            await stack.enter_async_context(self.parts.http)
            await stack.enter_async_context(self.parts.forward)
            if self.parts.cms is not None:
                await stack.enter_async_context(self.parts.cms.http)
                await stack.enter_async_context(self.parts.cms.forward)
            await stack.enter_async_context(self.parts.listener)
            await stack.enter_async_context(self.admin)
            self._stack = stack.pop_all()
        self.parts.flusher.start()
        log.info(
            "daemon ready",
            version=__version__,
            instance=self.parts.instance,
            listener=[str(address) for address in self.parts.listener.addresses],
            tls=self.parts.config.listener.tls,
            admin=self.admin.addresses,
            servers=[server.name for server in self.parts.fleet],
            interval=self.parts.flusher.interval,
        )
        self._supervisor.notify("READY=1")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close what is still open."""
        self.parts.outbox.backlog.history.say_all()
        await self._stack.aclose()
        log.info("daemon stopped")

    async def run(self, stop: asyncio.Event) -> None:
        """Send on what is pushed until ``stop`` is set, then drain.

        Raises:
            ExceptionGroup: a loop died that the daemon cannot do without; the log says which, and why.
        """
        parts = self.parts
        loops = {
            "flusher": self._vital("flusher", parts.flusher.run),
            "relay": self._vital("relay", parts.relay.run),
            "lookup": self._vital("lookup", parts.lookup.run),
            "keeper": self._restarting("keeper", parts.keeper.run),
            "survey": self._restarting("survey", parts.survey.run),
            "heartbeat": self._restarting("heartbeat", parts.heartbeat.run),
            "reload": self._restarting("reload", self._reload_when_asked),
            "upkeep": self._vital("upkeep", self._keep_up),
            "time": self._vital("time", self._watch_time),
            "life": self._vital("life", self._tell_life),
        }
        if parts.certificate is not None:
            loops["certificate"] = self._restarting("certificate", parts.certificate.run)
        if parts.cms is not None:
            loops["cms keeper"] = self._restarting("cms keeper", parts.cms.keeper.run)
            loops["whitelist"] = self._restarting("whitelist", parts.cms.whitelist.run)
        async with TaskGroup() as group:
            tasks = {name: group.create_task(loop, name=name) for name, loop in loops.items()}
            await stop.wait()
            await self._drain(tasks)
            for task in tasks.values():
                task.cancel()

    def ask_to_reload(self) -> None:
        """Have the configuration read again soon; the log says how that went."""
        self._reload_asked.ring()

    async def _reload_when_asked(self) -> None:
        while True:
            await self._reload_asked.wait_until(None)
            with suppress(ConfigError):  # it is in the log
                await self.reload()

    async def reload(self) -> list[Change]:
        """Read the configuration again and go on with it; return what differs from before.

        All of it or nothing: a file that cannot be used changes nothing. No push is refused meanwhile.

        Raises:
            ConfigError: with a line for each problem of the file.
        """
        async with self._reloading:
            monotonic = int(self._clock.monotonic() * 1e6)
            self._supervisor.notify("RELOADING=1", f"MONOTONIC_USEC={monotonic}")
            try:
                changes = await self._reload()
            except ConfigError as error:
                self.parts.metrics.config_last_reload_successful.set(0)
                self.view.reload_refused = True
                for problem in error.problems:
                    log.error("reload refused, nothing changed", problem=problem)  # noqa: TRY400 -- the problem says it all
                raise
            finally:
                self._supervisor.notify("READY=1")
            self.parts.metrics.config_last_reload_successful.set(1)
            self.view.reload_refused = False
            self.parts.metrics.config_last_reload_success.set(self._clock.wall())
        return changes

    async def _reload(self) -> list[Change]:
        if self._reread is None or self.view.draining:
            raise ConfigError(["the daemon ends" if self._reread else "there is no file to read again"])
        loaded, postals = await asyncio.to_thread(_read_all, self._reread)
        running = self.parts.config
        config = keep_fixed(running, loaded.config)
        changes = compare(running, loaded.config)
        try:
            token = admin_token(config)
            secrets = secrets_of(config)
        except StartError as error:
            raise ConfigError([str(error)]) from error
        self._secrets += [secret for secret in secrets if secret not in self._secrets]
        logs.configure(level=config.log.level, format=config.log.format, secrets=self._secrets)
        self.parts.reconfigure(config, postals)
        self.admin.reconfigure(token, config.admin.hosts)
        for warning in loaded.warnings:
            log.warning("configuration is unwise", detail=warning)
        for change in changes:
            _tell(change)
        log.info("configuration reloaded", changes=len(changes))
        return changes

    async def _load(self) -> None:
        """Take up where the last run stopped."""
        try:
            await self.parts.outbox.load()
            await self.parts.budgets.load()
            if self.parts.cms is not None:
                await self.parts.cms.budgets.load()
                await self.parts.cms.whitelist.load()
        except StoreError as error:
            raise StartError(f"{self.parts.config.outbox.path}: {error}") from error

    async def _drain(self, tasks: dict[str, "Task[None]"]) -> None:
        """Take no more pushes, send a last batch if the budget allows, deliver what is kept."""
        self.view.draining = True
        self._supervisor.notify("STOPPING=1")
        log.info("daemon draining")
        deadline = self._clock.monotonic() + self.parts.config.outbox.drain
        self.parts.outbox.leave()
        self.parts.forward.leave()
        if self.parts.cms is not None:
            self.parts.cms.forward.leave()
        await self.parts.listener.close()
        tasks["heartbeat"].cancel()
        async with TaskGroup() as group:
            group.create_task(self._flush_last(tasks["flusher"], deadline))
            group.create_task(self.parts.relay.drain(deadline))
        self._save_again()  # before the file is closed
        log.info("daemon drained", pending=self.parts.outbox.counts()[EventState.PENDING])

    async def _flush_last(self, flusher: "Task[None]", deadline: float) -> None:
        """Let the batch in flight end, and send one more if the budget allows."""
        self.parts.flusher.stop()
        try:
            async with asyncio.timeout(max(0.0, deadline - self._clock.monotonic())):
                await flusher
                await self.parts.flusher.flush()
        except TimeoutError:
            return
        except Exception:  # what is on disk is worth more than the last positions
            log.exception("last flush failed")

    async def _vital(self, name: str, loop: Callable[[], Awaitable[None]]) -> None:
        """Run a loop that the daemon cannot do without: its death is logged, and ends the daemon."""
        try:
            await loop()
        except Exception:
            log.exception("loop died, the daemon ends", loop=name)
            raise

    async def _restarting(self, name: str, loop: Callable[[], Awaitable[None]]) -> None:
        """Run a loop that the daemon can do without for a while; start it again when it dies."""
        deaths = 0
        while True:
            started = self._clock.monotonic()
            try:
                await loop()
            except Exception:
                log.exception("loop died, it is started again", loop=name)
            if self._clock.monotonic() - started > RESTART_DELAYS[-1]:
                deaths = 0  # it had recovered from the last one
            await self._clock.sleep(RESTART_DELAYS[min(deaths, len(RESTART_DELAYS) - 1)])
            deaths += 1

    async def _keep_up(self) -> None:
        """Try a failing disk again, and delete what is old."""
        prune_at = self._clock.monotonic()
        told = failing = False
        while True:
            failing = failing or self.parts.store.error is not None  # the store has said so
            try:
                await self._ping()
                self._save_again()
                if self._clock.monotonic() >= prune_at:
                    prune_at = self._clock.monotonic() + PRUNE_EVERY
                    await self.parts.outbox.prune()
            except StoreError as error:
                if not told:
                    log.error("store unwritable", detail=str(error))  # noqa: TRY400 -- the message says it all
                told = failing = True
            else:
                if failing:
                    log.info("store writable again")
                told = failing = False
            await self._clock.sleep(UPKEEP_EVERY)

    def _save_again(self) -> None:
        """Hand in once more what the disk did not take."""
        self.parts.outbox.backlog.writeback.save_again()
        self.parts.budgets.save_again()
        if self.parts.cms is not None:
            self.parts.cms.budgets.save_again()

    async def _ping(self) -> None:
        """Pass through the store's thread.

        Raises:
            StoreError: the file does not take a write.
            TimeoutError: the thread is dead. A sleep of the machine ends one wait too, but not two.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(DEAD_TIMEOUT / 2):
                await self.parts.store.ping()
                return
        async with asyncio.timeout(DEAD_TIMEOUT / 2):
            await self.parts.store.ping()

    async def _watch_time(self) -> None:
        """Tell how late the event loop is, and keep what is remembered true when the machine's time jumps."""
        stalls = [0.0] * LAG_MEMORY
        look = 0
        timekeeper = Timekeeper(self._clock)
        while True:
            started = self.parts.outbox.backlog.awake_at = self._clock.monotonic()
            await self._clock.sleep(LAG_EVERY)
            jump = timekeeper.look()
            if jump is not None:
                log.warning("time jumped", wall_seconds=round(jump.wall), slept_seconds=round(jump.sleep))
                self.parts.outbox.shift(jump.wall, jump.sleep)
                self.parts.budgets.follow_clock()
            stalls[look % LAG_MEMORY] = max(0.0, self._clock.monotonic() - started - LAG_EVERY)
            self.view.loop_lag = max(stalls)
            look += 1

    async def _tell_life(self) -> None:
        """Tell whoever watches us that the event loop and the store turn, thrice in the time that is granted."""
        granted = self._supervisor.watchdog_seconds
        while granted:
            if await self._alive():
                self._supervisor.notify("WATCHDOG=1", f"STATUS={self.view.summary()}")
            await self._clock.sleep(granted / 3)

    async def _render_metrics(self) -> bytes:
        """Return the metrics; the event loop turns meanwhile, for there are thousands of series."""
        parts: list[bytes] = []
        for part in self.view.metric_slices():
            parts.append(part)
            await self._clock.sleep(0)
        return b"".join(parts)

    async def _alive(self) -> bool:
        try:
            async with asyncio.timeout(PING_TIMEOUT):
                await self.parts.store.ping()
        except TimeoutError:
            return False
        except BridgeError:
            return True  # the store turns; /readyz says what is wrong with the disk
        return True


def _read_all(reread: Callable[[], Loaded]) -> tuple[Loaded, Postals | None]:
    loaded = reread()
    return loaded, load_postals(loaded.config)


def _tell(change: Change) -> None:
    if change.restart:
        log.warning(
            "configuration change waits for a restart", key=change.key, old=change.old, new=change.new
        )
    else:
        log.info("configuration changed", key=change.key, old=change.old, new=change.new)
