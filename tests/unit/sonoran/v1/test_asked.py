from http import HTTPStatus
from typing import Any

import msgspec
import pytest

from bridge.operations import OPERATIONS
from bridge.sonoran.messages import CadRequest
from bridge.sonoran.v1.asked import Asked, UntranslatableError, account, listed, numeral, rest, targets


def asked(operation: str, path: str, body: bytes | None = None) -> Asked:
    return Asked(CadRequest(operation=OPERATIONS[operation], path=path, body=body))


def test_path_query_and_body_come_apart() -> None:
    one = asked(
        "setIdentifierGroup",
        "/v2/emergency/servers/3/identifier-groups/CAR%2051%2FB?limit=5&onlyUnits=true&name=a%20b&empty=",
        b'{"identIds":[1]}',
    )

    assert one.path == {"serverId": "3", "groupName": "CAR 51/B"}
    assert one.query == {"limit": "5", "onlyUnits": "true", "name": "a b", "empty": ""}
    assert one.asked_for("limit", "onlyUnits", "name", "missing") == {
        "limit": 5,
        "onlyUnits": True,
        "name": "a b",
    }
    assert one.fields == {"identIds": [1]}
    assert one.server == {"serverId": 3}


@pytest.mark.parametrize(
    "path",
    ["/v2/emergency/servers/3/units", "/v2/emergency/servers/3/units/panic/x", "/v2/emergency/servers//units/panic"],
)  # fmt: skip
def test_a_path_that_is_another_operations_is_refused(path: str) -> None:
    with pytest.raises(UntranslatableError) as caught:
        asked("setUnitPanic", path)

    assert caught.value.status == HTTPStatus.NOT_IMPLEMENTED


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"[" * 100_000])
def test_a_body_that_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(UntranslatableError) as caught:
        asked("setUnitPanic", "/v2/emergency/servers/1/units/panic", body)

    assert caught.value.status == HTTPStatus.BAD_REQUEST


def test_a_body_that_is_no_object_has_no_fields() -> None:
    kick = asked("kickUnit", "/v2/emergency/servers/1/units/kick", b'[{"a":1},null,[2],{"b":2}]')

    assert kick.fields == {}
    assert kick.rows() == [{"a": 1}, {"b": 2}]


def test_a_list_that_was_flattened_to_its_only_row_is_a_list() -> None:
    body = msgspec.json.encode({"updates": {"communityUserId": "a"}})
    one = asked("updateUnitLocations", "/v2/emergency/servers/1/unit-locations", body)

    assert one.rows("updates") == [{"communityUserId": "a"}]
    assert one.rows("nothing") == []


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"communityUserIds": ["a", "b"]}, [{"apiId": "a"}, {"apiId": "b"}]),
        ({"communityUserIds": "a"}, [{"apiId": "a"}]),
        ({"communityUserId": "a"}, [{"apiId": "a"}]),
        ({"apiIds": ["a"]}, [{"apiId": "a"}]),
        ({"apiId": "a"}, [{"apiId": "a"}]),
        ({"communityUserIds": [], "accountUuid": "u"}, [{"account": "u"}]),
        ({"communityUserIds": ["a"], "accountUuid": "u"}, [{"apiId": "a"}]),
        ({"identIds": [1, 2]}, [{"identIds": [1, 2]}]),
        ({"identIds": 1}, [{"identIds": [1]}]),
    ],
)
def test_units_are_named_as_v1_names_them(fields: dict[str, Any], expected: list[Any]) -> None:
    assert targets(fields) == expected


@pytest.mark.parametrize("fields", [{}, {"roblox": "1"}, {"discord": "1"}, {"communityUserIds": None}])
def test_units_that_v1_cannot_name_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(UntranslatableError) as caught:
        targets(fields)

    assert caught.value.status == HTTPStatus.UNPROCESSABLE_ENTITY


def test_a_player_is_one_and_no_identifier() -> None:
    assert account({"communityUserIds": ["a", "b"]}) == {"apiId": "a"}
    assert account({"accountUuid": "u"}) == {"account": "u"}
    with pytest.raises(UntranslatableError):
        account({"identIds": [1]})


def test_what_names_units_is_left_out_of_the_rest() -> None:
    fields = {"communityUserId": "a", "accountUuid": "u", "identIds": [1], "reason": "r", "other": 1}

    assert rest(fields, ("other",)) == {"reason": "r"}


def test_digits_are_numbers_and_all_else_is_text() -> None:
    assert [numeral(text) for text in ("12", "-1", "1e3", "", "9" * 19)] == [12, -1, "1e3", "", "9" * 19]
    assert [listed(value) for value in (None, [], [1], 0, {"a": 1})] == [[], [], [1], [0], [{"a": 1}]]
