"""Everybody else who connects: Prometheus, a browser, scripts that want the CAD's own answer, and the rude."""

import asyncio
import random
from contextlib import suppress

import aiohttp

from tests.chaos.life import Life
from tests.support.daemon import ADMIN_TOKEN
from tests.support.fault_proxy import reset_on_close

SCRAPE_EVERY, LOOK_EVERY, RUDE_EVERY = 5.0, 2.0, 1.0  # seconds
LONGEST_LOOK = 8.0
STREAM = "/live"
PAGES = ("/status", "/readyz", "/healthz", "/openapi.json", "/outbox", "/nowhere", STREAM)
HALVES = (
    b"POST /v1/locations HT",
    b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{",
    b"GET /status HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"\x16\x03\x01 no HTTP\r\n\r\n",
    b"",
)


class Visitors:
    """``run`` visits until cancelled."""

    def __init__(self, life: Life, dice: random.Random) -> None:
        self._life = life
        self._dice = dice
        self.visits = 0

    async def run(self) -> None:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10.0)) as session,
            asyncio.TaskGroup() as group,
        ):
            group.create_task(self._scrape(session))
            group.create_task(self._browse())
            group.create_task(self._ask_the_cad(session))
            group.create_task(self._be_rude())

    async def look(self, path: str, seconds: float) -> None:
        """Read a page as a tab does that is closed after a while; a stream is cut off then."""
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
        with suppress(aiohttp.ClientError, TimeoutError):
            async with (
                asyncio.timeout(seconds),
                aiohttp.ClientSession(headers=headers) as session,
                session.get(self._life.daemon.admin_url + path) as answer,
            ):
                await answer.read()
        self.visits += 1

    async def intrude(self, half: bytes, *, admin: bool, patience: float) -> None:
        """Say half of something and go, without a word or with RST."""
        daemon = self._life.daemon
        with suppress(OSError):
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", daemon.admin_port if admin else daemon.port
            )
            writer.write(half)
            with suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await reader.read(100)
            if self._dice.random() < 0.5:
                reset_on_close(writer)
                writer.transport.abort()
            writer.close()
            await writer.wait_closed()
        self.visits += 1

    async def ask_the_cad(self, session: aiohttp.ClientSession, server: int, seconds: float) -> None:
        """Want the CAD's own answer, and wait for it no longer than that."""
        url = f"{self._life.daemon.url}/v2/emergency/servers/{server}/calls"
        headers = {"Authorization": f"Bearer {self._life.token(server)}"}
        timeout = aiohttp.ClientTimeout(total=seconds)
        with suppress(aiohttp.ClientError, TimeoutError):
            async with session.get(url, headers=headers, timeout=timeout) as answer:
                await answer.read()
        self.visits += 1

    async def _scrape(self, session: aiohttp.ClientSession) -> None:
        while True:
            with suppress(aiohttp.ClientError, TimeoutError):
                async with session.get(f"{self._life.daemon.admin_url}/metrics") as answer:
                    await answer.read()
            self.visits += 1
            await asyncio.sleep(SCRAPE_EVERY)

    async def _browse(self) -> None:
        while True:
            await self.look(self._dice.choice(PAGES), self._dice.uniform(0.01, LONGEST_LOOK))
            await asyncio.sleep(self._dice.expovariate(1 / LOOK_EVERY))

    async def _ask_the_cad(self, session: aiohttp.ClientSession) -> None:
        while True:
            await self.ask_the_cad(session, self._dice.choice((1, 2)), self._dice.uniform(0.1, 5.0))
            await asyncio.sleep(self._dice.uniform(5.0, 30.0))

    async def _be_rude(self) -> None:
        while True:
            half = self._dice.choice(HALVES)
            patience = self._dice.uniform(0.0, 0.5)
            await self.intrude(half, admin=self._dice.random() < 0.5, patience=patience)
            await asyncio.sleep(self._dice.expovariate(1 / RUDE_EVERY))
