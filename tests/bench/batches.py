"""What a batch costs as the units it is chosen from grow, against the bare encoding of the same request."""

import asyncio
import sys

import msgspec

from tests.bench.batching import Batching
from tests.bench.bench import Bench
from tests.bench.cores import on_core
from tests.bench.rows import Row

TIMES = {False: 20, True: 6}  # True: quick
LONGEST = 90.0  # seconds


async def measure(bench: Bench) -> None:
    """Add the rows of batches."""
    bench.say("batches")
    with on_core(bench.cores.measured):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.bench.batching", str(TIMES[bench.quick])),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    try:
        async with asyncio.timeout(LONGEST):
            said, complaint = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise RuntimeError(complaint.decode()[-500:])
    for line in said.splitlines():
        _add(bench, msgspec.json.decode(line, type=Batching))


def _add(bench: Bench, found: Batching) -> None:
    bench.add(
        Row(
            key=f"batch.{found.units}",
            title=f"batch of {found.sent} out of {found.units:,} units: CPU",
            unit="ms",
            ours=tuple(seconds * 1e3 for seconds in found.batch),
            against="bare encoding of it",
            baseline=tuple(seconds * 1e3 for seconds in found.bare),
        )
    )
