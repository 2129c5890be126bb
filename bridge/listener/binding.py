"""The addresses the listener is bound to."""

import asyncio
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bridge.addresses import make_way, reason
from bridge.config import Bind, TcpBind, UnixBind
from bridge.errors import StartError

BACKLOG = (
    4096  # connections the kernel holds while the loop is busy; one dropped here tries again after a second
)
AT_ONCE = 16  # connections taken in a row, before those that are open get their turn
SCOPE = 3  # where the name of an IPv6 socket has it, after address, port and flow
SOCKET_MODE = 0o660  # owner and group may connect; the token is needed all the same

Factory = Callable[[], asyncio.Protocol]


async def listen(address: Bind) -> list[socket.socket]:
    """Return sockets that listen on ``address``: several where its name means several addresses.

    Raises:
        StartError: the address is taken, forbidden or not of this machine.
    """
    try:
        if isinstance(address, TcpBind):
            return await _listen_tcp(address)
        if not hasattr(socket, "AF_UNIX"):
            raise StartError(f"listener.bind: {address}: there are no unix sockets on this system")
        return [_listen_unix(address.path)]
    except OSError as error:
        raise StartError(f"listener.bind: {address} cannot be opened: {reason(error)}") from error


async def accept(sock: socket.socket, factory: Factory) -> asyncio.Server:
    """Return a server that accepts connections on a socket that listens."""
    loop = asyncio.get_running_loop()
    create = loop.create_unix_server if sock.family == socket.AF_UNIX else loop.create_server
    server = await create(factory, sock=sock, backlog=AT_ONCE)
    sock.listen(BACKLOG)  # the standard loop takes one number for both
    return server


def address_of(sock: socket.socket) -> Bind:
    """Return where a socket listens: a port 0 has become a number, a name has become an address."""
    name: Any = sock.getsockname()
    if sock.family == socket.AF_UNIX:
        return UnixBind(path=Path(os.fsdecode(name)))
    host = str(name[0])
    # A link-local address is of one network card only, its scope.
    scope = name[SCOPE] if len(name) > SCOPE and "%" not in host else 0
    return TcpBind(host=f"{host}%{socket.if_indextoname(scope)}" if scope else host, port=name[1])


def release(address: Bind) -> None:
    """Remove what an address leaves behind in the file system."""
    if isinstance(address, UnixBind):
        address.path.unlink(missing_ok=True)


async def _listen_tcp(address: TcpBind) -> list[socket.socket]:
    # Not the loop's own: uvloop's forgets the network card of a link-local address.
    found = await asyncio.to_thread(
        socket.getaddrinfo, address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    opened: list[socket.socket] = []
    try:
        for family, kind, protocol, _, name in dict.fromkeys(found):
            opened.append(socket.socket(family, kind, protocol))
            _bind_tcp(opened[-1], name)
    except BaseException:
        for sock in opened:
            sock.close()
        raise
    return opened


def _bind_tcp(sock: socket.socket, name: Any) -> None:  # noqa: ANN401 -- as the family has it
    if os.name == "posix":  # elsewhere it would let two programs have one port
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if sock.family == socket.AF_INET6:  # so that "[::]" and "0.0.0.0" can both be had
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    sock.setblocking(False)  # noqa: FBT003 -- the library's own signature
    sock.bind(name)
    sock.listen(BACKLOG)


def _listen_unix(path: Path) -> socket.socket:
    make_way(path)
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.setblocking(False)  # noqa: FBT003 -- the library's own signature
        sock.bind(str(path))
        path.chmod(SOCKET_MODE)
        sock.listen(BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock
