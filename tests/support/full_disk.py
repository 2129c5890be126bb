"""A disk without room, for as long as a test wants."""

import contextlib
import resource
from collections.abc import Generator
from pathlib import Path


@contextlib.contextmanager
def full_disk(file: Path) -> Generator[None]:
    """Let no file of this process grow past the length that ``file`` has now: writes really fail.

    For an open outbox that is its ``-wal``, to which every commit adds.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
