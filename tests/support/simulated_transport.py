"""The simulated CAD at the end of a line with latency: ``bridge.sonoran.client.Transport`` without sockets.

A request that has left arrives, whatever becomes of who sent it: a timeout or a kill does not call it back.
"""

import asyncio
from random import Random

from bridge.clock import Clock
from bridge.errors import CadError
from bridge.simulator.cloud import Cloud, Dropped
from bridge.simulator.messages import Reply
from bridge.sonoran.messages import CadAnswer, CadRequest
from tests.support.cloud_transport import answered, asked

LATENCY = (0.02, 0.12)  # seconds, each way


class SimulatedTransport:
    """Carries requests to ``cloud``; ``left`` holds when each left, in monotonic seconds, and the request."""

    def __init__(self, clock: Clock, cloud: Cloud, *, seed: int, timeout: float = 10.0) -> None:
        self.cloud = cloud
        self.left: list[tuple[float, CadRequest]] = []
        self._clock = clock
        self._random = Random(seed)
        self._timeout = timeout
        self._travelling: set[asyncio.Task[Reply]] = set()

    async def exchange(self, request: CadRequest) -> CadAnswer:
        started = self._clock.monotonic()
        self.left.append((started, request))
        travel = asyncio.get_running_loop().create_task(self._travel(request))
        self._travelling.add(travel)
        travel.add_done_callback(self._arrived)
        try:
            async with asyncio.timeout(self._timeout):
                reply = await asyncio.shield(travel)
        except Dropped as dropped:
            raise CadError("reset", sent=True) from dropped
        except TimeoutError as error:
            raise CadError("timeout", sent=True) from error
        return answered(reply, self._clock, started)

    async def close(self) -> None:
        """Let nothing that is still under way outlive the loop."""
        for travel in self._travelling:
            travel.cancel()
        await asyncio.gather(*self._travelling, return_exceptions=True)

    async def _travel(self, request: CadRequest) -> Reply:
        await self._clock.sleep(self._random.uniform(*LATENCY))
        reply = await self.cloud.exchange(asked(request))
        await self._clock.sleep(self._random.uniform(*LATENCY))
        return reply

    def _arrived(self, travel: "asyncio.Task[Reply]") -> None:
        self._travelling.discard(travel)
        if not travel.cancelled():
            travel.exception()  # it has been told, or nobody waits for it any more
