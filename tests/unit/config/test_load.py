"""The whole way from a file to a configuration or its problems."""

from pathlib import Path

import pytest

from bridge.config import Secret, TcpBind, UnixBind, default_path, load
from bridge.errors import ConfigError
from bridge.operations import DOCUMENTED_LIMITS
from tests.support.configuration import API_KEY, MINIMAL, TOKENS, load_configuration, write_configuration

INVALID = Path(__file__).parents[2] / "config" / "invalid"
EXPECT = "# expect: "


def problems(folder: Path, toml: str | bytes, *, platform: str = "linux") -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load_configuration(folder, toml, platform=platform)
    return caught.value.problems


@pytest.mark.parametrize("file", sorted(INVALID.glob("*.toml")), ids=lambda file: file.stem)
def test_an_invalid_configuration_gives_exactly_its_messages(file: Path, tmp_path: Path) -> None:
    toml = file.read_text()
    lines = [line.removeprefix(EXPECT) for line in toml.splitlines() if line.startswith(EXPECT)]

    found = problems(tmp_path, toml)

    assert list(found) == [line.replace("{folder}", str(tmp_path)) for line in lines]


@pytest.mark.parametrize("file", sorted(INVALID.glob("*.toml")), ids=lambda file: file.stem)
def test_no_message_holds_a_secret(file: Path, tmp_path: Path) -> None:
    found = problems(tmp_path, file.read_text())

    assert not [line for line in found if "made-up" in line]
    assert not [line for line in found if "\n" in line]


def test_a_minimal_configuration_is_complete(tmp_path: Path) -> None:
    loaded = load_configuration(tmp_path)

    assert loaded.warnings == ()
    assert loaded.config.cad.api_key.reveal() == API_KEY
    assert loaded.config.cad.community_id == "examplecad"
    assert loaded.config.admin.token is None
    assert [(server.id, server.name) for server in loaded.config.servers] == [(1, "main")]
    assert loaded.config.servers[0].token.reveal() == TOKENS[1]
    assert loaded.config.listener.bind == (TcpBind(host="127.0.0.1", port=30180),)
    assert loaded.config.locations.interval == 5.0
    assert loaded.config.outbox.path == tmp_path / "outbox.sqlite3"


def test_every_kind_of_value_is_understood(tmp_path: Path) -> None:
    toml = """
        [listener]
        bind = ["[::1]:0", "unix:/run/cad-bridge/listener.sock", "game.example.com:30180"]
        max_body = "512KiB"
        [cad]
        base_url = "http://127.0.0.1:8080/"
        community_id = "examplecad"
        api_key_file = "api-key"
        timeout = "250ms"
        share = 1
        limits = { updateUnitLocations = 24, heartbeat = 5 }
        [locations]
        interval = "2.5s"
        resend_after = "0s"
        forget_after = "2h"
        [outbox]
        keep_failed = "30d"
        [outbox.ttl]
        kick = "45s"
        other = "12h"
        [[servers]]
        id = 1
        name = "main"
        token_file = "server-1.token"
        fxserver_url = "http://127.0.0.1:30120/"
        [[servers]]
        id = 2
        name = "second"
        token_file = "server-2.token"
    """

    config = load_configuration(tmp_path, toml).config

    assert config.listener.bind == (
        TcpBind(host="::1", port=0),
        UnixBind(path=Path("/run/cad-bridge/listener.sock")),
        TcpBind(host="game.example.com", port=30180),
    )
    assert config.listener.max_body == 524_288
    assert config.cad.base_url == "http://127.0.0.1:8080"
    assert (config.cad.timeout, config.cad.share) == (0.25, 1.0)
    assert config.cad.limits == {"updateUnitLocations": 24, "heartbeat": 5}
    assert config.locations.interval == 2.5
    assert (config.locations.resend_after, config.locations.forget_after) == (0.0, 7200.0)
    assert config.outbox.keep_failed == 30 * 86400.0
    assert (config.outbox.ttl.kick, config.outbox.ttl.other) == (45.0, 43_200.0)
    assert config.servers[0].fxserver_url == "http://127.0.0.1:30120"
    assert (config.servers[1].id, config.servers[1].fxserver_url) == (2, None)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_the_file_may_come_from_a_windows_editor(tmp_path: Path, encoding: str) -> None:
    toml = MINIMAL.replace("\n", "\r\n").encode(encoding)

    assert load_configuration(tmp_path, toml).config.cad.community_id == "examplecad"


def test_a_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    assert problems(tmp_path, b'name = "\xe9"') == ("bridge.toml: the file is not UTF-8 text (byte 8)",)


def test_deep_nesting_is_a_problem_and_no_crash(tmp_path: Path) -> None:
    assert problems(tmp_path, "a = " + "[" * 100_000) == ("bridge.toml: nested too deeply",)


def test_a_file_without_end_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "bridge.toml"

    assert problems(tmp_path, "#" * (2**20 + 1)) == (f"{path}: larger than 1048576 bytes",)


def test_a_missing_file_is_named_in_full(tmp_path: Path) -> None:
    path = tmp_path / "bridge.toml"

    with pytest.raises(ConfigError) as caught:
        load(path, environ={}, documented_limits=DOCUMENTED_LIMITS)

    assert caught.value.problems == (f"{path}: no such file",)


def test_a_folder_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, environ={}, documented_limits=DOCUMENTED_LIMITS)

    assert caught.value.problems == (f"{tmp_path}: cannot be read: is a directory",)


def test_windows_has_no_unix_sockets(tmp_path: Path) -> None:
    toml = f'[listener]\nbind = "unix:/run/cad.sock"\n{MINIMAL}'

    found = problems(tmp_path, toml, platform="win32")

    assert found == (
        'bridge.toml: listener.bind: there are no unix sockets on Windows, found "unix:/run/cad.sock"',
    )


def test_a_secret_that_everybody_reads_is_a_warning(tmp_path: Path) -> None:
    path = write_configuration(tmp_path)
    (tmp_path / "api-key").chmod(0o644)

    loaded = load(path, environ={}, documented_limits=DOCUMENTED_LIMITS, platform="linux")

    assert loaded.warnings == (f"bridge.toml: {tmp_path}/api-key can be read by every user of this machine",)


def test_windows_knows_no_modes_to_warn_of(tmp_path: Path) -> None:
    path = write_configuration(tmp_path)
    (tmp_path / "api-key").chmod(0o644)

    assert load(path, environ={}, documented_limits=DOCUMENTED_LIMITS, platform="win32").warnings == ()


def test_an_address_open_to_other_hosts_is_a_warning(tmp_path: Path) -> None:
    toml = f'[listener]\nbind = ["127.0.0.2:1", "[::]:30180"]\n[admin]\nbind = "localhost:2"\n{MINIMAL}'

    assert load_configuration(tmp_path, toml).warnings == (
        (
            'bridge.toml: listener.bind: "[::]:30180" is reached from other hosts, and what passes there is not encrypted; '
            "set listener.tls_cert_file, or better put both hosts into one VPN"
        ),
    )


def test_a_configuration_never_shows_its_secrets(tmp_path: Path) -> None:
    text = repr(load_configuration(tmp_path))

    assert "api_key=***" in text
    assert "made-up" not in text


def test_a_relative_path_finds_its_neighbours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_configuration(tmp_path, f'[locations]\npostals_file = "postals.json"\n{MINIMAL}')
    (tmp_path / "postals.json").write_text("[]")
    monkeypatch.chdir(tmp_path)

    config = load(Path("bridge.toml"), environ={}, documented_limits=DOCUMENTED_LIMITS).config

    assert config.outbox.path == tmp_path / "outbox.sqlite3"
    assert config.locations.postals_file == tmp_path / "postals.json"
    assert config.cad.api_key == Secret(API_KEY)


@pytest.mark.parametrize(
    ("environ", "platform", "expected"),
    [
        ({}, "linux", "/etc/cad-bridge/bridge.toml"),
        ({"CAD_BRIDGE_CONFIG": ""}, "linux", "/etc/cad-bridge/bridge.toml"),
        ({"CAD_BRIDGE_CONFIG": "here.toml"}, "linux", "here.toml"),
        ({"CAD_BRIDGE_CONFIG": "here.toml", "PROGRAMDATA": "D:/Data"}, "win32", "here.toml"),
        ({"PROGRAMDATA": "D:/Data"}, "win32", "D:/Data/cad-bridge/bridge.toml"),
    ],
)
def test_the_default_path_is_the_platforms(environ: dict[str, str], platform: str, expected: str) -> None:
    assert default_path(environ, platform) == Path(expected)
