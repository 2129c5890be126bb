from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest
from structlog.testing import capture_logs

from bridge.errors import StoreError
from bridge.operations import DOCUMENTED_LIMITS
from bridge.simulator.limits import Limiter
from bridge.sonoran.budget import (
    Budget,
    effective_limits,
    heartbeat_pace,
    location_pace,
    sharing_of,
)
from bridge.sonoran.budgets import Budgets
from bridge.sonoran.pools import Sharing
from bridge.store import Store
from tests.support.cad_client import ForgetfulStore, budgets_of
from tests.support.full_disk import full_disk
from tests.support.stepping_clock import SteppingClock

PANIC, LOCATIONS, STATUS, VERSION = "setUnitPanic", "updateUnitLocations", "setUnitStatus", "getVersion"


def peak(arrivals: Sequence[float]) -> int:
    """Return the most arrivals within any 60 s, as a CAD with sliding windows counts them."""
    limiter = Limiter({"any": None})
    for moment in sorted(arrivals):
        limiter.admit("any", moment)
    return limiter.tallies()["any"].peak


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
        query = "SELECT operation, started_at, answered_at FROM requests WHERE operation NOT LIKE ' clock %' ORDER BY started_at"
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


def test_limits_and_pools_change_together() -> None:
    budgets, _ = shared_budgets(1.0)
    assert take_all(budgets, STATUS)

    budgets.reconfigure(effective_limits({}, 0.5, "v1"), 5.05, sharing_of({}, 0.5, "v1"))

    assert budgets[STATUS].limit <= 14
    assert budgets[LOCATIONS].limit == 6
    assert budgets.take(STATUS) is None


def test_all_budgets_know_who_is_ahead() -> None:
    clock = SteppingClock()
    budgets = budgets_of(clock)
    spend(budgets, VERSION, 9)
    now = clock.monotonic()

    assert [budgets.free_at(VERSION, now, ahead=ahead) for ahead in range(2)] == [now, now + 60.0]


@pytest.mark.parametrize("jump", [-7200.0, -90.0, 20.0, 90.0, 290.0, 7200.0])
async def test_a_clock_that_is_set_before_a_restart_gives_no_slot_back_and_holds_none(
    tmp_path: Path, jump: float
) -> None:
    runs = Runs(tmp_path)
    spend(await runs.start(), VERSION, 10)
    runs.clock.ahead += jump
    budgets = await runs.start()
    assert budgets.take(VERSION) is None
    runs.clock.ahead += jump
    runs.clock.now += 59.0
    assert (await runs.start()).take(VERSION) is None
    runs.clock.now += 2.0
    assert (await runs.start()).take(VERSION) is not None


async def test_a_clock_that_is_set_between_two_requests_gives_no_slot_back(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    budgets = await runs.start()
    spend(budgets, VERSION, 5)
    runs.clock.ahead += 90.0
    spend(budgets, VERSION, 5)

    assert (await runs.start()).take(VERSION) is None


async def test_what_a_full_disk_did_not_take_is_remembered_as_soon_as_it_does(tmp_path: Path) -> None:
    runs = Runs(tmp_path)
    budgets = await runs.start()
    spend(budgets, VERSION)
    assert len(await runs.rows()) == 1
    with full_disk(tmp_path / "outbox.sqlite3-wal"):
        spend(budgets, VERSION, 9)
        with pytest.raises(StoreError):
            await runs.rows()
    budgets.save_again()

    assert len(await runs.rows()) == 10
    assert (await runs.start()).take(VERSION) is None


async def test_two_services_on_one_file_each_follow_the_clock_for_their_own_rows(tmp_path: Path) -> None:
    clock = SteppingClock()
    async with Store(tmp_path / "outbox.sqlite3", lambda _: None) as store:
        one = Budgets(store, clock, {VERSION: 5}, 5.05, 10.0)
        other = Budgets(store, clock, {STATUS: 5}, 5.05, 10.0)
        spend(one, VERSION)
        spend(other, STATUS)
        before = clock.wall()
        clock.ahead = 3600.0
        one.follow_clock()
        other.follow_clock()
        rows = await store.write(lambda tx: list(tx.query("SELECT operation, started_at FROM requests")))

    started = {str(operation): at for operation, at in rows if operation in (VERSION, STATUS)}
    assert started == {VERSION: before + 3600.0, STATUS: before + 3600.0}
