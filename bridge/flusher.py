"""Empties the coalescer: one batch per key and interval, the servers in turn.

A failed batch takes the next interval with newer data in it, never an extra request. A refused one (400, 413, 422)
holds something the CAD will not have: half of it is tried at a time until a single unit is left.
"""

from collections import OrderedDict
from collections.abc import Collection, Sequence

from msgspec import Struct

from bridge import logs
from bridge.clock import Alarm, Clock
from bridge.coalescer import Batch, Coalescer
from bridge.config import LocationsConfig
from bridge.errors import CadError
from bridge.fleet import Fleet
from bridge.metrics import Metrics
from bridge.operations import UPDATE_UNIT_LOCATIONS
from bridge.postals import Postals
from bridge.retry import Done, Fail, judge, refusal
from bridge.roster import Location
from bridge.sonoran import v2
from bridge.sonoran.client import CadClient
from bridge.sonoran.messages import CadAnswer
from bridge.units import ServerId, UnitId, shorten

SET_ASIDE = 600.0  # seconds a unit stays out after the CAD refused its location, or batches stay small
REMEMBERED = 500  # batches; at the usual pace those of the last 40 minutes
REFUSED_PAUSE = 60.0  # seconds a server waits after 403 or 404: nothing in the batch is to blame
DROP_REASONS = ("stale", "forgotten", "refused")
TOO_LARGE = "too_large"
DIVIDED = frozenset({"bad_request", TOO_LARGE, "unprocessable"})

log = logs.get("flusher")


class BatchReport(Struct, frozen=True, kw_only=True):
    """How the last batch went; ``at`` is Unix seconds, ``reason`` is empty where the CAD took it."""

    at: float
    server: str
    units: int
    updated: int | None
    lag_seconds: float
    reason: str


class Upcoming(Struct, frozen=True, kw_only=True):
    """What the next batch holds as things stand: up to so many units of one server, panicking ones among them."""

    server_id: ServerId
    units: int
    panicking: bool


class _Search:
    """The hunt for a unit that makes the CAD refuse a server's batches.

    Suspects are tried by halves and nobody else with them, or a second bad unit would lead it astray. After a try
    that is refused the rest of the server's units get a batch of their own, unless there is a bad one among them too.
    """

    def __init__(self, suspects: Sequence[UnitId]) -> None:
        self.suspects = list(suspects)
        self.trying = True  # the next batch holds suspects; else all but them
        self._rest_refused = False

    @property
    def tried(self) -> list[UnitId]:
        """Return the half that the next try holds."""
        return self.suspects[: (len(self.suspects) + 1) // 2]

    def note(self, taken: Sequence[UnitId], *, refused: bool) -> None:
        """Note what the CAD said of a batch."""
        if not self.trying:
            self.trying, self._rest_refused = True, refused
        elif refused:
            present = frozenset(taken)
            self.suspects = [unit for unit in self.suspects if unit in present]
            self.trying = self._rest_refused
        else:
            self.suspects = self.suspects[len(self.tried) :]  # those tried are good, or have left


class Flusher:
    """Sends locations at the pace of the configuration and the CAD's limit."""

    def __init__(
        self,
        coalescer: Coalescer,
        fleet: Fleet,
        client: CadClient,
        config: LocationsConfig,
        metrics: Metrics,
        clock: Clock,
        postals: Postals | None,
    ) -> None:
        self._coalescer = coalescer
        self._fleet = fleet
        self._client = client
        self._config = config
        self._metrics = metrics
        self._clock = clock
        self._postals = postals
        self.interval = client.budgets[UPDATE_UNIT_LOCATIONS.name].gap
        self.next_at = 0.0
        self._stopping = False
        self._alarm = Alarm(clock)
        self.last: BatchReport | None = None
        self._reports: OrderedDict[tuple[ServerId, float], BatchReport] = (
            OrderedDict()
        )  # by when it was taken
        self.unmatched = {server.id: 0 for server in fleet}  # of each server's last batch
        self._turns = [server.id for server in fleet]
        self._preferred: set[ServerId] = set()  # whose panic went ahead of the others since a turn was kept
        self._searches: dict[ServerId, _Search] = {}
        self._most = config.max_batch  # units in a batch
        self._small_until = 0.0  # monotonic seconds
        self._paused_until: dict[ServerId, float] = {}

    def reconfigure(self, config: LocationsConfig, postals: Postals | None) -> None:
        """Send at the pace and in the turns that fleet, budgets and configuration now want."""
        self._config = config
        self._postals = postals
        now_served = [server.id for server in self._fleet]
        kept = [server_id for server_id in self._turns if server_id in now_served]
        self._turns = kept + [server_id for server_id in now_served if server_id not in kept]
        self.unmatched |= {server_id: 0 for server_id in now_served if server_id not in self.unmatched}
        self.interval = self._client.budgets[UPDATE_UNIT_LOCATIONS.name].gap
        self.next_at = min(self.next_at, self._clock.monotonic() + self.interval)
        self._alarm.ring()

    def upcoming(self, now: float) -> Upcoming | None:
        """Return what the next batch would hold, or None where nothing is due or everything is held."""
        server_id = None if self._client.breaker.holding else self._pick(now)[0]
        if server_id is None:
            return None
        return Upcoming(
            server_id=server_id,
            units=min(self._coalescer.pending(server_id), self._most),
            panicking=self._coalescer.has_panic(server_id),
        )

    def report_of(self, server_id: ServerId, taken_at: float) -> BatchReport | None:
        """Return how a server's batch went that was taken then (monotonic seconds), of the last 500."""
        return self._reports.get((server_id, taken_at))

    def paused_until(self, server_id: ServerId) -> float:
        """Return until when a server gets no batches, because the CAD answered 403 or 404: monotonic seconds."""
        return self._paused_until.get(server_id, 0.0)

    def suspects(self, server_id: ServerId) -> Collection[UnitId]:
        """Return the units of a server among which is one that makes the CAD refuse its batches."""
        search = self._searches.get(server_id)
        return () if search is None else search.suspects

    def start(self) -> None:
        """Set the first batch one interval off, whatever a former run sent."""
        self.next_at = self._clock.monotonic() + self.interval

    async def run(self) -> None:
        """Send a batch each interval until stopped."""
        while not self._stopping:
            if self._clock.monotonic() >= self.next_at:
                await self.flush()
            await self._alarm.wait_until(self.next_at)

    def stop(self) -> None:
        """Have ``run`` end once the batch in flight, if any, has its answer."""
        self._stopping = True
        self._alarm.ring()

    async def flush(self) -> bool:
        """Send one batch if anything is due and the budget allows; tell whether one was sent."""
        now = self._clock.monotonic()
        self.next_at = max(now, self._client.free_at(UPDATE_UNIT_LOCATIONS.name, now))
        if self.next_at > now:
            return False
        self.next_at = now + self.interval
        self._sweep(now)
        batch = None if self._client.breaker.holding else self._next_batch(now)
        if batch is None:
            return False
        await self._send(batch)
        return True

    def _sweep(self, now: float) -> None:
        for server_id, unsent in self._coalescer.sweep(now).items():
            if unsent:
                self._drop(server_id, "forgotten", unsent)

    def _next_batch(self, now: float) -> Batch | None:
        """Return the batch of whoever's turn it is; a server with nothing but stale locations loses its turn."""
        while (server_id := self._choose(now)) is not None:
            batch = self._take(server_id, now)
            if batch.locations:
                return batch
        return None

    def _choose(self, now: float) -> ServerId | None:
        """Return whose turn it is: a server with a panic first, then the one that waited longest.

        After its panic went ahead a server waits until another one had a turn, or a panic that lasts would keep
        all others off the map.
        """
        chosen, urgent = self._pick(now)
        if chosen is None:
            return None
        if urgent:
            self._preferred.add(chosen)
        else:
            self._preferred.clear()
        self._turns.remove(chosen)
        self._turns.append(chosen)
        return chosen

    def _pick(self, now: float) -> tuple[ServerId | None, bool]:
        """Return whose turn it would be, and whether a panic puts it before its turn."""
        due = [
            server_id for server_id in self._turns
            if self._coalescer.ready(server_id, now) and self._paused_until.get(server_id, 0.0) <= now
        ]  # fmt: skip
        for server_id in due:
            if server_id not in self._preferred and self._coalescer.has_panic(server_id):
                return server_id, True
        return (due[0] if due else None), False

    def _take(self, server_id: ServerId, now: float) -> Batch:
        search = self._searches.get(server_id)
        if search is None:
            return self._take_part(server_id, now)
        if not search.trying:
            batch = self._take_part(server_id, now, withhold=frozenset(search.suspects))
            if batch.locations:
                return batch
            search.trying = True
        batch = self._take_part(server_id, now, only=frozenset(search.tried))
        if batch.locations:
            return batch
        del self._searches[server_id]  # the suspects left, or have nothing new to tell
        return self._take_part(server_id, now)

    def _take_part(
        self, server_id: ServerId, now: float, *, withhold: Collection[UnitId] = (),
        only: Collection[UnitId] | None = None,
    ) -> Batch:  # fmt: skip
        if now >= self._small_until:
            self._most = self._config.max_batch
        batch = self._coalescer.take(server_id, now, self._most, withhold=withhold, only=only)
        if batch.stale:
            self._drop(server_id, "stale", batch.stale)
        return batch

    async def _send(self, batch: Batch) -> None:
        name = self._fleet[batch.server_id].name
        self._metrics.batches.labels(name).inc()
        self._metrics.batch_units.labels(name).observe(len(batch.locations))
        lag = batch.taken_at - batch.oldest_at
        self._metrics.batch_lag.labels(name).observe(lag)
        updates = [self._describe(location) for location in batch.locations]
        updated, reason = None, "internal"
        try:
            answer = await self._client.send(v2.update_unit_locations(batch.server_id, updates))
            updated, reason = self._judge(batch, answer)
        except CadError as error:
            reason = error.reason
        finally:
            self._conclude(batch, name, updated, reason)
            self.last = BatchReport(
                at=self._clock.wall(), server=name, units=len(updates), updated=updated,
                lag_seconds=round(lag, 3), reason=reason,
            )  # fmt: skip
            self._reports[batch.server_id, batch.taken_at] = self.last
            if len(self._reports) > REMEMBERED:
                self._reports.popitem(last=False)

    def _judge(self, batch: Batch, answer: CadAnswer) -> tuple[int | None, str]:
        match judge(answer):
            case Done():
                return v2.read_updated(answer), ""
            case Fail():
                reason = refusal(answer.status)
                log.error(
                    "batch refused", server=self._fleet[batch.server_id].name, reason=reason,
                    units=len(batch.locations), detail=v2.read_problem(answer),
                )  # fmt: skip
                return None, reason
            case verdict:
                return None, getattr(verdict, "reason", "unauthorized")

    def _conclude(self, batch: Batch, name: str, updated: int | None, reason: str) -> None:
        """Give the batch back to the coalescer as what it turned out to be."""
        search = self._searches.get(batch.server_id)
        if not reason:
            self._coalescer.confirm(batch)
            sent = len(batch.locations)
            self._metrics.locations_sent.labels(name).inc(sent)
            self.unmatched[batch.server_id] = max(0, sent - (sent if updated is None else updated))
            self._metrics.locations_unmatched.labels(name).inc(self.unmatched[batch.server_id])
            if search is not None:
                search.note(batch.unit_ids, refused=False)
                if not search.suspects:
                    del self._searches[batch.server_id]
            return
        self._coalescer.restore(batch)
        self._metrics.batch_failures.labels(name, reason).inc()
        if reason in DIVIDED:
            self._divide(batch, name, search, reason)
        elif reason in ("forbidden", "not_found"):
            self._paused_until[batch.server_id] = self._clock.monotonic() + REFUSED_PAUSE

    def _divide(self, batch: Batch, name: str, search: _Search | None, reason: str) -> None:
        units, until = batch.unit_ids, self._clock.monotonic() + SET_ASIDE
        if len(units) == 1:
            self._searches.pop(batch.server_id, None)
            self._small_until = 0.0
            self._coalescer.set_aside(units[0], until)
            self._drop(batch.server_id, "refused", 1)
            log.error("unit set aside, the CAD refuses its location", server=name, unit=shorten(units[0]))
        elif reason == TOO_LARGE:
            self._most, self._small_until = len(units) // 2, until
        elif search is not None:
            search.note(units, refused=True)
        else:
            self._searches[batch.server_id] = _Search(units)

    def _describe(self, location: Location) -> v2.UnitUpdate:
        report = location.report
        return v2.UnitUpdate(
            community_user_id=report.unit_id,
            location=self._words(location),
            coordinates=v2.coordinates(report.x, report.y, report.z, report.heading),
            peer_id=report.peer_id,
            vehicle=report.vehicle,
        )

    def _words(self, location: Location) -> str:
        report = location.report
        postal = None if self._postals is None else self._postals.nearest(report.x, report.y)
        words = [f"[{postal}]"] if postal is not None else []
        if location.text:
            words.append(location.text)
        return " ".join(words) or f"{report.x:.0f}, {report.y:.0f}"

    def _drop(self, server_id: ServerId, reason: str, number: int) -> None:
        self._metrics.locations_dropped.labels(self._fleet[server_id].name, reason).inc(number)
