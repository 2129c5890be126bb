"""Every page of help: a sentence, examples that can be copied, and exit codes."""

import re
import shlex

import click
import pytest
from click.testing import CliRunner

from bridge.cli import main
from bridge.cli.epilog import CUT_SHORT, EXITS
from bridge.cli.run import run
from tests.support.command_lines import our_commands, parse_ours

COMMANDS = dict(our_commands())
COLUMNS = 80  # of a usual terminal


def page(name: str) -> str:
    result = CliRunner().invoke(main, [*name.split()[1:], "--help"], terminal_width=COLUMNS)
    assert result.exit_code == 0
    return result.stdout


def examples(name: str) -> list[str]:
    """Return the example lines of a page, each continued one as one."""
    found = re.search(r"^  Examples?:\n((?:    .*\n)+)", page(name), re.MULTILINE)
    assert found is not None, f"{name} has no example"
    return [line.strip() for line in found[1].replace("\\\n", " ").splitlines()]


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_begins_with_a_sentence(name: str) -> None:
    text = (COMMANDS[name].help or "").split("\n\n", maxsplit=1)[0]

    assert re.match(r"[A-Z]\w+ .*[.]$", " ".join(text.split())), text


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_examples_of_itself(name: str) -> None:
    assert examples(name)
    assert all(line.startswith(f"{name} ") or line == name for line in examples(name))


@pytest.mark.parametrize("name", COMMANDS)
def test_the_command_line_of_each_example_is_taken(name: str) -> None:
    for line in examples(name):
        parse_ours(shlex.split(line)[1:])


def test_an_example_with_an_option_that_there_is_not_is_noticed() -> None:
    with pytest.raises(click.NoSuchOption):
        parse_ours(["outbox", "list", "--states", "failed"])
    with pytest.raises(click.BadParameter):
        parse_ours(["outbox", "list", "--state", "lost"])


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_says_what_its_exit_codes_mean(name: str) -> None:
    codes = [
        int(code)
        for code in re.findall(r"^    (\d+) +\w", page(name).split("Exit codes:\n")[1], re.MULTILINE)
    ]

    assert codes == sorted({0, *codes, 2})
    assert set(codes) <= {*EXITS, CUT_SHORT}
    assert (CUT_SHORT in codes) == (COMMANDS[name] is run)


@pytest.mark.parametrize("name", COMMANDS)
def test_no_line_is_wider_than_a_usual_terminal(name: str) -> None:
    assert [line for line in page(name).splitlines() if len(line) > COLUMNS] == []
