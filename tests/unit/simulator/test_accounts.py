from typing import Any

import pytest

from tests.support.asking import Asking

GENERAL = "/v2/general"
ACCOUNT = f"{GENERAL}/accounts/account"
NOTHING = {"police": False, "dispatch": False, "liveMap": False, "adminInGameIntegration": False}


def test_an_account_is_told() -> None:
    asking = Asking()
    number = asking.account("a")

    row = asking.ok("GET", ACCOUNT, communityUserId="a")

    assert row == {
        "uuid": number,
        "username": "Player a",
        "communityUserId": "a",
        "status": 1,
        "joined": "2026-01-14T18:22:00Z",
        "lastLogin": "2026-04-08T20:55:00Z",
        "permissions": NOTHING,
    }
    assert asking.ok("GET", ACCOUNT, accountUuid=number) == row
    assert asking.ok("GET", ACCOUNT, username="Player a") == row


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 400),
        ({"communityUserId": "a", "roblox": "5"}, 400),
        ({"communityUserId": ""}, 400),
        ({"roblox": "x"}, 400),
        ({"roblox": "5"}, 404),
        ({"communityUserId": "b"}, 404),
        ({"accountUuid": "none"}, 404),
        ({"username": "nobody"}, 404),
    ],
)
def test_an_account_must_be_named_in_one_way_and_be_there(query: dict[str, str], status: int) -> None:
    asking = Asking(known_units={"a"})
    asking.account("a")

    assert asking.status("GET", ACCOUNT, **query) == status


def test_asking_for_an_account_puts_no_unit_on_the_map() -> None:
    asking = Asking()
    asking.ok("GET", ACCOUNT, communityUserId="a")

    assert asking.cad.community.units == {}


def accounts(asking: Asking, **changed: str) -> Any:
    return asking.ok("GET", f"{GENERAL}/accounts", **{"limit": "2", "offset": "0", "status": "1", **changed})


def test_accounts_are_listed_in_pages() -> None:
    asking = Asking(known_units={"a", "b", "c"})

    first, second = accounts(asking), accounts(asking, offset="2")

    assert first["pagination"] == {"limit": 2, "offset": 0, "total": 3}
    assert [row["username"] for row in first["accounts"] + second["accounts"]] == [
        "Player a",
        "Player b",
        "Player c",
    ]
    assert "communityUserId" not in first["accounts"][0]


def test_accounts_are_filtered_by_name_and_status() -> None:
    asking = Asking(known_units={"a", "bc"})
    asking.ok("POST", f"{GENERAL}/account-bans", {"communityUserId": "a", "isBan": True})

    assert [row["username"] for row in accounts(asking)["accounts"]] == ["Player bc"]
    assert [row["username"] for row in accounts(asking, status="4")["accounts"]] == ["Player a"]
    assert accounts(asking, username="R BC")["pagination"]["total"] == 1
    assert accounts(asking, username="x")["accounts"] == []


@pytest.mark.parametrize("limit", ["0", "101"])
def test_one_to_a_hundred_accounts_may_be_asked_for(limit: str) -> None:
    query = {"limit": limit, "offset": "0", "status": "1"}

    assert "'limit' must be 1 to 100" in Asking().detail("GET", f"{GENERAL}/accounts", **query)


def test_permissions_that_are_given_show() -> None:
    asking = Asking()
    path = f"{GENERAL}/accounts/permissions"

    changed = asking.ok("PATCH", path, {"communityUserId": "a", "roblox": 5, "add": ["POLICE", "LIVE_MAP"]})

    assert changed["permissions"] == {**NOTHING, "police": True, "liveMap": True}
    assert changed["active"] is True
    row = asking.ok("GET", ACCOUNT, communityUserId="a")
    assert (row["permissions"], row["uuid"]) == (changed["permissions"], changed["accountUuid"])
    taken = asking.ok(
        "PATCH", path, {"communityUserId": "a", "remove": ["police", "LIVE_MAP"], "active": False}
    )
    assert (taken["permissions"], taken["active"]) == (NOTHING, False)
    assert asking.ok("GET", ACCOUNT, communityUserId="a")["status"] == 0


def test_a_permission_key_gives_what_it_stands_for() -> None:
    asking = Asking()
    asking.cad.community.permission_keys = {"k": frozenset({"dispatch"})}
    path = f"{GENERAL}/permission-keys/applications"

    applied = asking.ok("POST", path, {"communityUserId": "a", "permissionKey": "k"})

    assert applied["username"] == "Player a"
    assert applied["permissions"] == {**NOTHING, "dispatch": True}
    assert asking.ok("GET", ACCOUNT, communityUserId="a")["permissions"] == applied["permissions"]
    assert asking.status("POST", path, {"communityUserId": "a", "permissionKey": "other"}) == 404


@pytest.mark.parametrize(("is_ban", "action", "status"), [(True, "ban", 4), (False, "kick", 1)])
def test_who_has_to_go_is_offline(is_ban: bool, action: str, status: int) -> None:  # noqa: FBT001 -- table
    asking = Asking()
    number = asking.account("a")

    gone = asking.ok("POST", f"{GENERAL}/account-bans", {"communityUserId": "a", "isBan": is_ban})

    assert (gone["accountUuid"], gone["action"]) == (number, action)
    assert action in gone["message"]
    assert asking.ok("GET", ACCOUNT, communityUserId="a")["status"] == status
    assert asking.cad.community.units["a"].status == 100


def test_who_is_not_out_can_be_banned() -> None:
    asking = Asking()
    asking.ok("POST", f"{GENERAL}/account-bans", {"communityUserId": "a", "isBan": True})

    assert asking.cad.community.kicks == []


@pytest.mark.parametrize(
    ("line", "body", "field"),
    [
        ("PATCH /accounts/permissions", {"communityUserId": "a", "add": "POLICE"}, "add"),
        ("PATCH /accounts/permissions", {"communityUserId": 5}, "communityUserId"),
        ("PATCH /accounts/permissions", {"add": []}, "communityUserId"),
        ("POST /permission-keys/applications", {"communityUserId": "a"}, "permissionKey"),
        ("POST /account-bans", {"communityUserId": "a"}, "isBan"),
        ("POST /account-bans", {"communityUserId": "a", "isBan": "yes"}, "isBan"),
    ],
)
def test_a_body_that_makes_no_sense_is_refused_by_the_name_of_its_field(
    line: str, body: object, field: str
) -> None:
    method, path = line.split()

    assert field in Asking().detail(method, GENERAL + path, body)


def test_a_refused_player_is_a_400() -> None:
    asking = Asking()
    asking.refused = frozenset({"a"})

    assert asking.status("GET", ACCOUNT, communityUserId="a") == 400
    assert asking.status("POST", f"{GENERAL}/account-bans", {"communityUserId": "a", "isBan": True}) == 400
