"""What v1 is asked for what only others ask, held against Sonoran's pages of v1."""

from typing import Any

import pytest

from bridge.operations import OPERATIONS
from bridge.sonoran.messages import CadRequest
from bridge.sonoran.v1.asked import UntranslatableError
from bridge.sonoran.v1.forwarded import FORWARDED
from bridge.sonoran.v1.questions import OWN, Question
from bridge.sonoran.v1.transport import is_translated, translate
from bridge.types_v1 import TYPES
from tests.support.operation_examples import BY_OPERATION, Example
from tests.support.prepared_cad import ACCOUNT, BLIP, CITIZEN, DISPATCH_CALL, INCIDENT, SIGNS, UNIT

MISSING = {
    "createCustomDispatchCall", "checkCommunityLink", "createCommunityLink", "getAccountUnits", "getCurrentCall",
    "getDispatchTemplates", "getInfo", "getLoginPage", "getPenalCodes", "getTurnCredentials", "sendDraft",
    "setCommunityLink", "uploadBodycamRecording",
}  # fmt: skip
UNLIKE = {"updateIdentifier"}  # what v1's page does not say of a change: whether what is left out stays


def question_of(example: Example) -> Question:
    return ask(example.operation, example.target, example.payload or None)


def ask(operation: str, path: str, body: bytes | None) -> Question:
    return translate(CadRequest(operation=OPERATIONS[operation], path=path, body=body))[1]


def asked(operation: str, body: bytes | None = None, query: str = "") -> Question:
    path = BY_OPERATION[operation].target.partition("?")[0]
    return ask(operation, path + query, body)


def test_only_what_v1_has_not_or_not_so_is_missing() -> None:
    missing = {name for name, operation in OPERATIONS.items() if not is_translated(operation)}

    assert missing == MISSING | UNLIKE
    assert not any(row.operation in MISSING for row in TYPES.values())


def test_a_type_is_that_which_the_table_calls_equal() -> None:
    others = {
        "createIdentifier": "updateIdentifier",
        "deleteIdentifier": "updateIdentifier",
        "removeCharacterLink": "addCharacterLink",
    }
    for name, (type_name, _) in FORWARDED.items():
        assert TYPES[type_name].operation == others.get(name, name)
    assert not FORWARDED.keys() & OWN.keys()


EXAMPLES: dict[str, tuple[str, Any]] = {
    "getActiveUnits": (
        "GET_ACTIVE_UNITS",
        [{"serverId": 1, "onlyUnits": True, "includeOffline": True, "limit": 25, "offset": 0}],
    ),
    "updateDispatchCall": (
        "EDIT_DISPATCH",
        [
            {
                "status": 1, "postal": "9002", "trackPrimary": True, "metaData": {"x": "430.5"},
                "callId": DISPATCH_CALL, "serverId": 1,
            }
        ],
    ),
    "updateCallPostal": ("SET_CALL_POSTAL", [{"postal": "9003", "callId": DISPATCH_CALL, "serverId": 1}]),
    "updateCallPrimary": (
        "SET_CALL_PRIMARY",
        [{"serverId": 1, "callId": DISPATCH_CALL, "primary": 1, "trackPrimary": True}],
    ),
    "getBlips": ("GET_BLIPS", [{"serverId": 1}]),
    "updateBlip": ("MODIFY_BLIP", [{"tooltip": "Updated", "radius": 150, "id": BLIP}]),
    "deleteBlips": ("REMOVE_BLIP", [{"ids": [BLIP]}]),
    "getIdentifiers": ("GET_IDENTIFIERS", [{"account": ACCOUNT}]),
    "createIdentifier": (
        "MODIFY_IDENTIFIER",
        [
            {
                "account": ACCOUNT,
                "action": 0,
                "identifier": {
                    "status": 0,
                    "aop": "Los Santos",
                    "isDispatch": False,
                    "data": {
                        "unitNum": "A-10", "name": "John Doe", "district": "Los Santos", "department": "LSPD",
                        "subdivision": "Patrol", "rank": "Officer", "group": "CAR-51", "page": 0,
                    },
                },
            }
        ],
    ),
    "deleteIdentifier": ("MODIFY_IDENTIFIER", [{"account": ACCOUNT, "action": 2, "identId": 3}]),
    "setSelectedIdentifier": ("SET_IDENTIFIER", [{"account": ACCOUNT, "identId": 3}]),
    "getPagerConfig": ("GET_PAGER_CONFIG", [{"serverId": 1}]),
    "setCallouts": (
        "SET_AVAILABLE_CALLOUTS",
        {
            "serverId": 1,
            "callouts": [{"id": "armed_suspect", "data": {"Enabled": True, "CalloutLocations": []}}],
        },
    ),
    "updateStreetSigns": (
        "UPDATE_STREETSIGN",
        [{"serverId": 1, "signData": {"ids": list(SIGNS), "text1": "Alta St"}}],
    ),
    "authStreetSigns": ("AUTH_STREETSIGNS", {"serverId": 1}),
    "applyPermissionKey": (
        "APPLY_PERMISSION_KEY",
        [{"apiId": UNIT, "permissionKey": "YOUR_PERMISSION_KEY"}],
    ),
    "kickOrBanUser": ("BAN_USER", [{"apiId": "license:2", "isBan": True}]),
    "getAccount": ("GET_ACCOUNT", [{"apiId": UNIT}]),
    "getAccounts": ("GET_ACCOUNTS", [{"limit": 25, "offset": 0, "status": 1}]),
    "modifyAccountPermissions": (
        "SET_ACCOUNT_PERMISSIONS",
        [{"apiId": UNIT, "add": ["POLICE", "DISPATCH"], "active": True}],
    ),
    "verifySecret": ("VERIFY_SECRET", [{"secret": "00000000-0000-0000-0000-000000000000"}]),
    "lookupNameOrPlate": (
        "LOOKUP",
        [{"first": "John", "last": "Do", "mi": "", "plate": "", "types": [7, 12], "partial": True}],
    ),
    "lookupByValue": ("LOOKUP_INT", [{"searchType": 3, "value": "2", "types": [12]}]),
    "lookupByCustomSearch": (
        "LOOKUP_CUSTOM",
        [{"map": "drivers_license", "value": "D1234567", "types": [7], "partial": False}],
    ),
    "createRecord": (
        "NEW_RECORD",
        [{"user": UNIT, "useDictionary": True, "recordTypeId": 12, "replaceValues": {"{{plate}}": "ABC123"}}],
    ),
    "updateRecord": (
        "EDIT_RECORD",
        [
            {
                "user": UNIT, "useDictionary": True, "templateId": 12, "recordId": INCIDENT,
                "replaceValues": {"{{plate}}": "XYZ987"},
            }
        ],
    ),
    "deleteRecord": ("REMOVE_RECORD", [{"id": INCIDENT}]),
    "setPenalCodes": ("SET_PENAL_CODES", [{"code": "187", "title": "Murder"}]),
    "setPostalConfig": ("SET_POSTALS", [{"code": "9001", "x": 425.1, "y": -979.2}]),
    "getCharacters": ("GET_CHARACTERS", [{"apiId": UNIT}]),
    "addCharacterLink": ("LINK_CHARACTER", [{"apiId": UNIT, "syncId": "citizen:5678", "action": 0}]),
    "removeCharacterLink": ("LINK_CHARACTER", [{"apiId": UNIT, "syncId": CITIZEN, "action": 2}]),
    "setSelectedCharacter": ("SET_CHARACTER", [{"apiId": UNIT, "charId": "1"}]),
    "deleteCharacter": ("REMOVE_CHARACTER", [{"id": 1}]),
    "getTemplates": ("GET_TEMPLATES", []),
    "getTemplate": ("GET_TEMPLATES", []),
}  # fmt: skip


@pytest.mark.parametrize("operation", EXAMPLES)
def test_an_operation_is_asked_as_sonorans_page_of_v1_shows_it(operation: str) -> None:
    question = question_of(BY_OPERATION[operation])

    assert (question.type, question.data) == EXAMPLES[operation]


def data_of(operation: str) -> Any:
    return question_of(BY_OPERATION[operation]).data


def test_what_stands_beside_or_inside_is_put_there() -> None:
    assert question_of(BY_OPERATION["getTemplate"]).more == {"recordTypeId": 12}
    assert question_of(BY_OPERATION["getTemplates"]).more == {}
    assert data_of("setStations")["serverId"] == 1
    assert set(data_of("setStations")["config"]) == {"locations", "tones", "unitColors"}
    assert [sign["id"] for sign in data_of("setStreetSignConfig")[0]["signConfig"]] == [1, 2]
    assert set(data_of("setServers")) == {"servers", "deployMap"}
    fields = {"natureWords", "maxAddresses", "maxBodyLength", "nodes", "serverId"}
    assert set(data_of("setPagerConfig")[0]) == fields


def test_accounts_are_named_as_each_type_names_them() -> None:
    uuid = b'{"accountUuid":"u"}'
    assert asked("kickOrBanUser", uuid).data == [{"accId": "u"}]
    assert asked("modifyAccountPermissions", uuid).data == [{"accId": "u"}]
    assert asked("modifyAccountPermissions", b'{"username":"n"}').data == [{"username": "n"}]
    assert asked("createRecord", uuid).data == [{"user": "u"}]
    assert asked("getAccount", query="?username=Jane").data == [{"username": "Jane"}]
    assert asked("getAccount", query="?accountUuid=u").data == [{"account": "u"}]
    assert asked("getCharacters", query="?accountUuid=u").data == [{"account": "u"}]
    assert asked("setIdentifierGroup", b'{"identIds":[1]}').data == [
        {"identIds": [1], "groupName": "CAR 51/B", "serverId": 1}
    ]


def test_whoever_a_look_up_shows_what_it_finds_is_named_as_v1_does() -> None:
    question = asked(
        "lookupNameOrPlate", b'{"plate":"A","notifyCommunityUserId":"license:1","notifyAccountUuid":""}'
    )

    assert question.data == [{"plate": "A", "apiId": "license:1"}]
    assert asked("lookupByValue", b'{"searchType":2}').data == [{"searchType": 2}]


@pytest.mark.parametrize(
    ("operation", "body", "query"),
    [
        ("setIdentifierGroup", b'{"communityUserIds":["a"]}', ""),
        ("getCharacterLinks", None, "?accountUuid=u"),
        ("addCharacterLink", b'{"accountUuid":"u"}', ""),
        ("applyPermissionKey", b'{"accountUuid":"u"}', ""),
        ("getAccounts", None, "?username=J"),
        ("getAccount", None, "?roblox=1"),
        ("createRecord", b'{"discord":"1"}', ""),
    ],
)
def test_what_v1_does_not_find_so_is_refused(operation: str, body: bytes | None, query: str) -> None:
    with pytest.raises(UntranslatableError) as caught:
        asked(operation, body, query)

    assert caught.value.status == 422
