"""Standard error that keeps nobody waiting: what is said there is written by a thread of its own.

Whoever reads the log may stop reading: a console of Windows in which somebody has marked text, a journal that waits
for its own disk, a panel that hangs. Without the thread, the next line would hold the whole daemon until they go on.
"""

import io
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from queue import SimpleQueue
from typing import TextIO

from bridge import logs

MOST = 5_000  # lines that wait, some 1 MiB
CLOSE_SECONDS = 2.0  # that a reader who has stopped may hold up the end of the process

log = logs.get("host")


class Spool(io.TextIOBase):
    """A stream that passes text on to another one in order; what comes while ``most`` texts wait is left out.

    How many that were is said in the log as soon as its reader goes on. To write takes no lock: the collector may
    log, too, and whoever logs may hold the lock of a logger.
    """

    def __init__(self, stream: TextIO, *, most: int = MOST) -> None:
        self._stream = stream
        self._most = most
        self._texts: SimpleQueue[str | None] = SimpleQueue()  # None: nothing more comes
        self._left_out = 0
        self._asked = False
        self._thread = threading.Thread(target=self._pass_on, name="log", daemon=True)
        self._thread.start()

    def isatty(self) -> bool:
        """Tell whether a person reads along."""
        return self._stream.isatty()

    def write(self, text: str) -> int:
        """Take text without waiting for whoever reads it."""
        if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # click tries bytes
            raise TypeError(f"a str is written, not {type(text).__name__}")
        if self._texts.qsize() < self._most:
            self._texts.put(text)
        else:
            self._left_out += 1
        if not self._thread.is_alive():
            self._write_waiting()
        return len(text)

    def finish(self, seconds: float = CLOSE_SECONDS) -> bool:
        """Write what waits, and from now on at once; tell whether that was possible in so many seconds."""
        if not self._asked:
            self._asked = True
            self._texts.put(None)
            self._thread.join(seconds)
        return not self._thread.is_alive()

    def _pass_on(self) -> None:
        """Write until nothing waits and nothing more is to come."""
        more = True
        while more or not self._texts.empty():
            more = self._write_waiting(self._texts.get()) and more
            if self._left_out and self._texts.qsize() < self._most:
                lines, self._left_out = self._left_out, 0
                log.warning("log lines left out, nobody read them", lines=lines)

    def _write_waiting(self, first: str | None = "") -> bool:
        """Write a text and those that wait behind it; tell whether more are to come."""
        texts = [first]
        while not self._texts.empty():
            texts.append(self._texts.get())
        with suppress(OSError, ValueError):  # a full disk, a closed pipe
            self._stream.write("".join(text for text in texts if text is not None))
            self._stream.flush()
        return None not in texts


@contextmanager
def spooled_stderr() -> Generator[Spool]:
    """Have nobody wait for whoever reads standard error while entered, nor after that where he does not read."""
    before = sys.stderr
    spool = Spool(before)
    sys.stderr = spool
    try:
        yield spool
    finally:
        if spool.finish():
            sys.stderr = before
