import math
from typing import Any

import pytest

from bridge.errors import PushError
from bridge.events import Blip, BlipRow
from bridge.intake.blips import blip_of

ROW = BlipRow(title="Units", text="2")
MIDDLE: dict[str, object] = {"x": 1, "y": 2}


def blip(**more: Any) -> Blip:
    return blip_of(MIDDLE | more)


def refusal(fields: dict[str, object]) -> str:
    with pytest.raises(PushError) as caught:
        blip_of(fields)
    return str(caught.value)


def test_a_blip_needs_a_place_alone() -> None:
    assert blip() == Blip(x=1.0, y=2.0)


def test_a_blip_may_carry_everything() -> None:
    said = blip_of(
        {
            "coords": {"x": "441.2", "y": -981.9, "z": 30.7, "w": 90.0},
            "sub_type": "scene",
            "icon": "fa-solid fa-location-crosshairs",
            "color": "red",
            "tooltip": "Scene perimeter",
            "radius": "50",
            "data": [{"title": "Units", "text": 2}, {"title": "Lead", "text": "A-10"}],
        }
    )

    assert said == Blip(
        x=441.2,
        y=-981.9,
        z=30.7,
        sub_type="scene",
        icon="fa-solid fa-location-crosshairs",
        color="red",
        tooltip="Scene perimeter",
        radius=50.0,
        data=(ROW, BlipRow(title="Lead", text="A-10")),
    )


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({"subType": "scene"}, "scene"),
        ({"subType": "scene", "sub_type": "radius"}, "radius"),
        ({"subType": "scene", "sub_type": ""}, "scene"),
        ({}, ""),
    ],
)
def test_the_kind_of_a_blip_comes_in_sonorans_spelling_too(more: dict[str, Any], kind: str) -> None:
    assert blip(**more).sub_type == kind


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"x": 1},
        {"x": math.nan, "y": 2},
        {"x": 1, "y": -math.inf},
        {"x": "far", "y": 2},
        {"coords": []},
        {"coords": [1]},
        {"coordinates": {"x": 1e400, "y": 2}},
    ],
)
def test_a_blip_without_a_place_is_refused(fields: dict[str, object]) -> None:
    assert refusal(fields) == "x and y, or coords: expected two finite numbers"


@pytest.mark.parametrize("name", ["x", "y", "z"])
@pytest.mark.parametrize("metres", [16_000.1, -16_000.1, -27_648.0])
def test_a_blip_outside_the_game_world_is_refused(name: str, metres: float) -> None:
    assert refusal(MIDDLE | {name: metres}) == "x, y, z: expected metres from -16000 to 16000"


@pytest.mark.parametrize("place", [(16_000, -16_000, 16_000), (0, 0, None), (0, 0, -16_000)])
def test_a_blip_may_be_at_the_edge_or_in_the_middle(place: tuple[float, float, float | None]) -> None:
    x, y, z = place

    assert blip(x=x, y=y, z=z) == Blip(x=x, y=y, z=z)


@pytest.mark.parametrize(
    "data",
    [
        [{"title": "Units", "text": "2"}],
        [None, {"title": "Units", "text": 2}],
        {"title": "Units", "text": "2"},  # one row, flattened as Sonoran's examples are
        {"12": {"title": "Units", "text": "2"}},
    ],
)
def test_the_rows_of_a_blip_come_in_any_form(data: Any) -> None:
    assert blip(data=data).data == (ROW,)


@pytest.mark.parametrize("data", [None, [], {}, [None]])
def test_a_blip_may_have_no_rows(data: Any) -> None:
    assert blip(data=data).data == ()


def test_half_a_row_is_one() -> None:
    rows = blip(data=[{"title": "Units"}, {"text": "2"}]).data

    assert rows == (BlipRow(title="Units", text=""), BlipRow(title="", text="2"))


def test_long_texts_of_a_blip_are_cut() -> None:
    long = dict.fromkeys(["sub_type", "icon", "color", "tooltip"], "x" * 5000)

    said = blip(**long, data=[{"title": "x" * 5000, "text": "x" * 5000}])

    texts = (said.sub_type, said.icon, said.color, said.tooltip, said.data[0].title, said.data[0].text)
    assert [len(text) for text in texts] == [100, 100, 100, 250, 250, 1000]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"radius": -0.1}, "radius: expected metres from 0 to 32000"),
        ({"radius": math.inf}, "radius: expected metres from 0 to 32000"),
        ({"radius": 32_001}, "radius: expected metres from 0 to 32000"),
        ({"data": 7}, 'data: expected a list of {"title", "text"}'),
        ({"data": "Units"}, 'data: expected a list of {"title", "text"}'),
        ({"data": [{"title": "Units"}, "2"]}, 'data: number 1 is no {"title", "text"}'),
        ({"data": [None, dict[str, str]()]}, 'data: number 1 is no {"title", "text"}'),
        ({"data": [{"title": "Units"}] * 51}, "data: at most 50 rows, found 51"),
    ],
)
def test_a_bad_blip_is_refused_with_the_reason(more: dict[str, Any], reason: str) -> None:
    assert refusal(MIDDLE | more) == reason
