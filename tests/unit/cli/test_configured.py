"""Where commands find the configuration, and how they tell what is wrong with it."""

from pathlib import Path

import pytest

from bridge.cli.configured import exit_unusable, load_or_exit
from bridge.errors import ConfigError
from tests.support.configuration import MINIMAL, write_configuration


def test_a_configuration_is_loaded(tmp_path: Path) -> None:
    path = write_configuration(tmp_path)

    assert load_or_exit(path).config.cad.community_id == "examplecad"


def test_without_an_option_the_environment_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_configuration(tmp_path, MINIMAL.replace("examplecad", "another"))
    monkeypatch.setenv("CAD_BRIDGE_CONFIG", str(path))

    assert load_or_exit(None).config.cad.community_id == "another"


def test_the_option_goes_before_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAD_BRIDGE_CONFIG", str(tmp_path / "nowhere.toml"))

    assert load_or_exit(write_configuration(tmp_path)).config.servers[0].name == "main"


def test_a_secret_may_come_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAD_BRIDGE_API_KEY", "made-up-key-of-the-environment")

    key = load_or_exit(write_configuration(tmp_path)).config.cad.api_key

    assert key.reveal() == "made-up-key-of-the-environment"


def test_an_unusable_configuration_exits_2_with_a_line_a_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_configuration(tmp_path, f'[locations]\ninterval = "1s"\nspeed = 3\n{MINIMAL}')

    with pytest.raises(SystemExit) as caught:
        load_or_exit(path)

    said = capsys.readouterr()
    lines = said.err.splitlines()
    assert (caught.value.code, said.out, len(lines)) == (2, "", 2)
    assert any(line.startswith('bridge.toml: locations.interval: expected at least "5s"') for line in lines)
    assert any(line.startswith("bridge.toml: locations.speed: ") for line in lines)


def test_a_missing_file_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        load_or_exit(tmp_path / "bridge.toml")

    assert caught.value.code == 2
    assert capsys.readouterr().err == f"{tmp_path / 'bridge.toml'}: no such file\n"


def test_every_problem_is_a_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        exit_unusable(ConfigError(["one: bad", "two: worse"]))

    assert caught.value.code == 2
    assert capsys.readouterr() == ("", "one: bad\ntwo: worse\n")
