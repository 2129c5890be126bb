"""The drop-in door for v1 before real buffers, a relay and a CAD that answers what a test says."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from bridge.clock import Clock, SystemClock
from bridge.coalescer import Coalescer
from bridge.config import LocationsConfig, OutboxConfig, Secret
from bridge.config.schema import SCOPES
from bridge.fleet import Fleet
from bridge.forward import Forward
from bridge.listener import Buffers, Token, Tokens
from bridge.listener.answer import Answer
from bridge.listener.cad_v1 import CadV1Door, Keys
from bridge.listener.forward_v1 import ForwardV1
from bridge.listener.routes import NOBODY, Push, Router
from bridge.metrics import Metrics
from bridge.operations import Operation, Scope
from bridge.outbox import Outbox
from bridge.relay import Relay
from bridge.sonoran.client import CadClient
from bridge.sonoran.messages import CadAnswer, CadRequest
from bridge.store import Store
from bridge.types_v1 import TYPES
from bridge.units import ServerId
from tests.support.cad_client import client_of

COMMUNITY = "examplecad"
TOKENS = {ServerId(1): "made-up-token-of-server-one", ServerId(2): "made-up-token-of-server-two"}
NAMES = {ServerId(1): "main", ServerId(2): "other"}
EVERYTHING = frozenset(Scope(scope) for scope in SCOPES)

React = Callable[[CadRequest], CadAnswer]


class DoorClock(SystemClock):
    """Real time, ``ahead`` seconds ahead."""

    ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


class FakeCad:
    """Answers what a test says for an operation, else 200 and an empty object; ``asked`` holds what was asked.

    Each answer takes ``seconds`` of the clock.
    """

    def __init__(self, clock: DoorClock) -> None:
        self.seconds = 0.0
        self._clock = clock
        self.asked: list[CadRequest] = []
        self._reactions: dict[str, React] = {}

    def on(self, operation: Operation, *answers: CadAnswer | Exception) -> None:
        """Say what the operation's requests meet, the last of them from then on."""
        left = list(answers)

        def react(_request: CadRequest) -> CadAnswer:
            end = left.pop(0) if len(left) > 1 else left[0]
            if isinstance(end, Exception):
                raise end
            return end

        self._reactions[operation.name] = react

    def told(self, index: int = -1) -> Any:
        """Return the body of a request."""
        return msgspec.json.decode(self.asked[index].body or b"null")

    async def exchange(self, request: CadRequest) -> CadAnswer:
        self.asked.append(request)
        await asyncio.sleep(0)
        self._clock.ahead += self.seconds
        return self._reactions.get(request.operation.name, lambda _: replied({}))(request)


class V1:
    """A door, what is behind it, and a client."""

    def __init__(self, door: CadV1Door, cad: FakeCad, buffers: Buffers, clock: Clock) -> None:
        self.cad = cad
        self.clock = clock
        self.fleet = buffers.fleet
        self.coalescer = buffers.coalescer
        self.outbox = buffers.outbox
        self._router = Router(door.routes)

    async def post(self, path: str, body: bytes, **headers: str) -> Answer:
        """Push a body as it is."""
        resource, _ = self._router.find(path)
        assert resource is not None
        assert resource.keyed
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        push = Push(server_id=NOBODY, body=body, headers=named, method="POST", path=path)
        return await resource.handlers["POST"](push)

    async def ask(self, kind: str, data: Any, server: int = 1, **headers: str) -> Answer:
        """Ask as a game server that does everything right."""
        body = {"id": COMMUNITY, "key": TOKENS[ServerId(server)], "type": kind, "data": data}
        return await self.post(TYPES[kind].path, msgspec.json.encode(body), **headers)

    @property
    def pending(self) -> int:
        return len(self.outbox.backlog)


@asynccontextmanager
async def v1_door(
    folder: Path,
    *,
    as_v1: bool = False,
    allow: frozenset[Scope] = EVERYTHING,
    relaying: bool = True,
    **outbox: Any,
) -> AsyncGenerator[V1]:
    """Serve the door while entered; where nobody relays, calls are not created."""
    metrics, clock = Metrics("0"), DoorClock()
    cad = FakeCad(clock)
    client: CadClient = client_of(cad, clock)
    async with Store(folder / "outbox.sqlite3", metrics.outbox_commit.observe) as store:
        buffers = Buffers(
            fleet=Fleet(NAMES),
            coalescer=Coalescer(LocationsConfig(), NAMES),
            outbox=Outbox(store, OutboxConfig(**outbox), clock, metrics, NAMES),
        )
        async with Forward(client, metrics, clock) as forward:
            keys = Keys(
                tokens=Tokens((server_id, Secret(token)) for server_id, token in TOKENS.items()),
                servers={server_id: Token(name=name, allow=allow) for server_id, name in NAMES.items()},
                community_id=COMMUNITY,
            )
            passing = ForwardV1(forward, clock, community_id=COMMUNITY, as_v1=as_v1)
            door = CadV1Door(
                buffers,
                metrics,
                passing,
                keys,
                clock,
                max_coordinate=16000.0,
                timeout=5.0 if relaying else 0.05,
            )
            relay = asyncio.create_task(Relay(buffers.outbox.backlog, client, clock, Random(1)).run())
            if not relaying:
                relay.cancel()
            try:
                yield V1(door, cad, buffers, clock)
            finally:
                relay.cancel()
                with suppress(asyncio.CancelledError):
                    await relay


def replied(content: Any, status: int = 200, content_type: str = "application/json") -> CadAnswer:
    """Return an answer of the CAD; text stays as it is where the type says so."""
    body = content.encode() if content_type.startswith("text/") else msgspec.json.encode(content)
    return CadAnswer(
        status=status,
        body=body,
        retry_after=7.0 if status == 429 else None,
        trace_id=None,
        seconds=0.0,
        sends=1,
        content_type=content_type,
    )


def refused(status: int, detail: str) -> CadAnswer:
    """Return a refusal as v2 words it."""
    return replied(
        {"title": "Refused", "status": status, "detail": detail}, status, "application/problem+json"
    )
