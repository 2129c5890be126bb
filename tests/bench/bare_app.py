"""``python -m tests.bench.bare_app PORT``: what a push costs at least in Python.

An aiohttp application that reads a push, decodes it with types and puts it into a dict, and does nothing else: no
token, no limits, no metrics, no logs, nothing sent on. It is what the push doors are held against.
"""

import sys

import msgspec
import uvloop
from aiohttp import web
from msgspec import Struct

from tests.bench.bodies import DROP_IN, NATIVE


class Vehicle(Struct, frozen=True):
    model: str | None = None
    lights: bool | None = None


class Record(Struct, frozen=True):
    id: str
    x: float
    y: float
    z: float | None = None
    heading: float | None = None
    location: str | None = None
    vehicle: Vehicle | None = None


class Push(Struct, frozen=True):
    updates: list[Record]
    players: int | None = None


class Coordinates(Struct, frozen=True):
    x: float
    y: float
    z: float
    w: float | None = None


class CadRecord(Struct, frozen=True, rename="camel"):
    community_user_id: str
    coordinates: Coordinates
    location: str
    vehicle: Vehicle | None = None


class CadPush(Struct, frozen=True):
    updates: list[CadRecord]


class BareApp:
    """The newest record of each unit, in a dict."""

    def __init__(self) -> None:
        self._native = msgspec.json.Decoder(Push)
        self._drop_in = msgspec.json.Decoder(CadPush)
        self._records: dict[str, Record | CadRecord] = {}

    async def take_native(self, request: web.Request) -> web.Response:
        push = self._native.decode(await request.read())
        for record in push.updates:
            self._records[record.id] = record
        return _answer({"accepted": len(push.updates)})

    async def take_drop_in(self, request: web.Request) -> web.Response:
        push = self._drop_in.decode(await request.read())
        for record in push.updates:
            self._records[record.community_user_id] = record
        return _answer({"updated": len(push.updates)})


def _answer(content: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(content), content_type="application/json")


def main(port: int) -> None:
    bare = BareApp()
    app = web.Application(client_max_size=2**20)
    app.router.add_route(NATIVE.method, NATIVE.path, bare.take_native)
    app.router.add_route(DROP_IN.method, DROP_IN.path, bare.take_drop_in)
    web.run_app(app, host="127.0.0.1", port=port, access_log=None, print=None, loop=uvloop.new_event_loop())


if __name__ == "__main__":
    main(int(sys.argv[1]))
