"""What Sonoran's limits make of the interval."""

from pathlib import Path

import pytest

from bridge.config import effective_interval
from bridge.config.limits import smallest_share
from bridge.operations import DOCUMENTED_LIMITS
from tests.support.configuration import MINIMAL, load_configuration


@pytest.mark.parametrize(
    ("locations", "cad", "seconds"),
    [
        ('interval = "5s"', "", 5.05),  # the margin: an exact pace puts 13 requests into a window
        ('interval = "5.02s"', "", 5.05),
        ('interval = "7s"', "", 7.0),
        ('interval = "10s"', "share = 0.5", 10.05),
        ('interval = "5s"', "limits = { updateUnitLocations = 60 }", 5.0),
        ('interval = "1s"', "limits = { updateUnitLocations = 60 }", 1.05),
    ],
)
def test_batches_keep_a_margin_from_the_limit(
    tmp_path: Path, locations: str, cad: str, seconds: float
) -> None:
    toml = f"[locations]\n{locations}\n{MINIMAL}".replace("[cad]", f"[cad]\n{cad}")

    config = load_configuration(tmp_path, toml).config

    assert effective_interval(config, DOCUMENTED_LIMITS) == pytest.approx(seconds)


def test_the_smallest_share_leaves_one_request_a_minute() -> None:
    assert smallest_share({"a": 10, "b": 30}) == 0.1
    assert smallest_share({"a": 12}) == 0.084
