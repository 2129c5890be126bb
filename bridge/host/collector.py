"""The garbage collector: what it need not look through, and how seldom it looks.

What the daemon drops it drops by its last reference; cycles are few. But a thousand connections that come and go are
many new objects, and by the collector's own defaults it looked through them many times a second, up to 50 ms at once.
"""

import gc

NEW_OBJECTS = 100_000  # more made than dropped since it looked last; about what a thousand connections are


def collect_seldom() -> None:
    """Let the collector pass over all that is there, modules above all, and wait for a real heap of new objects."""
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS)
