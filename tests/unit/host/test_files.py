"""Private files and names that last, on both kinds of platform."""

import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from bridge.host import replace, sync_folder, write_private
from tests.support.windows import Commands

PLATFORMS = ["linux", "win32"]


class Scanner:
    """A file that another program holds open, for as many pauses as are said; real time does not pass."""

    def __init__(self, path: Path, pauses: int) -> None:
        self._path = path
        self._left = pauses
        self.paused: list[float] = []

    def pause(self, seconds: float) -> None:
        self.paused.append(seconds)
        self._left -= 1

    def replacing(self, former: Callable[[Path, Path], Path]) -> Callable[[Path, Path], Path]:
        def replace_unless_held(source: Path, target: Path) -> Path:
            if target == self._path and self._left > 0:
                raise PermissionError(13, "Access is denied")
            return former(source, target)

        return replace_unless_held


def write(path: Path, text: str, platform: str) -> None:
    write_private(path, text, platform=platform, run=Commands(), pause=lambda _: None)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_private_file_is_its_owners(tmp_path: Path, platform: str) -> None:
    path = tmp_path / "admin.token"
    former = os.umask(0)
    try:
        write(path, "made-up-token\n", platform)
    finally:
        os.umask(former)

    assert path.read_bytes() == b"made-up-token\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_former_file_is_replaced_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "admin.token"
    path.write_text("a longer token that was there before")
    path.chmod(0o644)

    write(path, "new", "linux")

    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_failure_leaves_nothing_behind(tmp_path: Path, platform: str) -> None:
    path = tmp_path / "admin.token"
    path.mkdir()

    with pytest.raises(IsADirectoryError):
        write(path, "new", platform)

    assert list(tmp_path.iterdir()) == [path]


def test_windows_closes_a_file_before_the_secret_is_in_it(tmp_path: Path) -> None:
    found: list[tuple[str, bytes]] = []

    def run(command: Sequence[str]) -> str:
        found.append((command[2], Path(command[1]).read_bytes()))
        return ""

    write_private(tmp_path / "api-key", "made-up-key", platform="win32", run=run)

    assert found == [("/inheritance:r", b""), ("/grant", b"")]
    assert (tmp_path / "api-key").read_text() == "made-up-key"


def test_a_file_with_a_name_of_any_language_and_spaces_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "Benutzer Jürgen Ωμέγα 東京"
    folder.mkdir()

    write(folder / "api key", "made-up-key", "win32")

    assert (folder / "api key").read_text() == "made-up-key"


def test_a_file_that_a_scanner_holds_is_replaced_when_it_lets_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "new", tmp_path / "old"
    source.write_text("new")
    target.write_text("old")
    scanner = Scanner(target, 3)
    monkeypatch.setattr(Path, "replace", scanner.replacing(Path.replace))

    replace(source, target, platform="win32", pause=scanner.pause)

    assert target.read_text() == "new"
    assert len(scanner.paused) == 3


def test_a_secret_that_a_scanner_holds_is_written_when_it_lets_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "admin.token"
    path.write_text("old")
    scanner = Scanner(path, 2)
    monkeypatch.setattr(Path, "replace", scanner.replacing(Path.replace))

    write_private(path, "new", platform="win32", run=Commands(), pause=scanner.pause)

    assert path.read_text() == "new"
    assert len(scanner.paused) == 2


@pytest.mark.parametrize(("platform", "pauses"), [("win32", 20), ("linux", 0)])
def test_a_file_that_is_held_for_long_is_an_error_and_elsewhere_it_is_one_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str, pauses: int
) -> None:
    source, target = tmp_path / "new", tmp_path / "old"
    source.write_text("new")
    target.write_text("old")
    scanner = Scanner(target, 1000)
    monkeypatch.setattr(Path, "replace", scanner.replacing(Path.replace))

    with pytest.raises(PermissionError):
        replace(source, target, platform=platform, pause=scanner.pause)

    assert len(scanner.paused) == pauses
    assert sum(scanner.paused) <= 3.0
    assert target.read_text() == "old"


def test_only_where_folders_can_be_synced_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[bool] = []

    def fsync(descriptor: int) -> None:
        synced.append(stat.S_ISDIR(os.fstat(descriptor).st_mode))

    monkeypatch.setattr(os, "fsync", fsync)

    sync_folder(tmp_path, platform="win32")
    assert synced == []
    sync_folder(tmp_path, platform="linux")
    assert synced == [True]
