"""``python -m tests.bench.probed FILE [CONFIG]``: an event loop that tells how long it stood still.

With a configuration it runs the daemon, as `cad-bridge run` does; without one nothing but the probe. A timer of 1 ms
ticks on the same loop; each second it adds to FILE how much too late the latest tick came, and how much of the
time between two ticks the loop's thread computed at most: the rest it waited for the core or for another thread.
"""

import asyncio
import signal
import sys
import time
from pathlib import Path
from typing import TextIO

import msgspec
from msgspec import Struct

from bridge import host, logs
from bridge.app import Daemon, secrets_of
from bridge.cli.configured import load_or_exit
from bridge.clock import SystemClock

TICK = 0.001  # seconds


class Second(Struct, frozen=True, kw_only=True):
    """One second: ``at`` is its end in monotonic seconds, ``stalled`` and ``computed`` are seconds."""

    at: float
    stalled: float
    computed: float


class Probe:
    """Ticks on the running loop and keeps what was worst in each second."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._loop = asyncio.get_running_loop()
        self._ticked_at, self._computed = time.monotonic(), time.thread_time()
        self._written_at = self._ticked_at
        self._stalled = self._worst = 0.0
        self._loop.call_later(TICK, self._tick)

    def _tick(self) -> None:
        now, computed = time.monotonic(), time.thread_time()
        self._stalled = max(self._stalled, now - self._ticked_at - TICK)
        self._worst = max(self._worst, computed - self._computed)
        if now - self._written_at >= 1.0:
            second = Second(at=now, stalled=self._stalled, computed=self._worst)
            self._out.write(msgspec.json.encode(second).decode() + "\n")
            self._out.flush()
            self._written_at, self._stalled, self._worst = now, 0.0, 0.0
        self._ticked_at, self._computed = time.monotonic(), time.thread_time()
        self._loop.call_later(TICK, self._tick)


async def _serve(out: Path, config_file: Path | None) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    with out.open("a", encoding="utf-8") as file:
        probe = Probe(file)
        if config_file is None:
            await stop.wait()
            return
        config = load_or_exit(config_file).config
        host.collect_seldom()  # as run does
        logs.configure(level=config.log.level, format=config.log.format, secrets=secrets_of(config))
        loop = asyncio.get_running_loop()
        async with Daemon(config, SystemClock()) as daemon:
            with host.collected_by_the_clock(loop):
                await daemon.run(stop)
        del probe


def main(out: str, config: str | None = None) -> None:
    with host.spooled_stderr():
        host.run(lambda: _serve(Path(out), None if config is None else Path(config)))


if __name__ == "__main__":
    main(*sys.argv[1:])
