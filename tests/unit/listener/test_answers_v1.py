from typing import Any

import msgspec
import pytest

from bridge.errors import PushError
from bridge.listener.answers_v1 import NOT_ENABLED, NOT_LINKED, decode, reason_of, together, told
from bridge.listener.translation import TRANSLATIONS, Reshaping, ways_of
from bridge.types_v1 import TYPES

UNIT = {"id": 4, "coordinates": {"x": 1.0, "y": 2.0}, "data": {"unitNum": "A-1"}}
SHOWN = {"id": 4, "data": {"apiId1": "", "apiId2": "", "communityUserId": "", "unitNum": "A-1"}}


def answer(kind: str, content: Any, followed: Any = None, **record: Any) -> object:
    """Return what v1 answers about one object."""
    (way,) = ways_of(TYPES[kind], [{"apiId": "a", "user": "a", **record}])
    return told(way, content, followed)


TOLD: dict[str, tuple[object, object]] = {
    "GET_ACTIVE_UNITS": ([UNIT], [SHOWN]),
    "GET_IDENTIFIERS": (
        {"SelectedIdent": 4, "Identifiers": UNIT},
        {"selectedIdent": 4, "identifiers": [SHOWN]},
    ),
    "GET_CALLS": (
        {"ActiveCalls": [{"callId": 1}], "EmergencyCalls": None, "ClosedCallCount": 3},
        {"activeCalls": [{"callId": 1}], "emergencyCalls": [], "closedCalls": []},
    ),
    "GET_ACCOUNT": ({"uuid": "u", "communityUserId": "a"}, {"uuid": "u", "apiIds": ["a"]}),
    "GET_ACCOUNTS": ({"accounts": [{"uuid": "u"}]}, {"accounts": [{"uuid": "u", "apiIds": []}]}),
    "GET_SERVERS": (
        {"servers": {"id": 1, "mapIp": "i", "liveMapFormat": 0}},
        {"servers": [{"mapPort": "", "id": 1, "mapIp": "i"}]},
    ),
    "GET_VERSION": ({"version": 3, "name": "Pro"}, "4 - PRO"),
    "LOOKUP": ([{"id": 1}], {"records": [{"id": 1}]}),
    "LOOKUP_CUSTOM": ([{"id": 1}], [{"id": 1}]),
    "GET_BLIPS": ([{"id": 1}], [{"id": 1}]),
    "SET_AVAILABLE_CALLOUTS": ({}, "Updated 2 callouts"),
    "REMOVE_BLIP": ({"ids": [1]}, "Blip 1, 2 removed!"),
    "BAN_USER": ({"accountUuid": "u", "action": "ban"}, "User Ban: u Status: True"),
    "SET_CALL_PRIMARY": ({}, "CALL 5 POSTAL SET TO 7"),
}
RECORDS: dict[str, dict[str, Any]] = {
    "SET_AVAILABLE_CALLOUTS": {"callouts": [{"id": "x"}, {"id": "y"}]},
    "REMOVE_BLIP": {"ids": [1, 2]},
    "SET_CALL_PRIMARY": {"callId": 5, "primary": 7},
}


@pytest.mark.parametrize("kind", TOLD)
def test_an_answer_becomes_v1_s(kind: str) -> None:
    content, wanted = TOLD[kind]

    assert answer(kind, content, **RECORDS.get(kind, {})) == wanted


def test_a_plan_without_a_known_name_keeps_its_number() -> None:
    assert answer("GET_VERSION", {"version": 9, "name": "NEW"}) == "9 - NEW"


def test_a_changed_identifier_is_shown_and_a_new_one_is_found_among_all() -> None:
    assert answer("MODIFY_IDENTIFIER", {"identId": 4, "identifier": UNIT}, action=1, identId=4) == SHOWN
    among = {"Identifiers": [{"id": 3}, UNIT]}
    assert answer("MODIFY_IDENTIFIER", {"identId": 4}, among, action=0) == SHOWN
    unseen = answer("MODIFY_IDENTIFIER", {"identId": 4}, None, action=0)
    assert isinstance(unseen, dict)
    assert unseen["id"] == 4


def test_a_selected_character_is_answered_with_all_of_them() -> None:
    assert answer("SET_CHARACTER", {"characterId": "5"}, [{"id": 5}], charId=5) == [{"id": 5}]
    assert answer("SET_CHARACTER", {"characterId": "5"}, None, charId=5) == {"characterId": "5"}


def test_a_photo_that_nobody_got_is_a_failure() -> None:
    assert answer("SEND_PHOTO", {"delivered": 1}) == "Photo sent!"
    with pytest.raises(PushError, match=NOT_LINKED):
        answer("SEND_PHOTO", {"delivered": 0})


@pytest.mark.parametrize("content", [{"s": "u"}, {"u": "s"}])
def test_an_account_leads_to_its_secret_whichever_way_v2_tells(content: dict[str, str]) -> None:
    assert answer("VERIFY_SECRET", content, secret="s") == {"u": "s"}


def test_braces_of_a_client_are_no_places_to_fill() -> None:
    said = answer("SET_CALL_POSTAL", {}, callId=1, postal="{callId.__class__}")

    assert said == "CALL 1 POSTAL SET TO {callId.__class__}"


def test_answers_about_several_objects_are_one() -> None:
    assert together(["a"]) == "a"
    assert together(["a", "b"]) == "a\nb"
    assert together([[1], [2, 3]]) == [1, 2, 3]
    assert together([{"a": 1}, [2]]) == [{"a": 1}, [2]]


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (403, b"{}", NOT_ENABLED),
        (404, b'{"title":"T","detail":"D"}', "D"),
        (400, b'{"message":"M"}', "M"),
        (400, b"<html>", "ERROR: status 400"),
    ],
)
def test_a_refusal_is_worded_as_v1_does(status: int, body: bytes, reason: str) -> None:
    assert reason_of(status, body) == reason


def test_what_is_no_json_says_nothing() -> None:
    assert decode(b"\xff{") is None
    assert decode(msgspec.json.encode({"a": 1})) == {"a": 1}


def test_every_reshaping_is_some_type_s() -> None:
    assert set(Reshaping) <= {table.answer for tables in TRANSLATIONS.values() for table in tables}
