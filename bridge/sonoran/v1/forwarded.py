"""What Sonoran CAD v1 is asked in place of those operations of v2 that the bridge only forwards.

Those are missing that v1 has not, or not so: among others its change of an identifier, which does not say whether
what is left out stays.
"""

from collections.abc import Callable, Mapping

from bridge.sonoran.v1.asked import Asked, UntranslatableError, account, listed, rest, targets, unit_ids
from bridge.sonoran.v1.questions import Data, Question, blip_fields

ADD, REMOVE = 0, 2  # v1's numbers of what is done to links and identifiers

SEARCHES = {
    name: number
    for number, name in enumerate(
        ("IDENTIFIER", "SUPERVISOR_STATUS", "ACTIVE_STATUS", "NUMBER", "SECRET", "ACCOUNT")
    )
}
"""v1's numbers of what a look-up by value searches for."""

_OF_AN_IDENTIFIER = frozenset({"status", "location", "aop", "isDispatch"})  # the rest is its ``data``

_NOTIFIED = {"notifyCommunityUserId": "apiId", "notifyAccountUuid": "account"}
"""Whom a look-up shows what it finds."""


def _query(*names: str) -> Callable[[Asked], Data]:
    def ask(asked: Asked) -> Data:
        unknown = asked.query.keys() - set(names)
        if unknown:
            raise UntranslatableError(f"v1 does not take {', '.join(sorted(unknown))} here")
        return [asked.asked_for(*names)]

    return ask


def _of_server(*names: str) -> Callable[[Asked], Data]:
    """Return what asks about a server with the body and with some parameters of the path."""

    def ask(asked: Asked) -> Data:
        return [{**asked.fields, **{name: asked.number(name) for name in names}, **asked.server}]

    return ask


def _by_number(name: str) -> Callable[[Asked], Data]:
    return lambda asked: [{"id": asked.number(name)}]


def _active_units(asked: Asked) -> Data:
    return [asked.server | asked.asked_for("onlyUnits", "includeOffline", "limit", "offset")]


def _primary(asked: Asked) -> Data:
    track = {name: asked.fields[name] for name in ("trackPrimary",) if name in asked.fields}
    primary = {"callId": asked.number("callId"), "primary": asked.fields.get("identId"), **track}
    return [asked.server | primary]


def _blip_change(asked: Asked) -> Data:
    return [{**blip_fields(asked.fields), "id": asked.number("blipId")}]


def _blip_removal(asked: Asked) -> Data:
    return [{"ids": listed(asked.fields.get("ids"))}]


def _of_account(asked: Asked) -> dict[str, object]:
    return {"account": asked.path["accountUuid"]}


def _identifiers(asked: Asked) -> Data:
    return [_of_account(asked)]


def _new_identifier(asked: Asked) -> Data:
    """Build an identifier; some of its fields stand beside its ``data``."""
    beside = {name: value for name, value in asked.fields.items() if name in _OF_AN_IDENTIFIER}
    data = {name: value for name, value in asked.fields.items() if name not in _OF_AN_IDENTIFIER}
    return [{**_of_account(asked), "action": ADD, "identifier": {**beside, "data": data}}]


def _identifier_removal(asked: Asked) -> Data:
    return [{**_of_account(asked), "action": REMOVE, "identId": asked.number("identId")}]


def _selected_identifier(asked: Asked) -> Data:
    return [{**_of_account(asked), "identId": asked.fields.get("identId")}]


def _group(asked: Asked) -> Data:
    units = targets(asked.fields)[0]
    if "apiId" in units:
        raise UntranslatableError("v1 groups units by identIds or accountUuid alone")
    return [{**units, "groupName": asked.path["groupName"], **asked.server}]


def _stations(asked: Asked) -> Data:
    return asked.server | {"config": dict(asked.fields)}


def _callouts(asked: Asked) -> Data:
    return asked.server | {"callouts": listed(asked.fields.get("callouts"))}


def _sign_config(asked: Asked) -> Data:
    return [asked.server | {"signConfig": listed(asked.fields.get("signs"))}]


def _sign_texts(asked: Asked) -> Data:
    return [asked.server | {"signData": dict(asked.fields)}]


def _sign_auth(asked: Asked) -> Data:
    return asked.server


def _account(asked: Asked) -> Data:
    name = asked.query.get("username")
    return [{"username": name} if name else account(asked.query)]


def _permissions(asked: Asked) -> Data:
    name = asked.fields.get("username")
    who = {"username": name} if name else _by_account_id(asked.fields)
    return [who | rest(asked.fields, ("username",))]


def _ban(asked: Asked) -> Data:
    return [_by_account_id(asked.fields) | rest(asked.fields)]


def _by_account_id(fields: Mapping[str, object]) -> dict[str, object]:
    """Return a player as two types name him: ``accId`` is what is ``account`` elsewhere."""
    who = account(fields)
    return {"accId": who["account"]} if "account" in who else who


def _permission_key(asked: Asked) -> Data:
    return [_by_api_id(asked.fields) | rest(asked.fields)]


def _by_api_id(fields: Mapping[str, object]) -> dict[str, object]:
    units = unit_ids(fields)
    if not units:
        raise UntranslatableError("v1 finds this player by communityUserId alone")
    return {"apiId": units[0]}


def _fields(asked: Asked) -> Data:
    return [dict(asked.fields)]


def _look_up(asked: Asked) -> Data:
    return [_search(asked)]


def _search(asked: Asked) -> dict[str, object]:
    """Translate whom to notify: v1 shows what it finds to the one that is named beside."""
    told = {_NOTIFIED[name]: value for name, value in asked.fields.items() if name in _NOTIFIED and value}
    return {name: value for name, value in asked.fields.items() if not name.startswith("notify")} | told


def _look_up_value(asked: Asked) -> Data:
    kind = asked.fields.get("searchType")
    return [_search(asked) | {"searchType": SEARCHES.get(kind, kind) if isinstance(kind, str) else kind}]


def _new_record(asked: Asked) -> Data:
    return [_owner(asked.fields) | rest(asked.fields)]


def _record_change(asked: Asked) -> Data:
    return [{**_owner(asked.fields), **rest(asked.fields), "recordId": asked.number("recordId")}]


def _owner(fields: Mapping[str, object]) -> dict[str, object]:
    """Return who owns a record: v1 takes either id of his in one field."""
    (owner,) = account(fields).values()
    return {"user": owner}


def _rows(name: str) -> Callable[[Asked], Data]:
    return lambda asked: [dict(row) for row in asked.rows(name)]


def _whole(asked: Asked) -> Data:
    return dict(asked.fields)


def _player(asked: Asked) -> Data:
    return [account(asked.query)]


def _linked_player(asked: Asked) -> Data:
    return [_by_api_id(asked.query)]


def _link(action: int) -> Callable[[Asked], Data]:
    return lambda asked: [_by_api_id(asked.fields) | {"syncId": asked.path["syncId"], "action": action}]


def _selected_character(asked: Asked) -> Data:
    character = asked.fields.get("characterId")
    return [account(asked.fields) | {"charId": character}]


FORWARDED: Mapping[str, tuple[str, Callable[[Asked], Data]]] = {
    "getActiveUnits": ("GET_ACTIVE_UNITS", _active_units),
    "updateDispatchCall": ("EDIT_DISPATCH", _of_server("callId")),
    "updateCallPostal": ("SET_CALL_POSTAL", _of_server("callId")),
    "updateCallPrimary": ("SET_CALL_PRIMARY", _primary),
    "getBlips": ("GET_BLIPS", _of_server()),
    "updateBlip": ("MODIFY_BLIP", _blip_change),
    "deleteBlips": ("REMOVE_BLIP", _blip_removal),
    "getIdentifiers": ("GET_IDENTIFIERS", _identifiers),
    "createIdentifier": ("MODIFY_IDENTIFIER", _new_identifier),
    "deleteIdentifier": ("MODIFY_IDENTIFIER", _identifier_removal),
    "setSelectedIdentifier": ("SET_IDENTIFIER", _selected_identifier),
    "setIdentifierGroup": ("IDENTS_TO_GROUP", _group),
    "getPagerConfig": ("GET_PAGER_CONFIG", _of_server()),
    "setPagerConfig": ("SET_PAGER_CONFIG", _of_server()),
    "setStations": ("SET_STATIONS", _stations),
    "setCallouts": ("SET_AVAILABLE_CALLOUTS", _callouts),
    "setStreetSignConfig": ("SET_STREETSIGN_CONFIG", _sign_config),
    "updateStreetSigns": ("UPDATE_STREETSIGN", _sign_texts),
    "authStreetSigns": ("AUTH_STREETSIGNS", _sign_auth),
    "applyPermissionKey": ("APPLY_PERMISSION_KEY", _permission_key),
    "kickOrBanUser": ("BAN_USER", _ban),
    "getAccount": ("GET_ACCOUNT", _account),
    "getAccounts": ("GET_ACCOUNTS", _query("limit", "offset", "status")),
    "modifyAccountPermissions": ("SET_ACCOUNT_PERMISSIONS", _permissions),
    "verifySecret": ("VERIFY_SECRET", _fields),
    "lookupNameOrPlate": ("LOOKUP", _look_up),
    "lookupByValue": ("LOOKUP_INT", _look_up_value),
    "lookupByCustomSearch": ("LOOKUP_CUSTOM", _look_up),
    "createRecord": ("NEW_RECORD", _new_record),
    "updateRecord": ("EDIT_RECORD", _record_change),
    "deleteRecord": ("REMOVE_RECORD", _by_number("recordId")),
    "setServers": ("SET_SERVERS", _whole),
    "setPenalCodes": ("SET_PENAL_CODES", _rows("codes")),
    "setPostalConfig": ("SET_POSTALS", _rows("postals")),
    "getCharacters": ("GET_CHARACTERS", _player),
    "getCharacterLinks": ("GET_CHARACTER_LINKS", _linked_player),
    "addCharacterLink": ("LINK_CHARACTER", _link(ADD)),
    "removeCharacterLink": ("LINK_CHARACTER", _link(REMOVE)),
    "setSelectedCharacter": ("SET_CHARACTER", _selected_character),
    "deleteCharacter": ("REMOVE_CHARACTER", _by_number("characterId")),
}
"""As ``OWN``, for what only others ask."""


def ask_templates(asked: Asked) -> Question:
    """Build the question for one template or for all: the number of one stands beside ``data``."""
    number: dict[str, object] = (
        {"recordTypeId": asked.number("recordTypeId")} if "recordTypeId" in asked.path else {}
    )
    return Question(type="GET_TEMPLATES", data=[], more=number)
