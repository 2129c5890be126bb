"""What the bridge asks of Sonoran CAD v2 and reports to it; events apart, which ``deliveries`` has."""

from collections.abc import Sequence
from urllib.parse import quote

import msgspec
from msgspec import Struct

from bridge.operations import (
    GET_CALLS,
    GET_SERVERS,
    GET_VERSION,
    HEARTBEAT,
    SET_UNIT_PANIC,
    UPDATE_UNIT_LOCATIONS,
    Operation,
    Repeat,
)
from bridge.sonoran.messages import CadRequest, Line
from bridge.units import ServerId, UnitId, Vehicle

MARK = "cadBridgeEvent"
"""The entry of a call's ``metaData`` that holds the id of the event it came from."""

ALL_CALLS = 100  # Sonoran's CALL_TABLE_TYPE: dispatch calls and 911 calls

_ENCODER = msgspec.json.Encoder()


class _Coordinates(Struct, omit_defaults=True):
    x: float
    y: float
    z: float
    w: float | None = None

    def __post_init__(self) -> None:
        self.x, self.y, self.z = round(self.x, 3), round(self.y, 3), round(self.z, 3)


class UnitUpdate(Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One element of ``updates``; Sonoran wants ``location`` not to be empty."""

    community_user_id: UnitId
    location: str
    coordinates: _Coordinates
    peer_id: str | None = None
    vehicle: Vehicle | None = None


def coordinates(x: float, y: float, z: float | None, heading: float | None) -> _Coordinates:
    """Return metres and degrees as Sonoran takes them: the heading travels as ``w``."""
    return _Coordinates(x=x, y=y, z=z or 0.0, w=None if heading is None else round(heading, 1))


def update_unit_locations(server_id: ServerId, updates: Sequence[UnitUpdate]) -> CadRequest:
    """Build the location request of one server."""
    return build(UPDATE_UNIT_LOCATIONS, server_id, {"updates": updates})


def heartbeat(server_id: ServerId, players: int) -> CadRequest:
    """Build a heartbeat."""
    return build(HEARTBEAT, server_id, {"playerCount": players})


def get_version(line: Line = Line.ORDINARY) -> CadRequest:
    """Build the question for the plan: the cheapest way to learn whether the key is right."""
    return CadRequest(operation=GET_VERSION, path=GET_VERSION.path, line=line)


def get_servers() -> CadRequest:
    """Build the question for the community's game servers."""
    return CadRequest(operation=GET_SERVERS, path=GET_SERVERS.path)


def get_calls(server_id: ServerId, closed_limit: int, closed_offset: int) -> CadRequest:
    """Build the question for a server's calls of all kinds, to look for marks.

    Args:
        server_id: Sonoran's number of the game server.
        closed_limit: how many closed calls the answer may hold; only these are paged.
        closed_offset: how many closed calls to skip.
    """
    question = build(GET_CALLS, server_id, None)
    query = f"closedLimit={closed_limit}&closedOffset={closed_offset}&type={ALL_CALLS}"
    return msgspec.structs.replace(question, path=f"{question.path}?{query}")


def build(operation: Operation, server_id: ServerId, body: object, call_id: int | None = None) -> CadRequest:
    """Build an operation's request.

    Args:
        operation: what to do; it also says which connections fit.
        server_id: Sonoran's number of the game server.
        body: what becomes the JSON body; None for a request without one.
        call_id: Sonoran's number of the call, where the path names one.
    """
    path = operation.path.replace("{serverId}", _segment(server_id))
    if call_id is not None:
        path = path.replace("{callId}", _segment(call_id))
    content = None if body is None else _ENCODER.encode(body)
    return CadRequest(operation=operation, path=path, body=content, line=line_of(operation))


def _segment(parameter: int) -> str:
    return quote(str(parameter), safe="")


def line_of(operation: Operation) -> Line:
    """Return which connections an operation may use."""
    if operation is SET_UNIT_PANIC:
        return Line.URGENT
    return Line.FRESH if operation.repeat is Repeat.ONCE else Line.ORDINARY
