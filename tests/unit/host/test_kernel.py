import resource
import socket

import pytest

from bridge.host import boot_id, give_up_after
from bridge.host.kernel import allow_descriptors


def test_the_system_is_told_when_to_give_up_a_line() -> None:
    with socket.socket() as line:
        give_up_after(line, 1.5)

        assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 1500


def test_a_system_without_that_option_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as line:
        before = line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        monkeypatch.delattr(socket, "TCP_USER_TIMEOUT")
        give_up_after(line, 1.5)
        monkeypatch.undo()

        assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == before


def test_the_start_of_the_machine_has_a_name_that_stays() -> None:
    assert len(boot_id()) == 36
    assert boot_id() == boot_id()


def test_a_process_may_have_more_connections_than_it_was_started_with() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))

        allow_descriptors(300)
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (300, hard)

        allow_descriptors(280)
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (300, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
