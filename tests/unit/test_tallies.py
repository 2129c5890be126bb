import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest

from bridge.tallies import Counts, Spreads

BOUNDS = (0.5, 1.0, 10.0)


@pytest.fixture(autouse=True)
def _no_times_of_creation() -> None:
    disable_created_metrics()  # type: ignore[no-untyped-call]  # the library left it unannotated


def test_counts_are_told_as_the_library_tells_its_own() -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    for counts in (
        Counts("steps_total", "Steps.", ("who", "where"), ours),
        Counter("steps_total", "Steps.", ("who", "where"), registry=theirs),
    ):
        counts.labels("a", "here").inc()
        counts.labels("a", "here").inc(2.5)
        counts.labels("b", "there")

    assert generate_latest(ours) == generate_latest(theirs)


def test_a_spread_is_told_as_the_library_tells_its_own() -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    for spreads in (
        Spreads("seconds", "Time.", BOUNDS, ("route",), ours),
        Histogram("seconds", "Time.", ("route",), registry=theirs, buckets=BOUNDS),
    ):
        for amount in (0.0, 0.5, 0.75, 1.0, 9.5, 10.25, 1e6):
            spreads.labels("/a").observe(amount)
        spreads.labels("/b")

    assert generate_latest(ours) == generate_latest(theirs)


def test_a_series_is_bound_once_and_goes_on() -> None:
    registry = CollectorRegistry()
    counts = Counts("steps_total", "Steps.", ("who",), registry)
    spreads = Spreads("seconds", "Time.", BOUNDS, ("route",), registry)

    assert counts.labels("a") is counts.labels("a")
    assert spreads.labels("/a") is spreads.labels("/a")
