"""The units of a server as the coalescer keeps them. All times are monotonic seconds."""

from collections import OrderedDict

from msgspec import Struct

from bridge.units import LocationReport, ServerId, UnitId


class Location(Struct, frozen=True, kw_only=True):
    """A report as it goes into a batch; ``text`` is the last one the game named, if any."""

    report: LocationReport
    text: str | None


class Unit:
    """What is known of one unit.

    ``told`` is what the CAD was last sent, in flight or answered, ``taken_at`` when the batch with it was taken;
    ``sent_at`` is the ``taken_at`` of the last batch that the CAD took.
    """

    __slots__ = (
        "due_since",
        "id",
        "moved",
        "panicking",
        "received_at",
        "report",
        "roster",
        "sent_at",
        "taken_at",
        "text",
        "told",
        "told_at",
    )

    def __init__(self, report: LocationReport, roster: "Roster", now: float) -> None:
        self.id = report.unit_id
        self.roster = roster
        self.report = report
        self.text = report.text
        self.received_at = now
        self.told: Location | None = None
        self.told_at = 0.0
        self.taken_at: float | None = None
        self.sent_at: float | None = None
        self.due_since: float | None = None
        self.moved = False  # due for something new, not only to be told again
        self.panicking = False

    @property
    def in_flight(self) -> bool:
        """Tell whether a batch with the unit is under way."""
        return self.told is not None and self.taken_at != self.sent_at


class Roster:
    """The units of one server in the orders they are looked for."""

    def __init__(self, server_id: ServerId) -> None:
        self.server_id = server_id
        self.units: OrderedDict[UnitId, Unit] = OrderedDict()  # longest not pushed first
        self.due: OrderedDict[UnitId, Unit] = OrderedDict()  # longest waiting first
        self.told: OrderedDict[UnitId, Unit] = OrderedDict()  # longest ago told first
        self.panicking: dict[UnitId, Unit] = {}
        self.last_push_at: float | None = None
