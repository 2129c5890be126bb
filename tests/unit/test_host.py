"""Loops, signals and private files, on both kinds of platform."""

import asyncio
import os
import signal
import stat
import sys
import types
from pathlib import Path

import pytest
import uvloop

from bridge.host import loop_factory, run, stop_signals, write_private

PLATFORMS = ["linux", "win32"]


async def _which_loop() -> int:
    return 7 if isinstance(asyncio.get_running_loop(), uvloop.Loop) else 1


def test_the_program_runs_on_uvloop_and_its_code_comes_back() -> None:
    assert run(_which_loop, platform="linux") == 7


def test_windows_has_winloop(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[asyncio.AbstractEventLoop] = []

    def new_event_loop() -> asyncio.AbstractEventLoop:
        made.append(asyncio.new_event_loop())
        return made[-1]

    winloop = types.ModuleType("winloop")
    monkeypatch.setattr(winloop, "new_event_loop", new_event_loop, raising=False)
    monkeypatch.setitem(sys.modules, "winloop", winloop)

    assert run(_which_loop, platform="win32") == 1
    assert len(made) == 1
    assert made[0].is_closed()


def test_an_error_of_the_program_comes_through() -> None:
    async def main() -> int:
        raise RuntimeError("as it should")

    with pytest.raises(RuntimeError, match="as it should"):
        run(main, platform="linux")


async def _signals(platform: str, *numbers: int) -> int:
    calls: list[int] = []
    loop = asyncio.get_running_loop()
    with stop_signals(loop, lambda: calls.append(len(calls)), platform=platform):
        for number in numbers:
            before = len(calls)
            signal.raise_signal(number)
            assert len(calls) == before  # not from within whatever the signal interrupted
            while len(calls) <= numbers.index(number):  # noqa: ASYNC110 -- a signal has no event to wait for
                await asyncio.sleep(0.001)  # noqa: TID251 -- the real loop is what is tested
    return len(calls)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_stop_signal_calls_back_on_the_loop(platform: str) -> None:
    with asyncio.Runner(loop_factory=loop_factory("linux")) as runner:
        assert runner.run(_signals(platform, signal.SIGTERM, signal.SIGINT)) == 2


def test_a_terminal_that_closes_stops_the_daemon_in_order() -> None:
    with asyncio.Runner() as runner:
        assert runner.run(_signals("linux", signal.SIGHUP)) == 1


@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_former_handlers_stand_again_afterwards(platform: str) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)

    with asyncio.Runner(loop_factory=loop_factory("linux")) as runner:
        runner.run(_signals(platform, signal.SIGTERM))

    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_a_signal_that_finds_the_loop_closed_is_no_error() -> None:
    loop = asyncio.new_event_loop()
    loop.close()

    with stop_signals(loop, lambda: None, platform="win32"):
        signal.raise_signal(signal.SIGINT)


def test_a_private_file_is_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "admin.token"
    former = os.umask(0)
    try:
        write_private(path, "made-up-token\n")
    finally:
        os.umask(former)

    assert path.read_bytes() == b"made-up-token\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_former_file_is_replaced_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "admin.token"
    path.write_text("a longer token that was there before")
    path.chmod(0o644)

    write_private(path, "new")

    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "admin.token"
    path.mkdir()

    with pytest.raises(IsADirectoryError):
        write_private(path, "new")

    assert list(tmp_path.iterdir()) == [path]
