"""What a command configures for its whole process, put back for the tests after it."""

import logging
from collections.abc import Generator
from contextlib import contextmanager

import structlog


@contextmanager
def restored() -> Generator[None]:
    """Put the root logger and structlog back when left."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        structlog.reset_defaults()
        logging.captureWarnings(capture=False)
        root.handlers[:] = handlers
        root.setLevel(level)
