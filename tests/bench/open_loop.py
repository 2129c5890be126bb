"""``python -m tests.bench.open_loop PLAN``: a load that keeps its pace, however long answers take.

Requests leave when they are due, on connections of their own, and each is timed from the instant it was due: what
waits because an earlier one was slow counts as slow, too. It prints what it saw as JSON.
"""

import selectors
import socket
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from tests.bench.bodies import NUMBER, SEPARATOR

MOST_CONNECTIONS = 512
LAST_ANSWERS = 10.0  # seconds that are waited for answers after the last request
ANSWER_BYTES = 65_536


class Pace(Struct, frozen=True, kw_only=True):
    """What to send: ``at_once`` requests ``per_second`` times a second, for so many ``seconds``.

    The bodies of the file are sent in turn; one that holds ``NUMBER`` gets a running number that starts at ``first``.
    """

    url: str
    method: str
    pushes: str
    token: str
    per_second: float
    seconds: float
    at_once: int = 1
    first: int = 0


class Paced(Struct, frozen=True, kw_only=True):
    """What was seen, request by request in the order in which they left.

    ``due`` and ``left`` are monotonic seconds, ``seconds`` from due to the complete answer.
    """

    due: list[float]
    left: list[float]
    seconds: list[float]
    refused: int


class _Wire:
    """One connection, with at most one request under way."""

    def __init__(self, host: str, port: int) -> None:
        self.socket = socket.create_connection((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.number = -1
        self._got = b""

    def send(self, number: int, request: bytes) -> None:
        self.number, self._got = number, b""
        self.socket.sendall(request)

    def receive(self) -> int | None:
        """Return the status once the answer is complete."""
        part = self.socket.recv(ANSWER_BYTES)
        if not part:
            raise ConnectionError("the server closed a connection")
        self._got += part
        head, end, body = self._got.partition(b"\r\n\r\n")
        if not end or len(body) < _length(head):
            return None
        return int(head.split(b" ", 2)[1])


def _length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    return 0


class Pacer:
    """Sends at a pace on one thread, whose waits are as fine as select(2)'s."""

    def __init__(self, pace: Pace) -> None:
        parts = urlsplit(pace.url)
        self._where = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._pace = pace
        self._bodies = Path(pace.pushes).read_bytes().split(SEPARATOR)
        self._head = (
            f"{pace.method} {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            f"Authorization: Bearer {pace.token}\r\nContent-Type: application/json\r\n"
        ).encode()
        self._selector = selectors.SelectSelector()
        self._free: list[_Wire] = []
        self._wires = 0
        self._under_way = 0
        self._seen = Paced(due=[], left=[], seconds=[], refused=0)
        self._refused = 0

    def run(self) -> Paced:
        """Send everything, wait for the answers and return what was seen.

        Raises:
            TimeoutError: something got no answer.
        """
        try:
            self._send_all()
            self._wait_for_all()
        finally:
            for key in list(self._selector.get_map().values()):
                key.data.socket.close()
            self._selector.close()
        return msgspec.structs.replace(self._seen, refused=self._refused)

    def _send_all(self) -> None:
        pace = self._pace
        for _ in range(pace.at_once):
            self._free.append(self._connect())
        begin = time.monotonic() + 0.01
        for tick in range(round(pace.per_second * pace.seconds)):
            due = begin + tick / pace.per_second
            self._listen_until(due)
            for _ in range(pace.at_once):
                self._send(due)

    def _wait_for_all(self) -> None:
        deadline = time.monotonic() + LAST_ANSWERS
        while self._under_way and time.monotonic() < deadline:
            self._listen_until(min(deadline, time.monotonic() + 0.01))
        if self._under_way:
            raise TimeoutError(f"{self._under_way} requests got no answer")

    def _connect(self) -> _Wire:
        assert self._wires < MOST_CONNECTIONS, "so many requests are unanswered"
        wire = _Wire(*self._where)
        self._wires += 1
        self._selector.register(wire.socket, selectors.EVENT_READ, wire)
        return wire

    def _send(self, due: float) -> None:
        number = len(self._seen.due)
        wire = self._free.pop() if self._free else self._connect()
        request = self._request(number)
        self._seen.due.append(due)
        self._seen.seconds.append(0.0)
        self._seen.left.append(time.monotonic())
        self._under_way += 1
        wire.send(number, request)

    def _request(self, number: int) -> bytes:
        body = self._bodies[number % len(self._bodies)]
        body = body.replace(NUMBER.encode(), b"%08d" % (self._pace.first + number))
        return b"%sContent-Length: %d\r\n\r\n%s" % (self._head, len(body), body)

    def _listen_until(self, until: float) -> None:
        """Take answers until then; where that has passed, those that are there already."""
        while True:
            left = until - time.monotonic()
            for key, _ in self._selector.select(max(0.0, left)):
                self._receive(key.data)
            if left <= 0:
                return

    def _receive(self, wire: _Wire) -> None:
        status = wire.receive()
        if status is None:
            return
        self._seen.seconds[wire.number] = time.monotonic() - self._seen.due[wire.number]
        self._refused += not 200 <= status < 300
        self._under_way -= 1
        self._free.append(wire)


def main(plan: str) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(Pacer(msgspec.json.decode(plan, type=Pace)).run()))


if __name__ == "__main__":
    main(sys.argv[1])
