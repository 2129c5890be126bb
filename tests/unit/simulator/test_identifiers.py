from typing import Any

import pytest

from tests.support.asking import Asking

EMERGENCY = "/v2/emergency"
NEW: dict[str, Any] = {
    "status": 1,
    "aop": "Los Santos",
    "unitNum": "A-10",
    "name": "John Doe",
    "district": "Vinewood",
    "department": "LSFD",
    "subdivision": "Ladder",
    "rank": "Chief",
    "group": "CAR-51",
    "page": 2,
    "isDispatch": True,
}
UNITS = {"includeOffline": "false", "onlyUnits": "false", "limit": "10", "offset": "0"}


@pytest.fixture(name="asking")
def _asking() -> Asking:
    return Asking()


@pytest.fixture(name="path")
def _path(asking: Asking) -> str:
    return f"{EMERGENCY}/accounts/{asking.account('a')}"


def identifiers(asking: Asking, path: str) -> Any:
    return asking.ok("GET", f"{path}/identifiers")


def test_an_identifier_goes_through_its_life(asking: Asking, path: str) -> None:
    assert asking.ok("POST", f"{path}/identifiers", NEW) == {"identId": 2}
    listed = identifiers(asking, path)
    assert listed["SelectedIdent"] == 1
    assert [row["id"] for row in listed["Identifiers"]] == [1, 2]
    row = listed["Identifiers"][1]
    data = {key: value for key, value in NEW.items() if key not in {"status", "aop", "isDispatch"}}
    assert (row["status"], row["aop"], row["isDispatch"], row["data"]) == (1, "Los Santos", True, data)

    changed = asking.ok("PATCH", f"{path}/identifiers/2", {"status": 4, "group": "S-1", "page": None})
    assert (changed["identId"], changed["serverId"]) == (2, 1)
    assert changed["identifier"] == {**row, "status": 4, "data": {**data, "group": "S-1"}}
    assert identifiers(asking, path)["Identifiers"][1] == changed["identifier"]

    assert asking.ok("DELETE", f"{path}/identifiers/2") == {"identId": 2, "serverId": 1}
    assert len(identifiers(asking, path)["Identifiers"]) == 1
    assert asking.status("DELETE", f"{path}/identifiers/2") == 404
    assert asking.ok("POST", f"{path}/identifiers", NEW) == {"identId": 3}


def test_an_account_goes_out_as_the_identifier_that_it_selects(asking: Asking, path: str) -> None:
    asking.ok("POST", f"{path}/identifiers", NEW)

    chosen = asking.ok("PUT", f"{path}/selected-identifier", {"identId": 2})

    assert (chosen["serverId"], chosen["isDispatch"], chosen["identifier"]["id"]) == (1, True, 2)
    assert identifiers(asking, path)["SelectedIdent"] == 2
    assert [row["id"] for row in asking.ok("GET", f"{EMERGENCY}/servers/1/units", **UNITS)] == [2]
    asking.ok("PATCH", f"{EMERGENCY}/servers/1/units/panic", {"communityUserIds": ["a"], "isPanic": True})
    assert [row["isPanic"] for row in identifiers(asking, path)["Identifiers"]] == [False, True]


def test_an_account_without_its_selected_identifier_goes_by_none(asking: Asking, path: str) -> None:
    asking.ok("DELETE", f"{path}/identifiers/1")

    assert identifiers(asking, path) == {"SelectedIdent": None, "Identifiers": []}
    assert asking.cad.community.units == {}


def test_an_identifier_that_goes_leaves_its_call(asking: Asking, path: str) -> None:
    call = {
        **dict.fromkeys(("block", "address", "postal", "title", "code", "description"), ""),
        **dict.fromkeys(("origin", "status", "priority"), 1),
        "communityUserIds": ["a"],
    }
    asking.ok("POST", f"{EMERGENCY}/servers/1/dispatch-calls", call)

    asking.ok("DELETE", f"{path}/identifiers/1")

    assert asking.cad.community.board.dispatch()[0].idents == []


def test_units_are_put_into_a_group(asking: Asking, path: str) -> None:
    body = {"communityUserIds": ["a"]}

    assert asking.ok("PUT", f"{EMERGENCY}/servers/1/identifier-groups/CAR%2F51%20x", body) == {"ok": True}

    assert identifiers(asking, path)["Identifiers"][0]["data"]["group"] == "CAR/51 x"


@pytest.mark.parametrize(
    ("line", "body"),
    [
        ("GET {}x/identifiers", None),
        ("PATCH {}/identifiers/9", {}),
        ("DELETE {}/identifiers/9", None),
        ("PUT {}/selected-identifier", {"identId": 9}),
        ("POST {}x/identifiers", {}),
    ],
)
def test_what_is_not_there_is_a_404(asking: Asking, path: str, line: str, body: object) -> None:
    method, _, there = line.format(path).partition(" ")

    assert asking.status(method, there, body) == 404


def test_an_identifier_is_found_under_its_own_account_alone(asking: Asking, path: str) -> None:
    other = f"{EMERGENCY}/accounts/{asking.account('b')}"

    assert asking.status("DELETE", f"{other}/identifiers/1") == 404
    assert asking.status("PUT", f"{path}/selected-identifier", {"identId": 2}) == 404


@pytest.mark.parametrize(
    ("line", "body", "field"),
    [
        ("POST {}/identifiers", {"status": 9}, "status"),
        ("POST {}/identifiers", {"unitNum": 5}, "unitNum"),
        ("PATCH {}/identifiers/1", {"page": "3"}, "page"),
        ("PATCH {}/identifiers/x", {}, "identId"),
        ("PUT {}/selected-identifier", {}, "identId"),
    ],
)
def test_what_makes_no_sense_is_refused_by_the_name_of_its_field(
    asking: Asking, path: str, line: str, body: object, field: str
) -> None:
    method, _, there = line.format(path).partition(" ")

    assert field in asking.detail(method, there, body)


def test_a_unit_that_is_mentioned_goes_out_as_what_identifier_there_is(asking: Asking, path: str) -> None:
    asking.ok("POST", f"{path}/identifiers", NEW)
    asking.ok("DELETE", f"{path}/identifiers/1")

    asking.ok("PATCH", f"{EMERGENCY}/servers/2/units/panic", {"communityUserIds": ["a"], "isPanic": True})

    listed = identifiers(asking, path)
    assert (listed["SelectedIdent"], [row["id"] for row in listed["Identifiers"]]) == (2, [2])
