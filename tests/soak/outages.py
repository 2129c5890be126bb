"""The CAD fails in rotation: each way for a while, with calm between."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from contextlib import suppress

from bridge.simulator.cloud import Cloud
from bridge.simulator.faults import Answer, Delay, Drop, Fault, Half, Hang, RefuseKey
from bridge.simulator.server import SimulatorServer
from tests.support import fault_proxy
from tests.support.fault_proxy import NO_FAULT, FaultProxy

CALM = "calm"
SHARE, LONGEST, SHORTEST = 1 / 40, 20.0, 4.0  # of the whole run, and seconds
SLOW = 1.0  # seconds, within cad.timeout: later the CAD would act on what was given up
TRICKLE = 20_000.0  # bytes a second

RESET_EVERY = 0.25  # seconds
HANGS_SECONDS = 3.0  # after which the CAD's side lets go of what it does not answer; beyond cad.timeout

Outage = Callable[[float], Awaitable[None]]


class Outages:
    """``now`` says what is wrong, ``suffered`` how many outages are over."""

    def __init__(self, cloud: Cloud, server: SimulatorServer, far: FaultProxy, seconds: float) -> None:
        self.now = CALM
        self.suffered = 0
        self._cloud = cloud
        self._server = server
        self._far = far
        self._spell = min(LONGEST, max(SHORTEST, seconds * SHARE))
        self._ways: dict[str, Outage] = {
            "503": self._answering(Answer(status=503)),
            "no answer": self._answering(Hang()),
            "429": self._answering(Answer(status=429, retry_after="2")),
            "resets": self._reset,
            "key refused": self._answering(RefuseKey()),
            "slow": self._answering(Delay(seconds=SLOW)),
            "answers lost": self._answering(Drop(acts=True), Half()),
            "500 after acting": self._answering(Answer(status=500, acts=True)),
            "trickle": self._line(fault_proxy.Fault(bytes_per_second=TRICKLE)),
            "silence": self._line(fault_proxy.Fault(silent=True)),
            "refused": self._refuse,
            "restart": self._restart,
        }

    async def run(self) -> None:
        """Go round until cancelled; then all is well again."""
        try:
            for name, outage in itertools.cycle(self._ways.items()):
                await asyncio.sleep(self._spell)
                self.now = name
                await outage(self._spell)
                self.now = CALM
                self.suffered += 1
        finally:
            self.now = CALM
            self._cloud.clear_faults()
            self._far.use(NO_FAULT)

    def _answering(self, *faults: Fault) -> Outage:
        async def outage(seconds: float) -> None:
            self._cloud.faults.add(*faults)
            await _again_and_again(self._cloud.let_go, HANGS_SECONDS, seconds)
            self._cloud.clear_faults()

        return outage

    def _line(self, fault: fault_proxy.Fault) -> Outage:
        async def outage(seconds: float) -> None:
            self._far.use(fault)
            await asyncio.sleep(seconds)
            self._far.use(NO_FAULT)
            self._far.reset()

        return outage

    async def _reset(self, seconds: float) -> None:
        await _again_and_again(self._far.reset, RESET_EVERY, seconds)

    async def _refuse(self, seconds: float) -> None:
        await self._far.refuse()
        self._far.reset()
        try:
            await asyncio.sleep(seconds)
        finally:
            await self._far.listen()

    async def _restart(self, seconds: float) -> None:
        """Stop the CAD itself; it remembers all when it comes back."""
        await self._server.__aexit__(None, None, None)
        try:
            await asyncio.sleep(seconds / 2)
        finally:
            await self._server.__aenter__()


async def _again_and_again(deed: Callable[[], None], every: float, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                await asyncio.sleep(every)
                deed()
