"""How ``cad-bridge run`` ends: its exit codes and what it says."""

import asyncio
import os
import signal
import socket
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from time import sleep

import aiohttp
import msgspec
import pytest
from click.testing import CliRunner, Result

from bridge.cli.run import run
from bridge.clock import SystemClock
from bridge.flusher import Flusher
from bridge.relay import Relay
from bridge.simulator.cad import Cad
from bridge.simulator.cloud import Cloud
from bridge.simulator.faults import Hang
from bridge.simulator.server import SimulatorServer
from bridge.sonoran.keeper import Keeper
from bridge.store.database import HELD
from tests.support.configuration import API_KEY, MINIMAL, TOKENS, write_configuration
from tests.support.ports import free_port
from tests.support.process import BRIDGE, Running
from tests.support.root_logging import restored


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    with restored():
        yield


class Place:
    """A configuration whose doors are on free ports and whose CAD is not there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.admin_port = free_port(), free_port()
        self.path = self.write()

    def write(self, *, cad_url: str = "http://127.0.0.1:1", more: str = "") -> Path:
        doors = f'[listener]\nbind = "127.0.0.1:{self.port}"\n[admin]\nbind = "127.0.0.1:{self.admin_port}"\n'
        toml = MINIMAL.replace("[cad]", f'[cad]\nbase_url = "{cad_url}"')
        return write_configuration(self.folder, doors + more + toml)

    def run(self) -> Result:
        return CliRunner().invoke(run, ["--config", str(self.path)])

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/healthz", timeout=1) as answer:
                return answer.status == 200
        except OSError:
            return False


@pytest.fixture(name="place")
def _place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def stop_when_ready(place: Place, number: signal.Signals) -> threading.Thread:
    def wait_and_signal() -> None:
        for _ in range(500):
            if place.is_ready():
                break
            sleep(0.01)
        os.kill(os.getpid(), number)

    thread = threading.Thread(target=wait_and_signal)
    thread.start()
    return thread


def lines(stderr: str) -> list[dict[str, object]]:
    return [msgspec.json.decode(line, type=dict[str, object]) for line in stderr.splitlines()]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_and_exits_0(place: Place, number: signal.Signals) -> None:
    thread = stop_when_ready(place, number)

    result = place.run()
    thread.join()

    assert (result.exit_code, result.stdout) == (0, "")
    told = [line["event"] for line in lines(result.stderr) if line["logger"] == "app"]
    assert told == ["daemon ready", "daemon draining", "daemon drained", "daemon stopped"]
    assert (place.folder / "outbox.sqlite3").exists()
    assert (place.folder / "admin.token").stat().st_mode & 0o777 == 0o600


def test_a_start_that_takes_long_says_what_it_does(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.cli.run.PATIENCE", 0.0)
    thread = stop_when_ready(place, signal.SIGTERM)

    result = place.run()
    thread.join()

    told = lines(result.stderr)
    assert told[0]["event"] == "daemon still starting, it reads the outbox"
    assert told[0]["path"] == str(place.folder / "outbox.sqlite3")
    assert [line["event"] for line in told].count("daemon ready") == 1


def test_no_secret_is_logged_and_what_is_unwise_is(place: Place) -> None:
    place.write(more='[log]\nlevel = "debug"\n')
    (place.folder / "server-1.token").chmod(0o644)
    thread = stop_when_ready(place, signal.SIGTERM)

    result = place.run()
    thread.join()

    (warning,) = [line for line in lines(result.stderr) if line["event"] == "configuration is unwise"]
    assert "server-1.token can be read by every user of this machine" in str(warning["detail"])
    admin_token = (place.folder / "admin.token").read_text().strip()
    for secret in (API_KEY, TOKENS[1], admin_token):
        assert secret not in result.output


def test_a_bad_configuration_exits_2_with_a_line_a_problem(place: Place) -> None:
    place.write(more='[locations]\ninterval = "1s"\nspeed = 3\n')

    result = place.run()

    assert (result.exit_code, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 2
    assert "bridge.toml: locations.interval: " in result.stderr
    assert not (place.folder / "outbox.sqlite3").exists()


def test_unreadable_postals_exit_2(place: Place) -> None:
    (place.folder / "postals.json").write_text("no list")
    place.write(more='[locations]\npostals_file = "postals.json"\n')

    result = place.run()

    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert "locations.postals_file" in result.stderr


@pytest.mark.parametrize("door", ["listener", "admin"])
def test_a_taken_port_exits_1_with_one_line(place: Place, door: str) -> None:
    port = place.port if door == "listener" else place.admin_port
    with socket.create_server(("127.0.0.1", port)):
        result = place.run()

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: {door}")
    assert f"127.0.0.1:{port}" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_an_admin_token_that_is_none_exits_1_with_one_line(place: Place) -> None:
    (place.folder / "admin.token").touch()

    result = place.run()

    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {place.folder / 'admin.token'}: the secret is empty")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("part", [Flusher, Relay])
def test_a_part_that_dies_exits_1_with_a_line_in_the_log(
    place: Place, part: type[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(_: object) -> None:
        raise RuntimeError("as it should")

    monkeypatch.setattr(part, "run", die)

    result = place.run()

    assert (result.exit_code, result.stdout) == (1, "")
    assert isinstance(result.exception, SystemExit)  # anything else would end as a bare traceback
    said = lines(result.stderr)
    (death,) = [line for line in said if line["event"] == "loop died, the daemon ends"]
    assert (death["level"], death["loop"]) == ("error", part.__name__.lower())
    assert "RuntimeError: as it should" in str(death["exception"])
    assert said[-1]["event"] == "daemon stopped"


def test_a_part_that_can_be_missed_ends_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    async def die(_: object) -> None:
        raise RuntimeError("as it should")

    monkeypatch.setattr(Keeper, "run", die)
    thread = stop_when_ready(place, signal.SIGTERM)

    result = place.run()
    thread.join()

    assert result.exit_code == 0
    assert "loop died, it is started again" in result.stderr


async def test_an_outbox_of_another_daemon_exits_1_and_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    place = Place(tmp_path / "a")
    cloud = Cloud(SystemClock(), Cad(key=API_KEY))
    async with SimulatorServer(SystemClock(), cloud=cloud) as simulator:
        outbox = f'[outbox]\npath = "{tmp_path / "a" / "outbox.sqlite3"}"\ndrain = "60s"\n'
        place.write(cad_url=simulator.url, more=outbox)
        second = Place(tmp_path / "b")
        second.write(cad_url=simulator.url, more=outbox)
        first = Running(tmp_path, (*BRIDGE, "run", "--config", str(place.path)), "first")
        other = Running(tmp_path, (*BRIDGE, "run", "--config", str(second.path)), "other")
        await first.start()
        try:
            await ready(place)
            await other.start()
            assert await other.wait() == 1
            assert other.err.splitlines() == [
                f"Error: outbox.path: {tmp_path / 'a' / 'outbox.sqlite3'}: {HELD}; stop it or give this one an outbox of its own."
            ]

            await push_a_panic_that_hangs(place, simulator)
            first.signal(signal.SIGTERM)
            await said(first, "daemon draining")
            assert not first.ended
            first.signal(signal.SIGTERM)
            assert await first.wait(2.0) == 130
        finally:
            await first.kill()
            await other.kill()


async def ready(place: Place) -> None:
    async with asyncio.timeout(10):
        while not await asyncio.to_thread(place.is_ready):
            await SystemClock().sleep(0.02)


async def said(process: Running, words: str) -> None:
    async with asyncio.timeout(10):
        while words not in process.err:
            await SystemClock().sleep(0.02)


async def push_a_panic_that_hangs(place: Place, simulator: SimulatorServer) -> None:
    simulator.cloud.faults.add(Hang(operation="setUnitPanic"))
    headers = {"Authorization": f"Bearer {TOKENS[1]}"}
    url = f"http://127.0.0.1:{place.port}/v1/panic"
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(url, data=b'{"id": "license:1"}') as answer,
    ):
        assert answer.status == 202
