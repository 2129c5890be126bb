from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.coalescer import MOST_EXPECTED, SERVER_SILENCE, Batch, Coalescer
from bridge.traces import ForgetReason
from bridge.units import ServerId, UnitId, Vehicle
from tests.support.reports import ONE, TWO, locations_config, report, reports

A, B, C = UnitId("license:a"), UnitId("license:b"), UnitId("license:c")
POLICE = Vehicle(model="police3")


def coalescer(**config: Any) -> Coalescer:
    return Coalescer(locations_config(**config), [ONE, TWO])


def told(*units: str, at: float = 0.0, **config: Any) -> Coalescer:
    """Return a coalescer whose units the CAD has been told of."""
    buffer = coalescer(**config)
    buffer.put(ONE, reports(*units), at)
    buffer.confirm(buffer.take(ONE, at, 100))
    return buffer


def take(buffer: Coalescer, now: float = 1.0, limit: int = 100, **more: Any) -> Batch:
    return buffer.take(ONE, now, limit, **more)


# What is due


def test_a_new_unit_is_due() -> None:
    buffer = coalescer()

    replaced = buffer.put(ONE, [report("license:a", x=1.0, text="Alta St")], 0.0)

    batch = take(buffer)
    assert replaced == 0
    assert [(location.report.x, location.text) for location in batch.locations] == [(1.0, "Alta St")]
    assert buffer.pending(ONE) == 0
    assert buffer.count(ONE) == 1


def test_the_newest_report_replaces_one_that_was_not_sent_and_is_counted() -> None:
    buffer = coalescer()
    buffer.put(ONE, [report(x=1.0), report(x=2.0)], 0.0)

    replaced = buffer.put(ONE, [report(x=3.0), report(x=4.0)], 1.0)

    assert replaced == 2
    assert [location.report.x for location in take(buffer).locations] == [4.0]


def test_a_push_says_how_many_of_its_own_reports_replaced_each_other() -> None:
    assert coalescer().put(ONE, [report(x=1.0), report(x=2.0), report(x=3.0)], 0.0) == 2


def test_a_unit_that_stands_still_is_left_out() -> None:
    buffer = told("license:a")

    replaced = buffer.put(ONE, [report(x=1.9)], 1.0)

    assert replaced == 0
    assert buffer.ready(ONE, 1.0) == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"x": 2.1},
        {"z": 32.1},
        {"heading": 101.0},
        {"heading": 79.0},
        {"text": "Alta St"},
        {"vehicle": POLICE},
        {"vehicle": None},
        {"peer_id": "7"},
    ],
)
def test_each_change_that_shows_on_the_map_makes_a_unit_due(changed: dict[str, Any]) -> None:
    first: dict[str, Any] = {
        "z": 30.0,
        "heading": 90.0,
        "text": "Grove St",
        "vehicle": Vehicle(lights=True),
        "peer_id": "6",
    }
    buffer = coalescer()
    buffer.put(ONE, [report(**first)], 0.0)
    buffer.confirm(take(buffer, 0.0))

    buffer.put(ONE, [report(**first | changed)], 1.0)

    assert buffer.ready(ONE, 1.0) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"x": 2.0},
        {"heading": 0.0},  # ten degrees across north
        {"heading": None},
        {"z": None},
        {"text": None},
        {"text": ""},
    ],
)
def test_what_does_not_pass_a_threshold_makes_no_unit_due(changed: dict[str, Any]) -> None:
    first: dict[str, Any] = {"x": 0.0, "z": 30.0, "heading": 350.0, "text": "Grove St"}
    buffer = coalescer()
    buffer.put(ONE, [report(**first)], 0.0)
    buffer.confirm(take(buffer, 0.0))

    buffer.put(ONE, [report(**first | changed)], 1.0)

    assert buffer.ready(ONE, 1.0) == 0


def test_the_first_heading_of_a_unit_makes_it_due() -> None:
    buffer = told("license:a")

    buffer.put(ONE, [report(heading=5.0)], 1.0)

    assert buffer.ready(ONE, 1.0) == 1


def test_small_steps_add_up() -> None:
    buffer = told("license:a")

    due = [buffer.put(ONE, [report(x=0.5 * step)], step) or buffer.ready(ONE, step) for step in range(1, 6)]

    assert due == [0, 0, 0, 0, 1]


def test_without_a_text_the_last_one_stands() -> None:
    buffer = coalescer()
    buffer.put(ONE, [report(text="Alta St")], 0.0)
    buffer.put(ONE, [report(x=5.0)], 1.0)

    assert take(buffer).locations[0].text == "Alta St"


def test_a_text_of_its_own_is_sent_with_the_last_report() -> None:
    buffer = told("license:a")

    buffer.set_text(ONE, A, "Alta St", 1.0)

    assert [location.text for location in take(buffer).locations] == ["Alta St"]


def test_a_text_that_is_known_already_changes_nothing() -> None:
    buffer = told("license:a")
    buffer.set_text(ONE, A, "Alta St", 1.0)
    buffer.confirm(take(buffer))

    buffer.set_text(ONE, A, "Alta St", 2.0)

    assert buffer.ready(ONE, 2.0) == 0


def test_a_text_is_news_of_a_unit_that_was_pushed_long_ago() -> None:
    buffer = told("license:a", "license:b")

    buffer.set_text(ONE, A, "Alta St", 500.0)

    assert take(buffer, 500.0).unit_ids == [A]
    buffer.put(ONE, [], 1900.0)
    buffer.sweep(1900.0)
    assert buffer.count(ONE) == 1


def test_a_text_for_a_unit_of_another_server_or_of_none_is_ignored() -> None:
    buffer = told("license:a")

    buffer.set_text(TWO, A, "Alta St", 1.0)
    buffer.set_text(ONE, B, "Alta St", 1.0)

    assert buffer.ready(ONE, 1.0) == buffer.ready(TWO, 1.0) == 0


# The order


def test_those_that_wait_longest_go_first() -> None:
    buffer = coalescer()
    buffer.put(ONE, reports("license:a"), 0.0)
    buffer.put(ONE, reports("license:b"), 1.0)
    buffer.put(ONE, reports("license:a", x=50), 2.0)  # newer, but it waits since the start

    assert take(buffer, limit=1).unit_ids == [A]
    assert take(buffer, limit=1).unit_ids == [B]


def test_panicking_units_go_first_and_among_them_who_waits_longest() -> None:
    buffer = coalescer()
    buffer.put(ONE, reports("license:x", "license:b", "license:a"), 0.0)
    buffer.set_panicking(A, active=True)
    buffer.set_panicking(B, active=True)

    assert take(buffer, limit=1).unit_ids == [A]
    buffer.put(ONE, reports("license:a", x=50), 2.0)
    assert take(buffer, limit=1).unit_ids == [B]
    assert take(buffer).unit_ids == [A, "license:x"]


def test_a_unit_that_panicked_before_its_first_push_goes_first_too() -> None:
    buffer = coalescer()
    buffer.set_panicking(B, active=True)
    buffer.set_panicking(A, active=True)
    buffer.set_panicking(B, active=False)

    buffer.put(ONE, reports("license:x", "license:b", "license:a"), 0.0)

    assert take(buffer).unit_ids == [A, "license:x", B]


def test_the_panics_of_units_never_pushed_do_not_fill_the_memory() -> None:
    buffer = coalescer()

    for number in range(MOST_EXPECTED + 1):
        buffer.set_panicking(UnitId(f"license:{number}"), active=True)

    assert len(buffer._expected_panicking) == MOST_EXPECTED
    assert "license:0" not in buffer._expected_panicking


def test_a_panic_that_is_over_gives_no_right_of_way() -> None:
    buffer = coalescer()
    buffer.put(ONE, reports("license:b", "license:a"), 0.0)
    buffer.set_panicking(A, active=True)
    assert buffer.has_panic(ONE)

    buffer.set_panicking(A, active=False)

    assert not buffer.has_panic(ONE)
    assert take(buffer, limit=1).unit_ids == [B]


def test_a_panicking_unit_that_has_nothing_to_tell_is_no_panic_for_the_batches() -> None:
    buffer = told("license:a")
    buffer.set_panicking(A, active=True)

    assert not buffer.has_panic(ONE)


def test_a_panic_of_an_unknown_unit_changes_nothing() -> None:
    buffer = coalescer()

    buffer.set_panicking(A, active=True)

    assert not buffer.has_panic(ONE)
    assert buffer.count(ONE) == 0


def test_a_batch_takes_no_more_than_its_limit_and_leaves_the_rest() -> None:
    buffer = coalescer()
    buffer.put(ONE, reports(*(f"license:{number}" for number in range(5))), 0.0)

    sizes = [len(take(buffer, limit=2).locations) for _ in range(4)]

    assert sizes == [2, 2, 1, 0]


def test_withheld_units_stay_and_only_the_named_ones_are_taken() -> None:
    buffer = coalescer()
    buffer.put(ONE, reports("license:a", "license:b", "license:c"), 0.0)

    assert take(buffer, withhold=[A, C]).unit_ids == [B]
    assert take(buffer, only=[C]).unit_ids == [C]
    assert take(buffer).unit_ids == [A]


def test_the_age_of_a_batch_is_that_of_its_oldest_location() -> None:
    buffer = coalescer()
    buffer.put(ONE, reports("license:a"), 1.0)
    buffer.put(ONE, reports("license:b"), 2.0)
    buffer.put(ONE, reports("license:a"), 3.0)

    batch = take(buffer, 7.0)

    assert (batch.taken_at, batch.oldest_at) == (7.0, 2.0)


def test_an_empty_batch_has_no_age() -> None:
    assert take(coalescer(), 7.0).oldest_at == 7.0


# Who owns a unit


def test_the_newest_push_owns_a_unit() -> None:
    buffer = told("license:a")

    buffer.put(TWO, reports("license:a"), 1.0)

    assert (buffer.count(ONE), buffer.count(TWO)) == (0, 1)
    assert buffer.ready(ONE, 1.0) == 0
    assert buffer.take(TWO, 1.0, 10).unit_ids == [A]


def test_a_unit_that_moves_to_another_server_takes_its_text_and_its_panic_along() -> None:
    buffer = coalescer()
    buffer.put(ONE, [report(text="Alta St")], 0.0)
    buffer.set_panicking(A, active=True)

    replaced = buffer.put(TWO, [report(x=9.0)], 1.0)

    assert replaced == 1  # the former server's was never sent
    assert buffer.has_panic(TWO)
    assert not buffer.has_panic(ONE)
    assert buffer.take(TWO, 1.0, 10).locations[0].text == "Alta St"


def test_a_unit_that_left_one_server_stays_on_the_other() -> None:
    buffer = told("license:a", "license:b")
    buffer.put(TWO, reports("license:a"), 1.0)

    buffer.forget(ONE, [A, B, C])

    assert (buffer.count(ONE), buffer.count(TWO)) == (0, 1)


def test_a_full_roster_drops_everybody_who_is_not_in_it() -> None:
    buffer = told("license:a", "license:b")
    buffer.put(TWO, reports("license:c"), 1.0)

    buffer.keep_only(ONE, [B])

    assert (buffer.count(ONE), buffer.count(TWO)) == (1, 1)
    buffer.keep_only(ONE, [])
    assert (buffer.count(ONE), buffer.count(TWO)) == (0, 1)


@pytest.mark.parametrize("end", ["confirm", "restore"])
def test_a_batch_in_flight_says_nothing_of_a_unit_that_left_meanwhile(end: str) -> None:
    buffer = coalescer()
    buffer.put(ONE, reports("license:a", "license:b"), 0.0)
    batch = take(buffer, 0.0)
    buffer.forget(ONE, [A])
    buffer.put(TWO, reports("license:b"), 1.0)

    getattr(buffer, end)(batch)

    assert buffer.ready(ONE, 1.0) == 0
    assert buffer.take(TWO, 1.0, 10).unit_ids == [B]
    buffer.put(ONE, [], 61.0)
    assert buffer.ready(ONE, 61.0) == 0


# Batches in flight


def test_a_unit_in_flight_is_due_again_only_if_it_moved_since() -> None:
    buffer = coalescer()
    buffer.put(ONE, reports("license:a", "license:b"), 0.0)
    batch = take(buffer, 0.0)

    buffer.put(ONE, [report("license:a", x=1.0), report("license:b", x=3.0)], 1.0)
    buffer.confirm(batch)

    assert take(buffer).unit_ids == [B]


def test_a_failed_batch_comes_back_in_its_order_before_all_others() -> None:
    buffer = coalescer()
    buffer.put(ONE, reports("license:a", "license:b"), 0.0)
    batch = take(buffer, 0.0)
    buffer.put(ONE, reports("license:c"), 1.0)

    buffer.restore(batch)

    assert take(buffer, 2.0).unit_ids == [A, B, C]


def test_what_came_during_a_failed_batch_stays_newer() -> None:
    buffer = coalescer()
    buffer.put(ONE, [report(x=1.0)], 0.0)
    batch = take(buffer, 0.0)
    buffer.put(ONE, [report(x=1.5)], 1.0)  # under the threshold, but newer

    buffer.restore(batch)

    again = take(buffer, 2.0)
    assert [location.report.x for location in again.locations] == [1.5]
    assert again.oldest_at == 1.0


def test_a_unit_keeps_its_place_in_the_queue_through_a_failure() -> None:
    buffer = coalescer()
    buffer.put(ONE, reports("license:a"), 0.0)
    batch = take(buffer, 0.0)
    buffer.put(ONE, reports("license:b"), 0.5)
    buffer.put(ONE, reports("license:a", x=9.0), 1.0)

    buffer.restore(batch)

    assert take(buffer, 2.0, limit=1).unit_ids == [A]


def test_after_a_failure_a_unit_is_due_though_it_stands_still() -> None:
    buffer = told("license:a")
    buffer.put(ONE, reports("license:a", x=9.0), 1.0)
    buffer.restore(take(buffer))

    buffer.put(ONE, reports("license:a"), 2.0)  # back where the CAD was told before: it may know better

    assert take(buffer, 2.0).unit_ids == [A]


def test_a_location_that_failed_and_grew_stale_is_due_with_the_next_push() -> None:
    buffer = coalescer()
    buffer.put(ONE, reports("license:a"), 0.0)
    buffer.restore(take(buffer, 5.0))
    take(buffer, 61.0)

    buffer.put(ONE, reports("license:a"), 62.0)

    assert take(buffer, 63.0).unit_ids == [A]


# Telling again


def test_an_unmoved_unit_comes_again_while_its_server_keeps_pushing() -> None:
    buffer = told("license:a")

    buffer.put(ONE, [], 59.9)
    before = buffer.ready(ONE, 61.0)
    buffer.put(ONE, [], 60.0)

    assert before == 0
    assert buffer.ready(ONE, 60.0) == 1
    assert take(buffer, 60.0).unit_ids == [A]


def test_a_unit_of_a_silent_server_does_not_come_again() -> None:
    buffer = told("license:a")
    buffer.put(ONE, [], 30.0)

    assert buffer.ready(ONE, 599.0) == 0


def test_it_comes_again_and_again() -> None:
    buffer = told("license:a")
    sent: list[int] = []
    for second in range(1, 200):
        buffer.put(ONE, reports("license:a"), second)
        batch = take(buffer, second)
        buffer.confirm(batch)
        sent += [second] * len(batch.locations)

    assert sent == [60, 120, 180]


def test_a_failed_batch_of_units_to_tell_again_is_not_stale_for_being_unmoved() -> None:
    buffer = told("license:a")
    buffer.put(ONE, [], 65.0)
    buffer.restore(take(buffer, 65.0))
    buffer.put(ONE, [], 70.0)

    batch = take(buffer, 70.0)

    assert (batch.unit_ids, batch.stale, batch.oldest_at) == ([A], 0, 70.0)


def test_with_resend_after_of_zero_no_unit_comes_again() -> None:
    buffer = told("license:a", resend_after=0.0)
    buffer.put(ONE, reports("license:a"), 5000.0)

    assert buffer.ready(ONE, 5000.0) == 0


def test_a_unit_that_moved_meanwhile_is_told_once() -> None:
    buffer = told("license:a")
    buffer.put(ONE, reports("license:a", x=9.0), 70.0)

    assert buffer.ready(ONE, 70.0) == 1
    buffer.confirm(take(buffer, 70.0))
    assert buffer.ready(ONE, 70.0) == 0


def test_a_unit_to_tell_again_that_then_moves_is_new() -> None:
    buffer = told("license:a")
    buffer.put(ONE, [], 61.0)
    buffer.ready(ONE, 61.0)

    buffer.put(ONE, reports("license:a", x=9.0), 62.0)

    assert take(buffer, 63.0).oldest_at == 62.0


# What is too old


def test_a_stale_location_is_dropped_and_counted() -> None:
    buffer = coalescer()
    buffer.put(ONE, reports("license:a", "license:b"), 0.0)
    buffer.put(ONE, reports("license:b"), 10.0)

    batch = take(buffer, 60.5)

    assert (batch.unit_ids, batch.stale) == ([B], 1)
    assert buffer.pending(ONE) == 0


def test_a_location_exactly_as_old_as_allowed_is_sent() -> None:
    buffer = coalescer()
    buffer.put(ONE, reports("license:a"), 0.0)

    assert take(buffer, 60.0).stale == 0


def test_stale_units_take_no_room_in_a_batch() -> None:
    buffer = coalescer()
    buffer.put(ONE, reports("license:a"), 0.0)
    buffer.put(ONE, reports("license:b"), 50.0)

    assert take(buffer, 70.0, limit=1).unit_ids == [B]


def test_a_dropped_unit_is_due_with_its_next_push() -> None:
    buffer = coalescer()
    buffer.put(ONE, reports("license:a"), 0.0)
    take(buffer, 61.0)

    buffer.put(ONE, reports("license:a"), 62.0)

    assert take(buffer, 63.0).unit_ids == [A]


def test_a_dropped_unit_does_not_fade_for_good_while_its_server_keeps_pushing() -> None:
    buffer = coalescer()
    buffer.put(ONE, reports("license:a"), 0.0)
    take(buffer, 61.0)

    buffer.put(ONE, reports("license:b"), 121.0)

    assert take(buffer, 121.0).unit_ids == [B, A]


def test_a_unit_to_tell_again_whose_server_fell_silent_is_no_loss() -> None:
    buffer = told("license:a")
    buffer.put(ONE, [], 61.0)
    buffer.ready(ONE, 61.0)

    batch = take(buffer, 122.0)

    assert (batch.unit_ids, batch.stale) == ([], 0)


def test_a_unit_not_pushed_for_long_is_forgotten_and_its_unsent_location_counted() -> None:
    buffer = coalescer(forget_after=100.0)
    buffer.put(ONE, reports("license:a", "license:b"), 0.0)
    buffer.put(ONE, reports("license:b"), 50.0)

    unsent = buffer.sweep(100.0)

    assert unsent == {ONE: 1, TWO: 0}
    assert buffer.count(ONE) == 1


def test_a_unit_that_the_cad_knows_is_forgotten_without_a_loss() -> None:
    assert told("license:a", forget_after=100.0).sweep(100.0) == {ONE: 0, TWO: 0}


def test_the_units_of_a_silent_server_are_forgotten() -> None:
    buffer = told("license:a")
    buffer.put(TWO, reports("license:b"), 300.0)

    buffer.sweep(SERVER_SILENCE - 1)
    assert buffer.count(ONE) == 1
    buffer.sweep(SERVER_SILENCE)

    assert (buffer.count(ONE), buffer.count(TWO)) == (0, 1)


def test_an_empty_push_says_that_the_server_is_alive() -> None:
    buffer = told("license:a")
    buffer.put(ONE, [], 500.0)

    buffer.sweep(SERVER_SILENCE)

    assert buffer.count(ONE) == 1


# Refused units


def test_a_unit_set_aside_stays_out_of_all_batches_until_its_time_is_over() -> None:
    buffer = coalescer()
    buffer.put(ONE, reports("license:a", "license:b"), 0.0)
    buffer.restore(take(buffer))

    buffer.set_aside(A, 600.0)
    buffer.put(ONE, reports("license:a", x=99.0), 599.0)

    assert buffer.sweep(599.0) == {ONE: 0, TWO: 0}
    assert [entry.unit_id for entry in buffer.list_set_aside()] == [A]
    assert buffer.ready(ONE, 599.0) == 1
    buffer.sweep(600.0)
    assert buffer.list_set_aside() == []
    assert take(buffer, 600.0).unit_ids == [A]


def test_a_unit_stays_set_aside_on_another_server_but_not_after_it_left() -> None:
    buffer = coalescer()
    buffer.put(ONE, reports("license:a"), 0.0)
    buffer.set_aside(A, 600.0)

    buffer.put(TWO, reports("license:a"), 1.0)
    moved = buffer.ready(TWO, 1.0)
    buffer.forget(TWO, [A])
    buffer.put(TWO, reports("license:a"), 2.0)

    assert moved == 0
    assert buffer.ready(TWO, 2.0) == 1


def test_a_batch_that_fails_does_not_bring_back_a_unit_set_aside_meanwhile() -> None:
    buffer = coalescer()
    buffer.put(ONE, reports("license:a", "license:b"), 0.0)
    batch = take(buffer)
    buffer.set_aside(A, 600.0)

    buffer.restore(batch)

    assert take(buffer).unit_ids == [B]


def test_an_unknown_unit_is_not_set_aside() -> None:
    buffer = coalescer()

    buffer.set_aside(A, 600.0)

    assert buffer.list_set_aside() == []


def test_those_refused_longest_are_listed_first() -> None:
    buffer = coalescer()
    buffer.put(ONE, reports("license:a", "license:b"), 0.0)
    buffer.set_aside(A, 700.0)
    buffer.set_aside(B, 600.0)

    assert [entry.unit_id for entry in buffer.list_set_aside()] == [B, A]


# Whatever happens

SERVER = st.sampled_from([ONE, TWO])
UNIT = st.integers(0, 4).map(lambda number: UnitId(f"license:{number}"))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), SERVER, UNIT, st.integers(0, 9)),
        st.tuples(st.just("take"), SERVER, st.integers(1, 3)),
        st.tuples(st.just("land"), st.booleans()),
        st.tuples(st.just("leave"), UNIT),
        st.tuples(st.just("panic"), UNIT, st.booleans()),
        st.tuples(st.just("refuse"), UNIT),
        st.tuples(st.just("wait"), st.integers(0, 70)),
    ),
    max_size=60,
)


class Game:
    """Whatever can happen to a coalescer, and what the CAD knows of it."""

    def __init__(self) -> None:
        self.buffer = coalescer()
        self.here: dict[UnitId, tuple[ServerId, float]] = {}
        self.known: dict[UnitId, tuple[ServerId, float]] = {}
        self.flying: list[Batch] = []
        self.now = 0.0

    def put(self, server: ServerId, unit: UnitId, place: int) -> None:
        self.here[unit] = server, place * 10.0
        self.buffer.put(server, [report(unit, x=place * 10.0)], self.now)

    def take(self, server: ServerId, limit: int) -> None:
        self.flying.append(self.buffer.take(server, self.now, limit))

    def land(self, well: bool) -> None:  # noqa: FBT001 -- a step
        if not self.flying:
            return
        batch = self.flying.pop(0)
        if not well:
            self.buffer.restore(batch)
            return
        self.buffer.confirm(batch)
        for told in batch.locations:
            self.known[told.report.unit_id] = batch.server_id, told.report.x

    def leave(self, unit: UnitId) -> None:
        if unit in self.here:
            self.buffer.forget(self.here.pop(unit)[0], [unit])

    def panic(self, unit: UnitId, active: bool) -> None:  # noqa: FBT001 -- a step
        self.buffer.set_panicking(unit, active=active)

    def refuse(self, unit: UnitId) -> None:
        self.buffer.set_aside(unit, self.now + 30.0)

    def wait(self, seconds: int) -> None:
        self.now += seconds
        self.buffer.sweep(self.now)

    def end(self) -> None:
        """Land everything, push everybody once more, and empty the buffer."""
        while self.flying:
            self.land(well=False)
        self.wait(40)
        for unit, (server, x) in self.here.items():
            self.buffer.put(server, [report(unit, x=x)], self.now)
        for server in (ONE, TWO):
            while self.buffer.ready(server, self.now):
                self.take(server, 2)
                self.land(well=True)


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_whatever_happens_in_the_end_the_cad_knows_where_every_unit_is(steps: list[Any]) -> None:
    game = Game()
    for action, *values in steps:
        game.now += 0.1
        getattr(game, action)(*values)

    game.end()

    assert {unit: game.known.get(unit) for unit in game.here} == game.here
    assert game.buffer.count(ONE) + game.buffer.count(TWO) == len(game.here)
    assert game.buffer.pending(ONE) == game.buffer.pending(TWO) == 0


# What can be asked of a unit


def test_a_unit_remembers_the_last_batch_that_the_cad_took() -> None:
    buffer = told("license:a", at=1.0)
    buffer.put(ONE, [report("license:a", x=500.0)], 2.0)
    batch = take(buffer, 3.0)
    unit = buffer.find(A)
    assert unit is not None

    assert (unit.in_flight, unit.sent_at) == (True, 1.0)
    buffer.restore(batch)
    assert (unit.in_flight, unit.sent_at) == (False, 1.0)
    buffer.confirm(take(buffer, 4.0))
    assert (unit.in_flight, unit.sent_at) == (False, 4.0)


def test_one_that_is_not_known_is_not_found() -> None:
    assert coalescer().find(A) is None
    assert coalescer().set_aside_until(A) is None


@pytest.mark.parametrize(
    ("reason", "at"),
    [
        (ForgetReason.LEFT, 5.0),
        (ForgetReason.ABSENT, 0.0),
        (ForgetReason.SERVER_REMOVED, 0.0),
        (ForgetReason.NOT_PUSHED, 1800.0),
        (ForgetReason.SERVER_SILENT, SERVER_SILENCE),
    ],
)
def test_why_a_unit_was_forgotten_is_remembered(reason: ForgetReason, at: float) -> None:
    buffer = told("license:a", "license:b")
    match reason:
        case ForgetReason.LEFT:
            buffer.forget(ONE, [A], 5.0)
        case ForgetReason.ABSENT:
            buffer.keep_only(ONE, [B])
        case ForgetReason.SERVER_REMOVED:
            buffer.reconfigure(locations_config(), [TWO])
        case ForgetReason.NOT_PUSHED:
            buffer.put(ONE, [report("license:b")], 1799.0)
            buffer.sweep(1800.0)
        case ForgetReason.SERVER_SILENT:
            buffer.sweep(SERVER_SILENCE)

    forgotten = buffer.traces.forgotten.get(A)

    assert forgotten is not None
    assert (forgotten.server_id, forgotten.reason, forgotten.at, forgotten.sent_at) == (ONE, reason, at, 0.0)
    assert buffer.find(A) is None


def test_everybody_that_anything_is_known_of_is_named() -> None:
    buffer = told("license:a")
    buffer.set_panicking(B, active=True)

    assert list(buffer.named()) == [A, B]
    assert (buffer.expects_panicking(A), buffer.expects_panicking(B)) == (False, True)
    assert [unit.id for unit in buffer.units_of(ONE)] == [A]
    assert list(buffer.units_of(TWO)) == []
