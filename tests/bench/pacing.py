"""Starts loads that keep their pace, as processes of their own."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from tests.bench.bodies import Shape
from tests.bench.open_loop import Pace, Paced
from tests.bench.servers import TOKEN

PATIENCE = 30.0  # seconds beyond those of the plan


def pace_of(
    url: str, shape: Shape, pushes: Path, *, per_second: float, seconds: float, token: str = TOKEN
) -> Pace:
    """Return the plan of positions pushed at a pace."""
    return Pace(
        url=url + shape.path,
        method=shape.method,
        pushes=str(pushes),
        token=token,
        per_second=per_second,
        seconds=seconds,
    )


async def paced(pace: Pace) -> Paced:
    """Send at a pace and return what was seen.

    Raises:
        RuntimeError: something was refused, or got no answer.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.open_loop", msgspec.json.encode(pace).decode()),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(pace.seconds + PATIENCE):
            said, complaint = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise RuntimeError(f"the load at a pace broke off: {complaint.decode()[-500:]}")
    seen = msgspec.json.decode(said, type=Paced)
    if seen.refused:
        raise RuntimeError(f"of {len(seen.due)} requests {seen.refused} were refused")
    return seen


@asynccontextmanager
async def beside(load: Coroutine[Any, Any, object], head_start: float) -> AsyncGenerator[None]:
    """Have a load run while entered, and for ``head_start`` seconds before; leaving waits for its end."""
    async with asyncio.TaskGroup() as group:
        group.create_task(load)
        await asyncio.sleep(head_start)
        yield
