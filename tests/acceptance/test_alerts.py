"""The alerts of deploy/prometheus, as Prometheus and Alertmanager themselves take them."""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.alert_rules import FOLDER, case_files
from tests.support.daemon import daemon_of, simulated_cad, update
from tests.support.monitoring import tool, watched
from tests.support.process import Finished, running

WITHIN = 25.0  # seconds until an alert is told; about three are usual


async def run(folder: Path, name: str, *arguments: str, within: float = 60.0) -> Finished:
    async with running(folder, tool(name), *arguments, name=name) as process:
        code = await process.wait(within)
        return Finished(code=code, out=process.out, err=process.err)


async def test_promtool_finds_nothing_wrong_with_configuration_and_rules(tmp_path: Path) -> None:
    done = await run(tmp_path, "promtool", "check", "config", str(FOLDER / "prometheus.yml"))

    assert done.code == 0, done.err
    assert "2 rule files found" in done.out


@pytest.mark.timeout(90)
@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in case_files()])
async def test_the_alerts_fire_when_they_should_and_only_then(path: Path, tmp_path: Path) -> None:
    done = await run(tmp_path, "promtool", "test", "rules", str(path))

    assert done.code == 0, done.out + done.err


async def test_amtool_finds_nothing_wrong_with_the_alertmanagers_configuration(tmp_path: Path) -> None:
    done = await run(tmp_path, "amtool", "check-config", str(FOLDER / "alertmanager.yml"))

    assert done.code == 0, done.err


@pytest.mark.parametrize(("severity", "receiver"), [("critical", "page"), ("warning", "chat")])
async def test_only_what_is_critical_wakes_somebody(severity: str, receiver: str, tmp_path: Path) -> None:
    file = f"--config.file={FOLDER / 'alertmanager.yml'}"
    done = await run(tmp_path, "amtool", "config", "routes", "test", file, f"severity={severity}")

    assert (done.code, done.out.strip()) == (0, receiver)


@pytest.mark.timeout(90)
async def test_a_panic_of_an_unknown_player_and_a_cad_that_went_away_are_told_to_somebody(
    tmp_path: Path,
) -> None:
    async with AsyncExitStack() as cad_up:
        cad = await cad_up.enter_async_context(simulated_cad())
        async with (
            daemon_of(tmp_path / "bridge", cad) as daemon,
            watched(tmp_path / "monitoring", daemon.admin_port, "CadBridgeCadUnreachable") as (webhook, logs),
        ):
            cad.cloud.cad.community.known_units = frozenset({"license:1"})
            await daemon.push("/v1/locations", {"updates": [update("license:1", 1.0)], "players": 1})
            panic = (await daemon.push("/v1/panic", {"id": "license:nobody"})).json["event"]
            (ended,) = await daemon.ended([panic], within=10.0)
            failed = await webhook.wait_for("CadBridgeEventsFailed", WITHIN, logs)
            await cad_up.aclose()
            await daemon.push("/v1/panic", {"id": "license:1"})
            away = await webhook.wait_for("CadBridgeCadUnreachable", WITHIN, logs)

    assert ended["state"] == "failed"
    told = {alert["labels"]["alertname"] for alert in webhook.alerts}
    assert told == {"CadBridgeEventsFailed", "CadBridgeCadUnreachable"}
    assert failed["receiver"] == "chat"
    assert labels_of(failed) == {
        "kind": "panic",
        "reason": "no_unit",
        "server": "server-1",
        "severity": "warning",
    }
    assert "1 of kind panic in ten minutes, reason no_unit" in failed["annotations"]["description"]
    assert failed["annotations"]["runbook_url"].endswith("runbook.md#cadbridgeeventsfailed")
    assert away["receiver"] == "page"
    assert labels_of(away) == {"severity": "critical"}
    assert "cad_up has been 0" in away["annotations"]["description"]


def labels_of(alert: dict[str, Any]) -> dict[str, str]:
    return {
        name: value for name, value in alert["labels"].items() if name not in {"alertname", "job", "instance"}
    }
