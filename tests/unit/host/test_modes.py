"""What modes of files tell, and where they tell nothing."""

import os
import stat
from pathlib import Path

import pytest

from bridge.host import keep_private, others_can_read


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(("platform", "after"), [("linux", 0o600), ("win32", 0o644)])
def test_a_file_is_taken_from_group_and_others_where_modes_mean_something(
    tmp_path: Path, platform: str, after: int
) -> None:
    path = tmp_path / "outbox.sqlite3"
    path.touch()
    path.chmod(0o644)

    keep_private(path, platform=platform)
    keep_private(tmp_path / "not-there", platform=platform)

    assert mode(path) == after


@pytest.mark.parametrize(
    ("bits", "platform", "exposed"),
    [(0o644, "linux", True), (0o640, "linux", False), (0o600, "linux", False), (0o644, "win32", False)],
)
def test_what_every_user_reads_is_known_by_its_mode(
    tmp_path: Path, bits: int, platform: str, *, exposed: bool
) -> None:
    path = tmp_path / "api-key"
    path.touch()
    path.chmod(bits)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        assert others_can_read(descriptor, platform=platform) is exposed
    finally:
        os.close(descriptor)
