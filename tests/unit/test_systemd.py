import os
import socket
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bridge import systemd
from bridge.errors import StartError
from bridge.systemd import NOBODY, Supervisor

PID = 4711


@contextmanager
def _listening_for_notices(address: str) -> Generator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(address)
        manager.settimeout(5.0)
        yield manager


@pytest.fixture
def first_descriptor(monkeypatch: pytest.MonkeyPatch) -> int:
    """Have the handed over sockets begin at a number that is free in this process."""
    descriptor = os.dup(0)
    os.close(descriptor)
    monkeypatch.setattr(systemd, "FIRST_DESCRIPTOR", descriptor)
    return descriptor


def test_a_notice_reaches_a_manager_with_a_path(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with _listening_for_notices(address) as manager:
        Supervisor({"NOTIFY_SOCKET": address}, PID).notify("READY=1", "STATUS=all is well")

        assert manager.recv(100) == b"READY=1\nSTATUS=all is well"


def test_a_notice_reaches_a_manager_with_an_abstract_name() -> None:
    name = f"bridge-test-{os.getpid()}"
    with _listening_for_notices("\0" + name) as manager:
        Supervisor({"NOTIFY_SOCKET": "@" + name}, PID).notify("WATCHDOG=1")

        assert manager.recv(100) == b"WATCHDOG=1"


def test_a_manager_that_is_gone_costs_nothing(tmp_path: Path) -> None:
    Supervisor({"NOTIFY_SOCKET": str(tmp_path / "gone")}, PID).notify("READY=1")

    assert list(tmp_path.iterdir()) == []


def test_without_a_manager_nothing_is_handed_over_and_nobody_watches() -> None:
    NOBODY.notify("READY=1")

    assert NOBODY.take_sockets() == []
    assert NOBODY.watchdog_seconds == 0


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": str(PID)}, 0.5),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, 0.0),
        ({"WATCHDOG_USEC": "soon"}, 0.0),
        ({}, 0.0),
    ],
)
def test_the_time_the_watchdog_grants_is_read(environ: dict[str, str], seconds: float) -> None:
    assert Supervisor(environ, PID).watchdog_seconds == seconds


def test_listening_sockets_are_taken_once_and_not_handed_on(first_descriptor: int) -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    address = listening.getsockname()
    assert listening.fileno() == first_descriptor
    os.set_inheritable(listening.detach(), True)  # noqa: FBT003 -- the library's own signature
    supervisor = Supervisor({"LISTEN_FDS": "1", "LISTEN_PID": str(PID)}, PID)

    [taken] = supervisor.take_sockets()
    with taken:
        assert taken.getsockname() == address
        assert not taken.get_inheritable()
        assert not taken.getblocking()
        assert supervisor.take_sockets() == []


@pytest.mark.usefixtures("first_descriptor")
def test_sockets_for_another_process_are_left_alone() -> None:
    assert Supervisor({"LISTEN_FDS": "1", "LISTEN_PID": "1"}, PID).take_sockets() == []
    assert Supervisor({"LISTEN_FDS": "1"}, PID).take_sockets() == []


def test_a_descriptor_that_is_not_there_is_named(first_descriptor: int) -> None:
    supervisor = Supervisor({"LISTEN_FDS": "1", "LISTEN_PID": str(PID)}, PID)

    with pytest.raises(StartError, match=f"descriptor {first_descriptor}, handed over by systemd: Bad file"):
        supervisor.take_sockets()


def test_a_socket_that_does_not_listen_is_refused(first_descriptor: int) -> None:
    with socket.socket() as idle:
        assert idle.fileno() == first_descriptor
        supervisor = Supervisor({"LISTEN_FDS": "1", "LISTEN_PID": str(PID)}, PID)

        with pytest.raises(StartError, match="is no listening socket"):
            supervisor.take_sockets()
        idle.detach()  # it was closed with its twin
