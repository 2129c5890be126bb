from typing import Any

import pytest

from bridge.simulator.cad import Cad
from bridge.simulator.cloud import Cloud
from bridge.simulator.community import Plan
from bridge.simulator.messages import Request
from tests.support.cad_requests import NOON, content, get_units, version
from tests.support.stepping_clock import SteppingClock
from tests.support.v1_examples import BY_TYPE, EXAMPLES, Example, ask, ok, refusal

ORDER: tuple[tuple[dict[str, str], str], ...] = (
    ({"type": "GET_SERVERS"}, "INVALID REQUEST TYPE"),
    ({"id": "elsewhere"}, "INVALID COMMUNITY ID"),
    ({}, "API IS NOT ENABLED FOR THIS COMMUNITY"),
    ({"key": "wrong"}, "INVALID API KEY"),
)


def cloud(**settings: Any) -> Cloud:
    return Cloud(SteppingClock(), Cad(**settings))


@pytest.mark.parametrize("first_wrong", range(4))
def test_what_is_wrong_is_told_in_the_documented_order(first_wrong: int) -> None:
    some = cloud(plan=Plan.STANDARD)
    wrong: dict[str, str] = {}
    for changed, _ in ORDER[first_wrong:]:
        wrong |= changed
    if first_wrong == 3:
        some.cad.community.plan = Plan.PRO

    assert refusal(some, "GET_CALLS", [{"serverId": 1}], **wrong) == ORDER[first_wrong][1]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.type)
def test_every_type_knows_its_path_its_community_and_its_key(example: Example) -> None:
    some = cloud()
    kind, data, extra = example.type, example.data, example.extra

    assert refusal(some, kind, data, **extra, type="UNKNOWN") == "INVALID REQUEST TYPE"
    assert refusal(some, kind, data, **extra, id="elsewhere") == "INVALID COMMUNITY ID"
    assert refusal(some, kind, data, **extra, key="wrong") == "INVALID API KEY"
    some.cad.community.api = "v2"
    assert refusal(some, kind, data, **extra) == "API IS NOT ENABLED FOR THIS COMMUNITY"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b'{"type": 1}', b"[" * 100_000])
def test_what_is_no_envelope_has_no_type(body: bytes) -> None:
    reply = cloud().cad.v1.handle(Request(method="POST", path="/emergency/unit_panic", body=body), NOON)

    assert (reply.status, reply.body) == (400, b"INVALID REQUEST TYPE")


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/general/get_version", 405), ("POST", "/general/nothing", 404)]
)
def test_endpoints_take_post_alone(method: str, path: str, status: int) -> None:
    some = cloud()
    request = Request(method=method, path=path)

    assert some.door(request).handle(request, NOON).status == status


def test_the_content_type_does_not_matter() -> None:
    some = cloud()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    request = Request(
        method="POST", path="/general/get_version", headers=headers, body=BY_TYPE["GET_VERSION"].payload()
    )

    assert some.cad.v1.handle(request, NOON).body == b"4 - PRO"


def test_blips_are_refused_in_their_own_words() -> None:
    some = cloud(plan=Plan.PLUS)

    assert refusal(some, "REMOVE_BLIP", [{"ids": [1]}]) == "API ENDPOINT IS NOT ENABLED FOR THIS COMMUNITY"
    some.cad.community.api = "v2"
    some.cad.community.plan = Plan.PRO
    assert refusal(some, "REMOVE_BLIP", [{"ids": [1]}]) == "API IS NOT ENABLED FOR THIS COMMUNITY"


def test_a_community_that_is_on_v1_alone_is_refused_in_v2() -> None:
    some = cloud()
    some.cad.community.api = "v1"

    assert some.cad.handle(version(), NOON).status == 401
    assert ok(some, "GET_VERSION", []) == "4 - PRO"


def test_both_interfaces_speak_of_the_same_units() -> None:
    some = cloud()
    ok(some, "UNIT_PANIC", [{"apiId": "license:1", "isPanic": True}])

    (unit,) = content(some.cad.handle(get_units(), NOON))
    assert unit["isPanic"] is True


def test_a_unit_that_is_not_liked_changes_nothing() -> None:
    some = cloud()
    data = [{"apiId": "good", "isPanic": True}, {"apiId": "bad", "isPanic": True}]
    request = Example(type="UNIT_PANIC", data=data).request()

    assert some.cad.v1.handle(request, NOON, frozenset({"bad"})).status == 400
    assert some.cad.community.units == {}


def test_all_types_share_sixty_requests_a_minute() -> None:
    some = cloud()
    kinds = ("GET_VERSION", "GET_SERVERS", "GET_TEMPLATES")
    replies = [ask(some, kinds[number % 3], [], NOON + number * 0.1) for number in range(61)]

    assert [reply.status for reply in replies] == [200] * 60 + [429]
    assert replies[-1].headers["Retry-After"] == "54"
    assert content(replies[-1])["message"] == "API rate limit exceeded"
    assert some.cad.limiter.violations == 1
    assert some.cad.limiter.tallies()["V1"].peak == 61
    assert some.cad.limiter.tallies()["V1:GET_SERVERS"].arrivals == 20
    assert ask(some, "GET_VERSION", [], NOON + 60.01).status == 200


def test_locations_sooner_than_every_five_seconds_are_taken_and_counted() -> None:
    some = cloud()
    data = BY_TYPE["UNIT_LOCATION"].data

    for second in (0.0, 5.0, 9.5, 14.5):
        ok(some, "UNIT_LOCATION", data, NOON + second)

    assert some.cad.limiter.tallies()["V1:UNIT_LOCATION"].violations == 1
    assert some.cad.limiter.violations == 1


def test_what_is_refused_before_the_limit_is_not_counted() -> None:
    some = cloud()
    refusal(some, "GET_VERSION", [], key="wrong")

    assert some.cad.limiter.tallies()["V1"].arrivals == 0


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ([], "'data' is empty"),
        (None, "'data' is empty"),
        ([{"isPanic": True}], "No unit is named"),
        ([{"apiId": "a"}], "isPanic"),
        ([{"apiId": 7, "isPanic": True}], "apiId"),
        ([None], "Expected `object`"),
    ],
)
def test_data_that_makes_no_sense_is_refused(data: Any, told: str) -> None:
    assert told in refusal(cloud(), "UNIT_PANIC", data)


def test_a_server_that_is_not_configured_is_refused() -> None:
    some = cloud(servers=(1,))

    assert refusal(some, "GET_CALLS", [{"serverId": 9}]) == "Server not found with ID: 9"
    assert refusal(some, "AUTH_STREETSIGNS", {"serverId": 9}) == "Server not found with ID: 9"


def test_one_object_may_stand_without_a_list() -> None:
    some = cloud()
    ok(some, "UNIT_PANIC", {"apiId": "a", "isPanic": True})

    assert some.cad.community.units["a"].is_panic
