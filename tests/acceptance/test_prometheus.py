"""The metrics as Prometheus itself sees them."""

import asyncio
import shutil
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.daemon import daemon_of, simulated_cad, update
from tests.support.ports import free_port
from tests.support.process import Running, running

TOLD_FROM_THE_START = (
    'cad_bridge_events_accepted_total{kind="panic",server="server-1"} 0.0',
    'cad_bridge_events_failed_total{kind="panic",reason="no_unit",server="server-1"} 0.0',
    'cad_bridge_locations_received_total{server="server-1"} 0.0',
    'cad_bridge_batches_total{server="server-1"} 0.0',
    'cad_bridge_outbox_events{state="pending"} 0.0',
    'cad_bridge_heartbeats_total{server="server-1"}',
    'cad_bridge_cad_budget_remaining{operation="setUnitPanic"} 20.0',
)
PROMISED = {
    *("build_info", "listener_requests_total", "listener_request_seconds", "locations_received_total"),
    *("locations_rejected_total", "locations_coalesced_total", "locations_sent_total"),
    *("locations_unmatched_total", "locations_dropped_total", "units", "units_pending", "batches_total"),
    *("batch_failures_total", "batch_units", "batch_lag_seconds", "events_accepted_total"),
    *("events_delivered_total", "events_unmatched_total", "events_failed_total", "events_expired_total"),
    *("events_superseded_total", "event_delivery_seconds", "outbox_events"),
    *("outbox_oldest_pending_timestamp_seconds", "outbox_commit_seconds", "cad_requests_total"),
    *("cad_request_failures_total", "cad_request_seconds", "cad_budget_remaining", "cad_up"),
    *("heartbeats_total", "heartbeat_failures_total", "heartbeat_last_success_timestamp_seconds"),
    *("game_server_up", "players", "loop_lag_seconds"),
}


def tool(name: str) -> str:
    path = shutil.which(name)
    assert path is not None, f"{name} is missing: apt-get install prometheus"
    return path


async def test_known_series_exist_at_zero_from_the_start(tmp_path: Path) -> None:
    async with simulated_cad() as cad, daemon_of(tmp_path, cad) as daemon:
        text = (await daemon.read("/metrics")).body.decode()

        for line in TOLD_FROM_THE_START:
            assert line in text
        told = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE cad_bridge_")}
        assert {f"cad_bridge_{name}" for name in PROMISED} - told == set()


async def test_promtool_finds_nothing_wrong_with_the_metrics(tmp_path: Path) -> None:
    async with simulated_cad() as cad, daemon_of(tmp_path, cad) as daemon:
        await daemon.push("/v1/locations", [update("license:1", 1.0), "rubbish"])
        await daemon.push("/v1/panic", {"id": "license:1"})
        metrics = tmp_path / "metrics.txt"
        metrics.write_bytes((await daemon.read("/metrics")).body)
        command = f'"{tool("promtool")}" check metrics < "{metrics}"'
        async with running(tmp_path, "sh", "-c", command, name="promtool") as promtool:
            code = await promtool.wait()

        assert (code, promtool.out, promtool.err) == (0, "", "")


@pytest.mark.timeout(60)
async def test_a_real_prometheus_scrapes_the_daemon(tmp_path: Path) -> None:
    async with simulated_cad() as cad, daemon_of(tmp_path, cad) as daemon:
        await daemon.push("/v1/locations", [update("license:1", 1.0), update("license:2", 2.0)])
        address = f"127.0.0.1:{free_port()}"
        async with (
            running(tmp_path, *prometheus(tmp_path, address, daemon.admin_port), name="prometheus") as server,
            aiohttp.ClientSession() as session,
        ):
            up = await value_of(session, server, f"http://{address}", 'up{job="cad-bridge"} == 1')
            units = await value_of(session, server, f"http://{address}", "cad_bridge_units > 0")

        assert up["value"][1] == "1"
        assert units["value"][1] == "2"
        assert units["metric"]["server"] == "server-1"


def prometheus(folder: Path, address: str, admin_port: int) -> list[str]:
    """Return the command; the server has a folder and a port of its own."""
    config = folder / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 500ms, scrape_timeout: 400ms}\n"
        "scrape_configs:\n"
        "  - job_name: cad-bridge\n"
        f"    static_configs: [{{targets: ['127.0.0.1:{admin_port}']}}]\n",
        encoding="utf-8",
    )
    return [
        tool("prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address={address}",
    ]


async def value_of(session: aiohttp.ClientSession, server: Running, url: str, query: str) -> Any:
    """Ask until there is a sample."""
    deadline = time.monotonic() + 20.0
    while time.monotonic() < deadline and not server.ended:
        try:
            async with session.get(f"{url}/api/v1/query", params={"query": query}) as response:
                found: list[Any] = (await response.json())["data"]["result"] if response.status == 200 else []
        except aiohttp.ClientError:
            found = []
        if found:
            return found[0]
        await asyncio.sleep(0.1)
    raise AssertionError(f"Prometheus has no {query}:\n{server.err}")
