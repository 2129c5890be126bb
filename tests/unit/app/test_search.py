"""Finding units by what their identifiers hold."""

from pathlib import Path

import pytest

from bridge.admin.picture import Found
from bridge.app.parts import Parts
from bridge.app.search import MOST_TOLD, Search
from bridge.traces import REMEMBERED, ForgetReason
from bridge.units import LocationReport, ServerId, TargetKind, UnitId, other_target
from tests.support.running_daemon import daemon_config
from tests.support.stepping_clock import SteppingClock

MAIN = ServerId(1)
LONG = "license:aaaabbbbccccdddd"


class Still:
    """A daemon's parts that nobody started, and a search through them."""

    def __init__(self, folder: Path) -> None:
        self.clock = SteppingClock()
        self.parts = Parts(daemon_config(folder), self.clock)
        self.search = Search(self.parts)
        self.traces = self.parts.coalescer.traces

    def put(self, *units: str) -> None:
        reports = [LocationReport(unit_id=UnitId(unit), x=1.0, y=2.0) for unit in units]
        self.parts.fleet.pushed(MAIN, self.clock.monotonic(), None)
        self.parts.coalescer.put(MAIN, reports, self.clock.monotonic())

    def find(self, typed: str) -> Found:
        return self.search.find(typed, full=True)

    def names(self, typed: str) -> list[str]:
        return [story.unit for story in self.find(typed).units]


@pytest.fixture(name="still")
def _still(tmp_path: Path) -> Still:
    return Still(tmp_path)


@pytest.mark.parametrize(
    "typed",
    [
        LONG,
        LONG.upper(),
        f"  {LONG} ",
        "aaaabbbbccccdddd",
        "bbccc",
        "dddd",
        "license:…dddd",
        "…dddd",
        "license:aaaa…",
    ],
)
def test_a_unit_is_found_by_the_whole_a_part_or_its_short_form(still: Still, typed: str) -> None:
    still.put(LONG, "license:eeeeffff00001111")

    assert still.names(typed) == [LONG]


def test_an_exact_name_comes_first(still: Still) -> None:
    still.put("license:123", "license:12", "char1:12")

    assert still.names("12") == ["license:12", "char1:12", "license:123"]


def test_the_forgotten_the_rejected_and_the_panicking_are_found_too(still: Still) -> None:
    still.put("license:1-known", "license:1-gone")
    still.parts.coalescer.forget(MAIN, [UnitId("license:1-gone")], 101.0, ForgetReason.LEFT)
    still.traces.reject(MAIN, UnitId("license:1-bad"), "out_of_bounds", 101.0)
    still.parts.coalescer.set_panicking(UnitId("license:1-panic"), active=True)

    assert [story.state for story in still.find("license:1").units] == [
        "waiting",
        "panic_only",
        "forgotten",
        "rejected",
    ]


def test_only_so_many_are_told_and_the_rest_is_counted(still: Still) -> None:
    still.put(*(f"license:{number}" for number in range(50)))

    found = still.find("license")

    assert (found.matches, len(found.units)) == (50, MOST_TOLD)


def test_who_was_never_pushed_is_said_not_to_have_been_with_where_to_look(still: Still) -> None:
    still.put(LONG)
    still.clock.now += 90
    still.traces.reject(MAIN, None, "bad_id", still.clock.monotonic())

    found = still.find("license:nobody")

    (story,) = found.units
    assert (found.matches, story.unit, story.state, story.on_map) == (0, "license:nobody", "unknown", False)
    assert story.sentence == (
        "Never pushed: no game server has named it since the bridge started 1 min 30 s ago."
    )
    *silence, nameless = story.more[1:]
    assert silence == ["main pushed 1 min 30 s ago.", "second has not pushed anything yet."]
    assert nameless == (
        "main pushed 1 record whose unit could not be read, the last one 0.0 s ago "
        "(id: expected 1 to 128 characters without control characters)."
    )


def test_nobody_is_said_never_to_have_been_pushed_once_the_memory_of_who_left_is_full(still: Still) -> None:
    gone = [f"license:gone-{number}" for number in range(REMEMBERED + 1)]
    gone[0] = "license:the-first"
    still.put(*gone)
    still.parts.coalescer.forget(MAIN, [UnitId(unit) for unit in gone], 101.0, ForgetReason.LEFT)

    (story,) = still.find(gone[0]).units

    assert story.state == "unknown"
    assert story.sentence == (
        "Not known: never pushed, or gone for long. Of units that left the last 1,000 are remembered."
    )


def test_identifiers_are_shortened_unless_they_are_asked_for(still: Still) -> None:
    still.put(LONG)

    known, unknown = still.search.find("dddd", full=False), still.search.find(f"{LONG}0", full=False)

    assert known.units[0].unit == "license:…dddd"
    assert unknown.units[0].unit == "license:…ddd0"
    assert LONG not in str(known)


def test_a_unit_that_is_named_otherwise_is_found_by_its_name(still: Still) -> None:
    still.parts.coalescer.set_panicking(other_target(TargetKind.DISCORD, "87654321"), active=True)

    assert still.names("7654") == ["discord 87654321"]
    assert still.search.find("7654", full=False).units[0].unit == "discord …4321"
