"""JSON as FiveM's Lua encoder writes it: bare NaN, invalid UTF-8, the same key twice."""

import json  # noqa: TID251 -- the one tolerant reader: msgspec refuses NaN, Infinity and invalid UTF-8
import re
import sys
from collections.abc import Callable

from bridge.errors import MalformedError

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
MAX_NESTING = 100  # where an over-nested document is said to fail; FiveM's encoder stops at 32

_STRING_OR_BRACKET = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


def read_document(body: bytes) -> object:
    """Return the value of a body; an empty one and ``null`` are an empty object.

    Invalid bytes and lone surrogates stay in the strings as surrogates: ``fields`` replaces them.

    Raises:
        MalformedError: it is not JSON, nested too deeply, or holds a number that no program writes.
    """
    return _parse(body, None)


def check_encoding(body: bytes) -> None:
    """Check that a body is UTF-8 text.

    Raises:
        MalformedError: it is not, or holds NULs, as UTF-16 does.
    """
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise MalformedError("not UTF-8", error.start) from None
    if b"\x00" in body:
        raise MalformedError("not UTF-8: a NUL", body.index(b"\x00"))


def find_values(body: bytes, name: str) -> list[object]:
    """Return all that stands under a name, in any case and however deep, twice where it stands there twice; no nulls.

    Raises:
        MalformedError: the body is not JSON.
    """
    found: list[object] = []

    def look(pairs: list[tuple[str, object]]) -> dict[str, object]:
        found.extend(value for key, value in pairs if key.casefold() == name and value is not None)
        return dict(pairs)

    _parse(body, look)
    return found


def _parse(body: bytes, hook: Callable[[list[tuple[str, object]]], object] | None) -> object:
    start = len(BYTE_ORDER_MARK) if body.startswith(BYTE_ORDER_MARK) else 0
    text = body[start:].decode("utf-8", "surrogateescape")
    if not text.strip():
        return {}
    try:
        value: object = json.loads(text, strict=False, object_pairs_hook=hook)
    except json.JSONDecodeError as error:
        before = text[: error.pos].encode("utf-8", "surrogateescape")
        raise MalformedError(f"not JSON: {error.msg}", start + len(before)) from None
    except RecursionError:
        raise MalformedError("nested too deeply", _find_depth(body)) from None
    except ValueError:
        raise MalformedError("a number has too many digits", _find_long_number(body)) from None
    return {} if value is None else value


def _find_depth(body: bytes) -> int:
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(body):
        token = match.group()
        depth += 1 if token in b"[{" else -1 if token in b"]}" else 0
        if depth > MAX_NESTING:
            return match.start()
    return len(body)


def _find_long_number(body: bytes) -> int:
    match = re.search(rb"\d{%d,}" % (sys.get_int_max_str_digits() + 1), body)
    return match.start() if match else len(body)
