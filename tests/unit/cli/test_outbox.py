"""``cad-bridge outbox`` as it is typed; what the daemon makes of it is tested in acceptance."""

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import msgspec
import pytest
from click.testing import CliRunner, Result

from bridge.cli import main
from bridge.cli.outbox import Instant
from bridge.clock import SystemClock
from bridge.events import EventKind, EventState
from bridge.outbox import Refused, Selection
from bridge.units import ServerId
from tests.support.fake_desk import KNOWN, TOKEN, FakeDesk, serving
from tests.support.loop_thread import served
from tests.support.ports import free_port


class Bench:
    """A daemon with one event, its token beside its outbox, and the command."""

    def __init__(self, folder: Path, desk: FakeDesk, admin: str) -> None:
        self.folder = folder
        self.desk = desk
        self.config = folder / "bridge.toml"
        self.config.write_text(
            f'[admin]\nbind = "{admin.removeprefix("http://")}"\n[[servers]]\nid = 1\nname = "main"\n'
        )
        (folder / "admin.token").write_text(TOKEN)

    def run(self, *arguments: str, typed: str | None = None) -> Result:
        return CliRunner().invoke(main, ["outbox", *arguments, "--config", str(self.config)], input=typed)


@pytest.fixture(name="bench")
def _bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    for name in ("CAD_BRIDGE_ADMIN", "CAD_BRIDGE_ADMIN_TOKEN", "CAD_BRIDGE_CONFIG", "STATE_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)
    desk = FakeDesk()
    with served(lambda: serving(desk)) as address:
        yield Bench(tmp_path, desk, address)


def test_a_list_is_a_table_for_people(bench: Bench) -> None:
    result = bench.run("list")

    assert result.exit_code == 0
    for text in (KNOWN[:12], "failed", "panic", "main", "license:…0001", "forbidden: no"):
        assert text in result.stdout


def test_a_list_is_json_for_programs(bench: Bench) -> None:
    bench.desk.next = 7
    result = bench.run("list", "--json", "--limit", "1")

    listed = msgspec.json.decode(result.stdout)
    assert (listed["next"], [event["id"] for event in listed["events"]]) == ("7", [KNOWN])
    assert "--cursor 7" in bench.run("list", "--limit", "1").stdout


def test_the_filters_reach_the_daemon(bench: Bench) -> None:
    options = "--state failed --state expired --kind panic --server main --since 2026-01-31T18:00+00:00 --error no --cursor 9"
    result = bench.run("list", *options.split())

    assert result.exit_code == 0
    assert bench.desk.pages == [
        (
            Selection(
                states=(EventState.FAILED, EventState.EXPIRED),
                kinds=(EventKind.PANIC,),
                servers=(ServerId(1),),
                since=1769882400.0,
                error="no",
            ),
            9,
            50,
        )
    ]


def test_an_event_is_shown_to_people_and_to_programs(bench: Bench) -> None:
    told = bench.run("show", KNOWN[:6]).stdout
    full = bench.run("show", KNOWN, "--full", "--json")

    assert all(text in told for text in (KNOWN, "forbidden: no", "the CAD may have acted on an attempt"))
    assert msgspec.json.decode(full.stdout)["payload"] == {"ids": ["license:…0001"]}
    assert bench.desk.shown == [(KNOWN[:6], False), (KNOWN, True)]


def test_a_retry_by_ids_and_by_a_filter(bench: Bench) -> None:
    by_id = bench.run("retry", KNOWN)
    by_filter = bench.run("retry", "--kind", "panic", "--json", "--yes")

    assert (by_id.exit_code, by_id.stdout) == (0, f"{KNOWN}  is tried again\n")
    assert msgspec.json.decode(by_filter.stdout)["changed"] == [{"id": KNOWN, "state": "pending"}]
    assert [list(ids) for ids in bench.desk.retried] == [[KNOWN], [KNOWN]]
    assert bench.desk.pages[0][0] == Selection(
        states=(EventState.FAILED, EventState.EXPIRED), kinds=(EventKind.PANIC,)
    )


def test_what_is_refused_is_told_and_exits_1(bench: Bench) -> None:
    bench.desk.refused = (Refused(id=KNOWN, problem="state", reason="it was delivered"),)
    result = bench.run("retry", KNOWN)

    assert (result.exit_code, result.stdout) == (1, f"{KNOWN}  left as it is: it was delivered\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["retry"],
        ["discard", "--yes"],
        ["retry", KNOWN, "--kind", "panic"],
        ["retry", "--state", "delivered"],
        ["discard", "--state", "failed", "--yes"],
        ["show"],
        ["list", "--state", "lost"],
        ["list", "--since", "noon"],
    ],
)
def test_a_command_line_that_makes_no_sense_exits_2_and_changes_nothing(
    bench: Bench, arguments: Sequence[str]
) -> None:
    assert bench.run(*arguments).exit_code == 2
    assert not bench.desk.changed


def test_discard_refuses_where_nobody_can_answer(bench: Bench) -> None:
    result = bench.run("discard", KNOWN)

    assert (result.exit_code, bench.desk.changed) == (2, False)
    assert "give --yes" in result.stderr


@pytest.mark.parametrize(("answer", "code", "discarded"), [("y\n", 0, 1), ("n\n", 1, 0), ("\n", 1, 0)])
def test_discard_asks_on_a_terminal(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, answer: str, code: int, discarded: int
) -> None:
    monkeypatch.setattr(sys.modules["bridge.cli.outbox"], "_somebody_is_there", lambda: True)
    result = bench.run("discard", "--state", "pending", typed=answer)

    assert (result.exit_code, len(bench.desk.discarded)) == (code, discarded)
    assert "Discard 1 event? The CAD will never get them." in result.stderr


def test_discard_does_not_ask_with_yes(bench: Bench) -> None:
    result = bench.run("discard", KNOWN, "--yes")

    assert (result.exit_code, result.stdout) == (0, f"{KNOWN}  is discarded\n")
    assert bench.desk.discarded == [(KNOWN,)]


def test_a_file_that_is_not_there_is_one_line(bench: Bench) -> None:
    result = bench.run("retry", "--error", "x", "--file", str(bench.folder / "nowhere.sqlite3"))

    assert (result.exit_code, "there is no such file" in result.stderr) == (1, True)


def test_without_a_daemon_and_without_a_file_there_is_one_line(tmp_path: Path) -> None:
    config = tmp_path / "bridge.toml"
    config.write_text(f'[admin]\nbind = "127.0.0.1:{free_port()}"\n')
    result = CliRunner().invoke(main, ["outbox", "list", "--config", str(config)])

    assert result.exit_code == 1
    assert re.fullmatch(
        r"Error: No bridge answers at http://127.0.0.1:\d+: connection refused\.\n", result.stderr
    )


def test_a_configuration_that_is_not_there_exits_2(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["outbox", "list", "--config", str(tmp_path / "bridge.toml")])

    assert (result.exit_code, result.stderr) == (2, f"{tmp_path}/bridge.toml: no such file\n")


@pytest.mark.parametrize(("text", "ago"), [("2h", 7200.0), ("30m", 1800.0), ("7d", 604800.0)])
def test_a_time_may_be_how_long_ago(text: str, ago: float) -> None:
    assert Instant().convert(text, None, None) == pytest.approx(SystemClock().wall() - ago, abs=60.0)


def test_a_time_that_is_none_says_what_is_expected() -> None:
    with pytest.raises(click.BadParameter, match="expected how long ago"):
        Instant().convert("noon", None, None)
