"""Where the one-file program unpacks itself."""

import ast
import os
from pathlib import Path

import pytest

from deploy.package import start
from deploy.package.start import candidates, is_ours, scratch


@pytest.mark.parametrize(
    ("environ", "platform", "expected"),
    [
        ({"HOME": "/home/me"}, "linux", ["/home/me/.cache"]),
        ({"HOME": "/home/me", "XDG_CACHE_HOME": "/fast"}, "linux", ["/fast", "/home/me/.cache"]),
        ({"HOME": "/", "STATE_DIRECTORY": "/var/lib/a:/var/lib/b"}, "linux", ["/var/lib/a"]),
        ({"CACHE_DIRECTORY": "/var/cache/a", "STATE_DIRECTORY": "/s"}, "linux", ["/var/cache/a", "/s"]),
        ({}, "linux", []),
        ({"HOME": "", "XDG_CACHE_HOME": "relative"}, "linux", []),
        ({"LOCALAPPDATA": "/c:/Users/me/AppData/Local"}, "win32", ["/c:/Users/me/AppData/Local"]),
    ],
)
def test_it_unpacks_where_things_that_can_be_made_again_belong(
    environ: dict[str, str], platform: str, expected: list[str]
) -> None:
    found = list(candidates(environ, platform))

    assert found == [Path(folder, "cad-bridge-unpacked") for folder in expected]


def test_a_folder_is_made_for_this_user_alone(tmp_path: Path) -> None:
    assert is_ours(tmp_path / "cache" / "cad-bridge-unpacked")
    assert (tmp_path / "cache" / "cad-bridge-unpacked").stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_made_or_is_somebody_elses_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not is_ours(Path("/proc/nowhere/cad-bridge-unpacked"))
    monkeypatch.setattr(os, "getuid", lambda: tmp_path.stat().st_uid + 1)
    assert not is_ours(tmp_path)


def test_the_last_resort_is_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    folder = scratch()

    assert folder.parent == tmp_path
    assert folder.stat().st_mode & 0o777 == 0o700


def test_another_python_is_told_which_one_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "BUILT_FOR", "cpython-399 on plan9")

    with pytest.raises(SystemExit, match="built for cpython-399 on plan9; this is cpython-3"):
        start.start()


def test_every_python_3_of_the_last_years_reads_it_and_has_what_it_imports() -> None:
    text = Path(start.__file__).read_text(encoding="utf-8")

    tree = ast.parse(text, feature_version=(3, 8))

    modules = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert all(module in ("collections.abc", "importlib", "pathlib") for module in modules)
