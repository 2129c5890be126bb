"""The garbage collector: what it need not look through, and how seldom it looks.

What the daemon drops it drops by its last reference; cycles are few. But a thousand connections that come and go are
many new objects, and by the collector's own defaults it looked through them many times a second, up to 50 ms at once.
So the clock calls it: what is new is little then, and looked through in less than a millisecond.
"""

import asyncio
import gc
from collections.abc import Generator
from contextlib import contextmanager
from itertools import count

NEW_OBJECTS = (
    100_000  # more made than dropped since its last look, about a thousand connections: then it looks at once
)
PAUSE = 10.0  # seconds between two looks at what is new
WHOLE = 30  # looks, of which the last goes through all that was made since the start, in some 3 ms


def collect_seldom() -> None:
    """Let the collector pass over all that is there, modules above all, and wait for a real heap of new objects."""
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS)


@contextmanager
def collected_by_the_clock(loop: asyncio.AbstractEventLoop) -> Generator[None]:
    """Have the collector look now and then while entered."""
    numbers = count(1)
    due: asyncio.TimerHandle

    def look() -> None:
        nonlocal due
        number = next(numbers)
        gc.collect(2 if number % WHOLE == 0 else 0)
        due = loop.call_later(PAUSE, look)

    due = loop.call_later(PAUSE, look)
    try:
        yield
    finally:
        due.cancel()
