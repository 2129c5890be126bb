"""What the status page shows each second: the status, and every unit as a row of the map."""

from collections.abc import Iterable
from typing import Protocol

from msgspec import Struct

from bridge.admin.status import Status
from bridge.units import ServerId, UnitId

PANICKING = 1
STALE = 2
SET_ASIDE = 4


class UnitRow(Struct, frozen=True, gc=False):
    """A unit on the map: whole metres and degrees; ``marks`` adds up ``PANICKING``, ``STALE`` and ``SET_ASIDE``."""

    unit_id: UnitId
    server_id: ServerId
    x: int
    y: int
    heading: int | None
    marks: int
    text: str | None


class Picture(Struct, frozen=True, kw_only=True):
    """Everything as it is now; each of ``units`` is looked at when it is asked for."""

    status: Status
    units: Iterable[UnitRow]


class UnitStory(Struct, frozen=True, kw_only=True):
    """Why a unit is, or is not, on the live map.

    ``state`` is sent, in_flight, waiting, refused, stale, forgotten, rejected, panic_only or unknown; ``on_map`` is
    null where the CAD does not say. ``sentence`` is the answer, ``more`` what else is known.
    """

    unit: str
    server: str | None
    state: str
    on_map: bool | None
    sentence: str
    more: list[str]


class Found(Struct, frozen=True, kw_only=True):
    """The units that an identifier, or a part of one, may mean; ``matches`` counts also those that are not told."""

    matches: int
    units: list[UnitStory]


class Search(Protocol):
    """What looks for units."""

    def __call__(self, typed: str, *, full: bool) -> Found:
        """Return the units that are meant by what was typed; ``full``: identifiers are told in full."""
        ...
