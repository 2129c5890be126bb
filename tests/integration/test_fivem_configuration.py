"""What an owner may get wrong, and what the resource says and does then; and what he may choose."""

from pathlib import Path
from shutil import copytree

import pytest

from tests.support.configuration import TOKENS
from tests.support.fivem import (
    LOCATIONS,
    RESOURCE,
    console,
    game_of,
    pushed,
    pushes,
    with_script,
)
from tests.support.fxserver import FxServer

TOKEN = "cad_bridge_token"
REMIND_EVERY = 600.0


async def refuses(game: FxServer, why: str) -> None:
    """See that nothing is sent, that the console says why, and that exports do so too."""
    game.join(aces=["command"])
    await game.run(5.0)
    assert game.http.of(LOCATIONS) == []
    assert why in console(game)
    assert "Nothing is sent" in console(game)
    accepted, reason = game.export("panic")(1)
    assert accepted is False
    assert why in reason or "Nothing is sent" in reason or reason
    assert game.http.of("/v1/panic") == []


def test_a_token_that_stands_in_info_json_stops_the_resource() -> None:
    async def story(game: FxServer) -> None:
        game.sets(TOKEN, TOKENS[1])
        game.start_resource()
        await refuses(game, "can be read by anybody")
        assert TOKENS[1] not in console(game)

    with_script(story, start=False)


def test_a_token_that_every_players_game_has_stops_the_resource() -> None:
    async def story(game: FxServer) -> None:
        game.setr(TOKEN, TOKENS[1])
        game.start_resource()
        game.join(client=True)
        await game.run(3.0)
        before = len(pushes(game))
        await game.run(20.0)

        assert "can be read by anybody" in console(game)
        assert TOKENS[1] not in console(game)
        assert len(pushes(game)) <= before + 1

    with_script(story, start=False)


def test_a_token_that_another_resource_alone_may_read_stops_the_resource() -> None:
    async def story(game: FxServer) -> None:
        game.convar_readers[TOKEN] = {"cad-bridge"}  # the folder has another name
        game.start_resource()
        await refuses(game, TOKEN)
        assert "add_convar_permission cad_bridge read cad_bridge_token" in console(game)

    with_script(story, start=False)


@pytest.mark.parametrize(
    ("token", "why"),
    [
        pytest.param("", "is not set", id="none"),
        pytest.param("short", "characters", id="short"),
        pytest.param("a token with blanks in it, long enough", "blanks", id="blanks"),
        pytest.param("ein-töken-mit-umlaut-lang-genug", "accents", id="accents"),
    ],
)
def test_a_token_that_no_bridge_takes_stops_the_resource(token: str, why: str) -> None:
    async def story(game: FxServer) -> None:
        await refuses(game, why)
        if token:
            assert token not in console(game)

    with_script(story, convars={TOKEN: token})


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:30180", "ftp://127.0.0.1", "http://", "http://host:99999", "http://a b/"]
)
def test_an_address_that_is_none_stops_the_resource(url: str) -> None:
    async def story(game: FxServer) -> None:
        await refuses(game, "cad_bridge_url")

    with_script(story, convars={"cad_bridge_url": url})


def test_a_resource_that_refuses_says_so_again_every_ten_minutes() -> None:
    async def story(game: FxServer) -> None:
        await game.run(2 * REMIND_EVERY + 5.0)
        assert console(game).count("Nothing is sent") >= 3

    with_script(story, convars={TOKEN: ""})


def test_a_token_in_quotes_with_a_line_end_is_taken_without_them() -> None:
    async def story(game: FxServer) -> None:
        game.join()
        await game.run(3.0)
        assert game.http.of(LOCATIONS)[0].headers["Authorization"] == f"Bearer {TOKENS[1]}"

    with_script(story, convars={TOKEN: f" {TOKENS[1]}\n"})


def test_the_resource_works_where_its_own_server_cannot_be_asked_for_info_json() -> None:
    async def story(game: FxServer) -> None:
        game.http.hang("/info.json")
        game.start_resource()
        game.join()
        await game.run(15.0)
        assert pushed(game)

    with_script(story, start=False)


def test_without_onesync_the_server_does_not_start_the_resource_and_says_why() -> None:
    async def story(game: FxServer) -> None:
        assert game.start_resource() is False
        assert "OneSync" in console(game)

    with_script(story, start=False, onesync=False)


WRONG = {
    "cad_bridge_identifiers": "name",
    "cad_bridge_strip_prefix": "perhaps",
    "cad_bridge_duty": "some",
    "cad_bridge_framework": "vrp",
    "cad_bridge_min_distance": "-3",
    "cad_bridge_min_heading": "east",
    "cad_bridge_max_coordinate": "5",
    "cad_bridge_main_bucket_only": "2",
    "cad_bridge_panic_command": "pa nic",
    "cad_bridge_panic_cooldown": "soon",
    "cad_bridge_locale": "../../secret",
}


def test_a_wrong_value_costs_one_line_that_names_it_and_the_default_is_used() -> None:
    async def story(game: FxServer) -> None:
        game.join()
        await game.run(3.0)
        for convar, value in WRONG.items():
            (line,) = [line for line in game.console if convar in line]
            assert value in line
        assert pushed(game)[0]["id"] == f"license:{1:040x}"

    with_script(story, convars=WRONG)


IDENTIFIERS = ["fivem:12", "discord:1234", "license2:bbb", "license:aaa", "steam:110000"]


@pytest.mark.parametrize(
    ("wanted", "has", "sent"),
    [
        ("", IDENTIFIERS, "license:aaa"),
        ("license2,license", IDENTIFIERS, "license2:bbb"),
        ("discord steam", IDENTIFIERS, "discord:1234"),
        ("steam;fivem", ["license:aaa", "fivem:12"], "fivem:12"),
        ("license", ["license2:bbb", "license:aaa"], "license:aaa"),
        ("license", ["license2:bbb"], None),
        ("discord", [], None),
    ],
)
def test_the_identifier_that_is_sent_is_the_first_one_of_the_wanted_kinds(
    wanted: str, has: list[str], sent: str | None
) -> None:
    async def story(game: FxServer) -> None:
        game.join(identifiers=has)
        await game.run(10.0)
        assert {update["id"] for update in pushed(game)} == ({sent} if sent else set())
        if sent is None:
            assert console(game).count("has none of the identifiers") == 1

    with_script(story, convars={"cad_bridge_identifiers": wanted} if wanted else None)


def test_the_prefix_of_an_identifier_can_be_left_away() -> None:
    async def story(game: FxServer) -> None:
        game.join(identifiers=["discord:1234"])
        await game.run(3.0)
        assert pushed(game)[0]["id"] == "1234"

    with_script(story, convars={"cad_bridge_identifiers": "discord", "cad_bridge_strip_prefix": "true"})


def test_by_ace_only_those_who_hold_it_are_sent_and_a_new_one_within_ten_seconds() -> None:
    async def story(game: FxServer) -> None:
        officer, rookie = game.join(aces=["cad_bridge.unit"]), game.join()
        await game.run(3.0)
        assert {update["id"] for update in pushed(game)} == {f"license:{officer.number:040x}"}
        rookie.aces.add("cad_bridge.unit")
        officer.aces.clear()
        await game.run(13.0)

        assert pushed(game)[-1]["id"] == f"license:{rookie.number:040x}"
        assert [push["left"] for push in pushes(game) if push.get("left")] == [
            [f"license:{officer.number:040x}"]
        ]

    with_script(story, convars={"cad_bridge_duty": "ace"})


def test_texts_come_from_another_language_where_it_has_them_and_else_from_english(tmp_path: Path) -> None:
    folder = copytree(RESOURCE, tmp_path / "resource")
    (folder / "locales" / "de.json").write_text('{"panic_on": "Panik ist an."}', encoding="utf-8")

    async def story(game: FxServer) -> None:
        player = game.join(aces=["command"])
        await game.run(3.0)
        for _ in range(2):
            game.command(player, "panic")
            await game.run(6.0)

        said = [arguments[0]["args"][1] for _, event, arguments in game.sent if event == "chat:addMessage"]
        assert said[1:] == ["Panik ist an.", "Your panic button is off."]

    with_script(story, convars={"cad_bridge_locale": "de"}, folder=folder)


@pytest.mark.parametrize("content", [None, "{", "[]", '"text"', '{"panic_on": 5}'])
def test_a_broken_language_file_costs_a_line_and_english_is_used(content: str | None, tmp_path: Path) -> None:
    folder = copytree(RESOURCE, tmp_path / "resource")
    if content is not None:
        (folder / "locales" / "xx.json").write_text(content, encoding="utf-8")

    async def story(game: FxServer) -> None:
        player = game.join(aces=["command"])
        await game.run(3.0)
        game.command(player, "panic")
        await game.run(3.0)

        assert game.sent[-1][2][0]["args"][1] == "Your panic button is on."

    with_script(story, convars={"cad_bridge_locale": "xx"}, folder=folder)


def test_the_name_of_the_folder_does_not_matter(tmp_path: Path) -> None:
    folder = copytree(RESOURCE, tmp_path / "resource")

    async def story(game: FxServer) -> None:
        player = game.join(client=True)
        await game.run(5.0)
        assert pushed(game)[-1]["location"]
        assert game.export("identifier")(player.number) == f"license:{1:040x}"

    with_script(story, name="[sonoran] map", folder=folder)


def test_the_console_says_why_a_player_is_not_on_the_map() -> None:
    async def story(game: FxServer) -> None:
        game.join()
        game.join(identifiers=["ip:1.2.3.4"])
        game.join(at=None)
        await game.run(5.0)
        game.console.clear()
        game.command(0, "cad_bridge")
        game.command(0, "cad_bridge why 1")
        first = console(game)
        game.command(0, "cad_bridge why 2")
        game.command(0, "cad_bridge why 3")
        game.command(0, "cad_bridge why 77")
        game.command(0, "cad_bridge why x")

        assert "100.0, 200.0" in first
        assert "none of the identifiers" in console(game)
        assert "no place in the game world" in console(game)
        assert "no such player" in console(game)
        assert f"{1:040x}" not in console(game)
        assert TOKENS[1] not in console(game)

    with_script(story)


def test_everything_of_the_resource_is_listed_and_no_global_is_made_by_accident() -> None:
    async def story(game: FxServer) -> None:
        player = game.join(client=True, aces=["command"])
        await game.run(3.0)
        game.command(player, "panic")
        game.command(player, "911 help")
        game.command(0, "cad_bridge")
        game.drop(player)
        await game.run(65.0)
        script, manifest = game.script(), game.resources["cad_bridge"].manifest
        lua = {path.relative_to(RESOURCE).as_posix() for path in RESOURCE.rglob("*.lua")} - {"fxmanifest.lua"}
        assert {*manifest.scripts("server"), *manifest.scripts("client")} == lua
        assert script.late_globals == []
        assert all(name[0].isupper() for name in script.globals_of_files)
        assert len(set(script.globals_of_files)) == len(script.globals_of_files)

    with_script(story)


def test_the_game_of_a_player_never_learns_of_the_bridge() -> None:
    async def story(game: FxServer) -> None:
        player = game.join(client=True, aces=["command"])
        await game.run(3.0)
        game.command(player, "panic")
        await game.run(5.0)

        heard = str(game.sent) + str(game.clients[player.number].sent)
        assert TOKENS[1] not in heard
        assert "127.0.0.1" not in heard

    with_script(story)


async def test_a_stubbed_native_that_is_missing_is_a_fault_of_the_test_and_not_swallowed(
    tmp_path: Path,
) -> None:
    (tmp_path / "fxmanifest.lua").write_text("fx_version 'cerulean'\ngame 'gta5'\nserver_script 'it.lua'\n")
    (tmp_path / "it.lua").write_text("pcall(function() SetPlayerModel(1, 2) end)\n")

    game = game_of(folder=tmp_path)
    game.start_resource()

    with pytest.raises(AssertionError, match="SetPlayerModel is a native that is not stubbed"):
        game.check()
