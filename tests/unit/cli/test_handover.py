"""The last words: lines for server.cfg, and commands that work as they are copied."""

import shlex
import sys
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from bridge.cli.handover import (
    Handover,
    admin_words,
    cfg_lines,
    command_line,
    config_words,
    describe,
    exec_line,
    program,
    push_url,
)
from bridge.cli.installation import NewServer
from bridge.config import AdminConfig, Config, ListenerConfig, TcpBind, UnixBind
from tests.support.configuration import load_configuration

TOKEN = "made-up-token-of-server-one"
LOOPBACK = TcpBind(host="127.0.0.1", port=30180)
WIDE = TcpBind(host="0.0.0.0", port=30180)
SOCKET = UnixBind(path=Path("/run/bridge.sock"))


@pytest.fixture(name="config")
def _config(tmp_path: Path) -> Config:
    return load_configuration(tmp_path).config


def handover(config: Config, **changes: object) -> Handover:
    usual = Handover(
        path=Path("/home/me/cad-bridge/bridge.toml"),
        config=config,
        servers=[(NewServer(id=1, name="main"), TOKEN)],
        command=["cad-bridge"],
        anew=True,
        copied=False,
        by_service=False,
    )
    return msgspec.structs.replace(usual, **changes)


def told(done: Handover) -> str:
    return "\n".join(describe(done, {}, "linux"))


@pytest.mark.parametrize(
    ("listener", "url"),
    [
        (ListenerConfig(), "http://127.0.0.1:30180"),
        (ListenerConfig(bind=(WIDE,)), "http://127.0.0.1:30180"),
        (ListenerConfig(bind=(TcpBind(host="::", port=1),)), "http://[::1]:1"),
        (ListenerConfig(bind=(TcpBind(host="10.0.0.5", port=1),)), "http://10.0.0.5:1"),
        (ListenerConfig(bind=(TcpBind(host="10.0.0.5", port=1), LOOPBACK)), "http://127.0.0.1:30180"),
        (ListenerConfig(bind=(SOCKET, LOOPBACK)), "http://127.0.0.1:30180"),
        (ListenerConfig(bind=(SOCKET,)), None),
        (ListenerConfig(tls_cert_file=Path("cert.pem")), "https://127.0.0.1:30180"),
    ],
)
def test_a_game_server_is_given_an_address_that_leads_to_the_push_door(
    listener: ListenerConfig, url: str | None
) -> None:
    assert push_url(listener) == url


def test_the_lines_keep_the_token_on_the_server_and_within_the_resource() -> None:
    assert cfg_lines("http://127.0.0.1:30180", TOKEN) == [
        'set cad_bridge_url "http://127.0.0.1:30180"',
        f'set cad_bridge_token "{TOKEN}"',
        "add_convar_permission cad_bridge read cad_bridge_token",
        "ensure cad_bridge",
    ]


def test_a_file_is_named_as_fxserver_reads_it() -> None:
    assert exec_line(Path("/a b/server-1.cfg")) == 'exec "/a b/server-1.cfg"'


@pytest.mark.parametrize(
    ("path", "environ", "words"),
    [
        ("/etc/cad-bridge/bridge.toml", {}, []),
        ("/home/me/bridge.toml", {}, ["--config", "/home/me/bridge.toml"]),
        (
            "/home/me/bridge.toml",
            {"CAD_BRIDGE_CONFIG": "/home/me/bridge.toml"},
            ["--config", "/home/me/bridge.toml"],
        ),
        (
            "/etc/cad-bridge/bridge.toml",
            {"CAD_BRIDGE_CONFIG": "/x"},
            ["--config", "/etc/cad-bridge/bridge.toml"],
        ),
    ],
)
def test_a_command_names_the_configuration_unless_every_shell_finds_it(
    path: str, environ: dict[str, str], words: list[str]
) -> None:
    assert config_words(Path(path), environ, "linux") == words


@pytest.mark.parametrize(
    ("door", "words"),
    [
        (TcpBind(host="127.0.0.1", port=30181), []),
        (TcpBind(host="0.0.0.0", port=30181), []),
        (TcpBind(host="127.0.0.1", port=5), ["--admin", "http://127.0.0.1:5"]),
        (SOCKET, ["--admin", str(SOCKET)]),
    ],
)
def test_status_is_told_of_another_admin_door(
    config: Config, door: TcpBind | UnixBind, words: list[str]
) -> None:
    assert admin_words(replace(config, admin=AdminConfig(bind=(door,)))) == words


def test_the_program_is_named_so_that_it_starts_from_everywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "bin" / "cad-bridge"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin")
    away = program("bin/cad-bridge", "linux")
    monkeypatch.setenv("PATH", f"{script.parent}:/usr/bin")

    assert away == [str(script)]
    assert program(str(script), "linux") == ["cad-bridge"]
    assert program("/x/bridge/__main__.py", "linux") == [sys.executable, "-m", "bridge"]
    assert program("cad-bridge.pyz", "linux") == [sys.executable, str(tmp_path / "cad-bridge.pyz")]
    assert program("bin/another/cad-bridge", "win32") == [str(tmp_path / "bin/another/cad-bridge.exe")]


@pytest.mark.parametrize(
    ("words", "platform", "line"),
    [
        (["cad-bridge", "run", "--config", "/a b/it's.toml"], "linux", None),
        (
            [r"C:\venv\Scripts\cad-bridge.exe", "run", r"C:\ProgramData\x.toml"],
            "win32",
            r"C:\venv\Scripts\cad-bridge.exe run C:\ProgramData\x.toml",
        ),
        ([r"C:\My $Files\cad-bridge.exe", "a'b"], "win32", r"& 'C:\My $Files\cad-bridge.exe' 'a''b'"),
    ],
)
def test_a_command_is_quoted_for_the_platforms_shell(
    words: list[str], platform: str, line: str | None
) -> None:
    said = command_line(words, platform)

    assert shlex.split(said) == words if line is None else said == line


def test_the_steps_lead_from_the_files_to_a_bridge_that_is_seen_at_work(config: Config) -> None:
    text = told(handover(config))

    order = [
        "1. Start the bridge (Ctrl-C",
        "     cad-bridge run --config /home/me/cad-bridge/bridge.toml\n",
        "2. Put the FiveM resource",
        "     cad-bridge init --dir /home/me/cad-bridge --resources FOLDER\n",
        "3. Put these lines into server.cfg of game server 1 (main)",
        f'     set cad_bridge_token "{TOKEN}"\n',
        "     cad-bridge status",
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert text.count(TOKEN) == 1


def test_a_resource_that_is_in_its_place_is_no_step(config: Config) -> None:
    assert "--resources" not in told(handover(config, copied=True))


def test_a_hidden_token_is_replaced_by_the_file_that_has_it(config: Config) -> None:
    text = told(handover(config, servers=[(NewServer(id=7, name="x"), None)]))

    assert '     exec "/home/me/cad-bridge/server-7.cfg"\n' in text
    assert "cad_bridge_token" not in text


def test_a_bridge_that_stood_already_is_started_again(config: Config) -> None:
    assert "1. Start the bridge again" in told(handover(config, anew=False))


def test_a_service_is_handed_the_tokens_it_does_not_know_of(config: Config) -> None:
    first = told(handover(config, by_service=True))
    second = told(
        handover(
            config,
            path=Path("/etc/cad-bridge/bridge.toml"),
            servers=[(NewServer(id=2, name="x"), TOKEN)],
            by_service=True,
            anew=False,
        )
    )

    assert "systemctl restart cad-bridge\n" in first
    assert "LoadCredential" not in first
    assert "     LoadCredential=server-2.token:/etc/cad-bridge/server-2.token\n" in second
    assert second.index("LoadCredential") < second.index("systemctl restart")


@pytest.mark.parametrize(
    ("bind", "hint"),
    [
        ((WIDE,), "On another machine than the bridge's"),
        ((SOCKET,), "FXServer pushes over TCP"),
    ],
)
def test_an_address_that_is_only_a_guess_says_so(
    config: Config, bind: tuple[TcpBind | UnixBind, ...], hint: str
) -> None:
    said = told(handover(replace(config, listener=ListenerConfig(bind=bind))))

    assert hint in said
    assert hint not in told(handover(config))
