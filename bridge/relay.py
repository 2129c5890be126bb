"""Sends what the outbox keeps, one lane an operation; a slow or refused event holds up no other.

In the transactional-outbox pattern the sender is the relay. (In a CAD a dispatcher is a person.)
"""

from asyncio import TaskGroup
from collections.abc import Sequence
from functools import partial
from random import Random
from typing import assert_never

from bridge import logs
from bridge.clock import Clock
from bridge.errors import CadError, StoreError
from bridge.events import CALLS, ONCE, Clocking, EventKind
from bridge.operations import (
    ADD_CALL_NOTE,
    ATTACH_UNITS,
    CLOSE_DISPATCH_CALLS,
    CREATE_911_CALL,
    CREATE_BLIP,
    CREATE_DISPATCH_CALL,
    DETACH_UNITS,
    KICK_UNIT,
    REMOVE_911_CALL,
    SEND_PHOTO,
    SET_UNIT_PANIC,
    SET_UNIT_STATUS,
    Operation,
)
from bridge.outbox import Backlog, Delivery, Reply, Result
from bridge.retry import Done, Fail, Hold, Retry, Verdict, backoff, judge
from bridge.sonoran import cms as cms_v1
from bridge.sonoran import v2
from bridge.sonoran.budgets import Ticket
from bridge.sonoran.client import CadClient
from bridge.sonoran.messages import CadAnswer

LANE_WIDTH = 4  # requests of one operation in flight at once
MERGE_LIMIT = 500  # units in one request; Sonoran documents no bound
EXPIRE_PAUSE = 0.02  # seconds between two looks at what expires, in which everything else has its turn
PATIENCE = 1.0  # seconds that others of the same state wait for a request in flight, to share the next one
NO_CMS = "held: bridge.toml has no section [cms]"
STORE_PAUSE = 1.0  # seconds before trying again when the disk did not take an attempt

OPERATION_OF = {
    EventKind.PANIC: SET_UNIT_PANIC,
    EventKind.STATUS: SET_UNIT_STATUS,
    EventKind.CALL_911: CREATE_911_CALL,
    EventKind.CALL_911_REMOVE: REMOVE_911_CALL,
    EventKind.DISPATCH_CALL: CREATE_DISPATCH_CALL,
    EventKind.DISPATCH_NOTE: ADD_CALL_NOTE,
    EventKind.DISPATCH_ATTACH: ATTACH_UNITS,
    EventKind.DISPATCH_DETACH: DETACH_UNITS,
    EventKind.DISPATCH_CLOSE: CLOSE_DISPATCH_CALLS,
    EventKind.KICK: KICK_UNIT,
    EventKind.BLIP: CREATE_BLIP,
    EventKind.PHOTO: SEND_PHOTO,
    EventKind.CLOCK: cms_v1.CLOCK_IN_OUT,
}

log = logs.get("relay")


class _Lane:
    """The state of sending one kind of event; ``closed`` says why none is ever sent, if that is so."""

    def __init__(self, kind: EventKind, client: CadClient, closed: str = "") -> None:
        self.kind = kind
        self.client = client
        self._closed = closed
        self.operation: Operation = OPERATION_OF[kind]
        self.urgent = kind is EventKind.PANIC
        self.in_flight = 0
        self.groups: dict[object, float] = {}  # since when a request of that server and state is in flight
        self.failures = 0
        self.not_before = float("-inf")

    @property
    def held(self) -> str:
        """Return why nothing may be sent, whatever the time is; empty if something may."""
        breaker = self.client.breaker
        return self._closed or (f"held: the {breaker.whose} refuses the API key" if breaker.holding else "")

    def busy(self, now: float) -> dict[object, float]:
        """Return the groups that wait to share the request after the one in flight, and until when."""
        return {group: since + PATIENCE for group, since in self.groups.items() if now - since < PATIENCE}


class Relay:
    """Pulls from the backlog and carries out what the CAD's answers mean.

    ``cms`` takes the clockings, with budgets, breaker and key of its own; without one they wait until they expire.
    """

    def __init__(
        self,
        backlog: Backlog,
        client: CadClient,
        clock: Clock,
        random: Random,
        *,
        cms: CadClient | None = None,
    ) -> None:
        self._backlog = backlog
        self._clock = clock
        self._random = random
        self._lanes = [_Lane(kind, client) for kind in EventKind if kind is not EventKind.CLOCK]
        self._lanes.append(_Lane(EventKind.CLOCK, cms or client, "" if cms else NO_CMS))
        for one in (client, cms):
            if one is not None:
                one.breaker.on_recovery(partial(self._recover, one))
                one.breaker.on_resume(backlog.wake)

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
        """Wait until everything is delivered that can be, who takes it is known to be down, or the deadline (monotonic)."""
        while self._clock.monotonic() < deadline:
            open_kinds = [lane.kind for lane in self._lanes if not lane.client.breaker.down and not lane.held]
            if self._backlog.stuck(open_kinds) and not self.in_flight:
                return
            await self._clock.sleep(0.05)

    def _recover(self, client: CadClient) -> None:
        lanes = [lane for lane in self._lanes if lane.client is client]
        for lane in lanes:
            lane.failures = 0
            lane.not_before = float("-inf")
        self._backlog.release_all([lane.kind for lane in lanes])

    async def _run_lane(self, lane: _Lane, group: TaskGroup) -> None:
        alarm = self._backlog.alarm(lane.kind)
        while True:
            await alarm.wait_until(self._start_requests(lane, group))

    def _start_requests(self, lane: _Lane, group: TaskGroup) -> float | None:
        """Start what may leave now and return when to look again."""
        queue = self._backlog.queue(lane.kind)
        while True:
            now = self._clock.monotonic()
            held = lane.held
            self._backlog.expire(lane.kind, now, held)
            ready = queue.has_ready(now)
            next_at = queue.next_change_at()  # asked after has_ready, which takes out what is due
            if next_at is not None and next_at <= now:  # more expires than fits into one look
                return now + EXPIRE_PAUSE
            if held or not ready or lane.in_flight >= self._width(lane):
                return next_at
            free_at = max(lane.client.free_at(lane.operation.name, now), lane.not_before)
            if free_at > now:
                return _earlier(next_at, free_at)
            busy = lane.busy(now)
            deliveries = self._backlog.claim(lane.kind, now, busy=busy.keys(), limit=MERGE_LIMIT)
            ticket = lane.client.budgets.take(lane.operation.name) if deliveries else None
            if ticket is None:
                return min([*busy.values(), *([] if next_at is None else [next_at])], default=None)
            lane.in_flight += 1
            lane.groups[deliveries[0].group] = now
            group.create_task(self._deliver(lane, deliveries, ticket))

    def _width(self, lane: _Lane) -> int:
        # Panics do not wait for a probe that hangs: their pace while requests fail is the budget's.
        return 1 if lane.client.breaker.down and not lane.urgent else LANE_WIDTH

    async def _deliver(self, lane: _Lane, deliveries: Sequence[Delivery], ticket: Ticket) -> None:
        """Send one request; whatever happens, every claim is ended."""
        group, since = deliveries[0].group, lane.groups[deliveries[0].group]
        try:
            await self._attempt(lane, deliveries, ticket)
        except StoreError:
            lane.client.budgets.settle(ticket, sends=0)
            self._backlog.reschedule(deliveries, self._clock.monotonic() + STORE_PAUSE)
        except Exception as error:  # an event that raises must not stop the others
            log.exception("delivery raised", kind=lane.kind)
            self._backlog.bury(deliveries, "internal", type(error).__name__)
        finally:
            lane.client.budgets.settle(ticket)
            lane.in_flight -= 1
            if lane.groups.get(group) == since:  # not that of a later request, which is still in flight
                del lane.groups[group]
            self._backlog.alarm(lane.kind).ring()

    async def _attempt(self, lane: _Lane, deliveries: Sequence[Delivery], ticket: Ticket) -> None:
        first = deliveries[0].event
        units = [delivery.unit_id for delivery in deliveries if delivery.unit_id is not None]
        age = self._clock.monotonic() - first.accepted_at
        if isinstance(first.event, Clocking):
            request = cms_v1.clock(first.event)
        else:
            request = v2.deliver(first.server_id, first.event, units, age, first.id)
        await self._backlog.begin_attempt(deliveries)
        end: CadAnswer | CadError
        try:
            end = await lane.client.send(request, ticket)
        except CadError as error:
            end = error.with_traceback(None)  # its frames keep this one, and the request
        self._carry_out(lane, deliveries, judge(end), end)

    def _carry_out(
        self, lane: _Lane, deliveries: Sequence[Delivery], verdict: Verdict, end: CadAnswer | CadError
    ) -> None:
        if isinstance(end, CadAnswer):
            reply = Reply(status=end.status, body=end.body, content_type=end.content_type)
            self._backlog.hear(deliveries, reply)
        match verdict:
            case Done():
                self._acknowledge(lane, deliveries, end)
            case Retry():
                self._retry(lane, deliveries, verdict)
            case Fail():
                self._fail(lane, deliveries, verdict, end)
            case Hold():
                self._hold(lane, deliveries, end)
            case _:
                assert_never(verdict)

    def _acknowledge(self, lane: _Lane, deliveries: Sequence[Delivery], end: CadAnswer | CadError) -> None:
        assert isinstance(end, CadAnswer), "only an answer acknowledges"  # noqa: S101 -- judge() says so
        lane.failures = 0
        match lane.kind:
            case EventKind.PANIC | EventKind.STATUS:
                self._acknowledge_units(deliveries, v2.read_updated(end))
            case EventKind.PHOTO if v2.read_delivered_photos(end) == 0:
                self._backlog.bury(deliveries, "no_unit", "the CAD knows no account of this id")
            case EventKind.CALL_911 | EventKind.DISPATCH_CALL:
                unverified = deliveries[0].event.unverified
                self._backlog.acknowledge(
                    deliveries, Result(call_id=v2.read_call_id(end), unverified=unverified)
                )
            case EventKind.BLIP:
                self._backlog.acknowledge(deliveries, Result(blip_id=v2.read_blip_id(end)))
            case _:
                self._backlog.acknowledge(deliveries, None)

    def _acknowledge_units(self, deliveries: Sequence[Delivery], updated: int | None) -> None:
        if updated is not None:
            self._backlog.count_unmatched(deliveries, len(deliveries) - updated)
        if updated == 0:
            self._backlog.bury(deliveries, "no_unit", "the CAD knows none of the units")
        else:
            self._backlog.acknowledge(deliveries, Result(updated=updated, of=len(deliveries)))

    def _retry(self, lane: _Lane, deliveries: Sequence[Delivery], verdict: Retry) -> None:
        now = self._clock.monotonic()
        not_before = now
        for delivery in deliveries:
            delivery.postponed_for = f"the last attempt ended with {verdict.reason}"
            delivery.unclear = delivery.unclear or verdict.unclear
        if not verdict.limited:
            for delivery in deliveries:
                delivery.attempts += 1
            delay = backoff(deliveries[0].attempts, urgent=lane.urgent, random=self._random)
            not_before = now + delay
            lane.failures += 1
            if lane.client.breaker.down:
                pause = backoff(lane.failures, urgent=lane.urgent, random=self._random)
                lane.not_before = now + pause
        facts = {"kind": lane.kind, "reason": verdict.reason, "units": len(deliveries)}
        if verdict.unclear and lane.kind in CALLS:
            log.warning("call in doubt", **facts)
            self._backlog.doubt(deliveries)
        elif verdict.unclear and lane.kind in ONCE:
            detail = f"{verdict.reason}, and the CAD may have acted all the same"
            self._backlog.bury(deliveries, "unclear", detail)
        else:
            at = max(not_before, lane.client.free_at(lane.operation.name, now))
            log.warning("delivery postponed", seconds=round(at - now, 2), **facts)
            self._backlog.reschedule(deliveries, not_before)

    def _fail(
        self, lane: _Lane, deliveries: Sequence[Delivery], verdict: Fail, end: CadAnswer | CadError
    ) -> None:
        if lane.kind is EventKind.CALL_911_REMOVE and verdict.reason == "not_found" and deliveries[0].unclear:
            self._backlog.acknowledge(deliveries, None)  # an earlier attempt removed it
            return
        if verdict.divide and len(deliveries) > 1:
            for delivery in deliveries:
                delivery.alone = True
            self._backlog.reschedule(deliveries, self._clock.monotonic())
            return
        detail, reason = "", verdict.reason
        if isinstance(end, CadAnswer):
            clock = lane.kind is EventKind.CLOCK
            detail = cms_v1.read_reason(end) if clock else v2.read_problem(end)
            reason = "no_unit" if clock and cms_v1.is_unknown_account(end) else reason
        self._backlog.bury(deliveries, reason, detail)

    def _hold(self, lane: _Lane, deliveries: Sequence[Delivery], end: CadAnswer | CadError) -> None:
        """Try again when the key was looked at; fail what is refused although the key is right."""
        breaker = lane.client.breaker
        suspect_at = deliveries[0].suspect_at
        if suspect_at is not None and breaker.refused_at < suspect_at < breaker.accepted_at:
            self._fail(lane, deliveries, Fail("unauthorized"), end)
            return
        now = self._clock.monotonic()
        delay = 0.0
        for delivery in deliveries:
            if suspect_at is not None:  # nobody could say whether the key is right
                delivery.attempts += 1
                delay = backoff(delivery.attempts, urgent=lane.urgent, random=self._random)
            delivery.suspect_at = now
        self._backlog.reschedule(deliveries, now + delay)


def _earlier(one: float | None, other: float) -> float:
    return other if one is None else min(one, other)
