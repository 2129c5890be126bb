"""Completion in shells, which is click's own, by the lines that deploy/README.md gives."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
BASH = 'eval "$(_CAD_BRIDGE_COMPLETE=bash_source cad-bridge)"'
# What bash does when somebody presses Tab behind the last of these words.
TAB = """
COMP_WORDS=({words})
COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
$(complete -p cad-bridge | sed -E 's/.*-F ([^ ]+) .*/\\1/') cad-bridge "${{COMP_WORDS[COMP_CWORD]}}" ""
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def sh(script: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PATH": f"{BIN}:/usr/local/bin:/usr/bin:/bin"}
    return subprocess.run(
        ("bash", "--norc", "-c", script), env=environment,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("cad-bridge ch", {"check"}),
        ("cad-bridge s", {"simulate", "status"}),
        ("cad-bridge check --on", {"--online"}),
        ("cad-bridge nonsense", {""}),
    ],
)
def test_bash_completes_commands_and_options(words: str, offered: set[str]) -> None:
    done = sh(BASH + TAB.format(words=words))

    assert (done.returncode, done.stderr) == (0, "")
    assert set(done.stdout.splitlines()) == offered


@pytest.mark.parametrize(
    ("shell", "registers"),
    [
        ("zsh", "compdef _cad_bridge_completion cad-bridge"),
        ("fish", "complete --no-files --command cad-bridge"),
        ("powershell", "Register-ArgumentCompleter -Native -CommandName cad-bridge"),
    ],
)
def test_the_lines_for_other_shells_give_a_script(shell: str, registers: str) -> None:
    done = sh(f"_CAD_BRIDGE_COMPLETE={shell}_source cad-bridge")

    assert (done.returncode, done.stderr) == (0, "")
    assert registers in done.stdout
