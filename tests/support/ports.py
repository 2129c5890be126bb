"""Ports to listen on, for tests that run at the same time and close a port before a process opens it again."""

import os
import random
import socket
from itertools import cycle

FIRST, SYSTEM = 10_000, 32_768  # from the second up, Linux gives ports to whoever asks for any
MOST_WORKERS = 16

_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % MOST_WORKERS
_mine = range(FIRST + _worker, SYSTEM, MOST_WORKERS)
_next = cycle(random.sample(_mine, len(_mine)))


def free_port() -> int:
    """Return a port that is free, that no other worker is given, and that no connection takes by chance."""
    for port in _next:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("cycle ended")
