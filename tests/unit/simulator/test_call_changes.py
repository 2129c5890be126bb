from typing import Any

import pytest

from tests.support.asking import Asking
from tests.support.cad_requests import SERVER_1

CALL: dict[str, Any] = {
    "origin": 0,
    "status": 1,
    "priority": 1,
    "block": "100",
    "address": "Mission Row",
    "postal": "9001",
    "title": "Robbery",
    "code": "211",
    "description": "A firearm",
}
CALL_PATH = f"{SERVER_1}/dispatch-calls/1"


@pytest.fixture(name="called")
def _called() -> Asking:
    asking = Asking()
    asking.account("a")
    asking.ok(
        "POST", f"{SERVER_1}/dispatch-calls", {**CALL, "communityUserIds": ["a"], "metaData": {"x": "1"}}
    )
    return asking


def active(asking: Asking) -> Any:
    query = {"closedLimit": "0", "closedOffset": "0", "type": "0"}
    return asking.ok("GET", f"{SERVER_1}/calls", **query)["ActiveCalls"][0]


def test_a_call_is_changed_and_the_rest_stays(called: Asking) -> None:
    before = active(called)
    change = {"postal": "9002", "trackPrimary": True, "metaData": {"y": "2"}, "title": None}

    row = called.ok("PATCH", CALL_PATH, change)

    assert row == {**before, "postal": "9002", "trackPrimary": True, "metaData": {"y": "2"}}
    assert active(called) == row


def test_the_postal_of_a_call_is_set(called: Asking) -> None:
    assert called.ok("PATCH", f"{CALL_PATH}/postal", {"postal": "7"}) == {"callId": 1, "postal": "7"}
    assert active(called)["postal"] == "7"


def test_the_primary_unit_of_a_call_is_named(called: Asking) -> None:
    called.account("b")
    body = {"identId": 2, "trackPrimary": True}

    assert called.ok("PATCH", f"{CALL_PATH}/primary", body) == {"callId": 1, **body}

    row = active(called)
    assert (row["primary"], row["trackPrimary"], row["idents"]) == (2, True, [1])
    assert called.status("PATCH", f"{CALL_PATH}/primary", {**body, "identId": 9}) == 404


def test_the_current_call_is_the_one_that_the_unit_is_on(called: Asking) -> None:
    def current(unit: str) -> Any:
        return called.ok("GET", f"/v2/emergency/accounts/{called.account(unit)}/current-call")

    assert (current("a"), current("b")) == ({"IdentId": 1, "CallId": 1}, {"IdentId": 2, "CallId": None})
    called.ok("POST", f"{SERVER_1}/dispatch-calls/close", {"callIds": [1]})
    assert current("a")["CallId"] is None
    assert called.status("GET", "/v2/emergency/accounts/none/current-call") == 404


CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("", {}),
    ("/postal", {"postal": "7"}),
    ("/primary", {"identId": 1, "trackPrimary": True}),
]


@pytest.mark.parametrize(("path", "body"), CHANGES)
def test_only_an_open_dispatch_call_is_changed(called: Asking, path: str, body: object) -> None:
    called.ok(
        "POST",
        f"{SERVER_1}/calls/911",
        {"isEmergency": True, "caller": "J", "location": "A", "description": "S"},
    )
    assert called.status("PATCH", f"{SERVER_1}/dispatch-calls/2{path}", body) == 404
    assert called.status("PATCH", f"{SERVER_1.replace('/1', '/2')}/dispatch-calls/1{path}", body) == 404
    called.ok("POST", f"{SERVER_1}/dispatch-calls/close", {"callIds": [1]})
    assert called.status("PATCH", f"{CALL_PATH}{path}", body) == 404


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("", {"status": "1"}, "status"),
        ("", {"metaData": {"x": 1}}, "metaData"),
        ("/postal", {}, "postal"),
        ("/postal", {"postal": 7}, "postal"),
        ("/primary", {"identId": 1}, "trackPrimary"),
        ("/primary", {"trackPrimary": True}, "identId"),
    ],
)
def test_a_change_that_makes_no_sense_is_refused_by_the_name_of_its_field(
    called: Asking, path: str, body: object, field: str
) -> None:
    assert field in called.detail("PATCH", f"{CALL_PATH}{path}", body)
