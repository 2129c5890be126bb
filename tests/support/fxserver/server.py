"""A stubbed FXServer: resources in Lua, players, commands and time, as far as scripts can tell.

Written from FiveM's documents and public source. Time is the game's own and moves in ticks of 50 ms:

    async with FxServer(Path("deploy/fivem/cad_bridge"), convars={...}) as game:
        game.start_resource()
        player = game.join(at=(100.0, 200.0, 30.0))
        await game.run(2.0)

With a ``clock`` each tick also sleeps on it, so that a daemon in virtual time lives through the same seconds;
without one a tick only waits for the real answers that are on their way.
"""

import shlex
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from tests.support.fxserver.arguments import Native
from tests.support.fxserver.client import FxClient
from tests.support.fxserver.http import Exchange, Http, Request
from tests.support.fxserver.manifest import Manifest
from tests.support.fxserver.names import Side
from tests.support.fxserver.natives import server_natives
from tests.support.fxserver.script import Script, reference_parts
from tests.support.fxserver.wire import pack, unpack
from tests.support.fxserver.world import Player

TICK = 50  # milliseconds
OURS = "cad_bridge"
TESTER = "tester"
FIRST_ERROR = 400
BUILD = 25770
PORT = 30120  # of the game, where it serves /info.json itself; nothing really listens there


class Clock(Protocol):
    """What ticks wait on."""

    async def sleep(self, seconds: float) -> None: ...


class Resource:
    """A folder with a manifest; ``script`` is its server side while it runs."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.folder = folder
        self.manifest = Manifest(folder)
        self.script: Script | None = None


class LuaError(AssertionError):
    """What a piece of Lua of a test raised."""


class FxServer:
    """The server. ``console`` holds what was printed, ``errors`` what scripts raised, ``natives`` how often what was called."""

    side: Side = "server"

    def __init__(
        self,
        folder: Path,
        *,
        name: str = OURS,
        convars: Mapping[str, str] | None = None,
        clock: Clock | None = None,
        onesync: bool = True,
    ) -> None:
        self.name = name
        self.convars: dict[str, str] = {"netPort": str(PORT), **(convars or {})}
        self.published: dict[str, str] = {}
        self.replicated: dict[str, str] = {}
        self.convar_readers: dict[str, set[str]] = {}
        self.principals: dict[str, set[str]] = {"builtin.everyone": set()}
        self.stored: dict[tuple[str, str], str] = {}
        self.players: dict[int, Player] = {}
        self.clients: dict[int, FxClient] = {}
        self.resources: dict[str, Resource] = {name: Resource(name, folder)}
        self.http = Http()
        self.natives: Counter[str] = Counter()
        self.console: list[str] = []
        self.errors: list[str] = []
        self.faults: list[str] = []
        self.sent: list[tuple[int, str, list[Any]]] = []
        self.onesync = onesync
        self.milliseconds = 0
        self.slowest_tick = 0
        self.stubs: Mapping[str, Native] = server_natives(self)
        self._clock = clock
        self._queue: deque[tuple[str, bytes, str, Script | None]] = deque()
        self._commands: dict[str, tuple[Script, str, bool]] = {}
        self._requests: dict[int, Script] = {}
        self._calls: list[str] = []
        self._instances = 0
        self._next_player = 1
        self._tester = self._new_script(TESTER)
        self.http.serve(
            f"127.0.0.1:{PORT}",
            "/info.json",
            lambda: {"vars": self.published, "resources": self.resource_names},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.http.close()
        if error is None:
            self.check()

    def check(self) -> None:
        """Raise what the stubs could not do."""
        if self.faults:
            raise AssertionError(self.faults[0])

    # Configuration

    def sets(self, name: str, value: str) -> None:
        """Set a convar that stands in /info.json too."""
        self.convars[name] = self.published[name] = value

    def setr(self, name: str, value: str) -> None:
        """Set a convar that every player's game gets too."""
        self.convars[name] = self.replicated[name] = value

    # Resources

    def add_resource(self, name: str, folder: Path, *, start: bool = True) -> None:
        self.resources[name] = Resource(name, folder)
        if start:
            self.start_resource(name)

    def start_resource(self, name: str | None = None) -> bool:
        """Start a resource as ``ensure`` does; False and a line on the console where it cannot be."""
        resource = self.resources[name or self.name]
        problem = self._missing(resource)
        if problem:
            self.console.append(f"Could not start dependency {problem} for resource {resource.name}.\n")
            return False
        script = resource.script = self._new_script(resource.name)
        for path in resource.manifest.scripts("server"):
            script.run_file(path, self._path(resource, path))
        script.loaded()
        self.trigger("onResourceStart", pack(resource.name))
        self.queue("onServerResourceStart", pack(resource.name))
        for client in self.clients.values():
            client.start(resource.name, resource.folder, resource.manifest)
        return True

    def stop_resource(self, name: str | None = None) -> None:
        resource = self.resources[name or self.name]
        self.trigger("onResourceStop", pack(resource.name))
        self.queue("onServerResourceStop", pack(resource.name))
        script, resource.script = resource.script, None
        self._commands = {word: made for word, made in self._commands.items() if made[0] is not script}
        self._requests = {token: owner for token, owner in self._requests.items() if owner is not script}
        for client in self.clients.values():
            client.stop(resource.name)

    def kill_resource(self, name: str | None = None) -> None:
        """Let a resource end as it does when the server crashes: nobody is told, what was stored stays."""
        self.resources[name or self.name].script = None

    def script(self, name: str | None = None) -> Script:
        found = self.resources[name or self.name].script
        assert found is not None, "the resource does not run"
        return found

    @property
    def resource_names(self) -> Sequence[str]:
        return list(self.resources)

    def state_of(self, resource: str) -> str:
        if resource not in self.resources:
            return "missing"
        return "started" if self.resources[resource].script else "stopped"

    def metadata(self, resource: str, key: str) -> Sequence[str]:
        return self.resources[resource].manifest.of(key) if resource in self.resources else ()

    def file_of(self, resource: str, path: str) -> str | None:
        found = self.resources.get(resource)
        file = found.folder / path if found else None
        return file.read_bytes().decode("utf-8", "surrogateescape") if file and file.is_file() else None

    # Players

    def join(
        self,
        name: str = "Alex",
        *,
        identifiers: Iterable[str] | None = None,
        aces: Iterable[str] = (),
        at: tuple[float, float, float] | None = (100.0, 200.0, 30.0),
        client: bool = False,
        number: int | None = None,
    ) -> Player:
        """Let somebody in; ``client``: with the client scripts of all resources, in states of their own.

        Numbers count up, and begin anew after 65,534: ``number`` is one that was somebody else's.
        """
        number = self._next_player if number is None else number
        self._next_player = max(self._next_player, number + 1)
        usual = (f"license:{number:040x}", f"license2:{number:040x}", f"discord:{10**17 + number}")
        player = Player(number, name, usual if identifiers is None else identifiers, aces)
        self.players[number] = player
        if at is not None:
            player.move_to(*at)
        if client:
            self.clients[number] = FxClient(self, player)
            for resource in self.resources.values():
                if resource.script:
                    self.clients[number].start(resource.name, resource.folder, resource.manifest)
        self.trigger("playerJoining", pack(str(65535 + number)), f"internal-net:{number}")
        return player

    def drop(self, player: Player, reason: str = "Exiting") -> None:
        """Let somebody go: while ``playerDropped`` is handled he is still there, afterwards not."""
        if player.number not in self.players:
            return
        self.trigger("playerDropped", pack(reason, "", 1), f"internal-net:{player.number}")
        self.players.pop(player.number, None)
        self.clients.pop(player.number, None)
        if player.ped is not None:
            player.ped.delete()

    def allows(self, player: Player, ace: str) -> bool:
        """Tell whether a player has an ACE: ``command`` covers ``command.panic``."""
        held = player.aces | self.principals["builtin.everyone"]
        words = ace.split(".")
        return any(".".join(words[:count]) in held for count in range(1, len(words) + 1))

    # Events, commands, exports

    @property
    def invoking(self) -> str | None:
        return self._calls[-1] if self._calls else None

    def trigger(self, event: str, payload: bytes, source: str = "", by: Script | None = None) -> None:
        """Cause an event now, for every resource."""
        if by is not None:
            self._calls.append(by.resource)
        try:
            for script in self._scripts():
                if event in script.listens:
                    script.dispatch(event, payload, source)
        finally:
            if by is not None:
                self._calls.pop()

    def queue(self, event: str, payload: bytes, source: str = "", only: Script | None = None) -> None:
        """Cause an event at the next tick."""
        self._queue.append((event, payload, source, only))

    def client_event(self, player: Player | int, event: str, *arguments: object) -> None:
        """Let a player's game send an event, whatever it likes; ``bytes`` are strings of any bytes."""
        number = player if isinstance(player, int) else player.number
        self.queue(event, pack(*arguments), f"net:{number}")

    def local_event(self, event: str, *arguments: object) -> None:
        """Let another resource on this server trigger an event."""
        self.trigger(event, pack(*arguments), by=self._tester)

    def command(self, source: Player | int, line: str) -> None:
        """Type a command, as a player or with 0 as the console: the player's game takes it first if it knows it."""
        number = source if isinstance(source, int) else source.number
        words = shlex.split(line)
        client = self.clients.get(number)
        if client is not None and client.command(words, line):
            return
        made = self._commands.get(words[0].lower())
        player = self.players.get(number)
        if made is None:
            self.console.append(f"No such command {words[0]}.\n")
        elif player is not None and made[2] and not self.allows(player, f"command.{words[0].lower()}"):
            self.console.append(f"Access denied for command {words[0]}.\n")
        else:
            self.call(made[1], pack(number, words[1:], line), self._tester)

    def lua(self, text: str, *arguments: object) -> list[Any]:
        """Run a piece of Lua in another resource and return what it returned; what it raises is a ``LuaError``."""
        told = self._tester.evaluate(text, pack(*arguments))
        assert told, "it has not ended: it waits"
        fine, result = told[0]
        if not fine:
            raise LuaError(result.decode("utf-8", "replace"))
        return unpack(result)

    def export(self, name: str, resource: str | None = None) -> Callable[..., Any]:
        """Return an export as another resource calls it; several results come as a list."""
        text = f"return exports[{resource or self.name!r}][{name!r}](nil, ...)"

        def call(*arguments: object) -> Any:
            found = self.lua(text, *arguments)
            return found[0] if len(found) == 1 else found or None

        return call

    # Time

    async def run(self, seconds: float) -> None:
        """Let time pass."""
        until = self.milliseconds + round(seconds * 1000)
        while self.milliseconds < until:
            await self.tick()

    async def until(self, truth: Callable[[], object], within: float = 30.0) -> None:
        """Let time pass until something is true; ``within`` in seconds of the game."""
        limit = self.milliseconds + within * 1000
        while not truth():
            assert self.milliseconds < limit, f"not true within {within} s"
            await self.tick()

    async def tick(self) -> None:
        await self._pause()
        self.milliseconds += TICK
        for exchange in self.http.step(self.milliseconds):
            self._answer(exchange)
        for _ in range(len(self._queue)):
            event, payload, source, only = self._queue.popleft()
            if only is not None:
                only.dispatch(event, payload, source)
            else:
                self.trigger(event, payload, source)
            if event == "onServerResourceStop":
                for script in self._scripts():
                    script.forget_exports(unpack(payload)[0])
        for script in self._scripts():
            script.tick()
        for client in list(self.clients.values()):
            client.tick()

    def _pause(self) -> Awaitable[None]:
        return self.http.settle() if self._clock is None else self._clock.sleep(TICK / 1000)

    # What scripts ask for

    def call(self, reference: str, payload: bytes, by: Script) -> tuple[bool, bytes]:
        resource, instance, number = reference_parts(reference)
        script = next(
            (one for one in self._scripts() if (one.resource, one.instance) == (resource, instance)), None
        )
        if script is None:
            return False, b"Invalid reference."
        self._calls.append(by.resource)
        try:
            return True, script.call(number, payload)
        finally:
            self._calls.pop()

    def register_command(self, script: Script, name: str, reference: str, *, restricted: bool) -> None:
        self._commands[name.lower()] = (script, reference, restricted)

    def send(self, event: str, target: object, payload: bytes) -> None:
        """Take an event for one player's game, or with -1 for all of them."""
        number = int(target if isinstance(target, int | float | bytes) else 0)
        for player in self.players.values():
            if number in (-1, player.number):
                self.sent.append((player.number, event, unpack(payload)))
                if player.number in self.clients:
                    self.clients[player.number].queue(event, payload, "net:65535")

    def request(self, script: Script, request: Request) -> int:
        token = len(self.http.exchanges) + 1
        self._requests[token] = script
        self.http.ask(Exchange(token, request, self.milliseconds))
        return token

    def _answer(self, exchange: Exchange) -> None:
        script = self._requests.pop(exchange.token, None)
        if script is None:
            return
        status = exchange.status or 0
        arguments: tuple[object, ...]
        if 0 < status < FIRST_ERROR:
            arguments = (exchange.token, status, exchange.answer, exchange.answer_headers, None)
        else:
            arguments = (
                exchange.token,
                status,
                None,
                {},
                exchange.problem.encode("utf-8", "surrogateescape"),
            )
        script.dispatch("__cfx_internal:httpResponse", pack(*arguments), "")

    def _scripts(self) -> list[Script]:
        return [one.script for one in self.resources.values() if one.script is not None] + [self._tester]

    def _new_script(self, resource: str) -> Script:
        self._instances += 1
        return Script(self, resource, self._instances)

    def _path(self, resource: Resource, path: str) -> Path:
        if path.startswith("@"):
            other, _, rest = path[1:].partition("/")
            return self.resources[other].folder / rest
        return resource.folder / path

    def _missing(self, resource: Resource) -> str | None:
        for wanted in resource.manifest.of("dependency") + resource.manifest.of("dependencie"):
            if wanted == "/onesync":
                if not self.onesync:
                    return "OneSync needs to be enabled"
            elif wanted.startswith("/server:"):
                if int(wanted.partition(":")[2]) > BUILD:
                    return wanted
            elif self.state_of(wanted) != "started":
                return wanted
        return None
