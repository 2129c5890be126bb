"""Single values out of a tolerant document: each reader returns None for what makes no sense.

The odd shapes are those of FiveM's Lua encoder: a sparse list becomes a list with nulls or an object with the
indexes as keys, an empty table is ``[]``, a vector3 is ``{"x", "y", "z"}``, ids and numbers may be strings.
"""

import math
import re
from collections.abc import Sequence
from typing import NamedTuple, TypeGuard

from bridge.units import MAX_ID_LENGTH, MAX_TEXT_LENGTH, UnitId

MAX_PLAYERS = 100_000  # far above FXServer's 2,048 slots; more is a mistake
MAX_NUMBER_LENGTH = 64  # characters of a number that came as text
LONGEST_WHOLE = 10**30  # a number beyond it is no text anybody wants to read

_PLACE_KEYS = ("coords", "coordinates", "position")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_BLANKS = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029]+")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Place(NamedTuple):
    """Coordinates as found, not checked yet; ``w`` is where a vector4 carries the heading."""

    x: float | None
    y: float | None
    z: float | None
    w: float | None


def is_object(value: object) -> TypeGuard[dict[str, object]]:
    """Tell whether a value was a JSON object."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[object]]:
    """Tell whether a value was a JSON list."""
    return isinstance(value, list)


def mapping_of(value: object) -> dict[str, object]:
    """Return an object's fields; anything else, ``[]`` above all, is an empty object."""
    return value if is_object(value) else {}


def items_of(value: object) -> Sequence[object] | None:
    """Return the members of a list, or of an object that stands for one; None for a scalar.

    A single record, known by its ``id``, is a list of one; a missing list is an empty one.
    """
    if value is None:
        return ()
    if is_list(value):
        return value
    if is_object(value):
        return (value,) if "id" in value else tuple(value.values())
    return None


def number_of(value: object) -> float | None:
    """Return a finite number, also where it came as text."""
    if isinstance(value, str):
        if len(value) > MAX_NUMBER_LENGTH or "_" in value:
            return None
    elif not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def whole_of(value: object) -> int | None:
    """Return a whole number, also where it came as text or as 3.0."""
    number = number_of(value)
    return int(number) if number is not None and number.is_integer() else None


def players_of(value: object) -> int | None:
    """Return a player count that can be one."""
    count = whole_of(value)
    return count if count is not None and 0 <= count <= MAX_PLAYERS else None


def truth_of(value: object) -> bool | None:
    """Return a truth value; Lua natives answer 1 and 0, convars "true" and "false"."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float) and value in (0, 1):
        return bool(value)
    if isinstance(value, str):
        return {"true": True, "false": False, "1": True, "0": False}.get(value.strip().lower())
    return None


def text_of(value: object, limit: int = MAX_TEXT_LENGTH) -> str | None:
    """Return clean text, cut at ``limit`` characters; numbers are turned to text, emptiness is None.

    Line breaks and tabs become blanks, other control characters vanish, halves of characters are shown as U+FFFD.
    """
    if not isinstance(value, str):
        return _digits_of(value)
    if value.isprintable():
        if len(value) <= limit:  # nearly every text; the rest is for those that scripts broke
            return value.strip() or None
    else:
        value = _CONTROLS.sub("", _BLANKS.sub(" ", _SURROGATES.sub("\ufffd", value)))
    return value.strip()[:limit].rstrip() or None


def unit_id_of(value: object) -> UnitId | None:
    """Return a unit's id, given as text or as a whole number, as server ids are."""
    if not isinstance(value, str):
        digits = _digits_of(value)
        return UnitId(digits) if digits is not None and "." not in digits else None
    text = value.strip()
    if not text.isprintable():
        text = _SURROGATES.sub("\ufffd", text)
        if _CONTROLS.search(text):
            return None
    return UnitId(text) if 0 < len(text) <= MAX_ID_LENGTH else None


def ids_of(value: object) -> list[tuple[int, UnitId | None]]:
    """Return the ids of a list, of an object that stands for one, or of a single id; each with its index.

    A member may be a record with an ``id``; nulls are skipped, unreadable ids are None.
    """
    members = items_of(value)
    found: list[tuple[int, UnitId | None]] = []
    for index, member in enumerate((value,) if members is None else members):
        if member is not None:
            found.append((index, unit_id_of(mapping_of(member).get("id", member))))
    return found


def place_of(fields: dict[str, object]) -> Place:
    """Return where a record says it is: flat, else in the first filled object or list that may hold it."""
    if fields.get("x") is not None or fields.get("y") is not None:
        return _place_of_fields(fields)
    for key in _PLACE_KEYS:
        if fields.get(key):
            return point_of(fields[key])
    return Place(None, None, None, None)


def point_of(value: object) -> Place:
    """Return the coordinates of ``{"x", "y", "z"?, "w"?}`` or ``[x, y, z?, w?]``."""
    if is_list(value):
        members = [number_of(member) for member in value[:4]]
        return Place(*members, *[None] * (4 - len(members)))
    return _place_of_fields(mapping_of(value))


def _digits_of(value: object) -> str | None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < LONGEST_WHOLE:
        return None
    return str(int(value) if value == int(value) else value)


def _place_of_fields(fields: dict[str, object]) -> Place:
    return Place(
        number_of(fields.get("x")),
        number_of(fields.get("y")),
        number_of(fields.get("z")),
        number_of(fields.get("w")),
    )
