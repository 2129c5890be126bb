"""What a console of Windows tells its programs: Ctrl+C, Ctrl+Break, that it closes, that Windows shuts down.

Python's own signals hear these events too late: a program whose console closes is ended as soon as its handler
returns, and Python's handler returns at once. They also take a user's logging off for an order to end, although
services hear of everybody who logs off. So the system is asked directly.
"""

import ctypes
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Protocol, cast

CTRL_C, CTRL_BREAK, CTRL_CLOSE, CTRL_LOGOFF, CTRL_SHUTDOWN = 0, 1, 2, 5, 6
ENDED_ON_RETURN = frozenset({CTRL_CLOSE, CTRL_SHUTDOWN})
PATIENCE = (
    60.0  # seconds; Windows itself gives 5 to a console that closes, and about 20 to a service at shutdown
)
HANDLED = 1

# 64-bit Windows has one calling convention, so these serve for functions of the system too.
HandlerRoutine = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_uint32)
# The system may still be inside a routine after it was taken off its list.
_kept: list[object] = []


class Kernel32(Protocol):
    """The part of kernel32.dll that is used."""

    def SetConsoleCtrlHandler(self, routine: object, add: int, /) -> int:  # noqa: N802 -- the system's name
        """Put a handler in front of the others or take it away; 0 if that failed."""
        ...


def system_library() -> Kernel32 | None:
    """Return kernel32.dll; None on a system that has none."""
    try:
        return cast(Kernel32, ctypes.CDLL("kernel32"))
    except OSError:
        return None


@contextmanager
def console_events(kernel32: Kernel32, ask_to_end: Callable[[], None]) -> Generator[None]:
    """Call back, in a thread of the system's, for each event that asks to end, until the context is left.

    Where the process is ended as soon as the event is answered, the answer waits until the context is left.
    """
    left = threading.Event()

    def handle(event: int) -> int:
        if event != CTRL_LOGOFF:
            ask_to_end()
        if event in ENDED_ON_RETURN:
            left.wait(PATIENCE)
        return HANDLED

    routine = HandlerRoutine(handle)
    _kept.append(routine)
    # Whoever started us may have switched Ctrl+C off for its children; service wrappers stop us by it.
    kernel32.SetConsoleCtrlHandler(None, 0)
    kernel32.SetConsoleCtrlHandler(routine, 1)
    try:
        yield
    finally:
        kernel32.SetConsoleCtrlHandler(routine, 0)
        left.set()
