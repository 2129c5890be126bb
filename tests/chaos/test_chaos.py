"""The short form of ``make chaos``."""

import re
import sys
from pathlib import Path

import pytest

from tests.support.measured import measured
from tests.support.process import running

STORM_SECONDS = 35
DRAIN_SECONDS = 90  # at most; usually a few
PACE = 6  # times the documented limits, so that a minute is enough to come near them
WITHIN_SECONDS = 165.0


@pytest.mark.stress
@pytest.mark.timeout(180)
async def test_a_minute_of_everything_that_can_go_wrong_loses_nothing_doubles_nothing_and_passes_no_limit(
    tmp_path: Path,
) -> None:
    options = {
        "--seconds": STORM_SECONDS,
        "--drain": DRAIN_SECONDS,
        "--pace": PACE,
        "--seed": 3,
        "--folder": tmp_path,
    }
    words = [str(word) for option in options.items() for word in option]
    async with running(tmp_path, sys.executable, "-m", "tests.chaos", *words, name="chaos") as process:
        code = await process.wait(WITHIN_SECONDS)
        said = process.out

    summary = said.strip().splitlines()[-1]
    measured(summary)
    counts = {name: int(count) for name, count in re.findall(r"([a-z ]+?) (\d+)(?:, |$)", summary)}
    assert code == 0, said + process.err
    assert (counts["lost"], counts["doubled"], counts["limits passed"]) == (0, 0, 0)
    assert counts["accepted"] > 50, said
    assert counts["delivered"] > 25, said
    assert re.search(r"^(?:[3-9]|\d\d) kills in", said, re.MULTILINE), said
