"""Where things lie on each system."""

import sys
from collections.abc import Mapping
from pathlib import Path

NAME = "cad-bridge"
LONGEST_PLAIN = 200  # characters; Windows ends at 260, for folders at 248, and files get suffixes


def default_path(environ: Mapping[str, str], platform: str) -> Path:
    """Return where the configuration lies when no command line names it."""
    if named := environ.get("CAD_BRIDGE_CONFIG"):
        return Path(named)
    if platform == "win32":
        return Path(environ.get("PROGRAMDATA", r"C:\ProgramData")) / NAME / "bridge.toml"
    return Path("/etc") / NAME / "bridge.toml"


def state_folder(environ: Mapping[str, str], platform: str) -> Path | None:
    """Return the folder that whoever started us has for what we keep; None: beside the configuration.

    On Windows that is cad-bridge's folder in ``%ProgramData%``, unless the configuration was put elsewhere.
    """
    # systemd puts several StateDirectory= values into one variable, parted by colons.
    state = environ.get("STATE_DIRECTORY", "")
    first = state if platform == "win32" else state.partition(":")[0]
    return Path(first) if first else None


def long_path(path: Path, *, platform: str = sys.platform) -> Path:
    r"""Return an absolute path in the form in which it may be longer than 260 characters.

    That limit of Windows holds unless an administrator lifted it; ``\\?\`` in front lifts it for one path. SQLite
    takes such paths as well.
    """
    text = str(path)
    if platform != "win32" or len(text) <= LONGEST_PLAIN or text.startswith("\\\\?\\"):
        return path
    if text.startswith("\\\\"):  # a share of another machine
        return Path("\\\\?\\UNC\\" + text.removeprefix("\\\\"))
    return Path("\\\\?\\" + text)
