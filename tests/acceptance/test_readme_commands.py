"""Every command of the README and every example of a help page works, run as it stands."""

import re
import shlex
from pathlib import Path

import pytest

from tests.support.command_lines import our_commands, program
from tests.support.documented_run import SHELL_TOOLS, run_shell, stage
from tests.support.documents import ROOT, Block, blocks

SHELL_BLOCKS = blocks("README.md", "sh", "bash", "console", "powershell")
PAGES = dict(our_commands())
SHORTEST_TOKEN = 24

pytestmark = pytest.mark.timeout(120)


def is_of_the_shell(block: Block) -> bool:
    """Tell whether a block makes files with nothing but the shell's own tools."""
    return {program(words[0]) for words in block.commands} & SHELL_TOOLS != set()


def examples(name: str) -> list[list[str]]:
    """Return the examples of a help page, as ``tests/unit/cli/test_help.py`` sees that there are."""
    page_end = (PAGES[name].epilog or "").split("Exit codes:")[0].replace("\\\n", " ")
    return [shlex.split(line) for line in re.findall(r"^ +(cad-bridge.*)$", page_end, re.MULTILINE)]


@pytest.mark.parametrize("block", [one for one in SHELL_BLOCKS if not is_of_the_shell(one)], ids=str)
async def test_every_command_of_the_readme_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: Block
) -> None:
    async with stage(tmp_path) as (prepared, environ):
        for variable, value in environ.items():
            monkeypatch.setenv(variable, value)
        for words in block.commands:
            await prepared.run(words)


@pytest.mark.parametrize("block", [one for one in SHELL_BLOCKS if is_of_the_shell(one)], ids=str)
def test_the_files_that_the_readme_has_one_make_are_those_that_the_container_wants(
    tmp_path: Path, block: Block
) -> None:
    made = run_shell(block.text, ROOT, tmp_path)

    wanted = re.findall(
        r"^    file: (\S+)$", (made / "compose.yaml").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(wanted) > 1
    for name in wanted:
        assert (made / name).read_text(encoding="utf-8").strip()
        if name.endswith(".token"):
            assert len((made / name).read_text(encoding="utf-8").strip()) >= SHORTEST_TOKEN
    assert (made / "secrets").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", PAGES)
async def test_every_example_of_a_help_page_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    async with stage(tmp_path) as (prepared, environ):
        for variable, value in environ.items():
            monkeypatch.setenv(variable, value)
        for words in examples(name):
            await prepared.run(words)
