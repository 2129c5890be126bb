"""What systemd hands a service over, and what it wants to hear: sockets, readiness, signs of life.

A process that systemd did not start finds none of the variables, is handed nothing and tells nobody.
"""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress

from bridge.errors import StartError

FIRST_DESCRIPTOR = 3  # SD_LISTEN_FDS_START


def _number(environ: Mapping[str, str], name: str) -> int:
    text = environ.get(name, "")
    return int(text) if text.isdecimal() else 0


class Supervisor:
    """The service manager, as far as the environment of a process tells.

    Args:
        environ: the environment variables.
        pid: the process's own number; what is meant for another process is left alone.
    """

    def __init__(self, environ: Mapping[str, str], pid: int) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        self._descriptors = _number(environ, "LISTEN_FDS") if _number(environ, "LISTEN_PID") == pid else 0
        concerned = _number(environ, "WATCHDOG_PID") in (0, pid)
        self.watchdog_seconds = _number(environ, "WATCHDOG_USEC") / 1e6 if concerned else 0.0
        """How long the process may be silent before it is killed; 0: for ever."""

    def take_sockets(self) -> list[socket.socket]:
        """Return the listening sockets that were handed over; they stay open elsewhere when we close ours.

        Raises:
            StartError: one is no listening stream socket.
        """
        taken: list[socket.socket] = []
        for descriptor in range(FIRST_DESCRIPTOR, FIRST_DESCRIPTOR + self._descriptors):
            try:
                os.set_inheritable(descriptor, False)  # noqa: FBT003 -- the library's own signature
                sock = socket.socket(fileno=descriptor)
                listening = bool(sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
            except OSError as error:
                raise StartError(
                    f"descriptor {descriptor}, handed over by systemd: {error.strerror}"
                ) from None
            if not listening:
                sock.close()
                raise StartError(f"descriptor {descriptor}, handed over by systemd, is no listening socket")
            sock.setblocking(False)  # noqa: FBT003 -- the library's own signature
            taken.append(sock)
        self._descriptors = 0
        return taken

    def notify(self, *lines: str) -> None:
        """Tell the service manager, if there is one, ``READY=1``, ``WATCHDOG=1``, ``STATUS=…`` or the like."""
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
            line.setblocking(False)  # noqa: FBT003 -- the library's own signature
            line.sendto("\n".join(lines).encode(), address)


NOBODY = Supervisor({}, 0)
"""No service manager: a terminal, a container, Windows."""
