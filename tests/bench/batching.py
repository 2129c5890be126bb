"""``python -m tests.bench.batching TIMES``: what building a batch costs, with the real buffer and the real flusher.

The CAD is a stub that answers at once: what is timed is the choice of units, the building and encoding of the request,
and the bookkeeping afterwards. Beside it the bare encoding of the same request. Prints JSON, a line a number of units.
"""

import asyncio
import sys
import time

import msgspec
from msgspec import Struct

from bridge import logs
from bridge.coalescer import Coalescer
from bridge.config import LocationsConfig
from bridge.fleet import Fleet
from bridge.flusher import Flusher
from bridge.intake import read_locations
from bridge.metrics import Metrics
from bridge.sonoran.messages import CadAnswer, CadRequest
from bridge.units import ServerId
from tests.bench.bodies import NATIVE, positions
from tests.support.cad_client import client_of
from tests.support.stepping_clock import SteppingClock
from tests.support.transport import answer

SERVER = ServerId(1)
NAMES = {SERVER: "main"}
UNITS = (100, 2_048, 20_000, 100_000)
SIZE = 2_048  # positions in a push
INTERVAL = 5.1  # seconds between batches
MAX_COORDINATE = 16_000.0


class Batching(Struct, frozen=True, kw_only=True):
    """With so many units: the CPU seconds of each batch, and of each bare encoding of it; its size is ``sent``."""

    units: int
    sent: int
    batch: list[float]
    bare: list[float]


class _Cad:
    """Answers at once and keeps the last request's body."""

    def __init__(self) -> None:
        self.body = b""
        self._took = answer(body={"updated": LocationsConfig().max_batch})

    async def exchange(self, request: CadRequest) -> CadAnswer:
        self.body = request.body or b""
        return self._took


class _Run:
    """Buffer and flusher with so many units, all of which move before each batch."""

    def __init__(self, units: int) -> None:
        self._units = units
        self._clock = SteppingClock()
        self._cad = _Cad()
        self._coalescer = Coalescer(LocationsConfig(), NAMES)
        client = client_of(self._cad, self._clock)
        self._flusher = Flusher(
            self._coalescer, Fleet(NAMES), client, LocationsConfig(), Metrics("0"), self._clock, None
        )
        self._flusher.start()

    async def measure(self, times: int) -> Batching:
        """Send so many batches after a first one."""
        batch, bare = list[float](), list[float]()
        sent = 0
        for step in range(times + 1):
            self._move_all(step)
            self._clock.now += INTERVAL
            started = time.thread_time()
            assert await self._flusher.flush(), "a batch was due"
            taken = time.thread_time() - started
            content = msgspec.json.decode(self._cad.body)
            started = time.thread_time()
            msgspec.json.encode(content)
            encoded = time.thread_time() - started
            sent = len(content["updates"])
            if step:
                batch.append(taken)
                bare.append(encoded)
        return Batching(units=self._units, sent=sent, batch=batch, bare=bare)

    def _move_all(self, step: int) -> None:
        now = self._clock.monotonic()
        for first in range(0, self._units, SIZE):
            records = positions(range(first, min(first + SIZE, self._units)), step)
            said = read_locations(NATIVE.write(records), max_coordinate=MAX_COORDINATE)
            assert not said.rejected, said.rejected[:1]
            self._coalescer.put(SERVER, said.reports, now)


async def main(times: int) -> None:
    logs.configure(level="info", format="json", secrets=())
    for units in UNITS:
        found = await _Run(units).measure(max(3, min(times, times * 20_000 // units)))
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
