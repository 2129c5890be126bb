"""The demonstration: what it prints, and when it exits 1."""

import asyncio
import logging
import re
import socket
from collections.abc import Iterator

import pytest
import structlog
from click.testing import CliRunner, Result

from bridge.app import Daemon
from bridge.cli.admin_client import OutboxStatus, Status
from bridge.cli.demo import LOST, Outcome, demo, report
from bridge.events import EventState, Panic
from bridge.flusher import Flusher
from bridge.operations import SET_UNIT_PANIC
from bridge.players.summary import Tally
from bridge.sonoran.http import CadHttp
from bridge.sonoran.messages import CadAnswer, CadRequest
from bridge.units import ServerId, UnitId

FREE = ("--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()  # noqa: TID251 -- put back what the command configures
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


def run(*options: str) -> Result:
    return CliRunner().invoke(demo, [*FREE, *options])


def outcome(*, lost: int) -> Outcome:
    tally = Tally(3)
    tally.pushed(3, 0, 0.002)
    return Outcome(
        drive=tally.summary(2.0),
        status=Status(outbox=OutboxStatus(delivered=1_200)),
        batches=4,
        sent=1_000,
        units_at_cad=3,
        lost=lost,
    )


def test_it_prints_the_doors_and_ends_by_itself_with_a_summary() -> None:
    result = run("--players", "5", "--seconds", "0.8")

    assert result.exit_code == 0, result.stderr
    said = result.stdout.splitlines()
    for line, name in zip(said, ("push door:", "admin door:", "simulator:"), strict=False):
        assert re.fullmatch(rf"{name} +http://127\.0\.0\.1:[1-9]\d*", line)
    summary = {line.partition(":")[0]: line.partition(":")[2].strip() for line in said[3:]}
    assert summary["Ran"].endswith(" with 5 players")
    assert re.fullmatch(r"\d+ positions in 1 push", summary["Pushed"])
    assert summary["Sent"] == "5 positions in 1 batch"
    assert summary["On the map"] == "5 units"
    assert summary["Events"].endswith(" delivered, 0 not delivered")
    assert "daemon" not in result.stderr
    assert "| units 5," in result.stderr  # a line a second where there is no terminal


def test_on_a_terminal_a_live_table_is_drawn_on_stderr() -> None:
    result = CliRunner(env={"FORCE_COLOR": "1"}).invoke(demo, [*FREE, "--players", "2", "--seconds", "0.3"])

    assert result.exit_code == 0, result.stderr
    assert "\x1b[" in result.stderr
    assert "cad-bridge demo" in result.stderr
    assert "\x1b[" not in result.stdout


def test_the_summary_has_one_figure_a_line() -> None:
    assert report(outcome(lost=2)) == [
        "Ran:         2.0 s with 3 players",
        "Pushed:      3 positions in 1 push",
        "Answered in: p50 2.0 ms, p99 2.0 ms",
        "Panics:      0 of 0 delivered",
        "Sent:        1,000 positions in 4 batches",
        "On the map:  3 units",
        "Events:      1,200 delivered, 2 not delivered",
    ]


def test_what_was_accepted_and_not_delivered_exits_1(monkeypatch: pytest.MonkeyPatch) -> None:
    exchange, daemon_run = CadHttp.exchange, Daemon.run

    async def refuse_panics(self: CadHttp, request: CadRequest) -> CadAnswer:
        if request.operation is not SET_UNIT_PANIC:
            return await exchange(self, request)
        return CadAnswer(status=403, body=b"{}", retry_after=None, trace_id=None, seconds=0.1, sends=1)

    async def press_and_run(self: Daemon, stop: asyncio.Event) -> None:
        await self.parts.outbox.append(ServerId(1), [Panic(ids=(UnitId("license:1"),))])
        await daemon_run(self, stop)

    monkeypatch.setattr(CadHttp, "exchange", refuse_panics)
    monkeypatch.setattr(Daemon, "run", press_and_run)

    result = run("--players", "2", "--seconds", "0.3")

    assert result.exit_code == 1
    assert "0 delivered, 1 not delivered" in result.stdout


def test_what_waits_still_counts_as_not_delivered_and_what_was_superseded_does_not() -> None:
    assert set(EventState) - set(LOST) == {EventState.DELIVERED, EventState.SUPERSEDED}


@pytest.mark.parametrize("option", ["--listen", "--admin"])
def test_a_taken_port_is_one_line_that_says_what_to_do(option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"

        result = run(option, address, "--seconds", "0.5")

    assert (result.exit_code, result.stdout) == (1, "")
    assert re.fullmatch(rf"Error: .*{address}.* \(--listen and --admin choose other ports\)\n", result.stderr)


def test_a_part_that_dies_is_said_and_exits_1(monkeypatch: pytest.MonkeyPatch) -> None:
    async def die(_: Flusher) -> None:
        raise RuntimeError("as it should")

    monkeypatch.setattr(Flusher, "run", die)

    result = run("--seconds", "5")

    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == "Error: the daemon died; the log says why"
    assert "loop died, the daemon ends" in result.stderr


@pytest.mark.parametrize("option", ["--listen", "--admin"])
def test_an_address_that_is_none_names_its_option(option: str) -> None:
    result = run(option, "nowhere")

    assert result.exit_code == 2
    assert f"Invalid value for {option}: 'nowhere' is not HOST:PORT" in result.stderr


@pytest.mark.parametrize("options", [["--players", "0"], ["--seconds", "0"], ["--players", "5000"]])
def test_impossible_options_exit_2(options: list[str]) -> None:
    assert run(*options).exit_code == 2
