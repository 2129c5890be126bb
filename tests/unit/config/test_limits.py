"""What is left of Sonoran's limits when a part of them is somebody else's."""

from bridge.config.limits import smallest_interval, smallest_share


def test_the_smallest_interval_is_the_limit_s_even_pace() -> None:
    assert smallest_interval(12, None, 1.0) == 5.0
    assert smallest_interval(12, 60, 1.0) == 1.0
    assert smallest_interval(12, None, 0.5) == 10.0


def test_the_smallest_share_leaves_one_request_a_minute() -> None:
    assert smallest_share({"a": 10, "b": 30}) == 0.1
    assert smallest_share({"a": 12}) == 0.084
