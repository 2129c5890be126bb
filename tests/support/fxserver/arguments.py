"""What natives get from Lua and give back, and how they fail."""

import re
from collections.abc import Callable
from typing import Any, Literal, Protocol, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

Kind = Literal["plain", "truth", "vector"]
Native = tuple[Kind, Callable[..., Any]]

LEADING_NUMBER = re.compile(r"\s*[+-]?\d+")


class NativeError(Exception):
    """What a native raises in the script that called it."""


class Caller(Protocol):
    """The script that calls a native."""

    resource: str


class Natives:
    """A family of natives: each public method is one, under the name that scripts call it by."""

    def table(self) -> dict[str, Native]:
        """Return them by name: a truth is ``false`` or 1 in Lua, a vector a vector3."""
        found = {name: getattr(self, name) for name in dir(self) if name[0].isupper()}
        return {name: (getattr(routine, "kind", "plain"), routine) for name, routine in found.items()}


def truth(native: F) -> F:
    """Say that a native's result is a BOOL."""
    vars(native)["kind"] = "truth"
    return native


def vector(native: F) -> F:
    """Say that a native's result is a Vector3."""
    vars(native)["kind"] = "vector"
    return native


def text(value: object) -> str | None:
    """Return an argument that has to be a string, as Lua's wrappers hand it on: 0 and nothing are none at all."""
    match value:
        case None | False | 0:
            return None
        case bytes():
            return value.split(b"\0")[0].decode("utf-8", "surrogateescape")
        case True:
            return "true"
        case int() | float():
            return str(value)
        case _:
            raise NativeError(f"invalid lua type: {type(value).__name__}")


def needed(value: object, position: int = 0) -> str:
    """Return an argument without which the native raises."""
    found = text(value)
    if found is None:
        raise NativeError(f"Argument at index {position} was null.")
    return found


def number(value: object) -> int:
    """Return an argument that has to be an integer."""
    match value:
        case None:
            return 0
        case bool() | int() | float():
            return int(value)
        case _:
            raise NativeError("invalid lua type")


def leading_number(found: str) -> int:
    """Return what C's atoi makes of a text."""
    digits = LEADING_NUMBER.match(found)
    return int(digits[0]) if digits else 0


def hash_key(found: str) -> int:
    """Return Jenkins' one-at-a-time hash of a name, signed as Lua gets it."""
    total = 0
    for byte in found.lower().encode("utf-8", "surrogateescape"):
        total = (total + byte) * 1025 & 0xFFFFFFFF
        total ^= total >> 6
    total = total * 9 & 0xFFFFFFFF
    total ^= total >> 11
    total = total * 32769 & 0xFFFFFFFF
    return total - 2**32 if total >= 2**31 else total
