from bridge.roster import Location, Roster, Unit
from bridge.units import LocationReport, ServerId, UnitId

REPORT = LocationReport(unit_id=UnitId("license:1"), x=1.0, y=2.0, text="Grove Street")


def test_a_new_unit_has_been_told_of_nothing() -> None:
    unit = Unit.of(REPORT, Roster(ServerId(1)), 5.0)

    assert (unit.id, unit.text, unit.received_at) == (REPORT.unit_id, "Grove Street", 5.0)
    assert unit.sent_at is None
    assert not unit.in_flight


def test_a_unit_is_in_flight_from_when_it_is_taken_until_the_cad_took_it() -> None:
    unit = Unit.of(REPORT, Roster(ServerId(1)), 5.0)
    unit.told, unit.taken_at = Location(report=REPORT, text=None), 6.0
    in_flight = unit.in_flight
    unit.sent_at = 6.0

    assert in_flight
    assert not unit.in_flight


def test_a_unit_that_is_taken_again_is_in_flight_again() -> None:
    unit = Unit.of(REPORT, Roster(ServerId(1)), 5.0)
    unit.told, unit.taken_at, unit.sent_at = Location(report=REPORT, text=None), 12.0, 6.0

    assert unit.in_flight


def test_all_units_are_reviewed_in_turn_a_few_at_a_time() -> None:
    roster = Roster(ServerId(1))
    for name in "abc":
        unit_id = UnitId(name)
        report = LocationReport(unit_id=unit_id, x=1.0, y=2.0)
        roster.units[unit_id] = Unit.of(report, roster, 5.0)

    assert [[unit.id for unit in roster.review(2)] for _ in range(3)] == [["a", "b"], ["c", "a"], ["b", "c"]]
    del roster.units[UnitId("b")]
    assert [unit.id for unit in roster.review(9)] == ["a", "c"]


def test_who_is_removed_before_its_turn_is_not_reviewed() -> None:
    roster = Roster(ServerId(1))
    for name in "abcd":
        unit_id = UnitId(name)
        roster.units[unit_id] = Unit.of(LocationReport(unit_id=unit_id, x=1.0, y=2.0), roster, 5.0)

    assert [unit.id for unit in roster.review(2)] == ["a", "b"]
    del roster.units[UnitId("c")]
    assert [unit.id for unit in roster.review(2)] == ["d"]
