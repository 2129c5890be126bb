"""The dashboards: built from the code beside them, each panel a question, each query about metrics there are."""

import re
from pathlib import Path

import msgspec
import pytest

from deploy.grafana.build import DASHBOARDS, FOLDER, build, rendered
from tests.support.dashboards import ROOT, Board, Panel, boards, expressions, files, selectors
from tests.support.exported import exported, exported_series

GRAFANA = ROOT / "deploy" / "grafana"
BOARDS = [pytest.param(board, id=board.uid) for board in boards()]
PANELS = [pytest.param(panel, id=f"{board.uid}-{panel.id}") for board in boards() for panel in board.panels]
UNITS = {"none", "short", "s", "cpm", "percentunit", "bytes"}  # of those that Grafana knows by these names
OF_PROCESS = ("process_start_time_seconds", "process_cpu_seconds_total", "process_resident_memory_bytes")
SERIES = {**exported_series(), "up": frozenset[str](), **dict.fromkeys(OF_PROCESS, frozenset[str]())}
TARGET_LABELS = {"job", "instance"}
STRING = re.compile(r'"[^"]*"')
BRACES = re.compile(r"[a-z_]+\{[^}]*\}")
GROUPING = re.compile(r"\b(?:by|on|without) \(([^)]*)\)")
FUNCTIONS = re.compile(r"\b[a-z_]+(?= *\()")
WORDS = {"or", "and", "unless", "bool", "by", "on", "without"}
RANGE = re.compile(r"\b(\w+)\([a-z_]+\{[^}]*\}\[([^\]]+)\]\)")


def test_what_is_committed_is_what_the_code_builds(tmp_path: Path) -> None:
    build(tmp_path)

    built = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert {path.name: path.read_bytes() for path in files()} == built, "run python -m deploy.grafana.build"


def test_building_writes_where_grafana_is_told_to_read() -> None:
    provider = msgspec.yaml.decode((GRAFANA / "provisioning/dashboards/cad-bridge.yml").read_bytes())
    read_me = (GRAFANA / "README.md").read_text(encoding="utf-8")

    assert {path.parent for path in files()} == {FOLDER}
    assert provider["providers"][0]["options"]["path"] in read_me


def test_nothing_but_a_dashboard_is_rendered() -> None:
    board = DASHBOARDS["overview"]()
    board.title = object()  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue] -- on purpose

    with pytest.raises(NotImplementedError, match="nothing of a dashboard"):
        rendered(board)


def test_the_provisioned_data_source_is_a_prometheus_that_is_scraped_as_often_as_ours() -> None:
    [source] = msgspec.yaml.decode((GRAFANA / "provisioning/datasources/cad-bridge.yml").read_bytes())[
        "datasources"
    ]
    scraping = msgspec.yaml.decode((ROOT / "deploy/prometheus/prometheus.yml").read_bytes())

    assert source["type"] == "prometheus"
    assert source["jsonData"]["timeInterval"] == scraping["global"]["scrape_interval"]


def test_the_read_me_says_that_no_grafana_has_loaded_them() -> None:
    assert "No Grafana server has loaded these dashboards" in (GRAFANA / "README.md").read_text(
        encoding="utf-8"
    )


@pytest.mark.parametrize("panel", PANELS)
def test_each_panel_asks_a_question_says_what_good_looks_like_and_has_a_unit(panel: Panel) -> None:
    assert panel.title.endswith("?")
    assert len(panel.description) > len(panel.title)
    assert panel.description.endswith(".")
    assert panel.shown.unit in UNITS
    assert panel.targets


@pytest.mark.parametrize("panel", PANELS)
def test_a_state_is_shown_in_words(panel: Panel) -> None:
    if panel.shown.unit == "none":
        assert panel.shown.mappings or panel.options.text_mode == "name"


def test_a_word_has_one_colour_on_all_dashboards() -> None:
    said = {
        (meaning.text, meaning.color)
        for board in boards()
        for panel in board.panels
        for words in panel.shown.mappings
        for meaning in words.meanings
    }

    assert len(said) == len({text for text, _ in said})


@pytest.mark.parametrize("board", BOARDS)
def test_panels_do_not_overlap_and_leave_no_hole(board: Board) -> None:
    cells = [cell for panel in board.all_panels for cell in panel.grid_pos.cells]
    lines = {y for _, y in cells}

    assert len(cells) == len(set(cells))
    assert set(cells) == {(x, y) for x in range(24) for y in range(max(lines) + 1)}


@pytest.mark.parametrize("board", BOARDS)
def test_ids_titles_and_names_of_queries_are_unique(board: Board) -> None:
    ids = [panel.id for panel in board.all_panels]
    titles = [panel.title for panel in board.panels]

    assert len(ids) == len(set(ids))
    assert len(titles) == len(set(titles))
    for panel in board.panels:
        names = [target.ref_id for target in panel.targets]
        assert len(names) == len(set(names))


@pytest.mark.parametrize("board", BOARDS)
def test_data_source_bridge_and_server_can_be_chosen(board: Board) -> None:
    kinds = {variable.name: variable.type for variable in board.templating.list}
    sources = {target.datasource.uid for target in board.targets}
    sources |= {panel.datasource.uid for panel in board.panels if panel.datasource is not None}

    assert kinds == {
        "datasource": "datasource",
        "instance": "query",
        "server": "query",
        "runbook": "constant",
    }
    assert sources == {"${datasource}"}
    assert all(panel.datasource is not None for panel in board.panels)


@pytest.mark.parametrize("board", BOARDS)
def test_each_dashboard_leads_to_the_others_and_to_the_runbook(board: Board) -> None:
    others = {f"/d/{other.uid}" for other in boards() if other.uid != board.uid}

    assert {link.url for link in board.links} == {*others, "${runbook:raw}"}


@pytest.mark.parametrize("board", BOARDS)
def test_panels_lead_to_sections_that_the_runbook_has(board: Board) -> None:
    [runbook] = [variable for variable in board.templating.list if variable.name == "runbook"]
    assert isinstance(runbook.query, str)
    headings = re.findall(r"^## (.+)$", (ROOT / runbook.query).read_text(encoding="utf-8"), re.MULTILINE)
    links = [link.url for panel in board.panels for link in panel.links]

    assert links
    assert set(links) <= {f"${{runbook:raw}}#{heading.lower()}" for heading in headings}


@pytest.mark.parametrize("expr", expressions())
def test_queries_ask_for_metrics_and_labels_that_exist(expr: str) -> None:
    asked = list(selectors(expr))
    labels = set[str]().union(*(SERIES[metric] for metric, _ in asked))
    grouped = {label for group in GROUPING.findall(expr) for label in group.split(", ")}

    assert asked
    for metric, matchers in asked:
        assert set(matchers) <= SERIES[metric] | TARGET_LABELS
    assert grouped <= labels | TARGET_LABELS


@pytest.mark.parametrize("expr", expressions())
def test_no_metric_is_asked_for_without_its_variables(expr: str) -> None:
    bare = STRING.sub("", GROUPING.sub("", BRACES.sub("", expr)))
    left = set(re.findall(r"(?<![\w$])[a-z_]{2,}", re.sub(r"\[[^\]]*\]", "", bare)))

    assert left - set(FUNCTIONS.findall(bare)) <= WORDS
    for metric, matchers in selectors(expr):
        assert matchers["instance"] == "=~$instance"
        assert matchers.get("server") == ("=~$server" if "server" in SERIES[metric] else None)
        assert (matchers.get("job") == "=cad-bridge") == (not metric.startswith("cad_bridge_"))


@pytest.mark.parametrize("expr", [expr for expr in expressions() if "[" in expr])
def test_rates_look_back_as_far_as_grafana_says(expr: str) -> None:
    ranges = RANGE.findall(expr)

    assert len(ranges) == expr.count("[")
    assert {window for function, window in ranges if function in {"rate", "changes"}} <= {"$__rate_interval"}
    assert {window for _, window in ranges} <= {"$__rate_interval", "$__range", "1m", "3m", "5m", "30m"}


def test_every_metric_of_the_bridge_is_on_a_dashboard() -> None:
    shown = {metric for expr in expressions() for metric, _ in selectors(expr)}

    assert [one.name for one in exported() if not shown & set(one.series)] == []
