"""The resource's README says what there is, all of it, and its examples work."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bridge.intake.events import read_events
from bridge.intake.panics import read_panic
from tests.support.fxserver import FxServer
from tests.support.fxserver.world import Player

ROOT = Path(__file__).parents[3]
RESOURCE = ROOT / "deploy" / "fivem" / "cad_bridge"
TEXT = (RESOURCE / "README.md").read_text(encoding="utf-8")
TOKEN = "a-token-of-more-than-24-characters"
NET_EVENT = re.compile(r"RegisterNetEvent\('([^']+)'")
NO_DEFAULT = {"cad_bridge_token": "none"}
EXPORTS_ONLY = {"isUnit", "identifier"}
MANIFEST = "fx_version 'cerulean'\ngame 'gta5'\nserver_script 'server.lua'\n"

# What each command of an example leads to: the events that reach the bridge, by type.
COMMANDS = {
    "carpanic": ["panic"],
    "carcalm": ["panic"],
    "panickey": ["panic"],
    "phone911 two men with guns": ["call_911"],
    "alarm": ["call_911"],
    "enroute": ["status"],
    "callsoff 1": ["kick"],
    "shift start": ["clock"],
    "pursuit": ["dispatch_call", "dispatch_note"],
    "armoury": [],
    "byevents 12": ["panic", "call_911", "status", "clock", "kick", "dispatch_note", "blip"],
}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table after a heading."""
    after = TEXT.split(f"\n## {heading}\n", 1)[1]
    table = re.search(r"(?:^\|.*\n)+", after, re.MULTILINE)
    assert table is not None
    lines = table[0].splitlines()[2:]
    return [[cell.strip().replace("\\|", "|") for cell in line.strip("|").split(" | ")] for line in lines]


def sources() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(RESOURCE.rglob("*.lua")))


def convars() -> dict[str, str]:
    """Each convar of the resource with its default, as its Lua has them."""
    found = dict(re.findall(r"'(cad_bridge_[a-z0-9_]+)', '([^']*)'", sources()))
    assert len(found) > 10
    return found


@pytest.fixture(name="game")
async def _game(tmp_path: Path) -> AsyncIterator[FxServer]:
    """The resource, and one more for each Lua block of the README."""
    async with FxServer(RESOURCE, convars={"cad_bridge_token": TOKEN}) as game:
        game.http.answer("/v1/locations", 200, {"accepted": 1, "rejected": [], "instance": "one", "api": 1})
        game.http.answer("/v1/panic", 202, {"event": "event-1"})
        game.http.answer("/v1/events", 202, {"events": ["event-2"]})
        game.http.answer(
            "/v1/events/", 200, {"id": "event-2", "type": "blip", "state": "delivered", "attempts": 1}
        )
        game.start_resource()
        for number, block in enumerate(blocks("lua")):
            folder = tmp_path / f"example-{number}"
            folder.mkdir()
            (folder / "fxmanifest.lua").write_text(MANIFEST, encoding="utf-8")
            (folder / "server.lua").write_text(block, encoding="utf-8")
            game.add_resource(folder.name, folder)
        yield game
        assert not game.errors


@pytest.fixture(name="officer")
async def _officer(game: FxServer) -> Player:
    officer = game.join(aces={"command"})
    await game.run(3)
    return officer


def test_the_readme_lists_each_convar_with_its_default() -> None:
    listed = {row[0].strip("`"): row[1].strip("`") for row in rows("Settings")}

    expected = {name: default or "empty" for name, default in convars().items()} | NO_DEFAULT
    assert listed == expected


def test_the_readme_names_no_convar_that_is_not_there() -> None:
    named = set(re.findall(r"\bset (cad_bridge_[a-z0-9_]+)", TEXT)) | set(
        re.findall(r"`(cad_bridge_[a-z0-9_]+)`", TEXT)
    )

    assert named <= set(convars())


def test_the_lines_for_server_cfg_keep_the_token_private() -> None:
    (block,) = blocks("cfg")

    assert not re.search(r"^set[sr] ", block, re.MULTILINE)
    assert block.splitlines()[-1] == "ensure cad_bridge"
    assert "add_convar_permission cad_bridge read cad_bridge_token" in block


async def test_the_readme_lists_each_export_and_event(game: FxServer) -> None:
    listens = game.script().listens
    exports = {
        name.removeprefix("__cfx_export_cad_bridge_") for name in listens if name.startswith("__cfx_export_")
    }
    events = {name.removeprefix("cad_bridge:") for name in listens if name.startswith("cad_bridge:")}
    events -= {name.removeprefix("cad_bridge:") for name in NET_EVENT.findall(sources())}

    listed = {
        match[1]: "export only" in row[0]
        for row in rows("For other resources")
        if (match := re.match("`(.+?)`", row[0]))
    }

    assert set(listed) == exports
    assert {name for name, is_export in listed.items() if not is_export} == events
    assert {name for name, is_export in listed.items() if is_export} == EXPORTS_ONLY


def test_each_export_and_each_event_has_an_example() -> None:
    examples = "".join(blocks("lua"))
    listed = {match[1] for row in rows("For other resources") if (match := re.match("`(.+?)`", row[0]))}

    for name in listed:
        assert re.search(rf"(?:exports\.cad_bridge|cad):{name}\(", examples), f"{name} has no example"
        assert name in EXPORTS_ONLY or f"'cad_bridge:{name}'" in examples, f"the event {name} has no example"


def test_each_command_of_the_examples_is_tried() -> None:
    registered = set(re.findall(r"RegisterCommand\('(\w+)'", "".join(blocks("lua"))))

    assert registered == {line.split()[0] for line in COMMANDS}


@pytest.mark.parametrize(("line", "types"), COMMANDS.items())
async def test_an_example_sends_what_it_says_and_the_bridge_takes_it(
    game: FxServer, officer: Player, line: str, types: list[str]
) -> None:
    game.command(officer, line)
    await game.run(15)

    assert sorted(event_types(game)) == sorted(types)
    assert not [
        printed for printed in game.console if re.search("warning|denied|No such|not sent|no call", printed)
    ]


def event_types(game: FxServer) -> list[str]:
    """Read each event as the bridge does, and return their types."""
    found: list[str] = []
    for exchange in game.http.of("/v1/panic"):
        read_panic(exchange.body, max_coordinate=16000.0)
        found.append("panic")
    for exchange in game.http.of("/v1/events"):
        read_events(exchange.body)
        found.append(exchange.json["type"])
    return found


async def test_the_example_of_the_armoury_lets_units_in(game: FxServer, officer: Player) -> None:
    game.command(officer, "armoury")

    assert "Alex opens the armoury" in "".join(game.console)


async def test_the_example_of_a_pursuit_learns_what_became_of_its_call(
    game: FxServer, officer: Player
) -> None:
    game.command(officer, "pursuit")
    await game.run(15)

    call, note = (exchange.json for exchange in game.http.of("/v1/events"))
    assert call["ids"] == [officer.identifiers[0]]
    assert note["call"] == "event-2"
    assert "the call is delivered" in "".join(game.console)


async def test_the_commands_of_the_readme_are_there(game: FxServer, officer: Player) -> None:
    listed = [row[0].strip("`").split()[0].strip("/") for row in rows("Commands")]
    assert set(listed) == {"panic", "911", "cad_bridge"}

    game.command(officer, "panic")
    game.command(officer, "911 shots fired")
    game.command(0, "cad_bridge")
    game.command(0, f"cad_bridge why {officer.number}")
    await game.run(5)

    assert sorted(event_types(game)) == ["call_911", "panic"]
    assert not [line for line in game.console if "No such command" in line]


@pytest.mark.parametrize(
    ("convars", "line"),
    [
        ({}, "cad_bridge_token is not set, or this resource may not read it."),
        ({"cad_bridge_token": TOKEN}, "Sends every player to http://127.0.0.1:30180."),
    ],
)
async def test_what_the_readme_quotes_is_what_the_console_says(convars: dict[str, str], line: str) -> None:
    assert line in TEXT

    async with FxServer(RESOURCE, convars=convars) as game:
        game.http.answer("/v1/", 401, {"detail": "wrong token"})
        game.start_resource()
        await game.run(2)

        assert line in "".join(game.console)


def test_the_javascript_example_calls_an_export_that_is_there() -> None:
    (block,) = blocks("js")

    listed = {match[1] for row in rows("For other resources") if (match := re.match("`(.+?)`", row[0]))}
    assert set(re.findall(r"exports\.cad_bridge\.(\w+)\(", block)) <= listed


@pytest.mark.parametrize(
    "quoted",
    [
        "The bridge refuses this server",
        "takes no positions",
        "cad_bridge_token can be read by anybody",
        "did not say who is on duty",
        "does not answer who is on duty",
        "The bridge takes no push of ",
        "overtaken by a newer one",
        "last answer to a push: ",
        "is sent as ",
    ],
)
def test_what_the_readme_calls_a_line_of_the_console_is_in_the_source(quoted: str) -> None:
    assert quoted in TEXT
    assert quoted in sources()


def test_what_the_readme_calls_a_line_of_the_chat_is_in_the_locale() -> None:
    locale = (RESOURCE / "locales" / "en.json").read_text(encoding="utf-8")

    assert "You are not on duty" in TEXT
    assert "You are not on duty" in locale


def test_the_links_inside_the_readme_lead_somewhere() -> None:
    headings = {
        re.sub(r"[^a-z0-9 -]", "", line.lower()).replace(" ", "-")
        for line in re.findall(r"^#+ (.+)$", TEXT, re.MULTILINE)
    }
    targets: list[Any] = re.findall(r"\]\(#([^)]+)\)", TEXT)

    assert targets
    assert set(targets) <= headings
