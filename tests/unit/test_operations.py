import pytest

from bridge.operations import DOCUMENTED_LIMITS, OPERATIONS, Operation, Repeat
from bridge.simulator.routes import ROUTES


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_an_operation_is_as_the_simulators_own_reading_of_the_documents_has_it(operation: Operation) -> None:
    route = next(route for route in ROUTES if route.operation == operation.name)

    assert (operation.method, operation.path) == (route.method, route.template)
    assert operation.per_minute == route.per_minute == DOCUMENTED_LIMITS[operation.name]


def test_only_what_creates_something_must_not_be_repeated() -> None:
    once = {operation.name for operation in OPERATIONS.values() if operation.repeat is Repeat.ONCE}
    reads = {operation.name for operation in OPERATIONS.values() if operation.repeat is Repeat.READ}

    assert once == {
        "create911Call",
        "createDispatchCall",
        "addCallNote",
        "kickUnit",
        "createBlip",
        "sendPhoto",
    }
    assert reads == {operation.name for operation in OPERATIONS.values() if operation.method == "GET"}
