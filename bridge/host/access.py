"""Closing files and folders: by their modes, or on Windows, where modes mean nothing, by access control lists.

%ProgramData% lets every user read what lies in it. So secrets get a list of their own there: the system,
administrators, whoever made the file, and the service.
"""

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from bridge import logs
from bridge.host.modes import OWNER_ALONE

# Well-known security identifiers: the names that stand for them differ with the language of Windows.
SYSTEM, ADMINISTRATORS, OWNER = "S-1-5-18", "S-1-5-32-544", "S-1-3-4"
SERVICE = "S-1-5-80-3459015158-3995784206-984910393-1789406360-1733944063"
"""``NT SERVICE\\cadbridge``: Windows derives it from the service's name, whether the service exists or not."""
SECONDS = 20.0  # after which a command counts as failed
PROBLEM_SHOWN = 200  # characters

Runner = Callable[[Sequence[str]], str]

log = logs.get("host")


def run_command(command: Sequence[str]) -> str:
    """Run a command to its end and return what went wrong; nothing if it went well."""
    try:
        done = subprocess.run(  # noqa: S603 -- the commands of this module, by their full path
            list(command), capture_output=True, stdin=subprocess.DEVNULL, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)
    if done.returncode == 0:
        return ""
    said = (done.stderr or done.stdout).decode("ascii", "replace").strip()
    return said[:PROBLEM_SHOWN] or f"exit code {done.returncode}"


def restrict(path: Path, *, platform: str = sys.platform, run: Runner = run_command) -> None:
    """Close a file, or a folder with what will be made in it, to other users; a warning where that fails."""
    if platform != "win32":
        path.chmod(stat.S_IRWXU if path.is_dir() else OWNER_ALONE)
        return
    heir = "(OI)(CI)" if path.is_dir() else ""
    grants = [f"*{who}:{heir}(F)" for who in (SYSTEM, ADMINISTRATORS, OWNER)]
    if problem := run([_icacls(), str(path), "/inheritance:r", "/grant:r", *grants]):
        _warn(path, problem)
        return
    # Where no such service was ever installed this may fail, and nobody misses it.
    run([_icacls(), str(path), "/grant", f"*{SERVICE}:{heir}({'M' if heir else 'R'})"])


def make_folder(path: Path, *, platform: str = sys.platform, run: Runner = run_command) -> None:
    """Make a folder and those above it where they are missing; on Windows a new one is closed to other users.

    Raises:
        OSError: If there is none and none can be made.
    """
    if path.is_dir():
        return
    path.mkdir(parents=True, exist_ok=True)
    if platform == "win32":
        restrict(path, platform=platform, run=run)


def _warn(path: Path, problem: str) -> None:
    if structlog.is_configured():
        log.warning("other users of this machine may be able to read it", path=str(path), problem=problem)
    else:  # a command that sets up no log; results alone go to stdout
        sys.stderr.write(f"Warning: other users of this machine may be able to read {path}: {problem}\n")


def _icacls() -> str:
    system = os.environ.get("SYSTEMROOT", r"C:\Windows")
    return rf"{system}\System32\icacls.exe"
