"""Panic pushes: a button, and where its unit is."""

from collections.abc import Sequence

from msgspec import Struct

from bridge.errors import PushError
from bridge.events import Panic
from bridge.intake.document import read_document
from bridge.intake.fields import is_list, is_object, mapping_of, number_of, place_of, point_of, text_of
from bridge.intake.locations import height, misplaced
from bridge.intake.units import panic_of
from bridge.units import LocationReport


class PanicPush(Struct, frozen=True, kw_only=True):
    """A panic, and what it says of the units' place: coordinates as reports, or the name of a street."""

    event: Panic
    reports: Sequence[LocationReport] = ()
    text: str | None = None


def read_panic(body: bytes, *, max_coordinate: float) -> PanicPush:
    """Return the panic of ``{"id" or "ids", "active"?, "location"?}``.

    ``location`` is text, or coordinates as an object or a list. One that makes no sense is ignored: nothing
    about the place may cost a panic.

    Raises:
        PushError: the body names no unit, a bad one, or an ``active`` that is no truth value.
        MalformedError: it is not JSON.
    """
    document = read_document(body)
    fields = mapping_of(document)
    if not fields:
        raise PushError('expected {"id" or "ids", "active"?, "location"?}')
    event = panic_of(fields)
    location = fields.get("location")
    inner: object = location if is_object(location) or is_list(location) else document
    return PanicPush(
        event=event,
        reports=_reports(event, inner, max_coordinate),
        text=text_of(mapping_of(inner).get("location", location)),
    )


def _reports(event: Panic, value: object, limit: float) -> tuple[LocationReport, ...]:
    place = point_of(value) if is_list(value) else place_of(mapping_of(value))
    heading = number_of(mapping_of(value).get("heading"))
    x, y = place.x, place.y
    if x is None or y is None or misplaced(x, y, place.z, limit) is not None:
        return ()
    z = height(place.z, limit)
    return tuple(
        LocationReport(unit_id=unit_id, x=x, y=y, z=z, heading=place.w if heading is None else heading)
        for unit_id in event.ids
    )
