"""Takes the pictures of the status page that the README shows: ``make screenshots``.

A bridge, the CAD simulator and synthetic players run in this process; a real browser, Debian's Chromium, looks at them.
"""

import asyncio
import secrets
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import aiohttp
from msgspec import Struct
from playwright.async_api import Browser, async_playwright

from bridge import logs
from bridge.app import Daemon
from bridge.clock import SystemClock
from bridge.config import (
    AdminConfig,
    CadConfig,
    Config,
    ListenerConfig,
    OutboxConfig,
    Secret,
    ServerConfig,
    TcpBind,
)
from bridge.players import World, drive
from bridge.simulator.cad import SIMULATOR_KEY
from bridge.simulator.faults import Down
from bridge.simulator.server import SimulatorServer

FOLDER = Path(__file__).parent
CHROMIUM = "/usr/bin/chromium"
PLAYERS = 60
SEED = 7
SECONDS = 14.0  # until batches, a panic and a heartbeat have been sent
DOWN_SECONDS = 12.0  # until three requests have failed
SEARCHED = "c0ffee"  # in the picture that shows the search
ANY_PORT = TcpBind(host="127.0.0.1", port=0)


class Picture(Struct, frozen=True, kw_only=True):
    """How one picture is taken: pixels across and down, the reader's colours, and the part of the page, if not all."""

    name: str
    width: int = 1280
    height: int = 920
    scheme: Literal["light", "dark"] = "light"
    part: str = ""


WELL = (
    Picture(name="status-light"),
    Picture(name="status-dark", height=1500, scheme="dark"),
    Picture(name="status-map", part="#map"),
    Picture(name="status-phone", width=390, height=844),
)
SEARCH = Picture(name="status-search", part="#search")
DOWN = Picture(name="status-cad-down", height=640)


async def main() -> None:
    """Take all pictures, into the folder of this file."""
    clock = SystemClock()
    with tempfile.TemporaryDirectory(prefix="cad-bridge-screenshots-") as folder:
        async with SimulatorServer(clock) as simulator, _bridge(Path(folder), simulator.url) as url:
            await _take_all(simulator, url, clock)


@asynccontextmanager
async def _bridge(folder: Path, cad_url: str) -> AsyncGenerator[str]:
    """Run a bridge with players while entered; return the URL of its admin door."""
    config = _configure(folder, cad_url)
    logs.configure(level="error", format="console", secrets=())
    clock, stop, ended = SystemClock(), asyncio.Event(), asyncio.Event()
    async with Daemon(config, clock) as daemon, asyncio.TaskGroup() as group:
        group.create_task(daemon.run(ended))
        pushed_to = f"http://{daemon.parts.listener.addresses[0]}"
        token = config.servers[0].token.reveal()
        world = World(PLAYERS, SEED)
        await _push_oddities(pushed_to, token)
        players = group.create_task(
            drive(pushed_to, token, world, rate_hz=1.0, seconds=None, clock=clock, stop=stop)
        )
        yield daemon.admin.addresses[0]
        stop.set()
        await players
        ended.set()


async def _push_oddities(url: str, token: str) -> None:
    """Push units that something is the matter with: one that left, and one in no place."""
    gone, nowhere = f"license:{SEARCHED}0417", f"license:{SEARCHED}2be9"
    body = {"updates": [{"id": gone, "x": 100.0, "y": 50.0}, {"id": nowhere, "x": 0, "y": 0, "z": 0}]}
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(url, headers=headers) as session:
        for content in (body, {"updates": [], "left": [gone]}):
            async with session.post("/v1/locations", json=content) as answer:
                answer.raise_for_status()


def _configure(folder: Path, cad_url: str) -> Config:
    return Config(
        listener=ListenerConfig(bind=(ANY_PORT,)),
        admin=AdminConfig(bind=(ANY_PORT,)),
        cad=CadConfig(community_id="examplecad", api_key=Secret(SIMULATOR_KEY), base_url=cad_url),
        outbox=OutboxConfig(path=folder / "outbox.sqlite3"),
        servers=(ServerConfig(id=1, name="main", token=Secret(secrets.token_urlsafe(24))),),
    )


async def _take_all(simulator: SimulatorServer, url: str, clock: SystemClock) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM)
        await clock.sleep(SECONDS)
        for picture in WELL:
            await _take(browser, url, picture)
        await _take(browser, url, SEARCH, searched=SEARCHED)
        simulator.cloud.faults.add(Down())
        await clock.sleep(DOWN_SECONDS)
        await _take(browser, url, DOWN)
        simulator.cloud.faults.clear()
        await browser.close()


async def _take(browser: Browser, url: str, picture: Picture, searched: str = "") -> None:
    page = await browser.new_page(
        viewport={"width": picture.width, "height": picture.height}, color_scheme=picture.scheme
    )
    await page.goto(url)
    await page.locator("#server-rows tr").first.wait_for()
    if searched:
        await page.locator("#query").fill(searched)
        await page.locator("#search-form button").click()
        await page.locator("#found article").first.wait_for()
    await page.wait_for_timeout(2_500)  # until the map has been drawn and the units have moved
    path = FOLDER / f"{picture.name}.png"
    await (page.locator(picture.part) if picture.part else page).screenshot(path=path)
    sys.stdout.write(f"{path}\n")
    await page.close()


if __name__ == "__main__":
    asyncio.run(main())
