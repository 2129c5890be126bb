"""The event buffer: it keeps what was accepted until the CAD has it, and forgets nothing in a crash."""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet

from bridge import logs
from bridge.clock import Alarm, Clock
from bridge.config import OutboxConfig
from bridge.errors import OutboxFullError
from bridge.events import (
    EmergencyCall,
    Event,
    EventId,
    EventKind,
    EventState,
    Panic,
    Status,
    kind_of,
    units_of,
)
from bridge.metrics import Metrics
from bridge.outbox.history import History
from bridge.outbox.ledger import (
    Ending,
    NewEvent,
    Recorded,
    StoredEvent,
    clear_attempted,
    count_states,
    end,
    find,
    find_earlier,
    load_pending,
    mark_attempted,
    prune,
    record,
    save_outcomes,
)
from bridge.outbox.queue import Delivery, DeliveryQueue, PendingEvent
from bridge.outbox.records import EventView, Idempotency, Outcome, Result
from bridge.store import Store, Transaction
from bridge.units import ServerId

PANIC_RESERVE = 0.1  # part of max_events that only panics may fill
PRUNE_ROWS = 1000  # rows a transaction deletes, so that no panic's commit waits for long

log = logs.get("outbox")


class Outbox:
    """The events that wait for the CAD, on disk and in memory.

    ``append`` is durable when it returns. ``claim`` hands out what may be sent now; every claim ends in exactly
    one of ``acknowledge``, ``bury`` or ``reschedule``. Delivery is at least once.
    """

    def __init__(
        self,
        store: Store,
        config: OutboxConfig,
        clock: Clock,
        metrics: Metrics,
        names: Mapping[ServerId, str],
    ) -> None:
        self._store = store
        self._config = config
        self._clock = clock
        self._metrics = metrics
        self._names = names
        self._queues = {kind: DeliveryQueue() for kind in EventKind}
        self._alarms = {kind: Alarm(clock) for kind in EventKind}
        self._pending: dict[int, PendingEvent] = {}  # by row: oldest first
        self._pending_by_id: dict[EventId, PendingEvent] = {}
        self._reserved = 0  # events on their way to the disk
        self._ending: dict[EventId, tuple[ServerId, EventView]] = {}  # ended, not yet committed
        self._unsaved: list[Callable[[], None]] = []
        self._counts = dict.fromkeys(EventState, 0)
        self.history = History(metrics, names)

    async def load(self) -> None:
        """Take up where the last run stopped."""
        counts, stored = await self._store.write(lambda tx: (count_states(tx), load_pending(tx)))
        self._counts.update(counts)
        self._counts[EventState.PENDING] = 0
        for row in stored:
            self._resume(row)
        if stored:
            log.info("outbox resumed", pending=len(self._pending))

    async def append(
        self, server_id: ServerId, events: Sequence[Event], *, idempotency: Idempotency | None = None
    ) -> tuple[EventId, ...]:
        """Keep events and return their ids once all are on disk.

        Raises:
            OutboxFullError: as many events wait as ``outbox.max_events`` allows.
            IdempotencyError: the key came before with another body.
            StoreError: the disk does not take them; nothing was kept.
        """
        try:
            self._admit(events)
        except OutboxFullError:
            return await self._repeat(server_id, idempotency)
        now = self._clock.wall()
        rows = [self._new(server_id, event, now) for event in events]
        self._reserved += len(rows)
        try:
            recorded = await self._store.write(
                record(rows, idempotency), lambda done: self._accept(rows, done)
            )
        finally:
            self._reserved -= len(rows)
        return tuple(row.id for row in rows) if recorded.earlier is None else recorded.earlier

    async def _repeat(self, server_id: ServerId, idempotency: Idempotency | None) -> tuple[EventId, ...]:
        """Return the ids of an earlier same request; what is new finds no room."""
        earlier = None
        if idempotency is not None:
            earlier = await self._store.write(lambda tx: find_earlier(tx, server_id, idempotency))
        if earlier is None:
            raise OutboxFullError(f"{len(self._pending)} events wait for the CAD already")
        return earlier

    async def find(self, server_id: ServerId, event_id: EventId) -> EventView | None:
        """Return how one of the server's events stands, or None."""
        pending = self._pending_by_id.get(event_id)
        if pending is not None:
            return _view(pending) if pending.server_id == server_id else None
        owner, view = self._ending.get(event_id, (None, None))
        if view is not None:
            return view if owner == server_id else None
        return await self._store.write(find(server_id, event_id))

    def alarm(self, kind: EventKind) -> Alarm:
        """Return what rings when there may be something new to claim."""
        return self._alarms[kind]

    def queue(self, kind: EventKind) -> DeliveryQueue:
        """Return the deliveries of a kind, to look at."""
        return self._queues[kind]

    def claim(self, kind: EventKind, now: float, *, busy: AbstractSet[object], limit: int) -> list[Delivery]:
        """Take what the next request of this kind should carry; empty if nothing may go now."""
        return self._queues[kind].claim(now, busy, limit)

    def expire(self, kind: EventKind, now: float, detail: str) -> None:
        """End what is older than its time to live; ``detail`` says what keeps everything, if anything does."""
        by_detail: dict[str, list[Delivery]] = {}
        for delivery in self._queues[kind].expire(now):
            by_detail.setdefault(detail or delivery.postponed_for, []).append(delivery)
        for why, deliveries in by_detail.items():
            self._finish(deliveries, Outcome(state=EventState.EXPIRED, reason="expired", detail=why))

    async def begin_attempt(self, deliveries: Sequence[Delivery]) -> None:
        """Commit that a request which must not be repeated blindly is about to leave.

        Raises:
            StoreError: it could not be committed; the request must not leave.
        """
        self.save_again()  # first, lest the end of an earlier attempt wipe out the mark of this one
        seqs = [delivery.event.seq for delivery in deliveries]
        await self._store.write(mark_attempted(seqs, self._clock.wall()))

    def acknowledge(self, deliveries: Sequence[Delivery], result: Result) -> None:
        """End claims whose request the CAD took."""
        self._settle(deliveries, Outcome(state=EventState.DELIVERED, result=result))

    def count_unmatched(self, deliveries: Sequence[Delivery], units: int) -> None:
        """Count how many units of one request the CAD did not know."""
        event = deliveries[0].event
        if units > 0:
            self._metrics.events_unmatched.labels(self._names[event.server_id], event.kind).inc(units)

    def bury(self, deliveries: Sequence[Delivery], reason: str, detail: str) -> None:
        """End claims that will never succeed; ``reason`` is a closed word."""
        self._settle(deliveries, Outcome(state=EventState.FAILED, reason=reason, detail=detail))

    def reschedule(self, deliveries: Sequence[Delivery], not_before: float, *, unclear: bool = False) -> None:
        """Put claims back; ``unclear``: the CAD may have acted on the request."""
        pointless: list[Delivery] = []
        for delivery in deliveries:
            event = delivery.event
            if event.kind is EventKind.CALL_911:
                event.unclear = event.unclear or unclear
                self._save(clear_attempted(event.seq, unclear=event.unclear))
            if not self._queues[event.kind].put_back(delivery, not_before):
                pointless.append(delivery)
        self._finish(pointless, Outcome(state=EventState.SUPERSEDED))

    def release_all(self) -> None:
        """Let everything be tried now: the CAD is back."""
        for kind, queue in self._queues.items():
            queue.release_all()
            self._alarms[kind].ring()

    async def prune(self) -> None:
        """Delete what ended longer ago than the configuration keeps it."""
        work = prune(self._clock.wall(), self._config.keep_delivered, self._config.keep_failed, PRUNE_ROWS)
        while await self._store.write(work):
            pass
        await self._store.write(count_states, self._recount)

    def save_again(self) -> None:
        """Hand in once more what the disk did not take."""
        unsaved, self._unsaved = self._unsaved, []
        for save in unsaved:
            save()

    def counts(self) -> dict[EventState, int]:
        """Return how many events stand in each state."""
        return {**self._counts, EventState.PENDING: len(self._pending)}

    def oldest_pending_at(self) -> float | None:
        """Return when the oldest pending event was accepted, in Unix seconds."""
        return next((event.accepted_at_unix for event in self._pending.values()), None)

    @property
    def full(self) -> bool:
        """Tell whether only panics are still taken."""
        return len(self._pending) + self._reserved >= self._config.max_events * (1 - PANIC_RESERVE)

    def _admit(self, events: Sequence[Event]) -> None:
        limit: float = self._config.max_events
        if not all(isinstance(event, Panic) for event in events):
            limit -= limit * PANIC_RESERVE
        if len(self._pending) + self._reserved + len(events) > limit:
            raise OutboxFullError(f"{len(self._pending)} events wait for the CAD already")

    def _new(self, server_id: ServerId, event: Event, now: float) -> NewEvent:
        return NewEvent(
            id=EventId(uuid.uuid4().hex),
            server_id=server_id,
            event=event,
            accepted_at=now,
            expires_at=now + self._time_to_live(event),
        )

    def _time_to_live(self, event: Event) -> float:
        match event:
            case Panic(active=True):
                return self._config.ttl.panic_on
            case Panic():
                return self._config.ttl.panic_off
            case Status():
                return self._config.ttl.status
            case EmergencyCall():
                return self._config.ttl.call_911

    def _accept(self, rows: Sequence[NewEvent], recorded: Recorded) -> None:
        now = self._clock.monotonic()
        for seq, row in zip(recorded.seqs, rows, strict=False):
            kind = kind_of(row.event)
            self._metrics.events_accepted.labels(self._names[row.server_id], kind).inc()
            self._enqueue(PendingEvent(seq, row, now, now + row.expires_at - row.accepted_at))
            log.debug("event accepted", id=row.id, kind=kind, units=list(units_of(row.event)))

    def _resume(self, row: StoredEvent) -> None:
        if row.event is None or row.server_id not in self._names:
            reason = "payload unreadable" if row.event is None else "its server is no longer configured"
            self._counts[EventState.FAILED] += 1
            self._save(_ending(row, self._clock.wall(), f"internal: {reason}"))
            log.error("event failed", id=row.id, kind=row.kind, reason="internal", detail=reason)
            return
        to_monotonic = self._clock.monotonic() - self._clock.wall()
        new = NewEvent(
            id=row.id, server_id=row.server_id, event=row.event,
            accepted_at=row.accepted_at, expires_at=row.expires_at,
        )  # fmt: skip
        event = PendingEvent(row.seq, new, row.accepted_at + to_monotonic, row.expires_at + to_monotonic)
        event.attempts = row.attempts
        event.unclear = row.unclear or row.attempted
        event.outcomes = row.outcomes
        self._enqueue(event)

    def _recount(self, stored: Mapping[EventState, int]) -> None:
        """Take over the rows' numbers; what has ended since is not among them yet."""
        for state in EventState:
            ending = sum(view.state is state for _, view in self._ending.values())
            self._counts[state] = stored.get(state, 0) + ending

    def _enqueue(self, event: PendingEvent) -> None:
        self._pending[event.seq] = event
        self._pending_by_id[event.id] = event
        units = [unit for unit in dict.fromkeys(units_of(event.event)) if unit not in event.outcomes]
        deliveries = [Delivery(event, unit) for unit in units] or [Delivery(event, None)]
        event.open = len(deliveries)
        superseded = [self._queues[event.kind].add(delivery) for delivery in deliveries]
        self._finish([old for old in superseded if old is not None], Outcome(state=EventState.SUPERSEDED))
        self._alarms[event.kind].ring()

    def _settle(self, deliveries: Sequence[Delivery], outcome: Outcome) -> None:
        for delivery in deliveries:
            self._queues[delivery.event.kind].settle(delivery)
        self._finish(deliveries, outcome)

    def _finish(self, deliveries: Iterable[Delivery], outcome: Outcome) -> None:
        touched: dict[int, PendingEvent] = {}
        for delivery in deliveries:
            event = delivery.event
            event.open -= 1
            if delivery.unit_id is not None:
                event.outcomes[delivery.unit_id] = outcome
            touched[event.seq] = event
        for event in touched.values():
            if event.open:
                self._save(save_outcomes(event.seq, event.outcomes))
            else:
                self._end(event, decide(list(event.outcomes.values()) or [outcome]))

    def _end(self, event: PendingEvent, outcome: Outcome) -> None:
        del self._pending[event.seq]
        del self._pending_by_id[event.id]
        self._counts[outcome.state] += 1
        result = outcome.result
        error = f"{outcome.reason}: {outcome.detail}".rstrip(": ") if outcome.reason else None
        wall = self._clock.wall()
        ending = Ending(
            seq=event.seq,
            state=outcome.state,
            attempts=event.attempts,
            ended_at=wall,
            result=result,
            error=error,
        )
        view = _view(event, ending)
        self._ending[event.id] = (event.server_id, view)
        self._save(end(ending), lambda: self._forget(event.id))
        self.history.add(event, outcome, error, self._clock.monotonic() - event.accepted_at)

    def _forget(self, event_id: EventId) -> None:
        self._ending.pop(event_id, None)

    def _save(
        self, work: Callable[[Transaction], object], committed: Callable[[], None] | None = None
    ) -> None:
        def save() -> None:
            self._store.post(
                work,
                committed=committed,
                failed=lambda: self._unsaved.append(save),
            )

        save()


def decide(outcomes: Sequence[Outcome]) -> Outcome:
    """Return how an event ends whose units ended so: the worst that somebody must hear of decides."""
    for state in (EventState.FAILED, EventState.EXPIRED, EventState.DELIVERED):
        matching = [outcome for outcome in outcomes if outcome.state is state]
        if matching:
            return matching[-1]
    return outcomes[-1]


def _view(event: PendingEvent, ending: Ending | None = None) -> EventView:
    state = EventState.PENDING if ending is None else ending.state
    delivered = ending is not None and state is EventState.DELIVERED
    return EventView(
        id=event.id,
        type=event.kind,
        state=state,
        attempts=event.attempts,
        accepted_at=event.accepted_at_unix,
        delivered_at=ending.ended_at if ending is not None and delivered else None,
        result=None if ending is None else ending.result,
        error=None if ending is None else ending.error,
    )


def _ending(row: StoredEvent, wall: float, error: str) -> Callable[[Transaction], None]:
    return end(
        Ending(
            seq=row.seq,
            state=EventState.FAILED,
            attempts=row.attempts,
            ended_at=wall,
            result=None,
            error=error,
        )
    )
