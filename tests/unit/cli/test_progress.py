"""What is told while something takes long: to a person, and to nobody else."""

import io

import pytest

from bridge.cli.progress import Counted, tell
from tests.support.stepping_clock import SteppingClock


class Terminal(io.StringIO):
    """A stream at which somebody sits."""

    def isatty(self) -> bool:
        return True


def test_a_person_is_told_and_a_script_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    screen, file = Terminal(), io.StringIO()
    for stream in (screen, file):
        monkeypatch.setattr("sys.stderr", stream)
        tell("Asking …")

    assert (screen.getvalue(), file.getvalue()) == ("Asking …\n", "")


def test_what_is_quick_says_nothing_and_what_is_slow_a_line_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    screen, clock = Terminal(), SteppingClock()
    monkeypatch.setattr("sys.stderr", screen)
    counted = Counted("Read", "event", clock)

    for _ in range(25):
        counted.add(100)
        clock.now += 0.125

    assert (
        screen.getvalue()
        == "Read 900 events so far …\nRead 1,700 events so far …\nRead 2,500 events so far …\n"
    )
