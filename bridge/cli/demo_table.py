"""The live table of ``demo`` and ``play``: what is pushed and what reaches the CAD."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bridge.cli.admin_client import Status
from bridge.cli.status import verdict
from bridge.cli.tables import Cell, figures, listing
from bridge.phrases import age, count, duration, latency
from bridge.players import DriveSummary, PanicRecord


class DemoTable:
    """Draws the figures of one drive, and of the daemon where its status is known.

    It counts the batches that it sees go by, so it wants to be fed more often than a batch is sent.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self._batches = 0
        self._updated = 0
        self._last_batch_at = 0.0

    def feed(self, status: Status | None) -> None:
        """Count the last batch of ``status`` where it is another one than before."""
        batch = None if status is None else status.locations.last_batch
        if batch is None or batch.reason or batch.at == self._last_batch_at:
            return
        self._last_batch_at = batch.at
        self._batches += 1
        self._updated += batch.updated or 0

    def render(self, status: Status | None, drive: DriveSummary | None, now: float) -> RenderableType:
        """Return what a live display shows; ``now`` is Unix time."""
        self.feed(status)
        parts: list[RenderableType] = [Text(self._title, style="bold")]
        parts.append(figures(self._figures(status, drive, now)))
        if drive is not None and drive.panics:
            parts.append(_panics(drive, now))
        if status is not None:
            well, sentence = verdict(status)
            parts.append(Text(sentence, style="green" if well else "red"))
        return Group(*parts)

    def line(self, status: Status | None, drive: DriveSummary | None, now: float) -> str:
        """Return the same in one line, for where there is no terminal."""
        self.feed(status)
        return " | ".join(f"{name.lower()} {value}" for name, value in self._figures(status, drive, now))

    def _figures(
        self, status: Status | None, drive: DriveSummary | None, now: float
    ) -> list[tuple[str, str]]:
        rows = [] if drive is None else drive_figures(drive)
        return rows if status is None else rows + self._sent(status, now)

    def _sent(self, status: Status, now: float) -> list[tuple[str, str]]:
        locations, batch = status.locations, status.locations.last_batch
        last = "-" if batch is None else f"{age(batch.at, now)}, {count(batch.units, 'unit')}"
        budgets = ", ".join(
            f"{name} {one.remaining}/{one.limit}" for name, one in sorted(status.cad.budgets.items())
        )
        return [
            ("Units", f"{locations.units:,}, {locations.pending:,} to send"),
            ("Batches", f"{self._batches:,}, {self._updated:,} positions on the map"),
            ("Last batch", last),
            ("Budget left", budgets or "-"),
        ]


def drive_figures(drive: DriveSummary) -> list[tuple[str, str]]:
    """Return what was pushed and how it was answered, as names and values."""
    answered = f"{drive.accepted:,} positions in {count(drive.pushes, 'push')}"
    wrong = [
        f"{number:,} {word}"
        for number, word in (
            (drive.rejected, "records rejected"),
            (drive.refused, "refused"),
            (drive.busy, "busy"),
            (drive.errors, "unanswered"),
            (drive.restarts, "restarts seen"),
        )
        if number
    ]
    rows = [
        ("Ran", f"{duration(drive.seconds)} with {count(drive.units, 'player')}"),
        ("Pushed", ", ".join([answered, *wrong])),
        ("Answered in", f"p50 {latency(drive.latency_p50)}, p99 {latency(drive.latency_p99)}"),
        ("Panics", _panic_figures(drive)),
    ]
    if drive.last_problem:
        rows.append(("Last problem", drive.last_problem))
    return rows


_PANICS_SHOWN = 8


def _panic_figures(drive: DriveSummary) -> str:
    """Say how many reached the CAD, how fast at the worst, and how many have not."""
    delivered = [one for one in drive.panics if one.state == "delivered"]
    slowest = max((one.latency_seconds for one in delivered if one.latency_seconds is not None), default=None)
    words = f"{len(delivered)} of {len(drive.panics)} delivered"
    return words if slowest is None else f"{words}, slowest {latency(slowest)}"


def _panics(drive: DriveSummary, now: float) -> Table:
    newest = drive.panics[: -_PANICS_SHOWN - 1 : -1]
    return listing(
        "Panic buttons",
        ("unit", "button", "when", "state", "to the CAD in"),
        (_panic(one, now) for one in newest),
    )


def _panic(one: PanicRecord, now: float) -> tuple[Cell, ...]:
    button = "pressed" if one.active else "released"
    when = age(one.pressed_at, now)
    return (f"…{one.unit_id[-4:]}", button, when, _state(one), latency(one.latency_seconds))


def _state(one: PanicRecord) -> Text:
    style = {"delivered": "green", "pending": "yellow", "sending": "yellow"}.get(one.state, "red")
    return Text(f"{one.state}: {one.error}" if one.error else one.state, style=style)
