"""What a hostile client does to a door: each attack goes on until it is cancelled."""

import asyncio
import itertools
import os
import resource
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import cast

CROWD = 2000  # connections at once
BAND = 50  # those that are busy, not just there
PAUSE = 0.5  # seconds before one of a crowd that was cut comes again
LIFE_SECONDS = 60.0  # longer than any attack

HEAD = "POST /v1/locations HTTP/1.1\r\nHost: bridge\r\n"
BROWSER = b"POST /v1/locations HTTP/1.1\r\nHost: bridge\r\nOrigin: http://page\r\nContent-Length: 2\r\n\r\n[]"
INNER = "POST /v1/panic HTTP/1.1\r\nHost: bridge\r\nContent-Length: 0\r\n\r\n"

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Life = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Attack = Callable[[int, Counter[str]], Awaitable[None]]


def guess(number: int) -> bytes:
    """Return a push with a wrong token."""
    return f"{HEAD}Authorization: Bearer guess-{number:020}\r\nContent-Length: 2\r\n\r\n[]".encode()


def shape(
    *lines: str, first: str = "POST /v1/locations HTTP/1.1", body: str = "", end: str = "\r\n"
) -> bytes:
    """Return a request of these header lines."""
    return (first + end + "".join(line + end for line in ("Host: bridge", *lines)) + end + body).encode(
        "latin-1"
    )


OVERSIZED = {
    "a header of 100 KiB": shape("X: " + "x" * 102_400),
    "a header without end": f"{HEAD}X: ".encode() + b"x" * 1_000_000,
    "a header name of 100 KiB": shape("x" * 102_400 + ": 1"),
    "5,000 headers": shape(*(f"X-{number}: 1" for number in range(5000))),
    "a path of 100 KiB": shape(first="GET /" + "x" * 102_400 + " HTTP/1.1"),
    "a method of 100 KiB": shape(first="X" * 102_400 + " / HTTP/1.1"),
}
SMUGGLING = {
    "length and chunked": shape("Content-Length: 5", "Transfer-Encoding: chunked", body="0\r\n\r\n" + INNER),
    "chunked and length": shape("Transfer-Encoding: chunked", "Content-Length: 5", body="0\r\n\r\n" + INNER),
    "two lengths": shape("Content-Length: 2", "Content-Length: 90", body="[]" + INNER),
    "two equal lengths": shape("Content-Length: 2", "Content-Length: 2", body="[]" + INNER),
    "a list of lengths": shape("Content-Length: 2, 90", body="[]" + INNER),
    "a signed length": shape("Content-Length: +2", body="[]" + INNER),
    "a negative length": shape("Content-Length: -2", body="[]" + INNER),
    "a hexadecimal length": shape("Content-Length: 0x2", body="[]" + INNER),
    "a length with a gap": shape("Content-Length: 2 0", body="[]" + INNER),
    "a length above 64 bits": shape("Content-Length: 18446744073709551618", body="[]" + INNER),
    "a length before a space": shape("Content-Length : 2", body="[]" + INNER),
    "an empty length": shape("Content-Length: ", body="[]" + INNER),
    "a folded header": shape("X: 1", " Transfer-Encoding: chunked", body=INNER),
    "a folded first header": b"POST / HTTP/1.1\r\n X: 1\r\nHost: bridge\r\n\r\n",
    "bare line feeds": shape("Content-Length: 2", body="[]", end="\n"),
    "a bare carriage return": shape("X: 1\rContent-Length: 90", body=INNER),
    "two hosts": shape("Host: other"),
    "no host": b"GET /v1/events/1 HTTP/1.1\r\n\r\n",
    "chunked, identity": shape("Transfer-Encoding: chunked, identity", body="0\r\n\r\n" + INNER),
    "identity": shape("Transfer-Encoding: identity", "Content-Length: 2", body="[]" + INNER),
    "an unknown encoding": shape("Transfer-Encoding: xchunked", body="0\r\n\r\n" + INNER),
    "a vertical tab in chunked": shape("Transfer-Encoding: \x0bchunked", body="0\r\n\r\n" + INNER),
    "chunked twice": shape(
        "Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body="0\r\n\r\n" + INNER
    ),
    "chunked before a space": shape("Transfer-Encoding : chunked", body="0\r\n\r\n" + INNER),
    "chunked in HTTP/1.0": shape(
        "Transfer-Encoding: chunked", first="POST / HTTP/1.0", body="0\r\n\r\n" + INNER
    ),
    "HTTP/0.9": b"GET /v1/events/1\r\n\r\n",
    "HTTP/1.2": shape(first="POST / HTTP/1.2"),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "CONNECT": shape(first="CONNECT bridge:80 HTTP/1.1", body=INNER),
    "a web socket": shape("Connection: Upgrade", "Upgrade: websocket", body=INNER),
    "h2c": shape(
        "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__", body=INNER
    ),
    "an absolute address": shape(first="GET http://elsewhere/v1/events/1 HTTP/1.1"),
    "a NUL in the path": shape(first="GET /v1/\0 HTTP/1.1"),
    "an escaped NUL": shape(first="GET /v1/events/%00 HTTP/1.1"),
    "a NUL in a header": shape("X: a\0b"),
    "high bytes in the path": shape(first="GET /v1/\xff HTTP/1.1"),
    "a space in a name": shape("X Y: 1"),
    "a header without a name": shape(": 1"),
    "a header without a colon": shape("nonsense"),
    "TLS": bytes.fromhex("16030100a1010000") + b"\0" * 160,
}
CHUNKED = "Transfer-Encoding: chunked"
CHUNKING = {
    "a negative size": shape(CHUNKED, body="-1\r\n[]\r\n0\r\n\r\n"),
    "a size above 64 bits": shape(CHUNKED, body="1" + "0" * 16 + "\r\n[]\r\n0\r\n\r\n"),
    "a size with 0x": shape(CHUNKED, body="0x2\r\n[]\r\n0\r\n\r\n"),
    "a size that is no number": shape(CHUNKED, body="two\r\n[]\r\n0\r\n\r\n"),
    "no size": shape(CHUNKED, body="\r\n[]\r\n0\r\n\r\n"),
    "more than was said": shape(CHUNKED, body="2\r\n[][]\r\n0\r\n\r\n"),
    "a bare line feed": shape(CHUNKED, body="2\n[]\n0\n\n"),
    "a space after a size": shape(CHUNKED, body="2 \r\n[]\r\n0\r\n\r\n"),
    "an extension of 1 MiB": shape(CHUNKED, body="2;" + "x" * 2**20 + "\r\n[]\r\n0\r\n\r\n"),
    "a line feed in an extension": shape(CHUNKED, body="2;\nxx\r\n[]\r\n0\r\n\r\n"),
    "trailers of 1 MiB": shape(CHUNKED, body="2\r\n[]\r\n0\r\nX: " + "x" * 2**20 + "\r\n\r\n"),
    "20,000 trailers": shape(CHUNKED, body="2\r\n[]\r\n0\r\n" + "X: 1\r\n" * 20_000 + "\r\n"),
    "a trailer that forbids": shape(CHUNKED, body="2\r\n[]\r\n0\r\nContent-Length: 90\r\n\r\n" + INNER),
    "a body of single bytes": shape(CHUNKED, body="1\r\n \r\n" * 50_000 + "0\r\n\r\n"),
    "a size of a thousand zeros": shape(CHUNKED, body="0" * 1000 + "2\r\n[]\r\n0\r\n\r\n"),
}
SHAPES = {**OVERSIZED, **SMUGGLING, **CHUNKING}


async def crowd(port: int, tally: Counter[str], size: int, life: Life, pause: float = 0.0) -> None:
    """Live this many lives at once, each on a connection of its own and again when it ends."""

    async def go_on() -> None:
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                tally["no connection"] += 1
                await asyncio.sleep(0.1)
                continue
            tally["connections"] += 1
            try:
                async with asyncio.timeout(LIFE_SECONDS):
                    await life(reader, writer)
            except (OSError, TimeoutError, asyncio.IncompleteReadError):
                tally["cut"] += 1
            finally:
                writer.transport.abort()
            await asyncio.sleep(pause)

    async with asyncio.TaskGroup() as group:
        for _ in range(size):
            group.create_task(go_on())


def attack(size: int, life: Callable[[Counter[str]], Life], pause: float = 0.0) -> Attack:
    """Return the attack of a crowd of this size."""

    async def go(port: int, tally: Counter[str]) -> None:
        await crowd(port, tally, size, life(tally), pause)

    return go


async def _hang_on(reader: asyncio.StreamReader) -> None:
    while await reader.read(65_536):
        pass


async def _answer(reader: asyncio.StreamReader, tally: Counter[str]) -> None:
    """Read one answer, and count it by its status."""
    head = await reader.readuntil(b"\r\n\r\n")
    tally[head[9:12].decode("latin-1")] += 1
    length = next(
        (line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b": 0"
    )
    await reader.readexactly(int(length.partition(b":")[2]))


def silence(_: Counter[str]) -> Life:
    async def life(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await _hang_on(reader)

    return life


def slow_headers(_: Counter[str]) -> Life:
    async def life(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for byte in itertools.cycle(HEAD.encode() + b"X: " + b"x" * 100):
            writer.write(bytes([byte]))
            await writer.drain()
            if reader.at_eof():
                return
            await asyncio.sleep(1.0)

    return life


def slow_bodies(_: Counter[str]) -> Life:
    """Send most of a body to a door that reads it before it knows who speaks."""
    head = b"POST /emergency/unit_location HTTP/1.1\r\nHost: bridge\r\nContent-Length: 1000000\r\n\r\n"

    async def life(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head + b" " * 900_000)
        await _hang_on(reader)

    return life


def slow_readers(_: Counter[str]) -> Life:
    """Ask and ask, and never read an answer."""

    async def life(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        cast(asyncio.Transport, writer.transport).pause_reading()
        while True:
            writer.write(BROWSER * 400)
            await writer.drain()

    return life


def pipelining(tally: Counter[str]) -> Life:
    async def life(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(BROWSER * 400)
            await writer.drain()
            for _ in range(400):
                await _answer(reader, tally)

    return life


def guesses_pipelined(tally: Counter[str]) -> Life:
    async def life(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"".join(map(guess, range(5000))))
        while True:
            await _answer(reader, tally)

    return life


def shapes(table: Mapping[str, bytes]) -> Callable[[Counter[str]], Life]:
    """Return what sends these one after the other."""
    turns = itertools.cycle(table.values())

    def of(tally: Counter[str]) -> Life:
        async def life(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(next(turns))
            await _answer(reader, tally)

        return life

    return of


def guessing(tally: Counter[str]) -> Life:
    async def life(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number in itertools.count():
            writer.write(guess(number))
            await _answer(reader, tally)

    return life


def guessing_anew(tally: Counter[str]) -> Life:
    async def life(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(guess(1))
        await _answer(reader, tally)

    return life


def guessing_away(_: Counter[str]) -> Life:
    """Guess and be gone before the answer comes."""

    async def life(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(guess(1))
        await writer.drain()
        await asyncio.sleep(0.02)

    return life


def knocking(_: Counter[str]) -> Life:
    async def life(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pass

    return life


ATTACKS: dict[str, Attack] = {
    "2,000 silent connections": attack(CROWD, silence, PAUSE),
    "2,000 slow headers": attack(CROWD, slow_headers, PAUSE),
    "200 bodies held back at 900 KB": attack(200, slow_bodies, PAUSE),
    "200 that read no answer": attack(200, slow_readers),
    "deep pipelines": attack(BAND, pipelining),
    "deep pipelines of guesses": attack(BAND, guesses_pipelined),
    "malformed requests of every kind": attack(BAND, shapes(SHAPES)),
    "oversized headers": attack(BAND, shapes(OVERSIZED)),
    "smuggling shapes": attack(BAND, shapes(SMUGGLING)),
    "invalid chunks": attack(BAND, shapes(CHUNKING)),
    "2,000 that guess on and on": attack(CROWD, guessing, PAUSE),
    "2,000 that guess once": attack(CROWD, guessing_anew, PAUSE),
    "guessing without waiting": attack(BAND, guessing_away),
    "knocking and running": attack(BAND, knocking),
}


async def carry_out(name: str, port: int, tally: Counter[str]) -> None:
    """Attack until cancelled."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.nice(10)  # it would have a machine of its own
    await ATTACKS[name](port, tally)
