"""Waiting for one event: a drop-in request is answered with what the CAD said of it."""

import asyncio

from msgspec import Struct

from bridge.outbox.records import EventView


class Reply(Struct, frozen=True, kw_only=True):
    """An answer of the CAD about one event, word for word."""

    status: int
    body: bytes
    content_type: str | None

    @property
    def ok(self) -> bool:
        """Tell whether the CAD took what the event became."""
        return 200 <= self.status < 300  # noqa: PLR2004 -- HTTP's own numbers


class Watch:
    """Whoever waits for the end of an event holds one; ``reply`` is the CAD's last answer about it, if any came."""

    def __init__(self) -> None:
        self.reply: Reply | None = None
        self.waiting = True  # until the one who waits has gone
        self._view: EventView | None = None
        self._over = asyncio.Event()

    def end(self, view: EventView) -> None:
        """Tell how the event ended; that is on disk by now."""
        self._view = view
        self._over.set()

    def give_up(self) -> None:
        """Let nobody wait any longer: the daemon ends."""
        self._over.set()

    async def wait(self, seconds: float) -> EventView | None:
        """Return how the event ended, or None where it has not within ``seconds``."""
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._over.wait()
        except TimeoutError:
            return None
        finally:
            self.waiting = False
        return self._view
