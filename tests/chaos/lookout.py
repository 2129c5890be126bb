"""Asks the daemon how events stand, and tells the ledger."""

import asyncio
from collections.abc import Iterable

import aiohttp

from tests.chaos.ledger import Ledger
from tests.chaos.life import Life

LOOKED_AT_ONCE = 20


class Lookout:
    """Looks through the push door, as game servers do."""

    def __init__(self, life: Life, ledger: Ledger) -> None:
        self._life = life
        self._ledger = ledger

    async def look_at(self, events: Iterable[str]) -> None:
        events = list(events)
        for start in range(0, len(events), LOOKED_AT_ONCE):
            await asyncio.gather(*(self._look(event) for event in events[start : start + LOOKED_AT_ONCE]))

    async def _look(self, event: str) -> None:
        server = self._ledger.accepted[event].server
        headers = {"Authorization": f"Bearer {self._life.token(server)}"}
        daemon = self._life.daemon
        try:
            answer = await daemon.ask("GET", f"{daemon.url}/v1/events/{event}", headers=headers)
        except (aiohttp.ClientError, TimeoutError, OSError):
            return
        if answer.status == 200:
            self._ledger.saw(event, answer.json)
        elif answer.status == 404:
            self._ledger.untrue.append((event, "the daemon does not know it"))
