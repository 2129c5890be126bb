"""How events ended: counted, logged, and the latest ones remembered for /status."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Mapping
from functools import partial

from msgspec import Struct

from bridge import logs
from bridge.events import EventId, EventKind, EventState, Panic, units_of
from bridge.metrics import Metrics
from bridge.outbox.pending import PendingEvent
from bridge.outbox.records import Outcome
from bridge.units import ServerId

DISCARDED = "discarded"  # why an event failed that an operator ended
RECENT = 20  # panics and failures that are remembered
SAID_AT_ONCE = 20  # log lines, which take about half a millisecond
PAUSE = 0.005  # seconds until the next lines
MOST_UNSAID = 2_000  # lines

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


class _Lines:
    """Log lines said a few at a time: those of five hundred events that end together take 20 ms."""

    def __init__(self) -> None:
        self._unsaid: deque[Callable[[], object]] = deque()
        self._said = 0  # since the last pause
        self._pausing = False

    def say(self, line: Callable[[], object]) -> None:
        """Say a line, after those that wait."""
        self._unsaid.append(line)
        if len(self._unsaid) > MOST_UNSAID:
            self._unsaid.popleft()()
        self._say_some()

    def say_all(self) -> None:
        """Say at once what waits."""
        while self._unsaid:
            self._unsaid.popleft()()

    def _say_some(self) -> None:
        while self._unsaid and self._said < SAID_AT_ONCE:
            self._said += 1
            self._unsaid.popleft()()
        if not self._pausing:
            self._pausing = True
            asyncio.get_running_loop().call_later(PAUSE, self._go_on)

    def _go_on(self) -> None:
        self._pausing = False
        self._said = 0
        if self._unsaid:
            self._say_some()


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
        self._lines = _Lines()

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

    def say_all(self) -> None:
        """Log at once what waits to be logged."""
        self._lines.say_all()

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
                loudly = event.kind is EventKind.PANIC
                line = partial(log.info if loudly else log.debug, "event delivered")
            case EventState.SUPERSEDED:
                self._metrics.events_superseded.labels(*labels).inc()
                cancelled = {"reason": outcome.reason} if outcome.reason else {}
                line = partial(log.info, "event superseded", **cancelled)
            case EventState.EXPIRED:
                self._metrics.events_expired.labels(*labels).inc()
                line = partial(log.error, "event expired", detail=outcome.detail)
            case _:
                self._metrics.events_failed.labels(*labels, outcome.reason).inc()
                wanted = outcome.reason == DISCARDED  # by somebody
                line = partial(
                    log.warning if wanted else log.error,
                    "event failed",
                    reason=outcome.reason,
                    detail=outcome.detail,
                )
        self._lines.say(partial(line, **facts))
