import gc
from collections.abc import Iterator

import pytest

from bridge.host.collector import NEW_OBJECTS, collect_seldom


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


def test_what_was_there_before_is_never_looked_through() -> None:
    collect_seldom()
    assert gc.get_freeze_count() > NEW_OBJECTS / 10
    assert not any(gc.get_objects(generation) for generation in (1, 2))


def test_a_thousand_new_connections_do_not_call_the_collector() -> None:
    collect_seldom()
    passes = sum(one["collections"] for one in gc.get_stats())
    kept: list[object] = [[] for _ in range(NEW_OBJECTS - 1000)]
    assert sum(one["collections"] for one in gc.get_stats()) == passes
    kept += ([] for _ in range(2000))
    assert sum(one["collections"] for one in gc.get_stats()) == passes + 1
