"""Which requirements are meant for which kind of machine."""

import re

import pytest

from deploy.package.wheels import REQUIREMENTS, Target, requirements_for

WINDOWS = Target(platforms=("win_amd64",), python="3.13")
LINUX = Target(platforms=("manylinux_2_28_x86_64",), python="3.12")
TEXT = """\
both==1 \\
    --hash=sha256:aa \\
    --hash=sha256:ab
old==2 ; python_full_version < '3.13' \\
    --hash=sha256:ba
posix==3 ; sys_platform != 'win32' \\
    --hash=sha256:ca
windows==4 ; sys_platform == 'win32' \\
    --hash=sha256:da
last==5
"""


@pytest.mark.parametrize(
    ("target", "expected"),
    [(WINDOWS, ["both==1", "windows==4", "last==5"]), (LINUX, ["both==1", "old==2", "posix==3", "last==5"])],
)
def test_markers_are_answered_for_the_target_and_not_for_this_machine(
    target: Target, expected: list[str]
) -> None:
    found = requirements_for(TEXT, target)

    assert re.findall(r"^\S+==\d", found, re.MULTILINE) == expected
    assert ";" not in found
    assert found.startswith("both==1 \\\n    --hash=sha256:aa \\\n    --hash=sha256:ab\n")
    assert found.count("--hash") == len(expected)  # two of the first, none of the last


def test_of_the_pinned_requirements_each_kind_of_machine_has_its_loop() -> None:
    text = REQUIREMENTS.read_text(encoding="utf-8")
    windows, linux = requirements_for(text, WINDOWS), requirements_for(text, LINUX)

    assert ("winloop==" in windows, "uvloop==" in windows) == (True, False)
    assert ("winloop==" in linux, "uvloop==" in linux) == (False, True)
    assert text.count("--hash") > windows.count("--hash") > 500
