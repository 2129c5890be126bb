from pathlib import Path

import click.testing
import pytest

from bridge.cli import main
from bridge.cli.reload import describe
from bridge.reload import Change
from tests.support.ports import free_port


def test_changes_come_first_and_then_what_waits_for_a_restart() -> None:
    lines = describe(
        [
            Change(key="outbox.path", old="one", new="two", restart=True),
            Change(key="log.level", old="info", new="debug"),
        ]
    )

    assert lines == [
        "log.level: info → debug",
        "outbox.path: one stays until the daemon is restarted, then two",
    ]


def test_where_nothing_differs_it_says_so() -> None:
    assert describe([]) == ["nothing has changed"]


def test_without_a_daemon_it_says_where_nobody_answers(tmp_path: Path) -> None:
    (tmp_path / "admin.token").write_text("made-up-token-of-the-admin-door")
    admin = f"http://127.0.0.1:{free_port()}"
    path = tmp_path / "bridge.toml"
    path.write_text("", encoding="utf-8")

    result = click.testing.CliRunner().invoke(main, ["reload", "--config", str(path), "--admin", admin])

    assert result.exit_code == 1
    assert f"Error: No bridge answers at {admin}: connection refused." in result.stderr


@pytest.mark.parametrize("content", ["[cad", None])
def test_a_file_that_cannot_be_read_at_all_is_exit_code_2(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "bridge.toml"
    if content is not None:
        path.write_text(content, encoding="utf-8")

    result = click.testing.CliRunner().invoke(main, ["reload", "--config", str(path)])

    assert result.exit_code == 2
    assert "bridge.toml" in result.stderr
