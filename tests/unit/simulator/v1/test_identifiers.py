from typing import Any

from bridge.simulator.cad import Cad
from bridge.simulator.cloud import Cloud
from tests.support.prepared_cad import ACCOUNT, IDENT, OTHER_IDENT, OTHER_UNIT, UNIT, prepare
from tests.support.stepping_clock import SteppingClock
from tests.support.v1_examples import ok, refusal


def prepared(**settings: Any) -> Cloud:
    cloud = Cloud(SteppingClock(), Cad(**settings))
    prepare(cloud)
    return cloud


def test_units_are_named_by_account_and_by_identifiers_as_well() -> None:
    cloud = prepared()
    ok(cloud, "UNIT_PANIC", [{"account": ACCOUNT, "isPanic": True}])
    ok(cloud, "UNIT_STATUS", [{"identIds": [IDENT, OTHER_IDENT], "status": 4, "serverId": 1}])

    units = cloud.cad.community.units
    assert units[UNIT].is_panic
    assert not units[OTHER_UNIT].is_panic
    assert (units[UNIT].status, units[OTHER_UNIT].status) == (4, 4)


def test_identifiers_are_added_edited_removed_and_chosen() -> None:
    cloud = prepared()
    added = ok(
        cloud, "MODIFY_IDENTIFIER", [{"apiId": UNIT, "action": 0, "identifier": {"data": {"name": "Al"}}}]
    )
    edit = {"apiId": UNIT, "action": 1, "identId": added["id"], "identifier": {"aop": "Davis", "status": 1}}
    edited = ok(cloud, "MODIFY_IDENTIFIER", [edit])
    ok(cloud, "SET_IDENTIFIER", [{"apiId": UNIT, "identId": added["id"]}])

    assert (edited["data"]["name"], edited["aop"], edited["status"]) == ("Al", "Davis", 1)
    assert ok(cloud, "GET_IDENTIFIERS", [{"account": ACCOUNT}])["selectedIdent"] == added["id"]
    gone = [{"apiId": UNIT, "action": 2, "identId": added["id"]}]
    assert ok(cloud, "MODIFY_IDENTIFIER", gone) == f"Identifier {added['id']} removed!"
    assert refusal(cloud, "MODIFY_IDENTIFIER", gone) == "The identifier was not found."
    assert "action" in refusal(cloud, "MODIFY_IDENTIFIER", [{"apiId": UNIT, "action": 3}])


def test_an_edit_without_a_number_is_of_the_selected_identifier() -> None:
    cloud = prepared()
    edit = [{"apiId": UNIT, "action": 1, "identifier": {"location": "Davis", "isDispatch": True}}]

    assert ok(cloud, "MODIFY_IDENTIFIER", edit)["id"] == IDENT
    assert cloud.cad.community.units[UNIT].is_dispatch


def test_an_account_stands_for_its_identifier_in_a_group() -> None:
    cloud = prepared()
    group = {"serverId": 1, "identIds": [OTHER_IDENT], "account": ACCOUNT, "groupName": "Group 1"}

    assert ok(cloud, "IDENTS_TO_GROUP", [group]) == f"Set idents {IDENT}, {OTHER_IDENT} to group 'Group 1\"."
    assert {unit.data.group for unit in cloud.cad.community.units.values()} == {"Group 1"}
