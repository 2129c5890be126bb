"""The program as processes of their own, none of which outlives its limit."""

import asyncio
import itertools
import signal
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from msgspec import Struct

SECONDS = 170  # after which a process ends by SIGALRM, whatever became of the test that started it
MEMORY_BYTES = 4 * 1024**3

# An alarm and a limit on memory survive exec, so the process that is signalled is the program itself. Shells have what
# they run in the background ignore SIGINT, which survives as well.
LEASH = (
    "import os, resource, signal, sys\n"
    "signal.alarm(int(sys.argv[1]))\n"
    "signal.signal(signal.SIGINT, signal.SIG_DFL)\n"
    "resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]),) * 2)\n"
    "os.execvp(sys.argv[3], sys.argv[3:])\n"
)
_numbers = itertools.count()

BRIDGE = (sys.executable, "-m", "bridge")


class Finished(Struct, frozen=True, kw_only=True):
    """How a command ended."""

    code: int
    out: str
    err: str


class Running:
    """A process that writes what it says to files in ``folder``; started again it adds to them."""

    def __init__(self, folder: Path, command: Sequence[str], name: str = "process") -> None:
        self._folder = folder
        self._command = tuple(command)
        self._out = folder / f"{name}.out"
        self._err = folder / f"{name}.err"
        self._process: asyncio.subprocess.Process | None = None

    @property
    def out(self) -> str:
        return _text(self._out)

    @property
    def err(self) -> str:
        return _text(self._err)

    @property
    def pid(self) -> int:
        return self._started().pid

    @property
    def ended(self) -> bool:
        return self._process is None or self._process.returncode is not None

    async def start(self) -> None:
        with self._out.open("ab") as out, self._err.open("ab") as err:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-c", LEASH, str(SECONDS), str(MEMORY_BYTES)),
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )

    def signal(self, number: signal.Signals) -> None:
        self._started().send_signal(number)

    async def wait(self, within: float = 15.0) -> int:
        """Return the exit code; below zero: the signal it ended by."""
        async with asyncio.timeout(within):
            return await self._started().wait()

    async def kill(self) -> None:
        """End it as a power cut would."""
        if not self.ended:
            self.signal(signal.SIGKILL)
            await self.wait()

    def _started(self) -> asyncio.subprocess.Process:
        assert self._process is not None, "it was not started"
        return self._process


@asynccontextmanager
async def running(folder: Path, *command: str, name: str = "process") -> AsyncGenerator[Running]:
    """Run a command while entered."""
    process = Running(folder, command, name)
    await process.start()
    try:
        yield process
    finally:
        await process.kill()


async def cad_bridge(folder: Path, *arguments: str, within: float = 20.0) -> Finished:
    """Run ``cad-bridge`` to its end."""
    name = f"{arguments[0]}-{next(_numbers)}"
    async with running(folder, *BRIDGE, *arguments, name=name) as process:
        code = await process.wait(within)
        return Finished(code=code, out=process.out, err=process.err)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
