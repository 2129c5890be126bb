from typing import Any

import pytest

from bridge.simulator.cad import Cad
from bridge.simulator.messages import Request
from tests.support.asking import Asking
from tests.support.cad_requests import NOON, SERVER_1, cad_request, content

BLIP: dict[str, Any] = {
    "coordinates": {"x": 441.2, "y": -981.9, "z": 3.5, "w": 90.0},
    "subType": "scene",
    "icon": "fa-solid fa-location-crosshairs",
    "color": "red",
    "tooltip": "Perimeter",
    "radius": 50.0,
    "data": [{"title": "Units", "text": "2"}],
}


def blip(body: dict[str, Any] = BLIP) -> Request:
    return cad_request("POST", f"{SERVER_1}/blips", body)


def blips(server: int = 1) -> Request:
    return cad_request("GET", f"/v2/emergency/servers/{server}/blips")


def answer(cad: Cad, request: Request) -> Any:
    reply = cad.handle(request, NOON)
    assert reply.status == 200, reply
    return content(reply)


def test_a_blip_is_answered_with_its_id() -> None:
    assert answer(Cad(), blip()) == {"id": 1, **BLIP}


def test_blips_are_listed_by_their_server() -> None:
    cad = Cad()
    made = [answer(cad, blip()) for _ in range(2)]

    assert [row["id"] for row in made] == [1, 2]
    assert answer(cad, blips()) == made
    assert answer(cad, blips(2)) == []


def test_a_place_is_enough_for_a_blip() -> None:
    assert answer(Cad(), blip({"coordinates": {"x": 1, "y": 2}})) == {
        "id": 1,
        "coordinates": {"x": 1.0, "y": 2.0, "z": 0.0, "w": 0.0},
        "subType": "",
        "icon": "",
        "color": "",
        "tooltip": "",
        "data": [],
        "radius": 0.0,
    }


@pytest.mark.parametrize("body", [{}, {"coordinates": None}, {**BLIP, "data": BLIP["data"][0]}])
def test_a_blip_that_makes_no_sense_is_not_put_on_the_map(body: dict[str, Any]) -> None:
    cad = Cad()

    assert cad.handle(blip(body), NOON).status == 400
    assert answer(cad, blips()) == []


def test_a_blip_is_changed_and_the_rest_stays() -> None:
    asking = Asking()
    row = asking.ok("POST", f"{SERVER_1}/blips", BLIP)

    assert asking.ok("PATCH", f"{SERVER_1}/blips/1", {"tooltip": "New", "radius": 150, "icon": None}) == {
        "id": 1
    }

    assert asking.ok("GET", f"{SERVER_1}/blips") == [{**row, "tooltip": "New", "radius": 150.0}]


def test_blips_are_removed() -> None:
    asking = Asking()
    for _ in range(3):
        asking.ok("POST", f"{SERVER_1}/blips", BLIP)

    assert asking.ok("POST", f"{SERVER_1}/blips/delete", {"ids": [3, 1, 9]}) == {"ids": [1, 3]}

    assert [row["id"] for row in asking.ok("GET", f"{SERVER_1}/blips")] == [2]
    assert asking.status("POST", f"{SERVER_1}/blips/delete", {"ids": [1, 3]}) == 404


def test_a_blip_of_another_server_is_not_there() -> None:
    asking = Asking()
    asking.ok("POST", f"{SERVER_1}/blips", BLIP)
    there = SERVER_1.replace("/1", "/2")

    assert asking.status("PATCH", f"{there}/blips/1", {"tooltip": "x"}) == 404
    assert asking.status("POST", f"{there}/blips/delete", {"ids": [1]}) == 404


@pytest.mark.parametrize(
    ("line", "body", "field"),
    [
        ("PATCH /blips/1", {"radius": "wide"}, "radius"),
        ("PATCH /blips/x", {"radius": 1}, "blipId"),
        ("POST /blips/delete", {"ids": 1}, "ids"),
        ("POST /blips/delete", {}, "ids"),
    ],
)
def test_a_change_that_makes_no_sense_is_refused_by_the_name_of_its_field(
    line: str, body: object, field: str
) -> None:
    asking = Asking()
    asking.ok("POST", f"{SERVER_1}/blips", BLIP)
    method, path = line.split()

    assert field in asking.detail(method, SERVER_1 + path, body)
