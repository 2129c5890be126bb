"""When the process is asked to end: by signals, and on Windows by its console."""

import asyncio
import signal
import sys
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType

from bridge.host.console import Kernel32, console_events, system_library

POSIX_STOPS = ("SIGTERM", "SIGINT", "SIGHUP")
# Windows has these three alone; SIGBREAK exists nowhere else.
WINDOWS_STOPS = ("SIGINT", "SIGTERM", "SIGBREAK")
TICK = 0.25  # seconds between moments in which Python runs its signal handlers, whatever the loop waits for


@contextmanager
def stop_signals(
    loop: asyncio.AbstractEventLoop,
    callback: Callable[[], None],
    *,
    hangup: bool = True,
    platform: str = sys.platform,
    kernel32: Kernel32 | None = None,
) -> Generator[None]:
    """Call back on the loop for every signal that asks the process to end, until the context is left.

    Those are SIGTERM, SIGINT and the SIGHUP of a terminal that closes; on Windows Ctrl+C, Ctrl+Break, a console
    that closes and the system's shutdown. A service there is stopped by Ctrl+C.

    Args:
        loop: A loop in the main thread.
        callback: Called on the loop, once for each signal.
        hangup: Whether SIGHUP is one of them.
        platform: As ``sys.platform`` has it.
        kernel32: The system's library on Windows, where it is not the real one.
    """
    if platform == "win32":
        with _windows_stops(loop, callback, kernel32 or system_library()):
            yield
        return
    numbers = [number for number in _existing(POSIX_STOPS) if hangup or number.name != "SIGHUP"]
    for number in numbers:
        loop.add_signal_handler(number, callback)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


@contextmanager
def reload_signal(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> Generator[None]:
    """Call back on the loop for every SIGHUP, which then ends nothing, until the context is left.

    Windows has no such signal.
    """
    former = {number: signal.getsignal(number) for number in _existing(("SIGHUP",))}
    for number in former:
        loop.add_signal_handler(number, callback)
    try:
        yield
    finally:
        for number, handler in former.items():
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def ignore_hangups() -> None:
    """Let SIGHUP end nothing, until somebody listens to it: a reload may be asked for before all has started."""
    for number in _existing(("SIGHUP",)):
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def _windows_stops(
    loop: asyncio.AbstractEventLoop, callback: Callable[[], None], kernel32: Kernel32 | None
) -> Generator[None]:
    def ask_to_end() -> None:
        # A signal that comes while the loop closes has nobody left to tell.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(callback)

    with ExitStack() as entered:
        entered.enter_context(_handlers(ask_to_end))
        entered.enter_context(_ticking(loop))
        if kernel32 is not None:
            # The last one in is the first one asked, and keeps the event from the handlers above.
            entered.enter_context(console_events(kernel32, ask_to_end))
        yield


@contextmanager
def _handlers(ask_to_end: Callable[[], None]) -> Generator[None]:
    def handle(_number: int, _frame: FrameType | None) -> None:
        ask_to_end()

    former = {number: signal.signal(number, handle) for number in _existing(WINDOWS_STOPS)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


@contextmanager
def _ticking(loop: asyncio.AbstractEventLoop) -> Generator[None]:
    """Wake the loop now and then: Python runs signal handlers between two of its own steps, and has none asleep."""
    if loop.is_closed():
        yield
        return
    handle: asyncio.TimerHandle | None = None

    def tick() -> None:
        nonlocal handle
        handle = loop.call_later(TICK, tick)

    tick()
    try:
        yield
    finally:
        if handle is not None:
            handle.cancel()


def _existing(names: tuple[str, ...]) -> list[signal.Signals]:
    return [getattr(signal, name) for name in names if hasattr(signal, name)]
