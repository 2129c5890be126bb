from http import HTTPStatus

import msgspec
import pytest

from bridge.errors import CadError, PushError, StartError
from bridge.listener.problem import explain, not_allowed, problem, problem_of, rate_limited


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


def test_a_push_error_may_be_explained_with_another_status() -> None:
    plain = explain(HTTPStatus.BAD_REQUEST, PushError("no title"))
    listed = explain(HTTPStatus.BAD_REQUEST, PushError("1 is bad", [(3, "no id")]))

    assert (plain.status, listed.status) == (400, 400)
    assert "problems" not in msgspec.json.decode(plain.body)
    assert msgspec.json.decode(listed.body)["problems"] == [{"index": 3, "reason": "no id"}]


def test_a_method_that_is_not_taken_is_answered_with_those_that_are() -> None:
    answer = not_allowed({"PUT", "GET"})

    assert (answer.status, answer.headers) == (405, {"Allow": "GET, PUT"})
    assert "expected GET, PUT" in answer.body.decode()


@pytest.mark.parametrize(("seconds", "told"), [(0.0, 1), (0.2, 1), (59.01, 60), (-5.0, 1)])
def test_a_limit_says_when_to_come_again_as_the_cad_would_and_in_the_body(seconds: float, told: int) -> None:
    answer = rate_limited(seconds)
    body = msgspec.json.decode(answer.body)

    assert (answer.status, answer.content_type, answer.headers) == (
        429,
        "application/json",
        {"Retry-After": str(told)},
    )
    assert (body["message"], body["retry_after"]) == ("API rate limit exceeded", told)
    assert len(body["request_id"]) == 32
