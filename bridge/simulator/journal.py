"""What the simulator received, for whoever checks what was sent."""

from collections import deque
from collections.abc import Iterator

import msgspec
from msgspec import Struct

from bridge.simulator.messages import Request

MAX_REQUESTS = 10_000
MAX_BYTES = 64 * 1024 * 1024  # of bodies; a batch of 500 units has about 150 KiB


class Received(Struct, kw_only=True, eq=False):
    """One request as it came in.

    ``number`` counts from 1; ``monotonic`` and ``wall`` are when it came, in seconds. ``operation`` is None
    for a path that is none. ``status`` is what the CAD answered or, where the answer was ``lost`` on the
    way, would have; None: it did not get so far, or has not yet. No headers are kept, so no key is.
    """

    number: int
    monotonic: float
    wall: float
    method: str
    path: str
    query: dict[str, str]
    operation: str | None
    server: int | None
    body: bytes
    status: int | None = None
    lost: bool = False

    def decoded(self) -> object:
        """Return the body as JSON values: None for an empty one, text for what is no JSON."""
        if not self.body:
            return None
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return self.body.decode(errors="replace")


class Journal:
    """The latest requests, bounded in number and in bytes; ``total`` counts those forgotten too."""

    def __init__(self, max_requests: int = MAX_REQUESTS, max_bytes: int = MAX_BYTES) -> None:
        self._max_requests = max_requests
        self._max_bytes = max_bytes
        self._entries: deque[Received] = deque()
        self._bytes = 0
        self.total = 0

    def write(
        self, request: Request, located: tuple[str | None, int | None], *, monotonic: float, wall: float
    ) -> Received:
        """Note a request; what becomes of it is filled in by the caller."""
        self.total += 1
        operation, server = located
        received = Received(
            number=self.total,
            monotonic=monotonic,
            wall=wall,
            method=request.method,
            path=request.path,
            query=dict(request.query),
            operation=operation,
            server=server,
            body=request.body,
        )
        self._entries.append(received)
        self._bytes += len(request.body)
        self._trim()
        return received

    def __iter__(self) -> Iterator[Received]:
        """Go through what is kept, oldest first."""
        return iter(tuple(self._entries))

    def of(self, operation: str | None = None, *, after: int = 0, since: float = 0.0) -> list[Received]:
        """Return what is kept of one operation (None: of all) past a number and from an instant (Unix seconds) on."""
        return [
            received
            for received in self
            if received.number > after and received.wall >= since and operation in {None, received.operation}
        ]

    def clear(self) -> None:
        """Forget all; numbers go on."""
        self._entries.clear()
        self._bytes = 0

    def _trim(self) -> None:
        while len(self._entries) > self._max_requests or self._bytes > self._max_bytes:
            self._bytes -= len(self._entries.popleft().body)
