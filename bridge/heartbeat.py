"""Tells the CAD how many players each game server has, and looks whether the game servers live.

A heartbeat goes out only for a server that shows a sign of life: by a push, or by answering ``/dynamic.json``, which
every FXServer does without any resource.
"""

from asyncio import Event, Lock, TaskGroup
from collections.abc import Callable
from typing import Annotated

import aiohttp
import msgspec
from msgspec import Meta, Struct

from bridge import logs
from bridge.clock import Alarm, Clock
from bridge.errors import CadError
from bridge.fleet import Fleet, GameServer, GameServerState, Probe
from bridge.metrics import Metrics
from bridge.operations import HEARTBEAT
from bridge.retry import Done, Fail, judge, refusal
from bridge.sonoran import v2
from bridge.sonoran.budget import heartbeat_pace
from bridge.sonoran.budgets import Ticket
from bridge.sonoran.client import CadClient
from bridge.units import ServerId

PROBE_EVERY = 10.0  # seconds between looks at /dynamic.json
PROBE_TIMEOUT = 3.0  # seconds
RETRY_AFTER = 10.0  # seconds after a heartbeat that did not get through; doubled each time up to the interval
MAX_DYNAMIC = 64 * 1024  # bytes

log = logs.get("heartbeat")


class _Dynamic(Struct):
    clients: Annotated[int, Meta(ge=0)]


class Heartbeat:
    """The heartbeats of all game servers.

    Args:
        interval: seconds between two heartbeats of one server.
        count_units: how many units of a server are known.
        urls: where a game server answers ``/dynamic.json``, for those that are asked.
    """

    def __init__(
        self, fleet: Fleet, client: CadClient, metrics: Metrics, clock: Clock, *, interval: float,
        urls: dict[ServerId, str],
        count_units: Callable[[ServerId], int],
    ) -> None:  # fmt: skip
        self._fleet = fleet
        self._client = client
        self._metrics = metrics
        self._clock = clock
        self._urls = urls
        self._count_units = count_units
        self._turn = Lock()  # who waits for a slot first gets one first
        self._alarms: dict[ServerId, Alarm] = {}  # of those that wait for their next try
        client.breaker.on_recovery(self._recover)
        self.interval = interval
        self._changed = Event()
        self.last_success_at: dict[ServerId, float] = {}  # Unix seconds
        self._facts = self._look()

    def reconfigure(self, interval: float, urls: dict[ServerId, str]) -> None:
        """Beat at another pace, for the servers that the fleet has now."""
        former = self._facts
        self.interval, self._urls = interval, urls
        self._facts = self._look()
        if self._facts != former:
            self._changed.set()

    def _look(self) -> tuple[object, ...]:
        """Return all that the beats under way depend on."""
        limit = self._client.budgets[HEARTBEAT.name].limit
        return self.interval, dict(self._urls), [server.id for server in self._fleet], limit

    async def run(self) -> None:
        """Run until cancelled."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PROBE_TIMEOUT)) as session:
            while True:
                self._changed.clear()
                await self._run_once(session)

    async def _run_once(self, session: aiohttp.ClientSession) -> None:
        """Beat and watch until servers or pace change."""
        async with TaskGroup() as group:
            tasks = [
                group.create_task(self._beat(server, number), name=f"heartbeat {server.name}")
                for number, server in enumerate(self._fleet)
            ]
            tasks += [
                group.create_task(
                    self._watch(self._fleet[server_id], url, session), name=f"watch {server_id}"
                )
                for server_id, url in self._urls.items()
            ]
            await self._changed.wait()
            for task in tasks:
                task.cancel()

    async def _beat(self, server: GameServer, number: int) -> None:
        # The first beats of several servers are spread so that they do not meet at the limit.
        await self._clock.sleep(min(PROBE_TIMEOUT, self.interval) + number * self.interval / self._size())
        failures = 0
        while True:
            told = await self._tell(server)
            if told:
                failures = 0
                await self._clock.sleep(self.interval)
                continue
            failures = 0 if told is None else failures + 1
            if failures == 1:
                log.warning("heartbeat postponed", server=server.name)
            alarm = self._alarms[server.id] = Alarm(self._clock)
            await alarm.wait_until(self._clock.monotonic() + self._retry_delay(failures))

    def _retry_delay(self, failures: int) -> float:
        """Return the seconds until the next try: the more servers share the limit, the more."""
        if not failures:
            return min(RETRY_AFTER, self.interval)
        pace = heartbeat_pace(RETRY_AFTER, self._size(), self._client.budgets[HEARTBEAT.name].limit)
        return min(self.interval, pace * 2.0 ** min(failures - 1, 8))

    def _recover(self) -> None:
        for alarm in self._alarms.values():
            alarm.ring()

    def _size(self) -> int:
        return sum(1 for _ in self._fleet)

    async def _tell(self, server: GameServer) -> bool | None:
        """Send one heartbeat; None where there is nothing to tell yet, False where it did not get through."""
        now = self._clock.monotonic()
        players = self._players(server, now)
        if players is None or server.state(now) is GameServerState.SILENT or self._client.breaker.holding:
            return None
        ticket = await self._wait_for_slot()
        if self._client.breaker.holding:  # the wait may have been minutes
            self._client.budgets.settle(ticket, sends=0)
            return None
        latest = self._players(server, self._clock.monotonic())
        try:
            answer = await self._client.send(
                v2.heartbeat(server.id, players if latest is None else latest), ticket
            )
        except CadError as error:
            return self._failed(server, error.reason)
        match judge(answer):
            case Done():
                self._metrics.heartbeats.labels(server.name).inc()
                self.last_success_at[server.id] = self._clock.wall()
                self._metrics.heartbeat_last_success.labels(server.name).set(self._clock.wall())
                return True
            case Fail():
                log.error("heartbeat refused", server=server.name, detail=v2.read_problem(answer))
                return not self._failed(server, refusal(answer.status))
            case verdict:
                return self._failed(server, getattr(verdict, "reason", "unauthorized"))

    def _players(self, server: GameServer, now: float) -> int | None:
        """Return the players as pushed or probed; where the server never tells, the units at least."""
        players = server.players(now)
        return (
            self._count_units(server.id) if players is None and server.last_push_at is not None else players
        )

    async def _wait_for_slot(self) -> Ticket:
        async with self._turn:
            while (ticket := self._client.budgets.take(HEARTBEAT.name)) is None:
                now = self._clock.monotonic()
                await self._clock.sleep(self._client.free_at(HEARTBEAT.name, now) - now)
            return ticket

    def _failed(self, server: GameServer, reason: str) -> bool:
        self._metrics.heartbeat_failures.labels(server.name, reason).inc()
        return False

    async def _watch(self, server: GameServer, url: str, session: aiohttp.ClientSession) -> None:
        while True:
            started = self._clock.monotonic()
            players = await ask_players(session, url)
            now = self._clock.monotonic()
            server.probed(Probe(at=now, players=players, seconds=now - started))
            await self._clock.sleep(PROBE_EVERY)


async def ask_players(session: aiohttp.ClientSession, url: str) -> int | None:
    """Return the players that a game server's ``/dynamic.json`` tells, or None if it does not answer."""
    try:
        async with session.get(f"{url.rstrip('/')}/dynamic.json", allow_redirects=False) as response:
            if not response.ok:
                return None
            body = b""
            async for part in response.content.iter_any():
                body += part
                if len(body) > MAX_DYNAMIC:
                    return None
            return msgspec.json.decode(body, type=_Dynamic, strict=False).clients
    except (aiohttp.ClientError, OSError, ValueError, msgspec.MsgspecError, RecursionError):
        return None
