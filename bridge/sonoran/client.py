"""The CAD as the rest of the program sees it: one place where a request meets budget, breaker and metrics."""

from asyncio import CancelledError
from collections.abc import Callable
from typing import Protocol

from msgspec.structs import replace

from bridge import logs
from bridge.clock import Clock
from bridge.errors import BudgetError, CadError
from bridge.metrics import Metrics
from bridge.operations import Operation, Repeat
from bridge.sonoran.breaker import Breaker, KeyState
from bridge.sonoran.budgets import Budgets, Ticket
from bridge.sonoran.messages import CadAnswer, CadRequest, Line

TOO_MANY_REQUESTS = 429
UNAUTHORIZED = 401
FORBIDDEN = 403

log = logs.get("cad")


class Transport(Protocol):
    """What carries a request: the real wire, or a simulated CAD in the same process."""

    async def exchange(self, request: CadRequest) -> CadAnswer:
        """Send and return the complete answer, or raise ``CadError``."""
        ...


class CadClient:
    """Sends requests within the budgets and keeps the breaker and the metrics true."""

    def __init__(
        self, transport: Transport, budgets: Budgets, breaker: Breaker, metrics: Metrics, clock: Clock
    ) -> None:
        self._transport = transport
        self._metrics = metrics
        self._clock = clock
        self.budgets = budgets
        self.breaker = breaker
        self._changed: list[Callable[[Operation], None]] = []
        self.urgent_used_at = float("-inf")  # when the urgent line last carried an answer, monotonic seconds
        breaker.on_recovery(budgets.recovered)

    def free_at(self, operation: str, now: float, *, ahead: int = 0) -> float:
        """Return when a request of the operation may leave behind ``ahead`` others: ``now`` or later, monotonic."""
        return self.budgets.free_at(operation, now, ahead=ahead)

    def on_change(self, callback: Callable[[Operation], None]) -> None:
        """Have ``callback`` called whenever the CAD may have carried out what is no read."""
        self._changed.append(callback)

    async def send(self, request: CadRequest, ticket: Ticket | None = None) -> CadAnswer:
        """Send one request in a slot of its budget and return the CAD's answer, whatever its status.

        Args:
            request: what to send.
            ticket: a slot taken before; else one is taken now.

        Raises:
            BudgetError: no slot is free.
            CadError: no complete answer came.
        """
        name = request.operation.name
        ticket = ticket or self.budgets.take(name)
        if ticket is None:
            raise BudgetError(self.free_at(name, self._clock.monotonic()))
        try:
            answer = await self._exchange(request, ticket)
        except CadError as error:
            self.breaker.failed(error.reason, ticket.started_at)
            if error.sends:
                self.budgets[name].failed(ticket.started_at)
            raise
        if request.line is Line.URGENT:
            self.urgent_used_at = self._clock.monotonic()
        self._note(ticket, answer)
        return answer

    async def forward(self, request: CadRequest, ticket: Ticket) -> CadAnswer:
        """Send somebody else's request in a slot of its budget and return the CAD's answer, whatever its status.

        It stays inside the limits as ours do, but says nothing of the CAD's health and of the key: a client that
        asks for the wrong thing must not hold up what is ours.

        Raises:
            CadError: no complete answer came.
        """
        answer = await self._exchange(request, ticket)
        if answer.status == TOO_MANY_REQUESTS:
            return replace(answer, retry_after=self._pause(ticket.operation, answer))
        if answer.ok:
            self.budgets[ticket.operation].accepted(self._clock.monotonic())
        return answer

    async def _exchange(self, request: CadRequest, ticket: Ticket) -> CadAnswer:
        """Send a request, end its ticket, and count what came of it."""
        name = request.operation.name
        meters = self._metrics.meters[self.breaker.whose]
        sends = 1
        try:
            answer = await self._transport.exchange(request)
            sends = answer.sends
        except CadError as error:
            sends = error.sends
            meters.failures.labels(name, error.reason).inc()
            log.debug(
                self.breaker.say("CAD gave no answer"), operation=name, reason=error.reason, sent=error.sent
            )
            raise
        except CancelledError:
            self.budgets.abandon(ticket)
            raise
        finally:
            self.budgets.settle(ticket, sends)
            if request.operation.repeat is not Repeat.READ and sends:
                for callback in self._changed:
                    callback(request.operation)
        meters.requests.labels(name, str(answer.status)).inc()
        meters.seconds.labels(name).observe(answer.seconds)
        log.debug(
            self.breaker.say("CAD answered"), operation=name, status=answer.status, trace=answer.trace_id
        )
        return answer

    def _note(self, ticket: Ticket, answer: CadAnswer) -> None:
        name = ticket.operation
        budget = self.budgets[name]
        if answer.unavailable:
            self.breaker.failed(f"status {answer.status}", ticket.started_at)
            budget.failed(ticket.started_at)
            return
        self.breaker.answered()
        if answer.status == TOO_MANY_REQUESTS:
            budget.failed(ticket.started_at)
            self._pause(name, answer)
        elif answer.status == UNAUTHORIZED and self.breaker.key is not KeyState.REFUSED:
            self.breaker.suspect_key()
        elif answer.status == FORBIDDEN:
            budget.slow(self._clock.monotonic())
            log.warning(
                self.breaker.say("CAD forbids an operation, it is slowed"),
                operation=name,
                trace=answer.trace_id,
            )
        else:
            budget.accepted(self._clock.monotonic())

    def _pause(self, operation: str, answer: CadAnswer) -> float:
        seconds = self.budgets.pause(operation, answer.retry_after)
        log.warning(self.breaker.say("CAD limits our rate"), operation=operation, seconds=round(seconds, 1))
        return seconds
