from typing import Any

import pytest

from tests.support.asking import Asking

PATH = "/v2/emergency/servers/1/custom-dispatch-calls"


def test_a_call_is_made_from_a_template() -> None:
    asking = Asking()
    asking.account("a")
    (template,) = asking.ok("GET", "/v2/emergency/dispatch-templates")
    uids = [field["uid"] for section in template["sections"] for field in section["fields"]]
    assert {"title", "address", "priority"} <= set(uids)

    row = asking.ok(
        "POST",
        PATH,
        {
            "templateId": template["id"],
            "values": {"address": "Alta St", "priority": "3"},
            "communityUserIds": ["a"],
            "metaData": {"x": "1"},
        },
    )

    assert (row["callId"], row["title"], row["address"], row["priority"]) == (1, "Traffic Stop", "Alta St", 3)
    assert (row["idents"], row["metaData"]) == ([1], {"x": "1"})
    query = {"closedLimit": "0", "closedOffset": "0", "type": "0"}
    assert asking.ok("GET", "/v2/emergency/servers/1/calls", **query)["ActiveCalls"] == [row]


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        ({}, 400, "templateId"),
        ({"templateId": 2}, 404, "template"),
        ({"templateId": 1, "values": {"colour": "red"}}, 400, "'colour'"),
        ({"templateId": 1, "values": {"priority": "high"}}, 400, "priority"),
        ({"templateId": 1, "values": {"priority": 1}}, 400, "values"),
        ({"templateId": 1, "communityUserIds": [""]}, 400, "unit"),
    ],
)
def test_a_call_that_makes_no_sense_is_refused(body: dict[str, Any], status: int, detail: str) -> None:
    asking = Asking()

    assert asking.status("POST", PATH, body) == status
    assert detail in asking.detail("POST", PATH, body)
    assert asking.cad.community.board.dispatch() == []
