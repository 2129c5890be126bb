import pytest

from tests.support.asking import Asking

LINKS = "/v2/general/links"


def test_a_link_is_looked_at() -> None:
    asking = Asking(known_units={"a"})

    assert asking.ok("POST", f"{LINKS}/check", {"communityUserId": "a"}) == {
        "communityUserId": "a",
        "linked": True,
        "accountUuid": asking.account("a"),
    }
    assert asking.ok("POST", f"{LINKS}/check", {"communityUserId": "b"}) == {
        "communityUserId": "b",
        "linked": False,
        "accountUuid": None,
    }


def test_a_code_is_issued_anew_each_time() -> None:
    asking = Asking(known_units=set())

    first, second = (asking.ok("POST", LINKS, {"communityUserId": "b"}) for _ in range(2))

    assert first | {"code": ""} == {
        "code": "",
        "communityUserId": "b",
        "communityUuid": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
        "expiresAt": "2027-01-15T08:10:00Z",
        "expiresInSeconds": 600,
    }
    assert len(first["code"]) == 4
    assert first["code"] != second["code"]


def test_a_link_that_is_set_shows() -> None:
    asking = Asking(known_units={"a"})
    number = asking.account("a")

    for _ in range(2):
        asking.ok("POST", f"{LINKS}/set", {"communityUserId": "b", "accountUuid": number})

    assert asking.ok("POST", f"{LINKS}/check", {"communityUserId": "b"})["accountUuid"] == number
    account = asking.ok("GET", "/v2/general/accounts/account", accountUuid=number)
    assert account["communityUserId"] == "b"
    asking.ok("PATCH", "/v2/emergency/servers/1/units/panic", {"communityUserIds": ["b"], "isPanic": True})
    (unit,) = asking.cad.community.roster.everyone()
    assert (unit.unit_id, unit.is_panic) == ("b", True)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/check", {}, 400),
        ("/check", {"communityUserId": ""}, 400),
        ("", {"communityUserId": 5}, 400),
        ("/set", {"communityUserId": "b"}, 400),
        ("/set", {"communityUserId": "b", "accountUuid": "none"}, 404),
    ],
)
def test_a_link_that_makes_no_sense_is_refused(path: str, body: object, status: int) -> None:
    assert Asking().status("POST", LINKS + path, body) == status


@pytest.mark.parametrize("path", ["/check", "", "/set"])
def test_a_refused_player_is_a_400(path: str) -> None:
    asking = Asking()
    body = {"communityUserId": "b", "accountUuid": asking.account("a")}
    asking.refused = frozenset({"b"})

    assert asking.status("POST", LINKS + path, body) == 400
