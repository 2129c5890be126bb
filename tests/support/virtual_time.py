"""An event loop whose time jumps to the next timer, so that minutes pass in milliseconds.

Coroutines run as they always do, and threads (SQLite's, for one) really work; only waiting is skipped. When no task
can go on, virtual time moves to the next timer at once, except while work is under way outside the loop: calls in
an executor (``asyncio.to_thread`` too), and whatever ``VirtualClock.watch`` was told of. Then the loop really
waits until that work reports, and virtual time stands still.

    async def main(clock: VirtualClock) -> None:
        async with Store(path, observe) as store:
            clock.watch(lambda: store.busy)
            await clock.sleep(3600.0)

    run_virtual(main)
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

START = 1_000.0  # virtual seconds; not 0, so that a forgotten "never" of 0.0 shows
WALL_START = 1_800_000_000.0  # Unix seconds at virtual 0
REAL_WAIT = 1.0  # seconds of one real wait for work outside the loop
REAL_WAITS = 20  # fruitless ones in a row after which a test is stuck
MOST_TURNS = 200_000  # of the loop at one virtual instant, before a test counts as spinning


class VirtualClock:
    """``bridge.clock.Clock`` on a virtual loop: ``monotonic()`` is ``loop.time()``, ``wall()`` follows it.

    Set ``wall_jump`` (seconds) to make wall time jump; ``monotonic()`` does not notice.
    """

    def __init__(self, loop: "VirtualLoop") -> None:
        self._loop = loop
        self.wall_jump = 0.0

    def wall(self) -> float:
        return WALL_START + self._loop.time() + self.wall_jump

    def monotonic(self) -> float:
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))

    def watch(self, busy: Callable[[], bool]) -> None:
        """Let time stand still while ``busy()`` is true: a thread will wake the loop when its work is done."""
        self._loop.busy.append(busy)


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop; ``run_virtual`` makes one."""

    def __init__(self) -> None:
        self._selector_of_time = _LeapingSelector(self._is_busy)
        super().__init__(self._selector_of_time)
        self._executing = 0
        self.busy: list[Callable[[], bool]] = []

    def time(self) -> float:
        return self._selector_of_time.now

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> "asyncio.Future[Any]":
        future = super().run_in_executor(executor, func, *args)
        self._executing += 1
        future.add_done_callback(self._executed)
        return future

    def _executed(self, _: object) -> None:
        self._executing -= 1

    def _is_busy(self) -> bool:
        return self._executing > 0 or any(busy() for busy in self.busy)


class _LeapingSelector(selectors.SelectSelector):
    """Sees what the loop waits for, and moves time instead of waiting."""

    def __init__(self, busy: Callable[[], bool]) -> None:
        super().__init__()
        self.now = START
        self._busy = busy
        self._fruitless = 0
        self._turns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            self._spin()
            return ready
        if timeout is None or self._busy():
            return self._really_wait()
        self.now += timeout
        self._turns = self._fruitless = 0
        return ready

    def _really_wait(self) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(REAL_WAIT)
        self._fruitless = 0 if ready else self._fruitless + 1
        if self._fruitless == REAL_WAITS:
            raise RuntimeError("every task waits for something that never comes")
        return ready

    def _spin(self) -> None:
        self._fruitless = 0
        self._turns += 1
        if self._turns > MOST_TURNS:
            self._turns = 0
            raise RuntimeError("this test goes round and round at one instant")


def run_virtual(
    main: Callable[[VirtualClock], Coroutine[Any, Any, T]], *, seconds_limit: float = 86_400.0
) -> T:
    """Run a coroutine function on a virtual loop of its own and return its result.

    Args:
        main: is called with the loop's clock.
        seconds_limit: virtual seconds after which it is cancelled with ``TimeoutError``.
    """

    async def limited(loop: VirtualLoop) -> T:
        async with asyncio.timeout(seconds_limit):
            return await main(VirtualClock(loop))

    loop = VirtualLoop()
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(limited(loop))
