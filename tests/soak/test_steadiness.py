"""The judge of a soak finds what grows, and lets pass what does not."""

import math

import pytest
from msgspec.structs import replace

from tests.soak.holdings import MIB, Holdings
from tests.soak.steadiness import End, Finding, Sample, is_quiet, judge, slope

MINUTES = 30
START = Sample(
    at=0.0,
    holdings=Holdings(
        rss=60 * MIB, cpu=0.0, descriptors={"socket": 6, "file": 12}, threads=7, tasks={"relay": 1}, blocks=300_000,
        objects={},
    ),
    pending=0, kept=0, file_bytes=40_960, log_bytes=4 * MIB, accepted=0,
)  # fmt: skip


def run(mib_an_hour: float = 0.0, blocks_an_hour: float = 0.0, file_an_hour: float = 0.0) -> list[Sample]:
    """Return a run that breathes by a quarter of a MiB a minute, and grows so fast."""
    return [
        replace(
            START,
            at=(at := 5.0 * number),
            holdings=replace(
                START.holdings,
                rss=round((60.0 + mib_an_hour * at / 3600 + 0.125 * math.sin(at / 60 * math.tau)) * MIB),
                blocks=round(300_000 + blocks_an_hour * at / 3600),
            ),
            file_bytes=round(40_960 + file_an_hour * at / 3600),
        )
        for number in range(MINUTES * 12)
    ]


def wrong(findings: list[Finding]) -> list[str]:
    return [one.name for one in findings if one.good is False]


def test_the_slope_is_that_of_the_line_through_the_points() -> None:
    assert slope([(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)]) == pytest.approx(2.0)
    assert slope([(1.0, 4.0)]) == 0.0


@pytest.mark.parametrize(
    ("samples", "found"),
    [
        (run(), []),
        (run(mib_an_hour=1.5), []),
        (run(mib_an_hour=3.0), ["memory slope"]),
        (run(blocks_an_hour=100_000), ["blocks of Python"]),
        (run(file_an_hour=4.0 * MIB), ["outbox file"]),
    ],
)
def test_what_grows_through_the_second_half_is_found(samples: list[Sample], found: list[str]) -> None:
    assert wrong(judge(samples, None)) == found


def test_a_run_of_seconds_says_nothing_of_memory() -> None:
    findings = judge(run(mib_an_hour=1000.0)[:6], None)

    assert not wrong(findings)
    assert findings[0].found == "too short to tell"


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, []),
        ({"descriptors": {"socket": 30, "file": 12}}, ["descriptors"]),
        ({"tasks": {"relay": 1, "listen": 9}}, ["tasks"]),
        ({"threads": 90}, ["threads"]),
    ],
)
def test_what_is_held_at_the_end_and_was_not_at_the_start_is_found(
    change: dict[str, object], found: list[str]
) -> None:
    quiet = replace(START, holdings=replace(START.holdings, **change))

    assert wrong(judge(run(), End(start=START, quiet=quiet, recent=0))) == found
    assert is_quiet(START, quiet) is (not found)


@pytest.mark.parametrize(("pending", "kept", "found"), [(1, 0, "outbox pending"), (0, 12, "outbox kept")])
def test_events_that_stay_in_the_outbox_are_found(pending: int, kept: int, found: str) -> None:
    quiet = replace(START, pending=pending, kept=kept)

    assert wrong(judge(run(), End(start=START, quiet=quiet, recent=11))) == [found]
