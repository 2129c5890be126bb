from bridge.simulator.community import Plan
from bridge.simulator.v1.table import BY_PATH, GAPS, OPERATIONS, PER_MINUTE, POOLS, TYPES

PREFIXES = {"emergency", "general", "civilian"}


def test_there_are_sixty_three_types_each_at_a_path_of_its_own() -> None:
    assert len(TYPES) == len(BY_PATH) == len(OPERATIONS) == 63
    assert {path.split("/")[1] for path in BY_PATH} == PREFIXES


def test_a_path_is_named_for_its_type_but_for_one() -> None:
    odd = [row.name for row in TYPES if row.path.rpartition("/")[2].upper() != row.name]

    assert odd == ["LOOKUP_INT"]


def test_only_the_plan_may_be_asked_for_on_the_free_one() -> None:
    assert [row.name for row in TYPES if row.plan is Plan.FREE] == ["GET_VERSION"]


def test_all_types_share_one_limit_and_locations_have_a_gap() -> None:
    assert PER_MINUTE["V1"] == 60
    assert set(POOLS.values()) == {"V1"}
    assert POOLS.keys() == OPERATIONS
    assert GAPS == {"V1:UNIT_LOCATION": 5.0}
