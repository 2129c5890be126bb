"""The addresses the listener is bound to."""

import asyncio
import errno
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path

from bridge.config import Bind, TcpBind, UnixBind
from bridge.errors import StartError

BACKLOG = 512  # connections the kernel holds while the loop is busy
SOCKET_MODE = 0o660  # owner and group may connect; the token is needed all the same

Factory = Callable[[], asyncio.Protocol]


async def bind(address: Bind, factory: Factory) -> asyncio.Server:
    """Return a server that accepts connections on ``address``.

    Raises:
        StartError: the address is taken, forbidden or not of this machine.
    """
    loop = asyncio.get_running_loop()
    try:
        if isinstance(address, TcpBind):
            return await loop.create_server(factory, address.host, address.port, backlog=BACKLOG)
        _make_way(address.path)
        server = await loop.create_unix_server(factory, str(address.path), backlog=BACKLOG)
        _restrict(address.path)
    except NotImplementedError:
        raise StartError(f"listener: {address}: there are no unix sockets on this system") from None
    except OSError as error:
        raise StartError(f"listener: {address}: {_reason(error)}") from error
    return server


async def adopt(sock: socket.socket, factory: Factory) -> asyncio.Server:
    """Return a server that accepts connections on a socket that somebody else opened and keeps."""
    loop = asyncio.get_running_loop()
    if sock.family == socket.AF_UNIX:
        return await loop.create_unix_server(factory, sock=sock, backlog=BACKLOG)
    return await loop.create_server(factory, sock=sock, backlog=BACKLOG)


def address_of(sock: socket.socket) -> Bind:
    """Return where a socket listens."""
    name = sock.getsockname()
    if sock.family == socket.AF_UNIX:
        return UnixBind(path=Path(os.fsdecode(name)))
    return TcpBind(host=name[0], port=name[1])


def bound(address: Bind, server: asyncio.Server) -> list[Bind]:
    """Return where a server really listens: port 0 has become a number, a name has become addresses."""
    if isinstance(address, UnixBind):
        return [address]
    names = [sock.getsockname() for sock in server.sockets]
    return [TcpBind(host=name[0], port=name[1]) for name in names]


def release(address: Bind) -> None:
    """Remove what an address leaves behind in the file system."""
    if isinstance(address, UnixBind):
        address.path.unlink(missing_ok=True)


def _make_way(path: Path) -> None:
    """Remove the socket of a daemon that is gone; the loop would remove that of a living one too."""
    if not path.exists() or not stat.S_ISSOCK(path.stat().st_mode):
        return
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def _restrict(path: Path) -> None:
    path.chmod(SOCKET_MODE)


def _reason(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "already in use by another program"
    if isinstance(error, socket.gaierror):
        return "no such address"
    return os.strerror(error.errno) if error.errno else str(error)
