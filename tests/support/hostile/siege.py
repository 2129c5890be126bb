"""An attack by a process of its own, so that it costs the honest clients' process no time."""

import asyncio
import signal
import sys
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from tests.support.hostile.attacker import READY
from tests.support.process import running

ATTACKER = (sys.executable, "-m", "tests.support.hostile.attacker")


@asynccontextmanager
async def under_attack(folder: Path, name: str, port: int) -> AsyncGenerator[Counter[str]]:
    """Attack a port while entered; what came of it is counted when it is left."""
    tally: Counter[str] = Counter()
    async with running(folder, *ATTACKER, name, str(port), name=f"attacker-{port}") as run:
        said = len(run.out) + len(READY)
        while len(run.out) < said:
            assert not run.ended, run.err
            await asyncio.sleep(0.02)
        yield tally
        run.signal(signal.SIGTERM)
        assert await run.wait() == 0, run.err
        tally.update(msgspec.json.decode(run.out[said:], type=dict[str, int]))
