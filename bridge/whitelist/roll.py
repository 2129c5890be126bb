"""One server's whitelist as the CMS gave it last."""

import asyncio

from bridge.clock import Alarm, Clock
from bridge.sonoran import cms
from bridge.store import Store
from bridge.units import ServerId

SAVE = "INSERT OR REPLACE INTO whitelists (server, community, fetched_at, body) VALUES (?, ?, ?, ?)"
LOAD = "SELECT fetched_at, body FROM whitelists WHERE server = ? AND community = ?"


class Roll:
    """Who may join a server; empty until it was fetched or loaded.

    ``community`` tells one CMS's community from another's, so that a file does not let in the people of a former one.
    """

    def __init__(self, server_id: ServerId, community: str, store: Store, clock: Clock) -> None:
        self.server_id = server_id
        self.alarm = Alarm(clock)  # rings when it should be fetched now
        self.failing = False  # the last attempt to fetch it failed
        self.told = False  # the log says that it was fetched
        self.fetching = False
        self.body: bytes | None = None
        self.number = 0
        self._names: dict[str, str] = {}
        self._fetched_at = float("-inf")  # monotonic
        self._community = community
        self._store = store
        self._clock = clock
        self._attempted: asyncio.Future[None] | None = None

    @property
    def age(self) -> float:
        """Return the seconds since it was fetched; infinite if it never was."""
        return self._clock.monotonic() - self._fetched_at

    @property
    def fetched_at(self) -> float:
        """Return when it was fetched in Unix seconds; 0: never."""
        return 0.0 if self.body is None else self._clock.wall() - self.age

    def find(self, api_id: str) -> str | None:
        """Return the name of whoever has this id, or None where nobody on the list has."""
        return self._names.get(cms.fold(api_id))

    def take(self, body: bytes) -> bool:
        """Take what the CMS answered now, and keep it on disk; False where it is no whitelist."""
        if not self._read(body):
            return False
        self._fetched_at = self._clock.monotonic()
        row = (self.server_id, self._community, self._clock.wall(), body)
        self._store.post(lambda tx: tx.execute(SAVE, row))
        return True

    async def load(self) -> None:
        """Take what a former run kept on disk.

        Raises:
            StoreError: the file gives no data now.
        """
        rows = await self._store.write(lambda tx: list(tx.query(LOAD, (self.server_id, self._community))))
        for fetched_at, body in rows:
            if isinstance(body, bytes) and self._read(body):
                age = max(0.0, self._clock.wall() - float(fetched_at or 0))
                self._fetched_at = self._clock.monotonic() - age

    async def wait_for_attempt(self) -> None:
        """Have it fetched now, and return when that was tried."""
        if self._attempted is None:
            self._attempted = asyncio.get_running_loop().create_future()
        if not self.fetching:
            self.alarm.ring()
        await asyncio.shield(self._attempted)

    def tell_attempt(self) -> None:
        """Let those go on who wait for an attempt."""
        if self._attempted is not None and not self._attempted.done():
            self._attempted.set_result(None)
        self._attempted = None

    def _read(self, body: bytes) -> bool:
        if body == self.body:
            return True
        members = cms.read_whitelist(body)
        if members is None:
            return False
        self.body, self._names, self.number = body, members.names, members.number
        return True
