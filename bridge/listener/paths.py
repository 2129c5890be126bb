"""Which of Sonoran's operations a path means, in whatever way it is spelled.

A path is taken apart before it is decoded, and what is sent on is put together anew: no parameter can leave its
segment, and no spelling leads past the checks.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from unicodedata import normalize
from urllib.parse import parse_qsl, quote, unquote_to_bytes

from msgspec import Struct

from bridge.intake.document import find_values
from bridge.operations import KICK_UNIT, OPERATIONS, OTHER, Operation
from bridge.units import ServerId

MAX_PARAMETER = 200  # characters
TEXTS = frozenset({"syncId", "accountUuid", "groupName"})
"""The parameters that are texts; all others are whole numbers."""

SERVERS = "servers"  # the segment that a server's number follows

_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
_ALIASES = {("DELETE", KICK_UNIT.path): KICK_UNIT}  # some of Sonoran's own libraries kick with DELETE
_NUMBER = re.compile(r"[0-9]{1,10}")
_UNWRITABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
# What some server may take for the end of a segment, or decode once more.
_ODD = re.compile(r"[\x00-\x1f\x7f-\x9f/\\%;?#]")
_SERVER_ID = "serverid"
_MENTION = b"erverid"  # without its first letter, which has a look-alike
_HIDING = b"\\u"  # how JSON may hide the letters of a name
_MULTIPART = b"--"  # how a body begins that is no JSON, in whatever way it is read
_NAME_PARTS = re.compile(r"\W+")  # of a query's name: "filter.serverId", "serverId[0]"
_QUERY_SAFE = "!$%&'()*+,-./:;=?@_~"


class BadPathError(Exception):
    """A path leads nowhere; the message says why."""


class MethodError(Exception):
    """A path is known, but not with this method; ``methods`` are those that it takes."""

    def __init__(self, methods: Iterable[str]) -> None:
        super().__init__()
        self.methods = tuple(methods)


class Target(Struct, frozen=True, kw_only=True):
    """An operation and where exactly; ``path`` is encoded. ``server_id`` is None where the path names none."""

    operation: Operation
    method: str
    path: str
    server_id: ServerId | None


class _Node:
    """A place in the tree of templates."""

    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.operations: dict[str, Operation] = {}  # by method

    def grow(self, segment: str) -> "_Node":
        if not segment.startswith("{"):
            return self.literals.setdefault(segment.casefold(), _Node())
        self.parameter = self.parameter or _Node()
        return self.parameter


def _plant() -> _Node:
    root = _Node()
    rows = [((operation.method, operation.path), operation) for operation in OPERATIONS.values()]
    for (method, path), operation in (*rows, *_ALIASES.items()):
        node = root
        for segment in path.split("/")[1:]:
            node = node.grow(segment)
        node.operations[method] = operation
    return root


_ROOT = _plant()


def find(method: str, path: str) -> Target:
    """Return what a request is for; ``path`` is as the client wrote it.

    Sonoran's server tells neither upper from lower case nor one slash from two, so neither counts here.

    Raises:
        BadPathError: it leads nowhere, or a parameter cannot be one.
        MethodError: the table has the path, but not with this method.
    """
    segments = [_decode(segment) for segment in path.split("/") if segment]
    node, values = _walk(segments)
    if node is None or not node.operations:
        return _unknown(method, segments)
    operation = node.operations.get(method)
    if operation is None:
        raise MethodError(node.operations)
    return fill(operation, dict(zip(operation.parameters, values, strict=True)))


def fill(operation: Operation, values: Mapping[str, str]) -> Target:
    """Return where an operation goes with these parameters, by name and not encoded.

    Raises:
        BadPathError: one is missing or cannot be one.
    """
    path = operation.path
    for name in operation.parameters:
        path = path.replace(f"{{{name}}}", _parameter(name, values.get(name, "")))
    server = values["serverId"] if "serverId" in operation.parameters else None
    return Target(
        operation=operation,
        method=operation.method,
        path=path,
        server_id=None if server is None else ServerId(int(server)),
    )


def clean_query(query: str) -> str:
    """Return a query as it goes over the wire: what is encoded already stays as it is."""
    return quote(query, safe=_QUERY_SAFE, errors="surrogateescape")


def names_server(server_id: ServerId, query: str, body: bytes) -> bool:
    """Tell whether query and body, where they name a server at all, name this one.

    Raises:
        MalformedError: the body seems to name one, and cannot be read.
    """
    named: list[object] = [
        value
        for name, value in parse_qsl(query, keep_blank_values=True)
        if _SERVER_ID in _NAME_PARTS.split(name.casefold())
    ]
    lower = body.lower()
    if _MENTION in lower or (_HIDING in lower and not lower.startswith(_MULTIPART)):
        named += find_values(body, _SERVER_ID)
    return all(_NUMBER.fullmatch(text) and int(text) == server_id for text in map(_number_text, named))


def _number_text(value: object) -> str:
    """Return a number as it would stand in a path; Lua has 1.0 for 1."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _parameter(name: str, value: str) -> str:
    if name not in TEXTS:
        if not _NUMBER.fullmatch(value):
            raise BadPathError(f"{name}: expected a whole number")
        return str(int(value))
    steps = value.replace("\\", "/").split("/")
    if not 0 < len(value) <= MAX_PARAMETER or _UNWRITABLE.search(value) or {".", ".."}.intersection(steps):
        raise BadPathError(f"{name}: expected 1 to {MAX_PARAMETER} characters that are no path")
    return quote(value, safe="")


def _walk(segments: Sequence[str]) -> tuple[_Node | None, list[str]]:
    """Return where segments lead in the tree, and what stands where it has parameters."""
    node = _ROOT
    values: list[str] = []
    for segment in segments:
        literal = node.literals.get(segment.casefold())
        if literal is None:
            values.append(segment)
        following = literal or node.parameter
        if following is None:
            return None, values
        node = following
    return node, values


def _unknown(method: str, segments: Sequence[str]) -> Target:
    """Return where a path goes that the table does not have; such a one is taken only if it is plain."""
    if method not in _METHODS:
        raise MethodError(_METHODS)
    seen = [_seen_laxly(segment) for segment in segments]
    node, _ = _walk(seen)
    if (node is not None and node.operations) or any(map(_is_odd, segments, seen)):
        raise BadPathError("there is nothing under this path")
    server_id: ServerId | None = None
    for name, following in pairwise(seen):
        if name == SERVERS:
            if not _NUMBER.fullmatch(following) or server_id not in (None, int(following)):
                raise BadPathError("serverId: expected one whole number")
            server_id = ServerId(int(following))
    path = "".join(f"/{quote(segment, safe='')}" for segment in segments)
    return Target(operation=OTHER, method=method, path=path, server_id=server_id)


def _seen_laxly(segment: str) -> str:
    """Return a segment as a lax reader may see it, to whom look-alikes are alike and a last dot is none."""
    return normalize("NFKC", segment).upper().casefold().rstrip(". ")


def _is_odd(segment: str, seen: str) -> bool:
    return not seen or segment != segment.strip() or bool(_ODD.search(segment) or _ODD.search(seen))


def _decode(segment: str) -> str:
    try:
        return unquote_to_bytes(segment.encode("utf-8", "surrogateescape")).decode()
    except UnicodeDecodeError:
        raise BadPathError("the path is not UTF-8") from None
