"""The units as they are shipped, run by a real systemd: started, watched, restarted and upgraded under load."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Generator
from typing import Any

import aiohttp
import pytest

from bridge.simulator.faults import Down
from bridge.simulator.server import SimulatorServer
from tests.support.daemon import API_KEY, TOKENS, simulated_cad
from tests.support.machine import Machine, booted
from tests.support.ports import free_port

SERVICE = "cad-bridge.service"
SOCKET = "cad-bridge.socket"
WATCHDOG = 3.0  # seconds, in place of the shipped half minute
CONFIG = "/etc/cad-bridge/bridge.toml"
KEY = "/etc/cad-bridge/api-key"
PORT, ADMIN_PORT = free_port(), free_port()
AUTHORIZED = {"Authorization": f"Bearer {TOKENS[1]}"}


def configuration(cad: str) -> str:
    return f"""
[admin]
bind = "127.0.0.1:{ADMIN_PORT}"
[cad]
base_url = "{cad}"
community_id = "examplecad"
api_key_file = "api-key"
[[servers]]
id = 1
name = "main"
token_file = "server-1.token"
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Generator[Machine]:
    files = {
        CONFIG: (configuration("http://127.0.0.1:9"), 0o644),
        KEY: (API_KEY + "\n", 0o600),
        "/etc/cad-bridge/server-1.token": (TOKENS[1] + "\n", 0o600),
        f"/etc/systemd/system/{SOCKET}.d/port.conf": (
            f"[Socket]\nListenStream=\nListenStream=127.0.0.1:{PORT}\n",
            0o644,
        ),
        f"/etc/systemd/system/{SERVICE}.d/watchdog.conf": (f"[Service]\nWatchdogSec={WATCHDOG}\n", 0o644),
    }
    with booted(tmp_path_factory.mktemp("machine"), files) as it:
        yield it


@contextlib.asynccontextmanager
async def serving(machine: Machine) -> AsyncGenerator[tuple[SimulatorServer, aiohttp.ClientSession]]:
    """Run socket and service, the CAD, and a client for pushes."""
    async with simulated_cad() as cad, aiohttp.ClientSession(f"http://127.0.0.1:{PORT}") as client:
        machine.write(CONFIG, configuration(cad.url))
        await at(machine, "systemctl", "start", SOCKET, SERVICE)
        try:
            yield cad, client
        finally:
            await at(machine, "systemctl", "stop", SOCKET, SERVICE, check=False)
            await at(machine, "systemctl", "reset-failed", check=False)


async def at(machine: Machine, *command: str, check: bool = True) -> str:
    """Run a command on the machine while this loop goes on."""
    return await asyncio.to_thread(machine.run, *command, check=check)


async def push(client: aiohttp.ClientSession, path: str, content: Any) -> int:
    async with client.post(path, json=content, headers=AUTHORIZED) as answer:
        await answer.read()
        return answer.status


async def until_panicking(cad: SimulatorServer, *units: str, within: float = 30.0) -> None:
    deadline = time.monotonic() + within
    known = cad.cloud.cad.community.units
    while not all(unit in known and known[unit].is_panic for unit in units):
        assert time.monotonic() < deadline, f"only {sorted(known)} arrived"
        await asyncio.sleep(0.05)


@pytest.mark.timeout(120)
async def test_it_runs_as_nobody_in_particular_and_its_secrets_come_as_credentials(machine: Machine) -> None:
    async with serving(machine) as (cad, client):
        assert await push(client, "/v1/panic", {"id": "license:1"}) == 202
        await until_panicking(cad, "license:1")

        pid = machine.read(SERVICE, "MainPID")
        assert machine.run("stat", "--format=%U", f"/proc/{pid}") == "cad-bridge"
        assert (
            machine.run("stat", "--format=%a %U", "/var/lib/private/cad-bridge/outbox.sqlite3")
            == "600 cad-bridge"
        )
        assert machine.run("stat", "--format=%a %U", KEY) == "600 root"
        assert "all is well" in machine.read(SERVICE, "StatusText")
        seen = machine.run("cat", f"/proc/{pid}/environ", f"/proc/{pid}/cmdline") + machine.journal(SERVICE)
        assert API_KEY not in seen
        assert TOKENS[1] not in seen


@pytest.mark.timeout(120)
async def test_a_daemon_that_hangs_is_killed_and_started_again_and_nothing_is_lost(machine: Machine) -> None:
    async with serving(machine) as (cad, client):
        restarts, pid = machine.read(SERVICE, "NRestarts"), machine.read(SERVICE, "MainPID")
        cad.cloud.faults.add(Down(operation="*"))
        assert await push(client, "/v1/panic", {"ids": ["license:2", "license:3"]}) == 202
        machine.run("kill", "-STOP", pid)
        deadline = time.monotonic() + 10 * WATCHDOG
        while machine.read(SERVICE, "NRestarts") == restarts:
            assert time.monotonic() < deadline, "it is left hanging"
            await asyncio.sleep(0.1)
        cad.cloud.faults.clear()

        await until_panicking(cad, "license:2", "license:3")

        assert machine.read(SERVICE, "MainPID") != pid
        assert "Watchdog timeout" in machine.journal(SERVICE)


@pytest.mark.timeout(120)
async def test_a_restart_under_constant_pushes_refuses_no_connection_and_loses_no_event(
    machine: Machine,
) -> None:
    async with serving(machine) as (cad, client):
        accepted: list[str] = []
        over = asyncio.Event()

        async def press(line: int) -> None:
            number = 0
            while not over.is_set():
                unit = f"license:{line}-{number}"
                number += 1
                if line % 2:  # a connection kept alive, else a new one for each push
                    status = await push(client, "/v1/panic", {"id": unit})
                else:
                    async with aiohttp.ClientSession(f"http://127.0.0.1:{PORT}") as fresh:
                        status = await push(fresh, "/v1/panic", {"id": unit})
                assert status == 202
                accepted.append(unit)
                await asyncio.sleep(0.02)

        pid = machine.read(SERVICE, "MainPID")
        async with asyncio.TaskGroup() as group:
            for line in range(6):
                group.create_task(press(line))
            for verb in ("restart", "reload", "restart"):
                await asyncio.sleep(0.5)
                await at(machine, "systemctl", verb, SERVICE)
            await asyncio.sleep(2.0)
            over.set()

        assert len(accepted) > 100
        assert machine.read(SERVICE, "MainPID") != pid
        await until_panicking(cad, *accepted, within=60.0)


@pytest.mark.timeout(120)
async def test_a_new_key_is_taken_by_a_restart(machine: Machine) -> None:
    async with serving(machine) as (cad, client):
        machine.write(KEY, "not-the-right-key-any-more\n", 0o600)
        await at(machine, "systemctl", "restart", SERVICE)
        assert await push(client, "/v1/panic", {"id": "license:8"}) == 202
        assert "license:8" not in cad.cloud.cad.community.units
        machine.write(KEY, API_KEY + "\n", 0o600)
        await at(machine, "systemctl", "restart", SERVICE)

        await until_panicking(cad, "license:8")


@pytest.mark.timeout(120)
async def test_a_reload_takes_another_configuration_and_the_process_stays(machine: Machine) -> None:
    async with serving(machine) as (cad, _):
        pid = machine.read(SERVICE, "MainPID")
        before = machine.journal(SERVICE).count("configuration reloaded")
        machine.write(CONFIG, configuration(cad.url) + '[locations]\ninterval = "9s"\n')

        await at(machine, "systemctl", "reload", SERVICE)

        async with asyncio.timeout(20.0):
            while machine.journal(SERVICE).count("configuration reloaded") == before:
                await asyncio.sleep(0.2)
        assert (machine.read(SERVICE, "MainPID"), machine.read(SERVICE, "ActiveState")) == (pid, "active")


@pytest.mark.timeout(120)
async def test_a_bad_configuration_is_told_and_not_tried_again(machine: Machine) -> None:
    async with serving(machine):
        machine.write(CONFIG, configuration("http://127.0.0.1:9") + 'tokens = "x"\n')
        await at(machine, "systemctl", "restart", SERVICE, check=False)
        await asyncio.sleep(3.0)  # longer than the pause before another try

        assert machine.read(SERVICE, "ActiveState") == "failed"
        assert machine.read(SERVICE, "ExecMainStatus") == "2"
        assert "bridge.toml: servers[0].tokens: unknown key" in machine.journal(SERVICE)
