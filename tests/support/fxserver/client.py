"""One player's game: the client scripts of each resource in states of their own, and the map around him."""
# ruff: noqa: N802 -- natives have the names that FiveM gave them

from collections import Counter, deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from tests.support.fxserver.arguments import (
    Caller,
    Native,
    Natives,
    hash_key,
    needed,
    number,
    text,
    truth,
    vector,
)
from tests.support.fxserver.http import Request
from tests.support.fxserver.manifest import Manifest
from tests.support.fxserver.names import Side
from tests.support.fxserver.script import Script, reference_parts
from tests.support.fxserver.wire import pack, unpack
from tests.support.fxserver.world import Player

STREETS = ("Alta St", "Vespucci Blvd", "San Andreas Ave", "Strawberry Ave")
ZONES = ("DOWNT", "STRAW", "SKID", "DAVIS")
BLOCK = 200.0  # metres
OWN_ID = 128  # what PlayerId answers


class Server(Protocol):
    """Where the player is."""

    errors: list[str]
    faults: list[str]

    @property
    def milliseconds(self) -> int: ...
    @property
    def replicated(self) -> Mapping[str, str]: ...
    def queue(self, event: str, payload: bytes, source: str = "") -> None: ...


class FxClient:
    """The game; ``sent`` holds the events it sent, ``console`` what was printed, ``events`` what scripts triggered."""

    side: Side = "client"

    def __init__(self, server: Server, player: Player) -> None:
        self.player = player
        self.scripts: dict[str, Script] = {}
        self.natives: Counter[str] = Counter()
        self.console: list[str] = []
        self.errors = server.errors
        self.faults = server.faults
        self.sent: list[tuple[int, str, list[Any]]] = []
        self.events: list[tuple[str, list[Any]]] = []
        self.streets = list(STREETS)
        self.zones = list(ZONES)
        self.active = True
        self.stubs: Mapping[str, Native] = ClientNatives(self).table()
        self._server = server
        self._queue: deque[tuple[str, bytes, str]] = deque()
        self._commands: dict[str, str] = {}
        self._instances = 0

    @property
    def milliseconds(self) -> int:
        return self._server.milliseconds

    @property
    def replicated(self) -> Mapping[str, str]:
        return self._server.replicated

    def start(self, name: str, folder: Path, manifest: Manifest) -> None:
        files = list(manifest.scripts("client"))
        if not files:
            return
        self._instances += 1
        script = self.scripts[name] = Script(self, name, self._instances)
        for path in files:
            script.run_file(path, folder / path)
        script.loaded()
        self.trigger("onResourceStart", pack(name))
        self.queue("onClientResourceStart", pack(name), "")

    def stop(self, name: str) -> None:
        self.trigger("onResourceStop", pack(name))
        self.scripts.pop(name, None)

    def queue(self, event: str, payload: bytes, source: str) -> None:
        self._queue.append((event, payload, source))

    def tick(self) -> None:
        for _ in range(len(self._queue)):
            event, payload, source = self._queue.popleft()
            self.trigger(event, payload, source)
        for script in list(self.scripts.values()):
            script.tick()

    def command(self, words: list[str], line: str) -> bool:
        reference = self._commands.get(words[0].lower())
        if reference is None:
            return False
        resource, _, number_of_it = reference_parts(reference)
        self.scripts[resource].call(number_of_it, pack(self.player.number, words[1:], line))
        return True

    def trigger(self, event: str, payload: bytes, source: str = "", by: Script | None = None) -> None:
        if by is not None and not event.startswith("__cfx_"):
            self.events.append((event, unpack(payload)))
        for script in list(self.scripts.values()):
            if event in script.listens:
                script.dispatch(event, payload, source)

    def call(self, reference: str, payload: bytes, by: Script) -> tuple[bool, bytes]:  # noqa: ARG002 -- as the server's
        resource, _, number_of_it = reference_parts(reference)
        script = self.scripts.get(resource)
        return (
            (False, b"Invalid reference.") if script is None else (True, script.call(number_of_it, payload))
        )

    def register_command(self, script: Script, name: str, reference: str, *, restricted: bool) -> None:  # noqa: ARG002 -- as the server's
        self._commands[name.lower()] = reference

    def send(self, event: str, target: object, payload: bytes) -> None:  # noqa: ARG002 -- as the server's
        self.sent.append((self.milliseconds, event, unpack(payload)))
        self._server.queue(event, payload, f"net:{self.player.number}")

    def request(self, script: Script, request: Request) -> int:
        raise AssertionError(f"{script.resource} asked for {request.url}: a game has no PerformHttpRequest")

    def street_at(self, x: float) -> str:
        """Return the street of a place: they run from north to south, a block apart."""
        return self.streets[int(x // BLOCK) % len(self.streets)]

    def zone_at(self, y: float) -> str:
        """Return the zone of a place, as GetNameOfZone calls it."""
        return self.zones[int(y // BLOCK) % len(self.zones)]


class ClientNatives(Natives):
    """What is asked in a player's game, about himself alone."""

    def __init__(self, client: FxClient) -> None:
        self._client = client
        self._player = client.player

    @truth
    def IsDuplicityVersion(self, _: Caller) -> bool:
        return False

    def GetGameTimer(self, _: Caller) -> int:
        return self._client.milliseconds

    def GetCurrentResourceName(self, caller: Caller) -> str:
        return caller.resource

    def GetHashKey(self, _: Caller, name: object = None) -> int:
        return hash_key(needed(name))

    def GetConvar(self, _: Caller, name: object = None, default: object = None) -> str | None:
        """Answer what was set with setr, which is all that a game knows."""
        return self._client.replicated.get(needed(name), text(default))

    def PlayerId(self, _: Caller) -> int:
        return OWN_ID

    def GetPlayerServerId(self, _: Caller, who: object = None) -> int:
        return self._player.number if number(who) == OWN_ID else 0

    @truth
    def NetworkIsPlayerActive(self, _: Caller, who: object = None) -> bool:
        return number(who) == OWN_ID and self._client.active

    @truth
    def NetworkIsSessionStarted(self, _: Caller) -> bool:
        return self._client.active

    def PlayerPedId(self, _: Caller) -> int:
        return self._player.ped.handle if self._player.ped else 0

    @truth
    def DoesEntityExist(self, _: Caller, handle: object = None) -> bool:
        return self._player.ped is not None and self._player.ped.handle == number(handle)

    @vector
    def GetEntityCoords(
        self, _: Caller, handle: object = None, __: object = None
    ) -> tuple[float, float, float]:
        ped = self._player.ped
        return ped.coords if ped is not None and ped.handle == number(handle) else (0.0, 0.0, 0.0)

    def GetStreetNameAtCoord(self, _: Caller, x: float, __: float, ___: float) -> tuple[int, int]:
        """Answer the street and the one that crosses it, 0 if none does."""
        return hash_key(self._client.street_at(x)), 0

    def GetStreetNameFromHashKey(self, _: Caller, wanted: object = None) -> str:
        return next((name for name in self._client.streets if hash_key(name) == wanted), "")

    def GetNameOfZone(self, _: Caller, __: float, y: float, ___: float) -> str:
        return self._client.zone_at(y)

    def GetLabelText(self, _: Caller, label: object = None) -> str:
        found = needed(label)
        return f"{found.title()} District" if found in ZONES else "NULL"
