"""Answers in the HTTP library's terms."""

from http import HTTPStatus

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.helpers import rfc822_formatted_time

from bridge.listener.answer import JSON, Answer

SERVER = "cad-bridge"
USUAL_STATUSES = frozenset({HTTPStatus.OK, HTTPStatus.ACCEPTED})
USUAL_METHODS = frozenset({hdrs.METH_GET, hdrs.METH_POST, hdrs.METH_PATCH})

_CLOSE = "Connection: close\r\n"


def respond(answer: Answer, request: web.BaseRequest) -> web.StreamResponse:
    """Return what the HTTP library sends as the answer to a request."""
    if (
        answer.status in USUAL_STATUSES
        and answer.content_type == JSON
        and not answer.headers
        and request.method in USUAL_METHODS
        and request.version == HttpVersion11
    ):
        return Reply(answer)
    headers = {hdrs.SERVER: SERVER, **answer.headers}
    if answer.content_type is not None:
        headers[hdrs.CONTENT_TYPE] = answer.content_type
    return web.Response(status=answer.status, body=answer.body, headers=headers)


class Reply(web.StreamResponse):
    """A usual answer, written as one piece: put together by the library it takes a fifth of the time of a push."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(status=answer.status)
        self._whole = answer.body

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter:
        """Send all of it."""
        if self._keep_alive is None:
            self._keep_alive = request.keep_alive
        head = (
            f"HTTP/1.1 {self.status} {self.reason}\r\nServer: {SERVER}\r\nDate: {rfc822_formatted_time()}\r\n"
            f"Content-Type: {JSON}\r\nContent-Length: {len(self._whole)}\r\n"
            f"{'' if self._keep_alive else _CLOSE}\r\n"
        )
        await request.writer.write_eof(head.encode() + self._whole)
        return request.writer

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing: it has been sent."""
