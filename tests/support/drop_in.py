"""The drop-in door on a real socket, before a real outbox and a scripted CAD, all on virtual time."""

from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from bridge.coalescer import Coalescer
from bridge.config import LocationsConfig, OutboxConfig
from bridge.errors import CadError
from bridge.fleet import Fleet
from bridge.forward import Forward
from bridge.listener import Buffers, CadV2Door, Token
from bridge.listener.stream import BodyCutError
from bridge.operations import Operation
from bridge.sonoran.messages import CadAnswer, CadRequest
from bridge.units import ServerId
from tests.support.push_door import TOKENS, Door, Reply, listening, request
from tests.support.sending import CONFIG, NAMES, SERVER, TIMEOUT, Sending
from tests.support.transport import ScriptedTransport, answer
from tests.support.virtual_time import VirtualClock, run_virtual

T = TypeVar("T")

USUAL = ("emergency", "lookups", "heartbeat", "cms")
EVERY = (*USUAL, "accounts", "civilian", "configuration", "records", "other")
GAME_SERVER = "FXServer/PerformHttpRequest"


class Cad(ScriptedTransport):
    """Keeps requests as they left; ``uploads`` are the bodies that came to their end."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock)
        self.raw: list[CadRequest] = []
        self.uploads: list[bytes] = []

    async def exchange(self, request: CadRequest) -> CadAnswer:
        self.raw.append(request)
        if request.upload is None and request.content_type.startswith("multipart/"):
            return answer()
        if request.upload is None:
            return await super().exchange(request)
        try:
            whole = b"".join([part async for part in request.upload.parts])
        except BodyCutError:
            raise CadError("reset", sent=True) from None
        self.uploads.append(whole)
        return answer(body=["https://files.example/clip.webm"])


class DropIn:
    """The door, and what stands behind it."""

    def __init__(self, bench: Sending, cad: Cad, door: Door, buffers: Buffers) -> None:
        self.bench = bench
        self.cad = cad
        self.door = door
        self.buffers = buffers

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        server: ServerId = SERVER,
        headers: Iterable[str] = (),
    ) -> Reply:
        """Ask on a connection of its own; a body that is not bytes goes as JSON."""
        raw = body if body is None or isinstance(body, bytes) else msgspec.json.encode(body)
        lines = [f"Authorization: Bearer {TOKENS[server]}", *headers]
        reply = await self.door.ask(request(method, path, raw, headers=lines, authorized=False))
        self.door.wires.pop(0).close()
        return reply

    def left(self, operation: Operation) -> list[CadRequest]:
        """Return an operation's requests as they left, oldest first."""
        return [request for request in self.cad.raw if request.operation is operation]

    def sample(self, name: str, **labels: str) -> float | None:
        return self.bench.sample(name, **labels)


def run_drop_in(
    folder: Path,
    case: Callable[[DropIn], Awaitable[T]],
    *,
    allow: Iterable[str] = EVERY,
    config: OutboxConfig = CONFIG,
    **listener: Any,
) -> T:
    """Run ``case`` with a door whose tokens may reach ``allow``; ``listener`` are settings of the listener."""

    async def main(clock: VirtualClock) -> T:
        cad = Cad(clock)
        async with Sending(clock, folder, cad, config=config) as bench:
            buffers = Buffers(
                fleet=Fleet(NAMES), coalescer=Coalescer(LocationsConfig(), NAMES), outbox=bench.outbox
            )
            async with Forward(bench.client, bench.metrics, clock) as forward:
                tokens = {
                    server_id: Token(name=name, allow=frozenset(allow)) for server_id, name in NAMES.items()
                }
                door = CadV2Door(
                    buffers, bench.metrics, forward, tokens, clock, max_coordinate=16000.0, timeout=TIMEOUT
                )
                async with listening(door.routes, metrics=bench.metrics, **listener) as opened:
                    return await case(DropIn(bench, cad, opened, buffers))

    return run_virtual(main)
