"""What Sonoran CAD v2 answers; readers return None, or nothing, for what makes no sense."""

from typing import TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType

from bridge.sonoran.messages import CadAnswer

MAX_DETAIL = 300  # characters of the CAD's reason that are kept
_PORTS = range(1, 65536)

T = TypeVar("T")


class Server(Struct, frozen=True, kw_only=True):
    """A game server as the community configured it at Sonoran; what it does not say is empty or None.

    ``map_ip`` and ``listener_port`` (the game port) are where Sonoran looks for the server. Where
    ``differing_outbound`` is set, it expects the server's own requests from ``outbound_ip``.
    """

    id: int
    name: str = ""
    map_ip: str = ""
    listener_port: int | None = None
    differing_outbound: bool | None = None
    outbound_ip: str = ""
    enable_map: bool | None = None


class _Updated(Struct):
    updated: int | None = None


class _Call(Struct, rename="camel"):
    call_id: int | None = None


class _Blip(Struct):
    id: int | None = None


class _Photos(Struct):
    delivered: int | None = None


class _Version(Struct):
    version: int | str | None = None
    name: str | None = None


class _Row(Struct, rename="camel"):
    id: object = None
    name: object = None
    map_ip: object = None
    listener_port: object = None
    differing_outbound: object = None
    outbound_ip: object = None
    enable_map: object = None


class _Servers(Struct):
    servers: list[object] | _Row | UnsetType | None = UNSET


class _Problem(Struct, rename="camel"):
    title: str | None = None
    detail: str | None = None
    message: str | None = None
    trace_id: str | None = None


def read_updated(answer: CadAnswer) -> int | None:
    """Return how many units the CAD knew, or None if it did not say."""
    return decode(answer, _Updated, _Updated()).updated


def read_call_id(answer: CadAnswer) -> int | None:
    """Return Sonoran's number of the new call, or None if it did not say."""
    return decode(answer, _Call, _Call()).call_id


def read_blip_id(answer: CadAnswer) -> int | None:
    """Return Sonoran's number of the new blip, or None if it did not say."""
    return decode(answer, _Blip, _Blip()).id


def read_delivered_photos(answer: CadAnswer) -> int | None:
    """Return how many places a photo reached, or None if the CAD did not say; 0: nobody saw it."""
    return decode(answer, _Photos, _Photos()).delivered


def read_plan(answer: CadAnswer) -> str | None:
    """Return the plan's name, such as ``PLUS``."""
    version = decode(answer, _Version, _Version())
    return version.name or (None if version.version is None else str(version.version))


def read_servers(answer: CadAnswer) -> list[Server] | None:
    """Return the community's game servers, or None where the answer shows none of them, not even an empty list.

    A row without a number is skipped alone; a field that makes no sense counts as missing.
    """
    servers = decode(answer, _Servers, _Servers()).servers
    if servers is UNSET:
        return None
    rows = servers if isinstance(servers, list) else [servers]
    return [server for row in rows if (server := _read_server(row)) is not None]


def _read_server(row: object) -> Server | None:
    fields = row if isinstance(row, _Row) else _convert(row, _Row)
    number = None if fields is None else _convert(fields.id, int)
    if fields is None or number is None:
        return None
    port = _convert(fields.listener_port, int)
    return Server(
        id=number,
        name=_convert(fields.name, str) or "",
        map_ip=(_convert(fields.map_ip, str) or "").strip(),
        listener_port=port if port in _PORTS else None,
        differing_outbound=_convert(fields.differing_outbound, bool),
        outbound_ip=(_convert(fields.outbound_ip, str) or "").strip(),
        enable_map=_convert(fields.enable_map, bool),
    )


def _convert(value: object, shape: type[T]) -> T | None:
    """Return a value in some shape, be it written as text, or None where it has another."""
    try:
        return msgspec.convert(value, shape, strict=False)
    except msgspec.ValidationError:
        return None


def read_problem(answer: CadAnswer) -> str:
    """Return the CAD's reason in one line, with its trace id, which comes as a header or in the problem."""
    problem = decode(answer, _Problem, _Problem())
    words = [word for word in (problem.title, problem.detail, problem.message) if word]
    text = " ".join(": ".join(dict.fromkeys(words)).split())[:MAX_DETAIL] or f"status {answer.status}"
    trace_id = answer.trace_id or problem.trace_id
    return text if trace_id is None else f"{text} (trace {trace_id[:64]})"


def decode(answer: CadAnswer, shape: type[T], otherwise: T) -> T:
    """Return an answer's body in some shape, or ``otherwise`` where it has another."""
    try:
        return msgspec.json.decode(answer.body, type=shape, strict=False)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return otherwise
