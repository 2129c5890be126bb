"""The operations of Sonoran CAD v2, read from ``operations.toml``, which says what each column means.

A limit counts per API key, so all game servers of a community share it.
"""

import re
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from importlib.resources import files

import msgspec
from msgspec import Struct

UNDOCUMENTED = 10  # requests a minute of what Sonoran documents no limit for


class Repeat(StrEnum):
    """Whether repeating an operation after an unclear end is safe."""

    READ = "read"
    IDEMPOTENT = "idempotent"
    ONCE = "once"


class Scope(StrEnum):
    """What a game server's token may reach in the drop-in doors; ``CMS`` and ``OTHER`` are no column's value."""

    EMERGENCY = "emergency"
    LOOKUPS = "lookups"
    HEARTBEAT = "heartbeat"
    CMS = "cms"
    ACCOUNTS = "accounts"
    CIVILIAN = "civilian"
    CONFIGURATION = "configuration"
    RECORDS = "records"
    OTHER = "other"


class Plan(StrEnum):
    """Sonoran's plans, the smallest first."""

    FREE = "free"
    STANDARD = "standard"
    PLUS = "plus"
    PRO = "pro"


class Operation(Struct, frozen=True, forbid_unknown_fields=True):
    """One operation; ``path`` has names such as ``{serverId}`` where its parameters go.

    ``plan`` is the smallest that has it, None where nothing says so. ``cache_seconds`` is how old an answer may
    be that is told again, 0 for never; ``invalidates`` names the reads that show what this operation changes.
    """

    name: str
    method: str
    path: str
    repeat: Repeat
    scope: Scope
    per_minute: int = UNDOCUMENTED
    plan: Plan | None = None
    cache_seconds: float = 0.0
    invalidates: tuple[str, ...] = ()

    @property
    def parameters(self) -> tuple[str, ...]:
        """Return the names of the path's parameters."""
        return tuple(re.findall(r"{(\w+)}", self.path))


def _load() -> Mapping[str, Operation]:
    table = tomllib.loads(files("bridge").joinpath("operations.toml").read_text("utf-8"))
    rows = {name: {"name": name, **columns} for name, columns in table.items()}
    return msgspec.convert(rows, dict[str, Operation])


OPERATIONS = _load()
"""Every operation by its name."""

OTHER = Operation("other", "", "", Repeat.ONCE, Scope.OTHER)
"""What stands for every path that the table does not know: they have one budget together."""

UPDATE_UNIT_LOCATIONS = OPERATIONS["updateUnitLocations"]
SET_UNIT_PANIC = OPERATIONS["setUnitPanic"]
SET_UNIT_STATUS = OPERATIONS["setUnitStatus"]
CREATE_911_CALL = OPERATIONS["create911Call"]
REMOVE_911_CALL = OPERATIONS["remove911Call"]
CREATE_DISPATCH_CALL = OPERATIONS["createDispatchCall"]
ADD_CALL_NOTE = OPERATIONS["addCallNote"]
ATTACH_UNITS = OPERATIONS["attachUnits"]
DETACH_UNITS = OPERATIONS["detachUnits"]
CLOSE_DISPATCH_CALLS = OPERATIONS["closeDispatchCalls"]
KICK_UNIT = OPERATIONS["kickUnit"]
CREATE_BLIP = OPERATIONS["createBlip"]
SEND_PHOTO = OPERATIONS["sendPhoto"]
GET_CALLS = OPERATIONS["getCalls"]
HEARTBEAT = OPERATIONS["heartbeat"]
GET_VERSION = OPERATIONS["getVersion"]
GET_SERVERS = OPERATIONS["getServers"]
UPLOAD_BODYCAM_RECORDING = OPERATIONS["uploadBodycamRecording"]

OWN = (
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
"""What the bridge sends by itself; the rest is only forwarded."""

DOCUMENTED_LIMITS = {operation.name: operation.per_minute for operation in (*OPERATIONS.values(), OTHER)}
"""Requests a minute, by operation name."""
