"""Keys held against each other; what is refused has a file in ``tests/config/invalid``."""

from pathlib import Path

import pytest

from bridge.config.check import GUESSABLE, check
from bridge.config.reading import Reading
from bridge.config.schema import Config
from bridge.config.sources import Sources
from bridge.errors import ConfigError
from bridge.operations import DOCUMENTED_LIMITS
from tests.support.configuration import MINIMAL, load_configuration, write_configuration
from tests.support.tls import PRIVATE_KEY, TOML_KEYS, Authority


def complaints(folder: Path, toml: dict[str, object], platform: str = "linux") -> list[str]:
    write_configuration(folder)
    reading = Reading("bridge.toml", Sources(folder, {}, platform))
    reading.table(Config, toml)
    reading.problems.clear()
    check(reading, DOCUMENTED_LIMITS, platform)
    return reading.problems


@pytest.mark.parametrize(
    ("interval", "cad"),
    [
        ("5s", {}),
        ("10s", {"share": 0.5}),
        ("16.667s", {"share": 0.3}),  # 60 / 3.6 has no end
        ("2.5s", {"limits": {"updateUnitLocations": 24}}),
        ("2s", {"share": 5}),  # what could not be read is not held against others
        ("2s", {"limits": {"updateUnitLocations": "many"}}),
    ],
)
def test_an_interval_that_the_limit_allows_is_fine(
    tmp_path: Path, interval: str, cad: dict[str, object]
) -> None:
    assert complaints(tmp_path, {"locations": {"interval": interval}, "cad": cad}) == []


@pytest.mark.parametrize("cad", [{"share": 0.2}, {"limits": {"updateUnitLocations": 6}}])
@pytest.mark.parametrize("locations", [{}, {"max_batch": 100}])
def test_an_interval_that_nobody_wrote_is_stretched_to_the_limit_and_no_complaint(
    tmp_path: Path, cad: dict[str, object], locations: dict[str, object]
) -> None:
    assert complaints(tmp_path, {"locations": locations, "cad": cad}) == []


@pytest.mark.parametrize(
    ("listener", "admin"),
    [
        ("127.0.0.1:1", "127.0.0.1:2"),
        ("127.0.0.1:1", "127.0.0.2:1"),
        ("127.0.0.1:0", "127.0.0.1:0"),
        ("0.0.0.0:1", "[::]:1"),
        ("unix:/a", "unix:/b"),
        ("unix:/a", "127.0.0.1:1"),
    ],
)
def test_doors_that_do_not_meet_are_fine(tmp_path: Path, listener: str, admin: str) -> None:
    assert complaints(tmp_path, {"listener": {"bind": listener}, "admin": {"bind": admin}}) == []


@pytest.mark.parametrize(
    ("listener", "admin"),
    [
        ("127.0.0.1:1", "0.0.0.0:1"),
        ("[::]:1", "[::1]:1"),
        ("Localhost:1", "localhost:1"),
    ],
)
def test_doors_that_meet_are_found(tmp_path: Path, listener: str, admin: str) -> None:
    found = complaints(tmp_path, {"listener": {"bind": listener}, "admin": {"bind": admin}})

    assert found == [f'bridge.toml: admin.bind: "{admin}" is taken by "{listener}" of listener.bind']


def test_servers_that_differ_are_fine(tmp_path: Path) -> None:
    servers = [
        {"id": number, "name": f"server-{number}", "token_file": f"server-{number}.token"}
        for number in (1, 2)
    ]

    assert complaints(tmp_path, {"servers": servers}) == []


def test_servers_alike_are_found_beside_other_problems(tmp_path: Path) -> None:
    servers = [{"id": 3, "name": "a b"}, {"id": 3, "name": "c"}, {"id": 4, "name": "c"}]

    assert complaints(tmp_path, {"servers": servers}) == [
        "bridge.toml: servers[1].id: 3 is taken by servers[0].id",
        'bridge.toml: servers[2].name: "c" is taken by servers[1].name',
    ]


# Tokens that can be guessed


@pytest.mark.parametrize("section", ["listener", "admin"])
def test_a_guessable_token_is_refused_where_strangers_can_try_it(tmp_path: Path, section: str) -> None:
    servers = [{"id": 1, "name": "main", "token_file": "guessable.token"}]
    admin = {"token_file": "guessable.token"}
    toml: dict[str, object] = {"servers": servers} if section == "listener" else {"admin": admin}
    door = admin if section == "admin" else {}
    path = "servers[0].token_file" if section == "listener" else "admin.token_file"

    for bind in ("127.0.0.1:1", "[::1]:1", "unix:/run/a.sock"):
        assert complaints(tmp_path, {**toml, section: {**door, "bind": bind}}) == []
    for bind in ("0.0.0.0:1", "[::]:1", "bridge.example.com:1"):
        found = complaints(tmp_path, {**toml, section: {**door, "bind": bind}})
        assert found == [f"bridge.toml: {path}: {GUESSABLE}"]


def test_a_guessable_token_on_this_machine_is_a_warning(tmp_path: Path) -> None:
    toml = MINIMAL.replace("server-1.token", "guessable.token")

    assert load_configuration(tmp_path, toml).warnings == (
        f"bridge.toml: servers[0].token_file: {GUESSABLE}",
    )


# TLS

LISTENER = {"bind": "0.0.0.0:1", **TOML_KEYS}


def test_a_wide_listener_with_tls_is_nothing_to_warn_of_and_a_wide_admin_door_is(tmp_path: Path) -> None:
    Authority(tmp_path).issue()
    doors = "".join(f'{key} = "{value}"\n' for key, value in LISTENER.items())

    loaded = load_configuration(tmp_path, f'[listener]\n{doors}[admin]\nbind = "0.0.0.0:2"\n{MINIMAL}')

    assert loaded.config.listener.tls
    assert loaded.warnings == (
        (
            'bridge.toml: admin.bind: "0.0.0.0:2" is reached from other hosts, and what passes there is not encrypted: '
            "this door has no TLS"
        ),
    )


def test_a_certificate_that_ends_within_a_fortnight_is_a_warning(tmp_path: Path) -> None:
    Authority(tmp_path).issue(days=13.5)
    doors = "".join(f'{key} = "{value}"\n' for key, value in TOML_KEYS.items())

    (warning,) = load_configuration(tmp_path, f"[listener]\n{doors}{MINIMAL}").warnings

    assert warning.startswith("bridge.toml: listener.tls_cert_file: the certificate expires on ")
    assert warning.endswith(", in 13 days")


def test_a_certificate_that_has_expired_is_a_warning_for_game_servers_check_none(tmp_path: Path) -> None:
    Authority(tmp_path).issue(days=-1.0, begun=3.0)
    doors = "".join(f'{key} = "{value}"\n' for key, value in TOML_KEYS.items())

    (warning,) = load_configuration(tmp_path, f"[listener]\n{doors}{MINIMAL}").warnings

    assert warning.startswith("bridge.toml: listener.tls_cert_file: the certificate expired on ")


def test_a_key_that_everybody_can_read_is_a_warning(tmp_path: Path) -> None:
    Authority(tmp_path).issue()
    (tmp_path / PRIVATE_KEY).chmod(0o644)
    doors = "".join(f'{key} = "{value}"\n' for key, value in TOML_KEYS.items())

    assert load_configuration(tmp_path, f"[listener]\n{doors}{MINIMAL}").warnings == (
        f"bridge.toml: {tmp_path / PRIVATE_KEY} can be read by every user of this machine",
    )


def test_a_pair_may_be_a_credential_of_systemd(tmp_path: Path) -> None:
    (tmp_path / "credentials").mkdir()
    authority = Authority(tmp_path / "credentials")
    authority.issue()
    doors = "".join(f'{key} = "{value}"\n' for key, value in TOML_KEYS.items())
    environ = {"CREDENTIALS_DIRECTORY": str(authority.folder)}

    loaded = load_configuration(tmp_path, f"[listener]\n{doors}{MINIMAL}", environ=environ)

    assert loaded.config.listener.tls_key_file == authority.key


def test_a_pair_that_cannot_be_served_names_the_key_at_fault(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    other = authority.issue()
    authority.issue("other.test")
    authority.key.write_bytes(other.private_key_pem.bytes())
    (mismatched,) = complaints(tmp_path, {"listener": LISTENER})

    assert mismatched == (
        f"bridge.toml: listener.tls_key_file: {authority.key} is not the key of the certificate in "
        "listener.tls_cert_file"
    )


# The way out


@pytest.mark.parametrize("section", ["cad", "cms"])
def test_a_key_goes_to_no_proxy_elsewhere_in_plain_text(tmp_path: Path, section: str) -> None:
    toml = {"cad": {"proxy": "http://proxy.example.com:3128"}}
    toml.setdefault(section, {})["base_url"] = "http://127.0.0.1:8080"

    assert complaints(tmp_path, dict(toml)) == [
        f"bridge.toml: cad.proxy: the key would reach it unencrypted, {section}.base_url is no https"
    ]
    toml["cad"]["proxy"] = "http://127.0.0.1:3128"
    assert complaints(tmp_path, dict(toml)) == []


def test_a_proxy_with_a_password_comes_from_the_environment_and_is_never_shown(tmp_path: Path) -> None:
    environ = {"CAD_BRIDGE_PROXY": "http://me:p%40ss-made-up@Proxy.example.com:3128/"}

    proxy = load_configuration(tmp_path, environ=environ).config.cad.proxy

    assert proxy is not None
    assert proxy.login is not None
    assert (str(proxy), proxy.login.reveal()) == ("http://proxy.example.com:3128", "me:p@ss-made-up")
    assert "made-up" not in repr(proxy)
    assert [secret.reveal() for secret in proxy.secrets] == ["bWU6cEBzcy1tYWRlLXVw", "p@ss-made-up"]


@pytest.mark.parametrize(
    "url", ["proxy", "http://me:made-up@", "http://me:made-up@proxy/path", "socks5://p:1"]
)
def test_a_proxy_in_the_environment_that_is_none_is_named_without_its_value(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_configuration(tmp_path, environ={"CAD_BRIDGE_PROXY": url})

    assert caught.value.problems == (
        "bridge.toml: cad.proxy: CAD_BRIDGE_PROXY is no URL such as http://proxy.example.com:3128",
    )
