import asyncio
import gc
from collections.abc import Callable, Iterator

import pytest

from bridge.host.collector import NEW_OBJECTS, PAUSE, WHOLE, collect_seldom, collected_by_the_clock
from tests.support.virtual_time import VirtualClock, run_virtual


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


class Cycle:
    """Garbage that only the collector finds."""

    def __init__(self, ended: Callable[[], None]) -> None:
        self._itself = self
        self._ended = ended

    def __del__(self) -> None:
        self._ended()


def test_what_only_the_collector_finds_is_soon_gone() -> None:
    async def main(clock: VirtualClock) -> None:
        ended: list[str] = []
        with collected_by_the_clock(asyncio.get_running_loop()):
            Cycle(lambda: ended.append("cycle"))
            await clock.sleep(PAUSE - 1)
            assert ended == []
            await clock.sleep(2)
            assert ended == ["cycle"]

    gc.collect()
    gc.disable()
    try:
        run_virtual(main)
    finally:
        gc.enable()


def test_what_lived_long_is_looked_through_more_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []

    async def main(clock: VirtualClock) -> None:
        with collected_by_the_clock(asyncio.get_running_loop()):
            await clock.sleep(PAUSE * (WHOLE + 0.5))
        await clock.sleep(PAUSE * 3)

    monkeypatch.setattr(gc, "collect", looks.append)
    run_virtual(main)
    assert looks == [0] * (WHOLE - 1) + [2]
