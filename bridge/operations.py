"""The operations of Sonoran CAD v2 that the bridge uses, as data.

Methods, paths and requests a minute are those of Sonoran's documentation; a limit counts per API key, so all
game servers of a community share it.
"""

from enum import StrEnum

from msgspec import Struct


class Repeat(StrEnum):
    """Whether repeating an operation after an unclear end is safe."""

    READ = "read"
    IDEMPOTENT = "idempotent"
    ONCE = "once"


class Operation(Struct, frozen=True):
    """One operation; ``path`` has ``{serverId}`` and ``{callId}`` where their numbers go."""

    name: str
    method: str
    path: str
    per_minute: int
    repeat: Repeat


_EMERGENCY = "/v2/emergency/servers/{serverId}"

UPDATE_UNIT_LOCATIONS = Operation(
    "updateUnitLocations", "PATCH", f"{_EMERGENCY}/unit-locations", 12, Repeat.IDEMPOTENT
)
SET_UNIT_PANIC = Operation("setUnitPanic", "PATCH", f"{_EMERGENCY}/units/panic", 20, Repeat.IDEMPOTENT)
SET_UNIT_STATUS = Operation("setUnitStatus", "PATCH", f"{_EMERGENCY}/units/status", 30, Repeat.IDEMPOTENT)
CREATE_911_CALL = Operation("create911Call", "POST", f"{_EMERGENCY}/calls/911", 10, Repeat.ONCE)
REMOVE_911_CALL = Operation(
    "remove911Call", "DELETE", f"{_EMERGENCY}/calls/911/{{callId}}", 10, Repeat.IDEMPOTENT
)
CREATE_DISPATCH_CALL = Operation(
    "createDispatchCall", "POST", f"{_EMERGENCY}/dispatch-calls", 20, Repeat.ONCE
)
ADD_CALL_NOTE = Operation(
    "addCallNote", "POST", f"{_EMERGENCY}/dispatch-calls/{{callId}}/notes", 60, Repeat.ONCE
)
ATTACH_UNITS = Operation(
    "attachUnits", "POST", f"{_EMERGENCY}/dispatch-calls/{{callId}}/attachments", 10, Repeat.IDEMPOTENT
)
DETACH_UNITS = Operation(
    "detachUnits", "DELETE", f"{_EMERGENCY}/dispatch-calls/attachments", 10, Repeat.IDEMPOTENT
)
CLOSE_DISPATCH_CALLS = Operation(
    "closeDispatchCalls", "POST", f"{_EMERGENCY}/dispatch-calls/close", 20, Repeat.IDEMPOTENT
)
KICK_UNIT = Operation("kickUnit", "POST", f"{_EMERGENCY}/units/kick", 20, Repeat.ONCE)
CREATE_BLIP = Operation("createBlip", "POST", f"{_EMERGENCY}/blips", 30, Repeat.ONCE)
SEND_PHOTO = Operation("sendPhoto", "POST", "/v2/general/photos", 10, Repeat.ONCE)
GET_CALLS = Operation("getCalls", "GET", f"{_EMERGENCY}/calls", 5, Repeat.READ)
HEARTBEAT = Operation("heartbeat", "POST", "/v2/general/servers/{serverId}/heartbeat", 10, Repeat.IDEMPOTENT)
GET_VERSION = Operation("getVersion", "GET", "/v2/general/version", 10, Repeat.READ)
GET_SERVERS = Operation("getServers", "GET", "/v2/general/servers", 10, Repeat.READ)

OPERATIONS = {
    operation.name: operation
    for operation in (
        UPDATE_UNIT_LOCATIONS,
        SET_UNIT_PANIC,
        SET_UNIT_STATUS,
        CREATE_911_CALL,
        REMOVE_911_CALL,
        CREATE_DISPATCH_CALL,
        ADD_CALL_NOTE,
        ATTACH_UNITS,
        DETACH_UNITS,
        CLOSE_DISPATCH_CALLS,
        KICK_UNIT,
        CREATE_BLIP,
        SEND_PHOTO,
        GET_CALLS,
        HEARTBEAT,
        GET_VERSION,
        GET_SERVERS,
    )
}

DOCUMENTED_LIMITS = {operation.name: operation.per_minute for operation in OPERATIONS.values()}
"""Requests a minute, by operation name."""
