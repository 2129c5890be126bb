"""The daemon on a disk of its own that is small, read-only or failing, and under strace.

Mounts live in a mount namespace that ends with the process; who is not root gets one together with a user
namespace. strace starts the daemon itself, as nobody but root may attach to a stranger, and runs as its grandchild,
so that signals reach the daemon.
"""

import os
import re
import sqlite3
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from bridge.simulator.server import SimulatorServer
from tests.support.daemon import Daemon, Sections
from tests.support.process import BRIDGE, Running

OUTBOX = "outbox.sqlite3"
MOUNT = 'mount -t tmpfs -o "$1" none "$2" && shift 2 && exec "$@"'
NOWHERE = "http://127.0.0.1:9"  # a CAD that is away: what is accepted stays in the outbox
LINE = re.compile(r"(?P<thread>\d+) +(?P<rest>.*)")
RESUMED = re.compile(r"<\.\.\. (?P<name>\w+) resumed>(?P<rest>.*)")


def on_tmpfs(folder: Path, options: str) -> tuple[str, ...]:
    """Return the words before a command that give it a tmpfs at ``folder``."""
    alone = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    return ("unshare", *alone, "--mount", "sh", "-c", MOUNT, "sh", options, str(folder))


def traced(output: Path, *expressions: str) -> tuple[str, ...]:
    """Return the words before a command that let strace write to ``output`` what it does."""
    chosen = [word for expression in expressions for word in ("-e", expression)]
    return ("strace", "-D", "-f", "-y", "-s", "5000", "--seccomp-bpf", "-o", str(output), *chosen)


@asynccontextmanager
async def daemon_behind(
    words: Sequence[str], folder: Path, cad: SimulatorServer | str = NOWHERE, sections: Sections | None = None
) -> AsyncGenerator[Daemon]:
    """Run a daemon while entered, its command line behind ``words``."""
    url = cad if isinstance(cad, str) else cad.url
    daemon = Daemon(folder, url, sections or {}, (1,))
    command = (*words, *BRIDGE, "run", "--config", str(daemon.config))
    daemon.process = Running(folder, command, "daemon")
    try:
        await daemon.start()
        yield daemon
    finally:
        await daemon.close()


def seen_by(daemon: Daemon, path: Path) -> Path:
    """Return where to find a file that only the daemon's mount namespace has."""
    return Path(f"/proc/{daemon.process.pid}/root{path}")


@contextmanager
def filled(folder: Path) -> Generator[None]:
    """Leave no room on the disk of ``folder`` while entered."""
    filler = folder / "filler"
    try:
        with filler.open("wb", buffering=0) as file:
            for size in (65536, 4096):
                while _takes(file.fileno(), size):
                    pass
        yield
    finally:
        filler.unlink()


def _takes(descriptor: int, size: int) -> bool:
    try:
        return os.write(descriptor, bytes(size)) > 0
    except OSError:
        return False


def stored(path: Path) -> dict[str, Any]:
    """Return the payloads in an outbox that no daemon holds, by event."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return dict(connection.execute("SELECT id, payload FROM events").fetchall())


class Call(Struct, frozen=True, kw_only=True):
    """A system call; ``begun`` and ``ended`` are line numbers of the trace."""

    name: str
    text: str
    begun: int
    ended: int

    @property
    def succeeded(self) -> bool:
        return re.search(r"\) += \d+$", self.text) is not None


def calls_in(trace: str) -> list[Call]:
    """Return the finished calls of a trace, in the order in which they began."""
    begun: dict[str, tuple[int, str]] = {}
    calls: list[Call] = []
    for number, line in enumerate(trace.splitlines()):
        match = LINE.fullmatch(line)
        if match is None:
            continue
        thread, rest = match["thread"], match["rest"]
        resumed = RESUMED.fullmatch(rest)
        if resumed is not None and thread in begun:
            at, start = begun.pop(thread)
            calls.append(_call(start + resumed["rest"], at, number))
        elif rest.endswith("<unfinished ...>"):
            begun[thread] = (number, rest.removesuffix(" <unfinished ...>"))
        elif "(" in rest:
            calls.append(_call(rest, number, number))
    return sorted(calls, key=lambda call: call.begun)


def _call(text: str, begun: int, ended: int) -> Call:
    return Call(name=text.partition("(")[0], text=text, begun=begun, ended=ended)
