"""Requests for one of Sonoran's operations by its name."""

from urllib.parse import quote

import msgspec
from msgspec import Struct

from bridge.errors import PushError
from bridge.intake.document import read_document
from bridge.intake.fields import is_list, is_object, text_of

EXPECTED = 'expected {"path"?: {…}, "query"?: {…}, "body"?: {…}}'

_KEYS = frozenset({"path", "query", "body"})


class OperationPush(Struct, frozen=True, kw_only=True):
    """The parameters of the path by name, the query as it goes over the wire, and the body as JSON."""

    path: dict[str, str]
    query: str
    body: bytes


def read_operation(body: bytes) -> OperationPush:
    """Return what ``{"path"?, "query"?, "body"?}`` says; a list in the query is a name given several times.

    Raises:
        PushError: there is something else in it, or a parameter is no plain value.
        MalformedError: it is not JSON.
    """
    document = read_document(body)
    fields = _object(document, "the body")
    unknown = fields.keys() - _KEYS
    if unknown:
        raise PushError(f"{EXPECTED}, found {min(unknown)[:40]!a}")
    path = {name: _plain(name, value) for name, value in _object(fields.get("path"), "path").items()}
    return OperationPush(path=path, query=_query(fields.get("query")), body=_encode(fields.get("body")))


def _query(value: object) -> str:
    return "&".join(
        f"{_quote(name)}={_quote(_plain(name, one))}"
        for name, member in _object(value, "query").items()
        for one in (member if is_list(member) else [member])
        if one is not None
    )


def _object(value: object, name: str) -> dict[str, object]:
    if value is None or value == []:  # FiveM's encoder writes an empty table so
        return {}
    if not is_object(value):
        raise PushError(f"{name}: {EXPECTED}")
    return value


def _plain(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value if isinstance(value, str) else text_of(value)
    if text is None:
        raise PushError(f"{name[:40]!a}: expected text, a number, true or false")
    return text


def _quote(text: str) -> str:
    try:
        return quote(text, safe="")
    except UnicodeEncodeError:
        raise PushError("query: expected valid text") from None


def _encode(value: object) -> bytes:
    if value is None:
        return b""
    try:
        return msgspec.json.encode({} if value == [] else value)  # an empty table, as above
    except (ValueError, RecursionError):
        raise PushError("body: expected valid text") from None
