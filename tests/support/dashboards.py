"""The dashboards of deploy/grafana as they are committed."""

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "grafana" / "dashboards"


class _Camel(Struct, frozen=True, kw_only=True, rename="camel"):
    """Grafana's own spelling."""


class Source(_Camel, frozen=True, kw_only=True):
    uid: str


class Target(_Camel, frozen=True, kw_only=True):
    """A query of a panel, or of the marks laid over all panels."""

    expr: str
    datasource: Source
    ref_id: str = ""


class Link(_Camel, frozen=True, kw_only=True):
    title: str
    url: str


class Place(Struct, frozen=True, kw_only=True):
    """Where a panel stands on the grid of 24 columns."""

    x: int
    y: int
    w: int
    h: int

    @property
    def cells(self) -> set[tuple[int, int]]:
        return {(x, y) for x in range(self.x, self.x + self.w) for y in range(self.y, self.y + self.h)}


class Meaning(_Camel, frozen=True, kw_only=True):
    text: str
    color: str


class Words(_Camel, frozen=True, kw_only=True, tag_field="type", tag="value"):
    options: dict[str, Meaning]

    @property
    def meanings(self) -> list[Meaning]:
        return list(self.options.values())


class Stretch(_Camel, frozen=True, kw_only=True):
    result: Meaning


class WordsOfRange(_Camel, frozen=True, kw_only=True, tag_field="type", tag="range"):
    options: Stretch

    @property
    def meanings(self) -> list[Meaning]:
        return [self.options.result]


class Defaults(_Camel, frozen=True, kw_only=True):
    unit: str = ""
    no_value: str = ""
    mappings: list[Words | WordsOfRange] = []


class Fields(_Camel, frozen=True, kw_only=True):
    defaults: Defaults = Defaults()


class Options(_Camel, frozen=True, kw_only=True):
    text_mode: str = ""


class Panel(_Camel, frozen=True, kw_only=True):
    """A panel, or the heading of a row."""

    id: int
    type: str
    title: str
    grid_pos: Place
    description: str = ""
    datasource: Source | None = None
    targets: list[Target] = []
    links: list[Link] = []
    field_config: Fields = Fields()
    options: Options = Options()

    @property
    def shown(self) -> Defaults:
        return self.field_config.defaults


class Variable(_Camel, frozen=True, kw_only=True):
    name: str
    type: str
    query: str | dict[str, str | int] = ""


class Variables(Struct, frozen=True, kw_only=True):
    list: list[Variable]


class Marks(Struct, frozen=True, kw_only=True):
    list: list[Target]


class Board(_Camel, frozen=True, kw_only=True):
    """A dashboard; ``all_panels`` has its headings too."""

    uid: str
    title: str
    links: list[Link]
    templating: Variables
    annotations: Marks
    all_panels: list[Panel] = msgspec.field(name="panels")

    @property
    def panels(self) -> list[Panel]:
        return [panel for panel in self.all_panels if panel.type != "row"]

    @property
    def targets(self) -> list[Target]:
        return [*(target for panel in self.panels for target in panel.targets), *self.annotations.list]


def files() -> list[Path]:
    return sorted(FOLDER.iterdir())


def boards() -> list[Board]:
    return [msgspec.json.decode(path.read_bytes(), type=Board) for path in files()]


def expressions() -> list[str]:
    """Return every query once, as it is written."""
    return sorted({target.expr for board in boards() for target in board.targets})


SELECTOR = re.compile(r"\b([a-z_]+)\{([^}]*)\}")
MATCHER = re.compile(r'(\w+)(=~|!=|=)"([^"]*)"')


def selectors(expr: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Return what an expression selects: the metric, and what is asked of each label."""
    for metric, matchers in SELECTOR.findall(expr):
        yield metric, {label: how + value for label, how, value in MATCHER.findall(matchers)}
