"""Several communities on one machine: instances of the template unit, and two that want the same port."""

import asyncio
import time
from collections.abc import Generator

import pytest

from tests.support.daemon import API_KEY, TOKENS
from tests.support.machine import Machine, booted
from tests.support.ports import free_port

FIRST, SECOND = "cad-bridge@first.service", "cad-bridge@second.service"
PORT, OTHER_PORT = free_port(), free_port()
IN_USE = "already in use by another program, perhaps another cad-bridge; stop it or choose another address"
START_SECONDS = 30.0


def configuration(port: int, admin_port: int) -> str:
    return f"""
[listener]
bind = "127.0.0.1:{port}"
[admin]
bind = "127.0.0.1:{admin_port}"
[cad]
base_url = "http://127.0.0.1:9"
community_id = "examplecad"
api_key_file = "api-key"
[[servers]]
id = 1
name = "main"
token_file = "server-1.token"
"""


@pytest.fixture(name="machine")
def _machine(tmp_path_factory: pytest.TempPathFactory) -> Generator[Machine]:
    files: dict[str, tuple[str, int]] = {}
    for name in ("first", "second"):
        folder = f"/etc/cad-bridge/{name}"
        files[f"{folder}/bridge.toml"] = (configuration(PORT, free_port()), 0o644)
        files[f"{folder}/api-key"] = (API_KEY + "\n", 0o600)
        files[f"{folder}/server-1.token"] = (TOKENS[1] + "\n", 0o600)
    with booted(tmp_path_factory.mktemp("machine"), files) as it:
        yield it


@pytest.mark.timeout(120)
async def test_an_instance_without_a_port_of_its_own_says_so_and_comes_up_once_it_has_one(
    machine: Machine,
) -> None:
    machine.run("systemctl", "start", FIRST)
    pid = machine.read(FIRST, "MainPID")
    machine.run("systemctl", "start", "--no-block", SECOND)
    told = f"Error: listener.bind: 127.0.0.1:{PORT} cannot be opened: {IN_USE}."
    await _until_said(machine, told)

    assert machine.read(SECOND, "ExecMainStatus") in {"1", "0"}  # 0 while it is being started again
    assert machine.read(FIRST, "MainPID") == pid
    assert machine.read(FIRST, "NRestarts") == "0"

    machine.write("/etc/cad-bridge/second/bridge.toml", configuration(OTHER_PORT, free_port()))
    deadline = time.monotonic() + START_SECONDS
    while machine.read(SECOND, "ActiveState") != "active":
        assert time.monotonic() < deadline, machine.journal(SECOND)
        await asyncio.sleep(0.2)
    for name in ("first", "second"):  # an outbox each, though neither names one
        machine.run("test", "-s", f"/var/lib/private/cad-bridge-{name}/outbox.sqlite3")
    machine.run("systemctl", "stop", FIRST, SECOND)


async def _until_said(machine: Machine, line: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while line not in machine.journal(SECOND).splitlines():
        assert time.monotonic() < deadline, machine.journal(SECOND)
        await asyncio.sleep(0.2)
