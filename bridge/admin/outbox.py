"""The outbox at the admin door: events are listed, shown, retried and discarded.

``GET /outbox`` and ``GET /outbox/{id}`` read; ``POST /outbox/{id}/retry`` and ``…/discard`` change one event,
``POST /outbox/retry`` and ``/outbox/discard`` several: ``{"ids": […]}``, or ``{"filter": {…}, "count": n}``, where
nothing is changed unless the filter finds exactly so many.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus

import msgspec
from aiohttp import hdrs, web
from aiohttp.http import HttpProcessingError
from msgspec import Struct

from bridge.admin.problem import PRIVATE, as_json, problem
from bridge.errors import StoreError
from bridge.events import EventId
from bridge.outbox import Changes, Desk, EventDetail, Page, Refused, Selection
from bridge.outbox.inspection import LARGEST_PAGE, Filter, shown
from bridge.units import ServerId

USUAL_PAGE = 50  # events
MOST_AT_ONCE = 500  # events that one request changes
BODY_SECONDS = 10.0  # in which the body of a request has to come

_STATUS_OF = {"unknown": HTTPStatus.NOT_FOUND, "full": HTTPStatus.SERVICE_UNAVAILABLE}
_FILTERS = frozenset({"state", "kind", "server", "since", "until", "error"})
_PAGING = frozenset({"cursor", "limit"})


class OutboxViews(Struct, frozen=True, kw_only=True):
    """What the door shows and changes; references are ids of events or their first characters.

    ``names`` are the configured servers. ``list_events`` and ``show`` read, ``choose`` returns the ids of what is
    selected, at most one more than asked for; ``retry`` and ``discard`` change.
    """

    names: Callable[[], Mapping[ServerId, str]]
    list_events: Callable[[Selection, int | None, int], Awaitable[Page]]
    show: Callable[[str, bool], Awaitable[EventDetail | Refused]]
    choose: Callable[[Selection, int], Awaitable[Sequence[EventId]]]
    retry: Callable[[Sequence[str]], Awaitable[Changes]]
    discard: Callable[[Sequence[str]], Awaitable[Changes]]

    @classmethod
    def of(cls, desk: Desk) -> "OutboxViews":
        """Return the views of a desk."""
        return cls(
            names=lambda: desk.names,
            list_events=desk.page,
            show=lambda reference, full: desk.show(reference, full=full),
            choose=desk.choose,
            retry=desk.retry,
            discard=desk.discard,
        )


class Several(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of a request that changes several events."""

    ids: tuple[str, ...] | None = None
    filter: Filter | None = None
    count: int | None = None


class OutboxDoor:
    """The requests about the outbox."""

    def __init__(self, views: OutboxViews) -> None:
        self._views = views

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Open the paths."""
        router.add_get("/outbox", self._guarded(self._list))
        router.add_get("/outbox/{id}", self._guarded(self._show))
        for verb, change in (("retry", self._views.retry), ("discard", self._views.discard)):
            router.add_post(f"/outbox/{verb}", self._guarded(self._several(change)))
            router.add_post(f"/outbox/{{id}}/{verb}", self._guarded(self._one(change)))

    def _guarded(
        self, handler: Callable[[web.Request], Awaitable[web.Response]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answer(request: web.Request) -> web.Response:
            try:
                response = await handler(request)
            except StoreError as error:
                response = problem(HTTPStatus.SERVICE_UNAVAILABLE, str(error), {hdrs.RETRY_AFTER: "5"})
            except msgspec.ValidationError as error:
                response = problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                response = problem(HTTPStatus.BAD_REQUEST, f"the body is not JSON: {error}")
            except TimeoutError:
                response = problem(
                    HTTPStatus.REQUEST_TIMEOUT, f"the body did not come within {BODY_SECONDS:.0f} s"
                )
                response.force_close()
            except RecursionError:
                response = problem(HTTPStatus.BAD_REQUEST, "the body is nested too deep")
            except (web.RequestPayloadError, HttpProcessingError):
                response = problem(HTTPStatus.BAD_REQUEST, "the body is not what the headers say")
            response.headers.update(PRIVATE)
            return response

        return answer

    async def _list(self, request: web.Request) -> web.Response:
        query = request.query
        _known(query, _FILTERS | _PAGING)
        selection = _filter_of(request).selection(self._views.names())
        limit = _whole(query.get("limit", str(USUAL_PAGE)), "limit", LARGEST_PAGE)
        before = _whole(query["cursor"], "cursor", 2**62) if "cursor" in query else None
        page = await self._views.list_events(selection, before, limit)
        events = [shown(line, self._views.names()) for line in page.events]
        return as_json({"events": events, "next": None if page.next is None else str(page.next)})

    async def _show(self, request: web.Request) -> web.Response:
        _known(request.query, frozenset({"full"}))
        full = request.query.get("full", "0") not in {"", "0", "false"}
        if full and hdrs.AUTHORIZATION not in request.headers:
            detail = "identifiers in full need Authorization: Bearer and the admin token"
            return problem(HTTPStatus.UNAUTHORIZED, detail, {"WWW-Authenticate": "Bearer"})
        found = await self._views.show(request.match_info["id"], full)
        if isinstance(found, Refused):
            return _refusal(found)
        return as_json(shown(found, self._views.names()))

    def _one(
        self, change: Callable[[Sequence[str]], Awaitable[Changes]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answer(request: web.Request) -> web.Response:
            body = await _read(request)
            if body:
                msgspec.json.decode(body, type=dict[str, object])
            done = await change([request.match_info["id"]])
            return _refusal(done.refused[0]) if done.refused else as_json(done.changed[0])

        return answer

    def _several(
        self, change: Callable[[Sequence[str]], Awaitable[Changes]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def answer(request: web.Request) -> web.Response:
            asked = msgspec.json.decode(await _read(request) or b"{}", type=Several)
            if (asked.ids is None) == (asked.filter is None) or (asked.filter is None) != (
                asked.count is None
            ):
                raise msgspec.ValidationError('expected {"ids": […]}, or {"filter": {…}, "count": n}')
            chosen: Sequence[str] = asked.ids or ()
            if asked.filter is not None:
                chosen = await self._views.choose(asked.filter.selection(self._views.names()), MOST_AT_ONCE)
            if len(chosen) > MOST_AT_ONCE:
                raise msgspec.ValidationError(f"at most {MOST_AT_ONCE} events at once")
            if asked.count is not None and asked.count != len(chosen):
                detail = f"the filter finds {len(chosen)} events, not {asked.count}; nothing was changed"
                return problem(HTTPStatus.CONFLICT, detail)
            return as_json(await change(chosen))

        return answer


async def _read(request: web.Request) -> bytes:
    async with asyncio.timeout(BODY_SECONDS):
        return await request.read()


def _refusal(refused: Refused) -> web.Response:
    status = _STATUS_OF.get(refused.problem, HTTPStatus.CONFLICT)
    return problem(status, refused.reason)


def _known(query: Mapping[str, str], names: frozenset[str]) -> None:
    unknown = sorted(query.keys() - names)
    if unknown:
        raise msgspec.ValidationError(f"unknown parameter {unknown[0][:60]}")


def _filter_of(request: web.Request) -> Filter:
    """Read the filters of a query; each but times and error may come several times."""
    query = request.query
    given: dict[str, object] = {
        name: query.getall(name) for name in ("state", "kind", "server") if name in query
    }
    given |= {name: query[name] for name in ("since", "until", "error") if name in query}
    return msgspec.convert(given, Filter, strict=False)


def _whole(text: str, name: str, largest: int) -> int:
    """Read a whole number from 1 on."""
    if not text.isdecimal() or not 1 <= int(text[:20]) <= largest:
        raise msgspec.ValidationError(f"{name}: expected a whole number from 1 to {largest}")
    return int(text)
