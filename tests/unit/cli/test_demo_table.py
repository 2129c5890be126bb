from io import StringIO

import pytest
from rich.console import Console

from bridge.cli.admin_client import Status, decode_status
from bridge.cli.demo_table import DemoTable, drive_figures
from bridge.players import DriveSummary, PanicRecord
from bridge.players.summary import Tally
from tests.support.status_json import NOW, batch, locations, status_json


def status(at: float = NOW - 2, *, updated: int = 30, reason: str | None = None) -> Status:
    return decode_status(
        status_json(locations=locations(last_batch=batch(at, updated=updated, reason=reason)))
    )


def summary(*panics: PanicRecord, rejected: int = 0, problem: str | None = None) -> DriveSummary:
    tally = Tally(64)
    tally.pushed(64, rejected, 0.002)
    tally.pushed(60, 0, 0.004)
    tally.last_problem = problem
    tally.panics.extend(panics)
    return tally.summary(2.0)


def panic(
    unit: str = "beef", state: str = "delivered", latency: float | None = 0.021, error: str | None = None
) -> PanicRecord:
    return PanicRecord(
        unit_id=f"license:{unit}",
        active=True,
        pressed_at=NOW - 3,
        event_id="e",
        state=state,
        latency_seconds=latency,
        error=error,
    )


def drawn(status: Status | None, drive: DriveSummary | None, table: DemoTable | None = None) -> str:
    console = Console(width=140, file=StringIO())
    with console.capture() as captured:
        console.print((table or DemoTable("The demo")).render(status, drive, NOW))
    return captured.get()


@pytest.mark.parametrize(
    "words",
    [
        "The demo",
        "2.0 s with 64 players",
        "124 positions in 2 pushes",
        "p50 4.0 ms, p99 4.0 ms",
        "34, 12 to send",
        "1, 30 positions on the map",
        "2.0 s ago, 31 units",
        "setUnitPanic 19/20, updateUnitLocations 7/12",
        "1 of 1 delivered, slowest 21.0 ms",
        "…beef",
        "All is well",
    ],
)
def test_the_table_shows(words: str) -> None:
    assert words in drawn(status(), summary(panic()))


def test_without_a_status_it_shows_what_is_pushed() -> None:
    text = drawn(None, summary(panic()))

    assert "124 positions" in text
    assert "Batches" not in text


def test_without_a_drive_it_shows_what_is_sent() -> None:
    text = drawn(status(), None)

    assert "30 positions on the map" in text
    assert "Pushed" not in text


def test_each_batch_is_counted_once_and_a_failed_one_not_at_all() -> None:
    table = DemoTable("")
    for seen in (
        status(NOW),
        status(NOW),
        status(NOW + 5, reason="timeout"),
        status(NOW + 10, updated=5),
        None,
    ):
        table.feed(seen)

    assert "2, 35 positions on the map" in drawn(status(NOW + 10), None, table)


def test_what_is_wrong_with_the_daemon_is_said() -> None:
    reasons = ["CAD down: it does not answer"]

    assert "CAD down: it does not answer." in drawn(decode_status(status_json(reasons=reasons)), None)


def test_what_went_wrong_with_pushes_is_said_only_where_it_did() -> None:
    wrong = dict(drive_figures(summary(rejected=3, problem="HTTP 503")))
    well = dict(drive_figures(summary()))

    assert wrong["Pushed"] == "124 positions in 2 pushes, 3 records rejected"
    assert wrong["Last problem"] == "HTTP 503"
    assert well["Pushed"] == "124 positions in 2 pushes"
    assert "Last problem" not in well


def test_only_the_newest_panics_are_listed_newest_first() -> None:
    text = drawn(None, summary(*(panic(f"id{number:02d}") for number in range(20))))

    assert text.index("id19") < text.index("id12")
    assert "id11" not in text


def test_a_panic_that_did_not_arrive_says_why() -> None:
    text = drawn(None, summary(panic(state="failed", latency=None, error="no_unit")))

    assert "failed: no_unit" in text
    assert "0 of 1 delivered" in text


def test_the_line_says_the_same_without_a_terminal() -> None:
    line = DemoTable("").line(status(), summary(panic()), NOW)

    assert "\n" not in line
    assert "pushed 124 positions in 2 pushes" in line
    assert "batches 1, 30 positions on the map" in line
    assert "panics 1 of 1 delivered, slowest 21.0 ms" in line
