"""The table of operations: where each one lives, how often it may be called, which plan it needs, what it does.

An operation of the OpenAPI document that is missing here is added by one row and one handler.
"""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from urllib.parse import unquote

from msgspec import Struct

from bridge.simulator import blips, calls, dispatch_calls, general, units
from bridge.simulator.community import Community, Plan
from bridge.simulator.messages import Ask, ProblemError, Request

Handler = Callable[[Community, Ask], object]

FREE, STANDARD, PLUS, PRO = Plan


class Route(Struct, frozen=True, kw_only=True):
    """One operation; ``per_minute`` is its documented limit, None where none is documented."""

    operation: str
    method: str
    template: str
    per_minute: int | None
    plan: Plan
    handler: Handler


class Match(Struct, frozen=True, kw_only=True):
    """A route and the decoded parameters of the path that led to it."""

    route: Route
    parameters: dict[str, str]


def _row(operation: str, line: str, per_minute: int | None, plan: Plan, handler: Handler) -> Route:
    method, _, template = line.partition(" ")
    return Route(
        operation=operation,
        method=method,
        template=template,
        per_minute=per_minute,
        plan=plan,
        handler=handler,
    )


_SERVER = "/v2/emergency/servers/{serverId}"
_DISPATCH = f"{_SERVER}/dispatch-calls"
_GENERAL = "/v2/general"

# Reading the configured servers is documented as Standard in one place and as Plus in another (v1); here it
# is Standard.
ROUTES: tuple[Route, ...] = (
    _row(
        "updateUnitLocations",
        f"PATCH {_SERVER}/unit-locations",
        12,
        STANDARD,
        units.update_unit_locations,
    ),
    _row("setUnitPanic", f"PATCH {_SERVER}/units/panic", 20, STANDARD, units.set_unit_panic),
    _row("setUnitStatus", f"PATCH {_SERVER}/units/status", 30, STANDARD, units.set_unit_status),
    _row("getActiveUnits", f"GET {_SERVER}/units", 3, PLUS, units.get_active_units),
    _row("kickUnit", f"POST {_SERVER}/units/kick", 20, STANDARD, units.kick_unit),
    _row("create911Call", f"POST {_SERVER}/calls/911", 10, STANDARD, calls.create_911_call),
    _row("remove911Call", f"DELETE {_SERVER}/calls/911/{{callId}}", 10, STANDARD, calls.remove_911_call),
    _row("getCalls", f"GET {_SERVER}/calls", 5, PLUS, calls.get_calls),
    _row("createDispatchCall", f"POST {_DISPATCH}", 20, PLUS, dispatch_calls.create_dispatch_call),
    _row("addCallNote", f"POST {_DISPATCH}/{{callId}}/notes", 60, PLUS, dispatch_calls.add_call_note),
    _row("attachUnits", f"POST {_DISPATCH}/{{callId}}/attachments", 10, PLUS, dispatch_calls.attach_units),
    _row("detachUnits", f"DELETE {_DISPATCH}/attachments", 10, PLUS, dispatch_calls.detach_units),
    _row("closeDispatchCalls", f"POST {_DISPATCH}/close", 20, PLUS, dispatch_calls.close_dispatch_calls),
    _row("createBlip", f"POST {_SERVER}/blips", 30, PRO, blips.create_blip),
    _row("getBlips", f"GET {_SERVER}/blips", 10, PRO, blips.get_blips),
    _row("sendPhoto", f"POST {_GENERAL}/photos", 10, PRO, general.send_photo),
    _row("heartbeat", f"POST {_GENERAL}/servers/{{serverId}}/heartbeat", 10, STANDARD, general.heartbeat),
    _row("getServers", f"GET {_GENERAL}/servers", 10, STANDARD, general.get_servers),
    _row("getVersion", f"GET {_GENERAL}/version", 10, FREE, general.get_version),
)

OPERATIONS = frozenset(route.operation for route in ROUTES)


def find(request: Request) -> Match:
    """Return the route of a request; ``ProblemError`` 404 or 405 where there is none."""
    segments = request.path.split("/")
    here = [
        Match(route=route, parameters=parameters)
        for route in ROUTES
        if (parameters := _parameters(route.template.split("/"), segments)) is not None
    ]
    if not here:
        raise ProblemError(HTTPStatus.NOT_FOUND, "There is no such endpoint.")
    for match in here:
        if match.route.method == request.method:
            return match
    raise ProblemError(HTTPStatus.METHOD_NOT_ALLOWED, f"This endpoint does not take {request.method}.")


def _parameters(template: Sequence[str], segments: Sequence[str]) -> dict[str, str] | None:
    """Return the path parameters if the segments fit the template; one parameter is one whole segment."""
    if len(template) != len(segments):
        return None
    found: dict[str, str] = {}
    for expected, segment in zip(template, segments, strict=True):
        if expected.startswith("{") and segment:
            found[expected.strip("{}")] = unquote(segment)
        elif expected != unquote(segment):
            return None
    return found
