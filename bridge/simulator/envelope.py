"""How Sonoran's first APIs are spoken to: ``{"id", "key", "type", "data"}`` in a POST, and an answer as text or JSON."""

import hmac
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from bridge.simulator.messages import JSON, Reply

Shape = TypeVar("Shape")

TEXT = "text/plain; charset=utf-8"

INVALID_TYPE = "INVALID REQUEST TYPE"
INVALID_COMMUNITY = "INVALID COMMUNITY ID"
NOT_ENABLED = "API IS NOT ENABLED FOR THIS COMMUNITY"
INVALID_KEY = "INVALID API KEY"
NOT_LINKED = "API ID NOT LINKED TO AN ACCOUNT IN THIS COMMUNITY"

_NAMES_PLAYERS = ("apiId", "user", "apiIds", "units")


class RefusedError(Exception):
    """A request is refused: ``reason`` is the body of the answer, text or JSON."""

    def __init__(self, reason: object, status: int = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status


class Task(Struct, frozen=True, kw_only=True):
    """A request that was let in: what a handler reads it through.

    ``body`` is all of it; ``now`` is Unix time; ``refused`` are API ids that Sonoran is told not to like.
    Everything that reads raises ``RefusedError`` 400 where it makes no sense.
    """

    body: dict[str, Any]
    now: float
    refused: frozenset[str] = frozenset()

    @property
    def items(self) -> list[Any]:
        """Return the objects of ``data``; a single one may stand there without a list."""
        data = self.body.get("data")
        if isinstance(data, list):
            return data  # pyright: ignore[reportUnknownVariableType] -- JSON
        return [] if data is None else [data]

    def read(self, shape: type[Shape]) -> list[Shape]:
        """Return the objects of ``data`` in their documented shape; there must be one at least."""
        if not self.items:
            raise RefusedError("ERROR: 'data' is empty.")
        return [convert(item, shape) for item in self.items]

    def first(self, shape: type[Shape]) -> Shape:
        """Return the first object of ``data``; without one, what an empty object says."""
        item: object = next(iter(self.items), dict[str, Any]())
        return convert(item, shape)

    def check_units(self) -> None:
        """Refuse a request that names an API id that Sonoran is told not to like."""
        named = {name for item in self.items if isinstance(item, dict) for name in _names(item)}  # pyright: ignore[reportUnknownArgumentType] -- JSON
        if named & self.refused:
            raise RefusedError("ERROR: A unit of the request is not valid.")


def opened(raw: bytes) -> dict[str, Any]:
    """Return the envelope; empty where the body is no JSON object, which is refused for having no type."""
    try:
        body: object = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}  # pyright: ignore[reportUnknownVariableType] -- JSON


def server_of(body: Mapping[str, Any]) -> int | None:
    """Return the server that a request is for, as far as it names one."""
    data = body.get("data")
    first: object = data[0] if isinstance(data, list) and data else data  # pyright: ignore[reportUnknownVariableType] -- JSON
    server: object = first.get("serverId") if isinstance(first, dict) else None  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType] -- JSON
    return server if isinstance(server, int) and not isinstance(server, bool) else None


def check_type(body: Mapping[str, Any], kind: str) -> None:
    """Refuse another type than that of the path; Sonoran looks at this first."""
    if body.get("type") != kind:
        raise RefusedError(INVALID_TYPE)


def check_community(body: Mapping[str, Any], community_id: str) -> None:
    """Refuse another community; Sonoran looks at this second."""
    if body.get("id") != community_id:
        raise RefusedError(INVALID_COMMUNITY)


def check_key(body: Mapping[str, Any], key: str) -> None:
    """Refuse another key; Sonoran looks at this last."""
    given = body.get("key")
    if not isinstance(given, str) or not hmac.compare_digest(_bytes(given), _bytes(key)):
        raise RefusedError(INVALID_KEY)


def convert(value: object, shape: type[Shape]) -> Shape:
    """Return JSON values in a documented shape; ``RefusedError`` 400 where they do not have it."""
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        raise RefusedError(f"ERROR: {error}") from error


def answer(content: object, trace: str, *, status: int = HTTPStatus.OK) -> Reply:
    """Return an answer: text as it is, everything else as JSON."""
    kind, body = (
        (TEXT, content.encode()) if isinstance(content, str) else (JSON, msgspec.json.encode(content))
    )
    return Reply(status=status, headers={"Content-Type": kind, "x-trace-id": trace}, body=body)


def _names(item: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    for field in _NAMES_PLAYERS:
        value = item.get(field)
        found += [name for name in (value if isinstance(value, list) else [value]) if isinstance(name, str)]  # pyright: ignore[reportUnknownVariableType] -- JSON
    return found


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")
