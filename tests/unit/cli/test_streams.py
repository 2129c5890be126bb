"""What is printed on consoles that know few characters, and without any."""

import io
import sys

import pytest

from bridge.cli.streams import settle_streams


def stream(encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict", newline="\n")


def printed(one: io.TextIOWrapper) -> str:
    one.flush()
    assert isinstance(one.buffer, io.BytesIO)
    return one.buffer.getvalue().decode(one.encoding)


@pytest.mark.parametrize(
    ("encoding", "text", "expected"),
    [
        ("cp1252", "5 units → main ✓ …", "5 units -> main + …"),
        ("ascii", "5 units → main … ─ é", "5 units -> main ... - ?"),
        ("utf-8", "5 units → main ✓", "5 units → main ✓"),
        ("utf-8", "half a character: \ud83d", "half a character: ?"),
        ("cp437", "東京", "??"),
    ],
)
def test_a_character_that_cannot_be_shown_becomes_plainer(
    monkeypatch: pytest.MonkeyPatch, encoding: str, text: str, expected: str
) -> None:
    out, err = stream(encoding), stream(encoding)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)

    settle_streams()
    for one in (out, err):
        one.write(text)

    assert (printed(out), printed(err)) == (expected, expected)


def test_a_program_without_a_console_prints_into_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)

    settle_streams()
    with sys.stdout as out, sys.stderr as err:
        print("nobody reads this", file=out)
        print("nor this", file=err)


def test_a_stream_of_another_kind_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    own = io.StringIO()
    monkeypatch.setattr(sys, "stdout", own)

    settle_streams()

    assert sys.stdout is own
