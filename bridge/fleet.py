"""The game servers: when each last pushed, how many players it has, and whether it lives.

Three failures look alike on the live map and need different hands: the game server is gone, it lives but our
resource no longer pushes, or it lives and pushes in fits because its main thread stalls.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum

from msgspec import Struct

from bridge.units import ServerId

SILENT_AFTER = 15.0  # seconds; resources push at least every 5 s, empty if need be
HITCH_GAP = 8.0  # seconds between two pushes that no resource leaves by itself
HITCH_ANSWER = 1.0  # seconds that /dynamic.json takes only while the game server stalls
HITCH_MEMORY = 60.0  # seconds a hitch is told of
PLAYERS_FRESH = 120.0  # seconds a pushed player count stands


class GameServerState(StrEnum):
    """What a game server is doing, as far as can be seen from here."""

    UP = "up"
    HITCHING = "hitching"
    RESOURCE_SILENT = "resource_silent"
    SILENT = "silent"


class Probe(Struct, frozen=True, kw_only=True):
    """One look at a game server's ``/dynamic.json``; ``players`` is None where it did not answer."""

    at: float
    players: int | None
    seconds: float


class GameServer:
    """One game server. All times are monotonic seconds."""

    def __init__(self, server_id: ServerId, name: str) -> None:
        self.id = server_id
        self.name = name
        self.last_push_at: float | None = None
        self._players: int | None = None
        self._players_at = 0.0
        self._hitched_at: float | None = None
        self._probe: Probe | None = None

    def pushed(self, now: float, players: int | None) -> None:
        """Record a push; ``players`` where it said how many are on the server."""
        if self.last_push_at is not None and HITCH_GAP < now - self.last_push_at <= SILENT_AFTER:
            self._hitched_at = now
        self.last_push_at = now
        if players is not None:
            self._players, self._players_at = players, now

    def probed(self, probe: Probe) -> None:
        """Record a look at ``/dynamic.json``."""
        self._probe = probe
        if probe.players is not None and probe.seconds > HITCH_ANSWER:
            self._hitched_at = probe.at

    def players(self, now: float) -> int | None:
        """Return the players on the server: as pushed, else as probed, else None."""
        if self._players is not None and now - self._players_at <= PLAYERS_FRESH:
            return self._players
        return self._probe.players if self._probe is not None else None

    def state(self, now: float) -> GameServerState:
        """Return what the server is doing now."""
        answers = self._probe is not None and self._probe.players is not None
        if self.last_push_at is None or now - self.last_push_at > SILENT_AFTER:
            return GameServerState.RESOURCE_SILENT if answers else GameServerState.SILENT
        late = now - self.last_push_at > HITCH_GAP
        recent = self._hitched_at is not None and now - self._hitched_at <= HITCH_MEMORY
        return GameServerState.HITCHING if late or recent else GameServerState.UP


class Fleet:
    """The game servers of the community, by Sonoran's number."""

    def __init__(self, names: Mapping[ServerId, str]) -> None:
        self._servers = {server_id: GameServer(server_id, name) for server_id, name in names.items()}
        self._former: dict[ServerId, GameServer] = {}

    def serve(self, names: Mapping[ServerId, str]) -> None:
        """Have these servers from now on; one that stays keeps what is known of it, one that is gone its name."""
        known = self._former | self._servers
        servers = {
            server_id: known.get(server_id, GameServer(server_id, name)) for server_id, name in names.items()
        }
        for server_id, name in names.items():
            servers[server_id].name = name
        self._former = {server_id: server for server_id, server in known.items() if server_id not in servers}
        self._servers = servers

    def __iter__(self) -> Iterator[GameServer]:
        """Go through the servers in the order of the configuration."""
        return iter(self._servers.values())

    def __getitem__(self, server_id: ServerId) -> GameServer:
        """Return one server, be it one that was taken out of the configuration while the daemon ran."""
        return self._servers.get(server_id) or self._former[server_id]

    def pushed(self, server_id: ServerId, now: float, players: int | None) -> None:
        """Record a location push."""
        self[server_id].pushed(now, players)

    def counted(self, server_id: ServerId, now: float, players: int) -> None:
        """Record a heartbeat push: the server lives and has this many players."""
        self[server_id].pushed(now, players)
