"""For every type of Sonoran CAD v1, a request that succeeds against a simulator that ``prepared_cad.prepare`` has made ready.

Two simulators that are prepared alike answer an example alike, but for what ``prepared_cad.comparable`` leaves out. The
examples work one after the other on one simulator too, in the order in which they stand here.
"""

from typing import Any

import msgspec
from msgspec import Struct

from bridge.simulator.cad import SIMULATOR_KEY
from bridge.simulator.cloud import Cloud
from bridge.simulator.community import SECRET
from bridge.simulator.messages import JSON, Reply, Request
from bridge.simulator.v1.general import INTERNAL_KEY
from bridge.simulator.v1.table import TYPES
from tests.support.cad_requests import NOON
from tests.support.prepared_cad import (
    ACCOUNT,
    BLIP,
    CHARACTER,
    CHARACTER_TYPE,
    CITIZEN,
    DISPATCH_CALL,
    EMERGENCY_CALL,
    IDENT,
    INCIDENT,
    INCIDENT_TYPE,
    NEW_CALL,
    OTHER_DISPATCH_CALL,
    OTHER_IDENT,
    OTHER_UNIT,
    SERVER,
    SIGNS,
    SPARE_IDENT,
    UNIT,
)

COMMUNITY = "examplecad"
INCIDENT_KIND = 9  # the type of the records of the template ``INCIDENT_TYPE``


class Example(Struct, frozen=True, kw_only=True):
    """One request; ``extra`` stands beside ``data``, ``text`` is the answer where that is text, ``needs`` as for v2."""

    type: str
    data: Any
    extra: dict[str, Any] = {}
    text: str | None = None
    needs: str = ""

    @property
    def path(self) -> str:
        return _PATHS[self.type]

    def body(self, key: str = SIMULATOR_KEY, community: str = COMMUNITY) -> dict[str, Any]:
        return {"id": community, "key": key, "type": self.type, "data": self.data, **self.extra}

    def payload(self, key: str = SIMULATOR_KEY, community: str = COMMUNITY) -> bytes:
        return msgspec.json.encode(self.body(key, community))

    def request(self, key: str = SIMULATOR_KEY, community: str = COMMUNITY) -> Request:
        """The request as the simulator itself takes it, without sockets."""
        return Request(
            method="POST",
            path=self.path,
            headers={"Content-Type": JSON},
            body=self.payload(key, community),
        )


def ask(cloud: Cloud, kind: str, data: Any, now: float = NOON, /, **changed: Any) -> Reply:
    """Ask a simulator something in v1's way; ``changed`` fields of the envelope differ from what is right."""
    body = {**Example(type=kind, data=data).body(), **changed}
    request = Request(method="POST", path=_PATHS[kind], body=msgspec.json.encode(body))
    return cloud.cad.v1.handle(request, now)


def ok(cloud: Cloud, kind: str, data: Any, now: float = NOON, /, **changed: Any) -> Any:
    """Ask something that succeeds; JSON is returned decoded."""
    reply = ask(cloud, kind, data, now, **changed)
    assert reply.status == 200, (kind, reply)
    text = reply.headers["Content-Type"].startswith("text/plain")
    return reply.body.decode() if text else msgspec.json.decode(reply.body)


def refusal(cloud: Cloud, kind: str, data: Any, now: float = NOON, /, **changed: Any) -> str:
    """Ask something that is refused; return why."""
    reply = ask(cloud, kind, data, now, **changed)
    assert reply.status == 400, (kind, reply)
    assert reply.headers["Content-Type"] == "text/plain; charset=utf-8"
    return reply.body.decode()


def _example(
    kind: str, data: Any, text: str | None = None, *, needs: str = "", extra: dict[str, Any] | None = None
) -> Example:
    return Example(type=kind, data=data, extra=extra or {}, text=text, needs=needs)


_PATHS = {row.name: row.path for row in TYPES}
_HERE = {"serverId": SERVER}
_PLAYER = {"apiId": UNIT}
_CALL = {**_HERE, "callId": DISPATCH_CALL}
_USERNAME = f"Player {UNIT}"
_MARK = {
    "id": -1,
    "subType": "Example",
    "coordinates": {"x": 123, "y": 456},
    "radius": 100,
    "icon": "https://example.com/icon.png",
    "color": "#df03fc",
    "tooltip": "Scene perimeter",
    "data": [{"title": "Units", "text": "2"}],
}
_JANE = {"first_name": "Jane", "last_name": "Roe"}

EXAMPLES: tuple[Example, ...] = (
    _example(
        "UNIT_LOCATION",
        [
            {**_PLAYER, "location": "1234 W. Example St.", "coordinates": {"x": 1000, "y": 2000}},
            {"apiId": OTHER_UNIT, "location": "5678 E. Test Ave.", "coordinates": {"x": 1000.5, "y": 2000}},
        ],
        "UNIT LOCATION UPDATED",
    ),
    _example("UNIT_PANIC", [{**_PLAYER, "isPanic": True}], "UNIT PANIC UPDATED"),
    _example(
        "UNIT_STATUS",
        [{"identIds": [IDENT, OTHER_IDENT], "status": 3, **_HERE}],
        "UNIT STATUS UPDATED",
        needs="both units",
    ),
    _example("GET_ACTIVE_UNITS", [{**_HERE, "onlyUnits": True, "includeOffline": False}], needs="both units"),
    _example(
        "CALL_911",
        [
            {
                **_HERE,
                "isEmergency": True,
                "caller": "John Doe",
                "location": "1234 E. Test St.",
                "description": "Somebody is at the door",
                "metaData": {"someKey": "someValue", "x": 1000, "y": 1000},
                "deleteAfterMinutes": 30,
            }
        ],
        f"EMERGENCY CALL ADDED ID: {OTHER_DISPATCH_CALL + 1}",
    ),
    _example(
        "NEW_DISPATCH",
        [
            {
                **_HERE,
                **NEW_CALL,
                "primary": IDENT,
                "trackPrimary": True,
                "notes": [],
                "metaData": {},
                "units": [UNIT],
            }
        ],
        needs="the unit",
    ),
    _example("GET_CALLS", [{**_HERE, "closedLimit": 10, "closedOffset": 0}], needs="the calls"),
    _example(
        "EDIT_DISPATCH",
        [{**_CALL, "title": "Traffic Stop", "metaData": {"someKey": "someValue"}}],
        f"DISPATCH CALL {DISPATCH_CALL} UPDATED",
        needs="the dispatch call",
    ),
    _example(
        "SET_CALL_POSTAL",
        [{**_CALL, "postal": "321"}],
        f"CALL {DISPATCH_CALL} POSTAL SET TO 321",
        needs="the dispatch call",
    ),
    _example(
        "SET_CALL_PRIMARY",
        [{**_CALL, "primary": IDENT, "trackPrimary": False}],
        f"CALL {DISPATCH_CALL} POSTAL SET TO {IDENT}",
        needs="the dispatch call and the unit",
    ),
    _example(
        "ADD_CALL_NOTE",
        [{**_CALL, "label": "A-10", "note": "This is a test!"}],
        f"NOTE 'This is a test!' added to call #{DISPATCH_CALL}",
        needs="the dispatch call",
    ),
    _example(
        "ATTACH_UNIT",
        [{**_CALL, "units": [OTHER_UNIT]}],
        "UNITS ATTACHED",
        needs="the dispatch call and the other unit",
    ),
    _example("DETACH_UNIT", [{**_HERE, "units": [OTHER_UNIT]}], "UNITS DETACHED", needs="the other unit"),
    _example(
        "CLOSE_CALL",
        [{**_HERE, "callId": OTHER_DISPATCH_CALL}],
        "UNITS ATTACHED",
        needs="the other dispatch call",
    ),
    _example("REMOVE_911", [{**_HERE, "callId": EMERGENCY_CALL}], "API ID(s) set!", needs="the 911 call"),
    _example("GET_IDENTIFIERS", [_PLAYER], needs="the account and its identifiers"),
    _example(
        "MODIFY_IDENTIFIER",
        [
            {
                **_PLAYER,
                "action": 0,
                "identifier": {
                    "status": 0,
                    "aop": "Los Santos",
                    "data": {"unitNum": "A-10", "group": "CAR-51"},
                },
            }
        ],
        needs="the account",
    ),
    _example(
        "SET_IDENTIFIER",
        [{"account": ACCOUNT, "identId": SPARE_IDENT}],
        "Identifier Switched!",
        needs="the spare identifier",
    ),
    _example(
        "IDENTS_TO_GROUP",
        [{**_HERE, "identIds": [IDENT, OTHER_IDENT], "groupName": "Group 1"}],
        f"Set idents {IDENT}, {OTHER_IDENT} to group 'Group 1\".",
        needs="both units",
    ),
    _example("ADD_BLIP", [{**_HERE, "blip": _MARK}]),
    _example("GET_BLIPS", [_HERE], needs="the blip"),
    _example("MODIFY_BLIP", [{"id": BLIP, "radius": 150}], f"Blip {BLIP} modified!", needs="the blip"),
    _example("REMOVE_BLIP", [{"ids": [BLIP]}], f"Blip {BLIP} removed!", needs="the blip"),
    _example("GET_PAGER_CONFIG", [_HERE]),
    _example(
        "SET_PAGER_CONFIG",
        [{**_HERE, "natureWords": {"Emergency": "Emergency"}, "maxAddresses": 5, "maxBodyLength": 250}],
        "Updated pager config!",
    ),
    _example(
        "SET_STATIONS",
        {
            **_HERE,
            "config": {
                "locations": [
                    {"name": "Fire Station One", "coordinates": {"x": 1234, "y": 5678}, "doors": ["Bay One"]}
                ],
                "tones": ["Tone Name One"],
            },
        },
        "Updated station config!",
    ),
    _example(
        "SET_AVAILABLE_CALLOUTS",
        {**_HERE, "callouts": [{"id": "some_callout_name", "data": {}}, {"id": "another", "data": {}}]},
        "Updated 2 callouts",
    ),
    _example(
        "SET_STREETSIGN_CONFIG",
        [{**_HERE, "signConfig": [{"id": number, "label": "Some street sign"} for number in SIGNS]}],
        "API ID(s) set!",
    ),
    _example(
        "UPDATE_STREETSIGN",
        [{**_HERE, "signData": {"ids": list(SIGNS), "text1": "Alta St"}}],
        "API ID(s) set!",
        needs="the signs",
    ),
    _example("AUTH_STREETSIGNS", {"serverId": SERVER}, "Success"),
    _example(
        "SET_PENAL_CODES", [{"code": "(2)06", "type": "Felony", "bondAmount": 20000}], "PENAL CODES SET!"
    ),
    _example("SET_POSTALS", [{"code": "2000", "x": 2325.4345703125, "y": 5147.21484375}], "Success"),
    _example("GET_CHARACTERS", [_PLAYER], needs="the character"),
    _example(
        "NEW_CHARACTER",
        [{"user": UNIT, "useDictionary": True, "recordTypeId": CHARACTER_TYPE, "replaceValues": _JANE}],
        f"NEW CHARACTER ADDED TO {_USERNAME}",
        needs="the account",
    ),
    _example(
        "EDIT_CHARACTER",
        [{"user": ACCOUNT, "useDictionary": True, "recordId": CHARACTER, "replaceValues": {"mi": "M"}}],
        f"CHARACTER {CHARACTER} EDITED FOR {_USERNAME}",
        needs="the character",
    ),
    _example("SET_CHARACTER", [{**_PLAYER, "charId": CHARACTER}], needs="the character"),
    _example("GET_CHARACTER_LINKS", [_PLAYER], needs="the character link"),
    _example(
        "LINK_CHARACTER",
        [{**_PLAYER, "syncId": "citizen:5678", "action": 0}],
        f"Linked char sync ID 'citizen:5678' to user '{_USERNAME}' - {ACCOUNT}",
        needs=f"the account, which is linked to {CITIZEN}",
    ),
    _example("GET_ACCOUNT", [_PLAYER], needs="the account"),
    _example("GET_ACCOUNTS", [{"limit": 100, "offset": 0, "status": 1}], needs="the accounts"),
    _example("CHECK_APIID", [_PLAYER], _USERNAME, needs="the account"),
    _example(
        "SET_API_ID",
        [{"account": ACCOUNT, "apiIds": ["11000010499F33C", "ABCD123"], "pushNew": True}],
        "API ID(s) set!",
        needs="the account",
    ),
    _example(
        "SET_ACCOUNT_PERMISSIONS",
        [{"accId": ACCOUNT, "active": True, "add": ["POLICE", "LIVEMAP"], "remove": ["CIVILIAN"]}],
        "User account permissions updated.",
        needs="the account",
    ),
    _example(
        "APPLY_PERMISSION_KEY",
        [{**_PLAYER, "permissionKey": "YOUR_PERMISSION_KEY"}],
        "Permission key YOUR_PERMISSION_KEY applied!",
        needs="the account",
    ),
    _example("VERIFY_SECRET", [{"secret": SECRET}]),
    _example("SEND_PHOTO", [{**_PLAYER, "url": "https://example.com/photo.png"}], "Photo sent!"),
    _example("HEARTBEAT", [{**_HERE, "playerCount": 42}], "HEARTBEAT RECEIVED"),
    _example("GET_VERSION", [], "4 - PRO"),
    _example("GET_SERVERS", []),
    _example(
        "SET_SERVERS",
        {
            "servers": [{"id": SERVER, "name": "Server 1", "listenerPort": 3232, "enableMap": True}],
            "deployMap": True,
        },
        "Server config updated",
    ),
    _example(
        "SET_CLOCK",
        [
            {
                **_HERE,
                "currentUtc": "01/30/2024 10:30",
                "currentGame": "01/30/2024 22:30",
                "secondsPerHour": 60,
            }
        ],
        "CLOCK SET",
    ),
    _example("GET_TEMPLATES", [], extra={"recordTypeId": INCIDENT_TYPE}),
    _example("LOOKUP", [{"first": "Jo", "last": "Doe", "mi": "", "plate": ""}], needs="the character"),
    _example(
        "LOOKUP_INT",
        [{"searchType": 3, "value": INCIDENT, "types": [INCIDENT_KIND], "limit": 10, "offset": 0}],
        needs="the incident",
    ),
    _example(
        "LOOKUP_CUSTOM",
        [{"map": "drivers_license", "value": "D1234567", "types": [INCIDENT_KIND], "partial": False}],
        needs="the character",
    ),
    _example(
        "NEW_RECORD",
        [
            {
                "user": UNIT,
                "useDictionary": True,
                "recordTypeId": INCIDENT_TYPE,
                "replaceValues": {"plate": "XP123BS"},
            }
        ],
        needs="the account",
    ),
    _example(
        "EDIT_RECORD",
        [{"user": UNIT, "templateId": INCIDENT_TYPE, "recordId": INCIDENT, "replaceValues": {"plate": "XP"}}],
        needs="the incident",
    ),
    _example("REMOVE_RECORD", [{"id": INCIDENT}], f"REMOVED RECORD {INCIDENT}", needs="the incident"),
    _example(
        "REMOVE_CHARACTER",
        [{"id": CHARACTER}],
        f"CHARACTER {CHARACTER} REMOVED FOR {_USERNAME}",
        needs="the character",
    ),
    _example(
        "JOIN_COMMUNITY", [{"account": ACCOUNT}], "", extra={"internalKey": INTERNAL_KEY}, needs="the account"
    ),
    _example("KICK_UNIT", [{**_PLAYER, "reason": "Automated AFK Timer", **_HERE}], "UNIT KICKED"),
    _example("BAN_USER", [{"accId": ACCOUNT, "isBan": True}], f"User Ban: {ACCOUNT} Status: True"),
    _example(
        "LEAVE_COMMUNITY",
        [{"account": ACCOUNT}],
        "",
        extra={"internalKey": INTERNAL_KEY},
        needs="the account",
    ),
)

BY_TYPE = {example.type: example for example in EXAMPLES}
