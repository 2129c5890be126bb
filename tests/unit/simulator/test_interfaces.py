"""What the cloud does for all interfaces alike: faults, the journal, steering, sockets."""

import asyncio
import hashlib
from typing import Any

import aiohttp
import msgspec
import pytest

from bridge.clock import SystemClock
from bridge.simulator.cloud import Cloud, Dropped
from bridge.simulator.control import Control
from bridge.simulator.faults import Answer, Delay, Down, Drop, Fault, Half, Hang, RefuseKey, RefuseUnits
from bridge.simulator.messages import Request
from bridge.simulator.server import SimulatorServer
from bridge.simulator.state import state_of
from tests.support import cms_examples, v1_examples
from tests.support.cad_requests import NOON, cad_request, content, version
from tests.support.stepping_clock import SteppingClock, settle

PANIC = v1_examples.BY_TYPE["UNIT_PANIC"].request()
CLOCK = cms_examples.BY_TYPE["CLOCK_IN_OUT"].request()

BOTH = pytest.mark.parametrize(
    ("operation", "request_"), [("V1:UNIT_PANIC", PANIC), ("CMS:CLOCK_IN_OUT", CLOCK)], ids=["v1", "cms"]
)


def prepared(*faults: Fault) -> Cloud:
    cloud = Cloud(SteppingClock())
    cms_examples.prepare_cms(cloud)
    cloud.faults.add(*faults)
    return cloud


def acted(cloud: Cloud) -> bool:
    return any(unit.is_panic for unit in cloud.cad.community.units.values()) or bool(
        cloud.cms.community.sessions
    )


@BOTH
async def test_a_request_is_written_down_under_its_operation_without_its_key(
    operation: str, request_: Request
) -> None:
    cloud = prepared()
    await cloud.exchange(request_)

    (received,) = cloud.journal.of(operation)
    body: Any = received.decoded()
    assert (received.status, received.lost, body["key"]) == (200, False, "***")
    assert received.sha256 == hashlib.sha256(request_.body).hexdigest()
    assert received.length == len(request_.body)
    assert b"simulator" not in received.body


def test_a_key_is_hidden_however_it_is_written() -> None:
    cloud = prepared()
    for body in (b'{"type": "A", "key": "\\u0041b", "id": 1}', b'{"key":"Ab" , "type": 1}'):
        request = Request(method="POST", path="/general/none", body=body)
        cloud.journal.write(request, (None, None), monotonic=0.0, wall=0.0)

    escaped, plain = cloud.journal
    assert escaped.decoded() == {"type": "A", "key": "***", "id": 1}
    assert plain.text == '{"key":"***" , "type": 1}'


@pytest.mark.parametrize(
    "body", [b"", b"no json", b'{"type": "A"}', b'{"type": "A", "key": 7}', b'{"key": "A"}']
)
def test_a_body_without_a_key_is_kept_as_it_came(body: bytes) -> None:
    cloud = prepared()
    request = Request(method="POST", path="/general/none", body=body)
    cloud.journal.write(request, (None, None), monotonic=0.0, wall=0.0)

    (received,) = cloud.journal
    assert received.body == body


async def test_the_server_that_a_request_names_is_noted() -> None:
    cloud = prepared()
    for kind, data in (
        ("GET_CALLS", [{"serverId": 3}]),
        ("SET_STATIONS", {"serverId": 2}),
        ("GET_VERSION", []),
    ):
        await cloud.exchange(v1_examples.Example(type=kind, data=data).request())

    assert [received.server for received in cloud.journal] == [3, 2, None]


@BOTH
@pytest.mark.parametrize("wide", [True, False])
async def test_what_is_down_is_not_reached(operation: str, request_: Request, wide: bool) -> None:  # noqa: FBT001 -- table
    cloud = prepared(Down(operation="*" if wide else operation))

    with pytest.raises(Dropped):
        await cloud.exchange(request_)

    assert not acted(cloud)
    assert cloud.journal.of(operation)[0].lost


@BOTH
async def test_a_whole_interface_may_be_down_and_the_others_up(operation: str, request_: Request) -> None:
    cloud = prepared(Down(operation=f"{operation.partition(':')[0]}:*"))

    with pytest.raises(Dropped):
        await cloud.exchange(request_)
    other = CLOCK if request_ is PANIC else PANIC
    assert (await cloud.exchange(other)).status == 200
    assert (await cloud.exchange(version())).status == 200


@BOTH
@pytest.mark.parametrize(
    ("fault", "acts"), [(Drop, False), (Drop, True), (Half, True)], ids=["drop", "drop after", "half"]
)
async def test_an_answer_gets_lost(operation: str, request_: Request, fault: Any, acts: bool) -> None:  # noqa: FBT001 -- table
    cloud = prepared(fault(operation=operation, **({"acts": acts} if fault is Drop else {})))

    with pytest.raises(Dropped) as caught:
        await cloud.exchange(request_)

    assert (acted(cloud), caught.value.after_acting, caught.value.partial) == (acts, acts, fault is Half)
    window = cloud.cad.limiter.tallies() | cloud.cms.limiter.tallies()
    assert window[operation].arrivals == 1


@BOTH
async def test_a_request_hangs_until_it_is_let_go(operation: str, request_: Request) -> None:
    cloud = prepared(Hang(operation=operation, acts=True))
    async with asyncio.TaskGroup() as group:
        hanging = group.create_task(_dropped(cloud, request_))
        await settle()
        assert acted(cloud)
        assert not hanging.done()
        cloud.clear_faults()


async def _dropped(cloud: Cloud, request: Request) -> None:
    with pytest.raises(Dropped):
        await cloud.exchange(request)


@BOTH
async def test_a_refused_key_is_told_as_text(operation: str, request_: Request) -> None:
    cloud = prepared(RefuseKey(operation=operation))

    reply = await cloud.exchange(request_)

    assert (reply.status, reply.body) == (400, b"INVALID API KEY")
    assert not acted(cloud)


@BOTH
async def test_other_answers_are_text_as_well(operation: str, request_: Request) -> None:
    faults = [
        Answer(operation=operation, status=500, times=1),
        Answer(operation=operation, status=400, body="API IS NOT ENABLED FOR THIS COMMUNITY", times=1),
        Answer(operation=operation, status=200, body="[1]", acts=True, times=1),
        Answer(operation=operation, status=200, body="STRANGE", times=1),
    ]
    cloud = prepared(*faults)

    replies = [await cloud.exchange(request_) for _ in faults]

    text = "text/plain; charset=utf-8"
    assert [reply.headers["Content-Type"] for reply in replies] == [text, text, "application/json", text]
    assert [reply.status for reply in replies] == [500, 400, 200, 200]
    assert replies[1].body == b"API IS NOT ENABLED FOR THIS COMMUNITY"
    assert acted(cloud)


@BOTH
async def test_a_rate_limit_may_be_told(operation: str, request_: Request) -> None:
    cloud = prepared(Answer(operation=operation, status=429, retry_after="7"))

    reply = await cloud.exchange(request_)

    assert (reply.status, reply.headers["Retry-After"]) == (429, "7")
    assert content(reply)["message"] == "API rate limit exceeded"


@BOTH
async def test_an_answer_is_delayed(operation: str, request_: Request) -> None:
    clock = SteppingClock()
    cloud = Cloud(clock)
    cms_examples.prepare_cms(cloud)
    cloud.faults.add(Delay(operation=operation, seconds=9))

    assert (await cloud.exchange(request_)).status == 200
    assert clock.slept == [9]


@BOTH
async def test_units_that_are_not_liked_are_refused(operation: str, request_: Request) -> None:
    units = frozenset({"license:1", cms_examples.MEMBER_ID})
    cloud = prepared(RefuseUnits(operation=operation, units=units))

    assert (await cloud.exchange(request_)).status == 400
    assert not acted(cloud)


def test_a_fault_of_no_operation_is_refused() -> None:
    for name in ("V1:NOTHING", "CMS:NOTHING", "V2:*", "UNIT_PANIC"):
        with pytest.raises(ValueError, match="no such operation"):
            prepared().faults.add(Down(operation=name))


def steer(cloud: Cloud, settings: dict[str, Any]) -> Any:
    reply = Control(cloud).handle(cad_request("POST", "/_simulator/settings", settings))
    return reply.status, content(reply)


async def test_both_communities_are_set_up_from_outside() -> None:
    cloud = Cloud(SteppingClock())
    member = {"username": "Al", "api_ids": ["a"], "servers": [7], "ranks": ["r"], "discord": "d"}
    settings: dict[str, Any] = {
        "api": "v1",
        "community_id": "other",
        "v1_metadata": False,
        "per_minute": {"V1": 5, "CMS:FULL_WHITELIST": 2},
        "cms": {
            "key": "k",
            "community_id": "c",
            "version": 2,
            "servers": [7, {"id": 8, "name": "Eight"}],
            "members": [member],
            "limits": False,
        },
    }

    status, state = steer(cloud, settings)

    assert status == 200
    assert (state["api"], state["community_id"], state["v1_metadata"]) == ("v1", "other", False)
    cms = state["cms"]
    assert (cms["community_id"], cms["version"], cms["limits"]) == ("c", 2, False)
    assert [server["name"] for server in cms["servers"]] == ["Server 7", "Eight"]
    assert [(one["username"], one["primary_rank"], one["discord"]) for one in cms["members"]] == [
        ("Al", "r", "d")
    ]
    assert (cms["windows"]["CMS:FULL_WHITELIST"]["limit"], state["windows"]["V1"]["limit"]) == (2, 5)
    assert "k" not in cms.values()
    example = cms_examples.Example(type="VERIFY_WHITELIST", data=[{"apiId": "a", "serverId": 7}])
    assert (await cloud.exchange(example.request("k", "c"))).body == b"Al"
    asked = v1_examples.BY_TYPE["GET_VERSION"].request(community="other")
    assert (await cloud.exchange(asked)).status == 200


def test_settings_that_are_left_out_stay() -> None:
    cloud = prepared()
    cloud.cad.community.api = "v2"

    _, state = steer(cloud, {})

    assert (state["api"], state["cms"]["community_id"], len(state["cms"]["members"])) == (
        "v2",
        "examplecms",
        3,
    )
    assert steer(cloud, {"api": "v3"})[0] == 400
    assert steer(cloud, {"cms": {"version": 6}})[0] == 400
    assert steer(cloud, {"per_minute": {"CMS:NOTHING": 1}})[0] == 400


async def test_the_state_tells_who_is_on_duty() -> None:
    cloud = prepared()
    await cloud.exchange(CLOCK)

    state: Any = msgspec.to_builtins(state_of(cloud))

    assert state["cms"]["on_duty"] == [cms_examples.MEMBER]
    assert state["cms"]["sessions"][0]["started_at"] == NOON
    assert state["cms"]["violations"] == 0


async def test_one_cloud_is_served_on_two_ports_and_each_serves_all() -> None:
    clock = SystemClock()
    cloud = Cloud(clock)
    cms_examples.prepare_cms(cloud)
    async with (
        SimulatorServer(clock, cloud=cloud) as cad,
        SimulatorServer(clock, cloud=cloud) as cms,
        aiohttp.ClientSession() as session,
    ):
        for server in (cad, cms):
            for request in (PANIC, CLOCK):
                async with session.post(server.url + request.path, data=request.body) as answer:
                    assert (answer.status, answer.content_type) == (200, "text/plain")

    assert cad.port != cms.port
    assert len(cloud.journal.of("CMS:CLOCK_IN_OUT")) == len(cloud.journal.of("V1:UNIT_PANIC")) == 2


async def test_half_an_answer_is_half_of_its_text() -> None:
    async with SimulatorServer(SystemClock()) as server, aiohttp.ClientSession() as session:
        server.cloud.faults.add(Half(operation="V1:UNIT_PANIC"))
        async with session.post(server.url + PANIC.path, data=PANIC.body) as answer:
            assert answer.headers["Content-Length"] == str(len("UNIT PANIC UPDATED"))
            with pytest.raises(aiohttp.ClientPayloadError):
                await answer.read()
