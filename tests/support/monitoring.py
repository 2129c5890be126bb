"""A Prometheus and an Alertmanager with the files of deploy/prometheus, hurried for a test."""

import asyncio
import shutil
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.support.alert_rules import FOLDER
from tests.support.ports import free_port
from tests.support.process import Running, running

PACKAGES = {
    "promtool": "prometheus",
    "prometheus": "prometheus",
    "prometheus-alertmanager": "prometheus-alertmanager",
    "amtool": "prometheus-alertmanager",
}


class Webhook:
    """What an Alertmanager notifies; ``alerts`` holds what it was told, in order."""

    def __init__(self) -> None:
        self.alerts: list[dict[str, Any]] = []

    async def take(self, request: web.Request) -> web.Response:
        told = msgspec.json.decode(await request.read())
        self.alerts.extend({**alert, "receiver": told["receiver"]} for alert in told["alerts"])
        return web.Response()

    async def wait_for(self, name: str, within: float, log: Callable[[], str]) -> dict[str, Any]:
        """Return the first notification of an alert that fires."""
        deadline = time.monotonic() + within
        while True:
            for alert in self.alerts:
                if alert["labels"]["alertname"] == name and alert["status"] == "firing":
                    return alert
            assert time.monotonic() < deadline, f"{name} was not told: {self.alerts}\n{log()}"
            await asyncio.sleep(0.1)


def tool(name: str) -> str:
    path = shutil.which(name)
    assert path is not None, f"{name} is missing: apt-get install {PACKAGES[name]}"
    return path


@asynccontextmanager
async def watched(
    folder: Path, admin_port: int, *hurried: str
) -> AsyncGenerator[tuple[Webhook, Callable[[], str]]]:
    """Have a daemon's metrics watched while entered; give what is notified, and a reading of the logs.

    Args:
        folder: which is made, for all files.
        admin_port: where the metrics are.
        hurried: alerts that are to be raised after a second, whatever their ``for``.
    """
    webhook = Webhook()
    app = web.Application()
    app.router.add_post("/{receiver}", webhook.take)
    manager_port = free_port()
    async with AsyncExitStack() as stack:
        told_to = await stack.enter_async_context(TestServer(app, host="127.0.0.1"))
        _copy_rules(folder / "rules", hurried)
        _copy_configuration(folder, admin_port, manager_port, str(told_to.make_url("/")))
        processes = [
            await stack.enter_async_context(running(folder, *command, name=Path(command[0]).name))
            for command in (_alertmanager(folder, manager_port), _prometheus(folder, free_port()))
        ]
        yield webhook, lambda: "\n".join(_tail(process) for process in processes)


def _copy_rules(folder: Path, hurried: tuple[str, ...]) -> None:
    folder.mkdir(parents=True)
    for path in (FOLDER / "rules").iterdir():
        content = msgspec.yaml.decode(path.read_bytes())
        for rule in (rule for group in content["groups"] for rule in group["rules"]):
            if rule.get("alert") in hurried:
                rule["for"] = "1s"
        (folder / path.name).write_bytes(msgspec.json.encode(content))  # which is YAML too


def _copy_configuration(folder: Path, admin_port: int, manager_port: int, webhook: str) -> None:
    """Copy the rest: often instead of every 15 s, with the addresses and receivers of the test."""
    text = (FOLDER / "prometheus.yml").read_text(encoding="utf-8")
    for found, put in {
        "_interval: 15s": "_interval: 500ms",
        '"127.0.0.1:30181"': f'"127.0.0.1:{admin_port}"',
        '"127.0.0.1:9093"': f'"127.0.0.1:{manager_port}"',
    }.items():
        assert found in text
        text = text.replace(found, put)
    (folder / "prometheus.yml").write_text(text, encoding="utf-8")
    config = msgspec.yaml.decode((FOLDER / "alertmanager.yml").read_bytes())
    config["route"] |= {"group_wait": "100ms", "group_interval": "1s"}
    config["receivers"] = [
        {"name": receiver["name"], "webhook_configs": [{"url": f"{webhook}{receiver['name']}"}]}
        for receiver in config["receivers"]
    ]
    (folder / "alertmanager.yml").write_bytes(msgspec.json.encode(config))


def _prometheus(folder: Path, port: int) -> list[str]:
    return [
        tool("prometheus"),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'prometheus-data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]


def _alertmanager(folder: Path, port: int) -> list[str]:
    return [
        tool("prometheus-alertmanager"),
        f"--config.file={folder / 'alertmanager.yml'}",
        f"--storage.path={folder / 'alertmanager-data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",  # alone: no gossip port
    ]


def _tail(process: Running) -> str:
    return "\n".join(process.err.splitlines()[-20:])
