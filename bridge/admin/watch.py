"""What the status page asks for: ``GET /live``, a stream of server-sent events, and ``GET /units?q=…``.

Identifiers are shortened unless ``full=1`` is asked for with the token, on this machine too: somebody may look over the
operator's shoulder, or watch his stream.
"""

import asyncio
from contextlib import suppress
from http import HTTPStatus
from unicodedata import category

from aiohttp import hdrs, web

from bridge import logs
from bridge.admin.live import MOST_WATCHERS, Live, Watcher
from bridge.admin.picture import Search
from bridge.admin.problem import PRIVATE, as_json, problem
from bridge.units import MAX_ID_LENGTH

SLOW = 10.0  # seconds a reader may take for one event
STREAM_HEADERS = {
    **PRIVATE,
    hdrs.CONTENT_TYPE: "text/event-stream; charset=utf-8",
    hdrs.CACHE_CONTROL: "no-store",
    "X-Accel-Buffering": "no",  # a proxy in front must not keep it back
}
CONTROL = "Cc"  # as Unicode names what no identifier holds
SAME_SITE = frozenset({"same-origin", "none"})

log = logs.get("admin")


class WatchDoor:
    """Serves the stream and the search."""

    def __init__(self, live: Live, search: Search) -> None:
        self._live = live
        self._search = search

    def add_to(self, application: web.Application) -> None:
        """Open the paths; streams end when the application does."""
        application.router.add_get("/live", self._watch, allow_head=False)
        application.router.add_get("/units", self._find)
        application.on_shutdown.append(self._close)

    async def _close(self, _: web.Application) -> None:
        self._live.close()

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        refusal = _refuse(request)
        if refusal is not None:
            return refusal
        if self._live.crowded:
            detail = f"{MOST_WATCHERS} pages watch already: close one"
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, {hdrs.RETRY_AFTER: "10"})
        response = web.StreamResponse(headers=STREAM_HEADERS)
        with self._live.watch(full=_wants_full(request)) as watcher, suppress(ConnectionResetError):
            await response.prepare(request)
            try:
                await _tell(request, response, watcher)
            except Exception:  # the answer has begun: it can only end
                log.exception("status page failed")
        return response

    async def _find(self, request: web.Request) -> web.Response:
        refusal = _refuse(request)
        if refusal is not None:
            return refusal
        typed = request.query.get("q", "").strip()
        if not 0 < len(typed) <= MAX_ID_LENGTH or any(category(letter) == CONTROL for letter in typed):
            detail = f"q: expected an identifier or a part of one, 1 to {MAX_ID_LENGTH} characters, no control characters"
            return problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail)
        response = as_json(self._search(typed, full=_wants_full(request)))
        response.headers.update(PRIVATE)
        return response


def _wants_full(request: web.Request) -> bool:
    return request.query.get("full", "0") not in {"", "0", "false"}


def _refuse(request: web.Request) -> web.Response | None:
    """Return why a request is not answered: other sites' pages could use up the places of those who watch."""
    if request.headers.get("Sec-Fetch-Site", "none") not in SAME_SITE:
        return problem(HTTPStatus.FORBIDDEN, "a page of another site may not read this")
    if _wants_full(request) and hdrs.AUTHORIZATION not in request.headers:
        detail = "identifiers in full need Authorization: Bearer and the admin token"
        return problem(HTTPStatus.UNAUTHORIZED, detail, {"WWW-Authenticate": "Bearer"})
    return None


def _has_left(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


async def _tell(request: web.Request, response: web.StreamResponse, watcher: Watcher) -> None:
    """Send what there is to say until either side has had enough."""
    while not _has_left(request) and (said := await watcher.next()) is not None:
        if said and not await _write(request, response, said):
            return


async def _write(request: web.Request, response: web.StreamResponse, said: bytes) -> bool:
    """Send an event; tell whether the reader keeps up, or drop him."""
    try:
        async with asyncio.timeout(SLOW):
            await response.write(said)
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
        return False
    except ConnectionResetError:
        return False
    return True
