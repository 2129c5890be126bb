"""Sonoran CAD v2: what our values look like on its wire, and what its answers mean.

Sonoran's examples flatten arrays of one element; the real shapes are arrays, and answers are read in both forms.
"""

from collections.abc import Sequence
from typing import TypeVar

import msgspec
from msgspec import Struct

from bridge.events import EmergencyCall, Event, Panic, Status
from bridge.operations import (
    CREATE_911_CALL,
    GET_SERVERS,
    GET_VERSION,
    HEARTBEAT,
    SET_UNIT_PANIC,
    SET_UNIT_STATUS,
    UPDATE_UNIT_LOCATIONS,
    Operation,
)
from bridge.sonoran.messages import CadAnswer, CadRequest, Line
from bridge.units import ServerId, UnitId, Vehicle

LATE_AFTER = 60.0  # seconds after which a call says that it comes late
MAX_DETAIL = 300  # characters of the CAD's reason that are kept

_ENCODER = msgspec.json.Encoder()
T = TypeVar("T")


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


class Server(Struct, frozen=True):
    """A game server as the community configured it at Sonoran."""

    id: int
    name: str = ""


class _Updated(Struct):
    updated: int | None = None


class _Call(Struct, rename="camel"):
    call_id: int | None = None


class _Version(Struct):
    version: int | str | None = None
    name: str | None = None


class _Servers(Struct):
    servers: list[Server] | Server | None = None


class _Problem(Struct):
    title: str | None = None
    detail: str | None = None
    message: str | None = None


def coordinates(x: float, y: float, z: float | None, heading: float | None) -> _Coordinates:
    """Return metres and degrees as Sonoran takes them: the heading travels as ``w``."""
    return _Coordinates(x=x, y=y, z=z or 0.0, w=None if heading is None else round(heading, 1))


def update_unit_locations(server_id: ServerId, updates: Sequence[UnitUpdate]) -> CadRequest:
    """Build the location request of one server."""
    return _request(UPDATE_UNIT_LOCATIONS, server_id, {"updates": updates})


def deliver(server_id: ServerId, event: Event, units: Sequence[UnitId], age: float) -> CadRequest:
    """Build the request that an event becomes.

    Args:
        server_id: Sonoran's number of the game server.
        event: what happened.
        units: the units to name, of this event and of others in the same state.
        age: seconds since the event was accepted.
    """
    match event:
        case Panic(active=active):
            body = {"communityUserIds": units, "isPanic": active}
            return _request(SET_UNIT_PANIC, server_id, body, Line.URGENT)
        case Status(status=status):
            body = {"communityUserIds": units, "status": status.code}
            return _request(SET_UNIT_STATUS, server_id, body)
        case EmergencyCall():
            return _request(CREATE_911_CALL, server_id, _call(event, age), Line.FRESH)


def heartbeat(server_id: ServerId, players: int) -> CadRequest:
    """Build a heartbeat."""
    return _request(HEARTBEAT, server_id, {"playerCount": players})


def get_version(line: Line = Line.ORDINARY) -> CadRequest:
    """Build the question for the plan: the cheapest way to learn whether the key is right."""
    return CadRequest(operation=GET_VERSION, path=GET_VERSION.path, line=line)


def get_servers() -> CadRequest:
    """Build the question for the community's game servers."""
    return CadRequest(operation=GET_SERVERS, path=GET_SERVERS.path)


def read_updated(answer: CadAnswer) -> int | None:
    """Return how many units the CAD knew, or None if it did not say."""
    return _decode(answer, _Updated, _Updated()).updated


def read_call_id(answer: CadAnswer) -> int | None:
    """Return Sonoran's number of the new call, or None if it did not say."""
    return _decode(answer, _Call, _Call()).call_id


def read_plan(answer: CadAnswer) -> str | None:
    """Return the plan's name, such as ``PLUS``."""
    version = _decode(answer, _Version, _Version())
    return version.name or (None if version.version is None else str(version.version))


def read_servers(answer: CadAnswer) -> list[Server]:
    """Return the community's game servers."""
    servers = _decode(answer, _Servers, _Servers()).servers
    if servers is None:
        return []
    return servers if isinstance(servers, list) else [servers]


def read_problem(answer: CadAnswer) -> str:
    """Return the CAD's reason in one line, with its trace id."""
    problem = _decode(answer, _Problem, _Problem())
    words = [word for word in (problem.title, problem.detail, problem.message) if word]
    text = " ".join(": ".join(dict.fromkeys(words)).split())[:MAX_DETAIL] or f"status {answer.status}"
    return text if answer.trace_id is None else f"{text} (trace {answer.trace_id[:64]})"


def _request(
    operation: Operation, server_id: ServerId, body: object, line: Line = Line.ORDINARY
) -> CadRequest:
    path = operation.path.replace("{serverId}", str(server_id))
    return CadRequest(operation=operation, path=path, body=_ENCODER.encode(body), line=line)


def _call(call: EmergencyCall, age: float) -> dict[str, object]:
    late = f"(delayed {round(age / 60)} min) " if age >= LATE_AFTER else ""
    body: dict[str, object] = {
        "isEmergency": call.emergency,
        "caller": call.caller,
        "location": call.location,
        "description": late + call.description,
        "metaData": call.metadata | _place(call),
    }
    if call.delete_after_minutes is not None:
        body["deleteAfterMinutes"] = call.delete_after_minutes
    return body


def _place(call: EmergencyCall) -> dict[str, str]:
    place = {name: getattr(call, name) for name in ("x", "y", "z")}
    texts = {
        name: f"{value:.3f}".rstrip("0").rstrip(".") for name, value in place.items() if value is not None
    }
    return texts if call.postal is None else {**texts, "postal": call.postal}


def _decode(answer: CadAnswer, shape: type[T], otherwise: T) -> T:
    try:
        return msgspec.json.decode(answer.body, type=shape, strict=False)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return otherwise
