import errno
import os
import socket
from pathlib import Path

import pytest

from bridge.addresses import IN_USE, make_way, reason


def test_the_socket_of_a_daemon_that_is_gone_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "door.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))

    make_way(path)

    assert not path.exists()


def test_the_socket_of_a_living_daemon_stays(tmp_path: Path) -> None:
    path = tmp_path / "door.sock"
    with socket.socket(socket.AF_UNIX) as living:
        living.bind(str(path))
        living.listen()

        with pytest.raises(OSError, match="in use") as caught:
            make_way(path)

    assert caught.value.errno == errno.EADDRINUSE
    assert path.exists()


def test_a_living_daemon_too_busy_for_one_more_connection_is_not_taken_for_a_dead_one(tmp_path: Path) -> None:
    path = tmp_path / "door.sock"
    with socket.socket(socket.AF_UNIX) as living, socket.socket(socket.AF_UNIX) as waiting:
        living.bind(str(path))
        living.listen(0)
        waiting.connect(str(path))

        with pytest.raises(OSError, match="in use"):
            make_way(path)

    assert path.exists()


def test_nothing_and_a_file_in_the_place_of_a_socket_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "door.sock"
    make_way(path)
    path.write_text("precious")

    make_way(path)

    assert path.read_text() == "precious"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.EADDRINUSE, "whatever the loop says"), IN_USE),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "no such address"),
        (OSError(errno.EACCES, "x"), os.strerror(errno.EACCES)),
        (OSError("nothing of the system"), "nothing of the system"),
    ],
)
def test_the_reason_is_said_to_a_person(error: OSError, told: str) -> None:
    assert reason(error) == told
