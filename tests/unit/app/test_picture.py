"""The units as rows of the map."""

from pathlib import Path

import pytest

from bridge.admin.picture import PANICKING, SET_ASIDE, STALE, UnitRow
from bridge.app.parts import Parts
from bridge.app.picture import Painter
from bridge.app.view import View
from bridge.units import LocationReport, ServerId, UnitId
from tests.support.running_daemon import daemon_config
from tests.support.stepping_clock import SteppingClock

UNIT = UnitId("license:1")


class Still:
    """A daemon's parts that nobody started, and who paints them."""

    def __init__(self, folder: Path) -> None:
        self.clock = SteppingClock()
        self.parts = Parts(daemon_config(folder), self.clock)
        self.painter = Painter(self.parts, View(self.parts))

    def put(self, unit: str = UNIT, *, server: int = 1, **place: float | str | None) -> None:
        fields = {"x": 1.4, "y": -2.6, "heading": 359.6, "text": "Grove Street"} | place
        report = LocationReport(unit_id=UnitId(unit), **fields)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]  # the test's own
        self.parts.coalescer.put(ServerId(server), [report], self.clock.monotonic())

    def marks(self) -> int:
        (row,) = self.painter.paint().units
        return row.marks


@pytest.fixture(name="still")
def _still(tmp_path: Path) -> Still:
    return Still(tmp_path)


def test_a_unit_is_a_row_in_whole_metres_and_degrees(still: Still) -> None:
    still.put()

    assert [*still.painter.paint().units] == [UnitRow(UNIT, ServerId(1), 1, -3, 0, 0, "Grove Street")]


def test_units_stand_server_by_server_with_the_status(still: Still) -> None:
    still.put("license:b", server=2, heading=None, text=None)
    still.put("license:a")

    seen = still.painter.paint()

    units = list(seen.units)
    assert [(row.unit_id, row.server_id) for row in units] == [("license:a", 1), ("license:b", 2)]
    assert (units[1].heading, units[1].text) == (None, None)
    assert seen.status.locations.units == 2


def test_a_unit_that_pressed_panic_is_marked(still: Still) -> None:
    still.put()
    still.parts.coalescer.set_panicking(UNIT, active=True)

    assert still.marks() == PANICKING


def test_a_unit_whose_place_is_too_old_to_be_sent_is_marked(still: Still) -> None:
    still.put()
    still.clock.now += 61

    assert still.marks() == STALE


def test_a_unit_that_the_cad_refuses_is_marked(still: Still) -> None:
    still.put()
    still.parts.coalescer.set_aside(UNIT, still.clock.monotonic() + 600)

    assert still.marks() == SET_ASIDE
