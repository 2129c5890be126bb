from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bridge.operations import DOCUMENTED_LIMITS
from bridge.simulator.limits import Limiter
from bridge.sonoran.budget import (
    Budget,
    Budgets,
    effective_limits,
    heartbeat_pace,
    location_pace,
    sharing_of,
)
from bridge.sonoran.pools import Sharing
from bridge.store import Store
from tests.support.cad_client import ForgetfulStore, budgets_of
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


def test_all_budgets_know_who_is_ahead() -> None:
    clock = SteppingClock()
    budgets = budgets_of(clock)
    spend(budgets, VERSION, 9)
    now = clock.monotonic()

    assert [budgets.free_at(VERSION, now, ahead=ahead) for ahead in range(2)] == [now, now + 60.0]


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


# All budgets


class Runs:
    """Budgets on a file that outlives them."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.clock = SteppingClock()
        self._path = folder / "outbox.sqlite3"
        self._store: Store | None = None
        self._limits: dict[str, int] = options.pop("limits", dict(DOCUMENTED_LIMITS))

    async def start(self, **limits: int) -> Budgets:
        """End the former run, in an orderly way, and begin the next."""
        await self.stop()
        self._store = await Store(self._path, lambda _: None).__aenter__()
        budgets = Budgets(self._store, self.clock, self._limits | limits, 5.05, 10.0)
        await budgets.load()
        return budgets

    async def stop(self) -> None:
        if self._store is not None:
            await self._store.__aexit__()
            self._store = None

    async def rows(self) -> list[tuple[Any, ...]]:
        assert self._store is not None
        query = "SELECT operation, started_at, answered_at FROM requests ORDER BY started_at"
        return await self._store.write(lambda transaction: list(transaction.query(query)))


def spend(budgets: Budgets, operation: str, number: int = 1) -> None:
    for _ in range(number):
        ticket = budgets.take(operation)
        assert ticket is not None
        budgets.settle(ticket)


async def test_the_window_survives_a_restart(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    spend(await runs.start(), VERSION, 10)
    runs.clock.now += 20.0

    budgets = await runs.start()

    now = runs.clock.monotonic()
    assert budgets.take(VERSION) is None
    assert budgets.free_at(VERSION, now) == pytest.approx(now + 40.0)
    assert budgets.free_at(STATUS, now) == now
    assert budgets.remaining()[VERSION] == (10, 0)
    runs.clock.now += 40.001
    assert budgets.take(VERSION) is not None
    await runs.stop()


async def test_a_request_that_a_kill_cut_off_counts_as_answered_at_its_timeout(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    budgets = await runs.start()
    for _ in range(10):
        assert budgets.take(VERSION) is not None
    runs.clock.now += 2.0

    budgets = await runs.start()
    soon = budgets.free_at(VERSION, runs.clock.monotonic()) - runs.clock.monotonic()
    runs.clock.now += 30.0
    budgets = await runs.start()
    later = budgets.free_at(VERSION, runs.clock.monotonic()) - runs.clock.monotonic()
    await runs.stop()

    assert soon == pytest.approx(68.0)  # it may still be under way
    assert later == pytest.approx(38.0)  # at the latest 10 s after it left


async def test_a_request_that_an_orderly_end_cut_off_counts_as_answered_at_its_timeout(
    tmp_path: Path,
) -> None:
    runs = Runs(tmp_path)
    budgets = await runs.start()
    for _ in range(10):
        ticket = budgets.take(VERSION)
        assert ticket is not None
        budgets.abandon(ticket)
        budgets.settle(ticket)  # as whoever holds it does in the end
    runs.clock.now += 30.0

    budgets = await runs.start()
    wait = budgets.free_at(VERSION, runs.clock.monotonic()) - runs.clock.monotonic()
    await runs.stop()

    assert wait == pytest.approx(40.0)  # at the latest 10 s after it left


async def test_pace_and_burst_survive_a_restart(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    budgets = await runs.start()
    spend(budgets, PANIC, 10)
    spend(budgets, LOCATIONS)
    runs.clock.now += 2.0

    budgets = await runs.start()
    now = runs.clock.monotonic()
    await runs.stop()

    assert budgets.free_at(PANIC, now) == pytest.approx(now + 4.0)
    assert budgets.free_at(LOCATIONS, now) == pytest.approx(now + 3.05)


async def test_a_penalty_survives_a_restart(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    budgets = await runs.start()
    budgets.pause(PANIC, 30.0)
    assert budgets.pause(PANIC, 7.0) == 30.0  # the longer one stands
    budgets.pause(STATUS, 3.0)
    runs.clock.now += 10.0

    with capture_logs() as logs:
        budgets = await runs.start()
    now = runs.clock.monotonic()
    await runs.stop()

    assert budgets.free_at(PANIC, now) == pytest.approx(now + 20.0)
    assert budgets.free_at(STATUS, now) == now
    assert budgets.remaining()[PANIC] == (20, 0)
    assert [(line["event"], line["operation"], line["seconds"]) for line in logs] == [
        ("CAD still limits our rate", PANIC, 20.0)
    ]


async def test_a_penalty_is_no_longer_for_a_clock_set_back_between_two_runs(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    (await runs.start()).pause(PANIC, 30.0)
    runs.clock.now -= 3000.0

    budgets = await runs.start()
    now = runs.clock.monotonic()
    await runs.stop()

    assert budgets.free_at(PANIC, now) == pytest.approx(now + 30.0)


async def test_a_penalty_of_an_operation_that_is_gone_and_one_that_is_over_are_nothing(
    tmp_path: Path,
) -> None:
    runs = Runs(tmp_path, limits={VERSION: 1, "gone": 5})
    budgets = await runs.start()
    budgets.pause("gone", 30.0)
    budgets.pause(VERSION, 5.0)
    runs.clock.now += 6.0
    runs._limits.pop("gone")

    with capture_logs() as logs:
        budgets = await runs.start()
    await runs.stop()

    assert budgets.remaining() == {VERSION: (1, 1)}
    assert logs == []


async def test_a_lowered_limit_counts_what_a_former_run_sent(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    spend(await runs.start(), STATUS, 20)

    budgets = await runs.start(setUnitStatus=5)
    now = runs.clock.monotonic()
    await runs.stop()

    assert budgets.free_at(STATUS, now) == pytest.approx(now + 60.0)


async def test_a_clock_set_back_between_two_runs_gives_no_slot_back(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    spend(await runs.start(), VERSION, 10)
    runs.clock.now -= 3000.0

    budgets = await runs.start()
    now = runs.clock.monotonic()
    await runs.stop()

    assert budgets.free_at(VERSION, now) == pytest.approx(now + 60.0)


async def test_operations_that_are_gone_and_old_requests_do_not_count(tmp_path: Path) -> None:
    runs = Runs(tmp_path, limits={VERSION: 1, "gone": 5})
    budgets = await runs.start()
    spend(budgets, "gone")
    spend(budgets, VERSION)
    runs.clock.now += 71.0
    runs._limits.pop("gone")

    budgets = await runs.start()
    await runs.stop()

    assert budgets.free_at(VERSION, runs.clock.monotonic()) == runs.clock.monotonic()
    assert list(budgets.remaining()) == [VERSION]


async def test_every_request_is_on_disk_with_its_end_and_old_ones_are_deleted(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    budgets = await runs.start()
    started = runs.clock.wall()
    ticket = budgets.take(VERSION)
    assert ticket is not None
    runs.clock.now += 2.0
    budgets.settle(ticket)
    before = await runs.rows()

    runs.clock.now += 700.0
    spend(budgets, STATUS)
    after = await runs.rows()
    await runs.stop()

    assert before == [(VERSION, started, started + 2.0)]
    assert after == [(STATUS, started + 702.0, started + 702.0)]


async def test_the_librarys_own_repeats_use_slots_too(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    budgets = await runs.start()
    ticket = budgets.take(VERSION)
    assert ticket is not None

    budgets.settle(ticket, sends=3)

    assert budgets.remaining()[VERSION] == (10, 7)
    restarted = await runs.start()
    await runs.stop()
    assert restarted.remaining()[VERSION] == (10, 7)


async def test_a_request_that_never_left_gives_its_slot_back(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    budgets = await runs.start()
    for _ in range(60):
        for operation in (PANIC, VERSION):
            ticket = budgets.take(operation)
            assert ticket is not None, "attempts at a CAD that nobody reaches use nothing up"
            budgets.settle(ticket, sends=0)

    assert budgets.remaining()[PANIC] == (20, 20)
    assert budgets.remaining()[VERSION] == (10, 10)
    assert await runs.rows() == []
    await runs.stop()


async def test_a_location_request_that_never_left_has_had_its_turn(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    budgets = await runs.start()
    ticket = budgets.take(LOCATIONS)
    assert ticket is not None

    budgets.settle(ticket, sends=0)
    await runs.stop()

    now = runs.clock.monotonic()
    assert budgets.free_at(LOCATIONS, now) == pytest.approx(now + 5.05)


def test_settling_twice_changes_nothing() -> None:
    clock = SteppingClock()
    budgets = budgets_of(clock)
    ticket = budgets.take(VERSION)
    assert ticket is not None
    budgets.settle(ticket)

    budgets.settle(ticket, sends=5)

    assert budgets.remaining()[VERSION] == (10, 9)


def test_nothing_is_taken_while_nothing_is_free() -> None:
    clock = SteppingClock()
    budgets = budgets_of(clock)
    spend(budgets, PANIC, 10)

    assert budgets.take(PANIC) is None
    assert budgets.free_at(PANIC, clock.monotonic()) == pytest.approx(clock.monotonic() + 6.0)


def test_each_kind_of_operation_has_its_own_pace() -> None:
    budgets = budgets_of(SteppingClock(), {PANIC: 1})

    assert budgets[LOCATIONS].gap == 5.05
    assert budgets["heartbeat"].gap == 3.0
    assert budgets[STATUS].gap == 0.0
    assert budgets[PANIC].limit == 1


def test_our_share_of_every_limit_is_whole_requests_or_a_part_of_one() -> None:
    limits = effective_limits({LOCATIONS: 100}, 0.29)

    assert limits[LOCATIONS] == 29
    assert limits[PANIC] == 5
    assert limits[VERSION] == 2
    assert limits["getActiveUnits"] == pytest.approx(0.87)
    assert limits["getPagerConfig"] == pytest.approx(0.58)
    assert min(effective_limits({}, 0.001).values()) == pytest.approx(0.002)
    assert effective_limits({}, 1.0) == DOCUMENTED_LIMITS
    assert limits["other"] == 2


@pytest.mark.parametrize("operation", ["getActiveUnits", PANIC, "heartbeat", VERSION])
@pytest.mark.parametrize(("limit", "seconds"), [(0.87, 60 / 0.87), (0.5, 120.0), (0.02, 3000.0)])
def test_a_share_under_one_request_a_minute_is_one_every_so_often(
    operation: str, limit: float, seconds: float
) -> None:
    clock = SteppingClock()
    budgets = budgets_with(clock, {operation: limit})
    starts: list[float] = []
    for _ in range(4):
        clock.now += budgets.free_at(operation, clock.monotonic()) - clock.monotonic()
        spend(budgets, operation)
        starts.append(clock.monotonic())

    assert [after - before for before, after in pairwise(starts)] == pytest.approx([seconds] * 3)
    assert budgets.remaining()[operation] == (1, 0)


def test_locations_of_a_small_share_keep_their_margin() -> None:
    budgets = budgets_with(SteppingClock(), {LOCATIONS: 0.5})

    assert budgets[LOCATIONS].gap == pytest.approx(120.05)
    assert location_pace(5.0, 0.5) == pytest.approx(120.05)


def budgets_with(clock: SteppingClock, limits: Mapping[str, float]) -> Budgets:
    return Budgets(ForgetfulStore(), clock, limits, 5.05, 10.0)


@pytest.mark.parametrize(
    ("interval", "limit", "pace"),
    [(5.0, 12, 5.05), (5.05, 12, 5.05), (10.0, 12, 10.0), (5.0, 60, 5.0), (1.0, 6, 10.05)],
)
def test_the_pace_of_locations_stays_off_the_brink_of_the_limit(
    interval: float, limit: int, pace: float
) -> None:
    assert location_pace(interval, limit) == pace


@pytest.mark.parametrize(("servers", "pace"), [(1, 60.0), (10, 60.0), (11, 66.0), (20, 120.0)])
def test_heartbeats_are_stretched_where_servers_share_the_limit(servers: int, pace: float) -> None:
    assert heartbeat_pace(60.0, servers, 10) == pace


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


# v1


def shared_budgets(
    share: float = 1.0, overrides: Mapping[str, int] | None = None
) -> tuple[Budgets, SteppingClock]:
    clock = SteppingClock()
    limits = effective_limits(overrides or {}, share, "v1")
    sharing = sharing_of(overrides or {}, share, "v1")
    return Budgets(
        ForgetfulStore(), clock, limits, location_pace(5.0, limits[LOCATIONS]), 10.0, sharing
    ), clock


def take_all(budgets: Budgets, operation: str) -> int:
    taken = 0
    while (ticket := budgets.take(operation)) is not None:
        budgets.settle(ticket)
        taken += 1
    return taken


def test_in_v2_nothing_is_shared() -> None:
    assert sharing_of({}, 1.0, "v2") == Sharing()
    assert effective_limits({}, 1.0, "v2") == effective_limits({}, 1.0)


def test_game_servers_leave_room_for_events_and_these_for_calls() -> None:
    budgets, _ = shared_budgets()

    assert take_all(budgets, "lookupNameOrPlate") == 14
    assert take_all(budgets, "getAccounts") == 0
    assert take_all(budgets, STATUS) == 8
    assert take_all(budgets, "heartbeat") == 0
    assert take_all(budgets, "create911Call") == 6
    assert take_all(budgets, VERSION) == 0


def test_locations_and_panics_have_theirs_whatever_the_others_do() -> None:
    budgets, _ = shared_budgets()
    for operation in ("addCallNote", "createDispatchCall", VERSION):
        take_all(budgets, operation)

    assert take_all(budgets, PANIC) == 10  # the burst
    assert take_all(budgets, LOCATIONS) == 1


def test_no_minute_of_v1_holds_more_than_sixty_requests() -> None:
    budgets, clock = shared_budgets()
    random = Random(1)
    names = [
        LOCATIONS,
        PANIC,
        STATUS,
        "create911Call",
        "lookupNameOrPlate",
        "addCallNote",
        VERSION,
        "heartbeat",
    ]
    arrivals: list[float] = []
    locations: list[float] = []
    for _ in range(6000):
        clock.now += 0.1
        for name in random.sample(names, len(names)):
            if (ticket := budgets.take(name)) is not None:
                arrivals.append(clock.monotonic())
                locations += [clock.monotonic()] * (name == LOCATIONS)
                budgets.settle(ticket)

    assert 55 <= peak(arrivals) <= 60
    assert min(after - before for before, after in pairwise(locations)) >= 5.0


def test_a_share_of_v1_under_one_request_a_minute_is_one_every_so_often() -> None:
    budgets, clock = shared_budgets(0.01)

    assert take_all(budgets, VERSION) == 1
    assert take_all(budgets, "create911Call") == 0
    clock.now += 60.0 / 0.28
    assert take_all(budgets, VERSION) == 0  # its own is one in 600 s
    assert take_all(budgets, "create911Call") == 1
    assert take_all(budgets, "createDispatchCall") == 0


def test_an_operation_has_no_more_in_a_minute_than_its_smallest_pool() -> None:
    assert Budget(7).capacity == 7
    assert Budget(15, pools=[Budget(4), Budget(22)]).capacity == 4
