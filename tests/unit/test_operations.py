import re

import pytest

from bridge.config.schema import SCOPES
from bridge.events import EventId, EventKind
from bridge.operations import (
    DOCUMENTED_LIMITS,
    GET_CALLS,
    GET_SERVERS,
    GET_VERSION,
    HEARTBEAT,
    OPERATIONS,
    OTHER,
    OWN,
    UNDOCUMENTED,
    UPDATE_UNIT_LOCATIONS,
    Operation,
    Plan,
    Repeat,
    Scope,
)
from bridge.simulator.routes import ROUTES, Route
from bridge.sonoran import v2
from bridge.units import ServerId
from tests.support.sending import KINDS, UNIT

CREDENTIALS = frozenset({"getTurnCredentials", "verifySecret", "getLoginPage", "authStreetSigns"})
SIMULATED = {route.operation: route for route in ROUTES}

parametrized = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)


def test_the_simulator_has_the_same_operations() -> None:
    assert set(SIMULATED) == set(OPERATIONS)
    assert len(OPERATIONS) == 73  # 69 of the OpenAPI document, four documented beside it


@parametrized
def test_an_operation_is_as_the_simulators_own_reading_of_the_documents_has_it(operation: Operation) -> None:
    route: Route = SIMULATED[operation.name]

    assert (operation.method, operation.path) == (route.method, route.template)
    assert operation.per_minute == DOCUMENTED_LIMITS[operation.name]
    assert operation.per_minute == (UNDOCUMENTED if route.per_minute is None else route.per_minute)


@parametrized
def test_a_plan_that_is_known_is_the_simulators(operation: Operation) -> None:
    assert operation.plan is None or operation.plan.name == SIMULATED[operation.name].plan.name


def test_the_plans_are_in_order() -> None:
    assert [plan.value for plan in Plan] == ["free", "standard", "plus", "pro"]


@parametrized
def test_what_an_operation_outdates_are_reads_that_are_remembered(operation: Operation) -> None:
    assert len(set(operation.invalidates)) == len(operation.invalidates)
    for name in operation.invalidates:
        assert OPERATIONS[name].repeat is Repeat.READ
        assert OPERATIONS[name].cache_seconds > 0


@parametrized
def test_only_reads_are_remembered_and_only_changes_outdate_them(operation: Operation) -> None:
    read = operation.repeat is Repeat.READ

    assert read or not operation.cache_seconds
    assert not (read and operation.invalidates)
    assert 0 <= operation.cache_seconds <= 60.0


@parametrized
def test_what_may_be_told_again_can_be_asked_for_that_often(operation: Operation) -> None:
    """Else its readers would be refused although nobody else asks."""
    assert not operation.cache_seconds or operation.cache_seconds >= 60.0 / operation.per_minute


def test_credentials_are_never_remembered() -> None:
    assert {OPERATIONS[name].cache_seconds for name in CREDENTIALS} == {0.0}
    forgotten = {
        name for name, one in OPERATIONS.items() if one.repeat is Repeat.READ and not one.cache_seconds
    }
    assert forgotten == CREDENTIALS | {"checkCommunityLink"}  # it tells whether a code is right


def test_what_changes_a_thing_outdates_the_read_of_it() -> None:
    """Whatever has the path of a read, or lies below it, changes what it shows; heartbeats are no part of a server."""
    for read in OPERATIONS.values():
        if read.method != "GET" or not read.cache_seconds:
            continue
        changes = [
            one
            for one in OPERATIONS.values()
            if one.repeat is not Repeat.READ
            and one is not HEARTBEAT
            and (one.path == read.path or one.path.startswith(f"{read.path}/"))
        ]
        assert [one.name for one in changes if read.name not in one.invalidates] == []


def test_the_scopes_are_those_of_the_configuration() -> None:
    assert tuple(scope.value for scope in Scope) == SCOPES
    columns = {operation.scope for operation in OPERATIONS.values()}
    assert set(Scope) - columns == {Scope.CMS, Scope.OTHER}


@pytest.mark.parametrize(
    "name", ["setServers", "setPenalCodes", "setPostalConfig", "setStations", "setCallouts", "setPagerConfig"]
)
def test_what_configures_the_community_is_opened_only_on_demand(name: str) -> None:
    assert OPERATIONS[name].scope is Scope.CONFIGURATION


@pytest.mark.parametrize(
    "prefix", ["kickOrBan", "getAccounts", "modifyAccount", "applyPermission", "verifySecret"]
)
def test_what_touches_accounts_is_opened_only_on_demand(prefix: str) -> None:
    (operation,) = [one for name, one in OPERATIONS.items() if name.startswith(prefix)]
    assert operation.scope is Scope.ACCOUNTS


def test_what_the_bridge_sends_by_itself_is_what_it_can_build() -> None:
    events = {
        v2.deliver(ServerId(1), event, (UNIT,), 0.0, EventId("e")).operation.name
        for kind, event in KINDS.items()
        if kind is not EventKind.CLOCK  # which is the CMS's
    }
    others = {one.name for one in (UPDATE_UNIT_LOCATIONS, GET_CALLS, HEARTBEAT, GET_VERSION, GET_SERVERS)}
    built = {
        v2.get_version().operation.name,
        v2.get_servers().operation.name,
        v2.get_calls(ServerId(1), 1, 0).operation.name,
        v2.heartbeat(ServerId(1), 1).operation.name,
        v2.update_unit_locations(ServerId(1), ()).operation.name,
    }

    assert built == others
    assert {operation.name for operation in OWN} == events | others
    assert len(set(OWN)) == len(OWN)


def test_what_creates_something_must_not_be_repeated() -> None:
    once = {operation.name for operation in OPERATIONS.values() if operation.repeat is Repeat.ONCE}

    assert once == {
        "addCallNote",
        "applyPermissionKey",
        "create911Call",
        "createBlip",
        "createCommunityLink",
        "createCustomDispatchCall",
        "createDispatchCall",
        "createIdentifier",
        "createRecord",
        "kickUnit",
        "sendDraft",
        "sendPhoto",
        "uploadBodycamRecording",
    }


def test_reads_are_all_questions_and_what_only_looks_something_up() -> None:
    reads = {operation.name for operation in OPERATIONS.values() if operation.repeat is Repeat.READ}
    asked = {operation.name for operation in OPERATIONS.values() if operation.method == "GET"}

    assert reads - asked == {
        "authStreetSigns",
        "checkCommunityLink",
        "lookupByCustomSearch",
        "lookupByValue",
        "lookupNameOrPlate",
        "verifySecret",
    }
    assert asked <= reads


@parametrized
def test_the_parameters_are_those_of_the_path(operation: Operation) -> None:
    bare = operation.path
    for name in operation.parameters:
        bare = bare.replace(f"{{{name}}}", "1")

    assert re.fullmatch(r"/v2(/[a-z0-9-]+)+", bare)
    assert len(set(operation.parameters)) == len(operation.parameters)


def test_what_the_table_does_not_know_has_a_budget_and_a_scope_of_its_own() -> None:
    assert (OTHER.scope, OTHER.repeat, OTHER.cache_seconds, OTHER.per_minute) == (
        Scope.OTHER,
        Repeat.ONCE,
        0.0,
        10,
    )
    assert {one.name: one.per_minute for one in (*OPERATIONS.values(), OTHER)} == DOCUMENTED_LIMITS
    assert OTHER.name not in OPERATIONS
