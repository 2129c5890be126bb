"""Tells how the daemon is: readiness, status and the metrics that are read rather than counted."""

from collections.abc import Iterator

import msgspec

from bridge import __version__
from bridge.admin.server import Readiness
from bridge.admin.status import (
    BatchStatus,
    BudgetStatus,
    CadStatus,
    FailureStatus,
    FindingStatus,
    LocationsStatus,
    NextBatchStatus,
    OutboxStatus,
    PanicStatus,
    ServerStatus,
    SetAsideStatus,
    Status,
)
from bridge.admin.verdict import judge
from bridge.app.parts import Parts
from bridge.events import EventKind, EventState
from bridge.fleet import GameServer
from bridge.metrics import GAME_SERVER_STATES
from bridge.operations import OWN
from bridge.sonoran.breaker import Breaker, KeyState

_OWN = frozenset(operation.name for operation in OWN)


class View:
    """Reads the parts; changes nothing but gauges."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.draining = False
        self.loop_lag = 0.0  # seconds, the longest of late
        self.reload_refused = False  # the configuration on disk could not be used when it was read last

    def readiness(self) -> Readiness:
        """Return whether pushes are taken and go on to the CAD; a CAD that is merely down does not count."""
        parts = self._parts
        blocking: list[str] = []
        if self.draining:
            blocking.append("draining: the daemon is stopping")
        if parts.store.error is not None:
            blocking.append(f"store unwritable: {parts.store.error}")
        if parts.outbox.full:
            blocking.append("store full: as many events wait as outbox.max_events allows")
        if parts.breaker.key is KeyState.REFUSED:
            blocking.append("key refused: the CAD does not accept cad.api_key_file; everything is held")
        down = [f"CAD down: {self._why_down(parts.breaker)}"] if parts.breaker.down else []
        shown = [] if parts.certificate is None else parts.certificate.complaints
        certificate = [f"listener: {complaint}" for complaint in shown]
        return Readiness(ready=not blocking, reasons=[*blocking, *down, *self._of_cms(), *certificate])

    def _why_down(self, breaker: Breaker) -> str:
        if breaker.reason == "proxy":
            return f"{self._parts.config.cad.proxy} (cad.proxy) lets nothing through"
        return "it does not answer"

    def _of_cms(self) -> list[str]:
        """Return what is wrong with the CMS; pushes and the CAD do not depend on it."""
        if self._parts.cms is None:
            return []
        breaker = self._parts.cms.breaker
        if breaker.key is KeyState.REFUSED:
            return ["CMS key refused: it does not accept cms.api_key_file; clockings are held"]
        return [f"CMS down: {self._why_down(breaker)}"] if breaker.down else []

    def summary(self) -> str:
        """Return how the daemon is in one line."""
        reasons = self.readiness().reasons
        units = sum(self._parts.coalescer.count(server.id) for server in self._parts.fleet)
        pending = len(self._parts.outbox.backlog)
        return "; ".join([*(reasons or ["all is well"]), f"{units} units, {pending} events pending"])

    def status(self) -> Status:
        """Return everything at a glance."""
        seen = self._look()
        return msgspec.structs.replace(seen, verdict=judge(seen))

    def _look(self) -> Status:
        parts = self._parts
        readiness = self.readiness()
        return Status(
            version=__version__,
            instance=parts.instance,
            started_at=parts.started_at,
            ready=readiness.ready,
            reasons=readiness.reasons,
            cad=self._cad(),
            locations=self._locations(),
            servers=[self._server(server) for server in parts.fleet],
            outbox=self._outbox(),
            panics=[
                PanicStatus(
                    id=ended.id,
                    at=ended.at,
                    active=bool(ended.active),
                    units=ended.units,
                    state=ended.state,
                    latency_seconds=ended.latency_seconds,
                )
                for ended in reversed(parts.outbox.backlog.history.panics)
            ],
            now=parts.clock.wall(),
            loop_lag=self.loop_lag,
            reload_refused=self.reload_refused,
        )

    def render_metrics(self) -> bytes:
        """Return the metrics, the gauges read now."""
        return b"".join(self.metric_slices())

    def metric_slices(self) -> Iterator[bytes]:
        """Go through the metrics, the gauges read now, in parts that keep nobody waiting."""
        parts, metrics = self._parts, self._parts.metrics
        for state, number in parts.outbox.counts().items():
            metrics.outbox_events.labels(state).set(number)
        metrics.outbox_oldest_pending.set(parts.outbox.backlog.oldest_pending_at() or 0)
        for operation, (_, remaining) in parts.budgets.remaining().items():
            metrics.cad_budget_remaining.labels(operation).set(remaining)
        metrics.cad_up.set(bool(self._cad_up()))
        metrics.loop_lag.set(self.loop_lag)
        for server in parts.fleet:
            self._gauge_server(server)
        return metrics.slices()

    def _gauge_server(self, server: GameServer) -> None:
        parts, metrics = self._parts, self._parts.metrics
        now = parts.clock.monotonic()
        state = server.state(now)
        metrics.units.labels(server.name).set(parts.coalescer.count(server.id))
        metrics.units_pending.labels(server.name).set(parts.coalescer.ready(server.id, now))
        metrics.players.labels(server.name).set(server.players(now) or 0)
        metrics.last_push.labels(server.name).set(self._to_unix(server.last_push_at) or 0)
        metrics.game_server_up.labels(server.name).set(state != "silent")
        for name in GAME_SERVER_STATES:
            metrics.game_server_state.labels(server.name, name).set(state == name)

    def _cad_up(self) -> bool | None:
        """Tell whether the CAD answers; None while it has not been asked enough to know."""
        breaker = self._parts.breaker
        if breaker.last_answer_at is None and not breaker.down:
            return None
        return not breaker.down

    def _cad(self) -> CadStatus:
        parts = self._parts
        return CadStatus(
            up=self._cad_up(),
            key=parts.breaker.key,
            plan=parts.keeper.plan,
            last_answer_at=parts.breaker.last_answer_at,
            budgets={
                operation: BudgetStatus(limit=limit, remaining=remaining)
                for operation, (limit, remaining) in parts.budgets.remaining().items()
                if operation in _OWN or remaining < limit
            },
            findings=[
                FindingStatus(severity=finding.severity, text=finding.text)
                for finding in parts.survey.findings
            ],
        )

    def _locations(self) -> LocationsStatus:
        parts = self._parts
        now = parts.clock.monotonic()
        last, upcoming = parts.flusher.last, parts.flusher.upcoming(now)
        return LocationsStatus(
            interval=parts.flusher.interval,
            next_batch_at=self._to_unix(parts.flusher.next_at) or 0.0,
            next_batch=None
            if upcoming is None
            else NextBatchStatus(
                server=parts.fleet[upcoming.server_id].name,
                units=upcoming.units,
                panicking=upcoming.panicking,
            ),
            units=sum(parts.coalescer.count(server.id) for server in parts.fleet),
            pending=sum(parts.coalescer.ready(server.id, now) for server in parts.fleet),
            set_aside=[
                SetAsideStatus(unit=entry.unit_id, until=self._to_unix(entry.until) or 0.0)
                for entry in parts.coalescer.list_set_aside()
            ],
            last_batch=None
            if last is None
            else BatchStatus(
                at=last.at,
                server=last.server,
                units=last.units,
                updated=last.updated,
                lag_seconds=last.lag_seconds,
                reason=last.reason or None,
            ),
        )

    def _server(self, server: GameServer) -> ServerStatus:
        parts = self._parts
        now = parts.clock.monotonic()
        return ServerStatus(
            id=server.id,
            name=server.name,
            state=server.state(now),
            last_push_at=self._to_unix(server.last_push_at),
            players=server.players(now),
            units=parts.coalescer.count(server.id),
            pending=parts.coalescer.ready(server.id, now),
            heartbeat_at=parts.heartbeat.last_success_at.get(server.id),
            unmatched=parts.flusher.unmatched[server.id],
        )

    def _outbox(self) -> OutboxStatus:
        outbox = self._parts.outbox
        counts = outbox.counts()
        return OutboxStatus(
            pending=counts[EventState.PENDING],
            delivered=counts[EventState.DELIVERED],
            failed=counts[EventState.FAILED],
            expired=counts[EventState.EXPIRED],
            superseded=counts[EventState.SUPERSEDED],
            oldest_pending_at=outbox.backlog.oldest_pending_at(),
            waiting={
                kind.value: len(outbox.backlog.queue(kind))
                for kind in EventKind
                if len(outbox.backlog.queue(kind))
            },
            hindrance=self._hindrance(),
            reasons={
                state.value: dict(reasons.most_common())
                for state, reasons in outbox.backlog.history.reasons.items()
            },
            recent_failures=[
                FailureStatus(
                    id=ended.id, kind=ended.kind, error=ended.error, at=ended.at, ended_at=ended.ended_at
                )
                for ended in reversed(outbox.backlog.history.failures)
            ],
        )

    def _hindrance(self) -> str:
        """Return what keeps the oldest pending event waiting; empty where nothing does."""
        backlog = self._parts.outbox.backlog
        oldest = backlog.oldest()
        deliveries = () if oldest is None else oldest.deliveries
        return next((said for said in map(backlog.hindrance, deliveries) if said), "")

    def _to_unix(self, moment: float | None) -> float | None:
        clock = self._parts.clock
        return None if moment is None else round(moment - clock.monotonic() + clock.wall(), 3)
