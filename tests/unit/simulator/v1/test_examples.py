from typing import Any

import msgspec
import pytest

from bridge.simulator.cloud import Cloud
from bridge.simulator.messages import JSON, Reply
from bridge.simulator.v1.table import TYPES
from tests.support.cad_requests import NOON
from tests.support.prepared_cad import comparable, prepare
from tests.support.stepping_clock import SteppingClock
from tests.support.v1_examples import EXAMPLES, Example


def prepared() -> Cloud:
    cloud = Cloud(SteppingClock())
    prepare(cloud)
    return cloud


def answer(cloud: Cloud, example: Example, now: float = NOON) -> Any:
    reply: Reply = cloud.cad.v1.handle(example.request(), now)
    assert reply.status == 200, (example.type, reply)
    if reply.headers["Content-Type"] == JSON:
        assert example.text is None
        return msgspec.json.decode(reply.body)
    assert reply.headers["Content-Type"] == "text/plain; charset=utf-8"
    return reply.body.decode()


def test_there_is_one_example_of_every_type() -> None:
    assert sorted(example.type for example in EXAMPLES) == sorted(row.name for row in TYPES)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.type)
def test_two_simulators_that_are_prepared_alike_answer_alike(example: Example) -> None:
    first, second = (answer(prepared(), example, now) for now in (NOON, NOON + 777.0))

    assert comparable(first) == comparable(second)
    if example.text is not None:
        assert first == example.text


def test_the_examples_work_one_after_the_other() -> None:
    cloud = prepared()
    cloud.cad.limiter.enforced = False

    for example in EXAMPLES:
        answer(cloud, example)
