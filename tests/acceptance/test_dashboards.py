"""The queries of the dashboards, asked of a real Prometheus that scrapes a real bridge."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from msgspec import Struct

from bridge.clock import SystemClock
from bridge.simulator.cad import Cad
from bridge.simulator.cloud import Cloud
from bridge.simulator.cms.door import CMS_COMMUNITY, Cms
from bridge.simulator.faults import Answer, Drop
from bridge.simulator.server import SimulatorServer
from tests.support.daemon import API_KEY, CMS_API_KEY, TOKENS, Daemon, daemon_of, update
from tests.support.dashboards import boards, expressions
from tests.support.measured import measured
from tests.support.monitoring import tool
from tests.support.ports import free_port
from tests.support.process import Running, running

pytestmark = pytest.mark.timeout(90)

WITHIN = 20.0  # seconds; about three are usual
KNOWN = ("license:1", "license:2")
SETTINGS = {
    "locations": {"interval": "1s"},
    "cad.limits": {"updateUnitLocations": 120},
    "heartbeat": {"interval": "5s"},
}
BIG = [(board.uid, panel) for board in boards() for panel in board.panels if panel.type == "stat"]
QUERIES = {panel.title: panel.targets[0].expr for _, panel in BIG}
"""What stands big on a dashboard, by its title."""

OVERVIEW = [panel.title for uid, panel in BIG if uid == "cad-bridge-overview"]

TARGET = 'job="cad-bridge",instance="127.0.0.1:30181",server="main"'
HEARTBEAT_FAILED = "sum(cad_bridge_heartbeat_failures_total)"
STATES = ("silent", "resource_silent", "hitching", "up")
CHOSEN = {"$__rate_interval": "1m", "$__range": "5m", "$instance": ".*", "$server": ".*"}
"""What Grafana puts in place of the variables when everything is chosen."""


MADE_UP = {
    "a CAD that takes batches": (
        "Does the live map move?",
        1.0,
        {"batches_total": "0+1x40", "batch_failures_total": "0x40", "units_pending": "5x40"},
    ),
    "a CAD that refuses batches": (
        "Does the live map move?",
        2.0,
        {"batches_total": "0+1x40", "batch_failures_total": "0+1x40", "units_pending": "5x40"},
    ),
    "a CAD that is away for long, so that no batch is tried": (
        "Does the live map move?",
        2.0,
        {"batches_total": "7x40", "batch_failures_total": "3x40", "units_pending": "5x40"},
    ),
    "nobody on duty": (
        "Does the live map move?",
        0.0,
        {"batches_total": "7x40", "batch_failures_total": "3x40", "units_pending": "0x40"},
    ),
    "a unit that came a moment ago": (
        "Does the live map move?",
        0.0,
        {"batches_total": "7x40", "batch_failures_total": "3x40", "units_pending": "0x39 1"},
    ),
    "a CAD that was away a minute ago": (
        "Does Sonoran CAD answer?",
        0.0,
        {"cad_up": "1x36 0x3"},
    ),
    "a panic that expired and two that failed": (
        "Were panics lost?",
        3.0,
        {
            'events_failed_total,kind="panic",reason="forbidden"': "0x30 2x10",
            'events_failed_total,kind="panic",reason="no_unit"': "0x30 4x10",
            'events_failed_total,kind="status",reason="forbidden"': "0x30 8x10",
            'events_expired_total,kind="panic"': "0x30 1x10",
        },
    ),
    "an event that waits since the first of ten minutes": (
        "How long has the oldest event waited?",
        540.0,
        {"outbox_oldest_pending_timestamp_seconds": "60x40"},
    ),
    "an empty outbox": (
        "How long has the oldest event waited?",
        0.0,
        {"outbox_oldest_pending_timestamp_seconds": "0x40"},
    ),
    "a game server whose resource fell silent": (
        "What are the game servers doing?",
        2.0,
        {f'game_server_state,state="{state}"': f"{state == 'resource_silent':d}x40" for state in STATES},
    ),
}
"""What a panel has to show, for what the bridge tells in ten minutes; every 15 s a sample."""


class Prometheus:
    """A Prometheus that is asked for the queries of the dashboards, as they are written."""

    def __init__(self, session: aiohttp.ClientSession, process: Running, url: str) -> None:
        self._session = session
        self._process = process
        self._url = url

    async def ask(self, expr: str) -> list[float]:
        """Return the values that it has; not a number is none."""
        query = {"query": interpolated(expr)}
        async with self._session.post(f"{self._url}/api/v1/query", data=query) as response:
            answer: Any = await response.json()
        assert response.status == 200, f"{expr}: {answer}"
        values = [float(series["value"][1]) for series in answer["data"]["result"]]
        return [value for value in values if value == value]  # noqa: PLR0124 -- NaN alone differs from itself

    async def empty(self, asked: Iterable[str]) -> set[str]:
        """Return the queries that have no value."""
        every = list(asked)
        found = await asyncio.gather(*(self.ask(expr) for expr in every))
        return {expr for expr, values in zip(every, found, strict=True) if not values}

    async def overview(self) -> dict[str, list[float]]:
        """Return what the big panels of the overview show, by title."""
        return {title: await self.ask(QUERIES[title]) for title in OVERVIEW}

    async def wait_for(self, expr: str, fits: Callable[[list[float]], bool] = bool) -> list[float]:
        """Ask until the values fit."""
        deadline = time.monotonic() + WITHIN
        values: list[float] = []
        while time.monotonic() < deadline and not self._process.ended:
            try:
                values = await self.ask(expr)
            except aiohttp.ClientError:  # it has not opened its door yet
                values = []
            if fits(values):
                return values
            await asyncio.sleep(0.1)
        raise AssertionError(f"{expr} is {values}:\n{self._process.err}")


def interpolated(expr: str) -> str:
    for variable, value in CHOSEN.items():
        expr = expr.replace(variable, value)
    return expr


@asynccontextmanager
async def scraping(folder: Path, admin_port: int) -> AsyncGenerator[Prometheus]:
    """Scrape a daemon four times a second while entered."""
    config = folder / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 250ms, scrape_timeout: 250ms}\n"
        "scrape_configs:\n"
        "  - job_name: cad-bridge\n"
        f"    static_configs: [{{targets: ['127.0.0.1:{admin_port}']}}]\n",
        encoding="utf-8",
    )
    address = f"127.0.0.1:{free_port()}"
    command = (
        tool("prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address={address}",
    )
    async with (
        running(folder, *command, name="prometheus") as process,
        aiohttp.ClientSession() as session,
    ):
        yield Prometheus(session, process, f"http://{address}")


@asynccontextmanager
async def cad_of_two_units() -> AsyncGenerator[SimulatorServer]:
    cloud = Cloud(SystemClock(), Cad(key=API_KEY, known_units=KNOWN), cms=Cms(key=CMS_API_KEY))
    cloud.cad.limiter.change("updateUnitLocations", 120)
    async with SimulatorServer(SystemClock(), cloud=cloud) as server:
        yield server


def with_cms(url: str) -> dict[str, dict[str, Any]]:
    """Return the settings, with the CMS that is served beside the CAD."""
    cms = {"base_url": url, "community_id": CMS_COMMUNITY, "api_key_file": "cms-api-key"}
    return {**SETTINGS, "cms": cms}


async def join(daemon: Daemon) -> None:
    """Ask whether a player may come in."""
    said = {"id": CMS_COMMUNITY, "key": TOKENS[1], "type": "VERIFY_WHITELIST", "data": [{"apiId": KNOWN[0]}]}
    body = msgspec.json.encode(said)
    assert (await daemon.ask("POST", f"{daemon.url}/cms/servers/verify_whitelist", body)).status == 400


async def play(daemon: Daemon) -> None:
    """Move, press panic buttons, ask to come in and make mistakes for three seconds."""
    await join(daemon)
    panics = [await daemon.push("/v1/panic", {"id": unit}) for unit in (*KNOWN, "license:nobody")]
    for turn in range(12):
        updates = [update(unit, 100.0 + 5.0 * turn) for unit in KNOWN]
        pushed = await daemon.push("/v1/locations", {"updates": [*updates, "rubbish"], "players": 3})
        assert pushed.status == 200
        await asyncio.sleep(0.25)
    ended = await daemon.ended([panic.json["event"] for panic in panics], within=10.0)
    assert [event["state"] for event in ended] == ["delivered", "delivered", "failed"]


class Seen(Struct, frozen=True, kw_only=True):
    """Which queries had no value, and what the overview said in its big panels: by title."""

    quiet: dict[str, list[float]]
    quiet_empty: set[str]
    busy: dict[str, list[float]]
    busy_empty: set[str]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    return asyncio.run(watch(tmp_path_factory.mktemp("dashboards")))


async def watch(folder: Path) -> Seen:
    """Look at a bridge nobody pushes to, then after pushes, panics, two faults and a restart."""
    started = time.monotonic()
    async with (
        cad_of_two_units() as cad,
        daemon_of(folder, cad, with_cms(cad.url), servers=(1, 2)) as daemon,
        scraping(folder, daemon.admin_port) as prometheus,
    ):
        await prometheus.wait_for("count_over_time(up[1m])", lambda values: values >= [3.0])
        await prometheus.wait_for(QUERIES["Does Sonoran CAD answer?"], lambda values: values == [1.0])
        quiet_empty = await prometheus.empty(expressions())
        quiet = await prometheus.overview()
        cad.cloud.faults.add(Answer(operation="heartbeat", status=500, times=1))
        cad.cloud.faults.add(Drop(operation="updateUnitLocations", times=1))
        await play(daemon)
        await prometheus.wait_for(QUERIES["Does the live map move?"], lambda values: values == [1.0])
        busy = await prometheus.overview()
        await prometheus.wait_for(HEARTBEAT_FAILED, lambda values: values == [1.0])
        assert await daemon.stop() == 0
        await daemon.start()
        await prometheus.wait_for("changes(process_start_time_seconds[1m])", lambda values: values == [1.0])
        busy_empty = await prometheus.empty(expressions())
    measured(f"dashboards: {len(expressions())} queries asked twice, {time.monotonic() - started:.1f} s")
    return Seen(quiet=quiet, quiet_empty=quiet_empty, busy=busy, busy_empty=busy_empty)


def test_every_query_has_an_answer_after_pushes_panics_faults_and_a_restart(seen: Seen) -> None:
    assert len(expressions()) > 50
    assert seen.busy_empty == set()


def test_on_a_quiet_bridge_no_panel_is_empty_without_a_word(seen: Seen) -> None:
    without_a_word = {
        panel.title
        for board in boards()
        for panel in board.panels
        if not panel.shown.no_value and {target.expr for target in panel.targets} <= seen.quiet_empty
    }

    assert without_a_word == set()


@pytest.mark.parametrize(
    ("title", "quiet", "busy"),
    [
        ("Does the bridge run?", [1.0], [1.0]),
        ("Does Sonoran CAD answer?", [1.0], [1.0]),
        ("Does Sonoran take the API key?", [0.0], [0.0]),
        ("Does the live map move?", [0.0], [1.0]),
        ("Were panics lost?", [0.0], [0.0]),  # one of a player whom the CAD does not know is none
        ("Does anything wait for the CAD?", [0.0], [0.0]),
        ("What are the game servers doing?", [1.0, 1.0], [4.0, 1.0]),
        ("How many players are on?", [0.0, 0.0], [3.0, 0.0]),
    ],
)
def test_the_overview_tells_what_happened(
    seen: Seen, title: str, quiet: list[float], busy: list[float]
) -> None:
    assert seen.quiet[title] == quiet
    assert seen.busy[title] == busy


def test_the_overview_tells_how_long_panics_took(seen: Seen) -> None:
    assert seen.quiet["How long does a panic take?"] == []
    [seconds] = seen.busy["How long does a panic take?"]
    assert 0.0 < seconds < 5.0


def spelt(name: str) -> str:
    """Return a series as promtool reads it, from a metric and its own labels."""
    metric, _, labels = name.partition(",")
    return f"cad_bridge_{metric}{{{','.join(filter(None, (labels, TARGET)))}}}"


@pytest.mark.parametrize("case", MADE_UP)
async def test_a_big_value_tells_what_is_wrong(case: str, tmp_path: Path) -> None:
    title, value, told = MADE_UP[case]
    series = [{"series": spelt(name), "values": values} for name, values in told.items()]
    labels = '{server="main"}' if "by (server)" in QUERIES[title] else "{}"
    asked = {"expr": interpolated(QUERIES[title]), "eval_time": "10m"}
    expected = {"exp_samples": [{"labels": labels, "value": value}]}
    test = {"interval": "15s", "input_series": series, "promql_expr_test": [{**asked, **expected}]}
    file = tmp_path / "test.yml"
    file.write_bytes(msgspec.json.encode({"tests": [test]}))  # which is YAML too

    async with running(tmp_path, tool("promtool"), "test", "rules", str(file), name="promtool") as promtool:
        assert await promtool.wait() == 0, promtool.out + promtool.err
