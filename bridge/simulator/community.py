"""What the simulated CAD knows: one community's servers, units, calls and heartbeats."""

import uuid
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from enum import IntEnum

from msgspec import Struct

from bridge.simulator.shapes import Coordinates, NewEmergencyCall, Vehicle

AVAILABLE = 2  # UNIT_STATUS of a unit that nobody has set yet


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


class EmergencyCall(Struct, frozen=True, kw_only=True):
    """An open 911 call; it vanishes at ``ends_at`` (Unix time), if it has one."""

    call_id: int
    server_id: int
    content: NewEmergencyCall
    created_at: float
    ends_at: float | None


class Heartbeat(Struct, frozen=True, kw_only=True):
    """The last heartbeat of a server, and how many there were; ``received_at`` is Unix time."""

    player_count: int
    received_at: float
    count: int


class Community:
    """One community of the simulated CAD.

    ``known_units`` are the community user ids that some account has linked; None: all there are.
    ``camel_calls`` makes getCalls answer ``activeCalls``, as Sonoran's page shows it, for ``ActiveCalls``, as
    the OpenAPI document does.
    """

    def __init__(self, plan: Plan, servers: Iterable[int], known_units: Collection[str] | None) -> None:
        self.plan = plan
        self.servers = tuple(servers)
        self.known_units = None if known_units is None else frozenset(known_units)
        self.camel_calls = False
        self.units: dict[str, Unit] = {}
        self.heartbeats: dict[int, Heartbeat] = {}
        self._calls: dict[int, EmergencyCall] = {}
        self._last_call_id = 0

    def unit(self, unit_id: str, server_id: int) -> Unit | None:
        """Return the unit of a community user id, which ``server_id`` speaks of; None: no account has linked it."""
        if self.known_units is not None and unit_id not in self.known_units:
            return None
        if unit_id not in self.units:
            account = str(uuid.uuid5(uuid.NAMESPACE_OID, unit_id))
            ident = len(self.units) + 1
            self.units[unit_id] = Unit(unit_id=unit_id, ident=ident, account=account, server_id=server_id)
        unit = self.units[unit_id]
        unit.server_id = server_id
        return unit

    def open_call(self, server_id: int, content: NewEmergencyCall, now: float) -> EmergencyCall:
        """Add a 911 call."""
        self._last_call_id += 1
        minutes = content.delete_after_minutes
        call = EmergencyCall(
            call_id=self._last_call_id,
            server_id=server_id,
            content=content,
            created_at=now,
            ends_at=None if minutes is None else now + minutes * 60.0,
        )
        self._calls[call.call_id] = call
        return call

    def calls(self, now: float) -> list[EmergencyCall]:
        """Return the 911 calls that are open at ``now``, oldest first."""
        ended = [key for key, call in self._calls.items() if call.ends_at is not None and call.ends_at <= now]
        for key in ended:
            del self._calls[key]
        return list(self._calls.values())

    def remove_call(self, server_id: int, call_id: int, now: float) -> bool:
        """Remove an open 911 call of a server; tell whether there was one."""
        if not any(call.call_id == call_id and call.server_id == server_id for call in self.calls(now)):
            return False
        del self._calls[call_id]
        return True

    def beat(self, server_id: int, player_count: int, now: float) -> None:
        """Take a heartbeat."""
        count = self.heartbeats[server_id].count + 1 if server_id in self.heartbeats else 1
        self.heartbeats[server_id] = Heartbeat(player_count=player_count, received_at=now, count=count)

    def forget(self) -> None:
        """Forget units, calls and heartbeats; plan, servers and known units stay. Call ids are never used again."""
        self.units.clear()
        self.heartbeats.clear()
        self._calls.clear()


def utc(instant: float) -> str:
    """Return Unix time as Sonoran writes instants: ``2026-04-08T21:31:00Z``."""
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
