"""What the simulated CAD knows: one community's servers, units, calls, blips, photos and heartbeats."""

import uuid
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from enum import IntEnum

from msgspec import Struct

from bridge.simulator.board import Board, EmergencyCall
from bridge.simulator.shapes import Coordinates, NewBlip, Vehicle

AVAILABLE = 2  # UNIT_STATUS of a unit that nobody has set yet
OFFLINE = 100  # UNIT_STATUS of one that is logged out


class Plan(IntEnum):
    """What the community pays for; the number is getVersion's ``version``, the name its ``name``."""

    FREE = 0
    STANDARD = 1
    PLUS = 2
    PRO = 3


class Unit(Struct, kw_only=True):
    """A unit as last told; ``ident`` and ``account`` are the CAD's own names for it.

    ``updated_at`` is Unix time; ``server_id`` is the server that spoke of the unit last.
    """

    unit_id: str
    ident: int
    account: str
    server_id: int
    status: int = AVAILABLE
    is_panic: bool = False
    location: str | None = None
    coordinates: Coordinates | None = None
    vehicle: Vehicle | None = None
    peer_id: str | None = None
    updated_at: float = 0.0


class Heartbeat(Struct, frozen=True, kw_only=True):
    """The last heartbeat of a server, and how many there were; ``received_at`` is Unix time."""

    player_count: int
    received_at: float
    count: int


class Blip(Struct, frozen=True, kw_only=True):
    """A mark on the live map of a server."""

    blip_id: int
    server_id: int
    content: NewBlip


class Kick(Struct, frozen=True, kw_only=True):
    """A unit that was logged out; ``kicked_at`` is Unix time."""

    server_id: int
    unit_id: str
    reason: str
    kicked_at: float


class Photo(Struct, frozen=True, kw_only=True):
    """A picture that reached a player; ``sent_at`` is Unix time."""

    unit_id: str
    url: str
    sent_at: float


class Community:
    """One community of the simulated CAD.

    ``known_units`` are the community user ids that some account has linked; None: all there are.
    ``camel_calls`` makes getCalls answer ``activeCalls``, as Sonoran's page shows it, for ``ActiveCalls``, as
    the OpenAPI document does; a call shows there only ``calls_visible_after`` seconds after it was made.
    """

    def __init__(self, plan: Plan, servers: Iterable[int], known_units: Collection[str] | None) -> None:
        self.plan = plan
        self.servers = tuple(servers)
        self.known_units = None if known_units is None else frozenset(known_units)
        self.camel_calls = False
        self.calls_visible_after = 0.0
        self.board = Board()
        self.units: dict[str, Unit] = {}
        self.heartbeats: dict[int, Heartbeat] = {}
        self.blips: list[Blip] = []
        self.kicks: list[Kick] = []
        self.photos: list[Photo] = []
        self._last_blip_id = 0

    def knows(self, unit_id: str) -> bool:
        """Tell whether some account has linked a community user id."""
        return self.known_units is None or unit_id in self.known_units

    def unit(self, unit_id: str, server_id: int) -> Unit | None:
        """Return the unit of a community user id, which ``server_id`` speaks of; None: no account has linked it."""
        if not self.knows(unit_id):
            return None
        if unit_id not in self.units:
            account = str(uuid.uuid5(uuid.NAMESPACE_OID, unit_id))
            ident = len(self.units) + 1
            self.units[unit_id] = Unit(unit_id=unit_id, ident=ident, account=account, server_id=server_id)
        unit = self.units[unit_id]
        unit.server_id = server_id
        return unit

    def kick(self, unit: Unit, reason: str, now: float) -> None:
        """Log a unit out: it is offline and on no call any more."""
        unit.status = OFFLINE
        unit.updated_at = now
        self.board.detach((unit.ident,), now)
        self.kicks.append(Kick(server_id=unit.server_id, unit_id=unit.unit_id, reason=reason, kicked_at=now))

    def calls(self, now: float) -> list[EmergencyCall]:
        """Return the 911 calls that are open at ``now``, oldest first."""
        return self.board.emergency(now)

    def remove_call(self, server_id: int, call_id: int, now: float) -> bool:
        """Remove an open 911 call of a server, as a dispatcher may too; tell whether there was one."""
        return self.board.remove(server_id, call_id, now)

    def close_call(self, server_id: int, call_id: int, now: float) -> bool:
        """Close an open dispatch call of a server, as a dispatcher may too; tell whether there was one."""
        return self.board.close(server_id, call_id, now)

    def mark(self, server_id: int, content: NewBlip) -> Blip:
        """Add a blip."""
        self._last_blip_id += 1
        blip = Blip(blip_id=self._last_blip_id, server_id=server_id, content=content)
        self.blips.append(blip)
        return blip

    def beat(self, server_id: int, player_count: int, now: float) -> None:
        """Take a heartbeat."""
        count = self.heartbeats[server_id].count + 1 if server_id in self.heartbeats else 1
        self.heartbeats[server_id] = Heartbeat(player_count=player_count, received_at=now, count=count)

    def forget(self) -> None:
        """Forget what happened; the settings stay. Ids of calls and blips are never used again."""
        self.board.forget()
        self.units.clear()
        self.heartbeats.clear()
        for happened in (self.blips, self.kicks, self.photos):
            happened.clear()


def utc(instant: float) -> str:
    """Return Unix time as Sonoran writes instants: ``2026-04-08T21:31:00Z``."""
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
