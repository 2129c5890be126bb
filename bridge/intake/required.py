"""Values that must make sense: each reader raises what names the field and what was expected there.

``fields`` reads them; here stands what may not be missing, wrong or without bound.
"""

from bridge.errors import PushError
from bridge.intake.fields import ids_of, is_object, number_of, text_of, truth_of, whole_of
from bridge.units import MAX_TEXT_LENGTH, UnitId

MAX_UNITS = 1000  # in one event
MAX_WORD_LENGTH = 100  # characters of a code, a block, an icon, a colour
MAX_POSTAL_LENGTH = 32
MAX_DESCRIPTION_LENGTH = 4000  # characters of a call's description or of a note on it
MAX_METADATA = 50  # entries of a call
MAX_METADATA_KEY_LENGTH = 100
MAX_METADATA_VALUE_LENGTH = 1000
MAX_RADIUS = 32_000.0  # metres; twice as far as any place is from the middle of the map


def needed_text(fields: dict[str, object], name: str, limit: int = MAX_TEXT_LENGTH) -> str:
    """Return a text, cut at ``limit`` characters.

    Raises:
        PushError: there is none.
    """
    text = text_of(fields.get(name), limit)
    if text is None:
        raise PushError(f"{name}: expected text")
    return text


def text_or_nothing(fields: dict[str, object], name: str, limit: int = MAX_TEXT_LENGTH) -> str:
    """Return a text, cut at ``limit`` characters, or an empty one: what cannot be read costs nothing else."""
    return text_of(fields.get(name), limit) or ""


def true_unless_said(fields: dict[str, object], name: str) -> bool:
    """Return a truth value that is true where it is missing.

    Raises:
        PushError: it is no truth value.
    """
    value = fields.get(name)
    truth = True if value is None else truth_of(value)
    if truth is None:
        raise PushError(f"{name}: expected true or false")
    return truth


def whole_between(fields: dict[str, object], name: str, low: int, high: int, meaning: str = "") -> int | None:
    """Return a whole number of a range, also where it came as text; None where it is missing.

    Raises:
        PushError: it is no whole number, or out of range.
    """
    value = fields.get(name)
    number = whole_of(value)
    if value is not None and (number is None or not low <= number <= high):
        names = f" ({meaning})" if meaning else ""
        raise PushError(f"{name}: expected a whole number from {low} to {high}{names}")
    return number


def radius_of(fields: dict[str, object]) -> float | None:
    """Return ``radius`` in metres; None where it is missing.

    Raises:
        PushError: it is no number, negative, or larger than the map.
    """
    value = fields.get("radius")
    radius = number_of(value)
    if value is not None and (radius is None or not 0 <= radius <= MAX_RADIUS):
        raise PushError(f"radius: expected metres from 0 to {MAX_RADIUS:g}")
    return radius


def units_in(fields: dict[str, object], *names: str) -> tuple[UnitId, ...]:
    """Return the units that some fields name, each once; there may be none.

    Raises:
        PushError: one is no id, or there are too many.
    """
    found: dict[UnitId, None] = {}
    for name in names:
        for index, unit_id in ids_of(fields.get(name)):
            if unit_id is None:
                raise PushError(f"{name}: number {index} is no id")
            found[unit_id] = None
    if len(found) > MAX_UNITS:
        raise PushError(f"ids: at most {MAX_UNITS} units fit into one event, found {len(found)}")
    return tuple(found)


def needed_units(fields: dict[str, object]) -> tuple[UnitId, ...]:
    """Return the units of ``ids`` and ``id``, each once.

    Raises:
        PushError: there is none, one is no id, or there are too many.
    """
    found = units_in(fields, "ids", "id")
    if not found:
        raise PushError("id or ids: expected at least one unit")
    return found


def needed_unit(fields: dict[str, object]) -> UnitId:
    """Return the one unit of ``id``.

    Raises:
        PushError: there is none, it is no id, or there are several.
    """
    found = units_in(fields, "id", "ids")
    if len(found) != 1:
        raise PushError(f"id: expected one unit, found {len(found)}")
    return found[0]


def metadata_of(value: object) -> dict[str, str]:
    """Return a call's metadata, which at Sonoran leads from text to text; nulls are left out.

    Raises:
        PushError: it is no object, holds anything but names and plain values, or too many of them.
    """
    if not value:
        return {}
    if not is_object(value):
        raise PushError("metadata: expected an object")
    if len(value) > MAX_METADATA:
        raise PushError(f"metadata: at most {MAX_METADATA} entries, found {len(value)}")
    return dict(_entry(name, member) for name, member in value.items() if member is not None)


def _entry(name: str, value: object) -> tuple[str, str]:
    key = text_of(name, MAX_METADATA_KEY_LENGTH)
    text = text_of(value, MAX_METADATA_VALUE_LENGTH)
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, str):
        text = text or ""
    if key is None or text is None:
        raise PushError("metadata: expected names and texts")
    return key, text
