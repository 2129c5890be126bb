"""From options and answers to what shall be written."""

from pathlib import Path

import click
import pytest
from msgspec.structs import replace

from bridge.cli.installation import NewServer
from bridge.cli.planning import Former, Plan, Wanted, make_plan, parse_server, parse_url
from bridge.config import Config
from tests.support.configuration import API_KEY, MINIMAL, TOKENS, load_configuration, write_configuration

ALL = Wanted(community_id="examplecad", api_key_file="key", servers=((1, "main"),), offline=True, ask=False)


@pytest.fixture(autouse=True)
def _surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("CAD_BRIDGE_API_KEY", "CAD_BRIDGE_TOKEN_1", "CAD_BRIDGE_TOKEN_2"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "key").write_bytes(b"\xef\xbb\xbf" + API_KEY.encode() + b"\r\n")


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    return tmp_path / "bridge" / "bridge.toml"


def changed(**changes: object) -> Wanted:
    return replace(ALL, **changes)


def former(folder: Path, toml: str = MINIMAL) -> Former:
    config: Config = load_configuration(folder, toml).config
    for name in ("server-2.token",):
        (folder / name).unlink()
    return Former(content=toml.encode(), config=config)


# Options


@pytest.mark.parametrize(
    ("text", "server"), [("1", (1, None)), ("12:main", (12, "main")), ("0:a.b-c_d", (0, "a.b-c_d"))]
)
def test_a_server_is_a_number_and_perhaps_a_name(text: str, server: tuple[int, str | None]) -> None:
    assert parse_server(text) == server


@pytest.mark.parametrize("text", ["main", "", "1:", "1:two words", "-1", "9999999999"])
def test_what_is_no_server_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_server(text)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://127.0.0.1:30120", (None, "http://127.0.0.1:30120")),
        ("2=http://10.0.0.5:30120/", (2, "http://10.0.0.5:30120")),
    ],
)
def test_a_game_servers_url_may_say_which_one_it_is(text: str, url: tuple[int | None, str]) -> None:
    assert parse_url(text) == url


@pytest.mark.parametrize("text", ["", "1=", "127.0.0.1:30120", "http://user:secret@host"])
def test_what_is_no_url_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_url(text)


# Anew


def test_a_first_plan_has_the_key_and_a_token_that_nobody_guesses(path: Path) -> None:
    plan = make_plan(ALL, path, None)
    other = make_plan(ALL, path, None)

    assert plan.servers == (NewServer(id=1, name="main"),)
    assert plan.to_write == {"api-key": API_KEY, "server-1.token": plan.tokens[1].reveal()}
    assert len(plan.tokens[1].reveal()) == 43
    assert plan.tokens != other.tokens
    assert plan.taken_up == ()


@pytest.mark.parametrize(
    ("absent", "named"),
    [
        (("community_id",), "--community-id"),
        (("api_key_file",), "--api-key-file (or $CAD_BRIDGE_API_KEY)"),
        (("servers",), "--server"),
        (
            ("community_id", "api_key_file", "servers"),
            "--community-id, --api-key-file (or $CAD_BRIDGE_API_KEY), --server",
        ),
    ],
)
def test_what_is_missing_is_named_where_nobody_can_be_asked(
    path: Path, absent: tuple[str, ...], named: str
) -> None:
    wanted = changed(**{name: () if name == "servers" else None for name in absent})

    with pytest.raises(click.UsageError) as caught:
        make_plan(wanted, path, None)

    assert caught.value.message.endswith(f": {named}")
    assert not path.parent.exists()


def test_the_key_may_come_from_the_environment(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAD_BRIDGE_API_KEY", "key-of-the-environment")

    assert make_plan(changed(api_key_file=None), path, None).to_write["api-key"] == "key-of-the-environment"


@pytest.mark.parametrize("content", [b"", b"two words", b"\xff"])
def test_a_file_that_holds_no_key_is_refused(tmp_path: Path, path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)

    with pytest.raises(click.BadParameter, match="the "):
        make_plan(ALL, path, None)


def test_names_are_made_and_numbers_and_names_are_given_once(path: Path) -> None:
    plan = make_plan(changed(servers=((1, None), (2, "two"))), path, None)

    assert [server.name for server in plan.servers] == ["server-1", "two"]
    for twice in (((1, "a"), (1, "b")), ((1, "a"), (2, "a"))):
        with pytest.raises(click.BadParameter):
            make_plan(changed(servers=twice), path, None)


def test_a_game_servers_url_goes_to_its_server(path: Path) -> None:
    one = make_plan(changed(fxserver_urls=((None, "http://a:1"),)), path, None)
    both = (1, "one"), (2, "two")
    two = make_plan(changed(servers=both, fxserver_urls=((2, "http://b:1"),)), path, None)

    assert [server.fxserver_url for server in (*one.servers, *two.servers)] == [
        "http://a:1",
        None,
        "http://b:1",
    ]
    for urls in (((None, "http://a:1"),), ((3, "http://a:1"),)):
        with pytest.raises(click.BadParameter, match="which server"):
            make_plan(changed(servers=both, fxserver_urls=urls), path, None)


def test_hidden_tokens_go_into_a_file_with_their_lines(path: Path) -> None:
    plan = make_plan(changed(hide_tokens=True, bind=("10.0.0.5:1",)), path, None)

    assert plan.to_write["server-1.cfg"].splitlines() == [
        'set cad_bridge_url "http://10.0.0.5:1"',
        f'set cad_bridge_token "{plan.tokens[1].reveal()}"',
        "add_convar_permission cad_bridge read cad_bridge_token",
        "ensure cad_bridge",
    ]


# What is there


def with_secrets(path: Path) -> None:
    path.parent.mkdir()
    write_configuration(path.parent)
    path.unlink()


def test_secrets_that_are_there_are_taken_up_and_not_written_anew(path: Path) -> None:
    with_secrets(path)

    plan = make_plan(changed(api_key_file=None), path, None)

    assert (plan.to_write, plan.taken_up) == ({}, ("api-key", "server-1.token"))
    assert plan.tokens[1].reveal() == TOKENS[1]


@pytest.mark.parametrize("variable", ["CAD_BRIDGE_API_KEY", "CAD_BRIDGE_TOKEN_1"])
def test_a_secret_that_is_there_is_not_given_up_for_another(
    path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    with_secrets(path)
    monkeypatch.setenv(variable, "another-secret-that-is-long-enough")

    with pytest.raises(click.UsageError, match="holds another secret already"):
        make_plan(changed(api_key_file=None), path, None)


def test_a_token_that_is_there_and_too_short_is_refused(path: Path) -> None:
    with_secrets(path)
    (path.parent / "server-1.token").write_text("short")

    with pytest.raises(click.UsageError, match=r"server-1\.token: the secret is too short"):
        make_plan(ALL, path, None)


def test_a_token_of_the_environment_is_used_since_the_daemon_would_use_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAD_BRIDGE_TOKEN_1", "token-of-the-environment-1")

    plan = make_plan(ALL, path, None)

    assert plan.to_write["server-1.token"] == plan.tokens[1].reveal() == "token-of-the-environment-1"


# One more


def add(folder: Path, **changes: object) -> Plan:
    wanted: dict[str, object] = {"community_id": None, "api_key_file": None, "servers": ((2, "second"),)}
    return make_plan(changed(**{**wanted, **changes}), folder / "bridge.toml", former(folder))


def test_a_server_is_added_without_its_bridge(tmp_path: Path) -> None:
    plan = add(tmp_path)

    assert plan.servers == (NewServer(id=2, name="second"),)
    assert list(plan.to_write) == ["server-2.token"]


def test_the_same_community_may_be_named_again(tmp_path: Path) -> None:
    assert add(tmp_path, community_id="examplecad").servers


@pytest.mark.parametrize("server", [(1, "new"), (2, "main")])
def test_a_number_or_name_that_is_taken_is_refused(tmp_path: Path, server: tuple[int, str]) -> None:
    with pytest.raises(click.BadParameter, match=r"already|taken"):
        add(tmp_path, servers=(server,))


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"community_id": "other"}, "another --dir"),
        ({"api_key_file": "key"}, "--api-key-file"),
        ({"api": "v1"}, "--api"),
        ({"base_url": "http://127.0.0.1:1"}, "--base-url"),
        ({"bind": ("127.0.0.1:1",), "admin": ("127.0.0.1:2",)}, "--bind, --admin"),
    ],
)
def test_what_stands_is_changed_by_hand(tmp_path: Path, given: dict[str, object], named: str) -> None:
    with pytest.raises(click.UsageError, match=named):
        add(tmp_path, **given)


def test_a_server_is_missing_where_nobody_can_be_asked(tmp_path: Path) -> None:
    with pytest.raises(click.UsageError, match=r"missing.*: --server$"):
        add(tmp_path, servers=())
