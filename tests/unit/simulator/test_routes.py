import re
from pathlib import Path

import pytest

from bridge.simulator.community import Plan
from bridge.simulator.messages import ProblemError, Request
from bridge.simulator.routes import OPERATIONS, ROUTES, find

DOCUMENTED: dict[str, tuple[str, str, int | None]] = {
    "addCharacterLink": ("PUT", "/v2/civilian/character-links/{syncId}", 10),
    "removeCharacterLink": ("DELETE", "/v2/civilian/character-links/{syncId}", 10),
    "deleteCharacter": ("DELETE", "/v2/civilian/characters/{characterId}", 10),
    "getCharacterLinks": ("GET", "/v2/civilian/character-links", 10),
    "getCharacters": ("GET", "/v2/civilian/characters", 10),
    "setSelectedCharacter": ("PUT", "/v2/civilian/selected-character", 10),
    "addCallNote": ("POST", "/v2/emergency/servers/{serverId}/dispatch-calls/{callId}/notes", 60),
    "attachUnits": ("POST", "/v2/emergency/servers/{serverId}/dispatch-calls/{callId}/attachments", 10),
    "closeDispatchCalls": ("POST", "/v2/emergency/servers/{serverId}/dispatch-calls/close", 20),
    "create911Call": ("POST", "/v2/emergency/servers/{serverId}/calls/911", 10),
    "createDispatchCall": ("POST", "/v2/emergency/servers/{serverId}/dispatch-calls", 20),
    "detachUnits": ("DELETE", "/v2/emergency/servers/{serverId}/dispatch-calls/attachments", 10),
    "getCalls": ("GET", "/v2/emergency/servers/{serverId}/calls", 5),
    "getCurrentCall": ("GET", "/v2/emergency/accounts/{accountUuid}/current-call", 10),
    "remove911Call": ("DELETE", "/v2/emergency/servers/{serverId}/calls/911/{callId}", 10),
    "updateCallPostal": ("PATCH", "/v2/emergency/servers/{serverId}/dispatch-calls/{callId}/postal", 20),
    "updateCallPrimary": ("PATCH", "/v2/emergency/servers/{serverId}/dispatch-calls/{callId}/primary", 10),
    "updateDispatchCall": ("PATCH", "/v2/emergency/servers/{serverId}/dispatch-calls/{callId}", 10),
    "getPagerConfig": ("GET", "/v2/emergency/servers/{serverId}/pager-config", 2),
    "setPagerConfig": ("PUT", "/v2/emergency/servers/{serverId}/pager-config", 2),
    "setCallouts": ("PUT", "/v2/emergency/servers/{serverId}/callouts", 2),
    "setStations": ("PUT", "/v2/emergency/servers/{serverId}/stations", 2),
    "setStreetSignConfig": ("PUT", "/v2/emergency/servers/{serverId}/street-sign-config", 2),
    "updateStreetSigns": ("PATCH", "/v2/emergency/servers/{serverId}/street-signs", 10),
    "createIdentifier": ("POST", "/v2/emergency/accounts/{accountUuid}/identifiers", 10),
    "getIdentifiers": ("GET", "/v2/emergency/accounts/{accountUuid}/identifiers", 10),
    "deleteIdentifier": ("DELETE", "/v2/emergency/accounts/{accountUuid}/identifiers/{identId}", 10),
    "updateIdentifier": ("PATCH", "/v2/emergency/accounts/{accountUuid}/identifiers/{identId}", 10),
    "setIdentifierGroup": ("PUT", "/v2/emergency/servers/{serverId}/identifier-groups/{groupName}", 10),
    "setSelectedIdentifier": ("PUT", "/v2/emergency/accounts/{accountUuid}/selected-identifier", 10),
    "createBlip": ("POST", "/v2/emergency/servers/{serverId}/blips", 30),
    "getBlips": ("GET", "/v2/emergency/servers/{serverId}/blips", 10),
    "deleteBlips": ("POST", "/v2/emergency/servers/{serverId}/blips/delete", 30),
    "updateBlip": ("PATCH", "/v2/emergency/servers/{serverId}/blips/{blipId}", 30),
    "getAccountUnits": ("GET", "/v2/emergency/servers/{serverId}/accounts/{accountUuid}/units", 10),
    "getActiveUnits": ("GET", "/v2/emergency/servers/{serverId}/units", 3),
    "kickUnit": ("POST", "/v2/emergency/servers/{serverId}/units/kick", 20),
    "setUnitPanic": ("PATCH", "/v2/emergency/servers/{serverId}/units/panic", 20),
    "setUnitStatus": ("PATCH", "/v2/emergency/servers/{serverId}/units/status", 30),
    "updateUnitLocations": ("PATCH", "/v2/emergency/servers/{serverId}/unit-locations", 12),
    "applyPermissionKey": ("POST", "/v2/general/permission-keys/applications", 10),
    "kickOrBanUser": ("POST", "/v2/general/account-bans", 10),
    "checkCommunityLink": ("POST", "/v2/general/links/check", 30),
    "createCommunityLink": ("POST", "/v2/general/links", 30),
    "getAccount": ("GET", "/v2/general/accounts/account", 10),
    "getAccounts": ("GET", "/v2/general/accounts", 10),
    "modifyAccountPermissions": ("PATCH", "/v2/general/accounts/permissions", 10),
    "sendPhoto": ("POST", "/v2/general/photos", 10),
    "verifySecret": ("POST", "/v2/general/secrets/verify", 10),
    "authStreetSigns": ("POST", "/v2/general/servers/{serverId}/street-sign-auth", 10),
    "getInfo": ("GET", "/v2/general/info", 10),
    "getLoginPage": ("GET", "/v2/general/login-page", 10),
    "getServers": ("GET", "/v2/general/servers", 10),
    "setServers": ("PUT", "/v2/general/servers", 10),
    "getTurnCredentials": ("GET", "/v2/general/turn", 20),
    "getVersion": ("GET", "/v2/general/version", 10),
    "heartbeat": ("POST", "/v2/general/servers/{serverId}/heartbeat", 10),
    "setPenalCodes": ("PUT", "/v2/general/penal-codes", 4),
    "setPostalConfig": ("PUT", "/v2/general/postals", 10),
    "uploadBodycamRecording": ("POST", "/v2/general/bodycam-recordings", 30),
    "lookupByCustomSearch": ("POST", "/v2/general/lookups/custom", 30),
    "lookupByValue": ("POST", "/v2/general/lookups/by-value", 30),
    "lookupNameOrPlate": ("POST", "/v2/general/lookups", 30),
    "createRecord": ("POST", "/v2/general/records", 30),
    "deleteRecord": ("DELETE", "/v2/general/records/{recordId}", 10),
    "updateRecord": ("PATCH", "/v2/general/records/{recordId}", 10),
    "getTemplate": ("GET", "/v2/general/templates/{recordTypeId}", 10),
    "getTemplates": ("GET", "/v2/general/templates", 10),
    "sendDraft": ("POST", "/v2/general/record-drafts", 10),
    "setCommunityLink": ("POST", "/v2/general/links/set", 30),
    "getPenalCodes": ("GET", "/v2/general/penal-codes", 4),
    "getDispatchTemplates": ("GET", "/v2/emergency/dispatch-templates", None),
    "createCustomDispatchCall": ("POST", "/v2/emergency/servers/{serverId}/custom-dispatch-calls", None),
}


def test_the_table_is_what_sonoran_documents() -> None:
    table = {route.operation: (route.method, route.template, route.per_minute) for route in ROUTES}

    assert table == DOCUMENTED
    assert DOCUMENTED.keys() == OPERATIONS


@pytest.mark.parametrize("operation", sorted(DOCUMENTED))
def test_every_operation_is_found_with_its_parameters(operation: str) -> None:
    method, template, _ = DOCUMENTED[operation]
    names = re.findall(r"\{(\w+)\}", template)
    path = re.sub(r"\{(\w+)\}", r"\1%2F%C3%A9", template)

    match = find(Request(method=method, path=path))

    assert match.route.operation == operation
    assert match.parameters == {name: f"{name}/é" for name in names}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v2/general/version/", 404),
        ("GET", "/v2/general/versions", 404),
        ("PATCH", "/v2/emergency/servers//unit-locations", 404),
        ("POST", "/v2/emergency/servers/1/dispatch-calls/1", 405),
        ("POST", "/v2/general/version", 405),
        ("POST", "/v2/emergency/servers/1/dispatch-calls/attachments", 405),
        ("DELETE", "/v2/emergency/servers/1/dispatch-calls/1/attachments", 405),
        ("DELETE", "/v2/emergency/servers/1/units/panic", 405),
        ("DELETE", "/v2/emergency/servers/1/units/kick", 405),
        ("GET", "/v2/general/links", 405),
        ("GET", "/v2/general/accounts/other", 404),
    ],
)
def test_what_is_not_in_the_table_is_not_there(method: str, path: str, status: int) -> None:
    with pytest.raises(ProblemError) as caught:
        find(Request(method=method, path=path))
    assert caught.value.status == status


PLANS = {
    Plan.FREE: {"getVersion", "getInfo", "getLoginPage"},
    Plan.PLUS: {
        # units and calls
        "getActiveUnits",
        "getAccountUnits",
        "getCalls",
        "getCurrentCall",
        "createDispatchCall",
        "updateDispatchCall",
        "updateCallPostal",
        "updateCallPrimary",
        "addCallNote",
        "attachUnits",
        "detachUnits",
        "closeDispatchCalls",
        "getDispatchTemplates",
        "createCustomDispatchCall",
        # identifiers
        "createIdentifier",
        "getIdentifiers",
        "updateIdentifier",
        "deleteIdentifier",
        "setSelectedIdentifier",
        "setIdentifierGroup",
        # configuration
        "getPagerConfig",
        "setPagerConfig",
        "setStations",
        "setServers",
        # accounts
        "getAccount",
        "getAccounts",
        "modifyAccountPermissions",
        "applyPermissionKey",
        "kickOrBanUser",
        # records and lookups
        "lookupNameOrPlate",
        "lookupByValue",
        "lookupByCustomSearch",
        "createRecord",
        "updateRecord",
        "deleteRecord",
        "sendDraft",
    },
    Plan.PRO: {
        "createBlip",
        "getBlips",
        "updateBlip",
        "deleteBlips",
        "setCallouts",
        "setStreetSignConfig",
        "updateStreetSigns",
        "authStreetSigns",
        "setPostalConfig",
        "sendPhoto",
        "uploadBodycamRecording",
        "getTurnCredentials",
    },
}


def test_each_operation_needs_the_plan_that_sonoran_names() -> None:
    named = {operation: plan for plan, operations in PLANS.items() for operation in operations}

    assert {route.operation: route.plan for route in ROUTES} == {
        operation: named.get(operation, Plan.STANDARD) for operation in OPERATIONS
    }


def test_the_simulator_knows_nothing_of_the_client_it_tests() -> None:
    sources = Path(__file__).parents[3].joinpath("bridge", "simulator").glob("*.py")
    imported = {
        line.split()[1]
        for source in sources
        for line in source.read_text("utf-8").splitlines()
        if line.startswith(("import bridge", "from bridge"))
    }

    assert {name for name in imported if not name.startswith("bridge.simulator")} <= {"bridge.clock"}


def test_only_the_login_page_asks_for_no_key() -> None:
    assert [route.operation for route in ROUTES if route.public] == ["getLoginPage"]
