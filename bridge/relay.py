"""Sends what the outbox keeps, one lane an operation; a slow or refused event holds up no other.

In the transactional-outbox pattern the sender is the relay. (In a CAD a dispatcher is a person.)
"""

from asyncio import TaskGroup
from collections.abc import Sequence
from random import Random
from typing import assert_never

from bridge import logs
from bridge.clock import Clock
from bridge.config import OutboxConfig
from bridge.errors import CadError, StoreError
from bridge.events import EventKind
from bridge.operations import CREATE_911_CALL, SET_UNIT_PANIC, SET_UNIT_STATUS, Operation, Repeat
from bridge.outbox import Delivery, Outbox, Result
from bridge.retry import Done, Fail, Hold, Retry, Verdict, backoff, judge
from bridge.sonoran import v2
from bridge.sonoran.budget import Ticket
from bridge.sonoran.client import CadClient
from bridge.sonoran.messages import CadAnswer

LANE_WIDTH = 4  # requests of one operation in flight at once
MERGE_LIMIT = 500  # units in one request; Sonoran documents no bound
PATIENCE = 1.0  # seconds that others of the same state wait for a request in flight, to share the next one
STORE_PAUSE = 1.0  # seconds before trying again when the disk did not take an attempt

OPERATION_OF = {
    EventKind.PANIC: SET_UNIT_PANIC,
    EventKind.STATUS: SET_UNIT_STATUS,
    EventKind.CALL_911: CREATE_911_CALL,
}

log = logs.get("relay")


class _Lane:
    """The state of sending one kind of event."""

    def __init__(self, kind: EventKind) -> None:
        self.kind = kind
        self.operation: Operation = OPERATION_OF[kind]
        self.urgent = kind is EventKind.PANIC
        self.in_flight = 0
        self.groups: dict[object, float] = {}  # since when a request of that server and state is in flight
        self.failures = 0
        self.not_before = float("-inf")

    def busy(self, now: float) -> dict[object, float]:
        """Return the groups that wait to share the request after the one in flight, and until when."""
        return {group: since + PATIENCE for group, since in self.groups.items() if now - since < PATIENCE}


class Relay:
    """Pulls from the outbox and carries out what the CAD's answers mean."""

    def __init__(
        self, outbox: Outbox, client: CadClient, config: OutboxConfig, clock: Clock, random: Random
    ) -> None:
        self._outbox = outbox
        self._client = client
        self._config = config
        self._clock = clock
        self._random = random
        self._lanes = [_Lane(kind) for kind in EventKind]
        client.breaker.on_recovery(self._recover)

    @property
    def in_flight(self) -> int:
        """Return how many requests wait for an answer."""
        return sum(lane.in_flight for lane in self._lanes)

    async def run(self) -> None:
        """Run until cancelled; requests in flight are then cut off and count as unclear."""
        async with TaskGroup() as group:
            for lane in self._lanes:
                group.create_task(self._run_lane(lane, group), name=f"relay {lane.kind}")

    async def drain(self, deadline: float) -> None:
        """Wait until everything is delivered, the CAD is known to be down, or the deadline (monotonic)."""
        while self._clock.monotonic() < deadline:
            pending = any(len(self._outbox.queue(kind)) for kind in EventKind)
            breaker = self._client.breaker
            if not pending or ((breaker.down or breaker.holding) and not self.in_flight):
                return
            await self._clock.sleep(0.05)

    def _recover(self) -> None:
        for lane in self._lanes:
            lane.failures = 0
            lane.not_before = float("-inf")
        self._outbox.release_all()

    async def _run_lane(self, lane: _Lane, group: TaskGroup) -> None:
        alarm = self._outbox.alarm(lane.kind)
        while True:
            await alarm.wait_until(self._start_requests(lane, group))

    def _start_requests(self, lane: _Lane, group: TaskGroup) -> float | None:
        """Start what may leave now and return when to look again."""
        queue = self._outbox.queue(lane.kind)
        while True:
            now = self._clock.monotonic()
            held = "held: the CAD refuses the API key" if self._client.breaker.holding else ""
            self._outbox.expire(lane.kind, now, held)
            ready = queue.has_ready(now)
            next_at = queue.next_change_at()  # asked after has_ready, which takes out what is due
            expiring = next_at is not None and next_at <= now  # more than fits into one look
            if expiring or held or not ready or lane.in_flight >= self._width():
                return next_at
            free_at = max(self._client.free_at(lane.operation.name, now), lane.not_before)
            if free_at > now:
                return _earlier(next_at, free_at)
            busy = lane.busy(now)
            deliveries = self._outbox.claim(lane.kind, now, busy=busy.keys(), limit=MERGE_LIMIT)
            ticket = self._client.budgets.take(lane.operation.name) if deliveries else None
            if ticket is None:
                return min([*busy.values(), *([] if next_at is None else [next_at])], default=None)
            lane.in_flight += 1
            lane.groups[deliveries[0].group] = now
            group.create_task(self._deliver(lane, deliveries, ticket))

    def _width(self) -> int:
        return 1 if self._client.breaker.down else LANE_WIDTH

    async def _deliver(self, lane: _Lane, deliveries: Sequence[Delivery], ticket: Ticket) -> None:
        """Send one request; whatever happens, every claim is ended."""
        group, since = deliveries[0].group, lane.groups[deliveries[0].group]
        try:
            await self._attempt(lane, deliveries, ticket)
        except StoreError:
            self._client.budgets.settle(ticket, sends=0)
            self._outbox.reschedule(deliveries, self._clock.monotonic() + STORE_PAUSE)
        except Exception as error:  # an event that raises must not stop the others
            log.exception("delivery raised", kind=lane.kind)
            self._outbox.bury(deliveries, "internal", type(error).__name__)
        finally:
            self._client.budgets.settle(ticket)
            lane.in_flight -= 1
            if lane.groups.get(group) == since:  # not that of a later request, which is still in flight
                del lane.groups[group]
            self._outbox.alarm(lane.kind).ring()

    async def _attempt(self, lane: _Lane, deliveries: Sequence[Delivery], ticket: Ticket) -> None:
        first = deliveries[0].event
        once = lane.operation.repeat is Repeat.ONCE
        if once and first.unclear and self._config.unclear == "fail":
            self._outbox.bury(deliveries, "unclear", "an attempt may have reached the CAD")
            return
        units = [delivery.unit_id for delivery in deliveries if delivery.unit_id is not None]
        age = self._clock.monotonic() - first.accepted_at
        request = v2.deliver(first.server_id, first.event, units, age)
        if once:
            await self._outbox.begin_attempt(deliveries)
        for event in {delivery.event.seq: delivery.event for delivery in deliveries}.values():
            event.attempts += 1
        end: CadAnswer | CadError
        try:
            end = await self._client.send(request, ticket)
        except CadError as error:
            end = error
        self._carry_out(lane, deliveries, judge(end), end)

    def _carry_out(
        self, lane: _Lane, deliveries: Sequence[Delivery], verdict: Verdict, end: CadAnswer | CadError
    ) -> None:
        match verdict:
            case Done():
                self._acknowledge(lane, deliveries, end)
            case Retry():
                self._retry(lane, deliveries, verdict)
            case Fail():
                self._fail(deliveries, verdict, end)
            case Hold():
                self._hold(deliveries, end)
            case _:
                assert_never(verdict)

    def _acknowledge(self, lane: _Lane, deliveries: Sequence[Delivery], end: CadAnswer | CadError) -> None:
        assert isinstance(end, CadAnswer), "only an answer acknowledges"  # noqa: S101 -- judge() says so
        lane.failures = 0
        if lane.kind is EventKind.CALL_911:
            result = Result(call_id=v2.read_call_id(end), unverified=deliveries[0].event.unclear)
            self._outbox.acknowledge(deliveries, result)
            return
        updated = v2.read_updated(end)
        if updated is not None:
            self._outbox.count_unmatched(deliveries, len(deliveries) - updated)
        if updated == 0:
            self._outbox.bury(deliveries, "no_unit", "the CAD knows none of the units")
            return
        self._outbox.acknowledge(deliveries, Result(updated=updated, of=len(deliveries)))

    def _retry(self, lane: _Lane, deliveries: Sequence[Delivery], verdict: Retry) -> None:
        now = self._clock.monotonic()
        not_before = now
        for delivery in deliveries:
            delivery.postponed_for = f"the last attempt ended with {verdict.reason}"
        if not verdict.limited:
            for delivery in deliveries:
                delivery.attempts += 1
            delay = backoff(deliveries[0].attempts, urgent=lane.urgent, random=self._random)
            not_before = now + delay
            lane.failures += 1
            if self._client.breaker.down:
                pause = backoff(lane.failures, urgent=lane.urgent, random=self._random)
                lane.not_before = now + pause
        log.warning(
            "delivery postponed", kind=lane.kind, reason=verdict.reason, units=len(deliveries),
            seconds=round(not_before - now, 2),
        )  # fmt: skip
        self._outbox.reschedule(deliveries, not_before, unclear=verdict.unclear)

    def _fail(self, deliveries: Sequence[Delivery], verdict: Fail, end: CadAnswer | CadError) -> None:
        if verdict.divide and len(deliveries) > 1:
            for delivery in deliveries:
                delivery.alone = True
            self._outbox.reschedule(deliveries, self._clock.monotonic())
            return
        detail = v2.read_problem(end) if isinstance(end, CadAnswer) else ""
        self._outbox.bury(deliveries, verdict.reason, detail)

    def _hold(self, deliveries: Sequence[Delivery], end: CadAnswer | CadError) -> None:
        """Try again when the key was looked at; fail what is refused although the key is right."""
        breaker = self._client.breaker
        suspect_at = deliveries[0].suspect_at
        if suspect_at is not None and breaker.refused_at < suspect_at < breaker.accepted_at:
            self._fail(deliveries, Fail("unauthorized"), end)
            return
        now = self._clock.monotonic()
        delay = 0.0 if suspect_at is None else backoff(1, urgent=True, random=self._random)
        for delivery in deliveries:
            delivery.suspect_at = now
        self._outbox.reschedule(deliveries, now + delay)


def _earlier(one: float | None, other: float) -> float:
    return other if one is None else min(one, other)
