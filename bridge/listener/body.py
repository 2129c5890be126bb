"""The body of a request: bounded, whole, and opened where it came compressed."""

import zlib
from http import HTTPStatus

from aiohttp import hdrs, web

from bridge.config import ListenerConfig
from bridge.listener.answer import Answer
from bridge.listener.connection import BodyFault, Connection
from bridge.listener.problem import problem

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
        return _too_large(limit)
    if request.headers.get(hdrs.EXPECT, "").lower() == "100-continue":
        await request.writer.write(_CONTINUE)
        request.writer.output_size = 0
    body = await connection.read_body(request.content, limit)
    match body:
        case BodyFault.TOO_LARGE:
            return _too_large(limit)
        case BodyFault.TOO_SLOW:
            detail = f"the request was not complete within {config.request_timeout:g} s"
            return problem(HTTPStatus.REQUEST_TIMEOUT, detail)
        case BodyFault.BROKEN:
            return problem(HTTPStatus.BAD_REQUEST, "the body ended before it was complete")
        case bytes():
            return _opened(body, request.headers.get(hdrs.CONTENT_ENCODING, ""), limit)


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
