"""When the CAD heard of a panic, and of where units are."""

from msgspec import Struct

from bridge.simulator.cloud import Cloud
from tests.support.oracle import Oracle, example


class Hearing(Struct, kw_only=True):
    """A CAD that keeps a journal, and what a daemon owes it."""

    cloud: Cloud
    oracle: Oracle

    async def panic(self, unit: str) -> str:
        [event] = await self.oracle.push(example("panic", unit, ids=[f"license:{unit}"]))
        return event

    def heard_of(self, unit: str) -> float | None:
        """Return when (monotonic seconds) the CAD acted on a panic of a unit."""
        for request in self.cloud.journal.of("setUnitPanic"):
            if request.status == 200 and f'"license:{unit}"'.encode() in request.body:
                return request.monotonic
        return None

    def located_after(self, instant: float) -> float | None:
        """Return when the CAD took the first locations after an instant."""
        batches = self.cloud.journal.of("updateUnitLocations")
        return next((one.monotonic for one in batches if one.status == 200 and one.monotonic > instant), None)
