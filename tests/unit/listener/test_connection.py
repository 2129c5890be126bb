import asyncio
import gc

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from bridge.listener.answer import Answer
from bridge.listener.connection import Connection
from bridge.listener.routes import OTHER, Push, Route
from tests.support.push_door import (
    AUTHORIZED,
    ECHO,
    Rooms,
    is_alive,
    listening,
    request,
    rooms,
)


@pytest.mark.parametrize("start", [b"", b"P", b"POST /v1/echo HTTP/1.1\r\nHost: a\r\n", request()[:-2]])
async def test_half_a_header_does_not_stay_open(start: bytes) -> None:
    async with rooms(request_timeout=0.2) as (_, door):
        wire = await door.connect()
        await wire.send(start)

        assert await is_alive(door)
        assert await wire.is_closed(within=2.0)
        assert door.counted(OTHER, 408) == 1


async def test_a_trickled_header_is_cut_while_others_are_served() -> None:
    async with rooms(request_timeout=0.3) as (_, door):
        wire = await door.connect()
        for byte in b"POST /v1/echo HTT":
            if await wire.is_closed(within=0.03):
                break
            await wire.send(bytes([byte]))
            assert await is_alive(door)
        else:
            assert await wire.is_closed(within=0.5)


async def test_a_trickled_header_on_a_used_connection_is_cut_too() -> None:
    async with rooms(request_timeout=0.2) as (_, door):
        wire = await door.connect()
        await wire.send(request())
        assert (await wire.reply()).status == 200
        assert not await wire.is_closed(within=0.5)

        await wire.send(b"POST")

        assert not await wire.is_closed(within=0.1)
        assert await wire.is_closed(within=2.0)


@pytest.mark.parametrize("headers", [["Content-Length: 100"], ["Transfer-Encoding: chunked"]])
async def test_half_a_body_is_answered_that_it_took_too_long(headers: list[str]) -> None:
    async with rooms(request_timeout=0.2) as (served, door):
        wire = await door.connect()
        await wire.send(request(headers=headers) + b"4\r\nha")

        reply = await wire.reply()

        assert reply.status == 408
        assert reply.json["detail"] == "the request was not complete within 0.2 s"
        assert await wire.is_closed(within=3.0)
        assert served.pushes == []
        assert door.counted(ECHO, 408) == 1


async def test_a_trickled_body_gets_no_more_time_than_a_silent_one() -> None:
    async with rooms(request_timeout=0.3) as (_, door):
        wire = await door.connect()
        await wire.send(request(headers=["Content-Length: 100"]))
        answer = asyncio.ensure_future(wire.reply())  # noqa: TID251 -- reads while the test writes
        for _ in range(100):
            await wire.send(b"x")
            await asyncio.sleep(0.02)  # noqa: TID251 -- the trickle is real time
            if answer.done():
                break

        assert (await answer).status == 408


@pytest.mark.parametrize(("path", "status"), [(ECHO, 200), ("/v1/nothing", 404)])
async def test_an_idle_connection_stays_open(path: str, status: int) -> None:
    async with rooms(request_timeout=0.1) as (_, door):
        wire = await door.connect()
        for _ in range(3):
            await wire.send(request(path=path))
            assert (await wire.reply()).status == status
            assert not await wire.is_closed(within=0.3)


async def test_a_request_that_waits_for_its_handler_is_not_cut() -> None:
    async with rooms(request_timeout=0.1) as (served, door):
        wire = await door.connect()
        await wire.send(request(path="/v1/wait") + request(body=b"second"))
        assert not await wire.is_closed(within=0.4)

        served.leave.set()

        assert (await wire.reply()).status == 204
        assert (await wire.reply()).body == b"second"


async def test_requests_in_one_segment_are_answered_in_order() -> None:
    async with rooms() as (_, door):
        wire = await door.connect()
        await wire.send(b"".join(request(body=b"%d" % number) for number in range(100)))

        assert [(await wire.reply()).body for _ in range(100)] == [b"%d" % number for number in range(100)]


async def test_a_client_that_does_not_read_its_answers_is_cut() -> None:
    async with rooms(request_timeout=0.2) as (_, door):
        wire = await door.connect()
        wire.hold()
        body = b"x" * 900_000
        for _ in range(12):
            wire.writer.write(request(body=body))
        await asyncio.sleep(1.0)  # noqa: TID251 -- the listener's own timer is real

        assert wire.writer.transport.is_closing() or door.listener._turnstile.inside == 0
        assert await is_alive(door)


async def test_connections_above_the_limit_are_closed_at_once() -> None:
    async with rooms(max_connections=2) as (_, door):
        first, second = await door.connect(), await door.connect()
        for wire in (first, second):
            await wire.send(request(body=b"in"))
            assert (await wire.reply()).body == b"in"
        with capture_logs() as logs:
            for _ in range(3):
                assert await (await door.connect()).is_closed(within=2.0)

        assert [entry["event"] for entry in logs] == ["connection limit reached"]
        assert door.counted(OTHER, "refused") == 3
        first.close()
        for _ in range(100):
            await asyncio.sleep(0.01)  # noqa: TID251 -- until the kernel has told the listener
            wire = await door.connect()
            if not await wire.is_closed(within=0.05):
                break
        await wire.send(request(body=b"next"))
        assert (await wire.reply()).body == b"next"


async def test_old_clients_and_polite_ones_are_let_go() -> None:
    async with rooms() as (_, door):
        for data in (
            b"POST /v1/echo HTTP/1.0\r\n" + AUTHORIZED + b"\r\n",
            request(headers=["Connection: close"]),
        ):
            wire = await door.connect()
            await wire.send(data)

            assert (await wire.reply()).status == 200
            assert await wire.is_closed(within=2.0)


async def test_a_client_that_has_said_everything_still_gets_its_answer() -> None:
    async with rooms() as (served, door):
        wire = await door.connect()
        await wire.send(request(path="/v1/wait", body=b"{}"))
        wire.writer.write_eof()
        await served.entered.wait()

        served.leave.set()

        assert (await wire.reply()).status == 204
        assert await wire.is_closed(within=2.0)


async def test_clients_that_vanish_leave_no_trace() -> None:
    async with rooms() as (served, door):
        with capture_logs() as logs:
            halves = (request()[:-2], request(headers=["Content-Length: 9"]) + b"x", request(path="/v1/wait"))
            for data in halves:
                wire = await door.connect()
                await wire.send(data)
                await asyncio.sleep(0.02)  # noqa: TID251 -- until it has arrived
                wire.close()
            served.leave.set()
            assert await is_alive(door)
        assert logs == []


async def test_strangers_make_way_for_game_servers() -> None:
    async with rooms(max_connections=2) as (_, door):
        known = await door.connect()
        await known.send(request(body=b"in"))
        assert (await known.reply()).body == b"in"
        strangers = [await door.connect() for _ in range(5)]
        for wire in strangers[:-1]:
            assert await wire.is_closed(within=2.0)

        assert await is_alive(door)

        assert await strangers[-1].is_closed(within=2.0)
        assert door.counted(OTHER, "refused") == 5
        await known.send(request(body=b"still"))
        assert (await known.reply()).body == b"still"


async def test_bodies_of_strangers_are_held_within_bounds() -> None:
    served = Rooms()
    keyed = Route(method="POST", path="/keyed/{path}", handler=served.echo, keyed=True)
    async with listening((*served.routes, keyed)) as door:
        door.listener._turnstile.allowance = 100_000
        half = request(path="/keyed/x", headers=["Content-Length: 50000"]) + b" " * 40_000
        wires = [await door.connect() for _ in range(5)]
        for wire in wires:
            await wire.send(half)
            await asyncio.sleep(0.02)  # noqa: TID251 -- one after the other

        assert [await wire.is_closed(within=0.5) for wire in wires] == [True, True, True, False, False]
        await wires[-1].send(b" " * 10_000)
        assert (await wires[-1].reply()).status == 200


async def test_a_stranger_that_does_not_read_its_answers_is_cut() -> None:
    async with rooms(request_timeout=0.3) as (_, door):
        wire = await door.connect()
        wire.hold()
        asked = request(body=b"[]", headers=["Origin: http://page"], authorized=False)
        async with asyncio.timeout(30.0):  # answers fill the kernel's buffers first
            while not door.counted(OTHER, 408):
                if not wire.writer.transport.get_write_buffer_size():
                    wire.writer.write(asked * 1000)
                await asyncio.sleep(0.01)  # noqa: TID251 -- the listener's own timer is real

        assert door.counted(OTHER, 408) == 1
        assert await is_alive(door)


async def test_clients_that_break_off_leave_nothing_in_memory() -> None:
    gc.collect()
    gc.disable()
    try:
        async with rooms() as (_, door):
            for data in (request(headers=["Content-Length: 9"]) + b"x", b"nonsense\r\n\r\n", b"\0" * 300_000):
                for _ in range(10):
                    wire = await door.connect()
                    wire.writer.write(data)
                    await asyncio.sleep(0.01)  # noqa: TID251 -- until it has arrived
                    wire.close()
            await asyncio.sleep(0.2)  # noqa: TID251 -- until the kernel has told the listener
            left = sum(isinstance(one, Connection) for one in gc.get_objects())
    finally:
        gc.enable()
    assert left <= 3


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> bytearray:
    """Return what connections give to the parser."""
    given = bytearray()
    parse = web.RequestHandler.data_received

    def data_received(self: web.RequestHandler, data: bytes) -> None:
        given.extend(data)
        parse(self, data)

    monkeypatch.setattr(web.RequestHandler, "data_received", data_received)
    return given


async def test_the_rest_of_a_strangers_body_is_not_looked_at(parsed: bytearray) -> None:
    async with rooms() as (_, door):
        wire = await door.connect()
        head = request(headers=["Transfer-Encoding: chunked"], authorized=False)
        await wire.send(head + b"1\r\n \r\n" * 10)
        assert (await wire.reply()).status == 401

        await wire.send(b"no chunk at all\r\n" * 10)

        assert await wire.is_closed(within=3.0)
        assert door.counted(OTHER, 400) == 0
        assert b"no chunk" not in parsed


async def test_what_a_stranger_says_after_nonsense_is_not_looked_at(parsed: bytearray) -> None:
    served = Rooms()
    keyed = Route(method="POST", path="/keyed/{path}", handler=served.wait, keyed=True)
    async with listening((*served.routes, keyed)) as door:
        wire = await door.connect()
        for data in (request(path="/keyed/x"), b"nonsense\r\n\r\n", b"more of it"):
            await wire.send(data)
            await asyncio.sleep(0.05)  # noqa: TID251 -- until it has arrived
        served.leave.set()

        assert (await wire.reply()).status == 204
        assert (await wire.reply()).status == 400
        assert await wire.is_closed()
        assert b"nonsense" in parsed
        assert b"more of it" not in parsed


async def test_who_has_shown_a_token_keeps_its_place_while_its_body_comes() -> None:
    async with rooms(max_connections=2) as (_, door):
        known = await door.connect()
        await known.send(request(headers=["Content-Length: 2"]))
        await asyncio.sleep(0.05)  # noqa: TID251 -- until the listener has seen the token
        strangers = [await door.connect() for _ in range(3)]
        assert await strangers[0].is_closed(within=2.0)

        await known.send(b"ok")

        assert (await known.reply()).body == b"ok"


async def test_a_client_that_has_nothing_more_to_say_is_heard_to_its_end() -> None:
    async def gather(push: Push) -> Answer:
        assert push.stream is not None
        await asyncio.sleep(0.1)  # noqa: TID251 -- the end of the line comes meanwhile
        return Answer(status=200, body=b"".join([part async for part in push.stream]))

    async with listening((Route(method="POST", path="/v1/upload", handler=gather, streamed=True),)) as door:
        wire = await door.connect()
        await wire.send(request(path="/v1/upload", body=b"whole"))
        wire.writer.write_eof()

        assert (await wire.reply()).body == b"whole"
        assert await wire.is_closed()
