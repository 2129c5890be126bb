"""A bare fdatasync: what a durable write costs at least on the store's file system."""

import os
import time
from pathlib import Path

FRAME_BYTES = 4096 + 24  # a page of SQLite in its write-ahead log
FRAMES = 256  # written before, so that no sync has to keep a new length


def sync_seconds(folder: Path, times: int) -> list[float]:
    """Write a frame and wait until it is on the disk, so many times; return how long each took."""
    frame = os.urandom(FRAME_BYTES)
    file = os.open(folder / "bare-fdatasync", os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        os.write(file, frame * FRAMES)
        os.fsync(file)
        return [_sync(file, frame, number % FRAMES) for number in range(times)]
    finally:
        os.close(file)


def _sync(file: int, frame: bytes, place: int) -> float:
    started = time.perf_counter()
    os.pwrite(file, frame, place * FRAME_BYTES)
    os.fdatasync(file)
    return time.perf_counter() - started
