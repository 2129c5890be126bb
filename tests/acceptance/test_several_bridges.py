"""Two daemons at once: on one key, on one outbox, on one address."""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bridge.simulator.server import SimulatorServer
from tests.support.daemon import TOKENS, Daemon, daemon_of, simulated_cad, until, update
from tests.support.process import Finished, cad_bridge

IN_USE = "already in use by another program, perhaps another cad-bridge; stop it or choose another address"
HELD = "the outbox is held by another daemon; stop it or give this one an outbox of its own"
HALF = {"cad": {"share": 0.5}}
LOAD_SECONDS = 24.0  # two batches of each bridge and the panics of a burst


def plain_lines(finished: Finished) -> list[str]:
    """Return what a person is told: the lines that are no log."""
    return [line for line in finished.err.splitlines() if not line.startswith("{")]


async def refused(folder: Path, cad: SimulatorServer, sections: dict[str, Any]) -> Finished:
    """Run a second daemon that cannot start, to its end."""
    daemon = Daemon(folder, cad.url, sections, (1,))
    return await cad_bridge(daemon.folder, "run", "--config", str(daemon.config))


@asynccontextmanager
async def undisturbed(cad: SimulatorServer, daemon: Daemon) -> AsyncGenerator[None]:
    """Check that a daemon takes and delivers the same before and after, and is the same process."""
    instance = (await daemon.push("/v1/locations", b"")).json["instance"]
    yield
    again = await daemon.push("/v1/locations", b"")
    panic = await daemon.push("/v1/panic", {"id": "license:still-here"})

    assert again.json["instance"] == instance
    assert (await daemon.read("/healthz")).status == 200
    [event] = await daemon.ended([panic.json["event"]], within=10.0)
    assert event["state"] == "delivered"
    assert cad.cloud.cad.community.units["license:still-here"].is_panic


# On one outbox


async def test_a_second_daemon_on_an_outbox_is_told_in_a_line_and_the_first_goes_on(tmp_path: Path) -> None:
    outbox = tmp_path / "first" / "outbox.sqlite3"
    async with (
        simulated_cad() as cad,
        daemon_of(tmp_path / "first", cad) as first,
        undisturbed(cad, first),
    ):
        finished = await refused(tmp_path / "second", cad, {"outbox": {"path": str(outbox)}})

    assert finished.code == 1
    assert plain_lines(finished) == [f"Error: outbox.path: {outbox}: {HELD}."]


async def test_what_a_killed_daemon_leaves_locked_does_not_hold_the_next_one(tmp_path: Path) -> None:
    doors = {
        "listener": {"bind": f"unix:{tmp_path / 'push.sock'}"},
        "admin": {"bind": [f"unix:{tmp_path / 'admin.sock'}", "127.0.0.1:0"]},
    }
    async with simulated_cad() as cad:
        daemon = Daemon(tmp_path / "d", cad.url, doors, (1,))
        await daemon.process.start()
        try:
            await _until_ready(daemon, 1)
            await daemon.process.kill()
            assert (tmp_path / "push.sock").is_socket()
            assert (tmp_path / "admin.sock").is_socket()

            await daemon.process.start()
            await _until_ready(daemon, 2)
            assert await daemon.stop() == 0
        finally:
            await daemon.close()


# On one address


@pytest.mark.parametrize("section", ["listener", "admin"])
async def test_a_second_daemon_on_a_port_is_told_in_a_line_and_the_first_goes_on(
    tmp_path: Path, section: str
) -> None:
    async with simulated_cad() as cad, daemon_of(tmp_path / "first", cad) as first:
        bind = f"127.0.0.1:{first.port if section == 'listener' else first.admin_port}"
        async with undisturbed(cad, first):
            finished = await refused(tmp_path / "second", cad, {section: {"bind": bind}})

    assert finished.code == 1
    assert plain_lines(finished) == [f"Error: {section}.bind: {bind} cannot be opened: {IN_USE}."]


@pytest.mark.parametrize("section", ["listener", "admin"])
async def test_a_second_daemon_on_a_unix_socket_leaves_it_to_the_first(tmp_path: Path, section: str) -> None:
    path = tmp_path / "door.sock"
    async with simulated_cad() as cad:
        daemon = Daemon(tmp_path / "first", cad.url, {}, (1,))
        daemon.config.write_text(_with_another_bind(daemon, section, path), encoding="utf-8")
        try:
            await daemon.start()
            async with undisturbed(cad, daemon):
                before = await _ask_by(path, section)
                finished = await refused(tmp_path / "second", cad, {section: {"bind": f"unix:{path}"}})
                after = await _ask_by(path, section)
        finally:
            await daemon.close()

    assert finished.code == 1
    assert plain_lines(finished) == [f"Error: {section}.bind: unix:{path} cannot be opened: {IN_USE}."]
    assert (before, after) == (200, 200)


def _with_another_bind(daemon: Daemon, section: str, path: Path) -> str:
    port = daemon.port if section == "listener" else daemon.admin_port
    text = daemon.config.read_text(encoding="utf-8")
    return text.replace(f'bind = "127.0.0.1:{port}"', f'bind = ["127.0.0.1:{port}", "unix:{path}"]')


async def _ask_by(path: Path, section: str) -> int:
    """Ask through a unix socket and return the status."""
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session:
        if section == "admin":
            async with session.get("http://127.0.0.1/healthz") as answer:
                return answer.status
        headers = {"Authorization": f"Bearer {TOKENS[1]}"}
        async with session.post("http://127.0.0.1/v1/locations", headers=headers) as answer:
            return answer.status


async def _until_ready(daemon: Daemon, times: int) -> None:
    deadline = time.monotonic() + 15.0
    while daemon.log.count('"daemon ready"') < times:
        assert not daemon.process.ended, daemon.log
        assert time.monotonic() < deadline, daemon.log
        await asyncio.sleep(0.05)


# On one key


@pytest.mark.timeout(90)
async def test_two_bridges_with_half_a_share_each_keep_to_the_limits_together(tmp_path: Path) -> None:
    """For ten minutes in virtual time: ``tests/integration/test_several_servers.py``."""
    async with simulated_cad() as cad:
        async with (
            daemon_of(tmp_path / "one", cad, HALF, servers=(1,)) as one,
            daemon_of(tmp_path / "two", cad, HALF, servers=(2,)) as two,
        ):
            panics = await asyncio.gather(_load(one, 1), _load(two, 2))
            await until(lambda: min(len(_batches(cad, server)) for server in (1, 2)) >= 2, within=20.0)
            for daemon, events, server in ((one, panics[0], 1), (two, panics[1], 2)):
                await _all_delivered(daemon, events, server)
        limiter = cad.cloud.cad.limiter
        tallies = limiter.tallies()

    assert limiter.violations == 0
    assert tallies["updateUnitLocations"].peak <= 12
    assert tallies["setUnitPanic"].peak <= 20
    for server in (1, 2):
        times = _batches(cad, server)
        assert min(after - before for before, after in pairwise(times)) >= 9.0  # 10.05 s as they leave


def _batches(cad: SimulatorServer, server: int) -> list[float]:
    """Return when the batches of a game server came in."""
    batches = cad.cloud.journal.of("updateUnitLocations")
    return [received.monotonic for received in batches if f"/servers/{server}/" in received.path]


async def _all_delivered(daemon: Daemon, events: Sequence[str], server: int) -> None:
    deadline = time.monotonic() + 20.0
    while True:
        states = {(await daemon.look_up(event, server=server)).json["state"] for event in events}
        if states == {"delivered"}:
            return
        assert time.monotonic() < deadline, states
        await asyncio.sleep(0.2)


async def _load(daemon: Daemon, server: int) -> list[str]:
    """Move and panic more than half the limits allow, then let what waits go out; return the panics."""
    events: list[str] = []
    until = time.monotonic() + LOAD_SECONDS
    for number in range(1000):
        if time.monotonic() > until:
            break
        units = [update(f"license:{server}-{unit}", 10.0 * number, 50.0 * unit) for unit in range(20)]
        await daemon.push("/v1/locations", units, server=server)
        if number < 24:
            panic = await daemon.push("/v1/panic", {"id": f"license:p{server}-{number}"}, server=server)
            events.append(panic.json["event"])
        await asyncio.sleep(0.25)
    return events
