"""For every operation of Sonoran CAD v2, a request that succeeds against a simulator that ``prepared_cad.prepare`` has made ready.

Two simulators that are prepared alike answer an example alike, but for instants and for credentials, which
``prepared_cad.comparable`` leaves out. The examples work one after the other on one simulator too, in the order in which they stand here.
"""

from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Struct

from bridge.simulator.cad import SIMULATOR_KEY
from bridge.simulator.messages import JSON, Request
from bridge.simulator.routes import ROUTES
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
    OTHER_UNIT,
    SERVER,
    SIGNS,
    SPARE_IDENT,
    UNIT,
)

BOUNDARY = "a-boundary-of-the-examples"
FILM = b"\x1a\x45\xdf\xa3" + bytes(range(256)) * 8


class Example(Struct, frozen=True, kw_only=True):
    """One request; ``needs`` says what of ``prepare`` it is about."""

    operation: str
    path: dict[str, str | int] = {}
    query: dict[str, str] = {}
    body: Any = None
    upload: bytes | None = None
    needs: str = ""

    @property
    def method(self) -> str:
        return _ROUTES[self.operation].method

    @property
    def target(self) -> str:
        """The path with its parameters and query, as it goes over the wire."""
        path = _ROUTES[self.operation].template
        for name, value in self.path.items():
            path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
        return f"{path}?{urlencode(self.query)}" if self.query else path

    @property
    def payload(self) -> bytes:
        if self.upload is not None:
            return self.upload
        return b"" if self.body is None else msgspec.json.encode(self.body)

    @property
    def content_type(self) -> str | None:
        if self.upload is not None:
            return f"multipart/form-data; boundary={BOUNDARY}"
        return None if self.body is None else JSON

    def request(self, key: str = SIMULATOR_KEY) -> Request:
        """The request as the simulator itself takes it, without sockets."""
        path, _, raw_query = self.target.partition("?")
        kind = {} if self.content_type is None else {"Content-Type": self.content_type}
        return Request(
            method=self.method,
            path=path,
            query=self.query,
            raw_query=raw_query,
            headers={"Authorization": f"Bearer {key}", **kind},
            body=self.payload,
        )


def _form(**fields: str) -> bytes:
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="'
    texts = "".join(f'{head}{name}"\r\n\r\n{value}\r\n' for name, value in fields.items())
    film = f'{head}file"; filename="clip.webm"\r\nContent-Type: video/webm\r\n\r\n'
    return texts.encode() + film.encode() + FILM + f"\r\n--{BOUNDARY}--\r\n".encode()


def _example(
    operation: str,
    body: Any = None,
    *,
    query: dict[str, str] | None = None,
    upload: bytes | None = None,
    needs: str = "",
    **path: str | int,
) -> Example:
    template = _ROUTES[operation].template
    usual: dict[str, str | int] = {"serverId": SERVER, "accountUuid": ACCOUNT, **path}
    parameters = {name: value for name, value in usual.items() if f"{{{name}}}" in template}
    return Example(
        operation=operation,
        path=parameters,
        query=query or {},
        body=body,
        upload=upload,
        needs=needs,
    )


_ROUTES = {route.operation: route for route in ROUTES}
_PLACE = {"x": 441.2, "y": -981.9, "z": 30.7, "w": 90.0}
_UNITS = {"communityUserIds": [UNIT]}
_PLAYER = {"communityUserId": UNIT}
_SERVER_ROW = {
    "id": SERVER,
    "name": "Main Server",
    "description": "Primary patrol server",
    "signal": "100",
    "mapUrl": "https://example.com/tiles/{z}/{x}/{y}.png",
    "mapIp": "203.0.113.10",
    "listenerPort": "30120",
    "differingOutbound": False,
    "outboundIp": "",
    "enableMap": True,
    "mapType": "NORMAL",
    "isStatic": False,
    "liveMapFormat": 0,
}
_NODE: dict[str, Any] = {
    "id": "root-1",
    "name": "Fire",
    "description": "Fire services",
    "permission": "fire",
    "address": "FIRE-01",
    "shortCode": "F1",
    "kind": "group",
    "children": None,
}

EXAMPLES: tuple[Example, ...] = (
    _example(
        "updateUnitLocations",
        {"updates": [{**_PLAYER, "location": "Mission Row", "coordinates": _PLACE, "peerId": "peer-1"}]},
        needs="the unit",
    ),
    _example("setUnitPanic", {**_UNITS, "isPanic": True}, needs="the unit"),
    _example("setUnitStatus", {**_UNITS, "status": 3}, needs="the unit"),
    _example(
        "getActiveUnits",
        query={"includeOffline": "true", "onlyUnits": "true", "limit": "25", "offset": "0"},
        needs="the units",
    ),
    _example(
        "getAccountUnits",
        query={"onlyOnline": "true", "onlyUnits": "false", "limit": "25", "offset": "0"},
        needs="the account and its unit",
    ),
    _example(
        "create911Call",
        {
            "isEmergency": True,
            "caller": "911 Caller",
            "location": "Alta St / Integrity Way",
            "description": "Shots fired",
            "deleteAfterMinutes": 15,
            "metaData": {"x": "425.1", "y": "-979.2", "postal": "9001"},
        },
    ),
    _example("getCalls", query={"closedLimit": "10", "closedOffset": "0", "type": "100"}, needs="the calls"),
    _example("getCurrentCall", needs="the dispatch call that the unit is on"),
    _example(
        "createDispatchCall",
        {**NEW_CALL, **_UNITS, "notes": None, "metaData": {"x": "425.1", "y": "-979.2"}},
    ),
    _example(
        "updateDispatchCall",
        {"status": 1, "postal": "9002", "trackPrimary": True, "metaData": {"x": "430.5"}},
        callId=DISPATCH_CALL,
        needs="the dispatch call",
    ),
    _example("updateCallPostal", {"postal": "9003"}, callId=DISPATCH_CALL, needs="the dispatch call"),
    _example(
        "updateCallPrimary",
        {"identId": IDENT, "trackPrimary": True},
        callId=DISPATCH_CALL,
        needs="the dispatch call and the unit",
    ),
    _example(
        "addCallNote",
        {"note": "Suspect vehicle fleeing northbound", "noteType": "text", "label": "Integration"},
        callId=DISPATCH_CALL,
        needs="the dispatch call",
    ),
    _example(
        "attachUnits",
        {"communityUserIds": [OTHER_UNIT]},
        callId=DISPATCH_CALL,
        needs="the dispatch call and the other unit",
    ),
    _example("detachUnits", {"communityUserIds": [OTHER_UNIT]}, needs="the other unit"),
    _example(
        "closeDispatchCalls",
        {"callIds": [DISPATCH_CALL, OTHER_DISPATCH_CALL]},
        needs="both dispatch calls",
    ),
    _example("remove911Call", callId=EMERGENCY_CALL, needs="the 911 call"),
    _example("getDispatchTemplates"),
    _example(
        "createCustomDispatchCall",
        {"templateId": 1, "values": {"title": "Pursuit", "address": "Alta St"}, **_UNITS},
    ),
    _example(
        "createIdentifier",
        {
            "status": 0,
            "aop": "Los Santos",
            "unitNum": "A-10",
            "name": "John Doe",
            "district": "Los Santos",
            "department": "LSPD",
            "subdivision": "Patrol",
            "rank": "Officer",
            "group": "CAR-51",
            "page": 0,
            "isDispatch": False,
        },
        needs="the account",
    ),
    _example("getIdentifiers", needs="the account and its identifiers"),
    _example(
        "updateIdentifier",
        {"status": 2, "group": "SUPERVISOR-1", "page": 3},
        identId=SPARE_IDENT,
        needs="the spare identifier",
    ),
    _example("setSelectedIdentifier", {"identId": SPARE_IDENT}, needs="the spare identifier"),
    _example("setIdentifierGroup", _UNITS, groupName="CAR 51/B", needs="the unit"),
    _example("deleteIdentifier", identId=SPARE_IDENT, needs="the spare identifier"),
    _example(
        "createBlip",
        {
            "coordinates": {"x": 441.2, "y": -981.9, "z": 0.0, "w": 0.0},
            "subType": "scene",
            "icon": "fa-solid fa-location-crosshairs",
            "color": "red",
            "tooltip": "Scene perimeter",
            "radius": 50.0,
            "data": [{"title": "Units", "text": "2"}],
        },
    ),
    _example("getBlips", needs="the blip"),
    _example("updateBlip", {"tooltip": "Updated", "radius": 150}, blipId=BLIP, needs="the blip"),
    _example("deleteBlips", {"ids": [BLIP]}, needs="the blip"),
    _example("getPagerConfig"),
    _example(
        "setPagerConfig",
        {
            "natureWords": {"Emergency": "Emergency"},
            "maxAddresses": 5,
            "maxBodyLength": 250,
            "nodes": [_NODE],
        },
    ),
    _example(
        "setStations",
        {
            "locations": [{"name": "Mission Row", "coordinates": _PLACE, "doors": ["bay_1"], "icon": "fas"}],
            "tones": ["tone_station_open.mp3"],
            "unitColors": ["#2563eb", "#ef4444"],
        },
    ),
    _example(
        "setCallouts",
        {"callouts": [{"id": "armed_suspect", "data": {"Enabled": True, "CalloutLocations": []}}]},
    ),
    _example(
        "setStreetSignConfig",
        {
            "signs": [
                {"id": number, "coordinates": _PLACE, "label": "Mission Row", "text1": "Mission Row"}
                for number in SIGNS
            ]
        },
    ),
    _example("updateStreetSigns", {"ids": list(SIGNS), "text1": "Alta St"}, needs="the signs"),
    _example("authStreetSigns"),
    _example("setPenalCodes", {"codes": [{"code": "187", "title": "Murder"}]}),
    _example("getPenalCodes"),
    _example("setPostalConfig", {"postals": [{"code": "9001", "x": 425.1, "y": -979.2}]}),
    _example("getCharacters", query={"communityUserId": UNIT}, needs="the character"),
    _example("getCharacterLinks", query={"accountUuid": ACCOUNT}, needs="the character link"),
    _example("addCharacterLink", _PLAYER, syncId="citizen:5678"),
    _example(
        "setSelectedCharacter", {**_PLAYER, "characterId": str(CHARACTER)}, needs="the account's character"
    ),
    _example("removeCharacterLink", _PLAYER, syncId=CITIZEN, needs="the character link"),
    _example("getAccount", query={"communityUserId": UNIT}),
    _example("getAccounts", query={"limit": "25", "offset": "0", "status": "1"}, needs="the accounts"),
    _example("modifyAccountPermissions", {**_PLAYER, "add": ["POLICE", "DISPATCH"], "active": True}),
    _example("applyPermissionKey", {**_PLAYER, "permissionKey": "YOUR_PERMISSION_KEY"}),
    _example("kickOrBanUser", {"communityUserId": OTHER_UNIT, "isBan": True}),
    _example("checkCommunityLink", _PLAYER),
    _example("createCommunityLink", {"communityUserId": "license:new"}),
    _example(
        "setCommunityLink",
        {"communityUserId": "license:1-again", "accountUuid": ACCOUNT},
        needs="the account",
    ),
    _example("verifySecret", {"secret": "00000000-0000-0000-0000-000000000000"}),
    _example("sendPhoto", {**_PLAYER, "url": "https://cdn.example.com/mugshots/example.png"}),
    _example(
        "uploadBodycamRecording", upload=_form(durationMs="30000", communityUserId=UNIT, unitNumber="A-1")
    ),
    _example("heartbeat", {"playerCount": 42}),
    _example("getServers"),
    _example("setServers", {"deployMap": True, "servers": [_SERVER_ROW]}),
    _example("getTurnCredentials", query={"userId": "unit-1"}),
    _example("getInfo"),
    _example("getLoginPage", query={"communityId": "examplecad"}),
    _example("getVersion"),
    _example(
        "lookupNameOrPlate",
        {"first": "John", "last": "Do", "mi": "", "plate": "", "types": [7, 12], "partial": True},
        needs="the character",
    ),
    _example(
        "lookupByValue",
        {"searchType": "NUMBER", "value": str(INCIDENT), "types": [INCIDENT_TYPE]},
        needs="the incident",
    ),
    _example(
        "lookupByCustomSearch",
        {"map": "drivers_license", "value": "D1234567", "types": [CHARACTER_TYPE], "partial": False},
        needs="the character",
    ),
    _example(
        "createRecord",
        {
            **_PLAYER,
            "useDictionary": True,
            "recordTypeId": INCIDENT_TYPE,
            "replaceValues": {"{{plate}}": "ABC123"},
        },
    ),
    _example(
        "updateRecord",
        {
            **_PLAYER,
            "useDictionary": True,
            "templateId": INCIDENT_TYPE,
            "replaceValues": {"{{plate}}": "XYZ987"},
        },
        recordId=INCIDENT,
        needs="the incident",
    ),
    _example("deleteRecord", recordId=INCIDENT, needs="the incident"),
    _example("deleteCharacter", characterId=CHARACTER, needs="the character"),
    _example("getTemplate", recordTypeId=INCIDENT_TYPE),
    _example("getTemplates"),
    _example(
        "sendDraft",
        {"recordTypeId": INCIDENT_TYPE, "replaceValues": {"{{plate}}": "ABC123"}, **_PLAYER},
    ),
    _example("kickUnit", [{**_PLAYER, "reason": "Server restart"}], needs="the unit"),
)

BY_OPERATION = {example.operation: example for example in EXAMPLES}
