"""The two kinds of tables that the commands draw; text is taken as it is, never as markup."""

from collections.abc import Iterable, Sequence

from rich import box
from rich.table import Table
from rich.text import Text

Cell = str | Text


def listing(title: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Table:
    """Return a table with a title and one heading a column."""
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for column in columns:
        table.add_column(column)
    _fill(table, rows)
    return table


def figures(rows: Iterable[Sequence[Cell]]) -> Table:
    """Return names and values side by side, without lines."""
    table = Table.grid(padding=(0, 2))
    _fill(table, rows)
    return table


def _fill(table: Table, rows: Iterable[Sequence[Cell]]) -> None:
    for row in rows:
        table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
