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
    """One operation; ``path`` has ``{serverId}`` where the server's number goes."""

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
        HEARTBEAT,
        GET_VERSION,
        GET_SERVERS,
    )
}

DOCUMENTED_LIMITS = {operation.name: operation.per_minute for operation in OPERATIONS.values()}
"""Requests a minute, by operation name."""
