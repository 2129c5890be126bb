"""The connections of the admin door: so many at once, none that says nothing for long, none that fills the log."""

import asyncio
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.http import HttpProcessingError

from bridge import logs
from bridge.admin.problem import problem

MOST = 256  # connections at once: pages, scrapers, commands
KEEP_ALIVE = 10.0  # seconds an idle connection stays open, or one that does not get on with asking
LINGER = 1.0  # seconds an unread body is thrown away, so that its sender sees the answer and not a reset

log = logs.get("admin")


class Connection(web.RequestHandler):
    """The HTTP library's connection, which repeats nothing of what is no HTTP: there may be a token in it."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 -- it repeats bytes of the request
    ) -> web.StreamResponse:
        """Answer what is no HTTP, and what no handler caught."""
        if isinstance(exc, ConnectionError):
            raise ConnectionResetError  # it has gone
        if status != HTTPStatus.BAD_REQUEST:
            log.error("admin connection failed", status=status, exc_info=exc)
        elif exc is not None:
            exc.__traceback__ = None  # it keeps the bytes, which keep it in turn
        if request.writer.output_size > 0:
            raise ConnectionResetError
        known = (
            HTTPStatus.BAD_REQUEST if status == HTTPStatus.BAD_REQUEST else HTTPStatus.INTERNAL_SERVER_ERROR
        )
        response = problem(known, "the request is not valid HTTP/1.1" if exc else known.description)
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kw: Any) -> None:  # noqa: ANN401 -- the library's own signature
        """Log what the library did not expect; a body that is not what its headers say is nothing of that."""
        if isinstance(kw.get("exc_info"), (web.RequestPayloadError, HttpProcessingError)):
            return
        log.error(
            "admin connection failed", detail=str(args[0]) if args else "", exc_info=kw.get("exc_info", True)
        )


class Connections:
    """Makes the door's connections. Where there is no room, the one that has been there the longest makes way.

    It is a page that asks again, or somebody who wants to keep others out; a command is done in no time.
    """

    def __init__(self, server: web.Server) -> None:
        self._server = server

    def __call__(self) -> Connection:
        """Return one more connection."""
        open_ones = [one for one in self._server.connections if one.connected]
        if len(open_ones) >= MOST:
            open_ones[0].force_close()
        return Connection(
            self._server,
            loop=asyncio.get_running_loop(),
            # the library takes None for "no access log", its annotation does not
            access_log=None,  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
            keepalive_timeout=KEEP_ALIVE,
            lingering_time=LINGER,
        )


def runner_of(application: web.Application) -> web.AppRunner:
    """Return what serves the door."""
    return web.AppRunner(application, shutdown_timeout=1.0)
