"""What the doors are tried on: a daemon as a process of its own, and a CAD that fails at times."""

import asyncio
import random
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import psutil

from bridge.clock import SystemClock
from bridge.config.schema import SCOPES
from bridge.operations import DOCUMENTED_LIMITS
from bridge.simulator.cloud import Cloud
from bridge.simulator.cms.door import CMS_COMMUNITY
from bridge.simulator.faults import Answer as Fault
from bridge.simulator.faults import Delay, Down, Drop, Half, Hang
from bridge.simulator.server import SimulatorServer
from tests.fuzz.answers import leak
from tests.support.cms_examples import prepare_cms
from tests.support.daemon import Daemon, new_cloud
from tests.support.prepared_cad import prepare
from tests.support.process import BRIDGE, LEASH, Running

MEMORY_BYTES = 4 * 2**30
MOST_RESIDENT = 512 * 2**20  # bytes
PER_MINUTE = 20_000  # so that budgets are no obstacle on the way to what is to be tried
REQUEST_TIMEOUT = 2.0  # seconds
CAD_TIMEOUT = 2.0  # seconds
MOST_PENDING = 3_000
SERVERS = (1, 2)
LEFT_ALONE = ("setServers", "V1:SET_SERVERS")  # one would take away the server that honest pushes are for

_LIMITS = {name: PER_MINUTE for name in DOCUMENTED_LIMITS if name != "other"}


class World:
    """A running daemon, the CAD behind it, and what the daemon said on its log."""

    def __init__(self, daemon: Daemon, cloud: Cloud) -> None:
        self.daemon = daemon
        self.cloud = cloud
        self._read = 0
        self._weather: asyncio.Task[None] | None = None

    def reset_cad(self) -> None:
        """Have the CAD as it was at first, so that it does not grow without end."""
        self.cloud.reset()
        prepare(self.cloud)
        prepare_cms(self.cloud)
        for operation, limit in _LIMITS.items():
            self.cloud.cad.limiter.change(operation, limit)
        self._clear_up()

    def complaints(self) -> list[str]:
        """Return what stands in the log since the last time that must not stand there."""
        path = self.daemon.process._err
        with path.open("rb") as file:
            file.seek(self._read)
            new = file.read()
        whole = new.rpartition(b"\n")[0]
        self._read += len(whole) + 1 if whole else 0
        return [complaint for line in whole.splitlines() if (complaint := complaint_of(line)) is not None]

    def ailment(self) -> str | None:
        """Return what is wrong with the process, or None."""
        if self.daemon.process.ended:
            return f"the daemon ended by itself:\n{self.daemon.log[-3000:]}"
        resident = self.resident
        return f"the daemon has {resident >> 20} MiB" if resident > MOST_RESIDENT else None

    @property
    def resident(self) -> int:
        return psutil.Process(self.daemon.process.pid).memory_info().rss

    def begin_weather(self, dice: random.Random) -> str:
        """Have something go wrong at the CAD until ``calm``; return what."""
        kind = dice.choices(("fine", "rough", "away"), (3, 1, 1))[0]
        if kind != "fine":
            self._weather = asyncio.create_task(
                _rough(self.cloud, dice) if kind == "rough" else _away(self.cloud, dice)
            )
        return kind

    async def calm(self) -> None:
        if self._weather is not None:
            self._weather.cancel()
            await asyncio.wait([self._weather])
            self._weather = None
        self._clear_up()

    def _clear_up(self) -> None:
        """Have nothing go wrong at the CAD; what would harm honest pushes by right is answered, and not done."""
        self.cloud.clear_faults()
        self.cloud.faults.add(*(Fault(operation=name, status=200) for name in LEFT_ALONE))


@asynccontextmanager
async def world(folder: Path, life_seconds: float = 600.0) -> AsyncGenerator[World]:
    """Run a daemon, at most for so long, and a CAD while entered."""
    cloud = new_cloud()
    async with SimulatorServer(SystemClock(), cloud=cloud) as cad:
        daemon = Daemon(folder, cad.url, _sections(cad.url), SERVERS)
        leash = (sys.executable, "-I", "-c", LEASH, f"{life_seconds:.0f}", str(MEMORY_BYTES))
        command = (*leash, *BRIDGE, "run", "--config", str(daemon.config))
        daemon.process = Running(folder, command, "daemon")
        it = World(daemon, cloud)
        it.reset_cad()
        try:
            await daemon.start()
            yield it
            await it.calm()
        finally:
            await daemon.close()


def _sections(cad_url: str) -> dict[str, dict[str, Any]]:
    return {
        "listener": {"request_timeout": f"{REQUEST_TIMEOUT:.0f}s"},
        "cad": {"timeout": f"{CAD_TIMEOUT:.0f}s"},
        "cad.limits": _LIMITS,
        "cms": {"base_url": cad_url, "community_id": CMS_COMMUNITY, "api_key_file": "cms-api-key"},
        "locations": {"interval": "250ms", "forget_after": "1m"},
        "outbox": {"max_events": MOST_PENDING, "keep_delivered": "1m", "keep_failed": "1m"},
        "log": {"format": "json", "level": "info"},
        "servers": {"allow": list(SCOPES)},
    }


async def _rough(cloud: Cloud, dice: random.Random) -> None:
    while True:
        cloud.faults.add(
            dice.choice(
                (
                    Drop(times=2, acts=dice.random() < 0.5),
                    Half(times=2),
                    Fault(status=dice.choice((500, 502, 503, 408)), times=3, acts=dice.random() < 0.5),
                    Fault(
                        status=200,
                        body=dice.choice(('{"a":', "[" * 5000, "\x00", "null", '"text"', "[[],{}]")),
                        times=2,
                    ),
                    Fault(status=400, operation="V1:*", body="{" * dice.choice((0, 1, 3000)), times=2),
                    Fault(status=429, retry_after=dice.choice(("1", "-1", "x", "1e9", "")), times=1),
                    Delay(seconds=dice.choice((0.05, 2.5)), times=2),
                    Hang(times=1),
                )
            )
        )
        await asyncio.sleep(dice.uniform(0.1, 0.6))


async def _away(cloud: Cloud, dice: random.Random) -> None:
    await asyncio.sleep(dice.uniform(0.5, 2.0))
    cloud.faults.add(Down())
    await asyncio.sleep(3600.0)


def complaint_of(line: bytes) -> str | None:
    """Return what is wrong with a line of the log, or None."""
    told = leak(line)
    if told is not None:
        return f"the log tells {told}: {line[:2000]!r}"
    try:
        content = msgspec.json.decode(line, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return f"a line of the log is no JSON: {line[:2000]!r}"
    if (
        "exception" in content
        or "Traceback" in line.decode("utf-8", "replace")
        or content.get("level") == "critical"
    ):
        return f"{content.get('event')}: {content.get('exception') or line[:2000]!r}"
    return None
