from pathlib import Path

import pytest

from bridge.simulator.community import Plan
from bridge.simulator.messages import ProblemError, Request
from bridge.simulator.routes import OPERATIONS, ROUTES, find

DOCUMENTED = {
    "updateUnitLocations": ("PATCH", "/v2/emergency/servers/{serverId}/unit-locations", 12),
    "setUnitPanic": ("PATCH", "/v2/emergency/servers/{serverId}/units/panic", 20),
    "setUnitStatus": ("PATCH", "/v2/emergency/servers/{serverId}/units/status", 30),
    "create911Call": ("POST", "/v2/emergency/servers/{serverId}/calls/911", 10),
    "remove911Call": ("DELETE", "/v2/emergency/servers/{serverId}/calls/911/{callId}", 10),
    "kickUnit": ("POST", "/v2/emergency/servers/{serverId}/units/kick", 20),
    "createDispatchCall": ("POST", "/v2/emergency/servers/{serverId}/dispatch-calls", 20),
    "addCallNote": ("POST", "/v2/emergency/servers/{serverId}/dispatch-calls/{callId}/notes", 60),
    "attachUnits": ("POST", "/v2/emergency/servers/{serverId}/dispatch-calls/{callId}/attachments", 10),
    "detachUnits": ("DELETE", "/v2/emergency/servers/{serverId}/dispatch-calls/attachments", 10),
    "closeDispatchCalls": ("POST", "/v2/emergency/servers/{serverId}/dispatch-calls/close", 20),
    "createBlip": ("POST", "/v2/emergency/servers/{serverId}/blips", 30),
    "getBlips": ("GET", "/v2/emergency/servers/{serverId}/blips", 10),
    "sendPhoto": ("POST", "/v2/general/photos", 10),
    "heartbeat": ("POST", "/v2/general/servers/{serverId}/heartbeat", 10),
    "getVersion": ("GET", "/v2/general/version", 10),
    "getServers": ("GET", "/v2/general/servers", 10),
    "getCalls": ("GET", "/v2/emergency/servers/{serverId}/calls", 5),
    "getActiveUnits": ("GET", "/v2/emergency/servers/{serverId}/units", 3),
}


def test_the_table_is_what_sonoran_documents() -> None:
    table = {route.operation: (route.method, route.template, route.per_minute) for route in ROUTES}

    assert table == DOCUMENTED
    assert DOCUMENTED.keys() == OPERATIONS


@pytest.mark.parametrize("operation", sorted(DOCUMENTED))
def test_every_operation_is_found_with_its_parameters(operation: str) -> None:
    method, template, _ = DOCUMENTED[operation]
    path = template.replace("{serverId}", "12").replace("{callId}", "a%2Fb")

    match = find(Request(method=method, path=path))

    assert match.route.operation == operation
    assert match.parameters.get("serverId", "12") == "12"
    assert match.parameters.get("callId", "a/b") == "a/b"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v2/general/version/", 404),
        ("GET", "/v2/general/versions", 404),
        ("PATCH", "/v2/emergency/servers//unit-locations", 404),
        ("POST", "/v2/emergency/servers/1/dispatch-calls/1", 404),
        ("POST", "/v2/general/version", 405),
        ("POST", "/v2/emergency/servers/1/dispatch-calls/attachments", 405),
        ("DELETE", "/v2/emergency/servers/1/dispatch-calls/1/attachments", 405),
        ("DELETE", "/v2/emergency/servers/1/units/panic", 405),
    ],
)
def test_what_is_not_in_the_table_is_not_there(method: str, path: str, status: int) -> None:
    with pytest.raises(ProblemError) as caught:
        find(Request(method=method, path=path))
    assert caught.value.status == status


PLANS = {
    Plan.FREE: {"getVersion"},
    Plan.PLUS: {
        "getActiveUnits",
        "getCalls",
        "createDispatchCall",
        "addCallNote",
        "attachUnits",
        "detachUnits",
        "closeDispatchCalls",
    },
    Plan.PRO: {"createBlip", "getBlips", "sendPhoto"},
}


def test_each_operation_needs_the_plan_that_sonoran_names() -> None:
    named = {operation: plan for plan, operations in PLANS.items() for operation in operations}

    assert {route.operation: route.plan for route in ROUTES} == {
        operation: named.get(operation, Plan.STANDARD) for operation in OPERATIONS
    }


def test_the_simulator_knows_nothing_of_the_client_it_tests() -> None:
    sources = Path(__file__).parents[3].joinpath("bridge", "simulator").glob("*.py")
    imported = {
        line.split()[1]
        for source in sources
        for line in source.read_text("utf-8").splitlines()
        if line.startswith(("import bridge", "from bridge"))
    }

    assert {name for name in imported if not name.startswith("bridge.simulator")} <= {"bridge.clock"}
