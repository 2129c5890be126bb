"""The table of operations: where each one lives, how often it may be called, which plan it needs, what it does.

All 69 operations of the OpenAPI document are here, and the four that are documented beside it. Another one is added by
one row and one handler.
"""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from urllib.parse import unquote

from msgspec import Struct

from bridge.simulator import (
    accounts,
    blips,
    calls,
    characters,
    configuration,
    custom_calls,
    dispatch_calls,
    general,
    identifiers,
    links,
    lookups,
    recordings,
    records,
    units,
)
from bridge.simulator.community import Community, Plan
from bridge.simulator.messages import Ask, ProblemError, Request

Handler = Callable[[Community, Ask], object]

FREE, STANDARD, PLUS, PRO = Plan


class Route(Struct, frozen=True, kw_only=True):
    """One operation; ``per_minute`` is its documented limit, None where none is; a ``public`` one asks for no key."""

    operation: str
    method: str
    template: str
    per_minute: int | None
    plan: Plan
    handler: Handler
    public: bool = False


class Match(Struct, frozen=True, kw_only=True):
    """A route and the decoded parameters of the path that led to it."""

    route: Route
    parameters: dict[str, str]


def _row(
    operation: str, line: str, per_minute: int | None, plan: Plan, handler: Handler, *, public: bool = False
) -> Route:
    method, _, template = line.partition(" ")
    return Route(
        operation=operation,
        method=method,
        template=template,
        per_minute=per_minute,
        plan=plan,
        handler=handler,
        public=public,
    )


_SERVER = "/v2/emergency/servers/{serverId}"
_DISPATCH = f"{_SERVER}/dispatch-calls"
_CALL = f"{_DISPATCH}/{{callId}}"
_ACCOUNT = "/v2/emergency/accounts/{accountUuid}"
_IDENTIFIER = f"{_ACCOUNT}/identifiers/{{identId}}"
_CIVILIAN = "/v2/civilian"
_GENERAL = "/v2/general"
_GENERAL_SERVER = f"{_GENERAL}/servers/{{serverId}}"

# Plans are those that cad-v2 names; where it names none, that of the operation's v1 twin; where there is none either
# (secrets, TURN, films, templates of calls), that of their neighbours. Reading the configured servers is documented as
# Standard in one place and as Plus in another (v1); here it is Standard. The login page alone asks for no key.
# fmt: off
ROUTES: tuple[Route, ...] = (
    _row("updateUnitLocations", f"PATCH {_SERVER}/unit-locations", 12, STANDARD, units.update_unit_locations),
    _row("setUnitPanic", f"PATCH {_SERVER}/units/panic", 20, STANDARD, units.set_unit_panic),
    _row("setUnitStatus", f"PATCH {_SERVER}/units/status", 30, STANDARD, units.set_unit_status),
    _row("getActiveUnits", f"GET {_SERVER}/units", 3, PLUS, units.get_active_units),
    _row("getAccountUnits", f"GET {_SERVER}/accounts/{{accountUuid}}/units", 10, PLUS, units.get_account_units),
    _row("kickUnit", f"POST {_SERVER}/units/kick", 20, STANDARD, units.kick_unit),
    _row("create911Call", f"POST {_SERVER}/calls/911", 10, STANDARD, calls.create_911_call),
    _row("remove911Call", f"DELETE {_SERVER}/calls/911/{{callId}}", 10, STANDARD, calls.remove_911_call),
    _row("getCalls", f"GET {_SERVER}/calls", 5, PLUS, calls.get_calls),
    _row("getCurrentCall", f"GET {_ACCOUNT}/current-call", 10, PLUS, dispatch_calls.get_current_call),
    _row("createDispatchCall", f"POST {_DISPATCH}", 20, PLUS, dispatch_calls.create_dispatch_call),
    _row("updateDispatchCall", f"PATCH {_CALL}", 10, PLUS, dispatch_calls.update_dispatch_call),
    _row("updateCallPostal", f"PATCH {_CALL}/postal", 20, PLUS, dispatch_calls.update_call_postal),
    _row("updateCallPrimary", f"PATCH {_CALL}/primary", 10, PLUS, dispatch_calls.update_call_primary),
    _row("addCallNote", f"POST {_CALL}/notes", 60, PLUS, dispatch_calls.add_call_note),
    _row("attachUnits", f"POST {_CALL}/attachments", 10, PLUS, dispatch_calls.attach_units),
    _row("detachUnits", f"DELETE {_DISPATCH}/attachments", 10, PLUS, dispatch_calls.detach_units),
    _row("closeDispatchCalls", f"POST {_DISPATCH}/close", 20, PLUS, dispatch_calls.close_dispatch_calls),
    _row("getDispatchTemplates", "GET /v2/emergency/dispatch-templates", None, PLUS, custom_calls.get_dispatch_templates),
    _row("createCustomDispatchCall", f"POST {_SERVER}/custom-dispatch-calls", None, PLUS, custom_calls.create_custom_dispatch_call),
    _row("createIdentifier", f"POST {_ACCOUNT}/identifiers", 10, PLUS, identifiers.create_identifier),
    _row("getIdentifiers", f"GET {_ACCOUNT}/identifiers", 10, PLUS, identifiers.get_identifiers),
    _row("updateIdentifier", f"PATCH {_IDENTIFIER}", 10, PLUS, identifiers.update_identifier),
    _row("deleteIdentifier", f"DELETE {_IDENTIFIER}", 10, PLUS, identifiers.delete_identifier),
    _row("setSelectedIdentifier", f"PUT {_ACCOUNT}/selected-identifier", 10, PLUS, identifiers.set_selected_identifier),
    _row("setIdentifierGroup", f"PUT {_SERVER}/identifier-groups/{{groupName}}", 10, PLUS, identifiers.set_identifier_group),
    _row("createBlip", f"POST {_SERVER}/blips", 30, PRO, blips.create_blip),
    _row("getBlips", f"GET {_SERVER}/blips", 10, PRO, blips.get_blips),
    _row("updateBlip", f"PATCH {_SERVER}/blips/{{blipId}}", 30, PRO, blips.update_blip),
    _row("deleteBlips", f"POST {_SERVER}/blips/delete", 30, PRO, blips.delete_blips),
    _row("getPagerConfig", f"GET {_SERVER}/pager-config", 2, PLUS, configuration.get_pager_config),
    _row("setPagerConfig", f"PUT {_SERVER}/pager-config", 2, PLUS, configuration.set_pager_config),
    _row("setStations", f"PUT {_SERVER}/stations", 2, PLUS, configuration.set_stations),
    _row("setCallouts", f"PUT {_SERVER}/callouts", 2, PRO, configuration.set_callouts),
    _row("setStreetSignConfig", f"PUT {_SERVER}/street-sign-config", 2, PRO, configuration.set_street_sign_config),
    _row("updateStreetSigns", f"PATCH {_SERVER}/street-signs", 10, PRO, configuration.update_street_signs),
    _row("authStreetSigns", f"POST {_GENERAL_SERVER}/street-sign-auth", 10, PRO, configuration.auth_street_signs),
    _row("getPenalCodes", f"GET {_GENERAL}/penal-codes", 4, STANDARD, configuration.get_penal_codes),
    _row("setPenalCodes", f"PUT {_GENERAL}/penal-codes", 4, STANDARD, configuration.set_penal_codes),
    _row("setPostalConfig", f"PUT {_GENERAL}/postals", 10, PRO, configuration.set_postal_config),
    _row("getCharacters", f"GET {_CIVILIAN}/characters", 10, STANDARD, characters.get_characters),
    _row("deleteCharacter", f"DELETE {_CIVILIAN}/characters/{{characterId}}", 10, STANDARD, characters.delete_character),
    _row("setSelectedCharacter", f"PUT {_CIVILIAN}/selected-character", 10, STANDARD, characters.set_selected_character),
    _row("getCharacterLinks", f"GET {_CIVILIAN}/character-links", 10, STANDARD, characters.get_character_links),
    _row("addCharacterLink", f"PUT {_CIVILIAN}/character-links/{{syncId}}", 10, STANDARD, characters.add_character_link),
    _row("removeCharacterLink", f"DELETE {_CIVILIAN}/character-links/{{syncId}}", 10, STANDARD, characters.remove_character_link),
    _row("getAccount", f"GET {_GENERAL}/accounts/account", 10, PLUS, accounts.get_account),
    _row("getAccounts", f"GET {_GENERAL}/accounts", 10, PLUS, accounts.get_accounts),
    _row("modifyAccountPermissions", f"PATCH {_GENERAL}/accounts/permissions", 10, PLUS, accounts.modify_account_permissions),
    _row("applyPermissionKey", f"POST {_GENERAL}/permission-keys/applications", 10, PLUS, accounts.apply_permission_key),
    _row("kickOrBanUser", f"POST {_GENERAL}/account-bans", 10, PLUS, accounts.kick_or_ban_user),
    _row("checkCommunityLink", f"POST {_GENERAL}/links/check", 30, STANDARD, links.check_community_link),
    _row("createCommunityLink", f"POST {_GENERAL}/links", 30, STANDARD, links.create_community_link),
    _row("setCommunityLink", f"POST {_GENERAL}/links/set", 30, STANDARD, links.set_community_link),
    _row("verifySecret", f"POST {_GENERAL}/secrets/verify", 10, STANDARD, general.verify_secret),
    _row("sendPhoto", f"POST {_GENERAL}/photos", 10, PRO, general.send_photo),
    _row("uploadBodycamRecording", f"POST {_GENERAL}/bodycam-recordings", 30, PRO, recordings.upload_bodycam_recording),
    _row("heartbeat", f"POST {_GENERAL_SERVER}/heartbeat", 10, STANDARD, general.heartbeat),
    _row("getServers", f"GET {_GENERAL}/servers", 10, STANDARD, general.get_servers),
    _row("setServers", f"PUT {_GENERAL}/servers", 10, PLUS, general.set_servers),
    _row("getTurnCredentials", f"GET {_GENERAL}/turn", 20, PRO, general.get_turn_credentials),
    _row("getInfo", f"GET {_GENERAL}/info", 10, FREE, general.get_info),
    _row("getLoginPage", f"GET {_GENERAL}/login-page", 10, FREE, general.get_login_page, public=True),
    _row("getVersion", f"GET {_GENERAL}/version", 10, FREE, general.get_version),
    _row("lookupNameOrPlate", f"POST {_GENERAL}/lookups", 30, PLUS, lookups.lookup_name_or_plate),
    _row("lookupByValue", f"POST {_GENERAL}/lookups/by-value", 30, PLUS, lookups.lookup_by_value),
    _row("lookupByCustomSearch", f"POST {_GENERAL}/lookups/custom", 30, PLUS, lookups.lookup_by_custom_search),
    _row("createRecord", f"POST {_GENERAL}/records", 30, PLUS, records.create_record),
    _row("updateRecord", f"PATCH {_GENERAL}/records/{{recordId}}", 10, PLUS, records.update_record),
    _row("deleteRecord", f"DELETE {_GENERAL}/records/{{recordId}}", 10, PLUS, records.delete_record),
    _row("getTemplate", f"GET {_GENERAL}/templates/{{recordTypeId}}", 10, STANDARD, records.get_template),
    _row("getTemplates", f"GET {_GENERAL}/templates", 10, STANDARD, records.get_templates),
    _row("sendDraft", f"POST {_GENERAL}/record-drafts", 10, PLUS, records.send_draft),
)
# fmt: on

OPERATIONS = frozenset(route.operation for route in ROUTES)


def find(request: Request) -> Match:
    """Return the route of a request; ``ProblemError`` 404 or 405 where there is none."""
    segments = request.path.split("/")
    here = [
        Match(route=route, parameters=parameters)
        for route in ROUTES
        if (parameters := _parameters(route.template.split("/"), segments)) is not None
    ]
    if not here:
        raise ProblemError(HTTPStatus.NOT_FOUND, "There is no such endpoint.")
    for match in here:
        if match.route.method == request.method:
            return match
    raise ProblemError(HTTPStatus.METHOD_NOT_ALLOWED, f"This endpoint does not take {request.method}.")


def _parameters(template: Sequence[str], segments: Sequence[str]) -> dict[str, str] | None:
    """Return the path parameters if the segments fit the template; one parameter is one whole segment."""
    if len(template) != len(segments):
        return None
    found: dict[str, str] = {}
    for expected, segment in zip(template, segments, strict=True):
        if expected.startswith("{") and segment:
            found[expected.strip("{}")] = unquote(segment)
        elif expected != unquote(segment):
            return None
    return found
