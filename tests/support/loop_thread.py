"""An event loop in a thread, for servers that a command under test talks to from the main thread."""

import asyncio
import threading
from collections.abc import Callable, Generator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def served(server: Callable[[], AbstractAsyncContextManager[T]]) -> Generator[T]:
    """Enter an asynchronous context on a loop of its own while entered."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def enter() -> tuple[AbstractAsyncContextManager[T], T]:
        context = server()
        return context, await context.__aenter__()

    context, value = asyncio.run_coroutine_threadsafe(enter(), loop).result(10.0)
    try:
        yield value
    finally:
        asyncio.run_coroutine_threadsafe(context.__aexit__(None, None, None), loop).result(10.0)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10.0)
        loop.close()
