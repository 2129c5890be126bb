"""What all dashboards share: their variables, their links to each other and to the runbook, and how they refresh."""

from collections.abc import Sequence
from typing import NamedTuple

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import (
    Dashboard,
    DashboardCursorSync,
    DashboardLinkType,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from deploy.grafana.panels import BLUE, DATASOURCE, RUNBOOK, Panel
from deploy.grafana.promql import BRIDGE, of_process

RUNBOOK_PLACE = "deploy/runbook.md"
TITLES = {
    "cad-bridge-overview": "Overview",
    "cad-bridge-delivery": "Delivery",
    "cad-bridge-game-servers": "Game servers",
}
"""The dashboards by uid, which is Grafana's address of them."""


class Row(NamedTuple):
    """Panels under a heading; an empty one is none."""

    title: str
    panels: Sequence[Panel]


def framed(uid: str, description: str, since: str, rows: Sequence[Row]) -> Dashboard:
    """Return a dashboard.

    Args:
        uid: one of ``TITLES``.
        description: for whom it is.
        since: how far back it shows at first, such as ``now-6h``.
        rows: from top to bottom.
    """
    board = dashboard.Dashboard(f"cad-bridge: {TITLES[uid]}").uid(uid).description(description)
    board.tags(["cad-bridge"]).editable().tooltip(DashboardCursorSync.CROSSHAIR).timezone("browser")
    board.time(since, "now").refresh("30s").version(1)
    board.variables([_datasource(), _instance(), _server(), _runbook()])
    board.annotation(_restarts())
    board.links([*(_link_to(other) for other in TITLES if other != uid), _runbook_link()])
    for row in rows:
        _add(board, row)
    built = board.build()
    for number, panel in enumerate(built.panels or [], start=1):
        panel.id_val = number
    return built


def _add(board: dashboard.Dashboard, row: Row) -> None:
    if row.title:
        board.with_row(dashboard.Row(row.title))
    for panel in row.panels:
        board.with_panel(panel)


def _datasource() -> dashboard.DatasourceVariable:
    return dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus")


def _instance() -> dashboard.QueryVariable:
    described = "A cad-bridge serves one community; these are all that Prometheus scrapes."
    return _choice("instance", 'up{job="cad-bridge"}').label("Bridge").description(described)


def _server() -> dashboard.QueryVariable:
    described = "By the names in bridge.toml."
    return _choice("server", f"cad_bridge_units{{{BRIDGE}}}").label("Game server").description(described)


def _runbook() -> dashboard.ConstantVariable:
    return dashboard.ConstantVariable("runbook").value(RUNBOOK_PLACE)


def _choice(label: str, samples: str) -> dashboard.QueryVariable:
    query = f"label_values({samples}, {label})"
    return (
        dashboard.QueryVariable(label)
        .datasource(DATASOURCE)
        .query({"qryType": 1, "query": query, "refId": "PrometheusVariableQueryEditor-VariableQuery"})
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(multi=True)
        .include_all(include_all=True)
        .all_value(".*")
        .current(VariableOption(selected=True, text=["All"], value=["$__all"]))
    )


def _restarts() -> dashboard.AnnotationQuery:
    started = f"changes({of_process('process_start_time_seconds')}[$__rate_interval]) > 0"
    query = dashboard.AnnotationQuery().name("The bridge restarted").datasource(DATASOURCE)
    return query.enable(enable=True).icon_color(BLUE).expr(started)


def _link_to(uid: str) -> dashboard.DashboardLink:
    link = dashboard.DashboardLink(TITLES[uid]).type(DashboardLinkType.LINK).icon("dashboard")
    return link.url(f"/d/{uid}").include_vars(include_vars=True).keep_time(keep_time=True)


def _runbook_link() -> dashboard.DashboardLink:
    link = dashboard.DashboardLink("Runbook").type(DashboardLinkType.LINK).icon("doc")
    return (
        link.url(RUNBOOK)
        .tooltip("What each alert means, where to look, what to do")
        .target_blank(target_blank=True)
    )
