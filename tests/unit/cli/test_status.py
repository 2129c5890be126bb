import asyncio
import sys
from collections.abc import Awaitable, Callable
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from click.testing import CliRunner, Result
from pytest_aiohttp import AiohttpServer
from rich.console import Console

from bridge.cli.admin_client import decode_status
from bridge.cli.status import status, tables, verdict
from tests.support.ports import free_port
from tests.support.status_json import NOW, batch, cad, locations, server, status_json

Serve = Callable[[bytes], Awaitable[str]]


@pytest.fixture(name="serve")
def _serve(aiohttp_server: AiohttpServer) -> Serve:
    async def serve(body: bytes) -> str:
        async def answer(_request: web.Request) -> web.Response:
            return web.Response(body=body)

        app = web.Application()
        app.router.add_get("/status", answer)
        return str((await aiohttp_server(app)).make_url("/"))

    return serve


async def run(*arguments: str, env: dict[str, str] | None = None) -> Result:
    return await asyncio.to_thread(lambda: CliRunner().invoke(status, arguments, env=env))


def drawn(body: bytes) -> str:
    console = Console(width=140, file=StringIO())
    with console.capture() as captured:
        console.print(tables(decode_status(body), NOW))
    return captured.get()


@pytest.mark.parametrize(
    ("changes", "well", "sentence"),
    [
        ({}, True, "All is well: 1 server, 34 units, the CAD answers."),
        ({"reasons": ["store full"], "ready": False}, False, "store full."),
        ({"servers": [server(state="hitching")]}, False, "main hitches."),
        ({"verdict": None, "reasons": ["draining", "store full"]}, False, "draining; store full."),
        ({"verdict": None, "ready": False}, False, "the daemon is not ready."),
        ({"verdict": None}, True, "The daemon knows of nothing that is wrong."),
    ],
)
def test_the_sentence_is_the_daemon_s_own(changes: dict[str, Any], *, well: bool, sentence: str) -> None:
    assert verdict(decode_status(status_json(**changes))) == (well, sentence)


@pytest.mark.parametrize("severity", ["warning", "note"])
def test_what_else_they_show_is_listed(severity: str) -> None:
    body = status_json(cad=cad(findings=[{"severity": severity, "text": "the live map is [off]"}]))

    assert verdict(decode_status(body))[0]
    assert "CAD and configuration compared" in drawn(body)
    assert severity in drawn(body)
    assert "the live map is [off]" in drawn(body)
    assert "CAD and configuration compared" not in drawn(status_json())


@pytest.mark.parametrize(
    "words",
    [
        "0.1.0, started 2 h 05 min ago",
        "answers, key accepted, plan Pro, last answer 2.0 s ago",
        "updateUnitLocations 7 of 12 left",
        "34 units, 12 to send, a batch every 5.0 s",
        "2.0 s ago, 31 units of main, 30 updated, lag 4.2 s",
        "no_unit",
        "1 h 31 min ago",
        "21.0 ms",
        "released",
        "superseded",
        "48",
    ],
)
def test_the_tables_show(words: str) -> None:
    assert words in drawn(status_json())


def test_a_failed_batch_and_a_unit_set_aside_are_named() -> None:
    text = drawn(
        status_json(
            locations=locations(
                last_batch=batch(reason="timeout"), set_aside=[{"unit": "license:…abcd", "until": NOW + 300}]
            )
        )
    )

    assert "failed: timeout" in text
    assert "license:…abcd for another 5 min 00 s" in text


def test_an_empty_status_can_be_drawn_too() -> None:
    assert "Outbox" in drawn(b"{}")


def test_text_of_others_is_no_markup() -> None:
    assert "[bold]main[/]" in drawn(status_json(servers=[server(name="[bold]main[/]")]))


async def test_status_prints_tables(serve: Serve) -> None:
    result = await run("--admin", await serve(status_json()))

    assert result.exit_code == 0
    assert result.stdout.startswith("All is well: 1 server, 34 units, the CAD answers.")
    assert "Servers" in result.stdout
    assert "\x1b" not in result.stdout
    assert result.stderr == ""


async def test_json_is_printed_as_it_is(serve: Serve) -> None:
    body = msgspec.json.format(status_json(news=[1]), indent=3)

    result = await run("--json", "--admin", await serve(body))

    assert result.stdout_bytes == body + b"\n"


async def test_the_address_may_come_from_the_environment(serve: Serve) -> None:
    result = await run(env={"CAD_BRIDGE_ADMIN": await serve(status_json())})

    assert result.exit_code == 0


@pytest.mark.parametrize("options", [(), ("--json",), ("--watch",)])
async def test_nobody_there_is_one_line_on_stderr_and_exit_1(options: tuple[str, ...]) -> None:
    result = await run("--admin", "http://127.0.0.1:1", *options)

    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error: no bridge answers at http://127.0.0.1:1/status")
    assert result.stderr.count("\n") == 1


async def test_watch_refreshes_until_it_is_interrupted(serve: Serve) -> None:
    url = await serve(b'{"version": "7"}')
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from bridge.cli.status import status; status()",
        *("--admin", url, "--watch", "--json"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    lines = [await process.stdout.readline() for _ in range(2)]
    process.send_signal(2)
    _, stderr = await process.communicate()

    assert lines == [b'{"version": "7"}\n'] * 2
    assert process.returncode == 0
    assert stderr == b""


def test_budgets_are_told_where_something_was_used_the_scarcest_first() -> None:
    budgets = {
        "getCalls": {"limit": 5, "remaining": 5},
        "setUnitPanic": {"limit": 20, "remaining": 1},
        "updateUnitLocations": {"limit": 12, "remaining": 6},
    }

    text = drawn(status_json(cad=cad(budgets=budgets)))

    assert "setUnitPanic 1 of 20 left, updateUnitLocations 6 of 12 left" in text
    assert "getCalls" not in text
    assert "all free" in drawn(status_json(cad=cad(budgets={})))


def test_the_admin_door_is_where_the_configuration_says(tmp_path: Path) -> None:
    admin = f"127.0.0.1:{free_port()}"
    path = tmp_path / "bridge.toml"
    path.write_text(f'[admin]\nbind = "{admin}"\n', encoding="utf-8")

    result = CliRunner().invoke(status, ["--config", str(path)])

    assert (result.exit_code, f"no bridge answers at http://{admin}/status" in result.stderr) == (1, True)
