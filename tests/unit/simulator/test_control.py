import hashlib
from typing import Any

import pytest

from bridge.simulator.cloud import Cloud
from bridge.simulator.control import Control
from bridge.simulator.messages import Request
from tests.support.cad_requests import (
    NOON,
    SERVER_1,
    cad_request,
    call_911,
    content,
    get_calls,
    panic,
    servers,
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


DISPATCH_CALL = {
    "origin": 0,
    "status": 1,
    "priority": 1,
    "block": "100",
    "address": "Mission Row",
    "postal": "9001",
    "title": "Robbery",
    "code": "211",
    "description": "A firearm",
}


def dispatch_call() -> Request:
    return cad_request("POST", f"{SERVER_1}/dispatch-calls", DISPATCH_CALL)


async def test_the_state_is_told(cloud: Cloud) -> None:
    await cloud.exchange(panic("a"))

    assert list(steer(cloud, "GET", "state")["units"]) == ["a"]


async def test_a_dispatcher_closes_a_dispatch_call(cloud: Cloud) -> None:
    await cloud.exchange(dispatch_call())

    assert steer(cloud, "POST", "calls/close", {"server": 1, "call_id": 1}) == {"server": 1, "call_id": 1}

    (call,) = steer(cloud, "GET", "state")["dispatch_calls"]
    assert (call["open"], call["closed_at"]) == (False, NOON)
    assert content(await cloud.exchange(get_calls()))["ClosedCallCount"] == 1


async def test_a_dispatcher_removes_a_911_call(cloud: Cloud) -> None:
    await cloud.exchange(call_911())

    assert steer(cloud, "POST", "calls/remove", {"server": 1, "call_id": 1}) == {"server": 1, "call_id": 1}

    state = steer(cloud, "GET", "state")
    assert (state["calls"], [call["ended_at"] for call in state["ended_calls"]]) == ([], [NOON])


@pytest.mark.parametrize(
    ("door", "call"),
    [
        ("calls/close", {"server": 1, "call_id": 1}),  # a 911 call
        ("calls/remove", {"server": 1, "call_id": 2}),  # a dispatch call
        ("calls/close", {"server": 2, "call_id": 2}),
        ("calls/remove", {"server": 1, "call_id": 9}),
    ],
)
async def test_a_dispatcher_cannot_end_a_call_that_is_not_there(
    cloud: Cloud, door: str, call: dict[str, int]
) -> None:
    await cloud.exchange(call_911())
    await cloud.exchange(dispatch_call())

    assert refusal(cloud, "POST", door, call) == 404
    state = steer(cloud, "GET", "state")
    assert (len(state["calls"]), state["dispatch_calls"][0]["open"]) == (1, True)


@pytest.mark.parametrize(
    "body", [{}, {"server": 1}, {"server": 1, "call_id": "1"}, {"server": 1, "call": 1}, b"x"]
)
async def test_a_call_that_is_not_named_is_refused(cloud: Cloud, body: Any) -> None:
    assert refusal(cloud, "POST", "calls/close", body) == 400
    assert refusal(cloud, "POST", "calls/remove", body) == 400


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
        "query": {},
        "raw_query": "",
        "headers": [["Authorization", "Bearer ***"], ["Content-Type", "application/json"]],
        "operation": "setUnitPanic",
        "server": 1,
        "body": {"communityUserIds": ["a"], "isPanic": True},
        "text": '{"communityUserIds":["a"],"isPanic":true}',
        "length": 41,
        "sha256": hashlib.sha256(b'{"communityUserIds":["a"],"isPanic":true}').hexdigest(),
        "parts": [],
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
    {"fault": "answer", "status": 429, "retry_after": "3", "headers": {"A": "b"}, "body": "x", "acts": True},
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


ROW = {"id": 7, "name": "Main", "mapIp": "203.0.113.10", "listenerPort": "30999", "enableMap": False}


async def test_settings_change_what_servers_are_configured_as(cloud: Cloud) -> None:
    state = steer(cloud, "POST", "settings", {"servers": [ROW, 9]})

    assert state["servers"] == [7, 9]
    rows = content(await cloud.exchange(servers()))["servers"]
    assert rows == state["server_rows"]
    assert {name: rows[0][name] for name in ROW} == ROW
    assert (rows[1]["name"], rows[1]["enableMap"]) == ("Server 9", True)
    assert steer(cloud, "POST", "reset")["server_rows"] == rows


async def test_settings_change_permission_keys_and_secrets(cloud: Cloud) -> None:
    steer(cloud, "POST", "settings", {"permission_keys": {"k": ["police"]}, "secrets": {"s": "t"}})

    applied = content(
        await cloud.exchange(
            cad_request(
                "POST",
                "/v2/general/permission-keys/applications",
                {"communityUserId": "a", "permissionKey": "k"},
            )
        )
    )
    assert [name for name, given in applied["permissions"].items() if given] == ["police"]
    verified = await cloud.exchange(cad_request("POST", "/v2/general/secrets/verify", {"secret": "s"}))
    assert content(verified) == {"s": "t"}


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


async def test_settings_make_calls_show_late(cloud: Cloud) -> None:
    assert steer(cloud, "POST", "settings", {"calls_visible_after": 30})["calls_visible_after"] == 30
    await cloud.exchange(call_911())

    assert content(await cloud.exchange(get_calls()))["EmergencyCalls"] == []
    assert steer(cloud, "POST", "settings", {"calls_visible_after": 0})["calls_visible_after"] == 0
    assert len(content(await cloud.exchange(get_calls()))["EmergencyCalls"]) == 1


@pytest.mark.parametrize(
    "settings",
    [
        {"calls_visible_after": -1},
        {"plan": "GOLD"},
        {"limit": False},
        {"per_minute": {"getVersions": 1}},
        {"servers": ["x"]},
        {"servers": [{"name": "no id"}]},
        {"servers": [{"id": 1, "enable_map": False}]},
        {"permission_keys": {"k": "police"}},
    ],
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
