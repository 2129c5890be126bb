"""How long events live and how many may wait. That every kind gets its own time is tested where they are appended."""

import pytest

from bridge.config import TtlConfig
from bridge.outbox.lifetime import room_beside, time_to_live
from tests.support.sending import panic


def test_a_panic_switched_off_lives_longer_than_one_switched_on() -> None:
    ttl = TtlConfig(panic_on=1.0, panic_off=2.0)

    assert (time_to_live(ttl, panic()), time_to_live(ttl, panic(active=False))) == (1.0, 2.0)


@pytest.mark.parametrize(("waiting", "room"), [(0, (90, 100)), (90, (0, 10)), (100, (-10, 0))])
def test_the_last_tenth_is_for_panics(waiting: int, room: tuple[int, int]) -> None:
    assert room_beside(100, waiting) == room
