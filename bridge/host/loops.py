"""The event loop: the fastest one that this Python has, else the standard one."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from importlib import import_module
from types import ModuleType
from typing import Any, TypeVar

import structlog

from bridge import logs
from bridge.host.kernel import allow_descriptors

T = TypeVar("T")
Factory = Callable[[], asyncio.AbstractEventLoop]
Importer = Callable[[str], ModuleType]

log = logs.get("host")


def run(
    main: Callable[[], Coroutine[Any, Any, T]],
    *,
    platform: str = sys.platform,
    importer: Importer = import_module,
) -> T:
    """Run a program's main coroutine on the platform's fastest loop and return its result."""
    allow_descriptors()
    with asyncio.Runner(loop_factory=loop_factory(platform, importer)) as runner:
        return runner.run(main())


def loop_factory(platform: str = sys.platform, importer: Importer = import_module) -> Factory:
    """Return what makes an event loop: uvloop, or on Windows, where it does not exist, winloop.

    Both are compiled, and not for every Python on every machine. Without them the standard loop serves, only
    slower, and the log says so.
    """
    name = "winloop" if platform == "win32" else "uvloop"
    try:
        factory: Factory = importer(name).new_event_loop
    except ImportError as error:  # also a library that the module was built for and that is not here
        _tell_slower(name, error)
        return asyncio.new_event_loop
    return factory


def _tell_slower(name: str, error: ImportError) -> None:
    # Commands that set up no log are over soon and have nothing to say about speed.
    if structlog.is_configured():
        log.warning(
            "the fast event loop cannot be used, the standard one serves", loop=name, problem=str(error)
        )
