"""Events that mark a place on the live map."""

from bridge.errors import PushError
from bridge.events import Blip, BlipRow
from bridge.intake.fields import is_object, items_of, mapping_of, place_of, text_of
from bridge.intake.required import MAX_WORD_LENGTH, radius_of, text_or_nothing

MAX_COORDINATE = 16_000.0  # metres from the middle of the map
MAX_ROWS = 50  # of what a blip shows
MAX_ROW_LENGTH = 1000  # characters of a row's text

_ROW = '{"title", "text"}'


def blip_of(fields: dict[str, object]) -> Blip:
    """Return the blip of a record; ``subType`` is Sonoran's spelling of ``sub_type``.

    Raises:
        PushError: it is nowhere in the game world, or what is there of the rest is wrong.
    """
    place = place_of(fields)
    if place.x is None or place.y is None:
        raise PushError("x and y, or coords: expected two finite numbers")
    if any(abs(metres or 0.0) > MAX_COORDINATE for metres in place[:3]):
        raise PushError(f"x, y, z: expected metres from -{MAX_COORDINATE:g} to {MAX_COORDINATE:g}")
    kind = text_or_nothing(fields, "sub_type", MAX_WORD_LENGTH)
    return Blip(
        x=place.x,
        y=place.y,
        z=place.z,
        sub_type=kind or text_or_nothing(fields, "subType", MAX_WORD_LENGTH),
        icon=text_or_nothing(fields, "icon", MAX_WORD_LENGTH),
        color=text_or_nothing(fields, "color", MAX_WORD_LENGTH),
        tooltip=text_or_nothing(fields, "tooltip"),
        radius=radius_of(fields),
        data=_rows_of(fields.get("data")),
    )


def _rows_of(value: object) -> tuple[BlipRow, ...]:
    alone = is_object(value) and _row_of(value) is not None
    members = (value,) if alone else items_of(value)
    if members is None:
        raise PushError(f"data: expected a list of {_ROW}")
    if len(members) > MAX_ROWS:
        raise PushError(f"data: at most {MAX_ROWS} rows, found {len(members)}")
    rows: list[BlipRow] = []
    for index, member in enumerate(members):
        if member is not None:
            row = _row_of(mapping_of(member))
            if row is None:
                raise PushError(f"data: number {index} is no {_ROW}")
            rows.append(row)
    return tuple(rows)


def _row_of(fields: dict[str, object]) -> BlipRow | None:
    title = text_of(fields.get("title"))
    text = text_of(fields.get("text"), MAX_ROW_LENGTH)
    return None if title is None and text is None else BlipRow(title=title or "", text=text or "")
