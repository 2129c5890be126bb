from bridge.simulator.community import Community, Plan, utc
from bridge.simulator.shapes import NewEmergencyCall
from tests.support.cad_requests import NOON


def community(known_units: set[str] | None = None) -> Community:
    return Community(Plan.PLUS, (1, 2), known_units)


def call(minutes: int | None = None) -> NewEmergencyCall:
    return NewEmergencyCall(
        is_emergency=True,
        caller="Jane",
        location="Alta St",
        description="Shots",
        delete_after_minutes=minutes,
    )


def test_every_unit_is_known_by_default() -> None:
    unit = community().unit("license:1", 1)

    assert unit is not None
    assert (unit.unit_id, unit.server_id, unit.is_panic) == ("license:1", 1, False)


def test_a_unit_that_nobody_linked_is_unknown() -> None:
    some = community({"license:1"})

    assert some.unit("license:2", 1) is None
    assert some.unit("license:1", 1) is not None
    assert list(some.units) == ["license:1"]


def test_a_unit_belongs_to_the_server_that_spoke_of_it_last() -> None:
    some = community()
    first = some.unit("license:1", 1)

    assert some.unit("license:1", 2) is first
    assert some.units["license:1"].server_id == 2


def test_units_have_numbers_and_accounts_of_their_own() -> None:
    some = community()
    units = [some.unit(f"license:{n}", 1) for n in range(3)]

    assert [unit.ident for unit in units if unit] == [1, 2, 3]
    assert len({unit.account for unit in units if unit}) == 3


def test_a_call_vanishes_after_its_minutes() -> None:
    some = community()
    some.open_call(1, call(minutes=15), NOON)
    some.open_call(1, call(), NOON)

    assert [one.call_id for one in some.calls(NOON + 899)] == [1, 2]
    assert [one.call_id for one in some.calls(NOON + 900)] == [2]


def test_a_call_is_removed_only_on_its_own_server() -> None:
    some = community()
    some.open_call(1, call(), NOON)

    assert some.remove_call(2, 1, NOON) is False
    assert some.remove_call(1, 1, NOON) is True
    assert some.remove_call(1, 1, NOON) is False
    assert some.calls(NOON) == []


def test_heartbeats_are_counted_by_server() -> None:
    some = community()
    some.beat(1, 10, NOON)
    some.beat(1, 20, NOON + 60)
    some.beat(2, 5, NOON)

    assert (some.heartbeats[1].player_count, some.heartbeats[1].count) == (20, 2)
    assert some.heartbeats[1].received_at == NOON + 60
    assert some.heartbeats[2].count == 1


def test_forgetting_never_gives_a_call_id_twice() -> None:
    some = community({"license:1"})
    some.unit("license:1", 1)
    some.open_call(1, call(), NOON)
    some.beat(1, 1, NOON)

    some.forget()

    assert (some.units, some.heartbeats, some.calls(NOON)) == ({}, {}, [])
    assert some.open_call(1, call(), NOON).call_id == 2
    assert some.known_units == {"license:1"}


def test_instants_are_written_in_utc() -> None:
    assert utc(1_775_683_860.9) == "2026-04-08T21:31:00Z"
