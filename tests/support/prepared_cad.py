"""A simulator made ready for ``operation_examples``, and what two that are made ready alike have in common."""

import re
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from bridge.clock import SystemClock
from bridge.simulator.cloud import Cloud
from bridge.simulator.community import Community
from bridge.simulator.configuration_shapes import StreetSign
from bridge.simulator.server import SimulatorServer
from bridge.simulator.shapes import Coordinates, NewBlip, NewDispatchCall, NewEmergencyCall
from tests.support.daemon import new_cloud

UNIT, OTHER_UNIT = "license:1", "license:2"
ACCOUNT = str(uuid.uuid5(uuid.NAMESPACE_OID, UNIT))
SERVER = 1

IDENT, OTHER_IDENT, SPARE_IDENT = 1, 2, 3  # the last is of the first account, and not selected
EMERGENCY_CALL, DISPATCH_CALL, OTHER_DISPATCH_CALL = 1, 2, 3  # the second has ``UNIT`` on it
BLIP = 1
CHARACTER, INCIDENT = 1, 2  # records
SIGNS = (1, 2)
CITIZEN = "citizen:1234"  # linked to the account already
CHARACTER_TYPE, INCIDENT_TYPE = 7, 12  # templates

NEW_CALL: dict[str, Any] = {
    "origin": 0,
    "status": 1,
    "priority": 1,
    "block": "100",
    "address": "Mission Row",
    "postal": "9001",
    "title": "Armed Robbery",
    "code": "211",
    "description": "Clerk reports a firearm.",
}

_VARYING = frozenset({"updated", "time", "receivedAtUtc", "expiresAt", "username", "credential"})
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|\d{10}(:.*)?|[A-Za-z0-9+/]{27}=")


def prepare(cloud: Cloud) -> None:
    """Make a fresh simulator ready for every example."""
    community, now = cloud.cad.community, cloud.now()
    first, second = (community.unit(name, SERVER) for name in (UNIT, OTHER_UNIT))
    account = community.people.account_of(UNIT)
    assert first and second and account  # noqa: PT018 -- for the types
    community.roster.enlist(account, SERVER)
    _call(community, now)
    community.mark(SERVER, NewBlip(coordinates=Coordinates(x=1.0, y=2.0), tooltip="Perimeter"))
    john = {"first_name": "John", "last_name": "Doe", "drivers_license": "D1234567"}
    for number, values in ((CHARACTER_TYPE, john), (INCIDENT_TYPE, {"plate": "ABC123"})):
        community.archive.file(account.account, community.archive.templates[number], values)
    account.character_links.append(CITIZEN)
    place = Coordinates(x=420.1, y=-980.4, z=30.8, w=0.0)
    signs = {number: StreetSign(id=number, coordinates=place, label="Mission Row") for number in SIGNS}
    community.estate.equipment_of(SERVER).signs = signs


@asynccontextmanager
async def prepared_cad() -> AsyncGenerator[SimulatorServer]:
    """Serve a CAD in which every example succeeds; it knows the key of ``daemon``."""
    cloud = new_cloud()
    prepare(cloud)
    async with SimulatorServer(SystemClock(), cloud=cloud) as server:
        yield server


def comparable(content: object) -> object:
    """Return an answer without what differs from one simulator to the next: instants and credentials."""
    if isinstance(content, list):
        return [comparable(item) for item in content]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] -- JSON
    if isinstance(content, dict):
        return {key: _comparable(key, value) for key, value in content.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] -- JSON
    return content


def _comparable(key: object, value: object) -> object:
    varies = key in _VARYING and isinstance(value, str) and _INSTANT.fullmatch(value)
    return "(varies)" if varies else comparable(value)


def _call(community: Community, now: float) -> None:
    emergency = NewEmergencyCall(
        is_emergency=True, caller="Jane", location="Alta St", description="Shots fired"
    )
    call = msgspec.convert(NEW_CALL, NewDispatchCall)
    community.board.open_emergency(SERVER, emergency, now)
    community.board.open_dispatch(SERVER, call, [IDENT], now)
    community.board.open_dispatch(SERVER, call, [], now)
