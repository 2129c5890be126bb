"""Modes of files, where they mean something."""

import os
import stat
import sys
from pathlib import Path

OWNER_ALONE = 0o600


def keep_private(path: Path, *, platform: str = sys.platform) -> None:
    """Take the rights of group and others from a file, if it exists; on Windows its folder decides."""
    if platform != "win32" and path.exists() and path.stat().st_mode & 0o077:
        path.chmod(OWNER_ALONE)


def others_can_read(descriptor: int, *, platform: str = sys.platform) -> bool:
    """Tell whether an open file is readable by every user; on Windows that is not known, and False."""
    return platform != "win32" and bool(os.fstat(descriptor).st_mode & stat.S_IROTH)
