from typing import Any

import msgspec
import pytest

from bridge.simulator.cloud import Cloud
from bridge.simulator.messages import Reply
from bridge.simulator.routes import OPERATIONS
from tests.support.cad_requests import NOON, content
from tests.support.operation_examples import BY_OPERATION, EXAMPLES, Example
from tests.support.prepared_cad import OTHER_IDENT, OTHER_UNIT, comparable, prepare
from tests.support.stepping_clock import SteppingClock


def prepared() -> Cloud:
    cloud = Cloud(SteppingClock())
    prepare(cloud)
    return cloud


def answer(cloud: Cloud, example: Example, now: float = NOON) -> Reply:
    reply = cloud.cad.handle(example.request(), now)
    assert reply.status == 200, (example.operation, reply)
    return reply


def test_there_is_one_example_of_every_operation() -> None:
    assert sorted(example.operation for example in EXAMPLES) == sorted(OPERATIONS)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.operation)
def test_two_simulators_that_are_prepared_alike_answer_alike(example: Example) -> None:
    first, second = (content(answer(prepared(), example, now)) for now in (NOON, NOON + 777.0))

    assert comparable(first) == comparable(second)


def test_the_examples_work_one_after_the_other() -> None:
    cloud = prepared()

    for example in EXAMPLES:
        answer(cloud, example)


NAMES_SOMETHING = {"accountUuid", "callId", "identId", "blipId", "recordId", "characterId"}


@pytest.mark.parametrize(
    "example",
    [one for one in EXAMPLES if NAMES_SOMETHING & one.path.keys()],
    ids=lambda example: example.operation,
)
def test_what_a_path_names_is_a_404_where_it_is_not_there(example: Example) -> None:
    assert Cloud(SteppingClock()).cad.handle(example.request(), NOON).status == 404


def test_only_instants_and_credentials_are_left_out() -> None:
    turn: Any = comparable(content(answer(prepared(), BY_OPERATION["getTurnCredentials"])))
    assert turn["iceServers"][0] | {"urls": []} == {
        "urls": [],
        "username": "(varies)",
        "credential": "(varies)",
    }
    assert comparable({"username": "Player x", "updated": 1, "time": "2027-01-15T08:00:00Z"}) == {
        "username": "Player x",
        "updated": 1,
        "time": "(varies)",
    }


def test_the_second_unit_is_the_one_that_the_examples_name() -> None:
    assert prepared().cad.community.units[OTHER_UNIT].ident == OTHER_IDENT


def test_a_target_is_percent_encoded() -> None:
    assert BY_OPERATION["setIdentifierGroup"].target.endswith("/identifier-groups/CAR%2051%2FB")
    assert msgspec.json.decode(BY_OPERATION["heartbeat"].payload) == {"playerCount": 42}
