"""The program as a whole: its commands and how it is started."""

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

import bridge.__main__
from bridge import __version__
from bridge.cli import main
from bridge.cli.program import Listed

COMMANDS = ["check", "demo", "init", "outbox", "play", "reload", "run", "simulate", "status"]


def test_the_commands_of_this_version_are_there() -> None:
    assert sorted(main.commands) == COMMANDS


def itself(name: str) -> click.Command:
    listed = main.commands[name]
    assert isinstance(listed, Listed)
    return listed.load()


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_each_says_of_itself(name: str) -> None:
    sentence = itself(name).get_short_help_str(200)

    assert main.commands[name].get_short_help_str(200) == sentence
    assert len(sentence) > 20


def test_the_list_of_commands_imports_none_of_them() -> None:
    told = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "bridge", "--help"],
        capture_output=True, text=True, timeout=20, check=True,
    ).stderr  # fmt: skip
    imported = {line.rpartition("|")[2].strip() for line in told.splitlines()}

    assert "bridge.cli.program" in imported
    assert imported.isdisjoint(
        {"asyncio", "aiohttp", "structlog", "rich", *(f"bridge.cli.{name}" for name in COMMANDS)}
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_and_its_options(name: str) -> None:
    result = CliRunner().invoke(main, [name, "--help"], terminal_width=200)

    assert result.exit_code == 0
    assert result.stderr == ""
    for parameter in itself(name).params:
        assert isinstance(parameter, click.Option)
        assert parameter.help, parameter.name
        assert parameter.opts[0] in result.stdout


def test_the_program_lists_its_commands_and_its_version() -> None:
    listed = CliRunner().invoke(main, ["--help"])
    version = CliRunner().invoke(main, ["--version"])

    assert all(f"  {name} " in listed.stdout for name in COMMANDS)
    assert version.stdout == f"cad-bridge, version {__version__}\n"


@pytest.mark.parametrize("arguments", [["nothing"], ["run", "--nothing"], ["check", "extra"]])
def test_a_wrong_command_line_exits_2(arguments: list[str]) -> None:
    result = CliRunner().invoke(main, arguments)

    assert (result.exit_code, result.stdout) == (2, "")


def test_python_m_bridge_is_the_program() -> None:
    assert bridge.__main__.main is main
    done = subprocess.run(
        [sys.executable, "-m", "bridge", "--version"], capture_output=True, text=True, timeout=20, check=True
    )

    assert done.stdout == f"cad-bridge, version {__version__}\n"
