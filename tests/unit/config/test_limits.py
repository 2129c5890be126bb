"""What is left of Sonoran's limits when a part of them is somebody else's."""

from bridge.config.limits import smallest_interval


def test_the_smallest_interval_is_the_limit_s_even_pace() -> None:
    assert smallest_interval(12, 1.0) == 5.0
    assert smallest_interval(60, 1.0) == 1.0
    assert smallest_interval(12, 0.5) == 10.0
