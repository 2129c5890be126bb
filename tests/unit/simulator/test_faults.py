import pytest

from bridge.simulator.faults import (
    Answer,
    Delay,
    Down,
    Drop,
    Fate,
    Fault,
    Faults,
    Half,
    Hang,
    RefuseKey,
    RefuseUnits,
    Weather,
)

KNOWN = frozenset({"setUnitPanic", "getVersion"})


def faults(*given: Fault) -> Faults:
    some = Faults(KNOWN)
    some.add(*given)
    return some


def test_nothing_befalls_a_request_by_default() -> None:
    assert faults().take("setUnitPanic", 1) == Fate()


@pytest.mark.parametrize("fault", [Answer(status=503), Hang(), Drop(), Half(), RefuseKey(), Down()])
def test_a_fault_lasts_until_it_is_cleared(fault: Fault) -> None:
    some = faults(fault)

    assert [some.take("setUnitPanic", 1).outcome for _ in range(3)] == [fault] * 3
    some.clear()
    assert some.take("setUnitPanic", 1).outcome is None


def test_a_fault_may_be_good_for_some_requests_only() -> None:
    some = faults(Drop(times=2))

    assert [some.take("getVersion", None).outcome is None for _ in range(4)] == [False, False, True, True]


def test_a_fault_may_be_of_one_operation_or_one_server() -> None:
    some = faults(Drop(operation="setUnitPanic", server=2))

    assert some.take("setUnitPanic", 1).outcome is None
    assert some.take("setUnitPanic", None).outcome is None
    assert some.take("getVersion", 2).outcome is None
    assert some.take("setUnitPanic", 2).outcome is not None


def test_an_answer_is_lost_before_or_after_the_act_by_operation_and_count() -> None:
    before, after = (
        Drop(operation="setUnitPanic", times=1),
        Drop(operation="getVersion", times=1, acts=True),
    )
    some = faults(before, after)

    assert [some.take("getVersion", None).outcome for _ in range(2)] == [after, None]
    assert [some.take("setUnitPanic", 1).outcome for _ in range(2)] == [before, None]


def test_a_fault_of_all_befalls_unknown_paths_too() -> None:
    assert faults(Drop()).take(None, None).outcome == Drop()


def test_outcomes_come_in_the_order_they_were_added() -> None:
    some = faults(Answer(status=500, times=1), Answer(status=502, times=1), Hang())

    assert [some.take("getVersion", None).outcome for _ in range(3)] == [
        Answer(status=500, times=1),
        Answer(status=502, times=1),
        Hang(),
    ]


def test_a_delay_and_refused_units_go_with_an_outcome() -> None:
    some = faults(Delay(seconds=2), RefuseUnits(units=frozenset({"a"})), Drop(times=1))

    assert some.take("getVersion", None) == Fate(
        delay_seconds=2, refused=frozenset({"a"}), outcome=Drop(times=1)
    )
    assert some.take("getVersion", None).outcome is None


def test_down_goes_first_and_leaves_the_others_unused() -> None:
    some = faults(Drop(times=1), Delay(seconds=1, times=1), RefuseKey(times=1), Down(times=1))

    assert some.take("getVersion", None) == Fate(outcome=Down(times=1))
    assert some.take("getVersion", None) == Fate(delay_seconds=1, outcome=RefuseKey(times=1))
    assert some.take("getVersion", None) == Fate(outcome=Drop(times=1))


def test_what_is_left_of_a_fault_is_told() -> None:
    some = faults(Drop(times=3), Hang(times=1), Delay(seconds=1))
    some.take("getVersion", None)

    assert some.active() == [Drop(times=2), Hang(times=1), Delay(seconds=1)]


def test_an_operation_that_does_not_exist_is_refused_and_nothing_added() -> None:
    some = faults()

    with pytest.raises(ValueError, match="setUnitPanik"):
        some.add(Drop(), Drop(operation="setUnitPanik"))
    assert some.active() == []


def test_the_same_seed_makes_the_same_weather() -> None:
    one, other = Weather(7), Weather(7)

    assert [(one.latency(), one.fails()) for _ in range(100)] == [
        (other.latency(), other.fails()) for _ in range(100)
    ]
    assert Weather(8).latency() != Weather(7).latency()


def test_weather_is_20_to_120_ms_and_a_failure_in_a_hundred() -> None:
    weather = Weather(1)
    latencies = [weather.latency() for _ in range(1000)]

    assert 0.020 <= min(latencies) < 0.025
    assert 0.115 < max(latencies) <= 0.120
    assert 50 < sum(weather.fails() for _ in range(10_000)) < 150
