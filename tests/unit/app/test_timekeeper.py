import pytest

from bridge.app.timekeeper import JUMP, TimeJump, Timekeeper


class _Clock:
    """Two hands that are turned by themselves."""

    def __init__(self) -> None:
        self.wall_at, self.monotonic_at = 1_800_000_000.0, 50.0

    def wall(self) -> float:
        return self.wall_at

    def monotonic(self) -> float:
        return self.monotonic_at

    async def sleep(self, seconds: float) -> None:
        self.turn(seconds, seconds)

    def turn(self, wall: float, monotonic: float) -> None:
        self.wall_at += wall
        self.monotonic_at += monotonic


def _look_after(*turns: tuple[float, float]) -> TimeJump | None:
    """Return the last look of one look a turn."""
    clock = _Clock()
    timekeeper = Timekeeper(clock)
    jump = None
    for wall, monotonic in turns:
        clock.turn(wall, monotonic)
        jump = timekeeper.look()
    return jump


def test_time_that_passes_as_it_should_is_no_jump() -> None:
    assert _look_after((5.0, 5.0), (5.0, 5.0)) is None


@pytest.mark.parametrize("seconds", [JUMP, -JUMP, 0.5, -30.0])
def test_small_corrections_of_the_clock_are_no_jump(seconds: float) -> None:
    assert _look_after((5.0 + seconds, 5.0)) is None


@pytest.mark.parametrize("seconds", [3600.0, -3600.0, 56 * 365 * 86400.0])
def test_a_clock_that_is_set_is_a_jump_of_wall_time_alone(seconds: float) -> None:
    assert _look_after((5.0 + seconds, 5.0)) == TimeJump(wall=seconds, sleep=0.0)


def test_a_machine_whose_monotonic_time_goes_on_in_its_sleep_slept() -> None:
    assert _look_after((7200.0, 7200.0)) == TimeJump(wall=0.0, sleep=7200.0)


def test_a_machine_whose_monotonic_time_stands_still_in_its_sleep_jumped() -> None:
    assert _look_after((7200.25, 0.25)) == TimeJump(wall=7200.0, sleep=0.0)


def test_a_jump_is_told_once() -> None:
    assert _look_after((3605.0, 5.0), (5.0, 5.0)) is None


def test_many_small_corrections_do_not_add_up() -> None:
    assert _look_after(*[(205.0, 5.0)] * 10) is None
