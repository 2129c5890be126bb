from typing import Any

import pytest

from tests.support.asking import Asking

RECORDS = "/v2/general/records"
NEW: dict[str, Any] = {
    "communityUserId": "a",
    "roblox": 5,
    "useDictionary": True,
    "recordTypeId": 12,
    "replaceValues": {"{{plate}}": "ABC123"},
}


def values(row: Any) -> dict[str, str]:
    return {field["uid"]: field["value"] for section in row["sections"] for field in section["fields"]}


def found(asking: Asking) -> list[Any]:
    return asking.ok("POST", "/v2/general/lookups/by-value", {"searchType": "NUMBER", "value": "1"})


def test_a_record_goes_through_its_life() -> None:
    asking = Asking()

    row = asking.ok("POST", RECORDS, NEW)
    assert (row["id"], row["recordTypeId"], row["type"], row["name"]) == (1, 12, 9, "Incident Report")
    assert row["sections"][0]["fields"][1] == {"label": "Plate", "value": "ABC123", "uid": "plate"}
    assert found(asking) == [row]

    change = {
        "communityUserId": "a",
        "templateId": 12,
        "replaceValues": {"{{plate}}": "XYZ", "case_number": "7"},
    }
    assert values(asking.ok("PATCH", f"{RECORDS}/1", change)) == {"case_number": "7", "plate": "XYZ"}
    kept = asking.ok("PATCH", f"{RECORDS}/1", {"communityUserId": "a", "replaceValues": {"plate": "Q"}})
    assert values(kept) == {"case_number": "7", "plate": "Q"}
    assert found(asking) == [kept]

    assert asking.ok("DELETE", f"{RECORDS}/1") == {"recordId": 1}
    assert found(asking) == []
    assert asking.status("DELETE", f"{RECORDS}/1") == 404
    assert asking.ok("POST", RECORDS, NEW)["id"] == 2


def test_templates_are_records_without_a_number() -> None:
    asking = Asking()

    civilian, incident = asking.ok("GET", "/v2/general/templates")

    assert (civilian["recordTypeId"], incident["recordTypeId"]) == (7, 12)
    assert (incident["id"], incident["name"]) == (0, "Incident Report")
    assert values(incident) == {"case_number": "", "plate": "{{plate}}"}
    assert asking.ok("GET", "/v2/general/templates/12") == incident


def test_a_draft_is_no_record() -> None:
    asking = Asking()

    row = asking.ok("POST", "/v2/general/record-drafts", NEW)

    assert (row["id"], values(row)["plate"]) == (0, "ABC123")
    assert [draft.row() for draft in asking.cad.community.archive.drafts] == [row]
    assert asking.cad.community.archive.records == {}


@pytest.mark.parametrize(
    ("line", "body", "status"),
    [
        ("POST /records", {"communityUserId": "a"}, 400),
        ("POST /records", {**NEW, "replaceValues": {"x": 1}}, 400),
        ("POST /records", {**NEW, "recordTypeId": 99}, 404),
        ("POST /records", {**NEW, "communityUserId": "b"}, 404),
        ("PATCH /records/1", {"communityUserId": "a"}, 404),
        ("PATCH /records/x", {"communityUserId": "a"}, 400),
        ("DELETE /records/x", None, 400),
        ("GET /templates/x", None, 400),
        ("GET /templates/99", None, 404),
        ("POST /record-drafts", {"communityUserId": "a"}, 400),
        ("POST /record-drafts", {**NEW, "recordTypeId": 99}, 404),
    ],
)
def test_what_makes_no_sense_or_is_not_there_is_refused(line: str, body: object, status: int) -> None:
    method, path = line.split()

    assert Asking(known_units={"a"}).status(method, f"/v2/general{path}", body) == status
