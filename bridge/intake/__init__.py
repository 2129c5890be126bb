"""Bytes to values: what game servers push, read as FXServer's encoder writes it.

``document`` reads JSON that is not quite JSON, ``fields`` reads single values out of it, ``required`` refuses those
that must make sense and do not. One module a door makes the domain's values of them; ``events`` has one more for each
noun: ``units``, ``calls``, ``call_changes`` and ``blips``; ``cad_v2`` reads Sonoran's own bodies. Nothing here does I/O, and nothing but a PushError is raised.
"""

from bridge.intake.cad_v2 import (
    read_cad_dispatch_call,
    read_cad_emergency_call,
    read_cad_heartbeat,
    read_cad_panic,
    read_cad_status,
)
from bridge.intake.events import read_events
from bridge.intake.heartbeats import read_heartbeat
from bridge.intake.locations import LocationPush, Rejection, RejectReason, read_cad_locations, read_locations
from bridge.intake.operations import OperationPush, read_operation
from bridge.intake.panics import PanicPush, read_panic

__all__ = [
    "LocationPush",
    "OperationPush",
    "PanicPush",
    "RejectReason",
    "Rejection",
    "read_cad_dispatch_call",
    "read_cad_emergency_call",
    "read_cad_heartbeat",
    "read_cad_locations",
    "read_cad_panic",
    "read_cad_status",
    "read_events",
    "read_heartbeat",
    "read_locations",
    "read_operation",
    "read_panic",
]
