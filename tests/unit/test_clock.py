import asyncio
import time

import pytest

from bridge.clock import Alarm, SystemClock
from tests.support.virtual_time import VirtualClock, run_virtual


async def _ends_at(alarm: Alarm, clock: VirtualClock, deadline: float | None) -> float:
    started = clock.monotonic()
    await alarm.wait_until(deadline)
    return clock.monotonic() - started


def test_an_alarm_that_nobody_rings_ends_at_the_deadline() -> None:
    async def main(clock: VirtualClock) -> None:
        assert await _ends_at(Alarm(clock), clock, clock.monotonic() + 30.0) == pytest.approx(30.0)

    run_virtual(main)


@pytest.mark.parametrize("deadline", [None, 30.0])
def test_a_ring_wakes_the_waiter_before_the_deadline(deadline: float | None) -> None:
    async def main(clock: VirtualClock) -> None:
        alarm = Alarm(clock)
        asyncio.get_running_loop().call_later(5.0, alarm.ring)
        until = None if deadline is None else clock.monotonic() + deadline

        assert await _ends_at(alarm, clock, until) == pytest.approx(5.0)

    run_virtual(main)


@pytest.mark.parametrize("deadline", [None, 30.0])
def test_a_ring_is_kept_for_whoever_waits_next_and_only_once(deadline: float | None) -> None:
    async def main(clock: VirtualClock) -> None:
        alarm = Alarm(clock)
        alarm.ring()
        alarm.ring()
        until = None if deadline is None else clock.monotonic() + deadline

        assert await _ends_at(alarm, clock, until) == 0.0
        assert await _ends_at(alarm, clock, clock.monotonic() + 30.0) == pytest.approx(30.0)

    run_virtual(main)


def test_a_ring_at_the_very_deadline_is_not_lost() -> None:
    async def main(clock: VirtualClock) -> None:
        alarm = Alarm(clock)
        deadline = clock.monotonic() + 5.0
        asyncio.get_running_loop().call_at(deadline, alarm.ring)

        await alarm.wait_until(deadline)
        await alarm.wait_until(clock.monotonic())

        assert await _ends_at(alarm, clock, clock.monotonic() + 30.0) in (0.0, pytest.approx(30.0))

    run_virtual(main)


@pytest.mark.parametrize("rung", [True, False])
@pytest.mark.parametrize("deadline", [None, -1.0])
def test_waiting_lets_other_tasks_go_on_even_if_nothing_is_to_be_waited_for(
    deadline: float | None, *, rung: bool
) -> None:
    async def main(clock: VirtualClock) -> None:
        alarm = Alarm(clock)
        others: list[str] = []
        asyncio.get_running_loop().call_soon(others.append, "ran")
        if rung or deadline is None:
            alarm.ring()

        await alarm.wait_until(None if deadline is None else clock.monotonic() + deadline)

        assert others == ["ran"]

    run_virtual(main)


async def test_the_systems_clock_tells_the_machines_time() -> None:
    clock = SystemClock()

    assert clock.wall() == pytest.approx(time.time(), abs=5.0)  # noqa: TID251 -- compared with it
    assert clock.monotonic() == pytest.approx(asyncio.get_running_loop().time(), abs=5.0)
    await clock.sleep(-1.0)
