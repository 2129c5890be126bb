from io import StringIO

from rich.console import Console, RenderableType
from rich.text import Text

from bridge.cli.tables import figures, listing


def drawn(table: RenderableType) -> list[str]:
    console = Console(width=80, file=StringIO())
    with console.capture() as captured:
        console.print(table)
    return [line.strip() for line in captured.get().splitlines()]


def test_figures_stand_side_by_side() -> None:
    assert drawn(figures([("Units", "3"), ("Batches", Text("12"))])) == ["Units    3", "Batches  12"]


def test_a_listing_has_a_title_and_headings() -> None:
    title, _, headings, *_ = drawn(listing("Servers", ("id", "name"), [("1", "main")]))

    assert title == "Servers"
    assert headings.split() == ["id", "name"]


def test_text_of_others_is_no_markup() -> None:
    assert "[bold]main[/]" in drawn(figures([("[bold]main[/]",)]))
    assert any("[/nonsense]" in line for line in drawn(listing("T", ("a",), [("[/nonsense]",)])))
