"""The way to the model CAD: latency both ways, and everything that can go wrong with a request.

A request that has left arrives, whatever becomes of who sent it: a timeout or a kill does not call it back.
"""

import asyncio
from collections.abc import Callable, Hashable, Iterator
from random import Random
from typing import Any

import msgspec
from msgspec import Struct

from bridge.errors import CadError
from bridge.sonoran.messages import CadAnswer, CadRequest
from tests.support.model_cad import Asked, ModelCad, read
from tests.support.virtual_time import VirtualClock

LATENCY = (0.02, 0.12)  # seconds, each way
TIMEOUT = 10.0  # seconds, cad.timeout
LATEST_ACT = 9.5  # seconds after leaving: within cad.timeout the CAD has acted, or never will


class Fault(Struct, frozen=True, kw_only=True):
    """What befalls a request; without a status no answer comes: a reset, or nothing at all where it ``hangs``."""

    status: int = 0
    acts: bool = False
    acts_late: bool = False
    hangs: bool = False
    retry_after: float | None = None


CONNECT = "nobody can connect"
MUTE = "acts and answers nothing of use"
FAULTS: dict[str, Fault] = {
    "redirect": Fault(status=302),
    "400": Fault(status=400),
    "401": Fault(status=401),
    "403": Fault(status=403),
    "404": Fault(status=404),
    "408": Fault(status=408),
    "409": Fault(status=409),
    "413": Fault(status=413),
    "429": Fault(status=429),
    "429 for 3 s": Fault(status=429, retry_after=3.0),
    "429 for 40 s": Fault(status=429, retry_after=40.0),
    "500": Fault(status=500),
    "503": Fault(status=503),
    "acts, then 500": Fault(status=500, acts=True),
    "502, acts later": Fault(status=502, acts_late=True),
    "hangs": Fault(hangs=True),
    "acts and hangs": Fault(hangs=True, acts=True),
    "hangs, acts late": Fault(hangs=True, acts_late=True),
    "resets": Fault(),
    "acts, then resets": Fault(acts=True),
    "resets, acts later": Fault(acts_late=True),
    CONNECT: Fault(),
    MUTE: Fault(acts=True, status=200),
}

SCOPES: dict[str, frozenset[str]] = {
    "states": frozenset({"setUnitPanic", "setUnitStatus"}),
    "calls": frozenset({"create911Call", "createDispatchCall"}),
    "about calls": frozenset(
        {"remove911Call", "addCallNote", "attachUnits", "detachUnits", "closeDispatchCalls"}
    ),
    "reads": frozenset({"getCalls"}),
    "kicks": frozenset({"kickUnit"}),
    "locations": frozenset({"updateUnitLocations"}),
    "rest": frozenset({"createBlip", "sendPhoto", "heartbeat"}),
    "key": frozenset({"getVersion"}),
}
EVERYTHING = "everything"
MAY_ACT_LATE = SCOPES["calls"]  # a state that acts after a kill would overtake the next: nobody can help that


class Look(Struct, frozen=True, kw_only=True):
    """A getCalls whose answer the bridge heard; ``status`` 0: it heard of none."""

    server: int
    left_at: float
    heard_at: float
    status: int


class ModelLine:
    """``bridge.sonoran.client.Transport`` to a model CAD.

    ``moods`` holds what is wrong with a scope until further notice, ``once`` what befalls its next requests.
    ``overtaken`` notes requests that left while another about the same thing was under way.
    """

    def __init__(self, clock: VirtualClock, cad: ModelCad, seed: int) -> None:
        self.cad = cad
        self.moods: dict[str, str] = {}
        self.once: list[tuple[str, str]] = []
        self.looks: list[Look] = []
        self.on_batch: Callable[[Asked], None] = lambda _: None
        self.overtaken: list[Hashable] = []
        self.faults_met: set[tuple[str, str]] = set()  # operation and fault
        self._clock = clock
        self._random = Random(seed)
        self._under_way: list[Hashable] = []
        self._travelling: set[asyncio.Task[Any]] = set()

    async def exchange(self, request: CadRequest) -> CadAnswer:
        body = None if request.body is None else msgspec.json.decode(request.body)
        asked = read(request.operation.method, request.path, body, self._clock.monotonic())
        about = list(_about(asked))
        self.overtaken += [thing for thing in about if thing in self._under_way]
        self._under_way += about
        if asked.operation == "updateUnitLocations":
            self.on_batch(asked)
        status = 0
        try:
            answer = await self._exchange(asked)
            status = answer.status
            return answer
        finally:
            for thing in about:
                self._under_way.remove(thing)
            if asked.operation == "getCalls":
                now = self._clock.monotonic()
                look = Look(server=asked.server, left_at=asked.left_at, heard_at=now, status=status)
                self.looks.append(look)

    async def close(self) -> None:
        """Let nothing that is still under way outlive the loop."""
        for travel in self._travelling:
            travel.cancel()
        await asyncio.gather(*self._travelling, return_exceptions=True)

    def set_mood(self, scope: str, fault: str | None) -> None:
        """Have all requests of a scope meet a fault from now on, or no longer."""
        self.moods.pop(scope, None)
        if fault is not None:
            self.moods[scope] = fault

    def be_well(self) -> None:
        """End everything that is wrong."""
        self.moods.clear()
        self.once.clear()

    def _fault(self, operation: str) -> str | None:
        for index, (scope, name) in enumerate(self.once):
            if operation in SCOPES[scope]:
                del self.once[index]
                return name
        scope = next(scope for scope, operations in SCOPES.items() if operation in operations)
        return self.moods.get(scope, self.moods.get(EVERYTHING))

    async def _exchange(self, asked: Asked) -> CadAnswer:
        travel = asyncio.get_running_loop().create_task(self._travel(asked))
        self._travelling.add(travel)
        travel.add_done_callback(self._arrived)
        try:
            async with asyncio.timeout(TIMEOUT):
                return await asyncio.shield(travel)
        except TimeoutError as error:
            raise CadError("timeout", sent=True) from error

    def _arrived(self, travel: "asyncio.Task[CadAnswer]") -> None:
        self._travelling.discard(travel)
        if not travel.cancelled():
            travel.exception()  # it has been told, or nobody waits for it any more

    async def _travel(self, asked: Asked) -> CadAnswer:
        await self._clock.sleep(self._random.uniform(*LATENCY))
        name = self._fault(asked.operation)
        if name is not None:
            self.faults_met.add((asked.operation, name))
        if name == CONNECT:
            raise CadError("connect", sent=False)
        self.cad.count(asked)
        if name is None:
            return await self._answer(*self.cad.act(asked))
        return await self._suffer(FAULTS[name], asked)

    async def _suffer(self, fault: Fault, asked: Asked) -> CadAnswer:
        if fault is FAULTS[MUTE]:
            return await self._answer(self.cad.act(asked)[0], {"title": "Done"})
        if fault.acts_late and asked.operation in MAY_ACT_LATE:
            self._travelling.add(later := asyncio.get_running_loop().create_task(self._act_late(asked)))
            later.add_done_callback(self._travelling.discard)
        elif fault.acts or fault.acts_late:
            self.cad.act(asked)
        if fault.hangs:
            await self._clock.sleep(10 * TIMEOUT)
        if not fault.status:
            await self._clock.sleep(self._random.uniform(*LATENCY))
            raise CadError("reset", sent=True)
        return await self._answer(fault.status, {"title": "Fault"}, fault.retry_after)

    async def _act_late(self, asked: Asked) -> None:
        await self._clock.sleep(asked.left_at + LATEST_ACT - self._clock.monotonic())
        self.cad.act(asked)

    async def _answer(self, status: int, body: Any, retry_after: float | None = None) -> CadAnswer:
        await self._clock.sleep(self._random.uniform(*LATENCY))
        return CadAnswer(
            status=status, body=msgspec.json.encode(body), retry_after=retry_after, trace_id=None,
            seconds=0.1, sends=1,
        )  # fmt: skip


def _about(asked: Asked) -> Iterator[Hashable]:
    """Yield the things of which only one request at a time may be under way."""
    match asked.operation:
        case "setUnitPanic" | "setUnitStatus":
            for unit in asked.body["communityUserIds"]:
                yield asked.operation, unit
        case "attachUnits" | "detachUnits":
            for unit in asked.body["communityUserIds"]:
                yield "attachment", unit
        case "sendPhoto":
            yield "photo", asked.body["communityUserId"]
        case "create911Call" | "createDispatchCall":
            yield "mark", asked.body["metaData"]["cadBridgeEvent"]
        case _:
            pass
