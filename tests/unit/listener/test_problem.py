from http import HTTPStatus

import msgspec
import pytest

from bridge.errors import CadError, PushError, StartError
from bridge.listener.problem import problem, problem_of


def test_a_problem_has_the_members_of_its_kind_and_more() -> None:
    answer = problem(HTTPStatus.NOT_FOUND, "nothing here", headers={"X": "1"}, more=[1])

    assert (answer.status, answer.content_type, answer.headers) == (
        404,
        "application/problem+json",
        {"X": "1"},
    )
    assert msgspec.json.decode(answer.body) == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "nothing here",
        "more": [1],
    }


def test_a_push_error_lists_its_bad_records() -> None:
    answer = problem_of(PushError("2 are bad", [(0, "no id"), (7, "no type")]))

    assert msgspec.json.decode(answer.body)["problems"] == [
        {"index": 0, "reason": "no id"},
        {"index": 7, "reason": "no type"},
    ]


@pytest.mark.parametrize("error", [StartError("x"), CadError("timeout", sent=True)])
def test_errors_that_no_push_can_cause_are_not_answered_as_if(error: StartError | CadError) -> None:
    with pytest.raises(type(error)):
        problem_of(error)
