"""What Sonoran's first interfaces have in common: a body that names community, key and type, and answers in text.

Both the CAD's and the CMS's are asked with ``{"id", "key", "type", "data": [{…}, …]}``, and refuse in an order of
their own: type, community, key. At the bridge the key is a server's token.
"""

import re
from http import HTTPStatus

from msgspec import Struct

from bridge.errors import MalformedError
from bridge.intake.document import read_document
from bridge.intake.fields import is_list, is_object, mapping_of, text_of
from bridge.listener.answer import Answer
from bridge.listener.auth import Tokens
from bridge.units import ServerId

INVALID_TYPE = "INVALID REQUEST TYPE"
INVALID_COMMUNITY = "INVALID COMMUNITY ID"
INVALID_KEY = "INVALID API KEY"
TEXT = "text/plain; charset=utf-8"

_NAMES = frozenset({"id", "key", "type", "data"})

# Strings are matched whole, so that a comma inside one stays; one that never ends is matched to the end of the body.
# Nothing of a match is ever tried again: a body of one endless string would take a hundred times its size.
_STRING_OR_LAST_COMMA = re.compile(rb'("(?:[^"\\]++|\\.)*+"?)|,(?=\s*[\]}])', re.DOTALL)


class Envelope(Struct, frozen=True, kw_only=True):
    """A request; a part that is missing or no text is empty.

    ``more`` is what stands beside the four that every request has; ``fault`` says what is wrong with the data.
    """

    id: str = ""
    key: str = ""
    type: str = ""
    data: list[dict[str, object]] = []
    more: dict[str, object] = {}
    fault: str = ""


def read_envelope(body: bytes) -> Envelope:
    """Return what a body says; an empty one says nothing.

    ``data`` is a list, an object that stands for one as FiveM's encoder writes sparse tables, or a single object;
    nulls in it are skipped. A comma before a closing bracket, as in Sonoran's own examples, is none.

    Raises:
        MalformedError: it is not JSON.
    """
    fields = mapping_of(_document(body))
    data, fault = _data_of(fields.get("data"))
    return Envelope(
        id=text_of(fields.get("id")) or "",
        key=_key_of(fields.get("key")),
        type=text_of(fields.get("type")) or "",
        data=data,
        more={name: value for name, value in fields.items() if name not in _NAMES},
        fault=fault,
    )


def check(envelope: Envelope, expected: str | None, community_id: str, tokens: Tokens) -> ServerId | Answer:
    """Return which server speaks, or the answer to a request that is not to be served.

    Args:
        envelope: what was asked.
        expected: the type that belongs to the path; None where the path is none of the interface.
        community_id: the id of the community.
        tokens: what servers are known by.
    """
    server_id = tokens.server_of_token(envelope.key)
    if expected is None or envelope.type != expected:
        text = INVALID_TYPE
    elif envelope.id != community_id:
        text = INVALID_COMMUNITY
    elif server_id is None:
        text = INVALID_KEY
    elif envelope.fault:
        text = envelope.fault
    else:
        return server_id
    return refusal(text, wrong_key=server_id is None)


def malformed(error: MalformedError) -> Answer:
    """Return the answer to a body that is not JSON, and so shows no token."""
    return refusal(str(error), wrong_key=True)


def text_answer(status: int, text: str, *, wrong_key: bool = False) -> Answer:
    """Return an answer in plain text, as Sonoran's first interfaces give them."""
    body = text.encode("utf-8", "replace")
    return Answer(status=status, body=body, content_type=TEXT, wrong_key=wrong_key)


def refusal(text: str, *, wrong_key: bool = False) -> Answer:
    """Return the answer to a request that makes no sense."""
    return text_answer(HTTPStatus.BAD_REQUEST, text, wrong_key=wrong_key)


def not_allowed(what: str, scope: str, server_name: str) -> Answer:
    """Return the answer to a request that the server's token does not open, with the key to set."""
    where = f'"{scope}" in the key allow of server "{server_name}" ([[servers]] in bridge.toml)'
    return text_answer(HTTPStatus.FORBIDDEN, f"{what} needs {where}")


def _document(body: bytes) -> object:
    try:
        return read_document(body)
    except MalformedError as error:
        plain = _STRING_OR_LAST_COMMA.sub(lambda match: match[1] or b"", body)
        if plain == body:
            raise
        try:
            return read_document(plain)
        except MalformedError:
            raise error from None


def _key_of(value: object) -> str:
    """Return a key as it came; a token is of ASCII, and nothing else is compared with one."""
    return value.strip() if isinstance(value, str) and value.isascii() else ""


def _data_of(value: object) -> tuple[list[dict[str, object]], str]:
    members = _members(value)
    found: list[dict[str, object]] = []
    for index, member in enumerate(members):
        if is_object(member):
            found.append(member)
        elif member == []:
            found.append({})
        elif member is not None:
            return [], f"data: number {index} is no object"
    return found, ""


def _members(value: object) -> list[object]:
    if value is None:
        return []
    if is_list(value):
        return value
    if is_object(value):
        return list(value.values()) if all(name.isdecimal() for name in value) else [value]
    return [value]
