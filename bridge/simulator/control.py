"""The control door, ``/_simulator/…``: how a test steers the simulator and reads back what it received."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from bridge.simulator.cloud import Cloud
from bridge.simulator.community import EmergencyCall, Heartbeat, Plan, Unit
from bridge.simulator.faults import Fault
from bridge.simulator.journal import Received
from bridge.simulator.messages import Reply, Request, json_reply, title_of
from bridge.simulator.shapes import UNIT_STATUS

PREFIX = "/_simulator/"

PlanName = Literal["FREE", "STANDARD", "PLUS", "PRO"]


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``POST /_simulator/settings`` may change; what is left out stays.

    ``known_units`` null: every unit is known. ``limits`` false: count, but never answer 429. ``per_minute``
    gives operations another limit, null none at all.
    """

    plan: PlanName | UnsetType = UNSET
    known_units: frozenset[str] | UnsetType | None = UNSET
    servers: list[int] | UnsetType = UNSET
    camel_calls: bool | UnsetType = UNSET
    limits: bool | UnsetType = UNSET
    per_minute: dict[str, Annotated[int, Meta(ge=0)] | None] = {}


_FAULTS: msgspec.json.Decoder[Fault | list[Fault]] = msgspec.json.Decoder(Fault | list[Fault])
_SETTINGS = msgspec.json.Decoder(Settings)


class Control:
    """Answers requests under ``/_simulator/``; errors are ``{"title", "status", "detail"}``."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._doors: dict[tuple[str, str], Callable[[Request], Reply]] = {
            ("GET", "state"): self._state,
            ("GET", "requests"): self._requests,
            ("GET", "faults"): self._faults,
            ("POST", "faults"): self._add_faults,
            ("DELETE", "faults"): self._clear_faults,
            ("POST", "reset"): self._reset,
            ("POST", "settings"): self._settings,
        }

    def handle(self, request: Request) -> Reply:
        """Do what is asked."""
        door = self._doors.get((request.method, request.path.removeprefix(PREFIX)))
        if door is None:
            return refusal(HTTPStatus.NOT_FOUND, "There is no such control.")
        try:
            return door(request)
        except (msgspec.MsgspecError, ValueError) as error:
            return refusal(HTTPStatus.BAD_REQUEST, str(error))

    def _state(self, request: Request) -> Reply:
        del request
        cad, community = self._cloud.cad, self._cloud.cad.community
        known = community.known_units
        state = {
            "plan": community.plan.name,
            "servers": community.servers,
            "known_units": None if known is None else sorted(known),
            "units": {unit.unit_id: _unit(unit) for unit in community.units.values()},
            "calls": [_call(call) for call in community.calls(self._cloud.now())],
            "heartbeats": {str(server): _heartbeat(beat) for server, beat in community.heartbeats.items()},
            "limits": cad.limiter.enforced,
            "windows": cad.limiter.tallies(),
            "violations": cad.limiter.violations,
            "requests": self._cloud.journal.total,
        }
        return json_reply(state)

    def _requests(self, request: Request) -> Reply:
        query = request.query
        found = self._cloud.journal.of(
            query.get("operation"), after=int(query.get("after", "0")), since=float(query.get("since", "0"))
        )
        return json_reply({"requests": [_received(received) for received in found]})

    def _faults(self, request: Request) -> Reply:
        del request
        return json_reply({"faults": self._cloud.faults.active()})

    def _add_faults(self, request: Request) -> Reply:
        given = _FAULTS.decode(request.body)
        self._cloud.faults.add(*(given if isinstance(given, list) else [given]))
        return self._faults(request)

    def _clear_faults(self, request: Request) -> Reply:
        self._cloud.clear_faults()
        return self._faults(request)

    def _reset(self, request: Request) -> Reply:
        self._cloud.reset()
        return self._state(request)

    def _settings(self, request: Request) -> Reply:
        settings = _SETTINGS.decode(request.body)
        limiter = self._cloud.cad.limiter
        for operation, per_minute in settings.per_minute.items():
            limiter.change(operation, per_minute)
        if settings.limits is not UNSET:
            limiter.enforced = settings.limits
        self._change_community(settings)
        return self._state(request)

    def _change_community(self, settings: Settings) -> None:
        community = self._cloud.cad.community
        if settings.plan is not UNSET:
            community.plan = Plan[settings.plan]
        if settings.known_units is not UNSET:
            community.known_units = settings.known_units
        if settings.servers is not UNSET:
            community.servers = tuple(settings.servers)
        if settings.camel_calls is not UNSET:
            community.camel_calls = settings.camel_calls


def refusal(status: int, detail: str) -> Reply:
    """Return how the control door says no."""
    return json_reply({"title": title_of(status), "status": status, "detail": detail}, status=status)


def _unit(unit: Unit) -> object:
    return {
        "ident": unit.ident,
        "account": unit.account,
        "server": unit.server_id,
        "status": UNIT_STATUS[unit.status],
        "is_panic": unit.is_panic,
        "location": unit.location,
        "coordinates": unit.coordinates,
        "vehicle": unit.vehicle,
        "peer_id": unit.peer_id,
        "updated_at": unit.updated_at,
    }


def _call(call: EmergencyCall) -> object:
    return {
        "call_id": call.call_id,
        "server": call.server_id,
        "emergency": call.content.is_emergency,
        "caller": call.content.caller,
        "location": call.content.location,
        "description": call.content.description,
        "metadata": call.content.meta_data or {},
        "created_at": call.created_at,
        "ends_at": call.ends_at,
    }


def _heartbeat(beat: Heartbeat) -> object:
    return {"players": beat.player_count, "received_at": beat.received_at, "count": beat.count}


def _received(received: Received) -> object:
    return {
        "number": received.number,
        "monotonic": received.monotonic,
        "wall": received.wall,
        "method": received.method,
        "path": received.path,
        "operation": received.operation,
        "server": received.server,
        "body": received.decoded(),
        "status": received.status,
        "lost": received.lost,
    }
