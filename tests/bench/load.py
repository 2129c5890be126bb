"""Load at full speed: wrk, on the core that is not measured."""

import asyncio
import shutil
import signal
from pathlib import Path

import msgspec
from msgspec import Struct

from tests.bench.bodies import Shape

SCRIPT = Path(__file__).with_name("load.lua")
LONGEST = "60s"  # it is stopped long before
MISSING = "wrk is missing, which makes the load: apt-get install wrk"
GENTLE = (
    5  # what wrk is niced by, so that a client that measures latency beside it has the core when it needs it
)


class Load(Struct, frozen=True, kw_only=True):
    """What was done to a server; ``p50`` and ``p99`` are microseconds, as wrk saw them."""

    requests: int
    microseconds: int
    p50: float
    p99: float
    refused: int
    broken: int

    @property
    def per_second(self) -> float:
        """Return the answered requests a second."""
        return self.requests / self.microseconds * 1e6


def find_wrk() -> str:
    """Return where wrk is.

    Raises:
        RuntimeError: it is not installed.
    """
    path = shutil.which("wrk")
    if path is None:
        raise RuntimeError(MISSING)
    return path


async def load(
    url: str,
    shape: Shape,
    pushes: Path,
    seconds: float,
    *,
    token: str,
    connections: int = 16,
    first: int = 0,
) -> Load:
    """Send pushes as fast as they are answered, on ``connections`` that stay open; ``first`` is a number to begin at."""
    process = await asyncio.create_subprocess_exec(
        *("nice", "-n", str(GENTLE), find_wrk(), "--threads", "1", "--connections", str(connections)),
        *("--duration", LONGEST, "--script", str(SCRIPT), url + shape.path),
        *("--", str(pushes), shape.method, token, str(first)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        await asyncio.sleep(seconds)
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(20):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return read_summary(said.decode())


def read_summary(said: str) -> Load:
    """Return what wrk's script told of a run in which everything was answered well.

    Raises:
        RuntimeError: it told nothing, or something was refused.
    """
    lines = [line for line in said.splitlines() if line.startswith("SUMMARY ")]
    if not lines:
        raise RuntimeError(f"wrk told nothing: {said[-500:]}")
    told = msgspec.json.decode(lines[-1].removeprefix("SUMMARY "), type=Load)
    if not told.requests or told.refused or told.broken:
        raise RuntimeError(
            f"of {told.requests} pushes {told.refused} were refused, {told.broken} got no answer"
        )
    return told
