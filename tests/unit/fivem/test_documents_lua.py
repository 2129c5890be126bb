"""The Lua of the documents runs on the stand-in for FXServer, and the bridge takes what it sends."""

import re
from pathlib import Path

import pytest

from bridge.intake.events import read_events
from bridge.intake.locations import read_locations
from bridge.intake.panics import read_panic
from tests.support.documents import Block, blocks, documents
from tests.support.fivem import RESOURCE
from tests.support.fxserver import FxServer

OF_THE_RESOURCE = "deploy/fivem/cad_bridge/README.md"  # has tests of its own: ``test_readme``
TOKEN = "a-token-of-more-than-24-characters"
MANIFEST = "fx_version 'cerulean'\ngame 'gta5'\nserver_script 'server.lua'\n"
MAX_COORDINATE = 16000.0
TRIED = "tried"  # the command that runs lines which stand in no function

LUA = [block for document in documents() if document != OF_THE_RESOURCE for block in blocks(document, "lua")]
WHOLE = [block for block in LUA if "RegisterCommand(" in block.text]
LINES = [block for block in LUA if block not in WHOLE]


def test_there_is_lua_to_try() -> None:
    assert WHOLE
    assert LINES


def resource_of(folder: Path, text: str) -> Path:
    folder.mkdir()
    (folder / "fxmanifest.lua").write_text(MANIFEST, encoding="utf-8")
    (folder / "server.lua").write_text(text, encoding="utf-8")
    return folder


def answered(game: FxServer) -> FxServer:
    game.http.answer("/v1/locations", 200, {"accepted": 1, "rejected": [], "instance": "one", "api": 1})
    game.http.answer("/v1/panic", 202, {"event": "event-1"})
    game.http.answer("/v1/events", 202, {"events": ["event-2"]})
    return game


@pytest.mark.parametrize("block", WHOLE, ids=str)
async def test_a_script_of_its_own_pushes_where_everybody_is_and_its_commands_work(
    tmp_path: Path, block: Block
) -> None:
    folder = resource_of(tmp_path / "example", block.text)
    async with FxServer(folder, convars={"cad_bridge_token": TOKEN}) as game:
        answered(game)
        game.start_resource()
        officer = game.join(aces={"command"})
        await game.run(3)
        for command in re.findall(r"RegisterCommand\('(\w+)'", block.text):
            game.command(officer, command)
            await game.run(2)

        pushes = game.http.of("/v1/locations")
        read = [read_locations(one.body, max_coordinate=MAX_COORDINATE) for one in pushes]
        (panic,) = game.http.of("/v1/panic")
        assert game.errors == []
        assert "cad-bridge: " not in "".join(game.console)
        assert list(read[-1].rejected) == []
        assert [report.unit_id for report in read[-1].reports] == [officer.identifiers[0]]
        assert officer.identifiers[0].startswith("license:")
        assert read_panic(panic.body, max_coordinate=MAX_COORDINATE)
        assert panic.headers["Authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("block", WHOLE, ids=str)
async def test_a_script_of_its_own_tells_of_a_bridge_that_refuses(tmp_path: Path, block: Block) -> None:
    folder = resource_of(tmp_path / "example", block.text)
    async with FxServer(folder, convars={"cad_bridge_token": TOKEN}) as game:
        game.http.answer("/v1/", 401, {"detail": "wrong token"})
        game.start_resource()
        game.join()
        await game.run(3)

        assert "cad-bridge: " in "".join(game.console)
        assert game.errors == []


@pytest.mark.parametrize("block", LINES, ids=str)
async def test_lines_that_call_the_resource_send_something_that_the_bridge_takes(
    tmp_path: Path, block: Block
) -> None:
    lines = f"RegisterCommand('{TRIED}', function(source)\n{block.text}\nend, false)\n"
    async with FxServer(RESOURCE, convars={"cad_bridge_token": TOKEN}) as game:
        answered(game)
        game.start_resource()
        game.add_resource("example", resource_of(tmp_path / "example", lines))
        officer = game.join()
        await game.run(3)
        game.command(officer, TRIED)
        await game.run(5)

        panics, events = game.http.of("/v1/panic"), game.http.of("/v1/events")
        assert game.errors == []
        assert len(panics) + len(events) == block.text.count("exports.cad_bridge:")
        for one in panics:
            assert read_panic(one.body, max_coordinate=MAX_COORDINATE)
        for one in events:
            assert read_events(one.body)
