import socket
import threading
from collections.abc import Generator
from pathlib import Path

import msgspec
import pytest

from tests.bench.bodies import NUMBER, SEPARATOR
from tests.bench.open_loop import Pace, Pacer

OK = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}"


class SlowServer:
    """Answers nobody before ``awaited`` requests are there; the ``bodies`` it got are kept."""

    def __init__(self) -> None:
        self.awaited = 0
        self.answer = OK
        self.bodies: list[bytes] = []
        self._all_there = threading.Condition()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1/panic"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            while got := connection.recv(65_536):
                with self._all_there:
                    self.bodies.append(got.partition(b"\r\n\r\n")[2])
                    self._all_there.notify_all()
                    self._all_there.wait_for(lambda: len(self.bodies) >= self.awaited, timeout=20)
                connection.sendall(self.answer)


@pytest.fixture
def server() -> Generator[SlowServer]:
    served = SlowServer()
    yield served
    served.close()


def pace(server: SlowServer, folder: Path, **changes: object) -> Pace:
    path = folder / "bodies"
    path.write_bytes(SEPARATOR.join((b'{"id": "a%s"}' % NUMBER.encode(), b"[]")))
    usual: dict[str, object] = {"method": "POST", "token": "t", "per_second": 50.0, "seconds": 0.2}
    content = {"url": server.url, "pushes": str(path), **usual, **changes}
    return msgspec.convert(content, Pace)


def test_requests_leave_when_they_are_due_although_earlier_ones_are_unanswered(
    server: SlowServer, tmp_path: Path
) -> None:
    server.awaited = 10

    seen = Pacer(pace(server, tmp_path)).run()

    assert len(server.bodies) == len(seen.due) == 10
    assert all(left >= due for due, left in zip(seen.due, seen.left, strict=True))


def test_the_wait_counts_from_when_a_request_was_due(server: SlowServer, tmp_path: Path) -> None:
    server.awaited = 10

    seen = Pacer(pace(server, tmp_path)).run()

    assert seen.seconds[0] >= seen.left[-1] - seen.due[0], "it was answered after the last one had left"


def test_the_bodies_go_in_turn_with_running_numbers(server: SlowServer, tmp_path: Path) -> None:
    Pacer(pace(server, tmp_path, seconds=0.08, first=40)).run()

    assert sorted(server.bodies) == [b"[]", b"[]", b'{"id": "a00000040"}', b'{"id": "a00000042"}']


def test_several_at_once_go_on_connections_of_their_own(server: SlowServer, tmp_path: Path) -> None:
    server.awaited = 8

    seen = Pacer(pace(server, tmp_path, per_second=1.0, seconds=1.0, at_once=8)).run()

    assert len(server.bodies) == 8
    assert len(set(seen.due)) == 1


def test_refusals_are_counted(server: SlowServer, tmp_path: Path) -> None:
    server.answer = OK.replace(b"202", b"503")

    assert Pacer(pace(server, tmp_path)).run().refused == 10
