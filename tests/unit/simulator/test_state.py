import hashlib
from typing import Any

import msgspec
import pytest

from bridge.simulator.cloud import Cloud
from bridge.simulator.cms.door import OPERATIONS as CMS
from bridge.simulator.state import state_of
from tests.support.cad_requests import (
    NOON,
    SERVER_1,
    cad_request,
    call_911,
    heartbeat,
    location,
    locations,
    panic,
)
from tests.support.operation_examples import EXAMPLES, FILM
from tests.support.prepared_cad import prepare
from tests.support.stepping_clock import SteppingClock

CALLS = f"{SERVER_1}/dispatch-calls"
DISPATCH_CALL = {
    "origin": 2,
    "status": 1,
    "priority": 3,
    "block": "100",
    "address": "Mission Row",
    "postal": "9001",
    "title": "Robbery",
    "code": "211",
    "description": "A firearm",
    "metaData": {"mark": "m"},
}
EMPTY: dict[str, Any] = {
    "plan": "PRO",
    "servers": [1, 2, 3, 4],
    "known_units": None,
    "camel_calls": False,
    "calls_visible_after": 0.0,
    "units": {},
    "calls": [],
    "ended_calls": [],
    "dispatch_calls": [],
    "blips": [],
    "photos": [],
    "kicks": [],
    "heartbeats": {},
    "identifiers": [],
    "accounts": [],
    "link_codes": [],
    "records": [],
    "drafts": [],
    "recordings": [],
    "penal_codes": [],
    "postals": [],
    "equipment": {},
    "limits": True,
    "violations": 0,
    "requests": 0,
    "api": "both",
    "community_id": "examplecad",
    "v1_metadata": True,
    "clocks": {},
    "cms": {
        "community_id": "examplecms",
        "version": 4,
        "members": [],
        "on_duty": [],
        "sessions": [],
        "limits": True,
        "violations": 0,
    },
}


@pytest.fixture(name="cloud")
def _cloud() -> Cloud:
    return Cloud(SteppingClock())


def told(cloud: Cloud) -> Any:
    return msgspec.json.decode(msgspec.json.encode(state_of(cloud)))


async def ask(cloud: Cloud, method: str, path: str, body: Any = None) -> None:
    assert (await cloud.exchange(cad_request(method, path, body))).status == 200


async def test_the_state_of_a_new_simulator_is_empty(cloud: Cloud) -> None:
    state = told(cloud)

    assert state["windows"]["updateUnitLocations"] == {
        "limit": 12,
        "arrivals": 0,
        "peak": 0,
        "violations": 0,
    }
    del state["windows"]
    assert len(state["cms"].pop("servers")) == 4
    assert state["cms"].pop("windows").keys() == CMS
    assert [row["id"] for row in state.pop("server_rows")] == [1, 2, 3, 4]
    assert state == EMPTY


async def test_units_911_calls_and_heartbeats_are_told(cloud: Cloud) -> None:
    for request in (locations(location("a")), panic("a"), call_911(deleteAfterMinutes=5), heartbeat(7)):
        await cloud.exchange(request)

    state = told(cloud)

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


async def test_a_911_call_that_went_is_told_apart(cloud: Cloud) -> None:
    for _ in range(2):
        await cloud.exchange(call_911(metaData={"mark": "m"}))
    await ask(cloud, "DELETE", f"{SERVER_1}/calls/911/1")

    state = told(cloud)

    assert [(call["call_id"], call["ended_at"]) for call in state["calls"]] == [(2, None)]
    assert [(call["call_id"], call["ended_at"], call["metadata"]) for call in state["ended_calls"]] == [
        (1, NOON, {"mark": "m"})
    ]


async def test_open_and_closed_dispatch_calls_are_told_by_their_numbers(cloud: Cloud) -> None:
    for _ in range(3):
        await ask(cloud, "POST", CALLS, DISPATCH_CALL)
    await ask(cloud, "POST", f"{CALLS}/close", {"callIds": [1]})

    first, *others = told(cloud)["dispatch_calls"]

    assert first == {
        "call_id": 1,
        "server": 1,
        "open": False,
        "origin": 2,
        "status": 1,
        "priority": 3,
        "block": "100",
        "address": "Mission Row",
        "postal": "9001",
        "title": "Robbery",
        "code": "211",
        "primary": None,
        "track_primary": False,
        "description": "A firearm",
        "metadata": {"mark": "m"},
        "notes": [],
        "units": [],
        "created_at": NOON,
        "closed_at": NOON,
    }
    assert [(call["call_id"], call["open"], call["closed_at"]) for call in others] == [
        (2, True, None),
        (3, True, None),
    ]


async def test_notes_and_units_of_calls_are_told(cloud: Cloud) -> None:
    await ask(cloud, "POST", CALLS, DISPATCH_CALL)
    await cloud.exchange(call_911())
    for number, unit in ((1, "a"), (2, "b")):
        await ask(cloud, "POST", f"{CALLS}/{number}/notes", {"note": f"For {unit}"})
        await ask(cloud, "POST", f"{CALLS}/{number}/attachments", {"communityUserIds": [unit]})

    state = told(cloud)

    shown = [*state["dispatch_calls"], *state["calls"]]
    assert [([note["content"] for note in call["notes"]], call["units"]) for call in shown] == [
        (["For a"], ["a"]),
        (["For b"], ["b"]),
    ]


async def test_blips_photos_and_kicks_are_told(cloud: Cloud) -> None:
    await ask(
        cloud,
        "POST",
        f"{SERVER_1}/blips",
        {"coordinates": {"x": 1, "y": 2}, "tooltip": "Perimeter", "data": [{"title": "Units", "text": "2"}]},
    )
    await ask(
        cloud, "POST", "/v2/general/photos", {"communityUserId": "a", "url": "https://example.com/a.png"}
    )
    await ask(cloud, "POST", f"{SERVER_1}/units/kick", {"communityUserId": "a", "reason": "Restart"})

    state = told(cloud)

    assert state["blips"] == [
        {
            "id": 1,
            "server": 1,
            "coordinates": {"x": 1.0, "y": 2.0, "z": None, "w": None},
            "sub_type": "",
            "icon": "",
            "color": "",
            "tooltip": "Perimeter",
            "radius": None,
            "data": [{"title": "Units", "text": "2"}],
        }
    ]
    assert state["photos"] == [{"unit": "a", "url": "https://example.com/a.png", "sent_at": NOON}]
    assert state["kicks"] == [{"server": 1, "unit": "a", "reason": "Restart", "kicked_at": NOON}]
    assert state["units"]["a"]["status"] == "OFFLINE"


async def test_what_the_examples_do_is_told() -> None:
    cloud = Cloud(SteppingClock())
    prepare(cloud)
    for example in EXAMPLES:
        await cloud.exchange(example.request())

    state = told(cloud)

    banned = {account["community_user_id"]: account["status"] for account in state["accounts"]}
    assert banned == {"license:1-again": 1, "license:2": 4}
    assert state["accounts"][0]["character_links"] == ["citizen:5678"]
    assert [row["ident"] for row in state["identifiers"]] == [1, 2, 4]
    assert state["identifiers"][2]["data"]["group"] == "CAR-51"
    assert [row["id"] for row in state["records"]] == [3]
    assert [row["id"] for row in state["drafts"]] == [0]
    assert [code["community_user_id"] for code in state["link_codes"]] == ["license:new"]
    assert [row["name"] for row in state["server_rows"]] == ["Main Server"]
    assert [code["code"] for code in state["penal_codes"]] == ["187"]
    assert [postal["code"] for postal in state["postals"]] == ["9001"]
    assert state["equipment"]["1"]["signs"]["1"]["text1"] == "Alta St"
    (film,) = state["recordings"]
    assert (film["filename"], film["length"], film["sha256"], film["duration_ms"]) == (
        "clip.webm",
        len(FILM),
        hashlib.sha256(FILM).hexdigest(),
        30_000,
    )
    assert film["fields"] == {"communityUserId": "license:1", "unitNumber": "A-1"}
