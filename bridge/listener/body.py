"""The body of a request: bounded, whole, and opened where it came compressed."""

import zlib
from collections.abc import AsyncIterator
from contextlib import suppress
from http import HTTPStatus

from aiohttp import hdrs, web

from bridge.config import ListenerConfig
from bridge.listener.answer import Answer
from bridge.listener.connection import Connection
from bridge.listener.problem import problem
from bridge.listener.stream import BodyFault, BodyStream

MAX_STREAM = 128 * 2**20  # bytes; two minutes of video, the longest recording Sonoran takes, have less
STREAM_SECONDS = 120.0  # a streamed body may take

AUTOMATIC = zlib.MAX_WBITS | 32  # gzip or zlib, told apart by the first bytes
RAW = -zlib.MAX_WBITS  # deflate without the zlib header, as some clients send it
COMPRESSIONS = frozenset({"gzip", "x-gzip", "deflate"})

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


async def read_body(
    request: web.BaseRequest, connection: Connection, config: ListenerConfig
) -> bytes | Answer:
    """Return the whole body of a request, or the answer to one that cannot be had.

    A client that waits for leave to send (curl does above 1 MiB) gets it here, after its token was checked.
    """
    limit = config.max_body
    if (request.content_length or 0) > limit:
        return fault_answer(BodyFault.TOO_LARGE, limit, config.request_timeout)
    await _encourage(request)
    body = await connection.read_body(request.content, limit)
    if isinstance(body, BodyFault):
        return fault_answer(body, limit, config.request_timeout)
    return _opened(body, request.headers.get(hdrs.CONTENT_ENCODING, ""), limit)


def stream_body(request: web.BaseRequest, connection: Connection) -> BodyStream | Answer:
    """Return the body of a request to be read in parts, or the answer to one that cannot be had so."""
    if (request.content_length or 0) > MAX_STREAM:
        return fault_answer(BodyFault.TOO_LARGE, MAX_STREAM, STREAM_SECONDS)
    if request.headers.get(hdrs.CONTENT_ENCODING, "").lower() not in {"", "identity"}:
        return problem(HTTPStatus.BAD_REQUEST, "Content-Encoding: a recording comes as it is")

    async def flow() -> AsyncIterator[bytes | BodyFault]:
        await _encourage(request)
        async for part in connection.stream_body(request.content, MAX_STREAM, STREAM_SECONDS):
            yield part

    return BodyStream(flow(), request.content_length)


def fault_answer(fault: BodyFault, limit: int, seconds: float) -> Answer:
    """Return the answer to a body that did not come to its end."""
    match fault:
        case BodyFault.TOO_LARGE:
            return _too_large(limit)
        case BodyFault.TOO_SLOW:
            return problem(HTTPStatus.REQUEST_TIMEOUT, f"the request was not complete within {seconds:g} s")
        case BodyFault.BROKEN:
            return problem(HTTPStatus.BAD_REQUEST, "the body ended before it was complete")


async def _encourage(request: web.BaseRequest) -> None:
    """Give leave to send to a client that waits for it; one that has gone is noticed when its body is read."""
    if request.headers.get(hdrs.EXPECT, "").lower() == "100-continue":
        with suppress(ConnectionError):
            await request.writer.write(_CONTINUE)
        request.writer.output_size = 0


def _opened(body: bytes, encoding: str, limit: int) -> bytes | Answer:
    if not body or encoding.lower() in {"", "identity"}:
        return body
    opened = decompress(body, limit) if encoding.lower() in COMPRESSIONS else None
    if opened is None:
        return problem(HTTPStatus.BAD_REQUEST, "Content-Encoding: expected gzip, deflate or identity")
    return opened if len(opened) <= limit else _too_large(limit)


def decompress(body: bytes, limit: int) -> bytes | None:
    """Return a gzip or deflate body opened, or its first ``limit + 1`` bytes; None where it is broken."""
    for format_bits in (AUTOMATIC, RAW):
        opener = zlib.decompressobj(format_bits)
        try:
            opened = opener.decompress(body, limit + 1)
        except zlib.error:
            continue
        return opened if opener.eof or len(opened) > limit else None
    return None


def _too_large(limit: int) -> Answer:
    return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body has at most {limit} bytes")
