"""The panel's egg: what panels read of it, and a server's life by it."""

import hashlib
import http.client
import re
import subprocess
import zipfile
from collections.abc import Generator
from pathlib import Path

import msgspec
import pytest

from bridge.config.load import load
from bridge.operations import DOCUMENTED_LIMITS
from bridge.simulator.server import SimulatorServer
from tests.support.daemon import API_KEY, simulated_cad
from tests.support.loop_thread import served
from tests.support.panel import BIN, EGG, FOLDER, MARK, SCRIPT, STARTUP, Panel, Variable
from tests.support.ports import free_port

pytestmark = pytest.mark.timeout(120)  # pip and the program start as processes, on a busy machine too
RESERVED = {
    "SERVER_MEMORY",
    "SERVER_IP",
    "SERVER_PORT",
    "ENV",
    "HOME",
    "USER",
    "STARTUP",
    "SERVER_UUID",
    "UUID",
}
INSTALLED = f"cad-bridge: installed cad-bridge, version {MARK}"

README = (FOLDER / "README.md").read_text(encoding="utf-8")


@pytest.fixture(name="panel")
def _panel(tmp_path: Path) -> Panel:
    return Panel(tmp_path)


@pytest.fixture(name="cad")
def _cad() -> Generator[SimulatorServer]:
    with served(simulated_cad) as cad:
        yield cad


# The egg


def test_no_variable_has_a_reserved_name_or_rules_that_a_panel_would_cut_in_two() -> None:
    names = [variable.env_variable for variable in EGG.variables]

    assert len(set(names)) == len(names)
    assert not RESERVED & set(names)
    for variable in EGG.variables:
        rules = variable.rules.split("|")
        assert {"required", "nullable"} & set(rules), variable.env_variable
        for rule in rules:  # a bar within an expression ends it
            assert not rule.startswith("regex:") or re.fullmatch(r"regex:/\^.+\$/", rule), (
                variable.env_variable
            )


def test_what_an_owner_has_to_fill_in_is_the_community_alone() -> None:
    required = [
        variable.env_variable
        for variable in EGG.variables
        if "required" in variable.rules.split("|") and not variable.default_value
    ]

    assert required == ["COMMUNITY_ID"]


def test_no_secret_is_part_of_the_command_which_panels_show() -> None:
    assert "{{" not in EGG.startup
    assert "$" not in EGG.startup


def test_the_image_has_the_python_that_the_packages_are_installed_with() -> None:
    [image] = EGG.docker_images.values()
    [version] = re.findall(r"^python:(\d\.\d+)-", EGG.scripts.installation.container)

    assert image.endswith(f"python_{version}")


def test_the_egg_holds_the_install_script() -> None:
    """After a change: jq --rawfile s install.sh '.scripts.installation.script = $s' egg-cad-bridge.json."""
    assert (FOLDER / "install.sh").read_text(encoding="utf-8") == SCRIPT
    assert "\r" not in SCRIPT


@pytest.mark.parametrize(
    "script", [SCRIPT, SCRIPT.partition("<<'START'\n")[2].partition("\nSTART\n")[0] + "\n"]
)
def test_the_scripts_are_sound(tmp_path: Path, script: str) -> None:
    path = tmp_path / "script.sh"
    path.write_text(script, encoding="utf-8")

    for command in (("bash", "-n"), (str(BIN / "shellcheck"), "--norc")):
        done = subprocess.run((*command, path), capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("variable", EGG.variables, ids=lambda variable: variable.env_variable)
def test_the_page_tells_of_every_variable(variable: Variable) -> None:
    assert f"`{variable.env_variable}`" in README


# Installation


def test_without_a_release_it_says_what_to_do_and_the_panel_does_not_lock_the_server(panel: Panel) -> None:
    code, said = panel.install()
    with panel.started(terminal=False) as server:
        ended = server.wait()

        assert code == 0
        assert "there is no release yet: upload cad-bridge-….tar.gz or .zip" in said
        assert ended == 1
        assert server.said.startswith("cad-bridge is not installed: upload ")


@pytest.mark.parametrize("name", ["cad-bridge-9.9.9.tar.gz", "cad-bridge-main.zip"])
def test_an_uploaded_archive_is_installed(panel: Panel, name: str) -> None:
    panel.release(name)

    code, said = panel.install()

    assert code == 0, said
    assert INSTALLED in said
    assert (panel.files / "program" / "stand_in.py").exists()  # what it runs on
    assert (panel.files / "server-1.token").stat().st_mode & 0o777 == 0o600
    assert not (panel.files / ".installing").exists()


def test_an_archive_is_downloaded_and_its_hash_looked_at(panel: Panel, tmp_path: Path) -> None:
    archive = panel.release(where=tmp_path)
    panel.variables["RELEASE_URL"] = archive.as_uri()
    panel.variables["RELEASE_SHA256"] = hashlib.sha256(archive.read_bytes()).hexdigest()

    code, said = panel.install()

    assert (code, INSTALLED in said) == (0, True), said


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"RELEASE_SHA256": "0" * 64}, "is not what RELEASE_SHA256 says; nothing was changed"),
        ({"RELEASE_URL": "file:///nowhere/cad-bridge.zip"}, "that did not work: look at RELEASE_URL"),
    ],
)
def test_a_wrong_archive_changes_nothing(panel: Panel, variables: dict[str, str], reason: str) -> None:
    panel.release()
    panel.install()
    (panel.files / "program" / "here-before").touch()
    panel.variables |= variables

    code, said = panel.install()

    assert code == 1
    assert reason in said
    assert (panel.files / "program" / "here-before").exists()


def test_packages_that_are_not_what_the_release_pins_are_refused(panel: Panel) -> None:
    panel.release(requirements=f"stand-in==1.0 --hash=sha256:{'0' * 64}\n")

    code, said = panel.install()

    assert code != 0
    assert "DO NOT MATCH THE HASHES" in said
    assert not (panel.files / "program").exists()


def test_an_archive_of_something_else_is_refused(panel: Panel) -> None:
    with zipfile.ZipFile(panel.files / "cad-bridge.zip", "w") as file:
        file.writestr("cad-bridge/README.md", "")

    code, said = panel.install()

    assert code == 1
    assert "cad-bridge.zip does not hold the source of cad-bridge; nothing was changed" in said


def test_an_upgrade_keeps_configuration_token_and_outbox(panel: Panel) -> None:
    panel.release()
    panel.install()
    panel.config.write_text("# mine\n", encoding="utf-8")
    (panel.files / "outbox.sqlite3").write_bytes(b"kept")
    (panel.files / "program" / "of-the-old-version").touch()
    token = panel.token

    code, _ = panel.install()

    assert code == 0
    assert panel.config.read_text(encoding="utf-8") == "# mine\n"
    assert (panel.files / "outbox.sqlite3").read_bytes() == b"kept"
    assert panel.token == token
    assert not (panel.files / "program" / "of-the-old-version").exists()


# Configuration


def test_the_panel_writes_its_own_lines_and_leaves_the_owners(panel: Panel) -> None:
    panel.install()
    panel.variables |= {"COMMUNITY_ID": "my.cad-1", "CAD_SERVER_ID": "3"}
    mine = (
        '[[servers]]\nid = 7\nname = "second"\ntoken_file = "server-7.token"\n'
        '[cms]\ncommunity_id = "mycms"\napi_key_file = "cms-api-key"\n'
    )
    panel.config.write_text(panel.config.read_text(encoding="utf-8") + mine, encoding="utf-8")
    (panel.files / "server-7.token").write_text("a-made-up-token-of-server-seven\n", encoding="ascii")
    for name in ("api-key", "cms-api-key"):
        (panel.files / name).write_text(f"made-up-content-of-{name}\n", encoding="ascii")
    panel.write_lines()

    loaded = load(panel.config, environ={}, documented_limits=DOCUMENTED_LIMITS)
    config = loaded.config

    assert [str(bind) for bind in config.listener.bind] == [f"0.0.0.0:{panel.port}"]
    assert [str(bind) for bind in config.admin.bind] == ["127.0.0.1:30181"]
    assert config.cad.community_id == "my.cad-1"
    assert [(server.id, server.name) for server in config.servers] == [(3, "main"), (7, "second")]
    assert config.cms is not None
    assert config.cms.community_id == "mycms"


# A server's life


@pytest.mark.parametrize("terminal", [True, False])
def test_it_starts_takes_pushes_and_stops_as_a_panels_server(
    panel: Panel, cad: SimulatorServer, *, terminal: bool
) -> None:
    panel.release(real=True)
    panel.install()
    _point_to(panel, cad)
    with panel.started(terminal=terminal) as server:
        ready = server.until(STARTUP["done"])
        _panic(panel, panel.token, "license:1")
        code = server.stop()

        assert MARK in ready
        assert ready.startswith("{") is not terminal
        assert code == 0, server.said
        server.until("daemon stopped")
        assert cad.cloud.cad.community.units["license:1"].is_panic
        for secret in (API_KEY, panel.token):
            assert secret not in server.said


def test_a_token_from_the_panel_is_that_of_the_server_whatever_its_number(
    panel: Panel, cad: SimulatorServer
) -> None:
    cad.cloud.cad.community.servers = (3,)
    panel.variables |= {"CAD_SERVER_ID": "3", "CAD_SERVER_TOKEN": "a-made-up-token-from-the-panel"}
    panel.release(real=True)
    panel.install()
    _point_to(panel, cad)
    with panel.started() as server:
        server.until(STARTUP["done"])
        _panic(panel, "a-made-up-token-from-the-panel", "license:1")

        assert not (panel.files / "server-1.token").exists()
        assert server.stop() == 0
        assert "a-made-up-token-from-the-panel" not in server.said


@pytest.mark.parametrize("form", ["json", "console"])
def test_the_line_that_the_panel_waits_for_is_logged_in_both_formats(
    panel: Panel, cad: SimulatorServer, form: str
) -> None:
    panel.release(real=True)
    panel.install()
    _point_to(panel, cad, f'[log]\nformat = "{form}"\n')
    with panel.started() as server:
        line = server.until(STARTUP["done"])

        assert line.startswith("{") is (form == "json")
        assert STARTUP["strip_ansi"] is True  # the words lie between colours


def _point_to(panel: Panel, cad: SimulatorServer, more: str = "") -> None:
    text = panel.config.read_text(encoding="utf-8")
    text = text.replace("[cad]\n", f'[cad]\nbase_url = "{cad.url}"\n').replace("30181", str(free_port()))
    panel.config.write_text(text + more, encoding="utf-8")


def _panic(panel: Panel, token: str, unit: str) -> None:
    line = http.client.HTTPConnection("127.0.0.1", panel.port, timeout=10)
    headers = {"Authorization": f"Bearer {token}"}
    line.request("POST", "/v1/panic", msgspec.json.encode({"id": unit}), headers)
    assert line.getresponse().status == 202
    line.close()
