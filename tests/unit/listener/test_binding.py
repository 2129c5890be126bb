import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

from bridge.addresses import IN_USE
from bridge.config import TcpBind, UnixBind
from bridge.errors import StartError
from bridge.listener.binding import address_of
from tests.support.ports import free_port
from tests.support.push_door import LOOPBACK, is_alive, listening, request, rooms


async def test_every_address_is_served(tmp_path: Path) -> None:
    path = tmp_path / "listener.sock"
    bind = (LOOPBACK, TcpBind(host="::1", port=0), UnixBind(path=path))
    async with rooms(bind=bind) as (_, door):
        addresses = door.listener.addresses
        for address in addresses:
            wire = await door.connect(address)
            await wire.send(request(body=b"abc"))

            assert (await wire.reply()).body == b"abc"
        assert [str(address).rpartition(":")[0] for address in addresses] == ["127.0.0.1", "[::1]", "unix"]
        assert path.stat().st_mode & 0o777 == 0o660
    assert not path.exists()


async def test_a_port_that_is_taken_is_one_clear_line() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        with pytest.raises(StartError) as caught:
            async with rooms(bind=(LOOPBACK, TcpBind(host="127.0.0.1", port=port))):
                pass

    assert str(caught.value) == f"listener.bind: 127.0.0.1:{port} cannot be opened: {IN_USE}"


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
async def test_an_address_of_another_machine_is_one_clear_line(host: str) -> None:
    with pytest.raises(StartError) as caught:
        async with rooms(bind=(TcpBind(host=host, port=30180),)):
            pass

    assert str(caught.value).startswith(f"listener.bind: {host}:30180 cannot be opened: ")
    assert "\n" not in str(caught.value)


async def test_a_dead_daemons_socket_is_replaced_and_a_living_ones_is_not(tmp_path: Path) -> None:
    path = tmp_path / "listener.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    async with rooms(bind=(UnixBind(path=path),)) as (_, door):
        assert await is_alive(door)

        with pytest.raises(StartError, match="already in use"):
            async with rooms(bind=(UnixBind(path=path),)):
                pass

        assert await is_alive(door)


async def test_a_file_in_the_place_of_a_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "listener.sock"
    path.write_text("precious")

    with pytest.raises(StartError):
        async with rooms(bind=(UnixBind(path=path),)):
            pass

    assert path.read_text() == "precious"


async def test_a_socket_that_was_handed_over_takes_the_place_of_the_addresses(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as kept:
        ours = kept.dup()
        unused = UnixBind(path=tmp_path / "listener.sock")
        async with rooms(bind=(unused,), handed_over=[ours]) as (_, door):
            assert [str(address) for address in door.listener.addresses] == [
                f"127.0.0.1:{kept.getsockname()[1]}"
            ]
            assert await is_alive(door)
        assert not unused.path.exists()


async def test_the_path_of_a_unix_socket_that_was_handed_over_is_left_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "listener.sock"
    with socket.socket(socket.AF_UNIX) as kept:
        kept.bind(str(path))
        kept.listen()
        async with rooms(handed_over=[kept.dup()]) as (_, door):
            assert door.listener.addresses == (UnixBind(path=path),)
            assert await is_alive(door)

        assert path.is_socket()


async def test_who_comes_while_one_listener_goes_is_served_by_the_next() -> None:
    with socket.create_server(("127.0.0.1", 0)) as kept:
        address = TcpBind(host="127.0.0.1", port=kept.getsockname()[1])
        async with rooms(handed_over=[kept.dup()]):
            pass
        async with listening(()) as door:  # not the same listener, only a client
            wire = await door.connect(address)
            await wire.send(request(body=b"patient"))
            async with rooms(handed_over=[kept.dup()]):
                assert (await wire.reply()).body == b"patient"


async def test_a_kept_connection_is_told_that_it_ends_before_a_handed_over_socket_is_left() -> None:
    with socket.create_server(("127.0.0.1", 0)) as kept:
        async with rooms(handed_over=[kept.dup()]) as (_, door):
            wire = await door.connect()
            await wire.send(request(body=b"first"))
            first = await wire.reply()
            async with asyncio.TaskGroup() as group:
                group.create_task(door.listener.close())
                await wire.send(request(body=b"last"))
                last = await wire.reply()

            assert "connection" not in first.headers
            assert (last.body, last.headers["connection"]) == (b"last", "close")
            assert await wire.is_closed()


async def test_both_wildcards_can_be_had_at_once_on_one_port() -> None:
    """`[::]` takes IPv6 alone, so that it does not stand in the way of `0.0.0.0`."""
    port = free_port()
    wide = (TcpBind(host="0.0.0.0", port=port), TcpBind(host="::", port=port))
    async with rooms(bind=wide) as (_, door):
        assert door.listener.addresses == wide
        for host in ("127.0.0.1", "::1"):
            wire = await door.connect(TcpBind(host=host, port=port))
            await wire.send(request(body=b"heard"))
            assert (await wire.reply()).body == b"heard"


async def test_a_name_of_several_addresses_is_all_of_them_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    found: list[Any] = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)),
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)),
    ]

    def resolve(*_: object, **__: object) -> list[Any]:
        return found

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    both = (TcpBind(host="127.0.0.1", port=port), TcpBind(host="::1", port=port))
    async with listening((), bind=(TcpBind(host="bridge.test", port=port),)) as door:
        assert door.listener.addresses == both

    with socket.create_server(("::1", port), family=socket.AF_INET6):
        with pytest.raises(StartError, match=r"bridge\.test:\d+ cannot be opened: already in use"):
            async with listening((), bind=(TcpBind(host="bridge.test", port=port),)):
                pass
        with socket.socket() as free:
            free.bind(("127.0.0.1", port))  # the address that could be had was given back


def test_a_link_local_address_keeps_its_network_card() -> None:
    class LinkLocal(socket.socket):
        def getsockname(self) -> tuple[str, int, int, int]:
            return ("fe80::1", 30180, 0, socket.if_nametoindex("lo"))

    with LinkLocal(socket.AF_INET6) as sock:
        assert str(address_of(sock)) == "[fe80::1%lo]:30180"
