from io import StringIO
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from tests.bench.bench import Bench
from tests.bench.cores import Cores, Machine
from tests.bench.goals import Goal
from tests.bench.rows import Row
from tests.bench.table import as_json, format_figure, print_report

MACHINE = Machine(
    processor="a processor", cores=2, busy_before=3.0, file_system="ext4", python="3.11.2", kernel="6.1"
)


@pytest.fixture
def bench() -> Bench:
    made = Bench(Path("/nowhere"), Cores(measured=0, loading=1), quick=True)
    made.add(
        Row(
            key="push", title="pushes of 64", unit="pushes/s", ours=(4000.0, 6000.0),
            against="bare aiohttp", baseline=(8000.0, 8000.0), more=True,
        )
    )  # fmt: skip
    made.note("vmagent is not installed")
    made.problems.append("stalls: it broke")
    return made


@pytest.mark.parametrize(
    ("figure", "written"),
    [(12345.6, "12,346"), (123.4, "123"), (12.34, "12.3"), (1.234, "1.23"), (0.1234, "0.123"), (None, "")],
)
def test_figures_are_written_with_the_digits_that_count(figure: float | None, written: str) -> None:
    assert format_figure(figure) == written


def test_the_report_shows_rows_notes_goals_and_what_could_not_be_measured(bench: Bench) -> None:
    out = StringIO()
    goals = [Goal(text="fast enough", figure="0.62 x", met=False), Goal(text="small")]

    print_report(Console(file=out, width=150), bench, goals, MACHINE)

    said = out.getvalue()
    assert "pushes of 64 ↑" in said
    assert "0.500 to 0.750 x" in said
    assert "2 x a processor, 3 % busy before the start" in said
    assert "note: vmagent is not installed" in said
    assert "missed        fast enough: 0.62 x" in said
    assert "not measured  small" in said
    assert "could not be measured: stalls: it broke" in said


def test_the_json_holds_every_round_and_what_is_made_of_them(bench: Bench) -> None:
    told = msgspec.json.decode(as_json(bench, [Goal(text="a", met=True)], MACHINE))

    assert told["quick"]
    (row,) = told["rows"]
    assert (row["ours"], row["value"], row["ratio"]) == ([4000.0, 6000.0], 5000.0, 0.625)
    assert told["goals"][0]["word"] == "met"
    assert told["problems"] == ["stalls: it broke"]
