"""What a console of Windows tells, and when it is answered."""

import threading

import pytest

from bridge.host.console import (
    CTRL_BREAK,
    CTRL_C,
    CTRL_CLOSE,
    CTRL_LOGOFF,
    CTRL_SHUTDOWN,
    console_events,
    system_library,
)
from tests.support.windows import FakeKernel32

SECONDS = 10.0  # far more than a thread needs


@pytest.mark.parametrize("event", [CTRL_C, CTRL_BREAK])
def test_ctrl_c_and_ctrl_break_ask_to_end_and_are_answered_at_once(event: int) -> None:
    kernel32, asked = FakeKernel32(), threading.Event()

    with console_events(kernel32, asked.set):
        answer = kernel32.send(event)
        answer.join(SECONDS)

        assert not answer.is_alive()
        assert asked.is_set()


@pytest.mark.parametrize("event", [CTRL_CLOSE, CTRL_SHUTDOWN])
def test_an_event_that_ends_the_process_is_answered_when_everything_is_done(event: int) -> None:
    kernel32, asked = FakeKernel32(), threading.Event()

    with console_events(kernel32, asked.set):
        answer = kernel32.send(event)

        assert asked.wait(SECONDS)
        answer.join(0.05)
        assert answer.is_alive()
    answer.join(SECONDS)

    assert not answer.is_alive()


def test_nobody_who_logs_off_ends_a_service() -> None:
    kernel32, asked = FakeKernel32(), threading.Event()

    with console_events(kernel32, asked.set):
        answer = kernel32.send(CTRL_LOGOFF)
        answer.join(SECONDS)

    assert not answer.is_alive()
    assert not asked.is_set()


def test_ctrl_c_is_heard_although_whoever_started_the_process_switched_it_off() -> None:
    kernel32 = FakeKernel32()

    with console_events(kernel32, lambda: None):
        assert not kernel32.deaf


def test_the_handler_is_taken_away_again() -> None:
    kernel32 = FakeKernel32()

    def program() -> None:
        with console_events(kernel32, lambda: None):
            assert len(kernel32.routines) == 1
            raise RuntimeError("of the program")

    with pytest.raises(RuntimeError, match="of the program"):
        program()
    assert kernel32.routines == []


def test_other_systems_have_no_such_library() -> None:
    assert system_library() is None
