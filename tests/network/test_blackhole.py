"""A line to the CAD that swallows, loses or resets everything, in a network namespace: the kernel's TCP is the real one."""

import asyncio
import ctypes
import os
import subprocess
import time
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.support.certificate import self_signed
from tests.support.daemon import Answer, Daemon, Sections, simulated_cad, until, update
from tests.support.fault_proxy import FaultProxy
from tests.support.hearing import Hearing
from tests.support.measured import measured
from tests.support.network import MIDDLE, Network, network
from tests.support.oracle import Oracle, example
from tests.support.process import BRIDGE, Running

CLOUD = "cloud"
PORT = 8443
NEW_NETWORK = 0x40000000  # CLONE_NEWNET
RECOVERY_SECONDS = 2.0  # in which the panic path is back
SLACK_SECONDS = 0.7  # for a busy machine
INTERVAL_SECONDS = 5.05  # of locations, at the documented 12 a minute
RESETS = """table inet line {{
    chain arriving {{
        type filter hook input priority 0;
        iifname "{card}" meta l4proto tcp reject with tcp reset
    }}
}}
"""

pytestmark = pytest.mark.timeout(120)


class FarDaemon(Daemon):
    """A daemon on a host of its own, whose doors are files that every host sees."""

    def __init__(self, folder: Path, cad_url: str, sections: Sections, words: tuple[str, ...]) -> None:
        self._doors = {name: folder / f"{name}.sock" for name in ("listener", "admin")}
        binds = {name: {"bind": f"unix:{path}"} for name, path in self._doors.items()}
        super().__init__(folder, cad_url, {**sections, **binds}, (1,))
        command = (*words, *BRIDGE, "run", "--config", str(self.config))
        self.process = Running(folder, command, "daemon")

    async def ask(
        self, method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        door = self._doors["admin" if url.startswith(self.admin_url) else "listener"]
        asked = time.monotonic()
        async with (
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(door))) as session,
            session.request(method, url, data=body, headers=headers) as response,
        ):
            return Answer(
                status=response.status,
                headers=dict(response.headers),
                body=await response.read(),
                asked=asked,
                answered=time.monotonic(),
            )


class Far(Hearing, kw_only=True):
    """A daemon, and the CAD at the other end of a line that can fail."""

    network: Network
    daemon: FarDaemon

    def reset(self) -> None:
        """Answer every packet that reaches the CAD's end with a reset."""
        command = self.network.on(CLOUD, "nft", "--file", "-")
        rules = RESETS.format(card="uplink").encode()
        subprocess.run(command, check=True, input=rules, capture_output=True, timeout=30)

    async def until_warm(self) -> None:
        """Return when locations and a panic have gone through."""
        await self.panic("warm")
        await until(lambda: self.heard_of("warm") is not None, within=10.0)
        await until(lambda: self.located_after(0.0) is not None, within=10.0)

    def check_the_budgets(self) -> None:
        assert self.cloud.cad.limiter.violations == 0


@contextmanager
def on_host(name: str) -> Generator[None]:
    """Make sockets of a host of the network while entered."""
    libc = ctypes.CDLL(None, use_errno=True)

    def enter(file: int) -> None:
        assert libc.setns(file, NEW_NETWORK) == 0, os.strerror(ctypes.get_errno())

    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{name}", os.O_RDONLY)
    try:
        enter(there)
        yield
    finally:
        enter(here)
        os.close(here)
        os.close(there)


@asynccontextmanager
async def far_away(folder: Path, sections: Sections | None = None) -> AsyncGenerator[Far]:
    with network(CLOUD) as net:
        address = net.address(CLOUD)
        trusted, tls = self_signed(folder, address)
        words = net.on(MIDDLE, "env", f"SSL_CERT_FILE={trusted}")
        async with simulated_cad() as cad:
            door = FaultProxy(("127.0.0.1", cad.port), host=address, port=PORT, tls=tls, forgets=False)
            with on_host(net.on(CLOUD)[3]):
                await door.listen()
            daemon = FarDaemon(folder, door.url, sections or {}, words)
            try:
                await daemon.start()
                oracle = Oracle(daemon, cad.cloud)
                yield Far(network=net, daemon=daemon, cloud=cad.cloud, oracle=oracle)
            finally:
                await daemon.close()
                await door.refuse()
                door.reset()


async def drive(daemon: Daemon) -> None:
    """Push a unit that moves all the time, until cancelled."""
    turn = 0
    while True:
        turn += 1
        await daemon.push("/v1/locations", {"updates": [update("license:driver", 5.0 * turn)]})
        await asyncio.sleep(0.2)


@pytest.mark.parametrize("seconds", [3.0, 8.0, 14.0])
async def test_panics_and_locations_are_back_soon_after_a_line_that_swallowed_everything(
    tmp_path: Path, seconds: float
) -> None:
    async with far_away(tmp_path) as far, asyncio.TaskGroup() as group:
        driving = group.create_task(drive(far.daemon))
        await far.until_warm()
        far.network.cut(CLOUD)
        await far.panic("cut")
        await asyncio.sleep(seconds)
        far.network.mend()
        mended = time.monotonic()
        await until(lambda: far.heard_of("cut") is not None, within=15.0)
        await until(lambda: far.located_after(mended) is not None, within=15.0)
        driving.cancel()
        await far.oracle.settle(within=10.0)

        panic, located = far.heard_of("cut"), far.located_after(mended)
        assert panic is not None
        assert located is not None
        measured(
            f"{seconds:.0f} s: panic after {panic - mended:.2f} s, locations after {located - mended:.2f} s"
        )
        assert panic - mended < RECOVERY_SECONDS + SLACK_SECONDS
        assert located - mended < INTERVAL_SECONDS + SLACK_SECONDS
        far.check_the_budgets()


async def test_a_call_whose_packets_come_late_is_made_once(tmp_path: Path) -> None:
    """The kernel sends what a closed connection still holds: it may come long after the daemon gave up on it."""
    settings: Sections = {"cad": {"timeout": "2s"}}
    async with far_away(tmp_path, settings) as far:
        await far.oracle.push(example("call_911", "first"))
        await far.oracle.settle(within=10.0)
        far.network.cut(CLOUD)
        await far.oracle.push(example("call_911", "second"))
        await asyncio.sleep(4.5)
        far.network.mend()
        await far.oracle.settle(within=30.0)
        await asyncio.sleep(5.0)

        far.oracle.judge()
        far.check_the_budgets()


async def test_a_line_that_loses_a_third_of_all_packets_loses_and_doubles_no_event(tmp_path: Path) -> None:
    async with far_away(tmp_path) as far:
        far.network.lose(CLOUD, 33)
        for number in range(4):
            await far.oracle.push(
                example("call_911", f"call-{number}"), example("status", f"status-{number}", status=number)
            )
            await far.panic(f"panic-{number}")
            await asyncio.sleep(1.0)
        await asyncio.sleep(5.0)
        far.network.mend()
        await far.oracle.settle(within=60.0)

        far.oracle.judge()
        far.check_the_budgets()
        assert {end["state"] for end in far.oracle.ends.values()} == {"delivered"}


async def test_panics_and_locations_are_back_soon_after_a_line_that_reset_everything(tmp_path: Path) -> None:
    async with far_away(tmp_path) as far, asyncio.TaskGroup() as group:
        driving = group.create_task(drive(far.daemon))
        await far.until_warm()
        far.reset()
        await far.panic("cut")
        await asyncio.sleep(6.0)
        assert far.heard_of("cut") is None
        far.network.mend()
        mended = time.monotonic()
        await until(lambda: far.heard_of("cut") is not None, within=15.0)
        await until(lambda: far.located_after(mended) is not None, within=15.0)
        driving.cancel()
        await far.oracle.settle(within=10.0)

        panic, located = far.heard_of("cut"), far.located_after(mended)
        assert panic is not None
        assert located is not None
        measured(f"reset: panic after {panic - mended:.2f} s, locations after {located - mended:.2f} s")
        assert panic - mended < RECOVERY_SECONDS + SLACK_SECONDS
        assert located - mended < INTERVAL_SECONDS + SLACK_SECONDS
        far.check_the_budgets()
        assert '"CAD is down"' in far.daemon.log
        assert '"CAD is back"' in far.daemon.log
