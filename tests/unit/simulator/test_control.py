from typing import Any

import pytest

from bridge.simulator.cloud import Cloud
from bridge.simulator.control import Control
from bridge.simulator.messages import Request
from tests.support.cad_requests import (
    NOON,
    cad_request,
    call_911,
    content,
    get_calls,
    heartbeat,
    location,
    locations,
    panic,
    version,
)
from tests.support.stepping_clock import SteppingClock


@pytest.fixture(name="cloud")
def _cloud() -> Cloud:
    return Cloud(SteppingClock())


def steer(cloud: Cloud, method: str, door: str, body: Any = None, **query: str) -> Any:
    reply = Control(cloud).handle(cad_request(method, f"/_simulator/{door}", body, query=query, headers={}))
    assert reply.status == 200, reply
    return content(reply)


def refusal(cloud: Cloud, method: str, door: str, body: Any = None, **query: str) -> int:
    reply = Control(cloud).handle(cad_request(method, f"/_simulator/{door}", body, query=query))
    assert content(reply)["status"] == reply.status
    assert content(reply)["detail"]
    return reply.status


async def test_the_state_of_a_new_simulator_is_empty(cloud: Cloud) -> None:
    state = steer(cloud, "GET", "state")

    assert state["windows"]["updateUnitLocations"] == {"limit": 12, "arrivals": 0, "peak": 0, "violations": 0}
    del state["windows"]
    assert state == {
        "plan": "PLUS",
        "servers": [1, 2, 3, 4],
        "known_units": None,
        "units": {},
        "calls": [],
        "heartbeats": {},
        "limits": True,
        "violations": 0,
        "requests": 0,
    }


async def test_the_state_tells_units_calls_and_heartbeats(cloud: Cloud) -> None:
    for request in (locations(location("a")), panic("a"), call_911(deleteAfterMinutes=5), heartbeat(7)):
        await cloud.exchange(request)

    state = steer(cloud, "GET", "state")

    unit = state["units"]["a"]
    assert (unit["status"], unit["is_panic"], unit["server"], unit["updated_at"]) == (
        "AVAILABLE",
        True,
        1,
        NOON,
    )
    assert unit["coordinates"] == {"x": 1.5, "y": -2.5, "z": 30.0, "w": 90.0}
    (call,) = state["calls"]
    assert (call["call_id"], call["caller"], call["metadata"], call["ends_at"]) == (1, "Jane", {}, NOON + 300)
    assert state["heartbeats"] == {"1": {"players": 7, "received_at": NOON, "count": 1}}
    assert state["windows"]["setUnitPanic"]["peak"] == 1
    assert state["requests"] == 4


async def test_received_requests_are_read_back(cloud: Cloud) -> None:
    await cloud.exchange(panic("a"))
    await cloud.exchange(version())

    (first, second) = steer(cloud, "GET", "requests")["requests"]

    assert first == {
        "number": 1,
        "monotonic": 100.0,
        "wall": NOON,
        "method": "PATCH",
        "path": "/v2/emergency/servers/1/units/panic",
        "operation": "setUnitPanic",
        "server": 1,
        "body": {"communityUserIds": ["a"], "isPanic": True},
        "status": 200,
        "lost": False,
    }
    assert second["body"] is None


async def test_received_requests_are_filtered(cloud: Cloud) -> None:
    await cloud.exchange(panic("a"))
    await cloud.exchange(version())

    def numbers(**query: str) -> list[int]:
        return [row["number"] for row in steer(cloud, "GET", "requests", **query)["requests"]]

    assert numbers(operation="getVersion") == [2]
    assert numbers(after="1") == [2]
    assert numbers(since=str(NOON + 1)) == []


FAULTS: list[dict[str, Any]] = [
    {"fault": "delay", "seconds": 1.5},
    {"fault": "answer", "status": 429, "retry_after": "3", "headers": {"A": "b"}, "body": "x"},
    {"fault": "hang", "acts": True},
    {"fault": "drop", "acts": True},
    {"fault": "half"},
    {"fault": "refuse_units", "units": ["a"]},
    {"fault": "refuse_key"},
    {"fault": "down"},
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault["fault"])
async def test_every_fault_can_be_ordered(cloud: Cloud, fault: dict[str, Any]) -> None:
    scope = {"operation": "setUnitPanic", "server": 2, "times": 3}

    assert steer(cloud, "POST", "faults", {**fault, **scope}) == {"faults": [{**scope, **fault}]}
    assert steer(cloud, "GET", "faults") == {"faults": [{**scope, **fault}]}
    assert steer(cloud, "DELETE", "faults") == {"faults": []}


async def test_several_faults_are_ordered_at_once(cloud: Cloud) -> None:
    rows = steer(cloud, "POST", "faults", FAULTS)["faults"]

    assert [row["fault"] for row in rows] == [fault["fault"] for fault in FAULTS]
    assert rows[0] == {"fault": "delay", "operation": "*", "server": None, "times": None, "seconds": 1.5}


@pytest.mark.parametrize(
    "fault",
    [
        {},
        {"fault": "earthquake"},
        {"fault": "delay"},
        {"fault": "delay", "seconds": -1},
        {"fault": "drop", "times": 0},
        {"fault": "drop", "operation": "setUnitPanik"},
        {"fault": "drop", "oparation": "setUnitPanic"},
        {"fault": "answer", "status": 99},
        b"{",
    ],
)
async def test_a_fault_that_makes_no_sense_is_refused(cloud: Cloud, fault: Any) -> None:
    assert refusal(cloud, "POST", "faults", fault) == 400
    assert cloud.faults.active() == []


async def test_settings_change_the_community(cloud: Cloud) -> None:
    state = steer(
        cloud, "POST", "settings", {"plan": "STANDARD", "known_units": ["b", "a"], "servers": [1, 9]}
    )

    assert (state["plan"], state["known_units"], state["servers"]) == ("STANDARD", ["a", "b"], [1, 9])
    assert (await cloud.exchange(get_calls())).status == 403
    assert content(await cloud.exchange(panic("c")))["updated"] == 0
    assert steer(cloud, "POST", "settings", {"known_units": None})["known_units"] is None
    assert steer(cloud, "POST", "settings", {})["plan"] == "STANDARD"


async def test_settings_change_the_limits(cloud: Cloud) -> None:
    state = steer(cloud, "POST", "settings", {"per_minute": {"getVersion": 1, "getServers": None}})

    assert state["windows"]["getVersion"]["limit"] == 1
    assert state["windows"]["getServers"]["limit"] is None
    assert [(await cloud.exchange(version())).status for _ in range(2)] == [200, 429]
    assert steer(cloud, "POST", "settings", {"limits": False})["limits"] is False
    assert (await cloud.exchange(version())).status == 200


async def test_settings_change_the_casing_of_calls(cloud: Cloud) -> None:
    steer(cloud, "POST", "settings", {"camel_calls": True})

    assert "emergencyCalls" in content(await cloud.exchange(get_calls()))


@pytest.mark.parametrize(
    "settings", [{"plan": "GOLD"}, {"limit": False}, {"per_minute": {"getVersions": 1}}, {"servers": ["x"]}]
)
async def test_settings_that_make_no_sense_are_refused(cloud: Cloud, settings: Any) -> None:
    assert refusal(cloud, "POST", "settings", settings) == 400


async def test_a_reset_starts_afresh(cloud: Cloud) -> None:
    await cloud.exchange(panic("a"))
    steer(cloud, "POST", "faults", {"fault": "down"})

    state = steer(cloud, "POST", "reset")

    assert (state["units"], state["windows"]["setUnitPanic"]["arrivals"]) == ({}, 0)
    assert steer(cloud, "GET", "requests") == {"requests": []}
    assert steer(cloud, "GET", "faults") == {"faults": []}


@pytest.mark.parametrize(("method", "door"), [("GET", "nothing"), ("POST", "state"), ("GET", "")])
async def test_what_is_no_control_is_a_404(cloud: Cloud, method: str, door: str) -> None:
    assert refusal(cloud, method, door) == 404


async def test_a_query_that_is_no_number_is_refused(cloud: Cloud) -> None:
    assert refusal(cloud, "GET", "requests", after="x") == 400


async def test_no_key_is_shown(cloud: Cloud) -> None:
    await cloud.exchange(panic("a"))

    for door in ("state", "requests", "faults"):
        reply = Control(cloud).handle(Request(method="GET", path=f"/_simulator/{door}"))
        assert cloud.cad.key.encode() not in reply.body
