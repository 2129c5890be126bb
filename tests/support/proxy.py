"""A forward proxy on real sockets: CONNECT for https, absolute addresses for http, and what can go wrong with it."""

import asyncio
import base64
import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress

HEAD_END = b"\r\n\r\n"


class FakeProxy:
    """Passes connections on to where ``routes`` leads, by host and port as the client names them.

    ``refusal`` is a status that everybody gets, ``silent`` a proxy that never answers, ``abrupt`` one that hangs
    up. ``asked`` holds the first lines of what was asked, ``heads`` all of it.
    """

    def __init__(self, routes: Mapping[str, tuple[str, int]], login: str | None = None) -> None:
        self.routes = routes
        self.login = login
        self.refusal: int | None = None
        self.silent = False
        self.abrupt = False
        self.heads: list[str] = []
        self.tunnels: list[asyncio.StreamWriter] = []
        self.port = 0

    @property
    def asked(self) -> list[str]:
        return [head.partition("\r\n")[0] for head in self.heads]

    def cut(self) -> None:
        """End every tunnel that is open."""
        for tunnel in self.tunnels:
            tunnel.transport.abort()
        self.tunnels.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(HEAD_END)).decode()
            self.heads.append(head)
            if self.silent:
                await reader.read()
            elif not self.abrupt:
                await self._answer(head, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _answer(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        status = self.refusal or (None if self._knows(head) else 407)
        method, target, _ = head.partition("\r\n")[0].split(" ")
        place = target if method == "CONNECT" else target.split("/")[2]
        if status is None and place not in self.routes:
            status = 502
        if status is not None:
            writer.write(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode())
            return await writer.drain()
        there_reader, there = await asyncio.open_connection(*self.routes[place])
        self.tunnels += [writer, there]
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            once = head.replace(target, "/" + target.split("/", 3)[3], 1).removesuffix("\r\n")
            there.write(f"{once}Connection: close\r\n\r\n".encode())  # each request anew, as it is asked for
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(pipe(reader, there))
                group.create_task(pipe(there_reader, writer))
        finally:
            there.close()

    def _knows(self, head: str) -> bool:
        if self.login is None:
            return True
        expected = base64.b64encode(self.login.encode()).decode()
        return f"proxy-authorization: basic {expected}".lower() in head.lower()


async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while part := await reader.read(65536):
            writer.write(part)
            await writer.drain()
    with suppress(OSError, RuntimeError):
        writer.close()


@asynccontextmanager
async def proxying(
    routes: Mapping[str, tuple[str, int]], login: str | None = None, tls: ssl.SSLContext | None = None
) -> AsyncGenerator[FakeProxy]:
    """Run a proxy on loopback while entered; with ``tls`` it is reached over https itself."""
    proxy = FakeProxy(routes, login)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, ssl=tls)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.cut()
