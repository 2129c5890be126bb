import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.simulator.cad import SIMULATOR_KEY, Cad
from bridge.simulator.cloud import Cloud
from bridge.simulator.community import Plan
from bridge.simulator.messages import Request
from bridge.simulator.routes import OPERATIONS
from tests.support.cad_requests import (
    NOON,
    SERVER_1,
    cad_request,
    call_911,
    content,
    locations,
    panic,
    version,
)
from tests.support.operation_examples import EXAMPLES
from tests.support.prepared_cad import prepare
from tests.support.stepping_clock import SteppingClock

ALL = [example.request() for example in EXAMPLES]  # in this order each finds what it is about
LOCKED = [request for request in ALL if not request.path.endswith("/login-page")]


def prepared(plan: Plan = Plan.PRO) -> Cad:
    cloud = Cloud(SteppingClock(), Cad(plan=plan))
    prepare(cloud)
    return cloud.cad


def test_every_operation_answers_json_with_a_trace_id() -> None:
    cad = prepared()

    for request in ALL:
        reply = cad.handle(request, NOON)

        assert reply.status == 200, (request, reply)
        assert reply.headers["Content-Type"] == "application/json"
        assert reply.headers["x-trace-id"]
    assert {cad.locate(request)[0] for request in ALL} == OPERATIONS


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"Authorization": SIMULATOR_KEY},
        {"Authorization": f"bearer {SIMULATOR_KEY}"},
        {"Authorization": f"Basic {SIMULATOR_KEY}"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Bearer {SIMULATOR_KEY} "},
        {"Authorization": "Bearer \udce9"},
    ],
)
@pytest.mark.parametrize("asked", LOCKED, ids=lambda request: f"{request.method} {request.path}")
def test_anything_but_the_right_key_is_a_401(asked: Request, header: dict[str, str]) -> None:
    headers = {"Content-Type": "application/json", **header}
    request = Request(
        method=asked.method, path=asked.path, query=asked.query, headers=headers, body=asked.body
    )

    reply = Cad().handle(request, NOON)

    assert reply.status == 401
    assert reply.headers["Content-Type"] == "application/problem+json"
    assert SIMULATOR_KEY.encode() not in reply.body


def test_the_key_is_the_one_that_was_given() -> None:
    cad = Cad(key="another")
    headers = {"Authorization": "Bearer another"}

    assert cad.key == "another"
    assert cad.handle(cad_request("GET", "/v2/general/version", headers=headers), NOON).status == 200
    assert cad.handle(version(), NOON).status == 401


def test_a_refusal_is_a_problem_document() -> None:
    reply = Cad().handle(cad_request("GET", "/v2/nowhere"), NOON)
    problem = content(reply)

    assert reply.status == 404
    assert (problem["title"], problem["status"], problem["instance"]) == ("Not Found", 404, "/v2/nowhere")
    assert problem["type"]
    assert problem["detail"]
    assert problem["traceId"] == reply.headers["x-trace-id"]


def test_trace_ids_are_never_the_same() -> None:
    cad = Cad()

    assert len({cad.handle(version(), NOON).headers["x-trace-id"] for _ in range(20)}) == 20


@pytest.mark.parametrize("server", ["5", "0", "-1"])
def test_a_server_that_is_not_configured_is_a_404(server: str) -> None:
    request = panic()
    elsewhere = cad_request("PATCH", request.path.replace("/1/", f"/{server}/"), request.body)

    assert Cad().handle(elsewhere, NOON).status == 404


def test_servers_one_to_four_are_configured_by_default() -> None:
    cad = Cad()
    paths = [f"/v2/general/servers/{server}/heartbeat" for server in range(1, 5)]

    replies = [cad.handle(cad_request("POST", path, {"playerCount": 1}), NOON) for path in paths]

    assert [reply.status for reply in replies] == [200] * 4


def test_a_server_that_is_no_number_is_a_400() -> None:
    assert Cad().handle(cad_request("GET", "/v2/emergency/servers/one/calls"), NOON).status == 400


def test_the_login_page_is_told_without_a_key() -> None:
    request = cad_request("GET", "/v2/general/login-page", query={"communityId": "examplecad"}, headers={})

    assert Cad().handle(request, NOON).status == 200


@pytest.mark.parametrize(
    ("plan", "refused"),
    [
        (Plan.PRO, 0),
        (Plan.PLUS, 12),  # no blips, signs, photos, films
        (Plan.STANDARD, 48),  # units and calls cannot be read, and nothing on the dispatch board changed
        (Plan.FREE, 70),  # all but version, info and login page
    ],
)
def test_an_operation_above_the_plan_is_a_403(plan: Plan, refused: int) -> None:
    cad = prepared(plan)

    statuses = [cad.handle(request, NOON).status for request in ALL]

    assert statuses.count(403) == refused
    assert statuses.count(200) == len(ALL) - refused


def test_the_simulator_is_on_the_highest_plan_by_default() -> None:
    assert Cad().community.plan is Plan.PRO


def test_past_the_limit_the_gateway_answers_429() -> None:
    cad = Cad()
    statuses = [cad.handle(locations(), NOON + 7).status for _ in range(12)]

    reply = cad.handle(locations(), NOON + 7.5)

    assert statuses == [200] * 12
    assert reply.status == 429
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.headers["Retry-After"] == "60"
    assert content(reply) == {"message": "API rate limit exceeded", "request_id": reply.headers["x-trace-id"]}


def test_what_is_refused_with_429_is_not_done() -> None:
    cad = Cad()
    for _ in range(11):
        cad.handle(call_911(), NOON)

    assert len(cad.community.calls(NOON)) == 10


def test_requests_that_are_refused_count_against_the_limit() -> None:
    cad = Cad()
    broken = cad_request("PATCH", f"{SERVER_1}/unit-locations", {})

    assert [cad.handle(broken, NOON).status for _ in range(13)] == [400] * 12 + [429]


def test_a_wrong_key_does_not_use_up_the_limit() -> None:
    cad = Cad()
    for _ in range(30):
        cad.handle(cad_request("GET", "/v2/general/version", headers={}), NOON)

    assert cad.handle(version(), NOON).status == 200


def test_operation_and_server_of_a_request_are_told() -> None:
    cad = Cad()

    assert cad.locate(panic()) == ("setUnitPanic", 1)
    assert cad.locate(version()) == ("getVersion", None)
    assert cad.locate(cad_request("GET", "/v2/emergency/servers/one/calls")) == ("getCalls", None)
    assert cad.locate(cad_request("GET", "/nowhere")) == (None, None)


def test_a_reset_forgets_what_happened_and_opens_the_limits() -> None:
    cad = Cad()
    for _ in range(11):
        cad.handle(call_911(), NOON)

    cad.reset()

    assert cad.community.calls(NOON) == []
    assert cad.handle(call_911(), NOON).status == 200


def _encoded(value: object) -> bytes:
    try:
        return msgspec.json.encode(value)
    except (OverflowError, UnicodeEncodeError):
        return str(value).encode(errors="replace")


FIELDS = (
    "updates",
    "communityUserId",
    "communityUserIds",
    "apiIds",
    "identIds",
    "isPanic",
    "status",
    "location",
    "coordinates",
    "playerCount",
    "deleteAfterMinutes",
    "metaData",
    "notes",
    "note",
    "callIds",
    "reason",
    "data",
    "url",
    "servers",
    "signs",
    "ids",
    "id",
    "nodes",
    "values",
    "templateId",
    "recordTypeId",
    "replaceValues",
    "types",
    "isBan",
    "add",
    "codes",
    "postals",
    "callouts",
    "locations",
    "characterId",
    "accountUuid",
    "secret",
    "permissionKey",
)
TEXTS = st.sampled_from(["", "license:1", "é", "\0"])
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
    max_leaves=6,
)
BODIES = st.binary() | st.dictionaries(st.sampled_from(FIELDS), JSON_VALUES).map(_encoded)


@given(st.sampled_from(ALL), BODIES)
def test_whatever_comes_is_answered(request: Request, body: bytes) -> None:
    cad = prepared()
    cad.limiter.enforced = False
    path = cad_request(request.method, request.path, body, query=dict(request.query))

    assert cad.handle(path, NOON).status in {200, 400, 404, 415}  # 415: no form


def test_a_body_that_is_nested_without_end_is_a_400() -> None:
    assert Cad().handle(cad_request("PATCH", panic().path, b"[" * 500_000), NOON).status == 400


@pytest.mark.parametrize("server", ["9" * 5000, "%FF", "%", "²"])
def test_a_path_that_makes_no_sense_is_a_400(server: str) -> None:
    request = cad_request("GET", f"/v2/emergency/servers/{server}/calls")

    assert Cad().locate(request) == ("getCalls", None)
    assert Cad().handle(request, NOON).status == 400
