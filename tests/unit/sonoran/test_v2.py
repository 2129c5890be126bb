from typing import Any

import msgspec
import pytest

from bridge.events import EmergencyCall, Event, Panic, Status, UnitStatus
from bridge.sonoran import v2
from bridge.sonoran.messages import CadRequest, Line
from bridge.units import ServerId, UnitId, Vehicle
from tests.support.transport import answer

SEVEN = ServerId(7)
UNITS = [UnitId("license:a"), UnitId("license:b")]
JANE = EmergencyCall(caller="Jane", location="Alta St", description="Shots fired")


def body(request: CadRequest) -> Any:
    return msgspec.json.decode(request.body or b"null")


def deliver(event: Event, age: float = 0.0) -> CadRequest:
    return v2.deliver(SEVEN, event, UNITS, age)


def update(**more: Any) -> v2.UnitUpdate:
    place = {"x": 441.2, "y": -981.9, "z": 30.7, "heading": 90.0} | {
        key: more.pop(key) for key in ("x", "y", "z", "heading") if key in more
    }
    return v2.UnitUpdate(
        community_user_id=UNITS[0], location="Mission Row", coordinates=v2.coordinates(**place), **more
    )


# What we say


def test_locations_are_sent_in_the_documented_shape() -> None:
    vehicle = Vehicle(
        model="police3",
        heading_offset=0,
        z_offset=1,
        light_z_offset=2,
        size_offset=3,
        lights="blue",
    )

    request = v2.update_unit_locations(SEVEN, [update(peer_id="peer-1", vehicle=vehicle), update()])

    assert (request.operation.method, request.path) == (
        "PATCH",
        "/v2/emergency/servers/7/unit-locations",
    )
    plain = {
        "communityUserId": "license:a",
        "location": "Mission Row",
        "coordinates": {"x": 441.2, "y": -981.9, "z": 30.7, "w": 90.0},
    }
    shown = {
        "model": "police3",
        "headingOffset": 0,
        "zOffset": 1,
        "lightZOffset": 2,
        "sizeOffset": 3,
        "lights": "blue",
    }
    assert body(request) == {"updates": [plain | {"peerId": "peer-1", "vehicle": shown}, plain]}
    assert request.line is Line.ORDINARY


def test_one_location_is_a_list_too() -> None:
    assert isinstance(body(v2.update_unit_locations(SEVEN, [update()]))["updates"], list)


@pytest.mark.parametrize(
    ("place", "coordinates"),
    [
        ({"z": None, "heading": None}, {"x": 441.2, "y": -981.9, "z": 0.0}),
        ({"z": 0.0, "heading": 0.0}, {"x": 441.2, "y": -981.9, "z": 0.0, "w": 0.0}),
        (
            {"x": -1037.5999755859376, "y": 0.0004, "z": 1.23456, "heading": 12.3456},
            {"x": -1037.6, "y": 0.0, "z": 1.235, "w": 12.3},
        ),
    ],
)
def test_coordinates_are_rounded_to_millimetres_and_carry_the_heading_as_w(
    place: dict[str, Any], coordinates: dict[str, float]
) -> None:
    sent = body(v2.update_unit_locations(SEVEN, [update(**place)]))

    assert sent["updates"][0]["coordinates"] == coordinates


@pytest.mark.parametrize("active", [True, False])
def test_a_panic(*, active: bool) -> None:
    request = deliver(Panic(ids=(UNITS[0],), active=active))

    assert (request.operation.method, request.path) == ("PATCH", "/v2/emergency/servers/7/units/panic")
    assert body(request) == {"communityUserIds": ["license:a", "license:b"], "isPanic": active}
    assert request.line is Line.URGENT


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (UnitStatus.UNAVAILABLE, 0),
        (UnitStatus.BUSY, 1),
        (UnitStatus.AVAILABLE, 2),
        (UnitStatus.ENROUTE, 3),
        (UnitStatus.ON_SCENE, 4),
        (UnitStatus.OFFLINE, 100),
    ],
)
def test_a_status(status: UnitStatus, code: int) -> None:
    request = deliver(Status(ids=(UNITS[0],), status=status))

    assert (request.operation.method, request.path) == ("PATCH", "/v2/emergency/servers/7/units/status")
    assert body(request) == {"communityUserIds": ["license:a", "license:b"], "status": code}
    assert request.line is Line.ORDINARY


def test_a_plain_911_call() -> None:
    request = deliver(JANE)

    assert (request.operation.method, request.path) == ("POST", "/v2/emergency/servers/7/calls/911")
    assert body(request) == {
        "isEmergency": True,
        "caller": "Jane",
        "location": "Alta St",
        "description": "Shots fired",
        "metaData": {},
    }
    assert request.line is Line.FRESH


def test_a_911_call_with_everything_on_it() -> None:
    call = msgspec.structs.replace(
        JANE,
        emergency=False,
        x=425.1,
        y=-979.0,
        z=30.70004,
        postal="9001",
        delete_after_minutes=15,
        metadata={"phone": "555-0100", "x": "ours counts"},
    )

    assert body(deliver(call)) == {
        "isEmergency": False,
        "caller": "Jane",
        "location": "Alta St",
        "description": "Shots fired",
        "deleteAfterMinutes": 15,
        "metaData": {"phone": "555-0100", "x": "425.1", "y": "-979", "z": "30.7", "postal": "9001"},
    }


@pytest.mark.parametrize(
    ("x", "text"),
    [
        (0.0, "0"),
        (100.0, "100"),
        (1000.25, "1000.25"),
        (-0.5, "-0.5"),
        (1e-9, "0"),
        (12345.6789, "12345.679"),
    ],
)
def test_a_place_on_the_map_is_a_plain_decimal_text(x: float, text: str) -> None:
    assert body(deliver(msgspec.structs.replace(JANE, x=x)))["metaData"] == {"x": text}


@pytest.mark.parametrize(
    ("age", "description"),
    [
        (0.0, "Shots fired"),
        (59.9, "Shots fired"),
        (60.0, "(delayed 1 min) Shots fired"),
        (360.0, "(delayed 6 min) Shots fired"),
        (890.0, "(delayed 15 min) Shots fired"),
    ],
)
def test_a_late_911_call_says_so(age: float, description: str) -> None:
    assert body(deliver(JANE, age))["description"] == description


def test_a_heartbeat() -> None:
    request = v2.heartbeat(SEVEN, 42)

    assert (request.operation.method, request.path) == ("POST", "/v2/general/servers/7/heartbeat")
    assert body(request) == {"playerCount": 42}


def test_questions_have_no_body() -> None:
    version, servers = v2.get_version(Line.URGENT), v2.get_servers()

    assert (version.operation.method, version.path, version.body) == ("GET", "/v2/general/version", None)
    assert version.line is Line.URGENT
    assert v2.get_version().line is Line.ORDINARY
    assert (servers.operation.method, servers.path, servers.body) == ("GET", "/v2/general/servers", None)


# What it answers


@pytest.mark.parametrize(
    ("raw", "updated"),
    [
        (b'{"updated": 3, "isPanic": true}', 3),
        (b'{"updated": "3"}', 3),
        (b'{"updated": 0}', 0),
        (b'{"updated": null}', None),
        (b"{}", None),
        (b"[]", None),
        (b"", None),
        (b"<html>", None),
        (b"\xff\xfe", None),
        (b'{"updated": "many"}', None),
        (b'{"a":' + b"[" * 100_000, None),
    ],
)
def test_how_many_units_the_cad_knew(raw: bytes, updated: int | None) -> None:
    assert v2.read_updated(answer(body=raw)) == updated


@pytest.mark.parametrize(
    ("raw", "call_id"),
    [(b'{"callId": 302, "metaData": {}}', 302), (b'{"callId": "302"}', 302), (b"{}", None), (b"no", None)],
)
def test_the_number_of_a_new_call(raw: bytes, call_id: int | None) -> None:
    assert v2.read_call_id(answer(body=raw)) == call_id


@pytest.mark.parametrize(
    ("raw", "plan"),
    [
        (b'{"version": 2, "name": "PLUS"}', "PLUS"),
        (b'{"version": 2}', "2"),
        (b'{"version": 0, "name": ""}', "0"),
        (b"{}", None),
        (b"no", None),
        (b'{"name": "\xff"}', None),
    ],
)
def test_the_plan(raw: bytes, plan: str | None) -> None:
    assert v2.read_plan(answer(body=raw)) == plan


@pytest.mark.parametrize(
    ("raw", "servers"),
    [
        (b'{"servers": [{"id": 1, "name": "Main"}, {"id": 2}]}', [(1, "Main"), (2, "")]),
        (b'{"servers": {"id": 1, "name": "Main", "mapUrl": "x"}}', [(1, "Main")]),  # as the example shows it
        (b'{"servers": []}', []),
        (b'{"servers": null}', []),
        (b"{}", []),
        (b"no", []),
    ],
)
def test_the_servers_are_read_in_both_forms(raw: bytes, servers: list[tuple[int, str]]) -> None:
    assert [(server.id, server.name) for server in v2.read_servers(answer(body=raw))] == servers


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b'{"title": "Bad Request", "detail": "No such unit."}', "Bad Request: No such unit."),
        (b'{"title": "Bad Request", "detail": "Bad Request"}', "Bad Request"),
        (b'{"message": "API rate limit exceeded"}', "API rate limit exceeded"),
        (b'{"title": "two\\nlines\\r\\n", "detail": "\\u0000 and a tab\\t"}', "two lines : \x00 and a tab"),
        (b"<html>", "status 400"),
        (b'{"title": ""}', "status 400"),
    ],
)
def test_the_reason_of_a_refusal_is_one_line(raw: bytes, text: str) -> None:
    assert v2.read_problem(answer(400, raw)) == text


def test_a_reason_is_short_and_names_the_trace() -> None:
    refused = answer(400, {"detail": "x" * 10_000}, trace_id="t" * 100)

    assert v2.read_problem(refused) == "x" * v2.MAX_DETAIL + " (trace " + "t" * 64 + ")"
