from typing import Any

from bridge.simulator.cad import Cad
from bridge.simulator.cloud import Cloud
from tests.support.cad_requests import NOON
from tests.support.prepared_cad import ACCOUNT, IDENT, OTHER_IDENT, OTHER_UNIT, SPARE_IDENT, UNIT, prepare
from tests.support.stepping_clock import SteppingClock
from tests.support.v1_examples import ok, refusal


def prepared(**settings: Any) -> Cloud:
    cloud = Cloud(SteppingClock(), Cad(**settings))
    prepare(cloud)
    return cloud


def place(unit: str, x: float = 1.0, **more: Any) -> dict[str, Any]:
    return {"apiId": unit, "location": "Alta St", "coordinates": {"x": x, "y": 2.0}, **more}


def test_a_batch_moves_every_unit_of_it() -> None:
    cloud = prepared(known_units={UNIT, OTHER_UNIT})

    assert ok(cloud, "UNIT_LOCATION", [place(UNIT), place(OTHER_UNIT, 7.0), place("unknown")]) == (
        "UNIT LOCATION UPDATED"
    )
    units = cloud.cad.community.units
    assert {name: unit.coordinates and unit.coordinates.x for name, unit in units.items()} == {
        UNIT: 1.0,
        OTHER_UNIT: 7.0,
    }
    assert units[UNIT].location == "Alta St"


def test_one_bad_record_leaves_all_where_they_are() -> None:
    cloud = prepared()

    refusal(cloud, "UNIT_LOCATION", [place(UNIT), {"apiId": OTHER_UNIT}])

    assert cloud.cad.community.units[UNIT].coordinates is None


def test_a_unit_stays_on_its_server_where_none_is_named() -> None:
    cloud = prepared()
    ok(cloud, "UNIT_STATUS", [{"apiId": UNIT, "status": 1, "serverId": 3}])
    ok(cloud, "UNIT_LOCATION", [place(UNIT), place("new")])
    ok(cloud, "UNIT_PANIC", [{"apiId": UNIT, "isPanic": True}])

    units = cloud.cad.community.units
    assert (units[UNIT].server_id, units["new"].server_id) == (3, 1)


def test_the_first_way_to_name_a_unit_counts() -> None:
    cloud = prepared()
    ok(cloud, "UNIT_PANIC", [{"apiId": OTHER_UNIT, "account": ACCOUNT, "identIds": [IDENT], "isPanic": True}])

    assert [unit.is_panic for unit in cloud.cad.community.units.values()] == [False, True]


def test_who_is_kicked_is_offline_and_nobody_hears_of_the_others() -> None:
    cloud = prepared(known_units={UNIT, OTHER_UNIT})
    data = [{"apiId": name, "reason": "AFK", "serverId": 1} for name in (UNIT, "unknown")]

    assert ok(cloud, "KICK_UNIT", data) == "UNIT KICKED"
    assert [(kick.unit_id, kick.reason) for kick in cloud.cad.community.kicks] == [(UNIT, "AFK")]
    assert [row["id"] for row in ok(cloud, "GET_ACTIVE_UNITS", [{"serverId": 1}])] == [OTHER_IDENT]


def test_active_units_are_paged_and_offline_ones_may_be_asked_for() -> None:
    cloud = prepared()
    every = [{"serverId": 1, "includeOffline": True, "limit": 2, "offset": 1}]

    assert [row["id"] for row in ok(cloud, "GET_ACTIVE_UNITS", every)] == [OTHER_IDENT, SPARE_IDENT]
    assert ok(cloud, "GET_ACTIVE_UNITS", [{"serverId": 2}]) == []


def test_a_row_holds_what_the_page_shows() -> None:
    (row, _) = ok(prepared(), "GET_ACTIVE_UNITS", [{"serverId": 1}])

    assert row["accId"] == ACCOUNT
    assert "coordinates" not in row
    assert row["data"]["apiId1"] == row["data"]["communityUserId"] == UNIT
    assert row["data"]["apiId2"] == ""


def test_what_changed_is_dated() -> None:
    cloud = prepared()
    ok(cloud, "UNIT_LOCATION", [place(UNIT)], NOON + 9)

    assert cloud.cad.community.units[UNIT].updated_at == NOON + 9


def test_vehicle_and_peer_are_taken_as_in_v2() -> None:
    cloud = prepared()
    ok(cloud, "UNIT_LOCATION", [place(UNIT, peerId="7", vehicle={"model": "police"}, serverId=2)])

    unit = cloud.cad.community.units[UNIT]
    assert unit.vehicle is not None
    assert (unit.peer_id, unit.vehicle.model, unit.server_id) == ("7", "police", 2)


def test_a_panic_is_switched_off_again() -> None:
    cloud = prepared()
    for active in (True, False):
        ok(cloud, "UNIT_PANIC", [{"apiId": UNIT, "isPanic": active}])
        assert cloud.cad.community.units[UNIT].is_panic is active
