"""What only the kernel knows, or can be told."""

import socket
from pathlib import Path


def boot_id() -> str:
    """Return what tells this start of the machine from every other; nothing where the system does not say.

    Monotonic times of two processes can be compared where both saw the same.
    """
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def give_up_after(line: socket.socket, seconds: float) -> None:
    """Have the system drop a connection whose bytes nobody confirms for so long, even after it was closed.

    Without it Linux repeats them for minutes. Windows has no such option that Python knows.
    """
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is not None:
        line.setsockopt(socket.IPPROTO_TCP, option, int(seconds * 1000))
