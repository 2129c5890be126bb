"""The daemon as a process of its own: configured in a folder, pushed to and read through its doors."""

import asyncio
import signal
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from msgspec import Struct
from prometheus_client.parser import text_string_to_metric_families

from bridge.clock import SystemClock
from bridge.simulator.cad import Cad
from bridge.simulator.cloud import Cloud
from bridge.simulator.cms.door import Cms
from bridge.simulator.server import SimulatorServer
from tests.support.ports import free_port
from tests.support.process import BRIDGE, Running

API_KEY = "KqW7-made-up-key-of-the-community-9xYz"
CMS_API_KEY = "Cms4-made-up-key-of-the-cms-2wLp"
ADMIN_TOKEN = "Adm5-made-up-token-of-the-admin-door-3vBn"
TOKENS = {
    1: "Tk1r-made-up-token-of-server-one-7dFg",
    2: "Tk2s-made-up-token-of-server-two-8hJk",
}
START_SECONDS = 15.0
END_STATES = ("delivered", "failed", "expired", "superseded")

Sections = Mapping[str, Mapping[str, Any]]


class Answer(Struct, frozen=True, kw_only=True):
    """What a door answered; ``asked`` and ``answered`` are monotonic seconds."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    asked: float
    answered: float

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def seconds(self) -> float:
        return self.answered - self.asked


class Daemon:
    """A daemon in ``folder``. What it says on stderr is ``log``, over all its lives."""

    def __init__(self, folder: Path, cad_url: str, sections: Sections, servers: Sequence[int]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port, self.admin_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.admin_url = f"http://127.0.0.1:{self.admin_port}"
        self.config = folder / "bridge.toml"
        self._write(cad_url, sections, servers)
        self.process = Running(folder, (*BRIDGE, "run", "--config", str(self.config)), "daemon")
        self._session: aiohttp.ClientSession | None = None

    @property
    def log(self) -> str:
        return self.process.err

    async def start(self) -> None:
        """Return when it says that it is healthy."""
        await self.process.start()
        deadline = time.monotonic() + START_SECONDS
        while not await self._is_healthy():
            assert not self.process.ended, f"the daemon ended:\n{self.log}"
            assert time.monotonic() < deadline, f"the daemon does not get ready:\n{self.log}"
            await asyncio.sleep(0.02)

    async def stop(self, within: float = 15.0) -> int:
        """Ask it to end and return the exit code."""
        self.process.signal(signal.SIGTERM)
        return await self.process.wait(within)

    async def close(self) -> None:
        """Leave nothing behind."""
        await self.process.kill()
        if self._session is not None:
            await self._session.close()

    async def push(
        self,
        path: str,
        content: object = None,
        *,
        server: int = 1,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Post to the push door as a game server; bytes go as they are, everything else as JSON."""
        body = content if isinstance(content, bytes) else msgspec.json.encode(content)
        usual = {"Authorization": f"Bearer {TOKENS[server]}", "Content-Type": "application/json"}
        return await self.ask("POST", self.url + path, body, {**usual, **(headers or {})})

    async def look_up(self, event: str, *, server: int = 1) -> Answer:
        """Ask for an event as a game server."""
        headers = {"Authorization": f"Bearer {TOKENS[server]}"}
        return await self.ask("GET", f"{self.url}/v1/events/{event}", headers=headers)

    async def read(self, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Get from the admin door without the token."""
        return await self.ask("GET", self.admin_url + path, headers=headers)

    async def status(self) -> Any:
        return (await self.read("/status")).json

    async def metric(self, name: str, **labels: str) -> float:
        """Return one sample of /metrics."""
        text = (await self.read("/metrics")).body.decode()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == name and sample.labels == labels:
                    return sample.value
        raise AssertionError(f"{name}{labels} is not in /metrics")

    async def ended(self, events: Sequence[str], within: float) -> list[Any]:
        """Return the events when none is pending any more."""
        deadline = time.monotonic() + within
        while True:
            seen = [(await self.look_up(event)).json for event in events]
            if all(event["state"] in END_STATES for event in seen):
                return seen
            left = [event for event in seen if event["state"] not in END_STATES]
            assert time.monotonic() < deadline, f"{len(left)} of {len(seen)} still pending: {left[:3]}"
            await asyncio.sleep(0.05)

    async def ask(
        self, method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=30)
            self._session = aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0))
        asked = time.monotonic()
        async with self._session.request(method, url, data=body, headers=headers) as response:
            content = await response.read()
            return Answer(
                status=response.status,
                headers=dict(response.headers),
                body=content,
                asked=asked,
                answered=time.monotonic(),
            )

    async def _is_healthy(self) -> bool:
        try:
            return (await self.read("/healthz")).status == 200
        except aiohttp.ClientError:
            return False

    def _write(self, cad_url: str, sections: Sections, servers: Sequence[int]) -> None:
        given: dict[str, dict[str, Any]] = {
            "listener": {"bind": f"127.0.0.1:{self.port}"},
            "admin": {"bind": f"127.0.0.1:{self.admin_port}", "token_file": "admin.token"},
            "cad": {"base_url": cad_url, "community_id": "examplecad", "api_key_file": "api-key"},
            "log": {"format": "json"},
        }
        extra = dict(sections)
        for name in sections:
            given[name] = {**given.get(name, {}), **extra[name]}
        rows = [f"[{name}]\n{_lines(keys)}" for name, keys in given.items() if name != "servers"]
        for server in servers:
            row = {"id": server, "name": f"server-{server}", "token_file": f"server-{server}.token"}
            rows.append(f"[[servers]]\n{_lines({**row, **given.get('servers', {})})}")
        self.config.write_text("\n".join(rows), encoding="utf-8")
        secrets = {f"server-{server}.token": token for server, token in TOKENS.items()}
        keys = {"api-key": API_KEY, "cms-api-key": CMS_API_KEY, "admin.token": ADMIN_TOKEN}
        for name, secret in {**secrets, **keys}.items():
            (self.folder / name).write_text(secret + "\n", encoding="utf-8")
            (self.folder / name).chmod(0o600)


@asynccontextmanager
async def simulated_cad(**per_minute: int) -> AsyncGenerator[SimulatorServer]:
    """Serve a CAD that knows ``API_KEY``; ``per_minute`` gives operations other limits than documented."""
    async with SimulatorServer(SystemClock(), cloud=new_cloud(**per_minute)) as server:
        yield server


def new_cloud(**per_minute: int) -> Cloud:
    cloud = Cloud(SystemClock(), Cad(key=API_KEY), cms=Cms(key=CMS_API_KEY))
    for operation, limit in per_minute.items():
        cloud.cad.limiter.change(operation, limit)
    return cloud


@asynccontextmanager
async def daemon_of(
    folder: Path, cad: SimulatorServer | str, sections: Sections | None = None, servers: Sequence[int] = (1,)
) -> AsyncGenerator[Daemon]:
    """Run a daemon while entered; ``sections`` is laid over the usual configuration."""
    url = cad if isinstance(cad, str) else cad.url
    daemon = Daemon(folder, url, sections or {}, servers)
    try:
        await daemon.start()
        yield daemon
    finally:
        await daemon.close()


async def until(truth: Callable[[], bool], within: float) -> None:
    """Return as soon as something is true."""
    deadline = time.monotonic() + within
    while not truth():
        assert time.monotonic() < deadline, f"not true within {within} s"
        await asyncio.sleep(0.02)


def update(unit: str, x: float, y: float = 100.0, **more: Any) -> dict[str, Any]:
    """Return a record of a push of locations."""
    return {"id": unit, "x": x, "y": y, "z": 30.0, "heading": 90.0, "location": "Mission Row", **more}


def _lines(keys: Mapping[str, Any]) -> str:
    return "".join(f"{key} = {msgspec.json.encode(value).decode()}\n" for key, value in keys.items())
