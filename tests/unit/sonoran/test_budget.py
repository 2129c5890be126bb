from collections.abc import Sequence
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.simulator.limits import Limiter
from bridge.sonoran.budget import Budget, location_pace
from tests.support.cad_client import budgets_of
from tests.support.stepping_clock import SteppingClock

PANIC, LOCATIONS, STATUS, VERSION = "setUnitPanic", "updateUnitLocations", "setUnitStatus", "getVersion"


def use(budget: Budget, now: float, seconds: float = 0.0) -> None:
    assert budget.free_at(now) <= now
    budget.take(now)
    budget.settle(now + seconds)


def peak(arrivals: Sequence[float]) -> int:
    """Return the most arrivals within any 60 s, as a CAD with sliding windows counts them."""
    limiter = Limiter({"any": None})
    for moment in sorted(arrivals):
        limiter.admit("any", moment)
    return limiter.tallies()["any"].peak


def use_at(budget: Budget, *moments: float) -> None:
    for moment in moments:
        use(budget, moment)


# A pool


def test_operations_of_a_pool_count_together() -> None:
    pool = Budget(3)
    one, other = Budget(2, pools=[pool]), Budget(3, pools=[pool])
    use(one, 0.0)
    use(other, 1.0)
    use(other, 2.0)

    assert (one.remaining(3.0), other.remaining(3.0)) == (0, 0)
    assert (one.free_at(3.0), other.free_at(3.0)) == (60.0, 60.0)
    use(one, 60.0)
    assert other.free_at(60.5) == 61.0


def test_the_own_limit_holds_in_a_pool_too() -> None:
    one = Budget(1, pools=[Budget(3)])
    use(one, 0.0)

    assert (one.free_at(1.0), one.remaining(1.0)) == (60.0, 0)


def test_a_smaller_pool_in_a_greater_one_leaves_a_reserve() -> None:
    all_of_it, most = Budget(3), Budget(2)
    routine, urgent = Budget(3, pools=[all_of_it, most]), Budget(3, pools=[all_of_it])
    use_at(routine, 0.0, 1.0)

    assert (routine.free_at(2.0), routine.remaining(2.0)) == (60.0, 0)
    assert (urgent.free_at(2.0), urgent.remaining(2.0)) == (2.0, 1)


def test_a_slot_that_was_given_back_is_the_pools_again() -> None:
    pool = Budget(1)
    one, other = Budget(1, pools=[pool]), Budget(1, pools=[pool])
    one.take(0.0)
    assert other.free_at(0.0) > 0.0
    one.give_back()

    assert other.free_at(0.0) == 0.0


def test_a_request_in_flight_holds_the_pools_slot() -> None:
    pool = Budget(1)
    one, other = Budget(1, pools=[pool]), Budget(1, pools=[pool])
    one.take(0.0)

    assert other.free_at(100.0) == 160.0
    one.settle(100.0)
    assert other.free_at(101.0) == 160.0


def test_a_pool_counts_what_a_former_run_sent() -> None:
    pool = Budget(2)
    one, other = Budget(2, pools=[pool]), Budget(2, pools=[pool])
    one.restore(0.0, 0.5)
    one.restore(1.0, 1.5)

    assert other.free_at(2.0) == 60.5


def test_those_ahead_in_the_queue_count_in_the_pool() -> None:
    one = Budget(5, pools=[Budget(2)])
    use(one, 0.0)

    assert one.free_at(1.0) == 1.0
    assert one.free_at(1.0, ahead=1) == 60.0


def test_a_penalty_and_a_refusal_are_their_operations_alone() -> None:
    pool = Budget(5)
    one, other = Budget(5, pools=[pool]), Budget(5, pools=[pool])
    one.pause(0.0, 30.0)
    one.slow(0.0)

    assert (one.remaining(1.0), other.remaining(1.0)) == (0, 5)
    assert other.free_at(1.0) == 1.0


def test_after_an_answer_there_is_a_rest() -> None:
    budget = Budget(12, gap=5.05, rest=5.0)
    use(budget, 0.0, seconds=0.01)
    assert budget.free_at(1.0) == 5.05
    use(budget, 10.0, seconds=3.0)
    assert budget.free_at(14.0) == 18.0


def test_a_rest_outlives_a_restart() -> None:
    budget = Budget(12, gap=5.05, rest=5.0)
    budget.restore(0.0, 3.0)

    assert budget.free_at(4.0) == 8.0


# One budget


def test_slots_are_free_again_a_minute_after_their_answers() -> None:
    budget = Budget(2)
    use(budget, 0.0, seconds=3.0)
    use(budget, 10.0, seconds=1.0)

    assert budget.free_at(20.0) == 63.0
    assert (budget.remaining(20.0), budget.remaining(63.0)) == (0, 1)
    use(budget, 63.0)
    assert budget.free_at(64.0) == 71.0


def test_a_request_in_flight_holds_its_slot() -> None:
    budget = Budget(1)
    budget.take(0.0)

    assert budget.free_at(100.0) == 160.0
    assert budget.remaining(100.0) == 0
    budget.settle(100.0)
    assert budget.free_at(101.0) == 160.0


def test_with_one_in_flight_the_next_waits_for_an_answered_one() -> None:
    budget = Budget(2)
    use(budget, 0.0, seconds=1.0)
    budget.take(5.0)

    assert budget.free_at(10.0) == 61.0


def test_who_comes_behind_others_has_the_slot_behind_theirs() -> None:
    budget = Budget(3)
    for moment in (0.0, 10.0, 20.0):
        use(budget, moment)

    assert [budget.free_at(30.0, ahead=ahead) for ahead in range(5)] == [60.0, 70.0, 80.0, 90.0, 90.0]
    assert [budget.free_at(65.0, ahead=ahead) for ahead in range(3)] == [65.0, 70.0, 80.0]
    assert [Budget(3).free_at(5.0, ahead=ahead) for ahead in range(4)] == [5.0, 5.0, 5.0, 65.0]


def test_who_comes_behind_others_waits_for_those_in_flight_and_for_penalties_too() -> None:
    budget = Budget(3)
    use(budget, 0.0)
    budget.take(10.0)

    assert [budget.free_at(20.0, ahead=ahead) for ahead in range(3)] == [20.0, 60.0, 80.0]
    budget.pause(20.0, 50.0)
    assert [budget.free_at(20.0, ahead=ahead) for ahead in range(3)] == [70.0, 70.0, 80.0]


def test_a_lowered_limit_waits_until_enough_is_free() -> None:
    budget = Budget(2)
    for second in range(5):
        budget.restore(second, second + 0.5)

    assert budget.free_at(10.0) == 63.5
    assert budget.remaining(10.0) == 0


def test_the_gap_is_kept_between_starts() -> None:
    budget = Budget(12, gap=5.05)
    use(budget, 100.0, seconds=2.0)

    assert budget.free_at(102.0) == 105.05
    assert Budget(12, gap=5.05).free_at(0.0) == 0.0


def test_half_goes_at_once_and_the_rest_is_paced() -> None:
    budget = Budget(20, burst=10)
    starts: list[float] = []
    now = 0.0
    while len(starts) < 30:
        now = budget.free_at(now)
        use(budget, now)
        starts.append(now)

    assert starts[:10] == [0.0] * 10
    assert [after - before for before, after in pairwise(starts[9:])] == [6.0] * 20


def test_after_a_quiet_minute_half_may_go_at_once_again() -> None:
    budget = Budget(20, burst=10)
    for _ in range(10):
        use(budget, 0.0)

    for _ in range(10):
        use(budget, 60.0)

    assert budget.free_at(60.0) == 66.0


def test_a_burst_is_no_larger_for_having_waited_long() -> None:
    budget = Budget(20, burst=10)
    for _ in range(10):
        use(budget, 10_000.0)

    assert budget.free_at(10_000.0) == 10_006.0


def probe(budget: Budget, now: float, until: float) -> list[float]:
    """Try as often as the budget lets us while the CAD takes nothing; return when."""
    starts: list[float] = []
    while (now := budget.free_at(now)) < until:
        use(budget, now)
        budget.failed(now)
        starts.append(now)
    return starts


def test_while_requests_fail_most_of_the_burst_is_kept_for_when_they_are_taken_again() -> None:
    budget = Budget(20, burst=10)

    tries = probe(budget, 0.0, until=100.0)

    assert tries == [0.0, 0.0, 0.0, *(6.0 * step for step in range(1, 17))]
    budget.accepted(100.0)
    for _ in range(7):
        use(budget, 100.0)
    assert budget.free_at(100.0) == 102.0


def test_even_with_the_burst_used_up_a_probe_waits_no_longer_than_the_pace() -> None:
    budget = Budget(20, burst=10)
    for _ in range(10):
        use(budget, 0.0)

    budget.failed(0.0)

    assert probe(budget, 1.0, until=20.0) == [6.0, 12.0, 18.0]


def test_a_probe_that_never_left_does_not_put_off_the_next() -> None:
    budget = Budget(20, burst=10)
    for _ in range(10):
        use(budget, 0.0)
    budget.failed(0.0)
    budget.take(6.0)

    budget.give_back()

    assert budget.free_at(6.5) == 6.5


def test_what_left_before_the_cad_was_well_makes_nothing_a_probe() -> None:
    budget = Budget(20, burst=10)
    budget.recovered(10.0)
    for _ in range(5):
        use(budget, 10.0)

    budget.failed(9.9)
    before = budget.free_at(11.0)
    budget.failed(10.0)

    assert (before, budget.free_at(11.0)) == (11.0, 16.0)


@pytest.mark.parametrize(("burst", "seconds"), [(10, 6.0), (0, 30.0)])
def test_a_forbidden_operation_is_tried_seldom_but_panics_have_their_turn(burst: int, seconds: float) -> None:
    budget = Budget(20, burst=burst)

    budget.slow(100.0)

    assert budget.free_at(100.0) == 100.0 + seconds


def test_the_smallest_share_of_panics_is_one_a_minute() -> None:
    budgets = budgets_of(SteppingClock(), {PANIC: 1})
    use(budgets[PANIC], 100.0)

    assert budgets[PANIC].free_at(100.0) == 160.0


@pytest.mark.parametrize("seed", range(20))
def test_at_no_more_than_the_limit_no_panic_waits_longer_than_the_pace(seed: int) -> None:
    random = Random(seed)
    budget = Budget(20, burst=10)
    arrivals: list[float] = []
    moment = 0.0
    while moment < 600.0:
        moment += random.choice([0.0, 0.1, random.expovariate(1 / 3), 30.0 * random.random()])
        if sum(earlier > moment - 60.0 for earlier in arrivals) < 20:
            arrivals.append(moment)
    waits: list[float] = []
    now = 0.0
    while arrivals:
        now = max(now, arrivals[0])
        now = budget.free_at(now)
        waiting = [arrival for arrival in arrivals if arrival <= now]  # they merge
        arrivals = arrivals[len(waiting) :]
        waits.append(now - waiting[0])
        use(budget, now, seconds=0.05)

    assert max(waits) <= 6.0


def test_a_penalty_that_the_cad_names_is_kept() -> None:
    budget = Budget(20)
    budget.pause(100.0, 3.0)

    assert budget.free_at(101.0) == 103.0
    assert (budget.remaining(102.9), budget.remaining(103.0)) == (0, 20)


def test_a_shorter_penalty_does_not_end_a_longer_one() -> None:
    budget = Budget(20)
    budget.pause(100.0, 30.0)
    budget.pause(101.0, 1.0)

    assert budget.free_at(102.0) == 130.0


def test_penalties_without_a_time_double_from_five_seconds_to_sixty() -> None:
    budget = Budget(20)
    now = 0.0
    penalties: list[float] = []
    for _ in range(12):
        penalties.append(budget.pause(now, None))
        now = budget.free_at(now)

    assert penalties == [5, 10, 20, 40, 60, 60, 60, 60, 60, 60, 60, 60]
    budget.accepted(now)
    assert budget.pause(now, None) == 5


def test_refusals_of_requests_that_were_under_way_together_are_one_refusal() -> None:
    budget = Budget(20)
    budget.pause(100.0, None)

    assert budget.pause(100.1, None) == pytest.approx(4.9)
    assert budget.free_at(100.2) == 105.0
    assert budget.pause(105.0, None) == 10


SIXTY_FOURTHS = 64  # of a second: sums of them are exact


@settings(max_examples=150, deadline=None)
@given(
    limit=st.integers(1, 30),
    burst=st.integers(0, 15),
    steps=st.lists(
        st.tuples(
            st.integers(0, 30 * SIXTY_FOURTHS),  # pause before it
            st.integers(0, 12 * SIXTY_FOURTHS),  # latency
            st.integers(0, 4),  # quarters of it that pass before the CAD counts the request
            st.booleans(),
        ),
        min_size=1,
        max_size=200,
    ),
)
def test_whatever_the_latency_no_minute_of_the_cad_holds_more_than_the_limit(
    limit: int, burst: int, steps: list[tuple[int, int, int, bool]]
) -> None:
    budget = Budget(limit, burst=burst)
    now = 0.0
    flying: list[float] = []  # when each is answered
    arrivals: list[float] = []
    for pause, latency, quarters, waits in steps:
        if waits:
            now = max(now + pause / SIXTY_FOURTHS, min(budget.free_at(now), now + 90.0))
        for answered in sorted(moment for moment in flying if moment <= now):
            budget.settle(answered)
            flying.remove(answered)
        if budget.free_at(now) <= now:
            budget.take(now)
            flying.append(now + latency / SIXTY_FOURTHS)
            arrivals.append(now + latency * quarters / 4 / SIXTY_FOURTHS)

    assert peak(arrivals) <= limit


def test_a_budget_that_follows_a_smaller_one_still_counts_what_was_sent() -> None:
    budget = Budget(4)
    use_at(budget, 0.0, 1.0, 2.0)

    budget.follow(Budget(2), 3.0)

    assert budget.free_at(3.0) == 61.0
    assert budget.remaining(3.0) == 0


def test_a_budget_that_follows_a_greater_one_has_more_at_once() -> None:
    budget = Budget(2)
    use_at(budget, 0.0, 1.0)

    budget.follow(Budget(4), 2.0)

    assert (budget.free_at(2.0), budget.remaining(2.0)) == (2.0, 2)


def test_a_longer_gap_holds_for_the_next_request_already() -> None:
    budget = Budget(12, gap=5.0)
    use(budget, 0.0)

    budget.follow(Budget(6, gap=10.0), 1.0)

    assert budget.free_at(1.0) == 10.0


def test_a_burst_that_was_used_up_stays_used_up_at_another_pace() -> None:
    budget = Budget(20, burst=10)
    use_at(budget, *[0.0] * 10)

    budget.follow(Budget(16, burst=8), 0.0)

    assert budget.free_at(0.0) == 7.5


def test_at_the_pace_of_locations_jitter_never_overruns_the_limit() -> None:
    random = Random(7)
    budget = Budget(12, gap=location_pace(5.0, 12))
    now, arrivals = 0.0, list[float]()
    for _ in range(500):
        now = budget.free_at(now)
        latency = random.uniform(0.02, 0.12)
        arrivals.append(now + latency * random.random())
        use(budget, now, latency)

    assert peak(arrivals) <= 12


def test_a_shorter_gap_counts_from_the_last_request_not_from_the_former_one() -> None:
    budget = Budget(12, gap=120.0)
    use(budget, 0.0)

    budget.follow(Budget(12, gap=5.0), 1.0)

    assert budget.free_at(1.0) == 5.0


def test_the_rest_after_an_answer_stands_through_a_change_of_pace() -> None:
    budget = Budget(12, gap=5.0, rest=5.0)
    use(budget, 0.0, seconds=3.0)

    budget.follow(Budget(12, gap=1.0, rest=5.0), 4.0)

    assert budget.free_at(4.0) == 8.0
