from typing import Any

import pytest

from bridge.simulator.cad import Cad
from bridge.simulator.cloud import Cloud
from tests.support.prepared_cad import (
    ACCOUNT,
    CHARACTER,
    CHARACTER_TYPE,
    CITIZEN,
    INCIDENT,
    INCIDENT_TYPE,
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


def raw(plate: str | None = None, case_number: str | None = None, **more: int) -> dict[str, Any]:
    given = {"plate": plate, "case_number": case_number}
    fields = [{"uid": uid, "value": value} for uid, value in given.items() if value is not None]
    return {**more, "sections": [{"fields": fields}]}


def values(row: Any) -> dict[str, str]:
    return {field["uid"]: field["value"] for section in row["sections"] for field in section["fields"]}


def test_the_selected_character_comes_first(cloud: Cloud) -> None:
    new = {"user": UNIT, "recordTypeId": CHARACTER_TYPE, "replaceValues": {"first_name": "Jane"}}
    ok(cloud, "NEW_CHARACTER", [new])
    before = [row["id"] for row in ok(cloud, "GET_CHARACTERS", [WHO])]
    after = ok(cloud, "SET_CHARACTER", [{**WHO, "charId": before[1]}])

    assert [row["id"] for row in after] == before[::-1]
    assert refusal(cloud, "SET_CHARACTER", [{**WHO, "charId": 99}]) == "The character was not found."


def test_characters_are_linked_and_unlinked(cloud: Cloud) -> None:
    ok(
        cloud,
        "LINK_CHARACTER",
        [{**WHO, "syncId": "b", "action": 0}, {**WHO, "syncId": CITIZEN, "action": 2}],
    )

    assert ok(cloud, "GET_CHARACTER_LINKS", [WHO]) == ["b"]
    assert "action" in refusal(cloud, "LINK_CHARACTER", [{**WHO, "syncId": "b", "action": 1}])


def test_only_a_character_is_removed_as_one(cloud: Cloud) -> None:
    assert refusal(cloud, "REMOVE_CHARACTER", [{"id": INCIDENT}]) == "The character was not found."
    ok(cloud, "REMOVE_CHARACTER", [{"id": CHARACTER}])

    assert ok(cloud, "GET_CHARACTERS", [WHO]) == []


def test_a_record_is_filed_and_edited_by_values_or_whole(cloud: Cloud) -> None:
    filed = ok(cloud, "NEW_RECORD", [{"user": UNIT, "record": raw(recordTypeId=INCIDENT_TYPE, plate="RAW1")}])
    edit = {"user": ACCOUNT, "record": raw(id=filed["id"], case_number="7")}
    edited = ok(cloud, "EDIT_RECORD", [edit])

    assert values(filed) == {"case_number": "", "plate": "RAW1"}
    assert values(edited) == {"case_number": "7", "plate": "RAW1"}
    assert ok(cloud, "REMOVE_RECORD", [{"id": filed["id"]}]) == f"REMOVED RECORD {filed['id']}"
    assert refusal(cloud, "REMOVE_RECORD", [{"id": filed["id"]}]) == "The record was not found."
    assert (
        refusal(cloud, "NEW_RECORD", [{"user": UNIT, "recordTypeId": 99}]) == "The record type was not found."
    )
    assert refusal(cloud, "NEW_RECORD", [{"user": "unknown", "recordTypeId": 7}]) == NOT_LINKED


def test_templates_are_listed_all_or_one(cloud: Cloud) -> None:
    assert len(ok(cloud, "GET_TEMPLATES", [])) == 2
    (one,) = ok(cloud, "GET_TEMPLATES", [], recordTypeId=INCIDENT_TYPE)
    assert one["recordTypeId"] == INCIDENT_TYPE
