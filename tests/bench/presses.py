"""Panic buttons, each of another unit, so that no press makes an earlier one pointless."""

from pathlib import Path

import msgspec

from tests.bench.bodies import NUMBER
from tests.bench.open_loop import Pace
from tests.bench.servers import TOKEN
from tests.support.daemon import API_KEY

PREFIX = "license:press-"
UNIT = f"{PREFIX}{NUMBER}"


def write_presses(path: Path, *, to_cad: bool = False) -> Path:
    """Write what is sent for a press: to the bridge, or to the CAD as the bridge does it."""
    body = {"communityUserIds": [UNIT], "isPanic": True} if to_cad else {"id": UNIT, "active": True}
    path.write_bytes(msgspec.json.encode(body))
    return path


def press(
    url: str, presses: Path, per_second: float, seconds: float, *, at_once: int = 1, first: int = 0
) -> Pace:
    """Return the plan of presses that the bridge gets."""
    return Pace(
        url=f"{url}/v1/panic",
        method="POST",
        pushes=str(presses),
        token=TOKEN,
        per_second=per_second,
        seconds=seconds,
        at_once=at_once,
        first=first,
    )


def press_directly(
    url: str, presses: Path, per_second: float, seconds: float, *, at_once: int = 1, first: int = 0
) -> Pace:
    """Return the plan of presses that go to the CAD itself."""
    return Pace(
        url=f"{url}/v2/emergency/servers/1/units/panic",
        method="PATCH",
        pushes=str(presses),
        token=API_KEY,
        per_second=per_second,
        seconds=seconds,
        at_once=at_once,
        first=first,
    )
