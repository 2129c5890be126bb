from typing import Any

import pytest

from tests.support.asking import Asking

LOOKUPS = "/v2/general/lookups"


@pytest.fixture(name="asking")
def _asking() -> Asking:
    asking = Asking()
    people = [("John", "Doe", "D1"), ("Johnny", "Dover", "D12")]
    for first, last, license_ in people:
        values = {"first_name": first, "last_name": last, "drivers_license": license_}
        record(asking, 7, values)
    record(asking, 12, {"plate": "ABC123"})
    return asking


def record(asking: Asking, kind: int, values: dict[str, str]) -> None:
    body = {"communityUserId": "a", "recordTypeId": kind, "replaceValues": values}
    asking.ok("POST", "/v2/general/records", body)


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ({"first": "john", "last": "DOE"}, [1]),
        ({"first": "John", "last": ""}, [1]),
        ({"first": "John", "partial": True}, [1, 2]),
        ({"first": "John", "last": "ver", "partial": True}, [2]),
        ({"plate": "ABC123", "types": [7, 12]}, [3]),
        ({"plate": "ABC123", "types": [7]}, []),
        ({"plate": "abc", "partial": True, "types": []}, [3]),
        ({"mi": "Q"}, []),
    ],
)
def test_records_are_found_by_name_or_plate(asking: Asking, wanted: dict[str, Any], ids: list[int]) -> None:
    assert [row["id"] for row in asking.ok("POST", LOOKUPS, wanted)] == ids


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ({"value": "3"}, [3]),
        ({"value": "Doe"}, [1]),
        ({"value": "3", "types": [7]}, []),
        ({"value": "none"}, []),
    ],
)
def test_records_are_found_by_a_value(asking: Asking, wanted: dict[str, Any], ids: list[int]) -> None:
    rows = asking.ok("POST", f"{LOOKUPS}/by-value", {"searchType": "NUMBER", **wanted})

    assert [row["id"] for row in rows] == ids


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ({"map": "drivers_license", "value": "D1"}, [1]),
        ({"map": "drivers_license", "value": "D1", "partial": True}, [1, 2]),
        ({"map": "drivers_license", "value": "D1", "types": [12]}, []),
        ({"map": "first_name", "value": "D1"}, []),
        ({"map": "case_number", "value": ""}, [3]),
    ],
)
def test_records_are_found_by_one_field(asking: Asking, wanted: dict[str, Any], ids: list[int]) -> None:
    assert [row["id"] for row in asking.ok("POST", f"{LOOKUPS}/custom", wanted)] == ids


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("", {}, "first"),
        ("", {"first": 5}, "first"),
        ("", {"first": "x", "types": 7}, "types"),
        ("/by-value", {"searchType": "NUMBER"}, "value"),
        ("/by-value", {"searchType": "NUMBER", "value": 451}, "value"),
        ("/custom", {"value": "x"}, "map"),
    ],
)
def test_a_lookup_that_makes_no_sense_is_refused_by_the_name_of_its_field(
    path: str, body: object, field: str
) -> None:
    assert field in Asking().detail("POST", LOOKUPS + path, body)


def test_a_lookup_for_a_refused_player_is_a_400(asking: Asking) -> None:
    asking.refused = frozenset({"a"})

    assert asking.status("POST", LOOKUPS, {"first": "John", "notifyCommunityUserId": "a"}) == 400
