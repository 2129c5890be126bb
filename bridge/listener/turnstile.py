"""Who may be inside: so many connections, and of those that have shown no token only what costs nobody else his place.

Every client may come from one address, 127.0.0.1, so that nothing but the token tells a game server from a stranger.
Where there is no room, the stranger who has been inside the longest makes way: a game server shows its token with the
first bytes it sends, and stays.
"""

from typing import Protocol

from bridge import logs

STRANGERS_BYTES = 32 * 2**20  # all strangers together may have sent so much, and two whole bodies more

log = logs.get("listener")


class Guest(Protocol):
    """A connection, as the turnstile sees it."""

    def make_way(self) -> None:
        """Be gone at once, and leave."""
        ...


class Turnstile:
    """Counts the open connections, and makes room for new ones.

    ``limit`` is how many may be inside, ``allowance`` how many bytes strangers may have sent, all those together
    that are inside: so much memory they can take at the most.
    """

    def __init__(self, limit: int, max_body: int) -> None:
        self.reconfigure(limit, max_body)
        self.inside = 0
        self._strangers: dict[
            Guest, int
        ] = {}  # what each has sent, whoever has been inside the longest first
        self._sent = 0
        self._warned = False

    def reconfigure(self, limit: int, max_body: int) -> None:
        """Let in so many, and bodies so large, from now on."""
        self.limit = limit
        self.allowance = STRANGERS_BYTES + 2 * max_body

    def enter(self, guest: Guest) -> bool:
        """Tell whether one more may come in; it is counted then, as a stranger."""
        if self.inside >= self.limit:
            if not self._warned:
                log.warning("connection limit reached", limit=self.limit, strangers=len(self._strangers))
            while self._strangers and self.inside >= self.limit:
                self._make_room()
            self._warned = True
            if self.inside >= self.limit:
                return False
        self.inside += 1
        self._strangers[guest] = 0
        return True

    def hear(self, guest: Guest, size: int) -> None:
        """Note that a stranger has sent so many bytes."""
        self._strangers[guest] += size
        self._sent += size
        while self._sent > self.allowance:
            self._make_room()

    def trust(self, guest: Guest) -> None:
        """Keep whoever has shown a token: it is a stranger no more."""
        self._sent -= self._strangers.pop(guest, 0)

    def leave(self, guest: Guest) -> None:
        """Take one out of the count."""
        self.trust(guest)
        self.inside -= 1
        self._warned = self._warned and self.inside > self.limit // 2

    def _make_room(self) -> None:
        next(iter(self._strangers)).make_way()
