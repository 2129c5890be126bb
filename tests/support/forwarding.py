"""Game servers that ask a scripted CAD through ``bridge.forward``, on virtual time."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from bridge.errors import BudgetError, CadError
from bridge.forward import RESULTS, Forward, Forwarded
from bridge.operations import OPERATIONS, SET_UNIT_STATUS, Operation
from bridge.sonoran.breaker import DOWN_AFTER
from bridge.sonoran.messages import CadAnswer, CadRequest
from tests.support.cad_client import client_of, sample
from tests.support.transport import ScriptedTransport, Sent, answer
from tests.support.virtual_time import VirtualClock, run_virtual

T = TypeVar("T")
UNITS = OPERATIONS["getActiveUnits"]  # 3 a minute, told again for 30 s
BLIPS = OPERATIONS["getBlips"]  # 10 a minute, told again for 15 s
SERVERS = OPERATIONS["getServers"]  # 10 a minute, told again for 60 s
LOOKUP = OPERATIONS["lookupNameOrPlate"]  # 30 a minute, told again for 10 s
TURN = OPERATIONS["getTurnCredentials"]  # 20 a minute, never told again

Told = Forwarded | CadError


class Forwarding:
    """A CAD, the client and what forwards; ``cad.sent`` is what came upstream."""

    def __init__(self, clock: VirtualClock, limits: Mapping[str, int] | None = None) -> None:
        self.clock = clock
        self.cad = ScriptedTransport(clock)
        self.client = client_of(self.cad, clock, limits)
        self.forward = Forward(self.client, self.client._metrics, clock)

    async def ask(
        self,
        operation: Operation = UNITS,
        *,
        which: str = "",
        body: bytes | None = None,
        seconds: float | None = None,
    ) -> Told:
        """Ask; an error is returned. ``which`` tells one path of the operation from another."""
        request = CadRequest(operation=operation, path=operation.path + which, body=body)
        try:
            return await self.forward.ask(request, seconds)
        except CadError as error:
            return error

    async def heard(self, operation: Operation = UNITS, **more: Any) -> Forwarded:
        told = await self.ask(operation, **more)
        assert isinstance(told, Forwarded), repr(told)
        return told

    async def failed(self, operation: Operation = UNITS, **more: Any) -> CadError:
        told = await self.ask(operation, **more)
        assert isinstance(told, CadError), repr(told)
        return told

    def begin(self, operation: Operation = UNITS, **more: Any) -> asyncio.Task[Told]:
        return asyncio.get_running_loop().create_task(self.ask(operation, **more))

    def spend(self, operation: Operation, number: int) -> None:
        """Use slots up, as requests do that are answered at once."""
        for _ in range(number):
            ticket = self.client.budgets.take(operation.name)
            assert ticket is not None
            self.client.budgets.settle(ticket)

    async def change(self, operation: Operation = SET_UNIT_STATUS) -> None:
        """Have the bridge itself change something."""
        await self.client.send(
            CadRequest(operation=operation, path="/", body=b'{"communityUserIds": ["license:1"]}')
        )

    def go_down(self) -> None:
        """Let the bridge's own requests find out that the CAD is down."""
        for _ in range(DOWN_AFTER):
            self.client.breaker.failed("timeout")

    def results(self) -> dict[str, int]:
        """Return what the metric counts, without zeros."""
        counts = {
            result: sample(self.client._metrics, "forwarded_total", result=result) for result in RESULTS
        }
        return {result: int(count) for result, count in counts.items() if count}

    def upstream(self, operation: Operation = UNITS) -> int:
        return len(self.cad.requests(operation))


def run_forwarding(case: Callable[[Forwarding], Awaitable[T]], limits: Mapping[str, int] | None = None) -> T:
    """Run ``case`` inside the context of what forwards."""

    async def main(clock: VirtualClock) -> T:
        bench = Forwarding(clock, limits)
        async with bench.forward:
            return await case(bench)

    return run_virtual(main)


def numbered() -> Callable[[Sent], CadAnswer]:
    """Return what answers each request with its number, from 1."""
    count = 0

    def react(_: Sent) -> CadAnswer:
        nonlocal count
        count += 1
        return answer(body=count)

    return react


def number(told: Told) -> int:
    assert isinstance(told, Forwarded), repr(told)
    return int(told.body)


def is_limited(told: Told) -> bool:
    return isinstance(told, BudgetError)
