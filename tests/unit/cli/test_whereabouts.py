"""Where the door, the outbox and the token are looked for."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from click import ClickException

from bridge.cli import whereabouts
from bridge.cli.admin_client import DEFAULT_ADMIN
from bridge.cli.whereabouts import find, read_token
from bridge.errors import ConfigError
from bridge.units import ServerId

TOKEN = "made-up-token-of-the-admin-door"


def write(folder: Path, toml: str) -> Path:
    path = folder / "bridge.toml"
    path.write_text(toml)
    return path


def test_without_a_configuration_the_defaults_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def usual(_environ: Mapping[str, str], _platform: str) -> Path:
        return tmp_path / "bridge.toml"

    monkeypatch.setattr(whereabouts, "default_path", usual)
    places = find(None, {})

    assert (places.admin, places.names) == (DEFAULT_ADMIN, None)
    assert places.outbox == tmp_path / "outbox.sqlite3"
    assert places.tokens == (tmp_path / "admin.token",)


@pytest.mark.parametrize(
    ("bind", "url"),
    [
        ("127.0.0.1:5", "http://127.0.0.1:5"),
        ("[::1]:5", "http://[::1]:5"),
        ("0.0.0.0:5", "http://127.0.0.1:5"),
        ("unix:/run/x.sock", "unix:/run/x.sock"),
    ],
)
def test_the_door_is_where_the_configuration_binds_it(tmp_path: Path, bind: str, url: str) -> None:
    assert find(write(tmp_path, f'[admin]\nbind = "{bind}"\n'), {}).admin == url


def test_no_key_and_no_token_of_a_server_need_be_readable(tmp_path: Path) -> None:
    toml = '[cad]\ncommunity_id = "x"\napi_key_file = "nowhere"\n[[servers]]\nid = 3\nname = "three"\ntoken_file = "no"\n[outbox]\nmax_events = 7\n'
    places = find(write(tmp_path, toml), {})

    assert (places.names, places.rules.max_events) == ({ServerId(3): "three"}, 7)


def test_the_outbox_of_a_service_is_found_under_systemd_s_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whereabouts, "STATE_ROOT", tmp_path / "lib")
    monkeypatch.setattr(whereabouts, "CONFIG_ROOT", tmp_path / "etc")
    for config, state in (("etc", "cad-bridge"), ("etc/second", "cad-bridge-second")):
        (tmp_path / config).mkdir()
        (tmp_path / "lib" / state).mkdir(parents=True)
        outbox = tmp_path / "lib" / state / "outbox.sqlite3"
        outbox.touch()
        (outbox.parent / "admin.token").write_text(TOKEN)
        places = find(write(tmp_path / config, ""), {})

        assert places.outbox == outbox
        assert read_token(places, None, {}).reveal() == TOKEN


def test_systemd_s_own_word_comes_first(tmp_path: Path) -> None:
    places = find(write(tmp_path, ""), {"STATE_DIRECTORY": f"{tmp_path}/state:{tmp_path}/other"})

    assert places.outbox == tmp_path / "state" / "outbox.sqlite3"
    assert places.tokens == (tmp_path / "state" / "admin.token",)


def test_the_token_is_the_named_one_or_that_of_the_environment_or_the_configured_or_the_made_one(
    tmp_path: Path,
) -> None:
    places = find(write(tmp_path, '[admin]\ntoken_file = "own.token"\n'), {})
    assert places.tokens == (tmp_path / "own.token", tmp_path / "admin.token")
    for name in ("named", "own", "admin"):
        (tmp_path / f"{name}.token").write_text(f"{name}-{TOKEN}\n")

    given = {"CAD_BRIDGE_ADMIN_TOKEN": f"given-{TOKEN}"}
    assert read_token(places, tmp_path / "named.token", given).reveal() == f"named-{TOKEN}"
    assert read_token(places, None, given).reveal() == f"given-{TOKEN}"
    assert read_token(places, None, {}).reveal() == f"own-{TOKEN}"
    (tmp_path / "own.token").unlink()
    assert read_token(places, None, {}).reveal() == f"admin-{TOKEN}"


def test_a_token_that_is_not_there_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(ClickException) as caught:
        read_token(find(write(tmp_path, ""), {}), None, {})

    assert str(tmp_path / "admin.token") in caught.value.message
    assert "--token-file" in caught.value.message


@pytest.mark.parametrize(
    ("content", "problem"), [(b"", "empty"), (b"short", "too short"), (b"\xff" * 30, "not UTF-8")]
)
def test_a_token_that_is_none_is_one_line(tmp_path: Path, content: bytes, problem: str) -> None:
    (tmp_path / "admin.token").write_bytes(content)
    with pytest.raises(ClickException) as caught:
        read_token(find(write(tmp_path, ""), {}), None, {})

    assert problem in caught.value.message
    assert "\n" not in caught.value.message


def test_a_token_that_this_user_may_not_read_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    places = find(write(tmp_path, ""), {})
    monkeypatch.setattr(Path, "exists", forbidden)
    monkeypatch.setattr(Path, "open", forbidden)
    with pytest.raises(ClickException, match="may not read the admin token: try sudo"):
        read_token(places, None, {})


@pytest.mark.parametrize("toml", ["[admin", '[admin]\nbind = "nowhere"\n', '[outbox]\nmax_events = "many"\n'])
def test_a_configuration_that_makes_no_sense_is_told_line_by_line(tmp_path: Path, toml: str) -> None:
    with pytest.raises(ConfigError) as caught:
        find(write(tmp_path, toml), os.environ)

    assert all(problem.startswith("bridge.toml: ") for problem in caught.value.problems)
