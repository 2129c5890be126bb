"""The shipped FiveM resource on a stubbed FXServer, before a whole daemon and a simulated CAD, all on one clock."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from bridge.app import Daemon
from bridge.config import ListenerConfig, TcpBind
from bridge.simulator.journal import Received
from tests.support.cloud_transport import CloudTransport
from tests.support.configuration import TOKENS
from tests.support.fxserver import FxServer
from tests.support.ports import free_port
from tests.support.running_daemon import Running, daemon_config, make_daemon
from tests.support.virtual_time import VirtualClock, run_virtual

T = TypeVar("T")

RESOURCE = Path(__file__).parents[2] / "deploy" / "fivem" / "cad_bridge"
LOCATIONS = "/v1/locations"
EVENT_PATHS = ("/v1/panic", "/v1/events")


class Stage:
    """The game server, the daemon that can be stopped and started again, and the CAD behind it."""

    def __init__(
        self, folder: Path, clock: VirtualClock, stack: AsyncExitStack, sections: dict[str, Any]
    ) -> None:
        self.clock = clock
        self.port = free_port()
        self.cad = CloudTransport(clock)
        self.bridge: Running | None = None
        self._folder = folder
        self._stack = stack
        self._sections = sections
        self._life: AsyncExitStack | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def running(self) -> Running:
        assert self.bridge is not None, "the bridge does not run"
        return self.bridge

    async def start_bridge(self) -> None:
        """Start a daemon on the outbox of the one before it."""
        listener = ListenerConfig(bind=(TcpBind(host="127.0.0.1", port=self.port),))
        config = daemon_config(self._folder, **({"listener": listener} | self._sections))
        self._life = AsyncExitStack()
        daemon = await self._life.enter_async_context(make_daemon(config, self.clock, self.cad))
        group = await self._life.enter_async_context(asyncio.TaskGroup())
        self.bridge = Running(daemon, self.clock, self.cad)
        group.create_task(_live(daemon, self.bridge))
        self._stack.push_async_callback(self.stop_bridge)

    async def stop_bridge(self) -> None:
        life, self._life = self._life, None
        if life is not None and self.bridge is not None:
            self.bridge.stop.set()
            await life.aclose()
            self.bridge = None

    def received(self, operation: str) -> list[Received]:
        """Return the requests of an operation that reached the CAD."""
        return self.cad.cloud.journal.of(operation)

    def updates(self) -> list[dict[str, Any]]:
        """Return every location that reached the CAD, in order."""
        return [update for request in self.received("updateUnitLocations") for update in _updates(request)]


async def _live(daemon: Daemon, bridge: Running) -> None:
    await daemon.run(bridge.stop)
    bridge.ended.set()


def _updates(request: Received) -> list[dict[str, Any]]:
    content: Any = request.decoded()
    return listed(content["updates"])


def game_of(
    clock: VirtualClock | None = None, *, convars: dict[str, str] | None = None, **options: Any
) -> FxServer:
    """Return a game server with the resource, which a test starts."""
    usual = {"cad_bridge_url": "http://127.0.0.1:1", "cad_bridge_token": TOKENS[1]}
    return FxServer(options.pop("folder", RESOURCE), convars=usual | (convars or {}), clock=clock, **options)


def with_bridge(
    folder: Path,
    story: Callable[[FxServer, Stage], Awaitable[T]],
    *,
    convars: dict[str, str] | None = None,
    sections: dict[str, Any] | None = None,
) -> T:
    """Run a story of the started resource before a running daemon, in virtual time."""

    async def main(clock: VirtualClock) -> T:
        async with AsyncExitStack() as stack:
            stage = Stage(folder, clock, stack, sections or {})
            await stage.start_bridge()
            game = game_of(clock, convars={"cad_bridge_url": stage.url} | (convars or {}))
            await stack.enter_async_context(game)
            game.start_resource()
            told = await story(game, stage)
            undisturbed(game)
            return told

    return run_virtual(main)


def with_script(
    story: Callable[[FxServer], Awaitable[T]],
    *,
    start: bool = True,
    convars: dict[str, str] | None = None,
    **options: Any,
) -> T:
    """Run a story of the resource before a bridge that a test plays by hand, which takes everything at first."""

    async def main() -> T:
        async with game_of(convars=convars, **options) as game:
            game.http.answer(LOCATIONS, 200, {"accepted": 0, "rejected": [], "instance": "one", "api": 1})
            game.http.answer("/v1/panic", 202, {"event": "event-of-a-panic"})
            game.http.answer("/v1/events", 202, {"events": ["event-of-another"]})
            if start:
                game.start_resource()
            told = await story(game)
            undisturbed(game)
            return told

    return asyncio.run(main())


def undisturbed(game: FxServer) -> None:
    """See that nothing went wrong inside the resource, caught by it or not."""
    assert game.errors == []
    assert [line for line in game.console if "could not be read:" in line] == []


def pushes(game: FxServer, since: int = 0) -> list[dict[str, Any]]:
    """Return what was pushed to ``/v1/locations`` from some millisecond on."""
    return [exchange.json for exchange in game.http.of(LOCATIONS) if exchange.asked_at >= since]


def pushed(game: FxServer, since: int = 0) -> list[dict[str, Any]]:
    """Return every record of a unit that was pushed, in order."""
    return [update for push in pushes(game, since) for update in listed(push["updates"])]


def events(game: FxServer) -> list[dict[str, Any]]:
    """Return what was pushed as an event or a panic, in order."""
    return [exchange.json for exchange in game.http.exchanges if exchange.path in EVENT_PATHS]


def listed(value: Any) -> list[Any]:
    """Return a list that JSON of FXServer may write in another way."""
    return list(value.values()) if isinstance(value, dict) else [item for item in value if item is not None]  # pyright: ignore[reportUnknownArgumentType] -- JSON


def console(game: FxServer) -> str:
    return "".join(game.console)


def encoded(value: object) -> bytes:
    return msgspec.json.encode(value)
