"""One connection: bounded in number and in time, which the HTTP library does neither of.

The clock of a request starts with its first byte, or with the connection where nothing comes, and stops
when its body is complete. Half a header or a trickled body does not stay open.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus
from typing import Any, cast

from aiohttp import web
from aiohttp.streams import StreamReader

from bridge import logs
from bridge.listener.counts import REFUSED
from bridge.listener.problem import problem
from bridge.listener.reply import respond
from bridge.listener.stream import BodyFault
from bridge.listener.turnstile import Turnstile

KEEP_ALIVE = 75.0  # seconds an idle connection stays open; resources push at least every 5 s
LINGER = 1.0  # seconds an unread body is thrown away, so that its sender sees the answer and not a reset
READ_BUFFER = 2**16  # bytes; twice as much of a body waits in memory before its token is known
GONE = (
    OSError,
    RuntimeError,
    web.RequestPayloadError,
)  # the three ways the library says that a client is gone

log = logs.get("listener")


class Connection(web.RequestHandler):
    """The HTTP library's connection, with a limit, a timer and answers of our own.

    ``failures`` counts the wrong tokens shown on it; ``broken`` says that its bytes make no sense any more. Where it
    ``began`` before it comes here (event loop's time), as its ``handshake`` does, its first request began too.
    """

    __slots__ = (
        "_body",
        "_count",
        "_deaf",
        "_inside",
        "_made",
        "_seconds",
        "_secured",
        "_since",
        "_stranger",
        "_timer",
        "_turnstile",
        "_unread",
        "broken",
        "failures",
        "handshake",
        "heard_out",
    )

    def __init__(
        self,
        manager: web.Server,
        turnstile: Turnstile,
        request_timeout: float,
        count: Callable[[str], None],
        began: float | None = None,
    ) -> None:
        super().__init__(
            manager,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=KEEP_ALIVE,
            lingering_time=LINGER,
            auto_decompress=False,
            read_bufsize=READ_BUFFER,
            # the library takes None for "no access log", its annotation does not
            access_log=None,  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        )
        self.failures = 0
        self.broken = False
        self.heard_out = False
        self._turnstile = turnstile
        self._seconds = request_timeout
        self._count = count
        self._inside = False
        self._stranger = True
        self._deaf = False
        self._made = False
        self._secured = False
        self._since = began
        self._timer: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        self._body: StreamReader | None = None
        self.handshake: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the connection in, or close it at once."""
        self._made = True
        if not self._inside and not self.come_in():
            cast(asyncio.Transport, transport).abort()  # servers have no other
            return
        self._secured = transport.get_extra_info("sslcontext") is not None
        super().connection_made(transport)
        self._start_clock(self._since)

    def come_in(self) -> bool:
        """Tell whether it is let in; it counts among the open ones then, else among the refused ones."""
        self._inside = self._turnstile.enter(self)
        if not self._inside:
            self._count(REFUSED)
        return self._inside

    def trust(self) -> None:
        """Keep a connection on which the right token was shown."""
        self.failures = 0
        if self._stranger:
            self._stranger = False
            self._turnstile.trust(self)

    def make_way(self) -> None:
        """End the connection at once: others need its place."""
        self._count(REFUSED)
        self._leave()
        if self.transport is not None:
            self.transport.abort()
        elif self.handshake is not None:
            self.handshake.cancel()

    def give_up(self) -> None:
        """Forget a connection that was let in, if nothing has come of it."""
        if not self._made:
            self._leave()

    def _leave(self) -> None:
        if self._inside:
            self._inside = False
            self._turnstile.leave(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the connection."""
        self._leave()
        self.stop_clock()
        for timer in (self._timer, self._unread):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)
        for message, _ in self._messages:
            _forget(getattr(message, "exc", None))

    def pause_writing(self) -> None:
        """Wait for a client to read its answers, as long as a request may take."""
        super().pause_writing()
        self._unread = self._loop.call_later(self._seconds, self._hang_up)

    def resume_writing(self) -> None:
        """Go on with a client that reads its answers again."""
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()

    def data_received(self, data: bytes) -> None:
        """Take bytes from the network."""
        if self._stranger and not self._is_heard(data):
            return
        if self._since is None and data:
            self._start_clock()
        super().data_received(data)
        if self._body is not None and self._is_cut_short(self._body):
            self._break(self._body)

    def resume_reading(self, resume_parser: bool = True) -> None:  # noqa: FBT001, FBT002 -- the library's own signature
        """Read on where reading was paused; the library asks for it after every body."""
        if self._reading_paused:
            super().resume_reading(resume_parser)

    def eof_received(self) -> bool:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]  # asyncio asks for it
        """Keep the line for the answer to a client that only said that it has nothing more to say.

        Over TLS there is no line in one direction alone.
        """
        self.heard_out = True
        serving = self._waiter is None and self._request_count > 0
        owed = not self._secured and self._body is None and (serving or bool(self._messages))
        if owed and not self._messages:  # the answer under way is the last, perhaps too far on to say so
            super().close()
        return owed

    def close(self) -> None:
        """End the connection after the answer under way; a body under way is not waited for."""
        super().close()
        if self._body is not None:
            self._break(self._body)

    def is_last(self, body: StreamReader) -> bool:
        """Tell whether nothing can follow the request whose body this is.

        What a stranger's body has left is not looked at then.
        """
        unread = not body.is_eof()
        self._deaf = unread and self._stranger
        return unread or self.broken or (self.heard_out and not self._messages)

    def stop_clock(self) -> None:
        """Stop the request's time: it is complete, or nothing more of it is wanted."""
        self._since = None

    async def read_body(self, body: StreamReader, limit: int) -> bytes | BodyFault:
        """Return the bytes of a body of at most ``limit``, in what is left of the request's time."""
        if body.is_eof():
            self.stop_clock()
            whole = body.read_nowait()
            return whole if len(whole) <= limit else BodyFault.TOO_LARGE
        since = self._start_clock() if self._since is None else self._since
        self._body = body
        try:
            async with asyncio.timeout_at(since + self._seconds):
                return await self._collect(body, limit)
        except TimeoutError:
            return BodyFault.TOO_SLOW
        finally:
            self._body = None
            self.stop_clock()

    async def stream_body(
        self, body: StreamReader, limit: int, seconds: float
    ) -> AsyncIterator[bytes | BodyFault]:
        """Yield a body of at most ``limit`` bytes as it comes, and last of all what is wrong with it, if anything is.

        It may take ``seconds`` in all, and pause as long as a whole request may take.
        """
        deadline = self._loop.time() + seconds
        size = 0
        self.stop_clock()
        self._body = body
        if (self._close and not body.is_eof()) or self._is_cut_short(body):
            self._break(body)
        try:
            while part := await self._next_part(body, deadline):
                size += len(part)
                if size > limit:
                    yield BodyFault.TOO_LARGE
                    return
                yield part
        except TimeoutError:
            yield BodyFault.TOO_SLOW
            return
        finally:
            self._body = None
        if self.broken:
            yield BodyFault.BROKEN

    async def _next_part(self, body: StreamReader, deadline: float) -> bytes:
        try:
            async with asyncio.timeout_at(min(deadline, self._loop.time() + self._seconds)):
                return await body.readany()
        except TimeoutError:
            raise
        except GONE as error:
            _forget(error)
            self.broken = True
            return b""

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 -- it repeats bytes of the request, a token perhaps
    ) -> web.StreamResponse:
        """Answer what is no HTTP; handlers raise nothing that would come here."""
        self.stop_clock()
        self._deaf = True
        _forget(exc if status == HTTPStatus.BAD_REQUEST else None)
        if status != HTTPStatus.BAD_REQUEST:
            log.error("connection failed", status=status, exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionResetError
        known = (
            HTTPStatus.BAD_REQUEST if status == HTTPStatus.BAD_REQUEST else HTTPStatus.INTERNAL_SERVER_ERROR
        )
        self._count(str(known.value))
        detail = "the request is not valid HTTP/1.1" if exc else known.description
        response = respond(problem(known, detail), request)
        response.force_close()
        return response

    def log_exception(self, *args: Any, **kw: Any) -> None:  # noqa: ANN401 -- the library's own signature
        """Log what the library did not expect."""
        log.error("connection failed", detail=str(args[0]) if args else "", exc_info=kw.get("exc_info", True))

    async def _collect(self, body: StreamReader, limit: int) -> bytes | BodyFault:
        collected = bytearray()
        if self._close or self._is_cut_short(body):
            self._break(body)
        try:
            while chunk := await body.readany():
                collected += chunk
                if len(collected) > limit:
                    return BodyFault.TOO_LARGE
        except GONE as error:
            _forget(error)
            self.broken = True
        return BodyFault.BROKEN if self.broken else bytes(collected)

    def _is_cut_short(self, body: StreamReader) -> bool:
        """Only an error is queued behind an unfinished body: the parser tells the reader nothing of it."""
        return bool(self._messages) and not body.is_eof()

    def _break(self, body: StreamReader) -> None:
        self.broken = True
        body.feed_eof()

    def _is_heard(self, data: bytes) -> bool:
        """Tell whether a stranger's bytes are to be looked at."""
        if self._messages and hasattr(
            self._messages[-1][0], "exc"
        ):  # the parser had an error, and would have it again
            self._deaf = True
        if self._inside and not self._deaf:
            self._turnstile.hear(self, len(data))
        return self._inside and not self._deaf

    def _hang_up(self) -> None:
        if self.transport is not None:
            self._count("408")
            self.transport.abort()

    def _start_clock(self, began: float | None = None) -> float:
        self._since = self._loop.time() if began is None else began
        if self._timer is None:
            self._timer = self._loop.call_at(self._since + self._seconds, self._check_clock)
        return self._since

    def _check_clock(self) -> None:
        self._timer = None
        if self._since is None or self.transport is None:
            return
        now = self._loop.time()
        due = self._since + self._seconds
        if now >= due and self._waiter is not None and not self._messages:
            self._count("408")
            self.force_close()
        else:
            if now >= due:  # the time it waits for an earlier request of its own is not the client's fault
                self._since = now
            self._timer = self._loop.call_at(self._since + self._seconds, self._check_clock)


def _forget(error: BaseException | None) -> None:
    """Let go of what an error would keep: the frames it came through, and in them bytes that hold the error again."""
    if error is not None:
        error.__traceback__ = None
