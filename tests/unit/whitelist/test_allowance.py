"""How often the CMS is asked."""

from hypothesis import given
from hypothesis import strategies as st

from bridge.whitelist.allowance import Allowance


def test_so_many_in_a_minute_and_then_one_when_the_first_is_a_minute_old() -> None:
    allowance = Allowance(2)

    assert [allowance.take(at) for at in (0.0, 10.0, 20.0, 59.9)] == [True, True, False, False]
    assert allowance.free_at(30.0) == 60.0
    assert allowance.take(60.0)
    assert allowance.free_at(60.0) == 70.0


@given(st.lists(st.floats(0.0, 30.0), max_size=60), st.integers(1, 5))
def test_no_minute_ever_holds_more(pauses: list[float], limit: int) -> None:
    allowance, now, taken = Allowance(limit), 0.0, list[float]()
    for pause in pauses:
        now += pause
        if allowance.take(now):
            taken.append(now)

    assert all(sum(start <= at < start + 60.0 for at in taken) <= limit for start in taken)


def test_what_did_not_come_to_pass_is_not_counted() -> None:
    allowance = Allowance(1)
    assert allowance.take(0.0)
    allowance.give_back()

    assert allowance.take(1.0)
    assert not allowance.take(2.0)
