"""Writes the dashboards: ``python -m deploy.grafana.build``, from the top of the repository."""

from pathlib import Path

import msgspec
from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.delivery import delivery
from deploy.grafana.game_servers import game_servers
from deploy.grafana.overview import overview

FOLDER = Path(__file__).parent / "dashboards"
DASHBOARDS = {"overview": overview, "delivery": delivery, "game-servers": game_servers}
"""How each is built, by the name of its file."""


def rendered(dashboard: Dashboard) -> bytes:
    """Return a dashboard as Grafana reads it."""
    return msgspec.json.format(msgspec.json.encode(dashboard, enc_hook=_plain), indent=2) + b"\n"


def build(folder: Path = FOLDER) -> None:
    """Write all dashboards into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in DASHBOARDS.items():
        (folder / f"{name}.json").write_bytes(rendered(make()))


def _plain(value: object) -> object:
    to_json = getattr(value, "to_json", None)
    if to_json is None:
        raise NotImplementedError(f"{type(value)} is nothing of a dashboard")
    return to_json()


if __name__ == "__main__":
    build()
