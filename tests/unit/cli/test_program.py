"""What holds for every command."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from bridge.cli import main
from bridge.cli.program import Program
from tests.support.configuration import write_configuration

SECONDS = 60  # far more than a command takes


@click.command()
def odd() -> None:
    """Print what a Western console does not know → ✓."""
    click.echo("main → 3 ✓ 東京")


def test_what_a_command_prints_fits_the_output() -> None:
    program = Program()
    program.add_command(odd)

    result = CliRunner(charset="cp1252").invoke(program, ["odd"])

    assert (result.exit_code, result.output) == (0, "main -> 3 + ??\n")


def test_the_program_is_one() -> None:
    assert isinstance(main, Program)


def poor(folder: Path, *arguments: str, encoding: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command whose output knows few characters and is no terminal, in a folder with an odd name."""
    environ = {**os.environ, "PYTHONIOENCODING": encoding, "CAD_BRIDGE_CONFIG": str(folder / "bridge.toml")}
    command = [sys.executable, "-m", "bridge", *arguments]
    return subprocess.run(command, capture_output=True, timeout=SECONDS, check=False, env=environ, cwd=folder)


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["check"], 2),
        (["check", "--config", "good.toml"], 0),
        (["status", "--admin", "http://127.0.0.1:9"], 1),
        (["play", "--to", "http://127.0.0.1:9", "--token-file", "Ωμέγα"], 2),
        (["demo", "--seconds", "1", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"], 0),
        (["run", "--config", "東京.toml"], 2),
    ],
)
@pytest.mark.timeout(90)
def test_no_command_dies_of_a_character_that_its_output_does_not_know(
    tmp_path: Path, arguments: list[str], code: int, encoding: str
) -> None:
    folder = tmp_path / "Jürgen → 東京"
    folder.mkdir()
    path = write_configuration(folder)
    good = path.read_text(encoding="utf-8")
    (folder / "good.toml").write_text(good, "utf-8")
    path.write_text(good.replace('name = "main"', 'name = "Łódź →"'), "utf-8")

    done = poor(folder, *arguments, encoding=encoding)

    said = (done.stdout + done.stderr).decode(encoding, "replace")  # click writes UTF-8 where it finds ASCII
    assert "UnicodeEncodeError" not in said
    assert "Traceback" not in said
    assert done.returncode == code, said


@pytest.mark.parametrize("command", ["", *sorted(main.commands)])
def test_every_page_of_help_fits_a_poor_output(command: str) -> None:
    result = CliRunner(charset="ascii").invoke(main, [*filter(None, [command]), "--help"])

    assert (result.exit_code, result.output.isascii()) == (0, True)
