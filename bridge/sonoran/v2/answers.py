"""What Sonoran CAD v2 answers; readers return None, or nothing, for what makes no sense."""

from typing import TypeVar

import msgspec
from msgspec import Struct

from bridge.sonoran.messages import CadAnswer

MAX_DETAIL = 300  # characters of the CAD's reason that are kept

T = TypeVar("T")


class Server(Struct, frozen=True):
    """A game server as the community configured it at Sonoran."""

    id: int
    name: str = ""


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


class _Servers(Struct):
    servers: list[Server] | Server | None = None


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


def read_servers(answer: CadAnswer) -> list[Server]:
    """Return the community's game servers."""
    servers = decode(answer, _Servers, _Servers()).servers
    if servers is None:
        return []
    return servers if isinstance(servers, list) else [servers]


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
