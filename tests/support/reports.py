"""Location reports with a default for everything, and what a game server's configuration says of them."""

from typing import Any

import msgspec

from bridge.config import LocationsConfig
from bridge.units import LocationReport, ServerId, UnitId

ONE, TWO, THREE = ServerId(1), ServerId(2), ServerId(3)


def report(unit: str = "license:a", x: float = 0.0, y: float = 0.0, **more: Any) -> LocationReport:
    """Return where a unit is."""
    return LocationReport(unit_id=UnitId(unit), x=x, y=y, **more)


def reports(*units: str, x: float = 0.0) -> list[LocationReport]:
    """Return several units at one place."""
    return [report(unit, x) for unit in units]


def locations_config(**changes: Any) -> LocationsConfig:
    """Return ``[locations]`` as it is by default, but for the changes."""
    return msgspec.structs.replace(LocationsConfig(), **changes)
