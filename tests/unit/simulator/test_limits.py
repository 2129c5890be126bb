from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.simulator.limits import Limiter
from tests.support.cad_requests import NOON


def limiter(per_minute: int | None = 3) -> Limiter:
    return Limiter({"op": per_minute, "other": 1})


def test_within_a_full_minute_there_is_no_room_above_the_limit() -> None:
    some = limiter()

    assert [some.admit("op", NOON + second) for second in (1, 20, 40)] == [None] * 3
    assert some.admit("op", NOON + 59.5) == pytest.approx(1.5)


def test_across_a_full_minute_there_is_no_room_above_the_limit() -> None:
    some = limiter()

    assert [some.admit("op", NOON + second) for second in (57, 58, 59)] == [None] * 3
    assert some.admit("op", NOON + 61) == pytest.approx(56)
    assert some.admit("op", NOON + 117) is None
    assert some.admit("op", NOON + 117) == pytest.approx(1)


@given(st.lists(st.floats(min_value=0, max_value=400), max_size=80), st.integers(min_value=1, max_value=5))
def test_no_window_of_either_kind_ever_holds_more_than_the_limit(seconds: list[float], limit: int) -> None:
    some = limiter(limit)

    admitted = [second for second in sorted(seconds) if some.admit("op", NOON + second) is None]

    assert all(count <= limit for count in Counter(second // 60 for second in admitted).values())
    assert all(later - first > 59.999 for first, later in zip(admitted, admitted[limit:], strict=False))


def test_a_refused_request_takes_no_room() -> None:
    some = limiter(1)
    some.admit("op", NOON)
    some.admit("op", NOON + 30)

    assert some.admit("op", NOON + 60) is None


def test_operations_do_not_share_a_limit() -> None:
    some = limiter(1)
    some.admit("op", NOON)

    assert some.admit("other", NOON) is None


def test_the_peak_counts_all_that_arrived_within_a_minute() -> None:
    some = limiter(2)
    for second in (0, 20, 40, 59.9, 60, 81, 300):
        some.admit("op", NOON + second)

    tally = some.tallies()["op"]

    assert (tally.limit, tally.arrivals, tally.peak) == (2, 7, 4)
    assert some.tallies()["other"].peak == 0


def test_violations_are_counted() -> None:
    some = limiter(1)
    for _ in range(3):
        some.admit("op", NOON)
        some.admit("other", NOON)

    assert some.tallies()["op"].violations == 2
    assert some.violations == 4


def test_without_enforcement_violations_are_only_counted() -> None:
    some = limiter(1)
    some.enforced = False

    assert [some.admit("op", NOON + second) for second in (0, 1, 2)] == [None] * 3
    assert some.violations == 2


@pytest.mark.parametrize(("per_minute", "admitted"), [(None, 50), (0, 0), (7, 7)])
def test_a_limit_can_be_changed(per_minute: int | None, admitted: int) -> None:
    some = limiter()
    some.change("op", per_minute)

    assert [some.admit("op", NOON) for _ in range(50)].count(None) == admitted


def test_an_unknown_operation_has_no_limit_to_change() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        limiter().change("nonsense", 5)


def test_restoring_goes_back_to_the_documented_limits() -> None:
    some = limiter()
    some.change("op", 0)
    some.enforced = False
    some.admit("op", NOON)

    some.restore()

    assert some.enforced
    assert some.violations == 0
    assert some.tallies()["op"].limit == 3
    assert [some.admit("op", NOON) for _ in range(4)].count(None) == 3


def test_a_clock_that_goes_back_gives_no_room() -> None:
    some = limiter(1)
    some.admit("op", NOON)

    assert some.admit("op", NOON - 3600) == pytest.approx(60)
    assert some.admit("op", NOON + 60) is None


def test_a_pool_is_shared_and_a_limit_of_ones_own_stays() -> None:
    some = Limiter({"pool": 3, "a": None, "b": 1}, {"a": "pool", "b": "pool"})

    assert [some.admit(name, NOON + second) for second, name in enumerate("aba")] == [None] * 3
    assert some.admit("b", NOON + 3) == pytest.approx(58)
    assert some.admit("a", NOON + 60) is None
    assert some.admit("b", NOON + 60) == pytest.approx(1)
    tallies = some.tallies()
    assert (tallies["pool"].arrivals, tallies["a"].arrivals, tallies["b"].arrivals) == (6, 3, 3)


def test_what_one_limit_refuses_uses_up_none() -> None:
    some = Limiter({"pool": 2, "a": None, "b": 0}, {"a": "pool", "b": "pool"})
    for _ in range(5):
        assert some.admit("b", NOON) == pytest.approx(60)

    assert some.admit("a", NOON) is None
    assert some.admit("a", NOON) is None
    assert some.admit("a", NOON) is not None


def test_what_comes_sooner_than_advised_is_let_in_and_counted() -> None:
    some = Limiter({"op": None}, gaps={"op": 5.0})

    assert [some.admit("op", NOON + second) for second in (0, 5, 9.9, 14.9)] == [None] * 4
    assert some.violations == 1
