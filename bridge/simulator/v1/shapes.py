"""The objects of ``data`` about units and calls, field for field as Sonoran documents them.

Where a page names a unit by API id, account and identifiers at once, the first that is given counts, in this order.
"""

from typing import Any

from msgspec import Struct

from bridge.simulator.shapes import CallNote, Coordinates, Number, StatusCode, Vehicle

FIRST_SERVER = 1  # where Sonoran's pages say "default 1"


class OnServer(Struct, frozen=True, kw_only=True, rename="camel"):
    """What has nothing but a server."""

    server_id: int = FIRST_SERVER


class Who(Struct, frozen=True, kw_only=True, rename="camel"):
    """The ways to name one account or unit."""

    api_id: str | None = None
    account: str | None = None


class Whose(Who, frozen=True, kw_only=True, rename="camel"):
    """The ways to name units: those of an account, or some identifiers."""

    ident_ids: list[int] | None = None


class Location(Struct, frozen=True, kw_only=True, rename="camel"):
    """UNIT_LOCATION: where one unit is."""

    api_id: str
    location: str
    coordinates: Coordinates
    peer_id: str | None = None
    vehicle: Vehicle | None = None
    server_id: int | None = None


class Panic(Whose, frozen=True, kw_only=True, rename="camel"):
    """UNIT_PANIC; the pages show no server."""

    is_panic: bool
    server_id: int | None = None


class Status(Whose, frozen=True, kw_only=True, rename="camel"):
    """UNIT_STATUS."""

    status: StatusCode
    server_id: int | None = None


class Kick(Struct, frozen=True, kw_only=True, rename="camel"):
    """KICK_UNIT."""

    api_id: str
    reason: str
    server_id: int = FIRST_SERVER


class UnitsWanted(OnServer, frozen=True, kw_only=True, rename="camel"):
    """GET_ACTIVE_UNITS."""

    only_units: bool = True
    include_offline: bool = False
    limit: Number = 100
    offset: Number = 0


class NewCall(OnServer, frozen=True, kw_only=True, rename="camel"):
    """CALL_911; ``x`` and ``y`` in ``meta_data`` place it on the live map, as numbers in Sonoran's example."""

    is_emergency: bool
    caller: str
    location: str
    description: str
    meta_data: dict[str, Any] | None = None
    delete_after_minutes: Number | None = None


class OnCall(OnServer, frozen=True, kw_only=True, rename="camel"):
    """What is about one call: CLOSE_CALL and REMOVE_911 have nothing else."""

    call_id: int


class NewDispatch(OnServer, frozen=True, kw_only=True, rename="camel"):
    """NEW_DISPATCH; ``units`` are API ids."""

    origin: Number
    status: Number
    priority: Number
    block: str
    address: str
    postal: str
    title: str
    code: str
    description: str
    primary: int | None = None
    track_primary: bool | None = None
    notes: list[CallNote] | None = None
    meta_data: dict[str, Any] | None = None
    units: list[str] | None = None
    delete_after_minutes: Number | None = None


class DispatchEdit(OnCall, frozen=True, kw_only=True, rename="camel"):
    """EDIT_DISPATCH; what is left out, or null, stays."""

    origin: Number | None = None
    status: Number | None = None
    priority: Number | None = None
    block: str | None = None
    address: str | None = None
    postal: str | None = None
    title: str | None = None
    code: str | None = None
    primary: int | None = None
    track_primary: bool | None = None
    description: str | None = None
    meta_data: dict[str, Any] | None = None


class Note(OnCall, frozen=True, kw_only=True, rename="camel"):
    """ADD_CALL_NOTE."""

    note: str
    label: str | None = None


class Postal(OnCall, frozen=True, kw_only=True, rename="camel"):
    """SET_CALL_POSTAL."""

    postal: str


class Primary(OnCall, frozen=True, kw_only=True, rename="camel"):
    """SET_CALL_PRIMARY; -1 is nobody."""

    primary: int
    track_primary: bool = False


class Units(OnServer, frozen=True, kw_only=True, rename="camel"):
    """DETACH_UNIT; ``units`` are API ids."""

    units: list[str] | None = None
    account: str | None = None
    ident_ids: list[int] | None = None


class UnitsOnCall(Units, frozen=True, kw_only=True, rename="camel"):
    """ATTACH_UNIT."""

    call_id: int


class CallsWanted(OnServer, frozen=True, kw_only=True, rename="camel"):
    """GET_CALLS; ``type`` is a CALL_TABLE_TYPE."""

    closed_limit: Number = 10
    closed_offset: Number = 0
    type: int = 100
