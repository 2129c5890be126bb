"""What the simulated CAD knows: one community's servers, people, units, calls, records, blips, photos and heartbeats."""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from enum import IntEnum
from typing import Literal

import msgspec
from msgspec import Struct

from bridge.simulator.archive import Archive
from bridge.simulator.board import Board, EmergencyCall
from bridge.simulator.estate import Estate, server_row
from bridge.simulator.multipart import Part
from bridge.simulator.people import PERMISSIONS, Account, People
from bridge.simulator.roster import OFFLINE, Roster, Unit
from bridge.simulator.shapes import NewBlip

PERMISSION_KEY = "YOUR_PERMISSION_KEY"  # as Sonoran's examples have them, like the secret
SECRET = "00000000-0000-0000-0000-000000000000"  # noqa: S105 -- known to everybody
SECRET_ANSWER = "11111111-2222-3333-4444-555555555555"  # noqa: S105 -- the same


Api = Literal["v1", "v2", "both"]


class Plan(IntEnum):
    """What the community pays for; the number is getVersion's ``version``, the name its ``name``."""

    FREE = 0
    STANDARD = 1
    PLUS = 2
    PRO = 3


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


class Recording(Struct, frozen=True, kw_only=True):
    """A film that was uploaded; ``fields`` are what its form said besides."""

    url: str
    file: Part
    duration_ms: int
    fields: dict[str, str]
    received_at: float


class GameClock(Struct, frozen=True, kw_only=True):
    """A server's clock: the time in the game at an instant, both as ``01/30/2024 10:30``, and how fast it goes."""

    utc: str
    game: str
    seconds_per_hour: float


class Profile(Struct, frozen=True, kw_only=True, rename="camel"):
    """How a community shows itself to whoever logs in."""

    com_id: str = "examplecad"
    name: str = "Example CAD"
    timezone: str = "America/Phoenix"
    custom_login_url: str = "https://portal.examplecad.com/login"


class Community:
    """One community of the simulated CAD.

    ``known_units`` are the community user ids that some account has linked; None: all there are.
    ``camel_calls`` makes getCalls answer ``activeCalls``, as Sonoran's page shows it, for ``ActiveCalls``, as
    the OpenAPI document does; a call shows there only ``calls_visible_after`` seconds after it was made. ``api``
    tells which interface the community is on; ``v1_metadata`` false leaves metadata out of v1's GET_CALLS, whose page
    shows none.
    ``permission_keys`` tell which permissions a key gives, ``secrets`` what verifySecret answers each with.
    """

    uuid = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
    ten_codes = ("10-8", "10-23")

    def __init__(self, plan: Plan, servers: Iterable[int], known_units: Collection[str] | None) -> None:
        self.plan = plan
        self.profile = Profile()
        self.api: Api = "both"
        self.v1_metadata = True
        self.camel_calls = False
        self.calls_visible_after = 0.0
        self.permission_keys: dict[str, frozenset[str]] = {PERMISSION_KEY: frozenset(PERMISSIONS)}
        self.secrets: dict[str, str] = {SECRET: SECRET_ANSWER}
        self.estate = Estate(server_row(server_id) for server_id in servers)
        self.people = People(known_units)
        self.roster = Roster(self.people)
        self.board = Board()
        self.archive = Archive()
        self.heartbeats: dict[int, Heartbeat] = {}
        self.clocks: dict[int, GameClock] = {}
        self.blips: list[Blip] = []
        self.kicks: list[Kick] = []
        self.photos: list[Photo] = []
        self.recordings: list[Recording] = []
        self._last_blip_id = 0
        self._last_recording = 0

    @property
    def servers(self) -> tuple[int, ...]:
        """Return the ids of the configured servers; setting them gives each a row of which nothing else matters."""
        return tuple(row.id for row in self.estate.servers)

    @servers.setter
    def servers(self, servers: Iterable[int]) -> None:
        self.estate.configure(server_row(server_id) for server_id in servers)

    @property
    def known_units(self) -> frozenset[str] | None:
        """Return the community user ids that some account has linked; None: all there are."""
        return self.people.known_units

    @known_units.setter
    def known_units(self, known_units: frozenset[str] | None) -> None:
        self.people.known_units = known_units

    @property
    def units(self) -> dict[str, Unit]:
        """Return the units that somebody is out as, by community user id."""
        return self.roster.selected

    def knows(self, unit_id: str) -> bool:
        """Tell whether some account has linked a community user id."""
        return self.people.knows(unit_id)

    def unit(self, unit_id: str, server_id: int) -> Unit | None:
        """Return the unit of a community user id, which ``server_id`` speaks of; None: no account has linked it."""
        return self.roster.unit(unit_id, server_id)

    def strike(self, unit: Unit, now: float) -> None:
        """Remove an identifier; it is on no call any more."""
        self.board.detach((unit.ident,), now)
        self.roster.strike(unit)

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

    def link(self, unit_id: str, account: Account) -> None:
        """Have an account link a community user id: from now on its unit answers to that."""
        self.people.link(unit_id, account)
        unit = self.roster.chosen_of(account)
        if unit is not None:
            self.roster.select(account, unit)

    def next_recording(self) -> int:
        """Return the number of the next recording; none is used twice."""
        self._last_recording += 1
        return self._last_recording

    def change_blip(self, blip: Blip, changes: Mapping[str, object]) -> None:
        """Change a blip."""
        content = msgspec.structs.replace(blip.content, **changes)
        self.blips[self.blips.index(blip)] = msgspec.structs.replace(blip, content=content)

    def beat(self, server_id: int, player_count: int, now: float) -> None:
        """Take a heartbeat."""
        count = self.heartbeats[server_id].count + 1 if server_id in self.heartbeats else 1
        self.heartbeats[server_id] = Heartbeat(player_count=player_count, received_at=now, count=count)

    def forget(self) -> None:
        """Forget what happened; the settings stay. No id is ever used again."""
        self.board.forget()
        self.roster.forget()
        self.people.forget()
        self.archive.forget()
        self.estate.forget()
        self.heartbeats.clear()
        self.clocks.clear()
        for happened in (self.blips, self.kicks, self.photos, self.recordings):
            happened.clear()


def utc(instant: float) -> str:
    """Return Unix time as Sonoran writes instants: ``2026-04-08T21:31:00Z``."""
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
