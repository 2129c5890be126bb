"""A command on a terminal of its own, as a person has it: what is typed without echo is not seen."""

import asyncio
import os
import pty
import sys
import termios
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress

SECONDS = 60  # after which the process ends by SIGALRM

# The terminal becomes the one that /dev/tty means, which is where a key is typed.
SEATED = (
    "import fcntl, os, signal, sys, termios\n"
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
    "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    "signal.alarm(int(sys.argv[1]))\n"
    "os.execvp(sys.argv[2], sys.argv[2:])\n"
)
INTERRUPT = b"\x03"
PATIENCE = 1.0  # seconds until a person presses Ctrl-C again


class Terminal:
    """What a process shows, and what is typed at it."""

    def __init__(self, process: asyncio.subprocess.Process, descriptor: int) -> None:
        self._process = process
        self._descriptor = descriptor
        self._changed = asyncio.Event()
        self._ended = asyncio.Event()
        self._at = 0
        self.shown = ""
        asyncio.get_running_loop().add_reader(descriptor, self._read)

    async def answer(self, question: str, typed: str, within: float = 20.0) -> None:
        """Type an answer once a question is seen for the first time after the last one."""
        await self._seen(question, within)
        self._at = len(self.shown)
        os.write(self._descriptor, typed.encode())

    async def answer_unseen(self, question: str, typed: str, within: float = 20.0) -> None:
        """Type an answer to a question that shows nothing of it, once the terminal does not echo any more."""
        await self._seen(question, within)
        async with asyncio.timeout(within):
            while termios.tcgetattr(self._descriptor)[3] & termios.ECHO:  # noqa: ASYNC110 -- nothing tells of it
                await asyncio.sleep(0.01)
        await self.answer(question, typed, within)

    async def interrupt(self, question: str, within: float = 20.0) -> int:
        """Press Ctrl-C at a question, again and again as a person does, and return the exit code."""
        await self._seen(question, within)
        async with asyncio.timeout(within):
            while self._process.returncode is None:
                os.write(self._descriptor, INTERRUPT)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._process.wait(), PATIENCE)
        return await self.end()

    async def end(self, within: float = 30.0) -> int:
        """Return the exit code."""
        async with asyncio.timeout(within):
            code = await self._process.wait()
            await self._ended.wait()
        return code

    async def close(self) -> None:
        """Leave nothing behind."""
        asyncio.get_running_loop().remove_reader(self._descriptor)
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        os.close(self._descriptor)

    async def _seen(self, question: str, within: float) -> None:
        try:
            async with asyncio.timeout(within):
                while question not in self.shown[self._at :]:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"{question!r} was not asked:\n{self.shown}") from None

    def _read(self) -> None:
        content = b""
        with suppress(OSError):  # a terminal that nobody has open any more
            content = os.read(self._descriptor, 65_536)
        self.shown += content.decode(errors="replace").replace("\r\n", "\n")
        self._changed.set()
        if not content:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            self._ended.set()


@asynccontextmanager
async def terminal(*command: str, environ: Mapping[str, str] | None = None) -> AsyncGenerator[Terminal]:
    """Run a command on a terminal while entered."""
    ours, theirs = pty.openpty()
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-c", SEATED, str(SECONDS)),
            *command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            env={**os.environ, "COLUMNS": "120", **(environ or {})},
        )
    finally:
        os.close(theirs)
    seat = Terminal(process, ours)
    try:
        yield seat
    finally:
        await seat.close()
