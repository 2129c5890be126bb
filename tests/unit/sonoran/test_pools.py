from hypothesis import given
from hypothesis import strategies as st

from bridge.operations import (
    DOCUMENTED_LIMITS,
    GET_VERSION,
    OPERATIONS,
    OWN,
    SET_UNIT_PANIC,
    UPDATE_UNIT_LOCATIONS,
)
from bridge.sonoran.pools import LOCATION_REST, limits_v1, sharing_v1, whole

LOCATIONS, PANIC, VERSION = UPDATE_UNIT_LOCATIONS.name, SET_UNIT_PANIC.name, GET_VERSION.name
OTHERS = frozenset(DOCUMENTED_LIMITS) - {LOCATIONS, PANIC}


def test_all_requests_of_v1_are_sixty_a_minute_together() -> None:
    limits = limits_v1({}, 1.0)
    shared, routine, forwarded = sharing_v1({}, 1.0).pools

    assert (limits[LOCATIONS], limits[PANIC]) == (12, 20)
    assert (shared.limit, routine.limit, forwarded.limit) == (28, 22, 14)
    assert shared.operations == OTHERS
    assert sharing_v1({}, 1.0).location_rest == LOCATION_REST == 5.0


def test_an_operation_keeps_to_its_own_limit_of_v2_inside_the_shared_one() -> None:
    limits = limits_v1({}, 1.0)

    assert limits.keys() == DOCUMENTED_LIMITS.keys()
    assert limits["getCalls"] == 5
    assert limits["addCallNote"] == 28
    assert limits_v1({"getCalls": 9, "addCallNote": 3}, 1.0)["getCalls"] == 9
    assert limits_v1({"getCalls": 100}, 1.0)["getCalls"] == 28


def test_what_is_urgent_is_in_no_smaller_pool_and_what_is_forwarded_in_all() -> None:
    shared, routine, forwarded = sharing_v1({}, 1.0).pools

    urgent = {"create911Call", "createDispatchCall", "getCalls", "getVersion"}
    assert shared.operations - routine.operations == urgent
    assert forwarded.operations == OTHERS - {operation.name for operation in OWN}
    assert forwarded.operations < routine.operations


def test_locations_are_never_more_than_every_five_seconds() -> None:
    assert limits_v1({LOCATIONS: 30}, 1.0)[LOCATIONS] == 12
    assert limits_v1({LOCATIONS: 6}, 1.0)[LOCATIONS] == 6
    assert sharing_v1({LOCATIONS: 6}, 1.0).pools[0].limit == 34


def test_panics_leave_something_to_the_others() -> None:
    assert limits_v1({PANIC: 1000}, 1.0)[PANIC] == 40
    assert sharing_v1({PANIC: 1000}, 1.0).pools[0].limit == 8
    assert sharing_v1({PANIC: 5}, 1.0).pools[0].limit == 43


def test_our_share_is_one_of_every_limit() -> None:
    limits, pools = limits_v1({}, 0.5), sharing_v1({}, 0.5).pools

    assert (limits[LOCATIONS], limits[PANIC], limits["getCalls"]) == (6, 10, 2)
    assert [pool.limit for pool in pools] == [14, 11, 7]
    assert sharing_v1({}, 0.01).pools[0].limit == 0.28
    assert (whole(29 * 1.0), whole(100 * 0.29), whole(0.4)) == (29, 29, 0.4)


@given(
    st.dictionaries(st.sampled_from(sorted(OPERATIONS)), st.integers(1, 500)),
    st.floats(0.001, 1.0, exclude_min=True),
)
def test_whatever_is_configured_all_are_sixty_together(overrides: dict[str, int], share: float) -> None:
    limits, sharing = limits_v1(overrides, share), sharing_v1(overrides, share)

    assert limits[LOCATIONS] + limits[PANIC] + sharing.pools[0].limit <= 60 * share + 1e-6
    assert limits[LOCATIONS] <= 12
    assert all(limit > 0 for limit in (*limits.values(), *(pool.limit for pool in sharing.pools)))
