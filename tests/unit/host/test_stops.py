"""What asks the process to end, on both kinds of platform."""

import asyncio
import signal
import threading
import time
from collections.abc import Callable

import pytest
import uvloop

from bridge.host import reload_signal, stop_signals
from bridge.host.console import CTRL_BREAK, CTRL_C, CTRL_CLOSE, CTRL_LOGOFF, CTRL_SHUTDOWN
from bridge.host.stops import TICK
from tests.support.windows import FakeKernel32

PLATFORMS = ["linux", "win32"]
LOOPS = [
    pytest.param(uvloop.new_event_loop, id="uvloop"),
    pytest.param(asyncio.new_event_loop, id="asyncio"),
]
SECONDS = 10.0  # far more than a loop needs


async def _signals(platform: str, *numbers: int) -> int:
    calls: list[int] = []
    loop = asyncio.get_running_loop()
    with stop_signals(loop, lambda: calls.append(len(calls)), platform=platform):
        for number in numbers:
            before = len(calls)
            signal.raise_signal(number)
            assert len(calls) == before  # not from within whatever the signal interrupted
            await _until(calls, before + 1)
    return len(calls)


async def _until(calls: list[int], count: int) -> None:
    async with asyncio.timeout(SECONDS):
        while len(calls) < count:  # noqa: ASYNC110 -- a signal has no event to wait for
            await asyncio.sleep(0.001)  # noqa: TID251 -- the real loop is what is tested


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("loop", LOOPS)
def test_every_stop_signal_calls_back_on_the_loop(
    platform: str, loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        assert runner.run(_signals(platform, signal.SIGTERM, signal.SIGINT)) == 2


def test_a_terminal_that_closes_stops_the_daemon_in_order() -> None:
    with asyncio.Runner() as runner:
        assert runner.run(_signals("linux", signal.SIGHUP)) == 1


def test_ctrl_break_is_a_stop_where_the_system_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "SIGBREAK", signal.SIGUSR1, raising=False)
    before = signal.getsignal(signal.SIGUSR1)

    with asyncio.Runner() as runner:
        assert runner.run(_signals("win32", signal.SIGUSR1)) == 1

    assert signal.getsignal(signal.SIGUSR1) == before


@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_former_handlers_stand_again_afterwards(platform: str) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)

    with asyncio.Runner() as runner:
        runner.run(_signals(platform, signal.SIGTERM))

    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_a_signal_that_finds_the_loop_closed_is_no_error() -> None:
    loop = asyncio.new_event_loop()
    loop.close()

    with stop_signals(loop, lambda: None, platform="win32"):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("event", [CTRL_C, CTRL_BREAK, CTRL_CLOSE, CTRL_SHUTDOWN])
def test_an_event_of_the_console_wakes_a_loop_that_has_nothing_to_do(event: int) -> None:
    kernel32 = FakeKernel32()
    threads: list[threading.Thread] = []

    async def main() -> threading.Thread:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        called_in: list[threading.Thread] = []

        def callback() -> None:
            called_in.append(threading.current_thread())
            stop.set()

        with stop_signals(loop, callback, platform="win32", kernel32=kernel32):
            threads.append(kernel32.send(event))
            async with asyncio.timeout(SECONDS):
                await stop.wait()
        return called_in[0]

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(main()) is threading.main_thread()
    threads[0].join(SECONDS)

    assert not threads[0].is_alive()
    assert kernel32.routines == []


def test_a_service_goes_on_when_somebody_logs_off() -> None:
    kernel32 = FakeKernel32()

    async def main() -> bool:
        stop = asyncio.Event()
        with stop_signals(asyncio.get_running_loop(), stop.set, platform="win32", kernel32=kernel32):
            kernel32.send(CTRL_LOGOFF).join(SECONDS)
            await asyncio.sleep(0)  # noqa: TID251 -- the real loop is what is tested
            return stop.is_set()

    with asyncio.Runner() as runner:
        assert not runner.run(main())


class Deaf(asyncio.SelectorEventLoop):
    """A loop that no signal wakes, as loops of Windows may be."""

    def run_forever(self) -> None:
        former = signal.set_wakeup_fd(-1)
        try:
            super().run_forever()
        finally:
            signal.set_wakeup_fd(former)


def test_a_loop_that_sleeps_through_signals_hears_of_them_within_a_moment() -> None:
    async def main() -> float:
        stop = asyncio.Event()
        with stop_signals(asyncio.get_running_loop(), stop.set, platform="win32"):
            # From another thread the signal interrupts no wait of this one.
            asked = time.monotonic()  # noqa: TID251 -- the real loop is what is tested
            threading.Thread(target=_raise_elsewhere, daemon=True).start()
            async with asyncio.timeout(SECONDS):
                await stop.wait()
            return time.monotonic() - asked  # noqa: TID251 -- the real loop is what is tested

    with asyncio.Runner(loop_factory=Deaf) as runner:
        assert runner.run(main()) < SECONDS / 2

    assert TICK < 1


def _raise_elsewhere() -> None:
    time.sleep(0.2)  # until the loop has nothing to do; were it sooner, it would hear of it anyhow
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)


def test_nothing_ticks_on_afterwards() -> None:
    async def main() -> int:
        loop = asyncio.get_running_loop()
        with stop_signals(loop, lambda: None, platform="win32"):
            pass
        return sum(not handle.cancelled() for handle in vars(loop)["_scheduled"])

    with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
        assert runner.run(main()) == 0


@pytest.mark.parametrize("factory", LOOPS)
def test_a_hangup_is_no_stop_while_somebody_reloads_on_it(
    factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def main() -> tuple[int, int]:
        stops: list[int] = []
        reloads: list[int] = []
        loop = asyncio.get_running_loop()
        with stop_signals(loop, lambda: stops.append(1), platform="linux"):
            with reload_signal(loop, lambda: reloads.append(1)):
                signal.raise_signal(signal.SIGHUP)
                await _until(reloads, 1)
            signal.raise_signal(signal.SIGTERM)
            await _until(stops, 1)
        return len(stops), len(reloads)

    with asyncio.Runner(loop_factory=factory) as runner:
        assert runner.run(main()) == (1, 1)
