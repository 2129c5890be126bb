import inspect

import pytest

from bridge import errors
from bridge.errors import (
    BridgeError,
    BudgetError,
    CadError,
    ConfigError,
    IdempotencyError,
    MalformedError,
    OutboxFullError,
    PushError,
    StartError,
    StoreError,
)


def test_every_error_has_the_one_base_and_stands_in_the_tree() -> None:
    classes = [
        kind for _, kind in inspect.getmembers(errors, inspect.isclass) if kind.__module__ == "bridge.errors"
    ]

    assert all(issubclass(kind, BridgeError) for kind in classes)
    assert all(kind.__name__ in (errors.__doc__ or "") for kind in classes)
    assert all(kind.__name__.endswith("Error") for kind in classes)


@pytest.mark.parametrize(
    ("kind", "base"),
    [
        (OutboxFullError, StoreError),
        (MalformedError, PushError),
        (BudgetError, CadError),
        (StartError, BridgeError),
        (IdempotencyError, BridgeError),
    ],
)
def test_an_error_can_be_caught_as_what_it_is_a_case_of(kind: type, base: type) -> None:
    assert issubclass(kind, base)


def test_a_bad_configuration_says_all_that_is_wrong() -> None:
    error = ConfigError(["a: no", "b: no"])

    assert error.problems == ("a: no", "b: no")
    assert str(error) == "a: no\nb: no"


def test_a_push_that_is_none_names_the_records() -> None:
    error = PushError("no push", [(1, "no id")])

    assert (str(error), error.problems) == ("no push", ((1, "no id"),))
    assert PushError("no push").problems == ()


def test_malformed_json_says_at_which_byte() -> None:
    error = MalformedError("not JSON", 17)

    assert (str(error), error.offset) == ("not JSON (byte 17)", 17)


def test_a_failure_of_the_cad_says_what_and_how_far_it_got() -> None:
    error = CadError("reset", sent=True)

    assert (str(error), error.reason, error.sent, error.sends) == ("reset", "reset", True, 1)
    assert CadError("reset", sent=True, sends=2).sends == 2


def test_a_full_budget_is_a_request_that_never_left() -> None:
    error = BudgetError(12.5)

    assert (error.reason, error.sent, error.free_at) == ("budget", False, 12.5)
