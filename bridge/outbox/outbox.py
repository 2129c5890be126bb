"""The event buffer: it keeps what was accepted until the CAD has it, and forgets nothing in a crash."""

import uuid
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from weakref import WeakSet

from bridge import logs
from bridge.clock import Clock
from bridge.config import OutboxConfig
from bridge.errors import OutboxFullError
from bridge.events import (
    CALLS,
    Event,
    EventId,
    EventState,
    Panic,
    kind_of,
    units_of,
)
from bridge.metrics import Metrics
from bridge.outbox.backlog import Backlog, view_of
from bridge.outbox.ledger import (
    Ending,
    Recorded,
    StoredEvent,
    count_states,
    end,
    find,
    find_calls,
    find_earlier,
    load_pending,
    prune,
    record,
    shift,
)
from bridge.outbox.lifetime import PANIC_RESERVE, room_beside, time_to_live
from bridge.outbox.pending import PendingEvent
from bridge.outbox.records import EventView, Idempotency, NewEvent
from bridge.outbox.references import EndedCall, references_of
from bridge.outbox.watch import Watch
from bridge.store import Store
from bridge.units import ServerId

SLOW_COMMIT = 3.0  # seconds that the commit of an attempt's row may have taken
PRUNE_ROWS = 1000  # rows a transaction deletes, so that no panic's commit waits for long

log = logs.get("outbox")


class Outbox:
    """The events that wait for the CAD, on disk and in memory; ``append`` is durable when it returns.

    ``backlog`` is what is to be sent.
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
        self._names = dict(names)
        self._reserved = 0  # events on their way to the disk
        self._watches: WeakSet[Watch] = WeakSet()
        self.backlog = Backlog(store, clock, metrics, self._names)

    def reconfigure(self, config: OutboxConfig, names: Mapping[ServerId, str]) -> None:
        """Take new events under this configuration; what waits keeps its time to live, and a former server its name."""
        self._config = config
        self._names.update(names)

    async def load(self) -> None:
        """Take up where the last run stopped."""
        counts, stored = await self._store.write(lambda tx: (count_states(tx), load_pending(tx)))
        references = [
            (row.server_id, call) for row in stored if row.event is not None
            for call in references_of(row.event)
        ]  # fmt: skip
        calls = await self._store.write(find_calls(references)) if references else {}
        self.backlog.ended.update(counts)
        for row in stored:
            self._resume(row, calls)
        if stored:
            log.info("outbox resumed", pending=len(self.backlog))

    async def append(
        self,
        server_id: ServerId,
        events: Sequence[Event],
        *,
        idempotency: Idempotency | None = None,
        watch: Watch | None = None,
    ) -> tuple[EventId, ...]:
        """Keep events and return their ids once all are on disk.

        Args:
            server_id: Sonoran's number of the game server.
            events: what happened.
            idempotency: what tells a request that comes again.
            watch: who waits for the end of the events; with several it is told of each one's.

        Raises:
            OutboxFullError: as many events wait as ``outbox.max_events`` allows.
            IdempotencyError: the key came before with another body.
            PushError: an event is about a call that no event of this server creates.
            StoreError: the disk does not take them; nothing was kept.
        """
        if watch is not None:
            self._watches.add(watch)
        try:
            self._admit(events)
        except OutboxFullError:
            return await self._repeat(server_id, idempotency, watch)
        now = self._clock.wall()
        rows = [self._new(server_id, event, now) for event in events]
        self._reserved += len(rows)
        try:
            recorded = await self._store.write(
                record(rows, idempotency), lambda done: self._accept(rows, done, watch), urgent=True
            )
        finally:
            self._reserved -= len(rows)
        if recorded.earlier is None:
            return tuple(row.id for row in rows)
        if watch is not None:
            await self._watch_again(server_id, recorded.earlier, watch)
        return recorded.earlier

    async def find(self, server_id: ServerId, event_id: EventId) -> EventView | None:
        """Return how one of the server's events stands, or None.

        An end is told when it is on disk, or when the disk has refused it for now.
        """
        pending = self.backlog.find_pending(event_id)
        if pending is not None:
            return view_of(pending) if pending.server_id == server_id else None
        stored = await self._store.write(find(server_id, event_id))
        return self.backlog.writeback.find(server_id, event_id) or stored

    @contextmanager
    def room_for(self, number: int) -> Generator[tuple[int, int]]:
        """Keep room for ``number`` events; tell how many fit, and how many of them that are panics."""
        room = room_beside(self._config.max_events, len(self.backlog) + self._reserved)
        self._reserved += number
        try:
            yield room
        finally:
            self._reserved -= number

    def take_back(self, row: StoredEvent, was: EventState, calls: Mapping[EventId, EndedCall]) -> None:
        """Go on with an event that had ended and that the disk has as pending again; as if accepted now, but its age."""
        event = self._pending_of(row)
        event.insisted = True
        self.backlog.ended[was] -= 1
        self.backlog.history.forget(event.id)
        self._metrics.events_retried.labels(self._names[row.server_id], event.kind).inc()
        self.backlog.add(event, self.ended_calls(event, calls))
        for delivery in event.deliveries:
            delivery.unclear = was is EventState.EXPIRED  # else the CAD's last answer was clear

    def attend(self, event: PendingEvent) -> Watch:
        """Return what tells how a pending event ends."""
        watch = Watch()
        self._watches.add(watch)
        event.watches = (*(one for one in event.watches if one.waiting), watch)
        return watch

    def leave(self) -> None:
        """Let nobody wait any longer for an event's end: the daemon ends."""
        for watch in self._watches:
            watch.give_up()

    async def _watch_again(self, server_id: ServerId, event_ids: Sequence[EventId], watch: Watch) -> None:
        """Have a watch told of events that an earlier request added."""
        for event_id in event_ids:
            pending = self.backlog.find_pending(event_id)
            if pending is not None:
                pending.watches = (*(one for one in pending.watches if one.waiting), watch)
                continue
            view = await self.find(server_id, event_id)
            if view is not None:
                watch.end(view)

    async def prune(self) -> None:
        """Delete what ended longer ago than the configuration keeps it."""
        work = prune(self._clock.wall(), self._config.keep_delivered, self._config.keep_failed, PRUNE_ROWS)
        while await self._store.write(work):
            pass
        await self._store.write(count_states, self._recount)

    def shift(self, jump: float, sleep: float) -> None:
        """Keep all times true after the machine's clock jumped, or after the machine slept.

        Args:
            jump: seconds by which wall time went ahead of monotonic time.
            sleep: seconds of monotonic time in which nothing could be sent.
        """
        self.backlog.shift(jump, sleep)
        self.backlog.writeback.save(shift(self.backlog.last_seq(), jump, sleep))

    def counts(self) -> dict[EventState, int]:
        """Return how many events stand in each state."""
        return {**self.backlog.ended, EventState.PENDING: len(self.backlog)}

    @property
    def full(self) -> bool:
        """Tell whether only panics are still taken."""
        return len(self.backlog) + self._reserved >= self._config.max_events * (1 - PANIC_RESERVE)

    async def _repeat(
        self, server_id: ServerId, idempotency: Idempotency | None, watch: Watch | None
    ) -> tuple[EventId, ...]:
        """Return the ids of an earlier same request; what is new finds no room."""
        earlier = None
        if idempotency is not None:
            earlier = await self._store.write(lambda tx: find_earlier(tx, server_id, idempotency))
        if earlier is None:
            raise OutboxFullError(f"{len(self.backlog)} events wait for the CAD already")
        if watch is not None:
            await self._watch_again(server_id, earlier, watch)
        return earlier

    def _admit(self, events: Sequence[Event]) -> None:
        limit: float = self._config.max_events
        if not all(isinstance(event, Panic) for event in events):
            limit -= limit * PANIC_RESERVE
        if len(self.backlog) + self._reserved + len(events) > limit:
            raise OutboxFullError(f"{len(self.backlog)} events wait for the CAD already")

    def _new(self, server_id: ServerId, event: Event, now: float) -> NewEvent:
        return NewEvent(
            id=EventId(uuid.uuid4().hex),
            server_id=server_id,
            event=event,
            accepted_at=now,
            expires_at=now + self.time_to_live(event),
        )

    def time_to_live(self, event: Event) -> float:
        """Return how many seconds an event is worth delivering from now on."""
        return time_to_live(self._config.ttl, event)

    def _accept(self, rows: Sequence[NewEvent], recorded: Recorded, watch: Watch | None) -> None:
        now = self._clock.monotonic()
        for seq, row in zip(recorded.seqs, rows, strict=False):
            kind = kind_of(row.event)
            self._metrics.events_accepted.labels(self._names[row.server_id], kind).inc()
            event = PendingEvent(seq, row, now, now + row.expires_at - row.accepted_at)
            event.watches = () if watch is None else (watch,)
            self.backlog.add(event, self.ended_calls(event, recorded.calls))
            log.debug("event accepted", id=row.id, kind=kind, units=list(units_of(row.event)))

    def ended_calls(
        self, event: PendingEvent, stored: Mapping[EventId, EndedCall]
    ) -> dict[EventId, EndedCall | None]:
        """Return how the calls ended that an event is about; what is not on disk yet comes first."""
        found: dict[EventId, EndedCall | None] = {}
        for call in references_of(event.event):
            ended = self.backlog.writeback.find(event.server_id, call)
            found[call] = stored.get(call) if ended is None else EndedCall.of(ended)
        return found

    def _resume(self, row: StoredEvent, calls: Mapping[EventId, EndedCall]) -> None:
        if row.event is None or row.server_id not in self._names:
            known = row.server_id in self._names
            self._fail(
                row, "internal", "payload unreadable" if known else "its server is no longer configured"
            )
            return
        event = self._pending_of(row)
        self.backlog.add(event, calls)
        for delivery in event.deliveries:
            delivery.unclear = True  # an attempt of a former run may have reached the CAD
        if event.attempted_at is not None and event.kind not in CALLS:
            self.backlog.give_up(event, "an attempt may have reached the CAD")

    def _pending_of(self, row: StoredEvent) -> PendingEvent:
        """Return a row of a known server that can be read as what waits for the CAD."""
        assert row.event is not None, "it can be read"  # noqa: S101 -- the callers looked
        now, wall = self._clock.monotonic(), self._clock.wall()
        new = NewEvent(
            id=row.id, server_id=row.server_id, event=row.event,
            accepted_at=row.accepted_at, expires_at=row.expires_at,
        )  # fmt: skip
        begun_at = row.accepted_at if row.retried_at is None else row.retried_at
        # A clock that went back makes nothing older or longer-lived.
        age, waited = max(0.0, wall - row.accepted_at), max(0.0, wall - begun_at)
        event = PendingEvent(row.seq, new, now - age, now - waited + row.expires_at - begun_at)
        event.waiting_since, event.waiting_since_unix = now - waited, begun_at
        event.attempts = row.attempts
        if row.attempted_at is not None:
            event.attempted_at = now - max(0.0, wall - row.attempted_at)
            # The request left after the commit of its row, and before this start.
            event.doubted_at = min(now, event.attempted_at + SLOW_COMMIT)
        event.unverified = row.unverified
        event.outcomes = row.outcomes
        return event

    def _fail(self, row: StoredEvent, reason: str, detail: str) -> None:
        """End an event of a former run that nobody can go on with."""
        ending = Ending(
            seq=row.seq,
            state=EventState.FAILED,
            attempts=row.attempts,
            ended_at=self._clock.wall(),
            result=None,
            error=f"{reason}: {detail}",
        )
        self.backlog.ended[EventState.FAILED] += 1
        self.backlog.writeback.save(end(ending))
        if row.server_id in self._names:
            self._metrics.events_failed.labels(self._names[row.server_id], row.kind, reason).inc()
        log.error("event failed", id=row.id, kind=row.kind, reason=reason, detail=detail)

    def _recount(self, stored: Mapping[EventState, int]) -> None:
        """Take over the rows' numbers; what has ended since is not among them yet."""
        for state in EventState:
            self.backlog.ended[state] = stored.get(state, 0) + self.backlog.writeback.count(state)
