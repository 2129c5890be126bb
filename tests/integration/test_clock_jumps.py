"""A machine whose clock is set, or that sleeps: what was accepted lives on, and positions go on flowing."""

from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bridge.simulator.faults import Down
from tests.support.running_daemon import UNIT, Running, daemon_config, locations, running
from tests.support.virtual_time import VirtualClock, run_virtual

DAY = 86_400.0
NIGHT = 30_000.0
PANIC_ON = 600.0  # seconds, its time to live


def _set_clock(clock: VirtualClock, seconds: float) -> None:
    clock.wall_jump += seconds


def _sleep_with_time_standing_still(clock: VirtualClock, seconds: float) -> None:
    clock.wall_jump += abs(seconds)


def _sleep_with_time_going_on(clock: VirtualClock, seconds: float) -> None:
    clock._loop._selector_of_time.now += min(abs(seconds), NIGHT)  # virtual tests end after a day


WAYS = pytest.mark.parametrize(
    "way",
    [_set_clock, _sleep_with_time_standing_still, _sleep_with_time_going_on],
    ids=lambda way: way.__name__[1:],
)
JUMPS = pytest.mark.parametrize("seconds", [301.0, -DAY, 50 * 365 * DAY])
Jump = Callable[[VirtualClock, float], None]


@WAYS
@JUMPS
def test_a_panic_outlives_a_jump_of_time_and_a_restart_after_it(
    tmp_path: Path, way: Jump, seconds: float
) -> None:
    async def main(clock: VirtualClock) -> None:
        config = daemon_config(tmp_path)
        async with running(config, clock) as before:
            before.cloud.faults.add(Down())
            event = (await before.push("/v1/panic", {"id": UNIT}))["event"]
            await clock.sleep(10.0)
            way(clock, seconds)
            await clock.sleep(10.0)
            assert before.sample("outbox_events", state="pending") == 1
            assert 0 <= await _age(before) < 60.0 or way is _sleep_with_time_going_on
        async with running(config, clock) as after:
            await clock.sleep(10.0)
            assert await _state(after, event) == "delivered"
            assert after.cloud.cad.community.units[UNIT].is_panic

    with capture_logs() as logs:
        run_virtual(main)

    [told] = [line for line in logs if line["event"] == "time jumped"]
    assert max(abs(told["wall_seconds"]), abs(told["slept_seconds"])) == pytest.approx(
        min(abs(seconds), NIGHT) if way is _sleep_with_time_going_on else abs(seconds), abs=1.0
    )


@WAYS
def test_a_panic_expires_in_the_end_all_the_same(tmp_path: Path, way: Jump) -> None:
    async def main(clock: VirtualClock) -> None:
        async with running(daemon_config(tmp_path), clock) as seen:
            seen.cloud.faults.add(Down())
            event = (await seen.push("/v1/panic", {"id": UNIT}))["event"]
            way(clock, DAY)
            await clock.sleep(PANIC_ON - 30.0)
            assert await _state(seen, event) == "pending"
            await clock.sleep(60.0)
            assert await _state(seen, event) == "expired"

    run_virtual(main)


@WAYS
@JUMPS
def test_positions_go_on_at_their_pace(tmp_path: Path, way: Jump, seconds: float) -> None:
    async def main(clock: VirtualClock) -> None:
        async with running(daemon_config(tmp_path), clock) as seen:
            await _drive(seen, 0)
            way(clock, seconds)
            sent = len(seen.received("updateUnitLocations"))
            await _drive(seen, 100)

            assert len(seen.received("updateUnitLocations")) - sent >= 5
            assert seen.cloud.cad.limiter.violations == 0
            coordinates = seen.cloud.cad.community.units[UNIT].coordinates
            assert coordinates is not None
            assert coordinates.x >= 1000.0 + 10.0 * 25

    run_virtual(main)


@JUMPS
def test_a_repeated_push_is_known_after_a_jump_of_time(tmp_path: Path, seconds: float) -> None:
    async def main(clock: VirtualClock) -> None:
        config = daemon_config(tmp_path)
        async with running(config, clock) as before:
            first = await before.push("/v1/panic", {"id": UNIT}, key="a-push")
            await clock.sleep(1.0)
            _set_clock(clock, seconds)
            await clock.sleep(7_200.0)  # old keys are deleted once an hour
        async with running(config, clock) as after:
            assert await after.push("/v1/panic", {"id": UNIT}, key="a-push") == first

    run_virtual(main)


async def _drive(seen: Running, start: int) -> None:
    for second in range(30):
        await seen.push("/v1/locations", locations(UNIT, x=10.0 * (start + second)))
        await seen.clock.sleep(1.0)


async def _state(seen: Running, event: str) -> str:
    view = await seen.look_up(event)
    state: str = view["state"]
    return state


async def _age(seen: Running) -> float:
    """Return how old the oldest pending event is said to be."""
    since = seen.sample("outbox_oldest_pending_timestamp_seconds")
    assert since
    return seen.clock.wall() - since
