"""The location buffer: the newest report of each unit, and which of them the CAD should hear of next.

It replaces and may lose, because only the newest location matters. It takes a report in constant time and a
batch in time that grows with the batch, does no I/O and has no clock: whoever calls says what time it is.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from operator import attrgetter

from msgspec import Struct
from msgspec.structs import replace

from bridge.config import LocationsConfig
from bridge.roster import Location, Roster, Unit
from bridge.traces import ForgetReason, Forgotten, Traces
from bridge.units import LocationReport, ServerId, UnitId, Vehicle, distance, turn

MOST_EXPECTED = 1000  # panicking units that are remembered before their first push
MOST_SWEPT = (
    2000  # units of a server that one sweep looks at: with more of them each is looked at in its turn
)
SERVER_SILENCE = 600.0  # seconds without any push after which a server's units are forgotten


class Batch(Struct, frozen=True, kw_only=True):
    """Locations taken for one request. Hand it back by ``confirm`` or ``restore``."""

    server_id: ServerId
    taken_at: float
    locations: tuple[Location, ...]
    oldest_at: float
    stale: int
    units: tuple[Unit, ...]
    waits: tuple[tuple[float, bool], ...]  # by unit: due since when, and for something new

    @property
    def unit_ids(self) -> list[UnitId]:
        """Return the units in the batch, in its order."""
        return [location.report.unit_id for location in self.locations]


class SetAside(Struct, frozen=True, kw_only=True):
    """A unit whose location the CAD refuses; ``until`` is monotonic seconds."""

    unit_id: UnitId
    until: float


class Coalescer:
    """The newest location of every unit, by server. All times are monotonic seconds."""

    def __init__(self, config: LocationsConfig, server_ids: Iterable[ServerId]) -> None:
        self._config = config
        self._rosters = {server_id: Roster(server_id) for server_id in server_ids}
        self._set_aside: dict[UnitId, SetAside] = {}
        self._expected_panicking: dict[UnitId, None] = {}  # pressed before their first push, oldest first
        self.traces = Traces()

    def reconfigure(self, config: LocationsConfig, server_ids: Collection[ServerId]) -> None:
        """Judge by these thresholds from now on, and forget the units of servers that are no more."""
        self._config = config
        for server_id, roster in self._rosters.items():
            if server_id not in server_ids:
                self.forget(server_id, list(roster.units), reason=ForgetReason.SERVER_REMOVED)
        for server_id in server_ids:
            self._rosters.setdefault(
                server_id, Roster(server_id)
            )  # a late push of a former one still has its own

    def put(self, server_id: ServerId, reports: Sequence[LocationReport], now: float) -> int:
        """Take the reports of one push; an empty one says that the server is alive.

        The newest push owns a unit: one that was on another server before leaves it.

        Returns:
            How many reports replaced one that had not been sent yet.
        """
        roster = self._rosters[server_id]
        roster.last_push_at = now
        units = roster.units
        replaced = 0
        for report in reports:
            unit = units.get(report.unit_id)
            if unit is None:
                replaced += self._welcome(roster, report, now)
                continue
            unit.report = report
            unit.received_at = now
            if report.text:
                unit.text = report.text
            if unit.moved:
                replaced += 1
            elif self.differs(unit):
                self._mark_due(unit, now, moved=True)
        return replaced

    def set_text(self, server_id: ServerId, unit_id: UnitId, text: str, now: float) -> None:
        """Change where a known unit is in words; a unit of another server is left alone."""
        unit = self._rosters[server_id].units.get(unit_id)
        if unit is not None:
            unit.text = text
            unit.received_at = now
            if not unit.moved and self.differs(unit):
                self._mark_due(unit, now, moved=True)

    def set_panicking(self, unit_id: UnitId, active: bool) -> None:  # noqa: FBT001 -- the state, as in setUnitPanic
        """Let a unit go first in every batch, or no longer; it may be one that is yet to be pushed."""
        unit = self.find(unit_id)
        if unit is None:
            self._expected_panicking.pop(unit_id, None)
            if active:
                self._expected_panicking[unit_id] = None
            if len(self._expected_panicking) > MOST_EXPECTED:
                del self._expected_panicking[next(iter(self._expected_panicking))]
            return
        unit.panicking = active
        if active:
            unit.roster.panicking[unit_id] = unit
        else:
            unit.roster.panicking.pop(unit_id, None)

    def forget(
        self, server_id: ServerId, unit_ids: Iterable[UnitId], now: float | None = None,
        reason: ForgetReason = ForgetReason.LEFT,
    ) -> None:  # fmt: skip
        """Drop units that left the server; those that meanwhile are on another one stay there.

        Without ``now`` they are remembered as gone since the server's last push.
        """
        roster = self._rosters[server_id]
        at = (roster.last_push_at or 0.0) if now is None else now
        for unit_id in unit_ids:
            unit = roster.units.get(unit_id)
            if unit is not None:
                self._forget(unit, at, reason)

    def keep_only(self, server_id: ServerId, unit_ids: Collection[UnitId]) -> None:
        """Drop every unit of the server that is not named: the push was a full roster."""
        present = frozenset(unit_ids)
        absent = [unit_id for unit_id in self._rosters[server_id].units if unit_id not in present]
        self.forget(server_id, absent, reason=ForgetReason.ABSENT)

    def ready(self, server_id: ServerId, now: float) -> int:
        """Return how many units of the server are due, those to be told again included."""
        roster = self._rosters[server_id]
        self._remind(roster, now)
        return len(roster.due)

    def has_panic(self, server_id: ServerId) -> bool:
        """Tell whether a panicking unit of the server is due."""
        roster = self._rosters[server_id]
        return any(unit_id in roster.due for unit_id in roster.panicking)

    def take(
        self, server_id: ServerId, now: float, limit: int, *, withhold: Collection[UnitId] = (),
        only: Collection[UnitId] | None = None,
    ) -> Batch:  # fmt: skip
        """Take up to ``limit`` due units: panicking ones first, then those that wait longest.

        Args:
            server_id: whose units.
            now: the time of the batch.
            limit: units at most.
            withhold: units that stay where they are.
            only: if given, no others are taken.
        """
        roster = self._rosters[server_id]
        self._remind(roster, now)
        chosen: list[Unit] = []
        stale: list[Unit] = []
        for unit in self._candidates(roster):
            if len(chosen) == limit:
                break
            if unit.id in withhold or (only is not None and unit.id not in only):
                continue
            (stale if self.is_stale(unit, now) else chosen).append(unit)
        lost = sum(unit.moved for unit in stale)  # one only to be told again was sent before
        for unit in stale:
            self._clear_due(unit)
            self._expect(unit, now)
        return self._pack(server_id, now, chosen, lost)

    def confirm(self, batch: Batch) -> None:
        """Record that the CAD took the batch."""
        for unit in batch.units:
            if unit.known:
                unit.sent_at = batch.taken_at
                self._expect(unit, batch.taken_at)

    def restore(self, batch: Batch) -> None:
        """Put the batch back to the head of the queue; what is newer meanwhile stays newer."""
        for unit, (since, moved) in reversed(list(zip(batch.units, batch.waits, strict=True))):
            if not unit.known or unit.id in self._set_aside:
                continue
            unit.told = None
            self._mark_due(unit, since, moved=moved)
            unit.roster.due.move_to_end(unit.id, last=False)

    def set_aside(self, unit_id: UnitId, until: float) -> None:
        """Keep a unit out of all batches until then: the CAD refuses its location."""
        unit = self.find(unit_id)
        if unit is not None:
            self._clear_due(unit)
            unit.told = None
            self._set_aside[unit_id] = SetAside(unit_id=unit_id, until=until)

    def sweep(self, now: float) -> dict[ServerId, int]:
        """Forget units not pushed for ``forget_after`` and all of servers silent for ten minutes.

        Returns:
            By server, how many of the forgotten had a location that was never sent.
        """
        unsent = dict.fromkeys(self._rosters, 0)
        for server_id, roster in self._rosters.items():
            forgotten, reason = self._forgotten(roster, now)
            for unit in forgotten:
                unsent[server_id] += unit.moved
                self._forget(unit, now, reason)
        for entry in [entry for entry in self._set_aside.values() if entry.until <= now]:
            self._release(entry, now)
        return unsent

    def count(self, server_id: ServerId) -> int:
        """Return how many units of the server are known."""
        return len(self._rosters[server_id].units)

    def pending(self, server_id: ServerId) -> int:
        """Return how many units of the server wait for a batch."""
        return len(self._rosters[server_id].due)

    def list_set_aside(self) -> list[SetAside]:
        """Return the units whose locations the CAD refuses, longest refused first."""
        return sorted(self._set_aside.values(), key=attrgetter("until"))

    def find(self, unit_id: UnitId) -> Unit | None:
        """Return what is known of a unit, to look at."""
        for roster in self._rosters.values():
            unit = roster.units.get(unit_id)
            if unit is not None:
                return unit
        return None

    def units_of(self, server_id: ServerId) -> Collection[Unit]:
        """Return the units of a server, to look at."""
        return self._rosters[server_id].units.values()

    def named(self) -> Iterator[UnitId]:
        """Go through the units that anything is known of: pushed ones, and panicking ones that are yet to be."""
        for roster in self._rosters.values():
            yield from roster.units
        yield from self._expected_panicking

    def expects_panicking(self, unit_id: UnitId) -> bool:
        """Tell whether a unit pressed panic before its first push."""
        return unit_id in self._expected_panicking

    def set_aside_until(self, unit_id: UnitId) -> float | None:
        """Return until when a unit stays out of all batches, if it does."""
        entry = self._set_aside.get(unit_id)
        return None if entry is None else entry.until

    def differs(self, unit: Unit) -> bool:
        """Tell whether a unit is elsewhere, or otherwise, than the CAD was last told."""
        told = unit.told
        if told is None:
            return True
        return (
            distance(unit.report, told.report) > self._config.min_distance
            or turn(unit.report, told.report) > self._config.min_heading
            or (told.report.heading is None and unit.report.heading is not None)
            or unit.text != told.text
            or _looks(unit.report) != _looks(told.report)
        )

    def is_stale(self, unit: Unit, now: float) -> bool:
        """Tell whether where a unit is known to be is too old to be sent."""
        vouched_at = unit.received_at if unit.moved else unit.roster.last_push_at or 0.0
        return now - vouched_at > self._config.stale_after

    def _welcome(self, roster: Roster, report: LocationReport, now: float) -> int:
        unit = Unit.of(report, roster, now)
        former = self.find(unit.id)  # on another server
        replaced = 0
        if former is not None:
            replaced = int(former.moved)
            unit.text = report.text or former.text
            unit.panicking = former.panicking
            self._remove(former, keep_set_aside=True)
        roster.units[unit.id] = unit
        if unit.id in self._expected_panicking:
            del self._expected_panicking[unit.id]
            unit.panicking = True
        if unit.panicking:
            roster.panicking[unit.id] = unit
        self._mark_due(unit, now, moved=True)
        return replaced

    def _forget(self, unit: Unit, at: float, reason: ForgetReason) -> None:
        self._remove(unit)
        self.traces.forgotten.note(
            unit.id,
            Forgotten(server_id=unit.roster.server_id, at=at, reason=reason, sent_at=unit.sent_at),
        )

    def _remove(self, unit: Unit, *, keep_set_aside: bool = False) -> None:
        roster = unit.roster
        del roster.units[unit.id]
        for order in (roster.due, roster.told, roster.panicking):
            order.pop(unit.id, None)
        if not keep_set_aside:
            self._set_aside.pop(unit.id, None)

    def _mark_due(self, unit: Unit, since: float, *, moved: bool) -> None:
        if unit.id in self._set_aside:
            return
        unit.moved = unit.moved or moved
        if unit.due_since is None or since < unit.due_since:
            unit.due_since = since
        unit.roster.told.pop(unit.id, None)
        unit.roster.due[unit.id] = unit

    def _clear_due(self, unit: Unit) -> None:
        unit.due_since = None
        unit.moved = False
        unit.roster.due.pop(unit.id, None)

    def _expect(self, unit: Unit, told_at: float) -> None:
        """Have the unit told again ``resend_after`` later, if it has not moved and its server still pushes then."""
        unit.told_at = told_at
        if unit.due_since is None:
            unit.roster.told[unit.id] = unit
            unit.roster.told.move_to_end(unit.id)

    def _remind(self, roster: Roster, now: float) -> None:
        # A unit comes again only if its server pushed after the time was up: no ghosts of a server that died.
        pushed_at = roster.last_push_at
        if pushed_at is None or not self._config.resend_after:
            return
        while roster.told:
            unit = next(iter(roster.told.values()))
            if unit.told_at + self._config.resend_after > pushed_at:
                return
            del roster.told[unit.id]
            self._mark_due(unit, now, moved=False)

    def _candidates(self, roster: Roster) -> Iterable[Unit]:
        urgent = [unit for unit_id, unit in roster.panicking.items() if unit_id in roster.due]
        yield from sorted(urgent, key=lambda unit: unit.due_since or 0.0)
        for unit in roster.due.values():
            if not unit.panicking:
                yield unit

    def _pack(self, server_id: ServerId, now: float, chosen: list[Unit], stale: int) -> Batch:
        waits = tuple((now if unit.due_since is None else unit.due_since, unit.moved) for unit in chosen)
        oldest_at = min((unit.received_at for unit in chosen if unit.moved), default=now)
        for unit in chosen:
            self._clear_due(unit)
            report = replace(unit.report, unit_id=unit.id, text=unit.text)  # one string for all that is kept
            unit.told = Location(report=report, text=unit.text)
            unit.taken_at = now
            unit.roster.told.pop(unit.id, None)
        return Batch(
            server_id=server_id,
            taken_at=now,
            locations=tuple(unit.told for unit in chosen if unit.told is not None),
            oldest_at=oldest_at,
            stale=stale,
            units=tuple(chosen),
            waits=waits,
        )

    def _forgotten(self, roster: Roster, now: float) -> tuple[list[Unit], ForgetReason]:
        seen = roster.review(MOST_SWEPT)
        if roster.last_push_at is not None and now - roster.last_push_at >= SERVER_SILENCE:
            return list(seen), ForgetReason.SERVER_SILENT
        old = [unit for unit in seen if now - unit.received_at >= self._config.forget_after]
        return old, ForgetReason.NOT_PUSHED

    def _release(self, entry: SetAside, now: float) -> None:
        del self._set_aside[entry.unit_id]
        unit = self.find(entry.unit_id)
        if unit is not None and self.differs(unit):
            self._mark_due(unit, now, moved=True)


def _looks(report: LocationReport) -> tuple[Vehicle | None, str | None]:
    return report.vehicle, report.peer_id
