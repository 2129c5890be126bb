"""The portable folder for Windows, as far as it can be built without Windows and without a network."""

import hashlib
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from deploy.windows.portable import UnusableError, build

ENTRIES = ("python.exe", "python313.dll", "python313.zip", "python313._pth")


class Packages:
    """Stands for pip: makes the folder that pip would fill, and remembers how it was called."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def __call__(self, command: Sequence[str]) -> None:
        self.calls.append(list(command))
        Path(command[command.index("--target") + 1], "bin").mkdir(parents=True, exist_ok=True)


def python_zip(folder: Path, entries: Sequence[str] = ENTRIES) -> Path:
    path = folder / "python-3.13.9-embed-amd64.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for entry in entries:
            archive.writestr(entry, "python313.zip\r\n.\r\n#import site\r\n")
    return path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_folder_has_python_its_packages_starters_and_the_service(tmp_path: Path) -> None:
    archive, folder = python_zip(tmp_path), tmp_path / "cad bridge"

    assert build(archive, sha256(archive).upper(), folder, runner=Packages()) == sha256(archive)

    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert found == {
        *(f"python/{entry}" for entry in ENTRIES),
        *("cad-bridge.bat", "run.bat"),
        *(f"service/{name}" for name in ("cadbridge.xml", "install.ps1", "uninstall.ps1", "README.md")),
    }
    assert not (folder / "python/Lib/site-packages/bin").exists()


def test_python_finds_its_packages_and_nothing_else_that_is_installed(tmp_path: Path) -> None:
    build(python_zip(tmp_path), None, tmp_path / "made", runner=Packages())

    assert (tmp_path / "made/python/python313._pth").read_bytes().split(b"\r\n") == [
        *(b"python313.zip", b".", b"Lib\\site-packages", b"")
    ]


def test_the_packages_are_those_of_windows_for_that_python_with_hashes(tmp_path: Path) -> None:
    packages = Packages()

    build(python_zip(tmp_path), None, tmp_path / "made", runner=packages)

    required, bridge = (" ".join(call) for call in packages.calls)
    assert "--platform win_amd64" in required
    assert "--python-version 3.13" in required
    assert "--only-binary :all: --require-hashes" in required
    assert "--no-deps" in bridge


@pytest.mark.parametrize("name", ["cad-bridge.bat", "run.bat"])
def test_a_starter_finds_python_beside_itself_whatever_the_folder_is_called(
    tmp_path: Path, name: str
) -> None:
    build(python_zip(tmp_path), None, tmp_path / "made", runner=Packages())

    text = (tmp_path / "made" / name).read_bytes()
    assert b'"%~dp0python\\python.exe" -X utf8 -m bridge ' in text
    assert text.count(b"\n") == text.count(b"\r\n")
    assert text.isascii()


def test_a_python_with_another_checksum_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    packages = Packages()

    with pytest.raises(UnusableError, match="SHA-256"):
        build(python_zip(tmp_path), "0" * 64, tmp_path / "made", runner=packages)

    assert not (tmp_path / "made").exists()
    assert packages.calls == []


def test_what_is_no_python_for_windows_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "download.zip"
    text.write_text("<html>not found</html>")

    with pytest.raises(UnusableError, match="not a zip file"):
        build(text, None, tmp_path / "made", runner=Packages())
    with pytest.raises(UnusableError, match="not an embeddable package"):
        build(python_zip(tmp_path, ["python.exe"]), None, tmp_path / "made", runner=Packages())


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made/bridge.toml").write_text("mine")

    with pytest.raises(UnusableError, match="something in it already"):
        build(python_zip(tmp_path), None, tmp_path / "made", runner=Packages())

    assert (tmp_path / "made/bridge.toml").read_text() == "mine"
