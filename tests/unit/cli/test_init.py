"""The command as it is typed: what it asks, writes, shows and ends with."""

import os
import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bridge.cli.init import init, place
from bridge.clock import SystemClock
from bridge.simulator.cad import Cad
from bridge.simulator.cloud import Cloud
from bridge.simulator.configuration_shapes import ServerRow
from bridge.simulator.faults import Answer
from bridge.simulator.server import SimulatorServer
from tests.support.configuration import API_KEY, MINIMAL, TOKENS, write_configuration
from tests.support.loop_thread import served

OPTIONS = ("--community-id", "examplecad", "--api-key-file", "key")
NOWHERE = "http://127.0.0.1:1"


@pytest.fixture(autouse=True)
def _surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in [name for name in os.environ if name.startswith("CAD_BRIDGE_")]:
        monkeypatch.delenv(name)
    (tmp_path / "key").write_text(API_KEY)


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    return tmp_path / "bridge"


@pytest.fixture(name="cloud")
def _cloud() -> Cloud:
    return Cloud(SystemClock(), Cad(key=API_KEY, servers=(1, 2)))


@pytest.fixture(name="url")
def _url(cloud: Cloud) -> Iterator[str]:
    with served(lambda: SimulatorServer(SystemClock(), cloud=cloud)) as simulator:
        yield simulator.url


def run(folder: Path, *options: str, typed: str | None = None) -> Result:
    asks = ("--no-input",) if typed is None else ("--input",)
    return CliRunner().invoke(init, ["--dir", str(folder), *asks, *options], input=typed or "")


def started(folder: Path) -> Path:
    """Return the TOML of a bridge that was set up before."""
    folder.mkdir()
    path = write_configuration(folder)
    (folder / "server-2.token").unlink()
    return path


def servers_in(folder: Path) -> list[dict[str, object]]:
    return list(tomllib.loads((folder / "bridge.toml").read_text())["servers"])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# By options


def test_options_alone_set_up_a_bridge_that_the_cad_agrees_with(folder: Path, url: str, cloud: Cloud) -> None:
    result = run(folder, *OPTIONS, "--server", "1:main", "--base-url", url)

    assert (result.exit_code, result.stderr) == (0, "")
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {
        "bridge.toml": 0o644,
        "api-key": 0o600,
        "server-1.token": 0o600,
    }
    token = (folder / "server-1.token").read_text().strip()
    assert result.stdout.startswith(f"Written to {folder}: bridge.toml, api-key, server-1.token\n")
    assert "CAD:      reached, the key is right, plan PRO\n" in result.stdout
    assert f'     set cad_bridge_token "{token}"\n' in result.stdout
    assert result.stdout.count(token) == 1
    assert API_KEY not in result.output
    assert f" run --config {folder}/bridge.toml\n" in result.stdout
    assert [asked.operation for asked in cloud.journal.of(None)] == ["getVersion", "getServers"]


def test_nothing_is_asked_of_the_cad_offline(folder: Path) -> None:
    result = run(folder, *OPTIONS, "--server", "1", "--offline", "--base-url", NOWHERE)

    assert (result.exit_code, result.stderr) == (0, "")
    assert "server 1 (server-1): locations every 5.05s" in result.stdout


@pytest.mark.parametrize(("key", "told"), [("wrong", "the CAD refuses this key"), (API_KEY, "getVersion: ")])
def test_what_the_cad_does_not_like_ends_with_1_and_keeps_the_files(
    tmp_path: Path, folder: Path, url: str, cloud: Cloud, key: str, told: str
) -> None:
    (tmp_path / "key").write_text(key)
    if key == API_KEY:
        cloud.faults.add(Answer(operation="getVersion", status=503))

    result = run(folder, *OPTIONS, "--server", "1", "--base-url", url)

    assert result.exit_code == 1
    assert told in result.stderr
    assert result.stderr.endswith(f" check --config {folder}/bridge.toml --online\n")
    assert "set cad_bridge_token" in result.stdout  # it is never shown again
    assert sorted(contents(folder)) == ["api-key", "bridge.toml", "server-1.token"]


def test_the_key_may_come_through_a_pipe(folder: Path) -> None:
    options = ["--dir", str(folder), "--no-input", "--community-id", "x", "--server", "1", "--offline"]

    result = CliRunner().invoke(init, [*options, "--api-key-file", "-"], input=f"{API_KEY}\n")

    assert result.exit_code == 0
    assert (folder / "api-key").read_text() == f"{API_KEY}\n"


@pytest.mark.parametrize(
    "options",
    [
        (),
        (*OPTIONS,),
        (*OPTIONS, "--server", "one"),
        (*OPTIONS, "--server", "1:two words"),
        (*OPTIONS, "--server", "1", "--server", "1"),
        (*OPTIONS, "--server", "1", "--bind", "30180"),
        (*OPTIONS, "--server", "1", "--base-url", "http://api.example.com"),
        (*OPTIONS, "--server", "1", "--fxserver-url", "30120"),
        (*OPTIONS, "--server", "1", "--api", "v3"),
        ("--community-id", "two words", "--api-key-file", "key", "--server", "1"),
        ("--community-id", "x", "--api-key-file", "absent", "--server", "1"),
        (*OPTIONS, "--server", "1", "--bind", "127.0.0.1:5", "--admin", "127.0.0.1:5", "--offline"),
    ],
)
def test_what_cannot_be_used_exits_2_and_writes_nothing(folder: Path, options: tuple[str, ...]) -> None:
    result = run(folder, *options)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr
    assert "Traceback" not in result.output
    assert not folder.exists()


def test_without_a_terminal_nobody_is_asked(folder: Path) -> None:
    result = CliRunner().invoke(init, ["--dir", str(folder)], input="examplecad\n")

    assert result.exit_code == 2
    assert (
        "there is no terminal to ask on for what is missing: --community-id, --api-key-file" in result.stderr
    )


def test_no_option_takes_the_key_itself() -> None:
    assert not [option for option in init.params if option.name in {"api_key", "key", "token"}]


def test_hidden_tokens_are_shown_nowhere(folder: Path) -> None:
    result = run(folder, *OPTIONS, "--server", "1", "--offline", "--hide-tokens")

    token = (folder / "server-1.token").read_text().strip()
    lines = folder / "server-1.cfg"
    assert result.exit_code == 0
    assert token not in result.output
    assert f'exec "{lines}"\n' in result.stdout
    assert f'set cad_bridge_token "{token}"\n' in lines.read_text()
    assert stat.S_IMODE(lines.stat().st_mode) == 0o600


def test_a_folder_that_takes_no_files_is_told_and_exits_1(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    result = run(tmp_path / "file" / "bridge", *OPTIONS, "--server", "1", "--offline")

    assert result.exit_code == 1
    assert result.stderr.endswith("; nothing was written\n")


def test_secrets_that_were_there_are_told_of(folder: Path) -> None:
    started(folder).unlink()

    result = run(folder, "--community-id", "examplecad", "--server", "1", "--offline")

    assert result.exit_code == 0
    assert "api-key was there already, and is used as it is\n" in result.stdout
    assert "server-1.token was there already, and is used as it is\n" in result.stdout
    assert TOKENS[1] in result.stdout


def test_what_is_unwise_is_a_warning(folder: Path) -> None:
    result = run(folder, *OPTIONS, "--server", "1", "--offline", "--bind", "0.0.0.0:30180")

    assert result.exit_code == 0
    assert "warning: bridge.toml: listener.bind" in result.stderr


# By questions


def test_questions_lead_to_the_same(folder: Path, url: str, cloud: Cloud) -> None:
    cloud.cad.community.estate.configure([ServerRow(id=1, name="Main Server"), ServerRow(id=2, name="Test")])

    result = run(folder, "--base-url", url, typed=f"examplecad\n{API_KEY}\n1\n\n")

    assert result.exit_code == 0, result.stderr
    assert "Admin > In-Game Integration > API" in result.stderr
    assert "The CAD takes the key; the plan is PRO." in result.stderr
    assert f"Write bridge.toml, api-key, server-1.token in {folder}? [Y/n]" in result.stderr
    assert "Community id" not in result.stdout  # questions are no results
    assert API_KEY not in result.output
    told = tomllib.loads((folder / "bridge.toml").read_text())
    assert [server["name"] for server in told["servers"]] == ["main-server"]
    assert (folder / "api-key").read_text() == f"{API_KEY}\n"


def test_a_refused_key_is_asked_again(folder: Path, url: str) -> None:
    result = run(folder, "--base-url", url, "--yes", typed=f"examplecad\nwrong\n{API_KEY}\n1,2\n")

    assert result.exit_code == 0, result.stderr
    assert "The CAD refuses this key: " in result.stderr
    assert (folder / "api-key").read_text() == f"{API_KEY}\n"
    assert len(servers_in(folder)) == 2


def test_a_machine_without_a_way_out_goes_on_by_hand(folder: Path) -> None:
    result = run(folder, "--base-url", NOWHERE, typed=f"examplecad\n{API_KEY}\n\nmain\n\n")

    assert result.exit_code == 1
    assert "The CAD could not be asked: " in result.stderr
    assert servers_in(folder) == [{"id": 1, "name": "main", "token_file": "server-1.token"}]
    assert result.stderr.endswith("--online\n")


@pytest.mark.parametrize(
    "typed", ["", "examplecad\n", f"examplecad\n{API_KEY}\n", f"examplecad\n{API_KEY}\n1\nm\nn\n"]
)
def test_whoever_leaves_in_the_middle_leaves_nothing(folder: Path, typed: str) -> None:
    result = CliRunner().invoke(init, ["--dir", str(folder), "--input", "--offline"], input=typed)

    assert result.exit_code == 1
    assert result.stderr.endswith("Nothing was written.\n")
    assert not folder.exists()


# Once more


def test_once_more_adds_a_server_and_changes_nothing_else(folder: Path) -> None:
    path = started(folder)
    path.write_bytes(b"# by hand\r\n" + MINIMAL.replace("\n", "\r\n").encode())
    before = contents(folder)

    result = run(folder, "--server", "2:second", "--offline")

    after = contents(folder)
    assert (result.exit_code, result.stderr) == (0, "")
    assert after["bridge.toml"].startswith(before["bridge.toml"])
    assert {**after, "bridge.toml": before["bridge.toml"]} == {
        **before,
        "server-2.token": after["server-2.token"],
    }
    assert "server 2 (second): locations" in result.stdout
    assert TOKENS[1] not in result.output
    assert after["server-2.token"].decode().strip() in result.stdout
    assert "1. Start the bridge again" in result.stdout


def test_once_more_asks_only_for_what_is_new(folder: Path, url: str) -> None:
    path = started(folder)
    path.write_text(MINIMAL.replace("[cad]", f'[cad]\nbase_url = "{url}"'))

    result = run(folder, typed="\n\n")

    assert result.exit_code == 0, result.stderr
    assert f"{path} is there already, with server 1 (main). This adds to it." in result.stderr
    assert "Community id" not in result.stderr
    assert [server["name"] for server in servers_in(folder)] == ["main", "server-2"]


def test_nothing_left_to_add_is_no_failure(folder: Path, url: str, cloud: Cloud) -> None:
    path = started(folder)
    path.write_text(MINIMAL.replace("[cad]", f'[cad]\nbase_url = "{url}"'))
    cloud.cad.community.servers = (1,)
    before = contents(folder)

    result = run(folder, typed="")

    assert result.exit_code == 0
    assert "All of them are there already; nothing was changed." in result.stderr
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("toml", "told"),
    [
        (b"[cad\n", "bridge.toml: "),
        (MINIMAL.replace("token_file", "tokenfile").encode(), "servers[0].tokenfile"),
        (b"\xff\xff", "is not UTF-8 text"),
    ],
)
def test_a_toml_that_is_broken_is_told_of_and_left_alone(folder: Path, toml: bytes, told: str) -> None:
    started(folder).write_bytes(toml)
    before = contents(folder)

    result = run(folder, "--server", "2", "--offline")

    assert (result.exit_code, result.stdout) == (2, "")
    assert "cannot be used, and is left as it is:\n" in result.stderr
    assert told in result.stderr
    assert contents(folder) == before


def test_servers_on_one_line_are_left_to_an_editor(folder: Path) -> None:
    path = started(folder)
    head = MINIMAL.partition("[[servers]]")[0]
    path.write_text('servers = [{ id = 1, name = "main", token_file = "server-1.token" }]\n' + head)
    before = contents(folder)

    result = run(folder, "--server", "2", "--offline")

    assert result.exit_code == 2
    assert "not a file that an entry can be added to at the end" in result.stderr
    assert contents(folder) == before


def test_an_empty_toml_is_begun(folder: Path) -> None:
    folder.mkdir()
    (folder / "bridge.toml").touch()

    assert run(folder, *OPTIONS, "--server", "1", "--offline").exit_code == 0
    assert servers_in(folder)


# The resource


@pytest.fixture(name="resources")
def _resources(tmp_path: Path) -> Path:
    path = tmp_path / "resources"
    path.mkdir()
    return path


def test_the_resource_is_put_into_its_folder(folder: Path, resources: Path) -> None:
    result = run(folder, *OPTIONS, "--server", "1", "--offline", "--resources", str(resources))

    assert (result.exit_code, result.stderr) == (0, "")
    assert (resources / "cad_bridge" / "fxmanifest.lua").is_file()
    assert f"The FiveM resource is now in {resources / 'cad_bridge'}\n" in result.stdout
    assert "--resources" not in result.stdout


def test_the_resource_alone_asks_nothing(folder: Path, resources: Path) -> None:
    started(folder)
    before = contents(folder)

    first = run(folder, "--resources", str(resources))
    locale = resources / "cad_bridge" / "locales" / "en.json"
    locale.write_text("{}")
    second = run(folder, "--resources", str(resources))

    assert (first.exit_code, second.exit_code) == (0, 0)
    assert "was brought up to date" in second.stdout
    assert "note: locales/en.json was changed there and stays as it is\n" in second.stdout
    assert contents(folder) == before


def test_another_resource_of_that_name_stops_before_anything_is_written(
    folder: Path, resources: Path
) -> None:
    (resources / "cad_bridge").mkdir()

    result = run(folder, *OPTIONS, "--server", "1", "--offline", "--resources", str(resources))

    assert result.exit_code == 1
    assert "is not this resource" in result.stderr
    assert not folder.exists()


# Places


def test_root_and_windows_have_the_systems_place_and_others_their_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    root = place(None, platform="linux")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    assert root == Path("/etc/cad-bridge/bridge.toml")
    assert place(None, platform="linux") == tmp_path / "home" / "cad-bridge" / "bridge.toml"
    monkeypatch.setenv("PROGRAMDATA", "/ProgramData")
    assert place(None, platform="win32") == Path("/ProgramData/cad-bridge/bridge.toml")
    monkeypatch.setenv("CAD_BRIDGE_CONFIG", "other.toml")
    assert place(None, platform="linux") == tmp_path / "other.toml"
    assert place(Path("~/x"), platform="linux") == tmp_path / "home" / "x" / "bridge.toml"
