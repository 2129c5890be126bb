"""How events ended: counted, logged, and the latest ones remembered for /status."""

from collections import Counter, deque
from collections.abc import Mapping

from msgspec import Struct

from bridge import logs
from bridge.events import EventId, EventKind, EventState, Panic, units_of
from bridge.metrics import Metrics
from bridge.outbox.pending import PendingEvent
from bridge.outbox.records import Outcome
from bridge.units import ServerId

DISCARDED = "discarded"  # why an event failed that an operator ended
RECENT = 20  # panics and failures that are remembered

log = logs.get("outbox")


class Ended(Struct, frozen=True, kw_only=True):
    """An event that ended lately, as ``/status`` shows it; ``at`` and ``ended_at`` are Unix seconds, of its acceptance and its end."""

    id: EventId
    kind: EventKind
    state: EventState
    at: float
    ended_at: float
    active: bool | None
    units: int
    latency_seconds: float | None
    error: str | None


class History:
    """The endings of events.

    ``panics`` and ``failures`` hold the latest, oldest first; ``reasons`` counts why events of this run did not reach
    the CAD, by state.
    """

    def __init__(self, metrics: Metrics, names: Mapping[ServerId, str]) -> None:
        self._metrics = metrics
        self._names = names
        self.panics: deque[Ended] = deque(maxlen=RECENT)
        self.failures: deque[Ended] = deque(maxlen=RECENT)
        self.reasons: dict[EventState, Counter[str]] = {}

    def add(self, event: PendingEvent, outcome: Outcome, error: str | None, seconds: float) -> None:
        """Count, log and remember an ending; ``seconds`` have passed since it was accepted or retried."""
        self._tell(event, outcome, seconds)
        ended = Ended(
            id=event.id,
            kind=event.kind,
            state=outcome.state,
            at=event.accepted_at_unix,
            ended_at=event.waiting_since_unix + seconds,
            active=event.event.active if isinstance(event.event, Panic) else None,
            units=len(units_of(event.event)),
            latency_seconds=seconds if outcome.state is EventState.DELIVERED else None,
            error=error,
        )
        if outcome.state is not EventState.DELIVERED:
            self.reasons.setdefault(outcome.state, Counter())[outcome.reason or outcome.state] += 1
        if event.kind is EventKind.PANIC:
            self.panics.append(ended)
        if outcome.state in (EventState.FAILED, EventState.EXPIRED):
            self.forget(event.id)
            self.failures.append(ended)

    def forget(self, event_id: EventId) -> None:
        """Tell no more that an event failed: it is tried again."""
        for ended in [ended for ended in self.failures if ended.id == event_id]:
            self.failures.remove(ended)

    def _tell(self, event: PendingEvent, outcome: Outcome, seconds: float) -> None:
        labels = (self._names[event.server_id], event.kind)
        facts = {
            "id": event.id,
            "kind": event.kind,
            "server": labels[0],
            "attempts": event.attempts,
            "seconds": round(seconds, 3),
        }
        match outcome.state:
            case EventState.DELIVERED:
                self._metrics.events_delivered.labels(*labels).inc()
                self._metrics.event_delivery.labels(event.kind).observe(seconds)
                say = log.info if event.kind is EventKind.PANIC else log.debug
                say("event delivered", **facts)
            case EventState.SUPERSEDED:
                self._metrics.events_superseded.labels(*labels).inc()
                cancelled = {"reason": outcome.reason} if outcome.reason else {}
                log.info("event superseded", **facts, **cancelled)
            case EventState.EXPIRED:
                self._metrics.events_expired.labels(*labels).inc()
                log.error("event expired", detail=outcome.detail, **facts)
            case _:
                self._metrics.events_failed.labels(*labels, outcome.reason).inc()
                say = log.warning if outcome.reason == DISCARDED else log.error  # somebody wanted it so
                say("event failed", reason=outcome.reason, detail=outcome.detail, **facts)
