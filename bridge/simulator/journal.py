"""What the simulator received, for whoever checks what was sent."""

import hashlib
from collections import deque
from collections.abc import Iterator
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct

from bridge.simulator.envelope import opened
from bridge.simulator.messages import Digest, Request
from bridge.simulator.multipart import Part

MAX_REQUESTS = 10_000
MAX_BYTES = 64 * 1024 * 1024  # of bodies; a batch of 500 units has about 150 KiB
MAX_KEPT_BYTES = 8 * 1024 * 1024  # of one body
MAX_TEXT_BYTES = 64 * 1024  # of a body that is shown as it came

CREDENTIALS = frozenset({"authorization", "proxy-authorization"})


class Received(Struct, kw_only=True, eq=False):
    """One request as it came in.

    ``number`` counts from 1; ``monotonic`` and ``wall`` are when it came, in seconds. ``operation`` is None
    for a path that is none. ``path`` and ``raw_query`` are as they came; ``query`` holds every value of each name;
    ``headers`` are in the order and case in which they came, credentials as ``***``, and so is the key in the bodies of
    v1 and of the CMS. ``body`` is empty where it was too long to keep, ``length`` and ``sha256`` are there always and
    tell of what came, ``parts`` where it was a form. ``status`` is what was answered or, where the answer was ``lost``
    on the way, would have been; None: it did not get so far, or has not yet.
    """

    number: int
    monotonic: float
    wall: float
    method: str
    path: str
    query: dict[str, list[str]]
    raw_query: str
    headers: tuple[tuple[str, str], ...]
    operation: str | None
    server: int | None
    body: bytes
    digest: Digest | None
    parts: tuple[Part, ...] = ()
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

    @property
    def text(self) -> str | None:
        """Return the body as it came; None where it is longer than ``MAX_TEXT_BYTES``."""
        return None if self.length > MAX_TEXT_BYTES else self.body.decode(errors="replace")

    @property
    def length(self) -> int:
        """Return the length of the body in bytes."""
        return len(self.body) if self.digest is None else self.digest.length

    @property
    def sha256(self) -> str:
        """Return the SHA-256 of the body in hexadecimal digits."""
        return hashlib.sha256(self.body).hexdigest() if self.digest is None else self.digest.sha256

    def header(self, name: str) -> list[str]:
        """Return all values of a header, whatever the case of its name."""
        return [value for key, value in self.headers if key.lower() == name.lower()]


class Journal:
    """The latest requests, bounded in number and in bytes; ``total`` counts those forgotten too."""

    def __init__(
        self,
        max_requests: int = MAX_REQUESTS,
        max_bytes: int = MAX_BYTES,
        max_kept_bytes: int = MAX_KEPT_BYTES,
    ) -> None:
        self._max_requests = max_requests
        self._max_bytes = max_bytes
        self._max_kept_bytes = max_kept_bytes
        self._entries: deque[Received] = deque()
        self._bytes = 0
        self.total = 0

    def write(
        self, request: Request, located: tuple[str | None, int | None], *, monotonic: float, wall: float
    ) -> Received:
        """Note a request; what becomes of it is filled in by the caller."""
        self.total += 1
        operation, server = located
        digest = self._digest(request)
        body = _without_key(request.body) if digest is None else b""
        if digest is None and body != request.body:
            digest = _digest_of(request.body)
        received = Received(
            number=self.total,
            monotonic=monotonic,
            wall=wall,
            method=request.method,
            path=request.path,
            query=_query(request),
            raw_query=request.raw_query,
            headers=tuple(_masked(name, value) for name, value in request.fields or request.headers.items()),
            operation=operation,
            server=server,
            body=body,
            digest=digest,
            parts=() if request.form is None else request.form.parts,
        )
        self._entries.append(received)
        self._bytes += len(received.body)
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

    def _digest(self, request: Request) -> Digest | None:
        if request.digest is not None or len(request.body) <= self._max_kept_bytes:
            return request.digest
        return _digest_of(request.body)

    def _trim(self) -> None:
        while len(self._entries) > self._max_requests or self._bytes > self._max_bytes:
            self._bytes -= len(self._entries.popleft().body)


def _query(request: Request) -> dict[str, list[str]]:
    if not request.raw_query:
        return {name: [value] for name, value in request.query.items()}
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(request.raw_query, keep_blank_values=True):
        found.setdefault(name, []).append(value)
    return found


def _digest_of(body: bytes) -> Digest:
    return Digest(length=len(body), sha256=hashlib.sha256(body).hexdigest())


def _without_key(body: bytes) -> bytes:
    """Return a body without the key that those of v1 and of the CMS hold, otherwise as it came."""
    envelope = opened(body) if b'"type"' in body else {}
    key = envelope.get("key")
    if not isinstance(key, str) or not key:
        return body
    masked = body.replace(msgspec.json.encode(key), b'"***"')
    if opened(masked).get("key") == "***":
        return masked
    return msgspec.json.encode({**envelope, "key": "***"})


def _masked(name: str, value: str) -> tuple[str, str]:
    if name.lower() not in CREDENTIALS:
        return name, value
    scheme, space, _ = value.partition(" ")
    return name, f"{scheme} ***" if space else "***"
