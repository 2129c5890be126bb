"""From the start of the process to the first ready answer, and what ``--help`` takes."""

import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from tests.bench.bench import Bench
from tests.bench.cores import cpu_seconds, on_core
from tests.bench.rows import Row
from tests.bench.servers import simulator
from tests.support.daemon import Daemon
from tests.support.process import BRIDGE

LIBRARIES = "import aiohttp, msgspec, structlog, prometheus_client, uvloop, click"
LOOK_EVERY = 0.001  # seconds
LONGEST = 15.0  # seconds
NOTHING, IMPORTS = "python -c pass", "importing its libraries"
TITLES = {
    "help": "cad-bridge --help",
    "ready": "start to ready, no outbox yet",
    "again": "start to ready, after a kill",
}


class _Taken(Struct, frozen=True, kw_only=True):
    """Milliseconds on the clock, and those of them in which the process computed."""

    clock: float
    computed: float


async def measure(bench: Bench) -> None:
    """Add the rows of the start."""
    bench.say("start")
    folder = bench.folder / "startup"
    taken: dict[str, list[_Taken]] = {name: [] for name in (NOTHING, IMPORTS, *TITLES)}
    async with simulator(folder, bench.cores) as cad:
        for number in range(bench.plan.samples + 1):
            ours = Daemon(folder / f"ours-{number}", cad.url, {}, (1,))
            with on_core(bench.cores.measured):
                figures = {
                    NOTHING: _ends((sys.executable, "-c", "pass")),
                    IMPORTS: _ends((sys.executable, "-c", LIBRARIES)),
                    "help": _ends((*BRIDGE, "--help")),
                    "ready": _gets_ready(ours.config, ours.admin_port),
                    "again": _gets_ready(ours.config, ours.admin_port),
                }
            if number:  # the first one fills caches
                for name, one in figures.items():
                    taken[name].append(one)
    for name in TITLES:
        _add(bench, name, taken[name], NOTHING if name == "help" else IMPORTS, taken)


def _add(bench: Bench, name: str, ours: list[_Taken], against: str, taken: dict[str, list[_Taken]]) -> None:
    for key, title, clock in (
        (f"startup.{name}", TITLES[name], True),
        (f"startup.cpu.{name}", f"{TITLES[name]}: CPU", False),
    ):
        bench.add(
            Row(
                key=key,
                title=title,
                unit="ms",
                ours=tuple(one.clock if clock else one.computed for one in ours),
                against=against,
                baseline=tuple(one.clock if clock else one.computed for one in taken[against]),
            )
        )


def _ends(command: tuple[str, ...]) -> _Taken:
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    taken = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"{command} ended with {process.returncode}"
    return _Taken(clock=taken * 1e3, computed=(used.ru_utime + used.ru_stime) * 1e3)


def _gets_ready(config: Path, admin_port: int) -> _Taken:
    """Start a daemon, and return how long it took until ``/readyz`` said so."""
    with (config.parent / "log").open("ab") as log:
        started = time.perf_counter()
        process = subprocess.Popen((*BRIDGE, "run", "--config", str(config)), stderr=log)
    try:
        while not _is_ready(admin_port):
            assert process.poll() is None, f"the daemon ended: {(config.parent / 'log').read_text()[-2000:]}"
            assert time.perf_counter() - started < LONGEST, "the daemon does not get ready"
            time.sleep(LOOK_EVERY)
        taken = time.perf_counter() - started
        return _Taken(clock=taken * 1e3, computed=cpu_seconds(process.pid) * 1e3)
    finally:
        process.kill()
        process.wait(LONGEST)


def _is_ready(port: int) -> bool:
    """Ask, without a look more than needed: where nobody listens yet there is nobody to ask."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=LONGEST) as line:
        line.sendall(b"GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        return line.recv(1024).startswith(b"HTTP/1.1 200 ")
    return False
