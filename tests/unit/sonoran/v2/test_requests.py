from typing import Any

import msgspec
import pytest

from bridge.sonoran import v2
from bridge.sonoran.messages import CadRequest, Line
from bridge.units import ServerId, UnitId, Vehicle

SEVEN = ServerId(7)


def body(request: CadRequest) -> Any:
    return msgspec.json.decode(request.body or b"null")


def update(**more: Any) -> v2.UnitUpdate:
    place = {"x": 441.2, "y": -981.9, "z": 30.7, "heading": 90.0} | {
        key: more.pop(key) for key in ("x", "y", "z", "heading") if key in more
    }
    return v2.UnitUpdate(
        community_user_id=UnitId("license:a"),
        location="Mission Row",
        coordinates=v2.coordinates(**place),
        **more,
    )


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


def test_a_heartbeat() -> None:
    request = v2.heartbeat(SEVEN, 42)

    assert (request.operation.method, request.path) == ("POST", "/v2/general/servers/7/heartbeat")
    assert body(request) == {"playerCount": 42}
    assert request.line is Line.ORDINARY


def test_questions_have_no_body() -> None:
    version, servers = v2.get_version(Line.URGENT), v2.get_servers()

    assert (version.operation.method, version.path, version.body) == ("GET", "/v2/general/version", None)
    assert version.line is Line.URGENT
    assert v2.get_version().line is Line.ORDINARY
    assert (servers.operation.method, servers.path, servers.body) == ("GET", "/v2/general/servers", None)


def test_the_question_for_calls_asks_for_all_kinds_and_names_every_parameter() -> None:
    request = v2.get_calls(SEVEN, 50, 100)

    assert request.path == "/v2/emergency/servers/7/calls?closedLimit=50&closedOffset=100&type=100"
    assert (request.operation.name, request.operation.method) == ("getCalls", "GET")
    assert (request.body, request.line) == (None, Line.ORDINARY)
