from typing import Any

import pytest

from bridge.simulator.cad import Cad
from bridge.simulator.cloud import Cloud
from tests.support.prepared_cad import (
    ACCOUNT,
    IDENT,
    OTHER_UNIT,
    UNIT,
    prepare,
)
from tests.support.stepping_clock import SteppingClock
from tests.support.v1_examples import ok, refusal

NOT_LINKED = "API ID NOT LINKED TO AN ACCOUNT IN THIS COMMUNITY"
WHO = {"apiId": UNIT}


@pytest.fixture(name="cloud")
def _cloud() -> Cloud:
    cloud = Cloud(SteppingClock(), Cad(known_units={UNIT, OTHER_UNIT}))
    prepare(cloud)
    return cloud


def account(cloud: Cloud, **who: Any) -> Any:
    return ok(cloud, "GET_ACCOUNT", [who or WHO])


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("CHECK_APIID", {}),
        ("GET_ACCOUNT", {}),
        ("GET_CHARACTERS", {}),
        ("GET_CHARACTER_LINKS", {}),
        ("GET_IDENTIFIERS", {}),
        ("SET_CHARACTER", {"charId": 1}),
        ("LINK_CHARACTER", {"syncId": "a", "action": 0}),
        ("APPLY_PERMISSION_KEY", {"permissionKey": "YOUR_PERMISSION_KEY"}),
        ("SET_ACCOUNT_PERMISSIONS", {}),
        ("BAN_USER", {"isBan": True}),
    ],
)
def test_an_api_id_that_nobody_has_linked_is_told(cloud: Cloud, kind: str, data: dict[str, Any]) -> None:
    assert refusal(cloud, kind, [{"apiId": "unknown", **data}]) == NOT_LINKED


def test_an_account_is_found_in_three_ways(cloud: Cloud) -> None:
    found = [
        account(cloud, **who)
        for who in ({"apiId": UNIT}, {"account": ACCOUNT}, {"username": f"Player {UNIT}"})
    ]

    assert [row["uuid"] for row in found] == [ACCOUNT] * 3
    assert found[0]["apiIds"] == [UNIT]
    assert found[0]["permissions"]["polRecAdd"] is False
    assert refusal(cloud, "GET_ACCOUNT", [{"username": "nobody"}]) == NOT_LINKED


def test_api_ids_are_added_or_replaced(cloud: Cloud) -> None:
    ok(cloud, "SET_API_ID", [{"account": ACCOUNT, "apiIds": ["A", "A", "B"]}])
    added = account(cloud)["apiIds"]
    ok(cloud, "SET_API_ID", [{"username": f"Player {UNIT}", "apiIds": ["C"], "pushNew": False}])

    assert added == [UNIT, "A", "B"]
    assert account(cloud, account=ACCOUNT)["apiIds"] == ["C"]
    assert refusal(cloud, "CHECK_APIID", [WHO]) == NOT_LINKED
    assert refusal(cloud, "CHECK_APIID", [{"apiId": "A"}]) == NOT_LINKED
    assert ok(cloud, "CHECK_APIID", [{"apiId": "C"}]) == f"Player {UNIT}"


def test_a_unit_answers_to_an_api_id_that_was_added(cloud: Cloud) -> None:
    ok(cloud, "SET_API_ID", [{"account": ACCOUNT, "apiIds": ["A"]}])
    ok(cloud, "UNIT_PANIC", [{"apiId": "A", "isPanic": True}])

    assert cloud.cad.community.units[UNIT].is_panic
    assert cloud.cad.community.units["A"].ident == IDENT


def test_permissions_are_given_taken_and_set(cloud: Cloud) -> None:
    ok(cloud, "SET_ACCOUNT_PERMISSIONS", [{**WHO, "add": ["POLICE", "livemap"], "active": False}])
    ok(cloud, "SET_ACCOUNT_PERMISSIONS", [{"accId": ACCOUNT, "remove": ["POLICE"]}])
    taken = account(cloud)
    ok(cloud, "SET_ACCOUNT_PERMISSIONS", [{**WHO, "set": ["EMS"], "add": ["DMV"], "join": True}])
    only = account(cloud)

    assert (taken["permissions"]["police"], taken["permissions"]["liveMap"], taken["status"]) == (
        False,
        True,
        0,
    )
    assert [name for name, given in only["permissions"].items() if given] == ["ems"]
    assert only["status"] == 1
    assert "permission 'FLY'" in refusal(cloud, "SET_ACCOUNT_PERMISSIONS", [{**WHO, "add": ["FLY"]}])


def test_a_permission_key_must_be_one(cloud: Cloud) -> None:
    assert "not found" in refusal(cloud, "APPLY_PERMISSION_KEY", [{**WHO, "permissionKey": "none"}])


def test_accounts_are_listed_by_status(cloud: Cloud) -> None:
    ok(cloud, "BAN_USER", [{"accId": ACCOUNT, "isBan": True}])

    banned = ok(cloud, "GET_ACCOUNTS", [{"status": 4}])
    active = ok(cloud, "GET_ACCOUNTS", [])

    assert [row["uuid"] for row in banned["accounts"]] == [ACCOUNT]
    assert [row["apiIds"] for row in active["accounts"]] == [[OTHER_UNIT]]
    assert active["pagination"] == {"limit": 100, "offset": 0, "total": 1}


def test_a_ban_is_undone_and_a_kick_is_no_ban(cloud: Cloud) -> None:
    ok(cloud, "BAN_USER", [{**WHO, "isKick": True}])
    kicked = account(cloud)["status"]
    ok(cloud, "BAN_USER", [{**WHO, "isBan": True}])
    text = ok(cloud, "BAN_USER", [{"accId": ACCOUNT, "isBan": False}])

    assert kicked == 1
    assert text == f"User Ban: {ACCOUNT} Status: False"
    assert account(cloud)["status"] == 1
    assert [kick.reason for kick in cloud.cad.community.kicks] == ["kick", "ban"]
