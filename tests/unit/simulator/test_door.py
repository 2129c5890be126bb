from bridge.simulator.door import Gateway, TextGateway
from bridge.simulator.envelope import RefusedError
from bridge.simulator.messages import Request

REQUEST = Request(method="POST", path="/")


def test_each_answer_has_a_number_of_its_own() -> None:
    gateway = Gateway()

    assert gateway.trace() != gateway.trace()


def test_how_long_to_wait_is_told_in_whole_seconds() -> None:
    waits = [Gateway().too_many(wait).headers["Retry-After"] for wait in (0.001, 1.0, 1.1)]

    assert waits == ["1", "1", "2"]


def test_a_reason_is_text_or_json() -> None:
    gateway = TextGateway()

    assert gateway.problem(REQUEST, 400, "NO", {"x-more": "1"}).headers["x-more"] == "1"
    assert gateway.problem(REQUEST, 404, "NO").body == b"NO"
    assert gateway.refusal(RefusedError({"status": 400})).headers["Content-Type"] == "application/json"


def test_only_what_looks_like_it_is_json() -> None:
    kinds = [TextGateway().kind(body) for body in ("", "TEXT", "{}", "[]")]

    assert [kind.partition(";")[0] for kind in kinds] == ["text/plain"] * 2 + ["application/json"] * 2
