import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from pytest_aiohttp import AiohttpServer

from bridge.cli.play import play, report
from bridge.players.summary import Tally
from tests.support.fake_bridge import TOKEN, FakeBridge
from tests.support.tls import Authority

Finished = tuple[int, str, str]
Play = Callable[..., Awaitable[Finished]]


@pytest.fixture(name="bridge")
def _bridge() -> FakeBridge:
    return FakeBridge()


@pytest.fixture(name="url")
async def _url(aiohttp_server: AiohttpServer, bridge: FakeBridge) -> str:
    return str((await aiohttp_server(bridge.app())).make_url("/"))


@pytest.fixture(name="token_file")
def _token_file(tmp_path: Path) -> Path:
    path = tmp_path / "server-1.token"
    path.write_text(TOKEN + "\n")
    return path


async def start(url: str, token_file: Path, *options: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from bridge.cli.play import play; play()",
        *("--to", url, "--token-file", str(token_file), *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def run(url: str, token_file: Path, *options: str) -> Finished:
    process = await start(url, token_file, *options)
    stdout, stderr = await process.communicate()
    return process.returncode or 0, stdout.decode(), stderr.decode()


async def test_players_are_pushed_and_summed_up(url: str, token_file: Path, bridge: FakeBridge) -> None:
    code, stdout, stderr = await run(url, token_file, "--players", "12", "--rate", "10", "--seconds", "1")

    assert code == 0
    assert 8 <= len(bridge.pushes) <= 11
    assert len(bridge.pushes[0]["updates"]) == 12
    assert f"positions in {len(bridge.pushes)} pushes" in stdout
    assert "Answered in:  p50 " in stdout
    assert stderr.startswith("ran ")
    assert "\x1b" not in stdout + stderr


async def test_a_refused_token_is_said_at_once_and_clearly(url: str, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.token"
    wrong.write_text("another-token-of-24-characters")

    code, stdout, stderr = await run(url, wrong)

    assert code == 1
    assert stdout == ""
    assert stderr.splitlines()[-1] == f"Error: the bridge refused the token of {wrong}"
    assert "another-token" not in stderr


async def test_nobody_there_ends_with_1_and_says_where(token_file: Path) -> None:
    code, stdout, stderr = await run("http://127.0.0.1:1", token_file, "--seconds", "0.2")

    assert code == 1
    assert "0 positions in 0 pushes" in stdout
    assert "Error: no push was taken at http://127.0.0.1:1: " in stderr
    assert "Traceback" not in stderr


async def test_refused_pushes_end_with_1(url: str, token_file: Path, bridge: FakeBridge) -> None:
    bridge.on_locations = lambda push: (
        (422, {"title": "no"}) if len(bridge.pushes) == 2 else bridge.accept_locations(push)
    )

    code, stdout, _ = await run(url, token_file, "--rate", "10", "--seconds", "0.5")

    assert code == 1
    assert "1 refused" in stdout
    assert "HTTP 422 (no)" in stdout


async def test_host_and_port_alone_will_do(url: str, token_file: Path) -> None:
    code, _, _ = await run(url.removeprefix("http://").rstrip("/"), token_file, "--seconds", "0.1")

    assert code == 0


async def test_an_interrupt_ends_it_with_the_summary(url: str, token_file: Path, bridge: FakeBridge) -> None:
    process = await start(url, token_file, "--rate", "20")
    assert process.stderr is not None
    await process.stderr.readline()
    process.send_signal(2)
    stdout, stderr = await process.communicate()

    assert process.returncode == 0
    assert b"positions in" in stdout
    assert b"Traceback" not in stderr
    assert bridge.pushes


@pytest.mark.parametrize("raw", [f"\ufeff{TOKEN}\r\n".encode(), TOKEN.encode("utf-16")])
async def test_a_token_of_a_windows_editor_is_read(url: str, tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "token"
    path.write_bytes(raw)

    code, _, _ = await run(url, path, "--seconds", "0.1")

    assert code == 0


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"\n", "the secret is empty"),
        (b"two\nlines", "the secret holds a space, a control character or a character outside ASCII"),
        (b"short", "the secret is too short, a token has at least 24 characters"),
    ],
)
def test_a_file_without_a_token_is_named(tmp_path: Path, raw: bytes, why: str) -> None:
    path = tmp_path / "token"
    path.write_bytes(raw)

    result = CliRunner().invoke(play, ["--to", "http://127.0.0.1:1", "--token-file", str(path)])

    assert (result.exit_code, result.stderr) == (1, f"Error: {path}: {why}\n")


@pytest.mark.parametrize(
    "options",
    [["--players", "0"], ["--rate", "0"], ["--seconds", "0"], ["--token-file", "/nonexistent"]],
)
def test_impossible_options_end_with_2(token_file: Path, options: list[str]) -> None:
    result = CliRunner().invoke(
        play, ["--to", "http://127.0.0.1:1", "--token-file", str(token_file), *options]
    )

    assert result.exit_code == 2


def test_the_report_has_one_figure_a_line() -> None:
    tally = Tally(3)
    tally.pushed(3, 0, 0.002)

    assert report(tally.summary(1.0)).splitlines() == [
        "Ran:          1.0 s with 3 players",
        "Pushed:       3 positions in 1 push",
        "Answered in:  p50 2.0 ms, p99 2.0 ms",
        "Panics:       0 of 0 delivered",
    ]


async def test_a_bridge_on_https_is_verified_unless_that_is_not_wanted(
    aiohttp_server: AiohttpServer, bridge: FakeBridge, token_file: Path, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    server = await aiohttp_server(bridge.app(), ssl=authority.served().context)
    url = str(server.make_url("/"))
    shortly = ("--players", "1", "--rate", "10", "--seconds", "0.3")

    untrusting, _, said = await run(url, token_file, *shortly)
    assert untrusting == 1
    assert "certificate" in said.lower()
    assert bridge.pushes == []

    for options in (("--ca-file", str(authority.file)), ("--insecure",)):
        bridge.pushes.clear()
        assert (await run(url, token_file, *shortly, *options))[0] == 0
        assert bridge.pushes

    code, _, said = await run(url, token_file, "--ca-file", str(token_file))
    assert (code, said) == (1, f"Error: --ca-file: {token_file} holds no certificate in PEM form\n")
