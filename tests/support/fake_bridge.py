"""The push door of a bridge, played by hand: it answers what a test tells it to."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import web

TOKEN = "a-token-of-at-least-24-characters"

Answerer = Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]


class FakeBridge:
    """Keeps what it was sent; ``on_locations`` and ``on_panic`` may be replaced."""

    def __init__(self) -> None:
        self.instance = "one"
        self.pushes: list[dict[str, Any]] = []
        self.panics: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.states: dict[str, dict[str, Any]] = {}
        self.under_way = 0
        self.most_under_way = 0
        self.on_locations: Answerer = self.accept_locations
        self.on_panic: Answerer = self.accept_panic

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/v1/locations", self._locations)
        app.router.add_post("/v1/panic", self._panic)
        app.router.add_get("/v1/events/{id}", self._event)
        return app

    def accept_locations(self, push: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        return 200, {"accepted": len(push["updates"]), "rejected": [], "instance": self.instance, "api": 1}

    def accept_panic(self, _panic: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Take it and deliver it a quarter of a second later."""
        event = f"event-{len(self.panics)}"
        self.states[event] = {"id": event, "state": "delivered", "accepted_at": 100.0, "delivered_at": 100.25}
        return 202, {"event": event}

    async def _locations(self, request: web.Request) -> web.Response:
        return await self._answer(request, self._take_push)

    async def _panic(self, request: web.Request) -> web.Response:
        self.keys.append(request.headers.get("Idempotency-Key", ""))
        return await self._answer(request, self._take_panic)

    async def _event(self, request: web.Request) -> web.Response:
        state = self.states.get(request.match_info["id"])
        return _json(404, {"title": "no such event"}) if state is None else _json(200, state)

    async def _take_push(self, request: web.Request) -> web.Response:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        push = msgspec.json.decode(await request.read())
        self.pushes.append(push)
        self.under_way -= 1
        return _json(*self.on_locations(push))

    async def _take_panic(self, request: web.Request) -> web.Response:
        panic = msgspec.json.decode(await request.read())
        self.panics.append(panic)
        return _json(*self.on_panic(panic))

    async def _answer(
        self, request: web.Request, take: Callable[[web.Request], Awaitable[web.Response]]
    ) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _json(401, {"title": "Unauthorized"})
        return await take(request)


def _json(status: int, body: dict[str, Any]) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(body), content_type="application/json")
