"""Events that create a call: from the public, and on the dispatch board."""

from bridge.errors import PushError
from bridge.events import DispatchCall, EmergencyCall
from bridge.intake.fields import place_of, text_of
from bridge.intake.required import (
    MAX_DESCRIPTION_LENGTH,
    MAX_POSTAL_LENGTH,
    MAX_WORD_LENGTH,
    metadata_of,
    needed_text,
    radius_of,
    text_or_nothing,
    true_unless_said,
    units_in,
    whole_between,
)

MAX_MINUTES = 525_600  # a year; deleteAfterMinutes
NUMBERS = {"origin": (0, 3, ""), "status": (0, 2, "pending, active, closed"), "priority": (1, 3, "")}
"""Sonoran's CALL_ORIGIN, CALL_STATUS and priorities: the first, the last and what they are called."""


def emergency_call_of(fields: dict[str, object], *, extra: dict[str, object] | None = None) -> EmergencyCall:
    """Return the 911 call of a record; a place that makes no sense is left out, ``extra`` is passed on as it is.

    Raises:
        PushError: a text is missing, or what is there of the rest is wrong.
    """
    place = place_of(fields)
    return EmergencyCall(
        caller=needed_text(fields, "caller"),
        location=needed_text(fields, "location"),
        description=needed_text(fields, "description", MAX_DESCRIPTION_LENGTH),
        emergency=true_unless_said(fields, "emergency"),
        x=place.x,
        y=place.y,
        z=place.z,
        postal=text_of(fields.get("postal"), MAX_POSTAL_LENGTH),
        delete_after_minutes=whole_between(fields, "delete_after_minutes", 1, MAX_MINUTES),
        metadata=metadata_of(fields.get("metadata")),
        extra=extra or {},
    )


def dispatch_call_of(fields: dict[str, object], *, extra: dict[str, object] | None = None) -> DispatchCall:
    """Return the dispatch call of a record; a place that makes no sense is left out, ``extra`` is passed on as it is.

    ``communityUserIds`` and ``metaData`` are taken too: bodies are copied from Sonoran's documents.

    Raises:
        PushError: it has neither title nor description, or what is there of the rest is wrong.
    """
    title = text_or_nothing(fields, "title")
    description = text_or_nothing(fields, "description", MAX_DESCRIPTION_LENGTH)
    if not title and not description:
        raise PushError("title or description: expected text")
    numbers = {name: whole_between(fields, name, *known) for name, known in NUMBERS.items()}
    place = place_of(fields)
    return DispatchCall(
        title=title,
        description=description,
        code=text_or_nothing(fields, "code", MAX_WORD_LENGTH),
        block=text_or_nothing(fields, "block", MAX_WORD_LENGTH),
        address=text_or_nothing(fields, "address"),
        postal=text_or_nothing(fields, "postal", MAX_POSTAL_LENGTH),
        ids=units_in(fields, "ids", "id", "communityUserIds"),
        x=place.x,
        y=place.y,
        z=place.z,
        metadata=metadata_of(fields.get("metadata") or fields.get("metaData")) | _radius(fields),
        extra=extra or {},
        **{name: number for name, number in numbers.items() if number is not None},
    )


def _radius(fields: dict[str, object]) -> dict[str, str]:
    radius = radius_of(fields)
    return {} if radius is None else {"radius": f"{radius:z.3f}".rstrip("0").rstrip(".")}
