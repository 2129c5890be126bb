"""Sonoran CAD v2: what our values look like on its wire, and what its answers mean.

``requests`` asks and reports, ``deliveries`` says what each event becomes, ``answers`` reads what comes back,
``calls`` finds our own calls among those the CAD has. Sonoran's examples flatten arrays of one element; the real
shapes are arrays, and answers are read in both forms.
"""

from bridge.sonoran.v2.answers import (
    MAX_DETAIL,
    Server,
    read_blip_id,
    read_call_id,
    read_delivered_photos,
    read_plan,
    read_problem,
    read_servers,
    read_updated,
)
from bridge.sonoran.v2.calls import Calls, read_calls
from bridge.sonoran.v2.deliveries import LATE_AFTER, deliver, describe_call
from bridge.sonoran.v2.requests import (
    MARK,
    UnitUpdate,
    coordinates,
    get_calls,
    get_servers,
    get_version,
    heartbeat,
    line_of,
    update_unit_locations,
)

__all__ = [
    "LATE_AFTER",
    "MARK",
    "MAX_DETAIL",
    "Calls",
    "Server",
    "UnitUpdate",
    "coordinates",
    "deliver",
    "describe_call",
    "get_calls",
    "get_servers",
    "get_version",
    "heartbeat",
    "line_of",
    "read_blip_id",
    "read_call_id",
    "read_calls",
    "read_delivered_photos",
    "read_plan",
    "read_problem",
    "read_servers",
    "read_updated",
    "update_unit_locations",
]
