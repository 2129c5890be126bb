"""Addresses that somebody else has: what keeps a door from opening, said to a person."""

import errno
import os
import socket
import stat
from pathlib import Path

IN_USE = "already in use by another program, perhaps another cad-bridge; stop it or choose another address"
PROBE_SECONDS = 1.0  # a living daemon's socket takes the connection at once


def make_way(path: Path) -> None:
    """Remove the socket of a daemon that is gone; event loops would remove that of a living one too.

    Raises:
        OSError: a living one has it, or it cannot be told.
    """
    if not path.exists() or not stat.S_ISSOCK(path.stat().st_mode):
        return
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(PROBE_SECONDS)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except (BlockingIOError, TimeoutError):  # it is so busy that its queue is full
            pass
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def reason(error: OSError) -> str:
    """Return why an address cannot be opened."""
    if error.errno == errno.EADDRINUSE:
        return IN_USE
    if isinstance(error, socket.gaierror):
        return "no such address"
    return os.strerror(error.errno) if error.errno else str(error)
