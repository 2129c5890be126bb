"""The one table, the list of goals, and the same as JSON."""

from collections.abc import Sequence

import msgspec
from rich.console import Console
from rich.table import Table

from tests.bench.bench import Bench
from tests.bench.cores import Machine
from tests.bench.goals import Goal
from tests.bench.rows import Row


def format_figure(figure: float | None) -> str:
    """Write a figure with three digits that count, or as many as it has before the point."""
    if figure is None:
        return ""
    size = abs(figure)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    return f"{figure:,.{digits}f}"


def print_report(console: Console, bench: Bench, goals: Sequence[Goal], machine: Machine) -> None:
    """Print everything that was found."""
    console.print(table_of(bench.rows))
    console.print(machine.text, markup=False, highlight=False)
    for note in bench.notes:
        console.print(f"note: {note}", markup=False, highlight=False)
    console.print("\nGoals", style="bold")
    for goal in goals:
        console.print(
            f"  {goal.word:<13} {goal.text}: {goal.figure}", markup=False, soft_wrap=True, highlight=False
        )
    for problem in bench.problems:
        console.print(
            f"could not be measured: {problem}", style="red", markup=False, soft_wrap=True, highlight=False
        )


def table_of(rows: Sequence[Row]) -> Table:
    """Return the rows as a table; the spread is that of the ratio where it was taken round by round."""
    table = Table(pad_edge=False)
    table.add_column("what")
    for name in ("ours", "baseline"):
        table.add_column(name, justify="right")
    table.add_column("unit")
    table.add_column("against")
    for name in ("ratio", "spread"):
        table.add_column(name, justify="right")
    for row in rows:
        low, high = row.spread
        spread = f"{format_figure(low)} to {format_figure(high)}" if len(row.ours) > 1 else ""
        table.add_row(
            f"{row.title} {'↑' if row.more else '↓'}",
            format_figure(row.value),
            format_figure(row.base),
            row.unit,
            row.against,
            format_figure(row.ratio),
            f"{spread} x" if spread and row.ratios and not row.worst else spread,
        )
    table.caption = "↑ more is better, ↓ less is better; x the spread is that of the ratio, else of ours"
    return table


def as_json(bench: Bench, goals: Sequence[Goal], machine: Machine) -> bytes:
    """Return everything that was found, each round's figures included."""
    rows = [
        {
            **msgspec.to_builtins(row),
            "value": row.value,
            "base": row.base,
            "ratio": row.ratio,
            "spread": row.spread,
        }
        for row in bench.rows
    ]
    told = {
        "quick": bench.quick,
        "machine": machine,
        "rows": rows,
        "goals": [{**msgspec.to_builtins(goal), "word": goal.word} for goal in goals],
        "notes": bench.notes,
        "problems": bench.problems,
    }
    return msgspec.json.format(msgspec.json.encode(told), indent=2)
