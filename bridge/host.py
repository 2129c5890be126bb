"""What differs between operating systems: the event loop, signals, private files."""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

T = TypeVar("T")

POSIX_STOPS = tuple(
    signal.Signals[name] for name in ("SIGTERM", "SIGINT", "SIGHUP") if name in signal.Signals.__members__
)


def run(main: Callable[[], Coroutine[Any, Any, T]], *, platform: str = sys.platform) -> T:
    """Run a program's main coroutine on the platform's fastest loop and return its result."""
    with asyncio.Runner(loop_factory=loop_factory(platform)) as runner:
        return runner.run(main())


def loop_factory(platform: str = sys.platform) -> Callable[[], asyncio.AbstractEventLoop]:
    """Return what makes an event loop: uvloop, which does not exist for Windows, or there winloop."""
    if platform == "win32":
        factory: Callable[[], asyncio.AbstractEventLoop] = import_module("winloop").new_event_loop
    else:
        factory = import_module("uvloop").new_event_loop
    return factory


@contextmanager
def stop_signals(
    loop: asyncio.AbstractEventLoop, callback: Callable[[], None], *, platform: str = sys.platform
) -> Generator[None]:
    """Call back on the loop for every signal that asks the process to end, until the context is left.

    Those are SIGTERM, SIGINT and the SIGHUP of a terminal that closes; Windows has Ctrl+C and Ctrl+Break, and no signal handlers on its loops.
    """
    if platform == "win32":
        with _plain_signals(loop, callback):
            yield
        return
    for number in POSIX_STOPS:
        loop.add_signal_handler(number, callback)
    try:
        yield
    finally:
        for number in POSIX_STOPS:
            loop.remove_signal_handler(number)


@contextmanager
def _plain_signals(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> Generator[None]:
    def handle(_number: int, _frame: FrameType | None) -> None:
        # A signal that comes while the loop closes has nobody left to tell.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(callback)

    names = ("SIGINT", "SIGTERM", "SIGBREAK")
    numbers = [signal.Signals[name] for name in names if name in signal.Signals.__members__]
    former = {number: signal.signal(number, handle) for number in numbers}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner reads, whole or not at all; a former one is replaced.

    Raises:
        OSError: If the folder does not take it; nothing is left behind then.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # made with mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
