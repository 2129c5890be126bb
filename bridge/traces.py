"""What is remembered of units that are not, or no longer, known: rejected reports and forgotten units.

Whoever asks why a unit is not on the live map wants the last thing that happened to it. Both memories are bounded: the
oldest entry goes first.
"""

from collections import OrderedDict
from collections.abc import Iterator
from enum import StrEnum
from typing import Generic, TypeVar

from msgspec import Struct

from bridge.units import ServerId, UnitId

REMEMBERED = 1000  # units in each memory

T = TypeVar("T")


class ForgetReason(StrEnum):
    """Why a unit was forgotten."""

    LEFT = "left"
    ABSENT = "absent"
    NOT_PUSHED = "not_pushed"
    SERVER_SILENT = "server_silent"
    SERVER_REMOVED = "server_removed"


class Forgotten(Struct, frozen=True, kw_only=True):
    """A unit that is no longer known; times are monotonic seconds, ``sent_at`` None where it never was sent."""

    server_id: ServerId
    at: float
    reason: ForgetReason
    sent_at: float | None


class Rejected(Struct, frozen=True, kw_only=True):
    """The newest report of a unit that made no sense; ``at`` is monotonic seconds."""

    server_id: ServerId
    at: float
    reason: str


class Nameless(Struct, frozen=True, kw_only=True):
    """Records of one server whose unit could not be read; ``at`` is when the last one came."""

    number: int
    at: float
    reason: str


class Memory(Generic[T]):
    """The newest entry of each unit, of the units that were written down last."""

    def __init__(self, limit: int = REMEMBERED) -> None:
        self._limit = limit
        self._entries: OrderedDict[UnitId, T] = OrderedDict()

    def __len__(self) -> int:
        """Return how many units are remembered."""
        return len(self._entries)

    def __iter__(self) -> Iterator[UnitId]:
        """Go through the units, the oldest entry first."""
        return iter(self._entries)

    def get(self, unit_id: UnitId) -> T | None:
        """Return what is remembered of a unit."""
        return self._entries.get(unit_id)

    def note(self, unit_id: UnitId, entry: T) -> None:
        """Remember an entry in place of the unit's former one."""
        self._entries[unit_id] = entry
        self._entries.move_to_end(unit_id)
        if len(self._entries) > self._limit:
            self._entries.popitem(last=False)


class Traces:
    """Both memories, and by server the records that named no unit."""

    def __init__(self) -> None:
        self.forgotten: Memory[Forgotten] = Memory()
        self.rejected: Memory[Rejected] = Memory()
        self.nameless: dict[ServerId, Nameless] = {}

    def reject(self, server_id: ServerId, unit_id: UnitId | None, reason: str, now: float) -> None:
        """Remember a record that made no sense; ``unit_id`` is None where it could not be read."""
        if unit_id is not None:
            self.rejected.note(unit_id, Rejected(server_id=server_id, at=now, reason=reason))
            return
        former = self.nameless.get(server_id)
        number = 1 if former is None else former.number + 1
        self.nameless[server_id] = Nameless(number=number, at=now, reason=reason)
