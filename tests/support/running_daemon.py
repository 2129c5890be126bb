"""A whole daemon in virtual time, between pushes over real sockets and the simulated CAD in the same process."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import msgspec
from prometheus_client.parser import text_string_to_metric_families

from bridge.app import Daemon
from bridge.app.parts import Parts
from bridge.config import (
    AdminConfig,
    CadConfig,
    Config,
    ListenerConfig,
    Loaded,
    OutboxConfig,
    Secret,
    ServerConfig,
    TcpBind,
)
from bridge.errors import ConfigError
from bridge.reload import Change
from bridge.simulator.cad import SIMULATOR_KEY
from bridge.simulator.journal import Received
from bridge.sonoran.client import Transport
from tests.support.cloud_transport import CloudTransport
from tests.support.configuration import TOKENS
from tests.support.virtual_time import VirtualClock, run_virtual

T = TypeVar("T")

FREE_PORT = TcpBind(host="127.0.0.1", port=0)
ADMIN_TOKEN = "made-up-token-of-the-admin-door"
UNIT = "license:aaaabbbbccccdddd"


def daemon_config(folder: Path, **changes: Any) -> Config:
    """Return a configuration of two servers, its doors on free ports; ``changes`` replace whole sections."""
    usual: dict[str, Any] = {
        "listener": ListenerConfig(bind=(FREE_PORT,)),
        "admin": AdminConfig(bind=(FREE_PORT,), token=Secret(ADMIN_TOKEN)),
        "cad": CadConfig(community_id="examplecad", api_key=Secret(SIMULATOR_KEY)),
        "outbox": OutboxConfig(path=folder / "outbox.sqlite3"),
        "servers": (
            ServerConfig(id=1, name="main", token=Secret(TOKENS[1])),
            ServerConfig(id=2, name="second", token=Secret(TOKENS[2])),
        ),
    }
    return Config(**(usual | changes))


class Running:
    """The daemon, and what its tests ask it for."""

    def __init__(
        self,
        daemon: Daemon,
        clock: VirtualClock,
        cad: CloudTransport,
        written: list[Config | ConfigError] | None = None,
    ) -> None:
        self._written = [] if written is None else written  # what the daemon reads when it is to read again
        self.daemon = daemon
        self.clock = clock
        self.cloud = cad.cloud
        self.stop = asyncio.Event()
        self.ended = asyncio.Event()

    @property
    def parts(self) -> Parts:
        return self.daemon.parts

    async def reload(self, wanted: Config | ConfigError) -> list[Change]:
        """Have the daemon read another configuration, or fail to."""
        self._written.append(wanted)
        return await self.daemon.reload()

    async def push(self, path: str, body: Any, *, key: str | None = None) -> Any:
        """Push as server 1, with an Idempotency-Key if one is given, and return the answer's content."""
        headers = {"Authorization": f"Bearer {TOKENS[1]}"} | ({} if key is None else {"Idempotency-Key": key})
        url = f"http://{self.parts.listener.addresses[0]}{path}"
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.post(url, data=msgspec.json.encode(body)) as answer,
        ):
            assert answer.status < 300, await answer.text()
            return msgspec.json.decode(await answer.read())

    async def look_up(self, event: str) -> Any:
        """Ask for an event as server 1."""
        url = f"http://{self.parts.listener.addresses[0]}/v1/events/{event}"
        headers = {"Authorization": f"Bearer {TOKENS[1]}"}
        async with aiohttp.ClientSession(headers=headers) as session, session.get(url) as answer:
            return msgspec.json.decode(await answer.read())

    async def read(self, path: str) -> tuple[int, Any]:
        """Return status and content of something at the admin door."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.daemon.admin.addresses[0]}{path}") as answer,
        ):
            return answer.status, msgspec.json.decode(await answer.read())

    def received(self, operation: str) -> list[Received]:
        """Return the requests of an operation that reached the CAD."""
        return self.cloud.journal.of(operation)

    def sample(self, name: str, **labels: str) -> float | None:
        """Return one figure of ``/metrics``, its name without the prefix."""
        return samples(self.daemon.view.render_metrics()).get((name, tuple(sorted(labels.items()))))


def samples(rendered: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Return every sample of a page of metrics, by name without the prefix and by labels."""
    return {
        (sample.name.removeprefix("cad_bridge_"), tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(rendered.decode())
        for sample in family.samples
    }


def make_daemon(
    config: Config,
    clock: VirtualClock,
    transport: Transport | None = None,
    reread: Callable[[], Loaded] | None = None,
) -> Daemon:
    """Return a daemon whose disk virtual time waits for."""
    daemon = Daemon(config, clock, transport, reread=reread)
    clock.watch(lambda: daemon.parts.store.busy)
    return daemon


@asynccontextmanager
async def running(config: Config, clock: VirtualClock) -> AsyncGenerator[Running]:
    """Run a daemon while entered; leaving stops it in good order."""
    cad = CloudTransport(clock)
    written: list[Config | ConfigError] = []

    def reread() -> Loaded:
        if isinstance(written[-1], ConfigError):
            raise written[-1]
        return Loaded(config=written[-1], warnings=())

    async with make_daemon(config, clock, cad, reread) as daemon, asyncio.TaskGroup() as group:
        seen = Running(daemon, clock, cad, written)
        group.create_task(_run(seen))
        yield seen
        seen.stop.set()


async def _run(seen: Running) -> None:
    await seen.daemon.run(seen.stop)
    seen.ended.set()


def with_daemon(config: Config, story: Callable[[Running], Awaitable[T]]) -> T:
    """Run one daemon in virtual time and return what the story returns."""

    async def main(clock: VirtualClock) -> T:
        async with running(config, clock) as seen:
            return await story(seen)

    return run_virtual(main)


def locations(*units: str, x: float = 10.0) -> dict[str, Any]:
    """Return a push of locations."""
    return {"updates": [{"id": unit, "x": x, "y": 20.0} for unit in units], "players": 42}
