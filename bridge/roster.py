"""The units of a server as the coalescer keeps them. All times are monotonic seconds."""

from collections import OrderedDict
from collections.abc import Iterator
from itertools import islice
from typing import Self

from msgspec import Struct

from bridge.units import LocationReport, ServerId, UnitId


class Location(Struct, frozen=True, kw_only=True, gc=False):
    """A report as it goes into a batch; ``text`` is the last one the game named, if any."""

    report: LocationReport
    text: str | None


class Unit(Struct, eq=False, gc=False):
    """What is known of one unit.

    ``told`` is what the CAD was last sent, in flight or answered, ``taken_at`` when the batch with it was taken;
    ``sent_at`` is the ``taken_at`` of the last batch that the CAD took. ``moved`` says that it is due for something
    new, not only to be told again. The collector need not look at units: whoever forgets one takes it out of its
    roster.
    """

    id: UnitId
    roster: "Roster"
    report: LocationReport
    text: str | None
    received_at: float
    told: Location | None = None
    told_at: float = 0.0
    taken_at: float | None = None
    sent_at: float | None = None
    due_since: float | None = None
    moved: bool = False
    panicking: bool = False

    @classmethod
    def of(cls, report: LocationReport, roster: "Roster", now: float) -> Self:
        """Return a unit as its first report has it."""
        return cls(report.unit_id, roster, report, report.text, now)

    @property
    def known(self) -> bool:
        """Tell whether it is still the unit of its name on its server."""
        return self.roster.units.get(self.id) is self

    @property
    def in_flight(self) -> bool:
        """Tell whether a batch with the unit is under way."""
        return self.told is not None and self.taken_at != self.sent_at


class Roster:
    """The units of one server, and the orders they are looked for in; none waits in both ``due`` and ``told``."""

    def __init__(self, server_id: ServerId) -> None:
        self.server_id = server_id
        self.units: dict[UnitId, Unit] = {}
        self.due: OrderedDict[UnitId, Unit] = OrderedDict()  # longest waiting first
        self.told: OrderedDict[UnitId, Unit] = OrderedDict()  # longest ago told first
        self.panicking: dict[UnitId, Unit] = {}
        self.last_push_at: float | None = None
        self._round: Iterator[Unit] = iter(())

    def review(self, limit: int) -> Iterator[Unit]:
        """Go through the next ``limit`` units, or all where there are no more: in turn each of them is seen."""
        rest = list(islice(self._round, limit))
        if len(rest) < limit:
            self._round = iter(list(self.units.values()))
            rest += islice(self._round, limit - len(rest))
        return (unit for unit in rest if unit.known)
