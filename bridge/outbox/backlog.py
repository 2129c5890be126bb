"""The pending events in memory: what may be sent now, what must wait for what, and how each one ended."""

import math
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

from bridge import logs
from bridge.clock import Alarm, Clock
from bridge.events import CALLS, CANCELLING, ONCE, EventId, EventKind, EventState, units_of
from bridge.metrics import Metrics
from bridge.outbox.history import DISCARDED, History
from bridge.outbox.ledger import Ending, clear_attempted, mark_attempted, save_event, save_outcomes
from bridge.outbox.pending import Delivery, PendingEvent, order_keys
from bridge.outbox.precedence import Precedence
from bridge.outbox.queue import DeliveryQueue
from bridge.outbox.records import EventView, Outcome, Result
from bridge.outbox.references import CANCELLED, EndedCall, inherit, references_of
from bridge.outbox.watch import Reply
from bridge.outbox.writeback import Writeback
from bridge.store import Store
from bridge.units import ServerId

LONGEST_BLINK = 60.0  # seconds; a machine not awake for longer slept, and nobody has said so yet

NEWER_STATE = Outcome(
    state=EventState.SUPERSEDED, reason="newer_state", detail="a newer one of the same unit took its place"
)

log = logs.get("outbox")


class Backlog:
    """What the outbox holds for the CAD.

    ``claim`` hands out what may be sent now; every claim ends in exactly one of ``acknowledge``, ``bury``,
    ``reschedule`` or ``doubt``. Delivery is at least once; a call in doubt waits until somebody has looked whether
    the CAD has it, and says so with ``confirm``, ``absolve``, ``repeat`` or ``give_up``.
    """

    def __init__(self, store: Store, clock: Clock, metrics: Metrics, names: Mapping[ServerId, str]) -> None:
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._names = names
        self._queues = {kind: DeliveryQueue() for kind in EventKind}
        self._alarms = {kind: Alarm(clock) for kind in EventKind}
        self._pending: dict[int, PendingEvent] = {}  # by row: oldest first
        self._pending_by_id: dict[EventId, PendingEvent] = {}
        self._doubtful: dict[int, PendingEvent] = {}  # by row
        self._precedence = Precedence()
        self.writeback = Writeback(store)
        self.history = History(metrics, names)
        self.doubt_alarm = Alarm(clock)  # rings when there is something new to look for
        self.ended = dict.fromkeys(EventState, 0)
        self.awake_at = math.inf  # when the machine was last known to be awake, monotonic seconds

    def __len__(self) -> int:
        """Return how many events are pending."""
        return len(self._pending)

    def add(self, event: PendingEvent, calls: Mapping[EventId, EndedCall | None]) -> None:
        """Take an event; ``calls`` are ended ones that it is about, None where one is no longer known."""
        self._pending[event.seq] = event
        self._pending_by_id[event.id] = event
        units = [unit for unit in dict.fromkeys(units_of(event.event)) if unit not in event.outcomes]
        event.deliveries = tuple(Delivery(event, unit) for unit in units) or (Delivery(event, None),)
        event.open = len(event.deliveries)
        references = references_of(event.event)
        pending = [self._pending_by_id[call] for call in references if call in self._pending_by_id]
        self._precedence.add(event, pending)
        superseded = [self._queues[event.kind].add(delivery) for delivery in event.deliveries]
        self._finish([old for old in superseded if old is not None], NEWER_STATE)
        for call in references:
            if call not in self._pending_by_id:
                self._inherit(event, call, calls.get(call))
        if event.kind in CANCELLING:
            for call_event in pending:
                call_event.cancelled = True
                self._cancel_unsent(call_event)
        if event.attempted_at is not None:
            self._doubtful[event.seq] = event
            self.doubt_alarm.ring()
        self._alarms[event.kind].ring()

    def find_pending(self, event_id: EventId) -> PendingEvent | None:
        """Return an event that has not ended."""
        return self._pending_by_id.get(event_id)

    def name_of(self, server_id: ServerId) -> str:
        """Return a server's name, for people."""
        return self._names[server_id]

    def stuck(self, kinds: Collection[EventKind]) -> bool:
        """Tell whether nothing of some kinds can go on by itself: all that is left of them is held, and not by an end on its way to disk."""
        ending = bool(kinds) and self.writeback.ending
        return not ending and all(self._queues[kind].stuck for kind in kinds)

    def alarm(self, kind: EventKind) -> Alarm:
        """Return what rings when there may be something new to claim."""
        return self._alarms[kind]

    def queue(self, kind: EventKind) -> DeliveryQueue:
        """Return the deliveries of a kind, to look at."""
        return self._queues[kind]

    def claim(
        self, kind: EventKind, now: float, *, busy: AbstractSet[Hashable], limit: int
    ) -> list[Delivery]:
        """Take what the next request of this kind should carry; empty if nothing may go now."""
        return self._queues[kind].claim(now, busy, limit)

    def expire(self, kind: EventKind, now: float, detail: str) -> None:
        """End what is older than its time to live; ``detail`` says what keeps everything, if anything does.

        Nothing ends while it is not known how long the machine slept.
        """
        if now - self.awake_at > LONGEST_BLINK or self._store.crowded:
            return
        by_outcome: dict[Outcome, list[Delivery]] = {}
        for delivery in self._queues[kind].expire(now):
            event = delivery.event
            unverified = event.unverified or event.seq in self._doubtful
            outcome = Outcome(
                state=EventState.EXPIRED, reason="expired", detail=detail or self.hindrance(delivery),
                result=Result(unverified=True) if unverified else None,
            )  # fmt: skip
            by_outcome.setdefault(outcome, []).append(delivery)
        for outcome, deliveries in by_outcome.items():
            self._finish(deliveries, outcome)

    def hindrance(self, delivery: Delivery) -> str:
        """Return for a person what kept a delivery from ending in time."""
        event = delivery.event
        if event.seq in self._doubtful:
            return "an attempt may have reached the CAD, and nobody could look"
        if event.waits_for:
            return "it waited for its call, or for an earlier event about the same"
        return delivery.postponed_for

    async def begin_attempt(self, deliveries: Sequence[Delivery]) -> None:
        """Count that a request is about to leave, and commit it where the request must not be repeated blindly.

        Raises:
            StoreError: it could not be committed; the request must not leave.
        """
        events = {delivery.event.seq: delivery.event for delivery in deliveries}
        if deliveries[0].event.kind in ONCE:
            self.writeback.save_again()  # first, lest the end of an earlier attempt wipe out the mark of this one
            for event in events.values():
                event.attempted_at = self._clock.monotonic()
            await self._store.write(mark_attempted(list(events), self._clock.wall()))
        for event in events.values():
            event.attempts += 1
            event.insisted = False

    def hear(self, deliveries: Sequence[Delivery], reply: Reply) -> None:
        """Keep what the CAD answered to claims for those who wait to hear it."""
        for delivery in deliveries:
            for watch in delivery.event.watches:
                watch.reply = reply

    def acknowledge(self, deliveries: Sequence[Delivery], result: Result | None) -> None:
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

    def reschedule(self, deliveries: Sequence[Delivery], not_before: float) -> None:
        """Put claims back whose request may be repeated."""
        pointless: list[Delivery] = []
        for delivery in deliveries:
            event = delivery.event
            if event.kind in ONCE and event.attempted_at is not None:
                event.attempted_at = None
                self.writeback.save(clear_attempted(event.seq, event.attempts, unverified=event.unverified))
            if not self._queues[event.kind].put_back(delivery, not_before):
                pointless.append(delivery)
            self._cancel_unsent(event)
        self._finish(pointless, NEWER_STATE)
        self._discard_all(deliveries)

    def doubt(self, deliveries: Sequence[Delivery]) -> None:
        """Put claims aside whose call the CAD may have created without our hearing of it."""
        for delivery in deliveries:
            self._queues[delivery.event.kind].set_aside(delivery)
            delivery.event.doubted_at = self._clock.monotonic()
            self._doubtful[delivery.event.seq] = delivery.event
        self._discard_all(deliveries)
        self.doubt_alarm.ring()

    def doubtful(self) -> Iterator[PendingEvent]:
        """Return the calls that somebody should look for, the longest pending first."""
        return iter(list(self._doubtful.values()))

    def in_doubt(self, event: PendingEvent) -> bool:
        """Tell whether an event still is among those."""
        return event.seq in self._doubtful

    def confirm(self, event: PendingEvent, call_id: int | None) -> None:
        """End a call in doubt: the CAD has it."""
        result = Result(call_id=call_id, unverified=event.unverified)
        self._withdraw(event, Outcome(state=EventState.DELIVERED, result=result))

    def absolve(self, event: PendingEvent) -> None:
        """Have a call in doubt sent again: the CAD does not have it."""
        self._leave_doubt(event, self._clock.monotonic(), unverified=event.unverified)

    def repeat(self, event: PendingEvent, not_before: float) -> None:
        """Have a call in doubt sent again although the CAD may have it."""
        self._leave_doubt(event, not_before, unverified=True)

    def give_up(self, event: PendingEvent, detail: str) -> None:
        """End a call in doubt that must not be sent again."""
        result = Result(unverified=True)
        self._withdraw(
            event, Outcome(state=EventState.FAILED, reason="unclear", detail=detail, result=result)
        )

    def discard(self, event: PendingEvent) -> None:
        """End an event that an operator does not want sent; what is in flight of it ends with its request."""
        event.discarded = True
        unverified = event.unverified or event.seq in self._doubtful
        result = Result(unverified=True) if unverified else None
        detail = "by the operator"
        if unverified:
            detail += "; an attempt may have reached the CAD"
        self._withdraw(
            event, Outcome(state=EventState.FAILED, reason=DISCARDED, detail=detail, result=result)
        )

    def in_flight(self, event: PendingEvent) -> bool:
        """Tell whether a request that carries a share of an event is under way."""
        return any(self._queues[event.kind].is_claimed(delivery) for delivery in event.deliveries)

    def _discard_all(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            if delivery.event.discarded:
                self.discard(delivery.event)

    def release_all(self, kinds: Iterable[EventKind] = EventKind) -> None:
        """Let everything of some kinds be tried now: whoever takes them is back."""
        for kind in kinds:
            self._queues[kind].release_all()
        self.wake()

    def wake(self) -> None:
        """Have everybody look again at what may be sent."""
        for alarm in (*self._alarms.values(), self.doubt_alarm):
            alarm.ring()

    def shift(self, jump: float, sleep: float) -> None:
        """Keep all times true after wall time jumped ahead, and let everything live longer by what was slept."""
        for event in self._pending.values():
            event.accepted_at_unix += jump
            event.waiting_since_unix += jump
            event.expires_at += sleep
        for queue in self._queues.values():
            queue.postpone_expiry(sleep)

    def last_seq(self) -> int:
        """Return the row of the newest pending event, or 0."""
        return next(reversed(self._pending), 0)

    def oldest_pending_at(self) -> float | None:
        """Return when the oldest pending event was accepted or retried, in Unix seconds."""
        return next((event.waiting_since_unix for event in self._pending.values()), None)

    def oldest(self) -> PendingEvent | None:
        """Return the oldest pending event."""
        return next(iter(self._pending.values()), None)

    def _leave_doubt(self, event: PendingEvent, not_before: float, *, unverified: bool) -> None:
        del self._doubtful[event.seq]
        event.attempted_at = None
        event.unverified = unverified
        self.writeback.save(clear_attempted(event.seq, event.attempts, unverified=unverified))
        self._cancel_unsent(event)
        self._unhold(event, not_before)

    def _unhold(self, event: PendingEvent, not_before: float) -> None:
        if event.seq in self._pending and not event.held:
            for delivery in event.deliveries:
                self._queues[event.kind].unhold(delivery, not_before)
            self._alarms[event.kind].ring()

    def _cancel_unsent(self, event: PendingEvent) -> None:
        """End a call that another event ends, if the CAD cannot have it."""
        if event.cancelled and event.attempted_at is None:
            result = Result(cancelled=True, unverified=True) if event.unverified else None
            detail = "ended before it was sent"
            if event.unverified:
                detail += " again; an earlier attempt may have reached the CAD"
            self._withdraw(
                event, Outcome(state=EventState.SUPERSEDED, reason=CANCELLED, detail=detail, result=result)
            )

    def _withdraw(self, event: PendingEvent, outcome: Outcome) -> None:
        """End what is left of an event and not in flight."""
        queue = self._queues[event.kind]
        self._finish([delivery for delivery in event.deliveries if queue.withdraw(delivery)], outcome)

    def _settle(self, deliveries: Sequence[Delivery], outcome: Outcome) -> None:
        for delivery in deliveries:
            self._queues[delivery.event.kind].settle(delivery)
        for kind in {delivery.event.kind for delivery in deliveries}:
            self._queues[kind].tidy()
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
                self.writeback.save(save_outcomes(event.seq, event.outcomes))
            else:
                self._end(event, decide(list(event.outcomes.values()) or [outcome]))

    def _end(self, event: PendingEvent, outcome: Outcome) -> None:
        del self._pending[event.seq]
        del self._pending_by_id[event.id]
        self._doubtful.pop(event.seq, None)
        self.ended[outcome.state] += 1
        ending = Ending(
            seq=event.seq,
            state=outcome.state,
            attempts=event.attempts,
            ended_at=self._clock.wall(),
            result=outcome.result,
            error=f"{outcome.reason}: {outcome.detail}".rstrip(": ") if outcome.reason else None,
        )
        view = view_of(event, ending)
        self.writeback.save_ending(ending, event.server_id, view, lambda: self._release(event, outcome, view))
        self.history.add(event, outcome, ending.error, self._clock.monotonic() - event.waiting_since)

    def _release(self, event: PendingEvent, outcome: Outcome, view: EventView) -> None:
        """Let those go on that waited for an event.

        Its end is on disk by now: after a kill it would be sent again, and come after them.
        """
        for watch in event.watches:
            watch.end(view)
        ended = EndedCall.of(outcome)
        for follower in self._precedence.end(event):
            if event.kind in CALLS:
                self._inherit(follower, event.id, ended)
            self._unhold(follower, self._clock.monotonic())

    def _inherit(self, event: PendingEvent, call: EventId, ended: EndedCall | None) -> None:
        """Go on with an event whose call ended."""
        if event.seq not in self._pending or call not in references_of(event.event):
            return
        heir = inherit(event.event, call, ended)
        if isinstance(heir, Outcome):
            self._withdraw(event, heir)
        else:
            event.event = heir
            event.order_keys += order_keys(event.server_id, heir)
            self._precedence.join(event, event.order_keys)  # others may name the call by its number
            if event.held:
                for delivery in event.deliveries:
                    self._queues[event.kind].hold(delivery)
            self.writeback.save(save_event(event.seq, heir))  # the call may be pruned before this one ends


def decide(outcomes: Sequence[Outcome]) -> Outcome:
    """Return how an event ends whose units ended so: the worst that somebody must hear of decides."""
    for state in (EventState.FAILED, EventState.EXPIRED, EventState.DELIVERED):
        matching = [outcome for outcome in outcomes if outcome.state is state]
        if matching:
            return matching[-1]
    return outcomes[-1]


def view_of(event: PendingEvent, ending: Ending | None = None) -> EventView:
    """Return how an event stands."""
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
