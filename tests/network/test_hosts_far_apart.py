"""Two game servers, a bridge and the CAD on hosts of their own, over lines that lose packets and are cut."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from msgspec import Struct
from prometheus_client.parser import text_string_to_metric_families

from bridge.simulator.control import PREFIX
from tests.support.daemon import API_KEY, TOKENS
from tests.support.far_cloud import CONTROL, NAME, PROXY_PORT
from tests.support.measured import measured
from tests.support.network import MIDDLE, Network, network
from tests.support.process import BRIDGE, Running, running
from tests.support.tls import TOML_KEYS, Authority

PORT = 30180
LINK_LOCAL, LINK_LOCAL_PORT = "fe80::1:1", 30182  # the bridge's end of the line to "one"
PYTHON = BRIDGE[0]
UNITS = [f"license:{number}" for number in range(6)]
START_SECONDS = 20.0


def configuration(cloud: str) -> str:
    tls = "".join(f'{key} = "{value}"\n' for key, value in TOML_KEYS.items())
    return f"""
[listener]
bind = ["0.0.0.0:{PORT}", "[::]:{PORT}", "[{LINK_LOCAL}%to-one]:{LINK_LOCAL_PORT}"]
{tls}
[admin]
bind = "unix:admin.sock"
[cad]
base_url = "https://{NAME}"
community_id = "examplecad"
api_key_file = "api-key"
timeout = "3s"
proxy = "http://{cloud}:{PROXY_PORT}"
ca_file = "ca.pem"
[log]
format = "json"
[[servers]]
id = 1
name = "one"
token_file = "server-1.token"
[[servers]]
id = 2
name = "two"
token_file = "server-2.token"
"""


class Far(Struct, kw_only=True):
    """The network with what runs on it."""

    network: Network
    folder: Path
    daemon: Running
    admin: aiohttp.ClientSession
    cloud: aiohttp.ClientSession

    def url(self, host: str) -> str:
        return f"https://{self.network.bridge_address(host)}:{PORT}"

    def playing(self, host: str, seconds: float) -> Any:
        """Run synthetic players on a game server, which know the bridge's authority."""
        number = 1 if host == "one" else 2
        options = {
            "--to": self.url(host),
            "--token-file": str(self.folder / f"server-{number}.token"),
            "--ca-file": str(self.folder / "ca.pem"),
            "--players": "12",
            "--rate": "2",
            "--seconds": str(seconds),
            "--seed": str(number),
        }
        words = [word for option in options.items() for word in option]
        return running(self.folder, *self.network.on(host, *BRIDGE, "play", *words), name=f"play-{host}")

    def pressing(self, host: str, unit: str) -> Any:
        """Press a panic button on a game server until the bridge has it."""
        number = 1 if host == "one" else 2
        command = (PYTHON, "-m", "tests.support.presser", self.url(host), TOKENS[number], unit)
        return running(self.folder, *self.network.on(host, *command), name=f"press-{unit[8:]}")

    async def status(self) -> Any:
        async with self.admin.get("/status") as answer:
            return await answer.json()

    async def metric(self, name: str, **labels: str) -> float:
        async with self.admin.get("/metrics") as answer:
            text = await answer.text()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == name and sample.labels == labels:
                    return sample.value
        raise AssertionError(f"{name}{labels} is not in /metrics")

    async def panicking(self) -> set[str]:
        async with self.cloud.get(f"{PREFIX}state") as answer:
            units = (await answer.json())["units"]
        return {name for name, unit in units.items() if unit["is_panic"]}

    async def until_panicking(self, unit: str, within: float) -> float:
        """Return when (Unix seconds) the CAD knows of a panic."""
        deadline = time.monotonic() + within
        while unit not in await self.panicking():
            assert time.monotonic() < deadline, f"{unit} did not reach the CAD:\n{self.daemon.err[-3000:]}"
            await asyncio.sleep(0.05)
        return time.time()

    async def until_settled(self, within: float) -> Any:
        """Return the status when nothing waits in the outbox any more."""
        deadline = time.monotonic() + within
        while True:
            seen = await self.status()
            if not seen["outbox"]["pending"]:
                return seen
            assert time.monotonic() < deadline, f"events are left: {seen['outbox']}"
            await asyncio.sleep(0.2)


@asynccontextmanager
async def far_apart(folder: Path) -> AsyncGenerator[Far]:
    """Run the CAD and the bridge on hosts of their own while entered."""
    authority = Authority(folder)
    with network("one", "two", "cloud") as net:
        names = [net.bridge_address("one"), net.bridge_address("two"), NAME]
        authority.issue(*names)
        secrets = {"api-key": API_KEY, "server-1.token": TOKENS[1], "server-2.token": TOKENS[2]}
        for name, secret in secrets.items():
            (folder / name).write_text(secret)
            (folder / name).chmod(0o600)
        toml = configuration(net.address("cloud")).replace("unix:admin.sock", f"unix:{folder}/admin.sock")
        (folder / "bridge.toml").write_text(toml)
        cloud = (PYTHON, "-m", "tests.support.far_cloud", net.address("cloud"), str(folder), API_KEY)
        daemon = (*BRIDGE, "run", "--config", str(folder / "bridge.toml"))
        async with (
            running(folder, *net.on("cloud", *cloud), name="cloud") as simulator,
            running(folder, *net.on(MIDDLE, *daemon), name="daemon") as process,
            _asking(folder / "admin.sock") as admin,
            _asking(folder / CONTROL) as control,
        ):
            far = Far(network=net, folder=folder, daemon=process, admin=admin, cloud=control)
            await _until_up(far, simulator)
            yield far


def _asking(path: Path) -> aiohttp.ClientSession:
    """Return what asks over a unix socket, which no namespace of the network hides."""
    return aiohttp.ClientSession("http://localhost", connector=aiohttp.UnixConnector(str(path)))


async def _until_up(far: Far, simulator: Running) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            if (await far.status())["cad"]["up"]:
                return
        except aiohttp.ClientError:
            pass
        said = f"{far.daemon.err}\n{simulator.err}"
        assert not far.daemon.ended, said
        assert time.monotonic() < deadline, said
        await asyncio.sleep(0.1)


@pytest.mark.timeout(150)
async def test_a_line_that_loses_a_tenth_of_its_packets_loses_nothing_and_the_other_server_feels_nothing(
    tmp_path: Path,
) -> None:
    async with far_apart(tmp_path) as far, AsyncExitStack() as stack:
        far.network.lose("one", 10)
        one = await stack.enter_async_context(far.playing("one", 12))
        two = await stack.enter_async_context(far.playing("two", 12))
        pressing = [await stack.enter_async_context(far.pressing("one", unit)) for unit in UNITS]
        assert [await process.wait(60.0) for process in pressing] == [0] * len(UNITS)
        for unit in UNITS:
            await far.until_panicking(unit, within=15.0)
        assert await two.wait(60.0) == 0, two.out + two.err
        await one.wait(60.0)
        far.network.mend()
        outbox = (await far.until_settled(within=20.0))["outbox"]

        assert "unanswered" not in two.out
        assert (outbox["failed"], outbox["expired"]) == (0, 0)
        for server in ("one", "two"):
            assert await far.metric("cad_bridge_batches_total", server=server) >= 1
            assert await far.metric("cad_bridge_locations_sent_total", server=server) >= 12
    measured(f"10 % loss: {one.out!r} beside {two.out!r}")


@pytest.mark.timeout(150)
async def test_a_game_server_behind_a_cut_line_gets_its_panic_through_soon_after_and_the_other_goes_on(
    tmp_path: Path,
) -> None:
    async with far_apart(tmp_path) as far, far.playing("two", 16) as two:
        async with far.pressing("one", "license:before") as before:
            assert await before.wait(10.0) == 0
        await far.until_panicking("license:before", within=10.0)
        far.network.cut("one")
        async with far.pressing("one", "license:cut") as cut, far.pressing("two", "license:beside") as beside:
            assert await beside.wait(10.0) == 0
            await far.until_panicking("license:beside", within=5.0)
            await asyncio.sleep(5.0)
            assert not cut.ended
            far.network.mend()
            mended = time.time()
            arrived = await far.until_panicking("license:cut", within=20.0)
            assert await cut.wait(10.0) == 0
        assert await two.wait(40.0) == 0, two.out + two.err
        assert "unanswered" not in two.out
        seen = await far.until_settled(within=20.0)

        assert (seen["outbox"]["failed"], seen["outbox"]["expired"]) == (0, 0)
    measured(f"a line cut for 5 s: the panic reached the CAD {arrived - mended:.1f} s after it was mended")


@pytest.mark.timeout(150)
async def test_a_bridge_cut_off_from_the_cad_says_so_and_sends_everything_soon_after(tmp_path: Path) -> None:
    async with far_apart(tmp_path) as far, far.playing("two", 12) as two:
        far.network.cut("cloud")
        async with far.pressing("one", "license:cut") as cut:
            assert await cut.wait(5.0) == 0, "the game server need not wait for the CAD"
        deadline = time.monotonic() + 40.0
        while not (reasons := (await far.status())["reasons"]):
            assert time.monotonic() < deadline, "it does not say that the CAD is away"
            await asyncio.sleep(0.1)
        while not await far.metric(
            "cad_bridge_cad_request_failures_total", operation="setUnitPanic", reason="proxy"
        ):
            assert time.monotonic() < deadline, "no new tunnel was tried"
            await asyncio.sleep(0.1)
        far.network.mend()
        mended = time.time()
        arrived = await far.until_panicking("license:cut", within=20.0)
        seen = await far.until_settled(within=30.0)
        assert await two.wait(60.0) == 0, two.out + two.err

        assert reasons[0].startswith("CAD down: ")
        assert "CAD is down" in far.daemon.err
        assert (seen["outbox"]["failed"], seen["outbox"]["expired"]) == (0, 0)
    measured(f"the CAD cut off: the panic reached it {arrived - mended:.1f} s after the line was mended")


@pytest.mark.timeout(60)
async def test_a_game_server_that_speaks_plain_http_is_told_of_by_name(tmp_path: Path) -> None:
    async with far_apart(tmp_path) as far:
        url = far.url("one").replace("https:", "http:")
        command = (*BRIDGE, "play", "--to", url, "--token-file", str(tmp_path / "server-1.token"))
        async with running(
            tmp_path, *far.network.on("one", *command, "--seconds", "2"), name="plain"
        ) as plain:
            assert await plain.wait(30.0) == 1
        entries = [msgspec.json.decode(line) for line in far.daemon.err.splitlines()]
        (entry,) = [entry for entry in entries if entry["event"] == "TLS handshake failed"]

        assert entry["peer"] == far.network.address("one")
        assert entry["hint"].startswith("a game server speaks http:// to a TLS listener")
        assert await far.metric("cad_bridge_listener_handshake_failures_total", reason="plain_http") >= 1


@pytest.mark.timeout(60)
async def test_a_link_local_address_with_its_network_card_is_served(tmp_path: Path) -> None:
    async with far_apart(tmp_path) as far:
        url = f"https://[{LINK_LOCAL}%uplink]:{LINK_LOCAL_PORT}"
        command = (PYTHON, "-m", "tests.support.presser", url, TOKENS[1], "license:near")
        async with running(tmp_path, *far.network.on("one", *command), name="near") as near:
            assert await near.wait(30.0) == 0, near.err
        await far.until_panicking("license:near", within=10.0)

        assert f"[{LINK_LOCAL}%to-one]:{LINK_LOCAL_PORT}" in far.daemon.err
