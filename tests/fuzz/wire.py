"""One connection to a door, byte by byte, and the answers as they come."""

import asyncio
import re
import socket
import struct
import time
from contextlib import suppress

from msgspec import Struct

_VERSION = re.compile(r"HTTP/[0-9]\.[0-9]")
LONGEST_ANSWER = 64 * 2**20  # bytes
BODILESS = frozenset({204, 304})
STREAM = "text/event-stream"
HEAD_BYTES = 2**20


class Reply(Struct, frozen=True, kw_only=True):
    """One answer; names of headers are in lower case. ``seconds`` is from the last byte sent to the last received."""

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float = 0.0

    @property
    def keeps(self) -> bool:
        """Tell whether the connection can be used again."""
        stream = self.headers.get("content-type", "").startswith(STREAM)
        return not stream and self.headers.get("connection", "").lower() != "close"


class BrokenAnswerError(Exception):
    """What came is no HTTP answer; the message says why."""


class Line:
    """A connection to one port of this machine."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> "Line":
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=HEAD_BYTES)
        sock: socket.socket = writer.get_extra_info("socket")
        # Closed at once and for good: a hundred thousand connections a minute would use up the ports.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return cls(reader, writer)

    async def send(self, data: bytes) -> None:
        """Send what the other side still takes."""
        with suppress(ConnectionError):
            self._writer.write(data)
            await self._writer.drain()

    def end(self) -> None:
        """Say that nothing more comes."""
        with suppress(OSError):
            self._writer.write_eof()

    def close(self) -> None:
        self._writer.transport.abort()

    async def reply(self, *, bodiless: bool) -> Reply | None:
        """Return the next answer, or None where the connection ends without one.

        Raises:
            BrokenAnswerError: it is none.
        """
        began = time.monotonic()
        while True:
            try:
                head = await self._reader.readuntil(b"\r\n\r\n")
            except ConnectionError:
                return None
            except asyncio.IncompleteReadError as error:
                if error.partial:
                    raise BrokenAnswerError(f"half an answer: {error.partial[:200]!r}") from None
                return None
            except asyncio.LimitOverrunError:
                raise BrokenAnswerError("a head without end") from None
            status, headers = _head(head)
            if status != 100:
                break
        stream = headers.get("content-type", "").startswith(STREAM)  # it goes on for ever
        body = b"" if bodiless or stream or status in BODILESS else await self._body(headers)
        return Reply(status=status, headers=headers, body=body, seconds=time.monotonic() - began)

    async def _body(self, headers: dict[str, str]) -> bytes:
        try:
            if headers.get("transfer-encoding", "").lower() == "chunked":
                return await self._chunks()
            length = headers.get("content-length")
            if length is None:
                raise BrokenAnswerError(f"an answer without an end: {headers}")
            if not length.isdecimal() or int(length) > LONGEST_ANSWER:
                raise BrokenAnswerError(f"Content-Length: {length}")
            return await self._reader.readexactly(int(length))
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise BrokenAnswerError(f"the body of an answer ends too early: {error!r}") from None

    async def _chunks(self) -> bytes:
        collected = bytearray()
        while size := int((await self._reader.readuntil(b"\r\n")).split(b";")[0], 16):
            collected += await self._reader.readexactly(size)
            await self._reader.readexactly(2)
        await self._reader.readuntil(b"\r\n")
        return bytes(collected)


def _head(head: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = head[:-4].decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    # The HTTP library answers in the version that it was asked in, whichever that was.
    if not _VERSION.fullmatch(version) or not rest[:3].isdecimal():
        raise BrokenAnswerError(f"no status line: {first[:200]!r}")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip() or any(ord(letter) < 32 for letter in value):
            raise BrokenAnswerError(f"no header: {line[:200]!r}")
        headers[name.lower()] = value.strip()
    return int(rest[:3]), headers
