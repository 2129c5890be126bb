"""What Windows has and this system has not, as far as the host asks for it."""

import threading
from collections.abc import Sequence
from typing import Any

from bridge.host.console import HANDLED


class FakeKernel32:
    """The console's part of kernel32.dll: a list of handlers, the last one in is asked first."""

    def __init__(self) -> None:
        self.routines: list[Any] = []
        self.deaf = True  # as whoever started the process may have left it

    def SetConsoleCtrlHandler(self, routine: object, add: int, /) -> int:  # noqa: N802 -- the system's name
        if routine is None:
            self.deaf = bool(add)
        elif add:
            self.routines.append(routine)
        else:
            self.routines.remove(routine)
        return 1

    def send(self, event: int) -> threading.Thread:
        """Start a thread that asks the handlers, as the system does; it ends when the event is answered."""
        thread = threading.Thread(target=self._ask, args=(tuple(reversed(self.routines)), event), daemon=True)
        thread.start()
        return thread

    @staticmethod
    def _ask(routines: Sequence[Any], event: int) -> None:
        assert HANDLED in (routine(event) for routine in routines), "the system would end the process now"


class Commands:
    """Runs no command; remembers what it was, and fails those whose words have ``failing`` among them."""

    def __init__(self, failing: str = "nothing") -> None:
        self.ran: list[list[str]] = []
        self._failing = failing

    def __call__(self, command: Sequence[str]) -> str:
        self.ran.append(list(command))
        return "Access is denied." if any(self._failing in word for word in command) else ""
