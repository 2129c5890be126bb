"""What is written: the TOML as editors and the daemon read it, and all files or none."""

import os
import stat
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from bridge import host
from bridge.cli.installation import NewBridge, NewServer, commit, extend, render
from bridge.errors import ConfigError
from tests.support.configuration import MINIMAL, TOKENS, write_configuration

BRIDGE = NewBridge(community_id="examplecad")
MAIN = NewServer(id=1, name="main")
SECOND = NewServer(id=2, name="second")
KEY = "made-up-key-of-the-community"
SECRETS = {"api-key": KEY, "server-1.token": TOKENS[1]}
EDITORS = [
    ("utf-8", b"", "\n"),
    ("utf-8", b"", "\r\n"),
    ("utf-8", b"\xef\xbb\xbf", "\r\n"),
    ("utf-16-le", b"\xff\xfe", "\r\n"),
    ("utf-16-be", b"\xfe\xff", "\n"),
]


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


class Interrupted:
    """Writes private files until one whose turn is a Ctrl-C."""

    def __init__(self, at: int, error: type[BaseException] = KeyboardInterrupt) -> None:
        self._left = at
        self._error = error

    def __call__(self, path: Path, text: str) -> None:
        self._left -= 1
        if self._left < 0:
            raise self._error
        host.write_private(path, text)


# The text


def test_a_new_toml_says_what_matters_and_leaves_the_rest_to_its_defaults() -> None:
    told = tomllib.loads(render(BRIDGE, [MAIN, SECOND]).decode())

    assert told == {
        "cad": {"community_id": "examplecad", "api_key_file": "api-key"},
        "servers": [
            {"id": 1, "name": "main", "token_file": "server-1.token"},
            {"id": 2, "name": "second", "token_file": "server-2.token"},
        ],
    }


def test_what_was_chosen_stands_in_it() -> None:
    bridge = NewBridge(
        community_id='a"b\\c',
        api="v1",
        base_url="http://127.0.0.1:9",
        bind=("0.0.0.0:1", "[::1]:2"),
        admin=("127.0.0.1:3",),
    )
    server = NewServer(id=1, name="main", fxserver_url="http://127.0.0.1:30120")

    told = tomllib.loads(render(bridge, [server]).decode())

    assert told["listener"] == {"bind": ["0.0.0.0:1", "[::1]:2"]}
    assert told["admin"] == {"bind": "127.0.0.1:3"}
    assert told["cad"]["community_id"] == 'a"b\\c'
    assert (told["cad"]["api"], told["cad"]["base_url"]) == ("v1", "http://127.0.0.1:9")
    assert told["servers"][0]["fxserver_url"] == "http://127.0.0.1:30120"


@pytest.mark.parametrize(("encoding", "mark", "end"), EDITORS)
@pytest.mark.parametrize("ending", ["", "\n", "# the last line"])
def test_what_was_there_stays_byte_for_byte_and_the_new_lines_take_its_form(
    tmp_path: Path, encoding: str, mark: bytes, end: str, ending: str
) -> None:
    text = f"# by hand: ü\n{MINIMAL}{ending}".replace("\n", end)
    former = mark + text.encode(encoding)

    after = extend(former, [SECOND])
    path = write_configuration(tmp_path, after)
    loaded = commit(path, after, {}, former=after)

    assert after.startswith(former)
    added = after.removeprefix(former).decode(encoding)
    assert added.count("\n") == added.count(end)
    assert "[[servers]]" in added.split(end)
    assert [server.name for server in loaded.config.servers] == ["main", "second"]


def test_what_is_no_text_is_not_extended() -> None:
    with pytest.raises(ValueError, match="not UTF-8"):
        extend(b"\xff", [SECOND])


# The files


def test_a_first_run_makes_the_folder_and_every_file_with_its_mode(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "bridge"
    former = os.umask(0o077)
    try:
        loaded = commit(folder / "bridge.toml", render(BRIDGE, [MAIN]), SECRETS)
    finally:
        os.umask(former)

    assert modes(folder) == {"bridge.toml": 0o644, "api-key": 0o600, "server-1.token": 0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert (folder / "api-key").read_bytes() == KEY.encode() + b"\n"
    assert loaded.config.servers[0].token.reveal() == TOKENS[1]
    assert loaded.warnings == ()


def test_a_folder_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)

    commit(tmp_path / "bridge.toml", render(BRIDGE, [MAIN]), SECRETS)

    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o750


@pytest.mark.parametrize("at", [0, 1])
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_whatever_goes_wrong_in_the_middle_leaves_nothing(
    tmp_path: Path, at: int, error: type[BaseException]
) -> None:
    with pytest.raises(error):
        commit(
            tmp_path / "new" / "bridge" / "bridge.toml",
            render(BRIDGE, [MAIN]),
            SECRETS,
            write_private=Interrupted(at, error),
        )

    assert list(tmp_path.iterdir()) == []


def test_a_result_that_cannot_be_used_leaves_nothing_and_is_told_by_the_files_own_name(
    tmp_path: Path,
) -> None:
    with pytest.raises(ConfigError) as caught:
        commit(tmp_path / "new" / "bridge.toml", render(BRIDGE, [MAIN]), {"api-key": KEY})

    assert caught.value.problems[0].startswith("bridge.toml: servers[0].token_file: no such file")
    assert list(tmp_path.iterdir()) == []


def test_a_toml_that_cannot_be_extended_stays_as_it_was(tmp_path: Path) -> None:
    inline = 'servers = [{ id = 1, name = "main", token_file = "server-1.token" }]\n'
    path = write_configuration(tmp_path, inline + MINIMAL.partition("[[servers]]")[0])
    (tmp_path / "server-2.token").unlink()
    former, names = path.read_bytes(), set(tmp_path.iterdir())

    with pytest.raises(ConfigError):
        commit(path, extend(former, [SECOND]), {"server-2.token": TOKENS[2]}, former=former)

    assert (path.read_bytes(), set(tmp_path.iterdir())) == (former, names)


def add_second(path: Path, former: bytes) -> None:
    commit(path, extend(former, [SECOND]), {"server-2.token": TOKENS[2]}, former=former)


def folder_with_one_server(folder: Path) -> Path:
    path = write_configuration(folder)
    (folder / "server-2.token").unlink()
    return path


def test_a_server_is_added_in_one_step_that_keeps_the_files_mode_and_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    real = folder_with_one_server(tmp_path / "real")
    real.chmod(0o640)
    link = tmp_path / "bridge.toml"
    link.symlink_to(real)
    for name in ("api-key", "server-1.token"):
        (tmp_path / name).write_bytes((tmp_path / "real" / name).read_bytes())

    add_second(link, real.read_bytes())

    assert link.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert "server-2.token" in real.read_text()
    assert modes(tmp_path)["server-2.token"] == 0o600
    assert not [file for folder in (tmp_path, tmp_path / "real") for file in folder.glob(".*")]


@pytest.mark.parametrize("name", ["server-1.token", "api-key", "bridge.toml"])
def test_nothing_is_put_over_a_file_that_is_there(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")

    with pytest.raises((FileExistsError, ConfigError)):
        commit(tmp_path / "bridge.toml", render(BRIDGE, [MAIN]), SECRETS)

    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(name, "mine")]


def test_a_toml_that_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    path = folder_with_one_server(tmp_path)
    former = path.read_bytes()
    path.write_bytes(former + b"# saved in an editor\n")

    with pytest.raises(ConfigError, match="changed meanwhile"):
        add_second(path, former)

    assert path.read_bytes() == former + b"# saved in an editor\n"
    assert not (tmp_path / "server-2.token").exists()


@pytest.mark.parametrize("name", ["server-1.token", "bridge.toml"])
def test_an_empty_file_that_a_kill_left_is_filled(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()

    commit(tmp_path / "bridge.toml", render(BRIDGE, [MAIN]), SECRETS)

    assert len((tmp_path / name).read_text()) > 24


def test_a_folder_that_cannot_be_replaced_into_takes_everything_back(tmp_path: Path) -> None:
    path = tmp_path / "bridge.toml"

    def occupied(name: Path, text: str) -> None:
        host.write_private(name, text)
        path.mkdir(exist_ok=True)  # what nobody expects: a folder of that name, after all was looked at

    writer: Callable[[Path, str], None] = occupied
    with pytest.raises(OSError, match=r"bridge\.toml"):
        commit(path, render(BRIDGE, [MAIN]), SECRETS, write_private=writer)

    assert list(tmp_path.iterdir()) == [path]
