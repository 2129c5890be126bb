"""Installs what cad-bridge runs on for any platform and Python, from the pinned requirements and their hashes.

pip reads `; sys_platform == 'win32'` as a question about the machine it runs on, whatever ``--platform`` says, so
these markers are answered here.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

from msgspec import Struct
from packaging.markers import Marker, default_environment

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "requirements.txt"
_HEAD = re.compile(r"(?P<requirement>[^\s;]+)(?: ; (?P<marker>.+?))?(?P<rest>(?: \\)?)$")

Runner = Callable[[Sequence[str]], None]


class Target(Struct, frozen=True, kw_only=True):
    """A kind of machine: its platform tags, the newest last, as pip has them, and a CPython such as ``3.13``."""

    platforms: tuple[str, ...]
    python: str

    @property
    def system(self) -> str:
        """Return the name that Python has there in ``sys.platform``."""
        return "win32" if self.platforms[0].startswith("win") else "linux"


def run(command: Sequence[str]) -> None:
    """Run a command to its end.

    Raises:
        subprocess.CalledProcessError: if it failed.
    """
    subprocess.run(command, check=True)  # noqa: S603 -- pip, with the arguments below


def requirements_for(text: str, target: Target) -> str:
    """Return a requirements file with the lines that are meant for ``target``, without their markers."""
    environment: dict[str, str | AbstractSet[str]] = {
        **{key: str(value) for key, value in default_environment().items()},
        "sys_platform": target.system,
        "platform_system": "Windows" if target.system == "win32" else "Linux",
        "os_name": "nt" if target.system == "win32" else "posix",
        "python_version": target.python,
        "python_full_version": f"{target.python}.0",
    }
    lines: list[str] = []
    wanted = True
    for line in text.splitlines():
        kept = line
        if head := _HEAD.fullmatch(line):
            wanted = head["marker"] is None or Marker(head["marker"]).evaluate(environment)
            kept = head["requirement"] + head["rest"]
        if wanted:
            lines.append(kept)
    return "\n".join(lines) + "\n"


def install(target: Target, folder: Path, *options: str, runner: Runner = run) -> None:
    """Install the requirements for ``target`` into ``folder``, wheels only, each with a known hash.

    Raises:
        subprocess.CalledProcessError: a wheel is missing, or is not the one that was pinned.
    """
    with tempfile.TemporaryDirectory() as scratch:
        requirements = Path(scratch, "requirements.txt")
        requirements.write_text(
            requirements_for(REQUIREMENTS.read_text(encoding="utf-8"), target), encoding="utf-8"
        )
        runner(
            [
                *(sys.executable, "-m", "pip", "install", "--quiet", "--ignore-installed", "--no-compile"),
                *("--no-deps", "--only-binary", ":all:", "--require-hashes", "--implementation", "cp"),
                *("--python-version", target.python),
                *(word for platform in target.platforms for word in ("--platform", platform)),
                *("--target", str(folder), *options, "--requirement", str(requirements)),
            ]
        )


def install_bridge(folder: Path, *, runner: Runner = run) -> None:
    """Install cad-bridge itself, which is pure Python, into ``folder``."""
    runner(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--no-deps"),
            *("--no-build-isolation", "--target", str(folder), str(ROOT)),
        ]
    )
