"""Requests of game servers that want the CAD's own answer: they wait for a slot, share reads, and hear old answers.

What a forwarded request gets back holds up nothing of ours: only the rate budgets learn from it.
"""

import asyncio
import math
from asyncio import Future, Lock, Task, TaskGroup
from collections import OrderedDict, defaultdict
from collections.abc import Hashable
from hashlib import sha256
from http import HTTPStatus
from typing import Any, Self

from msgspec import Struct

from bridge import logs
from bridge.clock import Clock
from bridge.errors import BudgetError, CadError
from bridge.metrics import Metrics
from bridge.operations import GET_CALLS, GET_VERSION, OWN, Operation
from bridge.sonoran import cms
from bridge.sonoran.budgets import Ticket
from bridge.sonoran.client import CadClient
from bridge.sonoran.messages import CadAnswer, CadRequest

PATIENCE = 4.0  # seconds a request waits for a slot of its budget; a game server gives up after 5
LONGEST_STALE = 600.0  # seconds; an older answer is not told even while the CAD is down
MOST_BYTES = 32 * 2**20  # of remembered answers in all
LARGEST_COPY = 2**20  # bytes; a longer answer is not remembered
COPY_OVERHEAD = 1024  # bytes that a copy takes besides its body
RESERVED = {operation.name: max(1, operation.per_minute // 4) for operation in OWN} | {
    GET_VERSION.name: 6,  # for looking whether the key is right
    GET_CALLS.name: 2,  # for calls in doubt
    cms.GET_SUB_VERSION.name: 6,  # as getVersion
}
"""Slots a minute that stay with the bridge's own requests and with events."""

RESULTS = ("cad", "cache", "shared", "stale", "limited", "failed")
"""Where an answer came from: the CAD, a fresh copy, a read somebody else began, an old copy; or why there is none."""

_NOTIFIES = b'"notify'  # how the fields of a look-up begin that have Sonoran tell a player what was found
_CACHE = "cad-bridge"

log = logs.get("forward")


class Forwarded(Struct, frozen=True, kw_only=True):
    """What a request is answered with; ``headers`` say how old it is, where it may be."""

    status: int
    body: bytes
    content_type: str | None
    headers: dict[str, str] = {}


class _Copy(Struct, frozen=True):
    """An answer that is remembered; ``version`` counts the changes that the CAD had been asked for before it."""

    answer: CadAnswer
    asked_at: float
    version: int


class _Flight:
    """One request on its way; ``version`` is None until it has a slot."""

    def __init__(self, operation: str) -> None:
        self.operation = operation
        self.version: int | None = None
        self.task: Task[CadAnswer | CadError]


class Forward:
    """Forwards requests while it is entered; leaving it cuts off those under way. An async context manager."""

    def __init__(self, client: CadClient, metrics: Metrics, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._results = {result: metrics.forwarded.labels(result) for result in RESULTS}
        self._turns: defaultdict[str, Lock] = defaultdict(Lock)  # who waits for a slot first gets one first
        self._waiting: defaultdict[str, int] = defaultdict(int)
        self._versions: defaultdict[str, int] = defaultdict(int)
        self._flights: dict[Hashable, _Flight] = {}
        self._copies: OrderedDict[Hashable, _Copy] = OrderedDict()  # least recently used first
        self._copied_bytes = 0
        self._left: Future[None]  # done when nobody is to wait any longer
        self._silent: set[str] = set()  # operations to whose last request the CAD gave nothing
        self._group = TaskGroup()
        self._tasks: set[Task[CadAnswer | CadError]] = set()
        client.on_change(self._outdate)

    async def __aenter__(self) -> Self:
        """Be ready to forward."""
        self._left = asyncio.get_running_loop().create_future()
        await self._group.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Cut off what is under way."""
        for task in self._tasks:
            task.cancel()
        await self._group.__aexit__(None, None, None)

    def leave(self) -> None:
        """Let nobody wait any longer: the daemon ends."""
        if not self._left.done():
            self._left.set_result(None)

    async def ask(self, request: CadRequest, seconds: float | None = None) -> Forwarded:
        """Return the CAD's answer, whatever its status, or a copy of an earlier one.

        A copy is at most as old as the operations table allows, or 10 min old while the CAD gives no answer.

        Args:
            request: what to ask.
            seconds: how long the asker waits; None: until the request ends. It goes on without him.

        Raises:
            BudgetError: no slot comes free in time.
            CadError: the CAD gives no complete answer.
        """
        if not _is_kept(request):
            return self._tell(await self._wait(self._start(request), seconds))
        key = _key_of(request)
        copy = self._copies.get(key)
        if copy is not None and self._suffices(copy, request.operation):
            self._copies.move_to_end(key)
            return self._tell_copy(copy, request.operation)
        flight = self._flights.get(key)
        shared = flight is not None and self._is_current(flight, request.operation)
        if flight is None or not shared:
            flight = self._flights[key] = self._start(request, key)
        end = await self._wait(flight, seconds)
        if copy is not None and self._age(copy) <= self._bearable_age(end, request.operation):
            return self._tell_copy(copy, request.operation)
        return self._tell(end, shared=shared)

    def _suffices(self, copy: _Copy, operation: Operation) -> bool:
        """Tell whether a copy may be told; while the CAD is down nobody waits to hear that it is."""
        age = self._age(copy)
        breaker = self._client.breaker
        if breaker.down or breaker.holding:
            return age <= LONGEST_STALE
        if age > operation.cache_seconds:
            return False
        return copy.version == self._versions[operation.name] or not self._can_spare(operation)

    def _is_current(self, flight: _Flight, operation: Operation) -> bool:
        """Tell whether a request under way will show what has changed until now."""
        fresh = flight.version in (None, self._versions[operation.name])
        return fresh or not self._can_spare(operation)

    def _can_spare(self, operation: Operation) -> bool:
        """Tell whether a slot may be spent on an answer that is not too old yet.

        Another must come free before that answer is too old: changes that follow each other must not leave
        nothing for the readers of the rest of the minute.
        """
        now = self._clock.monotonic()
        next_at = self._free_at(operation.name, now, ahead=self._waiting[operation.name] + 1)
        return self._free_at(operation.name, now) <= now and next_at <= now + operation.cache_seconds

    def _free_at(self, operation: str, now: float, *, ahead: int = 0) -> float:
        """Return when a request may leave and what the bridge itself may need is still there."""
        ours = min(RESERVED.get(operation, 0), self._client.budgets[operation].capacity - 1)
        return self._client.free_at(operation, now, ahead=ahead + ours)

    def _outdate(self, operation: Operation) -> None:
        """The CAD may have carried out an operation: what is remembered of some reads may be wrong now."""
        for name in operation.invalidates:
            self._versions[name] += 1

    def _start(self, request: CadRequest, key: Hashable = None) -> _Flight:
        flight = _Flight(request.operation.name)
        flight.task = self._group.create_task(self._fetch(flight, request, key))
        self._tasks.add(flight.task)
        flight.task.add_done_callback(self._tasks.discard)
        return flight

    async def _wait(self, flight: _Flight, seconds: float | None) -> CadAnswer | CadError:
        """Return how a request ended, or that it did not within the asker's patience."""
        ends: set[Future[Any]] = {flight.task, self._left}
        await asyncio.wait(ends, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if flight.task.done() and not flight.task.cancelled():
            return flight.task.result()
        if flight.version is None:
            return BudgetError(self._free_at(flight.operation, self._clock.monotonic()))
        return CadError("timeout", sent=True)

    async def _fetch(self, flight: _Flight, request: CadRequest, key: Hashable) -> CadAnswer | CadError:
        try:
            ticket = await self._take_slot(request.operation.name)
            flight.version = self._versions[request.operation.name]
            asked_at = self._clock.monotonic()
            answer = await self._client.forward(request, ticket)
        except CadError as error:
            self._hear(request.operation, error)
            return error.with_traceback(None)  # its frames keep the request
        except Exception:  # one request must not end the others
            log.exception("forwarding failed", operation=request.operation.name)
            return CadError("protocol", sent=True)
        finally:
            if self._flights.get(key) is flight:
                del self._flights[key]
        self._hear(request.operation, answer)
        if key is not None and answer.status == HTTPStatus.OK:
            self._remember(key, _Copy(answer, asked_at, flight.version))
        return answer

    def _hear(self, operation: Operation, end: CadAnswer | CadError) -> None:
        """Learn whether the CAD serves an operation."""
        if _gave_nothing(end):
            self._silent.add(operation.name)
        elif not isinstance(end, BudgetError):
            self._silent.discard(operation.name)

    def _bearable_age(self, end: CadAnswer | CadError, operation: Operation) -> float:
        """Return the seconds of age up to which a copy is better than how the request ended; below 0: none is.

        While the CAD is down the slots are soon used up by requests that failed.
        """
        limited = _is_limited(end)
        if _gave_nothing(end) or (limited and operation.name in self._silent):
            return LONGEST_STALE
        return operation.cache_seconds if limited else -1.0

    async def _take_slot(self, operation: str) -> Ticket:
        """Return a slot of the operation's budget.

        Raises:
            BudgetError: none comes free in time.
        """
        deadline = self._clock.monotonic() + PATIENCE
        self._give_up_after(deadline, operation)
        self._waiting[operation] += 1
        try:
            async with asyncio.timeout(PATIENCE), self._turns[operation]:
                while True:
                    now = self._clock.monotonic()
                    free_at = self._free_at(operation, now)
                    ticket = self._client.budgets.take(operation) if free_at <= now else None
                    if ticket is not None:
                        return ticket
                    await self._clock.sleep(min(deadline, free_at) - now)
        except TimeoutError:
            raise BudgetError(self._free_at(operation, self._clock.monotonic())) from None
        finally:
            self._waiting[operation] -= 1

    def _give_up_after(self, deadline: float, operation: str) -> None:
        """Say at once what will not come free in time."""
        now = self._clock.monotonic()
        free_at = self._free_at(operation, now, ahead=self._waiting[operation])
        if free_at > deadline:
            raise BudgetError(free_at)

    def _remember(self, key: Hashable, copy: _Copy) -> None:
        """Keep an answer, unless a request that left later was answered sooner."""
        former = self._copies.get(key)
        if former is not None and former.asked_at > copy.asked_at:
            return
        self._forget(key)
        if len(copy.answer.body) > LARGEST_COPY:
            return
        self._copies[key] = copy
        self._copied_bytes += _size(copy)
        while self._copied_bytes > MOST_BYTES:
            self._forget(next(iter(self._copies)))

    def _forget(self, key: Hashable) -> None:
        old = self._copies.pop(key, None)
        if old is not None:
            self._copied_bytes -= _size(old)

    def _age(self, copy: _Copy) -> float:
        return self._clock.monotonic() - copy.asked_at

    def _tell(self, end: CadAnswer | CadError, *, shared: bool = False) -> Forwarded:
        if isinstance(end, CadError):
            self._results["limited" if isinstance(end, BudgetError) else "failed"].inc()
            raise end
        if end.redirected:  # nobody follows with a key, and nobody is told where to
            self._results["failed"].inc()
            raise CadError("protocol", sent=True)
        self._results["shared" if shared else "cad"].inc()
        return _forwarded(end, {"Cache-Status": f"{_CACHE}; fwd=miss{'; collapsed' if shared else ''}"})

    def _tell_copy(self, copy: _Copy, operation: Operation) -> Forwarded:
        age = self._age(copy)
        self._results["cache" if age <= operation.cache_seconds else "stale"].inc()
        left = int(operation.cache_seconds - age // 1)
        headers = {"Age": str(int(age)), "Cache-Status": f"{_CACHE}; hit; ttl={left}"}
        return _forwarded(copy.answer, headers)


def _is_kept(request: CadRequest) -> bool:
    """Tell whether the answer may be told again: never that of a look-up which has a player notified."""
    return request.operation.cache_seconds > 0 and _NOTIFIES not in (request.body or b"").lower()


def _key_of(request: CadRequest) -> Hashable:
    return request.operation.name, request.path, sha256(request.body or b"").digest()


def _size(copy: _Copy) -> int:
    return len(copy.answer.body) + COPY_OVERHEAD


def _is_limited(end: CadAnswer | CadError) -> bool:
    if isinstance(end, CadError):
        return isinstance(end, BudgetError)
    return end.status == HTTPStatus.TOO_MANY_REQUESTS


def _gave_nothing(end: CadAnswer | CadError) -> bool:
    if isinstance(end, CadError):
        return not isinstance(end, BudgetError)
    return end.unavailable


def _forwarded(answer: CadAnswer, headers: dict[str, str]) -> Forwarded:
    trace = {} if answer.trace_id is None else {"x-trace-id": answer.trace_id}
    # Gateways name the window in every answer; only these two ask somebody to wait.
    refused = answer.retry_after is not None and answer.status in (
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.SERVICE_UNAVAILABLE,
    )
    wait = {"Retry-After": str(math.ceil(answer.retry_after or 0))} if refused else {}
    return Forwarded(
        status=answer.status,
        body=answer.body,
        content_type=answer.content_type,
        headers=headers | trace | wait,
    )
