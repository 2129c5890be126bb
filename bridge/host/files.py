"""Files that are written whole or not at all, and stay written."""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bridge.host.access import Runner, restrict, run_command

ATTEMPTS = 20
PAUSE = 0.1  # seconds between two attempts; scanners let go of a new file within a second or so

Pause = Callable[[float], None]


def write_private(
    path: Path,
    text: str,
    *,
    platform: str = sys.platform,
    run: Runner = run_command,
    pause: Pause = time.sleep,
) -> None:
    """Write a file that only its owner reads, whole or not at all; a former one is replaced.

    On Windows the system, administrators and the service read it too.

    Raises:
        OSError: If the folder does not take it; nothing is left behind then.
    """
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # made with mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            if platform == "win32":
                restrict(Path(name), platform=platform, run=run)  # before there is anything to read
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        replace(Path(name), path, platform=platform, pause=pause)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_folder(path.parent, platform=platform)


def replace(source: Path, target: Path, *, platform: str = sys.platform, pause: Pause = time.sleep) -> None:
    """Give a file another name, in place of the file that has it.

    Windows refuses that while any other program has one of them open, as virus scanners and backups do for a
    moment; then it is tried again for two seconds.

    Raises:
        OSError: If it stays impossible.
    """
    for _ in range(ATTEMPTS if platform == "win32" else 0):
        try:
            source.replace(target)
        except PermissionError:
            pause(PAUSE)
        else:
            return
    source.replace(target)


def sync_folder(path: Path, *, platform: str = sys.platform) -> None:
    """Make the names in a folder as durable as the files; Windows cannot be asked to, its file system does it."""
    if platform == "win32":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
