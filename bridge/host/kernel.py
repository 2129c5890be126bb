"""What only the kernel knows, or can be told."""

import socket
from importlib import import_module
from pathlib import Path

DESCRIPTORS = 65_536  # files and connections at once: more than any ``max_connections`` that makes sense


def boot_id() -> str:
    """Return what tells this start of the machine from every other; nothing where the system does not say.

    Monotonic times of two processes can be compared where both saw the same.
    """
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def allow_descriptors(wanted: int = DESCRIPTORS) -> None:
    """Let this process have so many files and connections open, as far as the system allows it.

    A shell or a panel usually starts programs with 1,024 for the sake of old ones, and lets them ask for more.
    """
    try:
        resource = import_module("resource")
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def give_up_after(line: socket.socket, seconds: float) -> None:
    """Have the system drop a connection whose bytes nobody confirms for so long, even after it was closed.

    Without it Linux repeats them for minutes. Windows has no such option that Python knows.
    """
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is not None:
        line.setsockopt(socket.IPPROTO_TCP, option, int(seconds * 1000))
