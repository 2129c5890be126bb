"""Runs first in cad-bridge.pyz: finds a folder of its user's to unpack into, then hands over to shiv.

Every Python 3 can read this file, so that a wrong one is told which one is needed; it imports nothing but Python's own.
"""

import atexit
import os
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path

BUILT_FOR = "@BUILT_FOR@"
ROOT = "SHIV_ROOT"


def this_python() -> str:
    """Return what compiled modules depend on: implementation, version, and kind of machine."""
    return f"{sys.implementation.cache_tag} on {sysconfig.get_platform()}"


def candidates(environ: Mapping[str, str], platform: str = sys.platform) -> Iterator[Path]:
    """Go through folders in which a program may keep what it can make again, the most fitting first."""
    if platform == "win32":
        named = [environ.get("STATE_DIRECTORY", ""), environ.get("LOCALAPPDATA", "")]
    else:
        variables = (
            "CACHE_DIRECTORY",
            "STATE_DIRECTORY",
            "XDG_CACHE_HOME",
        )  # two of systemd's, one of desktops
        named = [environ.get(variable, "").partition(":")[0] for variable in variables]
        home = environ.get("HOME", "")
        named += [f"{home}/.cache"] if home not in ("", "/") else []
    for folder in named:
        if folder and Path(folder).is_absolute():
            yield Path(folder, "cad-bridge-unpacked")


def is_ours(folder: Path) -> bool:
    """Make the folder if need be and tell whether it is this user's and can be written."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        return not hasattr(os, "getuid") or folder.stat().st_uid == os.getuid()
    except OSError:
        return False


def scratch() -> Path:
    """Return a folder for this one run."""
    folder = Path(tempfile.mkdtemp(prefix="cad-bridge-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def start() -> None:
    """Unpack where that is possible, and run cad-bridge."""
    if this_python() != BUILT_FOR:
        sys.exit(f"cad-bridge.pyz was built for {BUILT_FOR}; this is {this_python()}")
    if not os.environ.get(ROOT):
        os.environ[ROOT] = str(next(filter(is_ours, candidates(os.environ)), None) or scratch())
    import_module("_bootstrap").bootstrap()  # shiv's


if __name__ == "__main__":
    start()
