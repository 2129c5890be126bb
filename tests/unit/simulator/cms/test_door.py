from typing import Any

import msgspec
import pytest

from bridge.simulator.cloud import Cloud
from bridge.simulator.cms.door import ENDPOINTS
from bridge.simulator.messages import Request
from bridge.simulator.v1.table import BY_PATH
from tests.support.cad_requests import NOON
from tests.support.cms_examples import (
    BY_TYPE,
    EXAMPLES,
    Example,
    prepare_cms,
)
from tests.support.stepping_clock import SteppingClock

NOT_LINKED = "API ID NOT LINKED TO AN ACCOUNT IN THIS COMMUNITY"
NOBODY = "NO ACCOUNT FOUND UNDER GIVEN PARAMETERS IN THIS COMMUNITY"


@pytest.fixture(name="cloud")
def _cloud() -> Cloud:
    return prepared()


def prepared() -> Cloud:
    cloud = Cloud(SteppingClock())
    prepare_cms(cloud)
    return cloud


def test_the_endpoints_are_the_documented_ones() -> None:
    assert {endpoint.path: endpoint.per_minute for endpoint in ENDPOINTS} == {
        "/general/get_sub_version": 13,
        "/general/check_com_apiid": 27,
        "/general/get_com_account": 27,
        "/general/get_account_ranks": 27,
        "/general/clock_in_out": 22,
        "/servers/get_game_servers": 13,
        "/servers/verify_whitelist": 27,
        "/servers/full_whitelist": 13,
    }
    assert sorted(example.type for example in EXAMPLES) == sorted(endpoint.name for endpoint in ENDPOINTS)
    assert not {endpoint.path for endpoint in ENDPOINTS} & BY_PATH.keys()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.type)
def test_two_simulators_that_are_prepared_alike_answer_alike(example: Example) -> None:
    replies = [prepared().cms.handle(example.request(), now) for now in (NOON, NOON + 777.0)]

    assert [reply.status for reply in replies] == [200, 200]
    assert replies[0] == replies[1]
    if example.text is not None:
        assert replies[0].body.decode() == example.text


def test_the_examples_work_one_after_the_other(cloud: Cloud) -> None:
    assert [cloud.cms.handle(example.request(), NOON).status for example in EXAMPLES] == [200] * 8


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.type)
def test_what_is_wrong_is_told_in_the_cads_order(cloud: Cloud, example: Example) -> None:
    def refused(key: str, community: str, kind: str) -> bytes:
        body = {"id": community, "key": key, "type": kind, "data": example.data}
        request = Request(method="POST", path=example.path, body=msgspec.json.encode(body))
        reply = cloud.cms.handle(request, NOON)
        assert reply.status == 400
        return reply.body

    assert refused("wrong", "elsewhere", "OTHER") == b"INVALID REQUEST TYPE"
    assert refused("wrong", "examplecad", example.type) == b"INVALID COMMUNITY ID"
    assert refused("simulator-key", "examplecms", example.type) == b"INVALID API KEY"


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_each_endpoint_has_a_limit_of_its_own(cloud: Cloud, endpoint: Any) -> None:
    request = BY_TYPE[endpoint.name].request()

    statuses = [cloud.cms.handle(request, NOON).status for _ in range(endpoint.per_minute + 1)]

    assert statuses == [200] * endpoint.per_minute + [429]
    assert cloud.cms.limiter.violations == 1
    assert cloud.cad.limiter.violations == 0
    assert cloud.cms.handle(request, NOON + 60).status == 200


def test_paths_that_are_none_and_other_methods_are_refused(cloud: Cloud) -> None:
    def status(method: str, path: str) -> int:
        return cloud.cms.handle(Request(method=method, path=path), NOON).status

    assert (status("GET", "/servers/full_whitelist"), status("POST", "/servers/none")) == (405, 404)
