"""Where things lie on each system."""

from pathlib import Path

import pytest

from bridge.host import default_path, long_path, state_folder


@pytest.mark.parametrize(
    ("environ", "platform", "expected"),
    [
        ({}, "linux", "/etc/cad-bridge/bridge.toml"),
        ({"CAD_BRIDGE_CONFIG": ""}, "linux", "/etc/cad-bridge/bridge.toml"),
        ({"CAD_BRIDGE_CONFIG": "here.toml"}, "linux", "here.toml"),
        ({"CAD_BRIDGE_CONFIG": "here.toml", "PROGRAMDATA": "D:/Data"}, "win32", "here.toml"),
        ({"PROGRAMDATA": "D:/Data"}, "win32", "D:/Data/cad-bridge/bridge.toml"),
        ({}, "win32", "C:\\ProgramData/cad-bridge/bridge.toml"),
    ],
)
def test_the_configuration_lies_where_the_platform_has_such_things(
    environ: dict[str, str], platform: str, expected: str
) -> None:
    assert default_path(environ, platform) == Path(expected)


@pytest.mark.parametrize(
    ("state", "platform", "expected"),
    [
        ("", "linux", None),
        ("", "win32", None),
        ("/var/lib/a:/var/lib/b", "linux", "/var/lib/a"),
        ("C:/state", "win32", "C:/state"),
    ],
)
def test_state_lies_where_whoever_started_us_says(state: str, platform: str, expected: str | None) -> None:
    found = state_folder({"STATE_DIRECTORY": state}, platform)

    assert found == (None if expected is None else Path(expected))


DEEP = "folder\\" * 40


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("C:\\short\\bridge.toml", "C:\\short\\bridge.toml"),
        (f"C:\\{DEEP}bridge.toml", f"\\\\?\\C:\\{DEEP}bridge.toml"),
        (f"\\\\server\\share\\{DEEP}bridge.toml", f"\\\\?\\UNC\\server\\share\\{DEEP}bridge.toml"),
        (f"\\\\?\\C:\\{DEEP}bridge.toml", f"\\\\?\\C:\\{DEEP}bridge.toml"),
    ],
)
def test_a_long_path_of_windows_says_that_it_is_one(text: str, expected: str) -> None:
    assert str(long_path(Path(text), platform="win32")) == expected
    assert str(long_path(Path(text), platform="linux")) == text
