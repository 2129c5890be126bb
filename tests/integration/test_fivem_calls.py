"""Whom and where another resource names: every way of writing it, and what is none of them."""

from typing import Any

import pytest

from tests.support.fivem import events, with_script
from tests.support.fxserver import FxServer

CALL = "caller = 'Alarm', description = 'Silent alarm', location = 'Store 12'"


@pytest.mark.parametrize(
    ("place", "x", "y", "z"),
    [
        ("coords = vector3(1.5, 2.5, 3.5)", 1.5, 2.5, 3.5),
        ("coords = vector2(1.5, 2.5)", 1.5, 2.5, None),
        ("coords = vector4(1.5, 2.5, 3.5, 90.0)", 1.5, 2.5, 3.5),
        ("coords = { x = 1.5, y = 2.5 }", 1.5, 2.5, None),
        ("coords = { 1.5, 2.5, 3.5 }", 1.5, 2.5, 3.5),
        ("coords = { 1.5, 2.5 }", 1.5, 2.5, None),
        ("coords = { x = 1.5, y = 2.5, z = 0/0 }", 1.5, 2.5, None),
        ("x = 1.5, y = 2.5, z = 3.5", 1.5, 2.5, 3.5),
        ("z = 3.5", None, None, None),
    ],
)
def test_the_place_of_a_call_may_be_written_in_any_way(
    place: str, x: float | None, y: float | None, z: float | None
) -> None:
    async def story(game: FxServer) -> None:
        await game.run(1.0)
        assert game.lua(f"return exports.cad_bridge:call911({{ {CALL}, {place} }})") == [True]
        await game.run(1.0)

        (call,) = events(game)
        assert (call.get("x"), call.get("y"), call.get("z")) == (x, y, z)

    with_script(story)


@pytest.mark.parametrize(
    "place",
    [
        "coords = {}",
        "coords = 5",
        "coords = 'here'",
        "coords = { x = 0/0, y = 1.0 }",
        "coords = { x = 1.0, y = math.huge }",
        "coords = vector2(0/0, 1.0)",
        "coords = { 1.5 }",
        "coords = { 'a', 'b' }",
        "coords = function() end",
        "x = 1.5",
        "x = 'here', y = 'there'",
    ],
)
def test_a_place_that_is_none_is_refused_and_says_what_is_expected(place: str) -> None:
    async def story(game: FxServer) -> None:
        await game.run(1.0)
        found = game.lua(f"return exports.cad_bridge:call911({{ {CALL}, {place} }})")
        await game.run(1.0)

        assert found == [False, "coords: expected x and y"]
        assert events(game) == []

    with_script(story)


def target(convars: dict[str, str], identifiers: list[str], wanted: str) -> list[Any]:
    """Return what a status of a target leads to, and who was named."""

    async def story(game: FxServer) -> list[Any]:
        game.join(identifiers=identifiers)
        await game.run(2.0)
        found = game.lua("return exports.cad_bridge:status((...), 'BUSY')", wanted)
        await game.run(1.0)
        return [found[0], *(event["id"] for event in events(game))]

    return with_script(story, convars=convars)


STRIPPED = {"cad_bridge_identifiers": "fivem", "cad_bridge_strip_prefix": "true"}


@pytest.mark.parametrize(
    ("convars", "wanted", "led_to"),
    [
        pytest.param(STRIPPED, "12345", [True, "12345"], id="of somebody online"),
        pytest.param(STRIPPED, "fivem:12345", [True, "12345"], id="with its prefix"),
        pytest.param(STRIPPED, "54321", [False], id="a number of nobody"),
        pytest.param({"cad_bridge_identifiers": "fivem"}, "12345", [False], id="not stripped"),
    ],
)
def test_a_short_stripped_identifier_names_whoever_is_online_by_it(
    convars: dict[str, str], wanted: str, led_to: list[Any]
) -> None:
    assert target(convars, ["fivem:12345"], wanted) == led_to
