import msgspec
import pytest

from bridge.errors import PushError
from bridge.intake.cad_v1 import EVENT_TYPES
from bridge.listener.paths import BadPathError
from bridge.listener.translation import (
    TRANSLATIONS,
    account_request,
    follow_up,
    requests_of,
    shown,
    ways_of,
)
from bridge.operations import OPERATIONS, Repeat
from bridge.sonoran.messages import CadRequest
from bridge.types_v1 import TYPES
from bridge.units import ServerId

UUID = "00000000-0000-0000-0000-000000000001"
OWN = {"UNIT_LOCATION", "HEARTBEAT", *EVENT_TYPES}


def requests(name: str, *records: dict[str, object]) -> list[CadRequest]:
    return [one for way in ways_of(TYPES[name], records) for one in requests_of(way, ServerId(3))]


def said(request: CadRequest) -> tuple[str, str, object]:
    body = None if request.body is None else msgspec.json.decode(request.body)
    return request.method, request.path, body


def test_every_type_that_is_passed_on_and_has_an_equal_has_a_way() -> None:
    passed_on = {name for name, row in TYPES.items() if row.operation and name not in OWN}

    assert TRANSLATIONS.keys() - OWN == passed_on


@pytest.mark.parametrize("name", TRANSLATIONS)
def test_a_way_asks_what_the_scope_of_its_type_opens(name: str) -> None:
    row = TYPES[name]
    for table in TRANSLATIONS[name]:
        operation = OPERATIONS[table.operation or row.operation or ""]
        assert operation.scope is row.scope
        assert (operation.repeat is Repeat.READ) == (row.repeat is Repeat.READ)
        assert set(table.path) <= set(operation.parameters)
        assert table.refuse or set(operation.parameters) <= {*table.path, "serverId", "accountUuid"}
        assert not table.follow or OPERATIONS[table.follow].repeat is Repeat.READ


EXAMPLES: dict[str, tuple[dict[str, object], tuple[str, str, object]]] = {
    "EDIT_DISPATCH": (
        {"serverId": 3, "callId": 5.0, "title": "T", "postal": None},
        ("PATCH", "/v2/emergency/servers/3/dispatch-calls/5", {"title": "T"}),
    ),
    "GET_ACTIVE_UNITS": (
        {"onlyUnits": False, "limit": 5},
        (
            "GET",
            "/v2/emergency/servers/3/units?onlyUnits=false&includeOffline=false&limit=5&offset=0",
            None,
        ),
    ),
    "GET_CALLS": (
        {},
        ("GET", "/v2/emergency/servers/3/calls?closedLimit=10&closedOffset=0&type=100", None),
    ),
    "SET_PENAL_CODES": ({"code": "187"}, ("PUT", "/v2/general/penal-codes", {"codes": [{"code": "187"}]})),
    "SET_STATIONS": (
        {"serverId": 3, "config": {"tones": ["t"]}},
        ("PUT", "/v2/emergency/servers/3/stations", {"tones": ["t"]}),
    ),
    "SET_SERVERS": (
        {"servers": [{"id": 1, "listenerPort": 3232}], "deployMap": True},
        ("PUT", "/v2/general/servers", {"servers": [{"id": 1, "listenerPort": "3232"}], "deployMap": True}),
    ),
    "LOOKUP_INT": (
        {"apiId": "a", "searchType": 3, "value": 7, "types": [2], "limit": 10},
        (
            "POST",
            "/v2/general/lookups/by-value",
            {"types": [2], "notifyCommunityUserId": "a", "searchType": "NUMBER", "value": "7", "limit": 10},
        ),
    ),
    "EDIT_RECORD": (
        {"user": UUID, "recordId": 9, "templateId": 5, "replaceValues": {"a": "b"}, "record": None},
        (
            "PATCH",
            "/v2/general/records/9",
            {"templateId": 5, "replaceValues": {"a": "b"}, "accountUuid": UUID},
        ),
    ),
    "SEND_PHOTO": (
        {"apiId": "a", "url": "https://x"},
        ("POST", "/v2/general/photos", {"url": "https://x", "communityUserId": "a"}),
    ),
    "BAN_USER": (
        {"accId": UUID, "isKick": True, "isBan": True},
        ("POST", "/v2/general/account-bans", {"isBan": False, "accountUuid": UUID}),
    ),
    "GET_TEMPLATES": ({"recordTypeId": 12}, ("GET", "/v2/general/templates/12", None)),
    "LINK_CHARACTER": (
        {"apiId": "a", "syncId": "x/y", "action": "2"},
        ("DELETE", "/v2/civilian/character-links/x%2Fy", {"communityUserId": "a"}),
    ),
    "GET_ACCOUNT": (
        {"username": "Some Body"},
        ("GET", "/v2/general/accounts/account?username=Some+Body", None),
    ),
    "MODIFY_IDENTIFIER": (
        {
            "account": UUID,
            "action": 1,
            "identId": 4,
            "identifier": {"status": 2, "data": {"unitNum": "A-1"}},
        },
        ("PATCH", f"/v2/emergency/accounts/{UUID}/identifiers/4", {"status": 2, "unitNum": "A-1"}),
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_object_becomes_a_request_of_v2(name: str) -> None:
    record, wanted = EXAMPLES[name]

    (request,) = requests(name, record)

    assert said(request) == wanted


def test_each_object_becomes_a_request_and_none_at_all_an_empty_one() -> None:
    several = requests("SET_CALL_POSTAL", {"callId": 1, "postal": "a"}, {"callId": 2, "postal": "b"})

    assert [request.path.split("/")[-2] for request in several] == ["1", "2"]
    assert [request.path for request in requests("GET_SERVERS")] == ["/v2/general/servers"]


def test_identifiers_and_an_account_are_put_into_a_group_one_after_the_other() -> None:
    record: dict[str, object] = {"identIds": [1, 2], "account": UUID, "groupName": "CAR 51"}

    bodies = [said(request)[2] for request in requests("IDENTS_TO_GROUP", record)]

    assert bodies == [{"accountUuid": UUID}, {"identIds": [1, 2]}]


@pytest.mark.parametrize(
    ("name", "record", "reason"),
    [
        ("BAN_USER", {"apiId": "a", "isBan": False}, "lifts no ban"),
        ("IDENTS_TO_GROUP", {"identIds": [1], "groupName": ""}, "clears no group"),
        ("EDIT_DISPATCH", {"callId": 5}, "Missing editable dispatch fields"),
        ("GET_CHARACTERS", {"apiId": ""}, "apiId or account must name an account"),
        ("IDENTS_TO_GROUP", {"groupName": "g"}, "must name units"),
    ],
)
def test_what_v2_cannot_do_is_refused(name: str, record: dict[str, object], reason: str) -> None:
    with pytest.raises(PushError, match=reason):
        requests(name, record)


@pytest.mark.parametrize("call", [None, "5/../6", -1, "abc"])
def test_no_parameter_leaves_its_place_in_the_path(call: object) -> None:
    with pytest.raises(BadPathError):
        requests("SET_CALL_POSTAL", {"callId": call, "postal": "1"})


def test_an_account_is_looked_up_where_the_path_wants_its_uuid() -> None:
    (by_id,) = ways_of(TYPES["GET_IDENTIFIERS"], [{"apiId": "a b"}])
    (by_uuid,) = ways_of(TYPES["GET_IDENTIFIERS"], [{"account": UUID}])
    (by_name,) = ways_of(TYPES["SET_ACCOUNT_PERMISSIONS"], [{"username": "n"}])
    (asked,) = ways_of(TYPES["GET_ACCOUNT"], [{"username": "n"}])

    assert [way.needs_uuid for way in (by_id, by_uuid, by_name, asked)] == [True, False, True, False]
    assert account_request(by_id.who).path == "/v2/general/accounts/account?communityUserId=a+b"


def test_what_is_asked_afterwards_names_the_same_account() -> None:
    (way,) = ways_of(TYPES["SET_CHARACTER"], [{"apiId": "a", "charId": 5}])

    assert said(requests_of(way, ServerId(1))[0])[2] == {"characterId": "5", "communityUserId": "a"}
    assert follow_up(way, ServerId(1)).path == "/v2/civilian/characters?communityUserId=a"


def test_values_are_shown_as_v1_writes_them() -> None:
    values: list[object] = [5.0, "a", None, [1, 2], [{}, {}], []]

    assert [shown(value) for value in values] == ["5", "a", "", "1, 2", "2", ""]
