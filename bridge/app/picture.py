"""Draws the units for the status page."""

from bridge.admin.picture import PANICKING, SET_ASIDE, STALE, Picture, UnitRow
from bridge.app.parts import Parts
from bridge.app.view import View
from bridge.roster import Unit
from bridge.units import ServerId

FULL_TURN = 360


class Painter:
    """Reads the parts; changes nothing."""

    def __init__(self, parts: Parts, view: View) -> None:
        self._parts = parts
        self._view = view

    def paint(self) -> Picture:
        """Return everything as it is now, the units server by server."""
        units = [list(self._parts.coalescer.units_of(server.id)) for server in self._parts.fleet]
        now = self._parts.clock.monotonic()
        rows = (
            self._row(unit, unit.roster.server_id, now) for units_of_one in units for unit in units_of_one
        )
        return Picture(status=self._view.status(), units=rows)

    def _row(self, unit: Unit, server_id: ServerId, now: float) -> UnitRow:
        report = unit.report
        coalescer = self._parts.coalescer
        marks = PANICKING if unit.panicking else 0
        if coalescer.is_stale(unit, now):
            marks |= STALE
        if coalescer.set_aside_until(unit.id) is not None:
            marks |= SET_ASIDE
        heading = None if report.heading is None else round(report.heading) % FULL_TURN
        return UnitRow(unit.id, server_id, round(report.x), round(report.y), heading, marks, unit.text)
