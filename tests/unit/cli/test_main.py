"""The program as a whole: its commands and how it is started."""

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

import bridge.__main__
from bridge import __version__
from bridge.cli import main

COMMANDS = ["check", "demo", "init", "outbox", "play", "reload", "run", "simulate", "status"]


def test_the_commands_of_this_version_are_there() -> None:
    assert sorted(main.commands) == COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_and_its_options(name: str) -> None:
    result = CliRunner().invoke(main, [name, "--help"], terminal_width=200)

    assert result.exit_code == 0
    assert result.stderr == ""
    assert len(main.commands[name].get_short_help_str(200)) > 20
    for parameter in main.commands[name].params:
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
