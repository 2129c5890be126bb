import pytest

from tests.support.asking import Asking

CIVILIAN = "/v2/civilian"
CHARACTER = {
    "communityUserId": "a",
    "recordTypeId": 7,
    "replaceValues": {"{{first_name}}": "John", "last_name": "Doe"},
}
PLAYER = {"communityUserId": "a"}


def test_characters_are_the_records_of_civilians() -> None:
    asking = Asking()
    filed = asking.ok("POST", "/v2/general/records", CHARACTER)
    asking.ok("POST", "/v2/general/records", {**CHARACTER, "recordTypeId": 12})
    asking.ok("POST", "/v2/general/records", {**CHARACTER, "communityUserId": "b"})

    assert asking.ok("GET", f"{CIVILIAN}/characters", communityUserId="a") == [filed]
    assert (filed["name"], filed["type"], filed["recordTypeId"]) == ("John Doe", 7, 7)

    assert asking.ok("DELETE", f"{CIVILIAN}/characters/1") == {"characterId": 1}
    assert asking.ok("GET", f"{CIVILIAN}/characters", communityUserId="a") == []
    assert asking.status("DELETE", f"{CIVILIAN}/characters/1") == 404
    assert asking.status("DELETE", f"{CIVILIAN}/characters/2") == 404, "it is no character"


def test_a_character_link_goes_through_its_life() -> None:
    asking = Asking()
    path = f"{CIVILIAN}/character-links/citizen%3A1%2F2"

    added, again = (asking.ok("PUT", path, PLAYER) for _ in range(2))
    assert added == again == {"accountUuid": asking.account("a"), "syncId": "citizen:1/2", "action": "ADD"}
    assert asking.ok("GET", f"{CIVILIAN}/character-links", communityUserId="a") == ["citizen:1/2"]
    assert asking.ok("GET", f"{CIVILIAN}/character-links", communityUserId="b") == []

    assert asking.ok("DELETE", path, PLAYER)["action"] == "REMOVE"
    assert asking.ok("GET", f"{CIVILIAN}/character-links", communityUserId="a") == []
    assert asking.status("DELETE", path, PLAYER) == 404


@pytest.mark.parametrize("character", ["1", "citizen:1"])
def test_a_character_is_selected_by_its_number_or_its_link(character: str) -> None:
    asking = Asking()
    asking.ok("POST", "/v2/general/records", CHARACTER)
    asking.ok("PUT", f"{CIVILIAN}/character-links/citizen:1", PLAYER)
    body = {**PLAYER, "characterId": character}

    assert asking.ok("PUT", f"{CIVILIAN}/selected-character", body)["characterId"] == character

    account = asking.cad.community.people.account_of("a")
    assert account is not None
    assert account.selected_character == character
    assert asking.status("PUT", f"{CIVILIAN}/selected-character", {**body, "communityUserId": "b"}) == 404


@pytest.mark.parametrize(
    ("line", "body", "status"),
    [
        ("GET /characters", None, 400),
        ("GET /character-links", None, 400),
        ("DELETE /characters/x", None, 400),
        ("PUT /selected-character", {**PLAYER, "characterId": 5}, 400),
        ("PUT /selected-character", {**PLAYER, "characterId": "5"}, 404),
        ("PUT /character-links/x", {}, 400),
        ("PUT /character-links/x", {"communityUserId": "stranger"}, 404),
        ("PUT /character-links/x", {"roblox": 5}, 404),
    ],
)
def test_what_makes_no_sense_or_is_not_there_is_refused(line: str, body: object, status: int) -> None:
    method, path = line.split()

    assert Asking(known_units={"a"}).status(method, CIVILIAN + path, body) == status
