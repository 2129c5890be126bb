"""The panels: each asks a question, and all of a kind look alike.

A panel takes its question and queries and gives a typed builder; widths are in the 24 columns of a dashboard.
"""

from collections.abc import Sequence
from typing import TypeVar

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    heatmap,
    stat,
    statetimeline,
    timeseries,
)
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    ScaleDistribution,
    SortOrder,
    TooltipDisplayMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardLinkType,
    DashboardRangeMapOptions,
    DataSourceRef,
    DynamicConfigValue,
    FieldColorModeId,
    RangeMap,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
)
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat, QueryEditorMode
from msgspec import Struct

GREEN, BLUE, ORANGE, RED, GREY = "green", "blue", "orange", "red", "#8e8e8e"
COLORS = {
    "delivered": GREEN,
    "sent": GREEN,
    "pending": BLUE,
    "received": BLUE,
    "coalesced": GREY,
    "superseded": GREY,
    "retried": BLUE,
    "expired": ORANGE,
    "unmatched": ORANGE,
    "failed": RED,
}
"""What a series of this name looks like, wherever it is."""

DATASOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
RUNBOOK = "${runbook:raw}"
NEVER = float("inf")
HEIGHT = 8
STAT_HEIGHT = 4

Panel = bargauge.Panel | heatmap.Panel | stat.Panel | statetimeline.Panel | timeseries.Panel
P = TypeVar("P", bargauge.Panel, heatmap.Panel, stat.Panel, statetimeline.Panel, timeseries.Panel)


class Question(Struct, frozen=True, kw_only=True):
    """What a panel asks.

    ``description`` says what good looks like and what to do otherwise, ``unit`` is Grafana's name of it. ``alert``
    names the alert whose section of the runbook the panel links to. ``nothing`` stands there while there is no answer.
    """

    title: str
    description: str
    unit: str
    alert: str = ""
    nothing: str = ""


class Query(Struct, frozen=True):
    """An expression, and what its series are called."""

    expr: str
    legend: str = ""


class Word(Struct, frozen=True):
    """What a value of a stat or a timeline means; ``until`` makes it a range."""

    value: float
    text: str
    color: str
    until: float | None = None


class Steps(Struct, frozen=True):
    """From where on a value is odd and from where on it is bad.

    ``falling``: low values are bad, those under ``bad``, and those from ``odd`` on are good.
    """

    odd: float
    bad: float
    falling: bool = False


CALM = Steps(odd=NEVER, bad=NEVER)
"""No value is odd."""


def word(
    question: Question,
    query: Query,
    *,
    words: Sequence[Word] = (),
    steps: Steps = CALM,
    width: int = 6,
    name: bool = False,
) -> stat.Panel:
    """Return one big value for each series, in words where it has some; ``name`` shows the legend in its place."""
    panel = _asked(stat.Panel(), question, [query], instant=True).span(width).height(STAT_HEIGHT)
    text = BigValueTextMode.VALUE_AND_NAME if query.legend else BigValueTextMode.VALUE
    return (
        panel.mappings([_mapping(word) for word in words])
        .thresholds(_thresholds(steps))
        .color_mode(BigValueColorMode.BACKGROUND if words or steps != CALM else BigValueColorMode.VALUE)
        .graph_mode(BigValueGraphMode.NONE)
        .text_mode(BigValueTextMode.NAME if name else text)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )


def graph(
    question: Question, queries: Sequence[Query], *, steps: Steps = CALM, width: int = 12
) -> timeseries.Panel:
    """Return lines over time; a dashed line where values get odd and bad."""
    panel = _asked(timeseries.Panel(), question, queries).span(width).height(HEIGHT).min(0)
    for query in queries:
        if query.legend in COLORS:
            panel.override_by_name(query.legend, [_fixed(COLORS[query.legend])])
    if steps != CALM:
        panel.thresholds_style(
            common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED)
        ).thresholds(_thresholds(steps))
    return (
        panel.fill_opacity(10)
        .line_width(1)
        .show_points(VisibilityMode.NEVER)
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC_BY_NAME))
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))
        .legend(_legend(["lastNotNull", "max"]))
    )


def heat(question: Question, expr: str, *, width: int = 12) -> heatmap.Panel:
    """Return the buckets of a histogram over time; ``question.unit`` is that of the buckets."""
    panel = _asked(heatmap.Panel(), question, [Query(expr, "{{le}}")], histogram=True)
    return (
        panel.span(width)
        .height(HEIGHT)
        .calculate(calculate=False)
        .color(heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Oranges").steps(64))
        .filter_values(heatmap.FilterValueRange().le(1e-9))
        .y_axis(heatmap.YAxisConfig().unit(question.unit))
        .cell_values(heatmap.CellValues().unit("short").decimals(0))
        .scale_distribution(common.ScaleDistributionConfig().type(ScaleDistribution.LINEAR))
        .mode(TooltipDisplayMode.SINGLE)
        .show_legend()
    )


def bars(question: Question, query: Query, *, steps: Steps, width: int = 12) -> bargauge.Panel:
    """Return a bar for each series, as it is now."""
    panel = _asked(bargauge.Panel(), question, [query], instant=True).span(width).height(HEIGHT)
    return (
        panel.min(0)
        .thresholds(_thresholds(steps))
        .orientation(VizOrientation.HORIZONTAL)
        .display_mode(BarGaugeDisplayMode.BASIC)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )


def timeline(
    question: Question, queries: Sequence[Query], words: Sequence[Word], *, width: int = 12
) -> statetimeline.Panel:
    """Return a coloured strip for each series: what it was, and when."""
    panel = _asked(statetimeline.Panel(), question, queries).span(width).height(HEIGHT)
    return (
        panel.mappings([_mapping(word) for word in words])
        .thresholds(_thresholds(CALM))
        .color_scheme(dashboard.FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .show_value(VisibilityMode.NEVER)
        .merge_values(merge_values=True)
        .legend(_legend([]))
    )


def _asked(
    panel: P, question: Question, queries: Sequence[Query], *, instant: bool = False, histogram: bool = False
) -> P:
    panel.title(question.title).description(question.description).unit(question.unit).datasource(DATASOURCE)
    if question.nothing:
        panel.no_value(question.nothing)
    if question.alert:
        link = dashboard.DashboardLink(f"Runbook: {question.alert}").type(DashboardLinkType.LINK)
        panel.links([link.url(f"{RUNBOOK}#{question.alert.lower()}").target_blank(target_blank=True)])
    for letter, query in zip("ABCDEFGH"[: len(queries)], queries, strict=True):
        panel.with_target(_target(letter, query, instant=instant, histogram=histogram))
    return panel


def _target(letter: str, query: Query, *, instant: bool, histogram: bool) -> Dataquery:
    target = (
        Dataquery().ref_id(letter).expr(query.expr).datasource(DATASOURCE).editor_mode(QueryEditorMode.CODE)
    )
    target.legend_format(query.legend).format(
        PromQueryFormat.HEATMAP if histogram else PromQueryFormat.TIME_SERIES
    )
    return target.instant() if instant else target.range()


def _mapping(word: Word) -> ValueMapping:
    result = ValueMappingResult(text=word.text, color=word.color)
    if word.until is None:
        return ValueMap(options={f"{word.value:g}": result})
    return RangeMap(options=DashboardRangeMapOptions(from_val=word.value, to=word.until, result=result))


def _thresholds(steps: Steps) -> dashboard.ThresholdsConfig:
    rising = [(steps.odd, ORANGE), (steps.bad, RED)]
    falling = [(steps.bad, ORANGE), (steps.odd, GREEN)]
    marks = dict(falling if steps.falling else rising)  # where both are one value, the worse colour stays
    found = [Threshold(value=value, color=color) for value, color in marks.items() if value < NEVER]
    base = Threshold(color=RED if steps.falling else GREEN)
    return dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps([base, *found])


def _legend(calcs: list[str]) -> common.VizLegendOptions:
    mode = LegendDisplayMode.TABLE if calcs else LegendDisplayMode.LIST
    legend = common.VizLegendOptions().display_mode(mode).placement(LegendPlacement.BOTTOM)
    return legend.show_legend(show_legend=True).calcs(calcs)


def _fixed(color: str) -> DynamicConfigValue:
    return DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": color})
