from http import HTTPStatus

import msgspec

from bridge.admin.problem import as_json, problem


def test_a_problem_says_what_in_its_own_type() -> None:
    answer = problem(HTTPStatus.CONFLICT, "it was delivered", {"Retry-After": "5"})

    assert (answer.status, answer.content_type, answer.headers["Retry-After"]) == (
        409,
        "application/problem+json",
        "5",
    )
    assert isinstance(answer.body, bytes)
    assert msgspec.json.decode(answer.body) == {
        "type": "about:blank",
        "title": "Conflict",
        "status": 409,
        "detail": "it was delivered",
    }


def test_no_cache_keeps_a_value() -> None:
    answer = as_json({"a": 1})

    assert (answer.body, answer.headers["Cache-Control"]) == (b'{"a":1}', "no-store")
