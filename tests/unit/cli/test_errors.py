"""Every mistake is told in a sentence that names it, with the exit code that the help tells of."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec import Struct

from bridge.cli import main
from bridge.cli.program import sentence
from tests.support.command_lines import our_commands
from tests.support.configuration import MINIMAL, write_configuration
from tests.support.ports import free_port
from tests.support.root_logging import restored

LINE = re.compile(r"(?!Error)[^\s:]+: .+")  # of a configuration: the file, mostly the key, what is wrong
SENTENCE = re.compile(r"Error: (?:[A-Z'\"/-]|[\w./-]+[.:/_-]\S* |cad-bridge ).*[.!?…]")
ADMIN_TOKEN = "made-up-token-of-the-admin-door"


class Mistake(Struct, frozen=True):
    """A command line, how it ends, and what its message has to name. TAKEN and FREE stand for ports."""

    line: str
    code: int
    named: str

    @property
    def command(self) -> str:
        """Return the command that is told of it."""
        words = self.line.split()
        known = {name for name, _ in our_commands()}
        names = (f"cad-bridge {' '.join(words[:number])}".strip() for number in (2, 1, 0))
        return next(name for name in names if name in known)


MISTAKES = [
    Mistake("nosuch", 2, "nosuch"),
    Mistake("--nosuch", 2, "--nosuch"),
    Mistake("run --config nowhere.toml", 2, "nowhere.toml"),
    Mistake("run --config folder", 2, "--config"),
    Mistake("run --config broken.toml", 2, "broken.toml"),
    Mistake("run --config odd.toml", 2, "odd.toml: cad.timeout: "),
    Mistake("run --config taken.toml", 1, "listener.bind: 127.0.0.1:TAKEN"),
    Mistake("check --config nowhere.toml", 2, "nowhere.toml"),
    Mistake("check --config broken.toml", 2, "broken.toml"),
    Mistake("check --config odd.toml", 2, "odd.toml: cad.timeout: "),
    Mistake("check --online --config bridge.toml", 2, "cad.base_url: http://127.0.0.1:FREE"),
    Mistake("check extra", 2, "extra"),
    Mistake("check --config", 2, "--config"),
    Mistake("init --no-input --dir new", 2, "--community-id"),
    Mistake("init --dir a-file", 2, "--dir"),
    Mistake("init --dir new --community-id ''", 2, "--community-id"),
    Mistake(
        "init --dir new --community-id x --api-key-file none --server 1 --no-input",
        2,
        "--api-key-file: none: ",
    ),
    Mistake("init --dir new --server x", 2, "--server"),
    Mistake("init --dir new --fxserver-url x", 2, "--fxserver-url"),
    Mistake("init --bind x", 2, "--bind"),
    Mistake("init --base-url x", 2, "--base-url"),
    Mistake("init --api v3", 2, "--api"),
    Mistake("init --resources nowhere", 2, "--resources"),
    Mistake(
        "init --dir a-file/new --community-id x --api-key-file key --server 1 --no-input --offline",
        1,
        "a-file",
    ),
    Mistake("demo --players 0", 2, "--players"),
    Mistake("demo --listen x", 2, "--listen"),
    Mistake("demo --admin x", 2, "--admin"),
    Mistake("demo --seconds 0", 2, "--seconds"),
    Mistake("demo --seconds 1 --listen 127.0.0.1:TAKEN --admin 127.0.0.1:0", 1, "127.0.0.1:TAKEN"),
    Mistake("simulate --listen x", 2, "--listen"),
    Mistake("simulate --listen ::1:80", 2, "brackets"),
    Mistake("simulate --listen 127.0.0.1:99999", 2, "--listen"),
    Mistake("simulate --seed x", 2, "--seed"),
    Mistake("simulate --listen 127.0.0.1:TAKEN", 1, "127.0.0.1:TAKEN"),
    Mistake("play", 2, "--to"),
    Mistake("play --to http://127.0.0.1:FREE --token-file nowhere", 2, "--token-file"),
    Mistake("play --to http://127.0.0.1:FREE --token-file key", 1, "key: "),
    Mistake("play --to ftp://x --token-file server-1.token", 2, "--to"),
    Mistake("play --to http://127.0.0.1:FREE --token-file server-1.token --players 0", 2, "--players"),
    Mistake("status --admin http://127.0.0.1:FREE", 1, "http://127.0.0.1:FREE"),
    Mistake("status --admin http://nowhere.invalid:1", 1, "nowhere.invalid"),
    Mistake("status --admin ftp://x", 2, "--admin"),
    Mistake("status --admin unix:nowhere.sock", 1, "nowhere.sock"),
    Mistake("status --admin 127.0.0.1:FREE --token-file nowhere", 1, "nowhere"),
    Mistake("status --config nowhere.toml", 2, "nowhere.toml"),
    Mistake("reload --config bridge.toml", 1, "http://127.0.0.1:FREE"),
    Mistake("reload --config nowhere.toml", 2, "nowhere.toml"),
    Mistake("reload --config bridge.toml --token-file key", 1, "key: "),
    Mistake("reload --config bridge.toml --admin http://10.0.0.1:1", 1, "--token-file"),
    Mistake("outbox nosuch", 2, "nosuch"),
    Mistake("outbox list --state x", 2, "--state"),
    Mistake("outbox list --kind x", 2, "--kind"),
    Mistake("outbox list --since x", 2, "--since"),
    Mistake("outbox list --limit 0", 2, "--limit"),
    Mistake("outbox list --file nowhere", 1, "nowhere"),
    Mistake("outbox list --file junk --cursor x", 1, "--cursor"),
    Mistake("outbox list --config nowhere.toml", 2, "nowhere.toml"),
    Mistake("outbox list --config bridge.toml", 1, "http://127.0.0.1:FREE"),
    Mistake("outbox show", 2, "ID"),
    Mistake("outbox show abc --file nowhere", 1, "nowhere"),
    Mistake("outbox retry", 2, "--state"),
    Mistake("outbox retry abc --state failed", 2, "--state"),
    Mistake("outbox retry --state pending", 2, "--state"),
    Mistake("outbox retry abc --file nowhere", 1, "nowhere"),
    Mistake("outbox discard abc", 2, "--yes"),
    Mistake("outbox discard abc --yes --file nowhere", 1, "nowhere"),
    Mistake("outbox discard abc --yes --config bridge.toml --admin http://10.0.0.1:1", 1, "--token-file"),
]
NOT_MADE_HERE = {("cad-bridge", 1), ("cad-bridge outbox", 1)}  # what their commands tell, all together


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    with restored():
        yield


@pytest.fixture(name="taken")
def _taken() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def prepare(folder: Path, taken: int, free: int) -> None:
    doors = f'[admin]\nbind = "127.0.0.1:{free}"\n' + MINIMAL.replace(
        "[cad]", f'[cad]\nbase_url = "http://127.0.0.1:{free}"'
    )
    write_configuration(folder, doors)
    (folder / "taken.toml").write_text(f'[listener]\nbind = "127.0.0.1:{taken}"\n' + doors, "utf-8")
    (folder / "odd.toml").write_text(doors.replace("[cad]", '[cad]\ntimeout = "soon"'), "utf-8")
    (folder / "broken.toml").write_text("[cad\n", "utf-8")
    (folder / "admin.token").write_text(ADMIN_TOKEN, "utf-8")
    (folder / "folder").mkdir()
    (folder / "a-file").touch()
    (folder / "junk").write_text("junk", "utf-8")
    (folder / "key").write_text("made-up-key", "utf-8")
    for secret in ("admin.token", "key"):
        (folder / secret).chmod(0o600)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.line)
def test_a_mistake_is_told_in_a_sentence_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: int, mistake: Mistake
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CAD_BRIDGE_CONFIG", raising=False)
    free = free_port()
    prepare(tmp_path, taken, free)
    ports = {"TAKEN": str(taken), "FREE": str(free)}

    result = run(replaced(mistake.line, ports))

    assert result.exit_code == mistake.code, result.output
    assert "Traceback" not in result.output
    told = [line for line in result.stderr.splitlines() if SENTENCE.fullmatch(line) or LINE.fullmatch(line)]
    assert told, result.output
    assert replaced(mistake.named, ports) in told[-1]
    assert "Errno" not in told[-1]
    assert "ssl:default" not in told[-1]
    assert len(told[-1].split()) > 3


def run(line: str) -> Result:
    words = [word.replace("''", "") for word in line.split()]
    return CliRunner().invoke(main, words, env={"CAD_BRIDGE_API_KEY": ""})


def replaced(text: str, ports: dict[str, str]) -> str:
    return text.replace("TAKEN", ports["TAKEN"]).replace("FREE", ports["FREE"])


def test_every_exit_code_that_a_help_page_tells_of_has_a_mistake_that_ends_so() -> None:
    told = {
        (name, code)
        for name, command in our_commands()
        for code in map(
            int, re.findall(r"^  (\d+) +\w", (command.epilog or "").split("Exit codes:")[1], re.MULTILINE)
        )
        if code in {1, 2}
    }

    assert {(mistake.command, mistake.code) for mistake in MISTAKES} == told - NOT_MADE_HERE


@pytest.mark.parametrize(
    ("text", "whole", "told"),
    [
        ("no bridge answers at x", True, "No bridge answers at x."),
        ("bridge.toml: it cannot be read", True, "bridge.toml: it cannot be read."),
        ("--state: retry is for others", True, "--state: retry is for others."),
        ("server-1.token: too short", True, "server-1.token: too short."),
        ("a question?", False, "a question?"),
        ("expected a number", False, "expected a number."),
        ("", True, ""),
    ],
)
def test_a_text_becomes_a_sentence(text: str, whole: bool, told: str) -> None:  # noqa: FBT001 -- a parameter of the test
    assert sentence(text, whole=whole) == told
