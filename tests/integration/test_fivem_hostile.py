"""What players' games may send that no honest client script would: the server keeps working, and says little."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.configuration import TOKENS
from tests.support.fivem import Stage, console, events, pushed, pushes, with_bridge, with_script
from tests.support.fxserver import FxServer
from tests.support.fxserver.arguments import hash_key
from tests.support.fxserver.wire import FunctionReference

LONGEST = 100  # bytes of a place
SPAM = "spam " * 20_000
EMPTY: dict[str, int] = {}

ARGUMENTS = [
    pytest.param([], id="nothing"),
    pytest.param([None], id="nil"),
    pytest.param([True], id="a boolean"),
    pytest.param([5], id="an integer"),
    pytest.param([float("nan")], id="no number"),
    pytest.param([EMPTY], id="an empty table"),
    pytest.param([{"x": 1}], id="a table"),
    pytest.param([[["deep"]]], id="tables in tables"),
    pytest.param([b""], id="an empty text"),
    pytest.param([b"\xff\xfe\xfa"], id="bytes that are no text"),
    pytest.param(["   "], id="blanks"),
    pytest.param(["^1^2^3"], id="colours alone"),
    pytest.param(["\x00\x01\x02"], id="control characters alone"),
    pytest.param(["\u202e\u200b\ufeff"], id="what nobody sees"),
    pytest.param([FunctionReference("cad_bridge:1:0")], id="a function of the resource"),
    pytest.param([FunctionReference("nobody:77:12345")], id="a function of nobody"),
    pytest.param([FunctionReference("")], id="a broken function"),
    pytest.param(["Alta St", "and", "more", {"x": 1}], id="more than was asked for"),
    pytest.param([SPAM], id="a huge text"),
]
EVENTS = ("cad_bridge:place", "cad_bridge:tokenSeen")


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("arguments", ARGUMENTS)
def test_no_argument_of_a_client_raises_anything_or_stops_the_pushes(
    event: str, arguments: list[Any]
) -> None:
    async def story(game: FxServer) -> None:
        player = game.join()
        await game.run(2.0)
        game.client_event(player, event, *arguments)
        await game.run(1.0)
        player.move_to(500.0, 500.0)
        await game.run(1.0)

        assert pushed(game)[-1]["x"] == 500.0
        assert game.http.of("/v1/locations")[-1].status == 200
        assert console(game).count("\n") <= 2
        assert len(pushed(game)[-1].get("location", "")) <= LONGEST

    with_script(story)


PLACES = [
    pytest.param("^1Red ^*bold^r St", "Red ^*bold^r St", id="colour codes"),
    pytest.param("^^11Red St", "Red St", id="a colour code within another"),
    pytest.param("Alta\nSt\x07\x1b[31m", "Alta St [31m", id="control characters"),
    pytest.param("\u202eAlta\u200b St\u2066", "Alta St", id="what turns or hides text"),
    pytest.param(b"Alta \xff\xc3\x28 St", "Alta ( St", id="bytes that are no UTF-8"),
    pytest.param(b"Zo\xc3\xab Ave", "Zoë Ave", id="good UTF-8"),
    pytest.param('<b>Alta</b> {"a":1}', '<b>Alta</b> {"a":1}', id="markup stays text"),
]


@pytest.mark.parametrize(("sent", "kept"), PLACES)
def test_the_text_of_a_client_is_cleaned_before_it_goes_on(sent: Any, kept: str, tmp_path: Path) -> None:
    async def story(game: FxServer, stage: Stage) -> None:
        player = game.join()
        game.client_event(player, "cad_bridge:place", sent)
        await game.run(8.0)

        assert stage.updates()[-1]["location"] == kept

    with_bridge(tmp_path, story)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("x" * 5000, "x" * LONGEST),
        ("ß" * 5000, "ß" * (LONGEST // 2)),
        ("x" + "ß" * 5000, "x" + "ß" * 49),
        ("€" * 5000, "€" * 33),
        ("😀" * 26, "😀" * 25),
    ],
)
def test_a_long_text_is_cut_to_a_hundred_bytes_at_a_whole_character(sent: str, kept: str) -> None:
    async def story(game: FxServer) -> None:
        player = game.join()
        game.client_event(player, "cad_bridge:place", sent)
        await game.run(3.0)

        assert pushed(game)[-1]["location"] == kept

    with_script(story)


def test_coordinates_of_a_client_count_for_nothing() -> None:
    async def story(game: FxServer) -> None:
        player = game.join(at=(100.0, 200.0, 30.0))
        game.client_event(player, "cad_bridge:place", {"x": 1.0, "y": 2.0, "z": 3.0})
        game.client_event(player, "cad_bridge:place", "Alta St", 1.0, 2.0, 3.0)
        await game.run(3.0)

        assert {(update["x"], update["y"]) for update in pushed(game)} == {(100.0, 200.0)}

    with_script(story)


def test_a_flood_of_one_client_is_throttled_and_costs_the_others_nothing() -> None:
    async def story(game: FxServer) -> None:
        flooder, other = game.join(), game.join()
        await game.run(2.0)
        since = game.milliseconds
        for number in range(1000):
            game.client_event(flooder, "cad_bridge:place", f"Street {number}")
        game.client_event(other, "cad_bridge:place", "Quiet Lane")
        await game.run(3.0)

        assert len(pushes(game, since)) <= 4
        places = {update["id"]: update.get("location") for update in pushed(game, since)}
        assert places[f"license:{2:040x}"] == "Quiet Lane"
        assert places[f"license:{1:040x}"] in {f"Street {number}" for number in range(6)}
        assert console(game).count("\n") <= 2

    with_script(story)


def test_who_has_left_leaves_nothing_to_the_next_one_with_his_number() -> None:
    async def story(game: FxServer) -> None:
        gone = game.join(identifiers=["license:gone"])
        await game.run(2.0)
        game.drop(gone)
        for source in (gone, 4711, 65_600):
            game.client_event(source, "cad_bridge:place", "Ghost St")
        await game.run(0.1)
        since = game.milliseconds
        game.join(identifiers=["license:next"], number=gone.number)
        await game.run(3.0)

        assert pushed(game, since)[-1]["id"] == "license:next"
        assert "Ghost St" not in str(pushes(game))
        assert [push["left"] for push in pushes(game) if push.get("left")] == [["license:gone"]]

    with_script(story)


INTERNAL: list[tuple[str, list[Any]]] = [
    ("playerDropped", ["Exiting"]),
    ("playerJoining", ["65536"]),
    ("onResourceStop", ["cad_bridge"]),
    ("onResourceStart", ["cad_bridge"]),
    ("__cfx_internal:httpResponse", [1, 200, '{"instance":"evil"}', {}, None]),
    ("__cfx_export_cad_bridge_panic", [FunctionReference("x:1:1")]),
    ("cad_bridge:panic", [1]),
    ("cad_bridge:kick", [1, "bye"]),
    ("cad_bridge:call911", [{"caller": "me", "description": "fake"}]),
    ("cad_bridge:event", [{"type": "panic", "ids": ["license:x"]}]),
    ("cad_bridge:nothing", ["at all"]),
]


@pytest.mark.parametrize(("event", "arguments"), INTERNAL)
def test_no_client_causes_an_event_that_is_the_servers_own(event: str, arguments: list[Any]) -> None:
    async def story(game: FxServer) -> None:
        player = game.join()
        await game.run(2.0)
        game.client_event(player, event, *arguments)
        await game.run(2.0)
        player.move_to(700.0, 700.0)
        await game.run(2.0)

        assert events(game) == []
        assert pushed(game)[-1]["x"] == 700.0
        assert not any(push.get("left") for push in pushes(game))

    with_script(story)


def test_a_client_that_merely_claims_to_have_the_token_stops_nothing() -> None:
    async def story(game: FxServer) -> None:
        liar = game.join()
        await game.run(2.0)
        for claim in (hash_key("a guess"), 0, -1, 2**31, True, TOKENS[1], 1.5):
            game.client_event(liar, "cad_bridge:tokenSeen", claim)
        await game.run(1.0)
        liar.move_to(700.0, 700.0)
        await game.run(2.0)

        assert pushed(game)[-1]["x"] == 700.0

    with_script(story)


def test_a_players_name_of_any_bytes_and_length_makes_a_call_that_the_bridge_takes(tmp_path: Path) -> None:
    async def story(game: FxServer, stage: Stage) -> None:
        name = "^1\udcff[PD]\x07 \u202eBob\u200b " + "x" * 180
        player = game.join(name, aces=["command"])
        await game.run(2.0)
        game.command(player, "911 help")
        await game.run(4.0)

        call: Any = stage.received("create911Call")[0].decoded()
        assert call["caller"].startswith("[PD] Bob x")
        assert len(call["caller"]) <= LONGEST

    with_bridge(tmp_path, story)


def test_a_flood_of_calls_is_stopped_before_its_text_is_read() -> None:
    async def story(game: FxServer) -> None:
        player = game.join(aces=["command"])
        await game.run(2.0)
        for _ in range(5):
            game.command(player, "911 ^1")
        game.command(player, "911")
        said = [arguments[0]["args"][1] for _, event, arguments in game.sent if event == "chat:addMessage"]
        empty, fast = "Say what happened after the command.", "Please wait a moment."
        assert said == [empty, *[fast] * 4, empty]

    with_script(story)


def test_a_name_of_colour_codes_alone_is_the_number_of_the_player(tmp_path: Path) -> None:
    async def story(game: FxServer, stage: Stage) -> None:
        player = game.join("^1^2", aces=["command"])
        await game.run(2.0)
        game.command(player, "911 help")
        await game.run(4.0)

        call: Any = stage.received("create911Call")[0].decoded()
        assert call["caller"] == "Player 1"

    with_bridge(tmp_path, story)


def test_who_still_connects_leaves_no_identifier_to_the_next_one_with_his_number() -> None:
    async def story(game: FxServer) -> None:
        await game.run(1.0)
        passing = 65_600
        first = game.join(identifiers=["license:first"], number=passing)
        assert game.export("identifier")(passing) == "license:first"
        game.players.pop(first.number)
        game.join(identifiers=["license:second"], number=passing)

        assert game.export("identifier")(passing) == "license:second"

    with_script(story)
