from http import HTTPStatus

from bridge.listener.answer import Answer
from bridge.listener.counts import CODES, OTHER_CODES, RequestCounts
from bridge.listener.routes import OTHER, Push, Route
from bridge.metrics import Metrics


async def nothing(_: Push) -> Answer:
    return Answer(status=202)


def counted(metrics: Metrics, route: str, code: str) -> float | None:
    labels = {"route": route, "code": code}
    return metrics.registry.get_sample_value("cad_bridge_listener_requests_total", labels)


def test_every_answer_that_is_known_to_come_is_counted_from_zero() -> None:
    metrics = Metrics("0")
    RequestCounts(metrics, [Route(method="POST", path="/a", handler=nothing, success=HTTPStatus.ACCEPTED)])

    assert [counted(metrics, "/a", code) for code in ("202", *CODES)] == [0.0] * (1 + len(CODES))
    assert [counted(metrics, OTHER, code) for code in OTHER_CODES] == [0.0] * len(OTHER_CODES)
    assert counted(metrics, "/a", "200") is None


def test_a_thing_that_is_not_found_is_counted_from_zero() -> None:
    metrics = Metrics("0")
    RequestCounts(metrics, [Route(method="GET", path="/a/{id}", handler=nothing)])

    assert counted(metrics, "/a/{id}", "404") == 0.0


def test_answers_and_times_are_counted_by_route() -> None:
    metrics = Metrics("0")
    counts = RequestCounts(metrics, [Route(method="POST", path="/a", handler=nothing)])

    counts.answered("/a", "200")
    counts.answered("/a", "418")
    counts.took("/a", 0.25)

    assert (counted(metrics, "/a", "200"), counted(metrics, "/a", "418")) == (1.0, 1.0)
    total = metrics.registry.get_sample_value("cad_bridge_listener_request_seconds_sum", {"route": "/a"})
    assert total == 0.25
