import asyncio
import gzip
import io
import zlib
from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest

from bridge.config import ListenerConfig
from bridge.listener.answer import Answer
from bridge.listener.body import read_body
from bridge.listener.stream import BodyFault
from tests.support.push_door import (
    ECHO,
    TOKENS,
    is_alive,
    request,
    rooms,
)


@pytest.mark.parametrize(
    "headers",
    [[], ["Content-Type: application/x-www-form-urlencoded"], ["Content-Type: nonsense"], ["Content-Type: "]],
)
async def test_any_content_type_and_no_length_will_do(headers: list[str]) -> None:
    async with rooms() as (_, door):
        assert (await door.ask(request(body=b'{"a":1}', headers=headers))).body == b'{"a":1}'

        empty = await door.ask(request(headers=headers))

        assert (empty.status, empty.body) == (200, b"")


async def test_a_chunked_body_is_put_together() -> None:
    async with rooms() as (_, door):
        wire = await door.connect()
        for part in (
            request(headers=["Transfer-Encoding: chunked"]),
            b"2\r\nab\r\n",
            b"1\r\nc\r\n",
            b"0\r\n\r\n",
        ):
            await wire.send(part)
            await asyncio.sleep(0.01)  # noqa: TID251 -- one segment each

        assert (await wire.reply()).body == b"abc"


async def test_leave_to_send_is_given_after_the_token_was_checked() -> None:
    async with rooms() as (_, door):
        asking = ["Expect: 100-continue", "Content-Length: 3"]
        wire = await door.connect()
        await wire.send(request(headers=asking))

        assert (await wire.reply()).status == 100

        await wire.send(b"abc")
        assert (await wire.reply()).body == b"abc"
        assert (await door.ask(request(headers=asking, authorized=False))).status == 401
        assert (await door.ask(request("POST", "/nowhere", headers=asking))).status == 404


class Gone:
    """A client that went away while it waited for leave to send: its request, its writer and its line."""

    content_length = 3
    headers: Mapping[str, str] = {"Expect": "100-continue"}
    content = None
    output_size = 0

    @property
    def writer(self) -> "Gone":
        return self

    async def write(self, _chunk: bytes) -> None:
        raise aiohttp.ClientConnectionResetError("Cannot write to closing transport")

    async def read_body(self, _content: object, _limit: int) -> BodyFault:
        return BodyFault.BROKEN


async def test_a_client_that_is_gone_before_it_has_leave_to_send_is_one_whose_body_broke_off() -> None:
    gone: Any = Gone()

    answer = await read_body(gone, gone, ListenerConfig())

    assert isinstance(answer, Answer)
    assert answer.status == 400


async def test_a_body_of_exactly_the_limit_is_taken() -> None:
    async with rooms(max_body=1000) as (_, door):
        body = b"x" * 1000
        chunked = request(headers=["Transfer-Encoding: chunked"]) + b"3e8\r\n" + body + b"\r\n0\r\n\r\n"

        assert (await door.ask(request(body=body))).body == body
        assert (await door.ask(chunked)).body == body
        assert (
            await door.ask(request(body=gzip.compress(body), headers=["Content-Encoding: gzip"]))
        ).body == body


async def test_a_body_that_says_it_is_too_large_is_not_waited_for() -> None:
    async with rooms(max_body=1000) as (served, door):
        wire = await door.connect()
        await wire.send(request(headers=["Content-Length: 1001"]))

        reply = await wire.reply()

        assert (reply.status, reply.json["detail"]) == (413, "a body has at most 1000 bytes")
        assert await wire.is_closed()
        assert served.pushes == []


async def test_a_body_that_grows_too_large_is_read_no_further() -> None:
    async with rooms(max_body=1000) as (_, door):
        wire = await door.connect()
        await wire.send(request(headers=["Transfer-Encoding: chunked"]))
        for _ in range(3):
            await wire.send(b"190\r\n" + b"x" * 400 + b"\r\n")

        assert (await wire.reply()).status == 413
        assert await wire.is_closed()


async def test_five_mebibytes_are_answered_while_they_are_sent() -> None:
    async with rooms() as (_, door), aiohttp.ClientSession() as client:
        headers = {"Authorization": f"Bearer {next(iter(TOKENS.values()))}"}
        async with client.post(
            f"{door.url}{ECHO}", data=io.BytesIO(b"x" * 5 * 2**20), headers=headers
        ) as answer:
            assert answer.status == 413
        assert await is_alive(door)


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip", "deflate"])
async def test_a_small_body_may_not_unpack_to_a_large_one(encoding: str) -> None:
    async with rooms() as (_, door):
        packed = gzip.compress(b"x" * 10 * 2**20)

        reply = await door.ask(request(body=packed, headers=[f"Content-Encoding: {encoding}"]))

        assert reply.status == 413


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(b"[1]", mtime=0)),
        ("deflate", zlib.compress(b"[1]")),
        ("deflate", zlib.compress(b"[1]")[2:-4]),
        ("identity", b"[1]"),
        ("", b"[1]"),
    ],
    ids=["gzip", "deflate", "raw deflate", "identity", "unsaid"],
)
async def test_packed_bodies_are_unpacked(encoding: str, packed: bytes) -> None:
    async with rooms() as (_, door):
        reply = await door.ask(request(body=packed, headers=[f"Content-Encoding: {encoding}"]))

        assert reply.body == b"[1]"


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", b"[1]"),
        ("gzip", gzip.compress(b"[1]", mtime=0)[:-9]),
        ("br", b"[1]"),
        ("zstd", b"[1]"),
        ("gzip, gzip", b"[1]"),
    ],
)
async def test_packed_bodies_that_cannot_be_unpacked_are_bad_requests(encoding: str, packed: bytes) -> None:
    async with rooms() as (_, door):
        reply = await door.ask(request(body=packed, headers=[f"Content-Encoding: {encoding}"]))

        assert reply.status == 400


@pytest.mark.parametrize("encoding", ["gzip", "br", "nonsense"])
async def test_an_empty_body_needs_no_unpacking(encoding: str) -> None:
    async with rooms() as (_, door):
        assert (await door.ask(request(headers=[f"Content-Encoding: {encoding}"]))).status == 200
