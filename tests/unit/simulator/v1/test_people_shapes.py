import msgspec

from bridge.simulator.v1.people_shapes import (
    PERMISSIONS,
    ApiIds,
    Filing,
    Group,
    IdentifierChange,
    NameSearch,
)


def test_the_permissions_are_those_of_the_page() -> None:
    assert len(PERMISSIONS) == len(set(PERMISSIONS)) == 43
    assert {"polRecAdd", "liveMap", "adminLogs"} <= set(PERMISSIONS)


def test_what_may_be_left_out_is_as_the_pages_say() -> None:
    assert msgspec.convert({"apiIds": []}, ApiIds).push_new
    assert msgspec.convert({}, NameSearch).partial
    assert msgspec.convert({"groupName": ""}, Group).ident_ids == []


def test_null_stands_for_a_record_that_is_not_given_whole() -> None:
    filing = msgspec.convert({"user": "a", "recordTypeId": 7, "record": None}, Filing)

    assert (filing.record, filing.replace_values) == (None, {})


def test_an_identifier_nests_what_it_says_of_its_unit() -> None:
    data = {"apiId": "a", "action": 0, "identifier": {"status": 2, "data": {"unitNum": "A-10"}}}

    assert msgspec.convert(data, IdentifierChange).identifier.data.unit_num == "A-10"
