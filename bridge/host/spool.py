"""Standard error that keeps nobody waiting: what is said there is written by a thread of its own.

Whoever reads the log may stop reading: a console of Windows in which somebody has marked text, a journal that waits
for its own disk, a panel that hangs. Without the thread, the next line would hold the whole daemon until they go on.
"""

import io
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import TextIO

from bridge import logs

MOST = 1024 * 1024  # characters that wait: some 5,000 lines
CLOSE_SECONDS = 2.0  # that a reader who has stopped may hold up the end of the process

log = logs.get("host")


class Spool(io.TextIOBase):
    """A stream that passes text on to another one in order; what comes while ``most`` characters wait is left out.

    How many lines that were is said in the log as soon as its reader goes on.
    """

    def __init__(self, stream: TextIO, *, most: int = MOST) -> None:
        self._stream = stream
        self._most = most
        self._changed = threading.Condition()
        self._waiting: list[str] = []
        self._held = 0  # characters not written yet
        self._left_out = 0  # lines
        self._ending = False
        self._thread = threading.Thread(target=self._pass_on, name="log", daemon=True)
        self._thread.start()

    def isatty(self) -> bool:
        """Tell whether a person reads along."""
        return self._stream.isatty()

    def write(self, text: str) -> int:
        """Take text without waiting for whoever reads it."""
        with self._changed:
            if self._held + len(text) > self._most:
                self._left_out += text.count("\n")
            else:
                self._held += len(text)
                self._waiting.append(text)
                self._changed.notify()
        if not self._thread.is_alive():
            self._ending = True  # whatever ended it
            self._pass_on()
        return len(text)

    def finish(self, seconds: float = CLOSE_SECONDS) -> bool:
        """Write what waits, and from now on at once; tell whether that was possible in so many seconds."""
        with self._changed:
            self._ending = True
            self._changed.notify()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _pass_on(self) -> None:
        """Write until nothing waits and nothing more is to come."""
        while (text := self._take()) is not None:
            with suppress(OSError, ValueError):  # a full disk, a closed pipe
                self._stream.write(text)
                self._stream.flush()
            self._note_written(len(text))

    def _take(self) -> str | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._ending)
            if not self._waiting:
                return None
            text = "".join(self._waiting)
            self._waiting.clear()
            return text

    def _note_written(self, characters: int) -> None:
        with self._changed:
            self._held -= characters
            lines, self._left_out = self._left_out, 0
        if lines:
            log.warning("log lines left out, nobody read them", lines=lines)


@contextmanager
def spooled_stderr() -> Generator[None]:
    """Have nobody wait for whoever reads standard error while entered."""
    before = sys.stderr
    spool = Spool(_apart(before))
    sys.stderr = spool
    try:
        yield
    finally:
        sys.stderr = before
        spool.finish()


def _apart(stream: TextIO) -> TextIO:
    """Return the same with a buffer of its own: Python's end waits for the other one."""
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):  # no file is behind it
        return stream
    stream.flush()
    return open(descriptor, "w", buffering=1, encoding=stream.encoding, errors=stream.errors, closefd=False)
