"""Requests to the simulated CAD, built by hand from Sonoran's documents."""

from typing import Any

import msgspec

from bridge.simulator.cad import SIMULATOR_KEY
from bridge.simulator.messages import Reply, Request

SERVER_1 = "/v2/emergency/servers/1"
NOON = 1_800_000_000.0  # Unix seconds; a full minute


def cad_request(
    method: str,
    path: str,
    body: Any = None,
    *,
    query: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
) -> Request:
    usual = {"Authorization": f"Bearer {SIMULATOR_KEY}", "Content-Type": "application/json"}
    raw = body if isinstance(body, bytes) else b"" if body is None else msgspec.json.encode(body)
    given = usual if headers is None else headers
    return Request(method=method, path=path, query=query or {}, headers=given, body=raw)


def location(unit: str = "license:1", x: float = 1.5, **more: Any) -> dict[str, Any]:
    coordinates = {"x": x, "y": -2.5, "z": 30.0, "w": 90.0}
    return {"communityUserId": unit, "location": "Mission Row", "coordinates": coordinates, **more}


def locations(*updates: dict[str, Any]) -> Request:
    return cad_request("PATCH", f"{SERVER_1}/unit-locations", {"updates": list(updates or [location()])})


def panic(*units: str, active: bool = True) -> Request:
    body = {"communityUserIds": list(units or ["license:1"]), "isPanic": active}
    return cad_request("PATCH", f"{SERVER_1}/units/panic", body)


def status(code: int, *units: str) -> Request:
    body = {"communityUserIds": list(units or ["license:1"]), "status": code}
    return cad_request("PATCH", f"{SERVER_1}/units/status", body)


def call_911(**more: Any) -> Request:
    body = {"isEmergency": True, "caller": "Jane", "location": "Alta St", "description": "Shots", **more}
    return cad_request("POST", f"{SERVER_1}/calls/911", body)


def get_calls(**changed: str) -> Request:
    query = {"closedLimit": "10", "closedOffset": "0", "type": "100", **changed}
    return cad_request("GET", f"{SERVER_1}/calls", query=query)


def get_units(**changed: str) -> Request:
    query = {"includeOffline": "true", "onlyUnits": "true", "limit": "100", "offset": "0", **changed}
    return cad_request("GET", f"{SERVER_1}/units", query=query)


def heartbeat(players: Any = 42) -> Request:
    return cad_request("POST", "/v2/general/servers/1/heartbeat", {"playerCount": players})


def version() -> Request:
    return cad_request("GET", "/v2/general/version")


def servers() -> Request:
    return cad_request("GET", "/v2/general/servers")


def content(reply: Reply) -> Any:
    return msgspec.json.decode(reply.body)
