"""Who may read what, on both kinds of platform."""

import hashlib
import stat
import struct
import sys
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from bridge.host import make_folder, restrict
from bridge.host.access import SERVICE, run_command
from tests.support.windows import Commands


def service_sid(name: str) -> str:
    numbers = struct.unpack("<5I", hashlib.sha1(name.upper().encode("utf-16-le")).digest())  # noqa: S324 -- theirs
    return "S-1-5-80-" + "-".join(map(str, numbers))


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_service_is_the_one_that_windows_means_by_its_name() -> None:
    known = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"

    assert service_sid("TrustedInstaller") == known
    assert service_sid("cadbridge") == SERVICE


def test_a_file_gets_a_list_of_its_own_on_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYSTEMROOT", r"D:\Windows")
    path, commands = tmp_path / "api-key", Commands()
    path.touch()

    with capture_logs() as logged:
        restrict(path, platform="win32", run=commands)

    assert commands.ran == [
        [
            *(r"D:\Windows\System32\icacls.exe", str(path), "/inheritance:r", "/grant:r"),
            *("*S-1-5-18:(F)", "*S-1-5-32-544:(F)", "*S-1-3-4:(F)"),
        ],
        [r"D:\Windows\System32\icacls.exe", str(path), "/grant", f"*{SERVICE}:(R)"],
    ]
    assert logged == []


def test_what_is_made_in_a_closed_folder_is_closed_too(tmp_path: Path) -> None:
    commands = Commands()

    restrict(tmp_path, platform="win32", run=commands)

    assert commands.ran[0][-1] == "*S-1-3-4:(OI)(CI)(F)"
    assert commands.ran[1][-1] == f"*{SERVICE}:(OI)(CI)(M)"


def test_a_file_that_stays_open_to_others_is_a_warning(tmp_path: Path) -> None:
    commands = Commands(failing="/inheritance:r")

    with capture_logs() as logged:
        restrict(tmp_path / "api-key", platform="win32", run=commands)

    assert logged == [
        {
            "event": "other users of this machine may be able to read it",
            "path": str(tmp_path / "api-key"),
            "problem": "Access is denied.",
            "log_level": "warning",
        }
    ]


def test_a_command_without_a_log_warns_on_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    structlog.reset_defaults()

    restrict(tmp_path / "api-key", platform="win32", run=Commands(failing="/inheritance:r"))

    said = f"Warning: other users of this machine may be able to read {tmp_path}/api-key: Access is denied.\n"
    assert capsys.readouterr() == ("", said)


def test_a_machine_without_the_service_is_no_warning(tmp_path: Path) -> None:
    with capture_logs() as logged:
        restrict(tmp_path / "api-key", platform="win32", run=Commands(failing=SERVICE))

    assert logged == []


def test_elsewhere_modes_close_files_and_folders(tmp_path: Path) -> None:
    folder, path, commands = tmp_path / "folder", tmp_path / "api-key", Commands()
    folder.mkdir(mode=0o755)
    path.touch(mode=0o644)

    for one in (folder, path):
        restrict(one, platform="linux", run=commands)

    assert (mode(folder), mode(path)) == (0o700, 0o600)
    assert commands.ran == []


def test_a_new_folder_is_closed_on_windows_and_an_old_one_left_alone(tmp_path: Path) -> None:
    commands = Commands()

    for _ in range(2):
        make_folder(tmp_path / "new" / "state", platform="win32", run=commands)

    assert (tmp_path / "new" / "state").is_dir()
    assert [command[1] for command in commands.ran] == [str(tmp_path / "new" / "state")] * 2  # of one making


def test_elsewhere_a_folder_is_just_made(tmp_path: Path) -> None:
    commands = Commands()

    make_folder(tmp_path / "new" / "state", platform="linux", run=commands)

    assert (tmp_path / "new" / "state").is_dir()
    assert commands.ran == []


@pytest.mark.parametrize(
    ("program", "problem"),
    [
        ("", ""),
        ("import sys; sys.exit('denied')", "denied"),
        ("import sys; print('denied'); sys.exit(5)", "denied"),
        ("import sys; sys.exit(5)", "exit code 5"),
        ("import sys; sys.exit('x' * 900)", "x" * 200),
    ],
)
def test_a_command_tells_what_went_wrong(program: str, problem: str) -> None:
    assert run_command([sys.executable, "-c", program]) == problem


def test_a_command_that_does_not_exist_went_wrong() -> None:
    assert "not-there" in run_command(["/not-there/icacls.exe"])
