import asyncio
import hashlib
import tracemalloc
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import make_mocked_request

from bridge.clock import SystemClock
from bridge.simulator.cloud import Cloud
from bridge.simulator.faults import Answer, Delay, Down, Drop, Fault, Half, Hang, RefuseKey, RefuseUnits
from bridge.simulator.messages import Request
from bridge.simulator.server import SimulatorServer, _is_loopback
from tests.support.cad_requests import (
    NOON,
    SERVER_1,
    cad_request,
    call_911,
    get_calls,
    get_units,
    heartbeat,
    location,
    locations,
    panic,
    servers,
    status,
    version,
)
from tests.support.stepping_clock import SteppingClock, settle


class Wire:
    """A client of the simulator over sockets."""

    def __init__(self, server: SimulatorServer, session: aiohttp.ClientSession, clock: SteppingClock) -> None:
        self.server = server
        self.clock = clock
        self.session = session

    async def send(self, request: Request) -> tuple[int, Any, dict[str, str]]:
        """Send over a connection of its own; the library repeats a GET by itself when that is dropped."""
        headers = {**request.headers, "Connection": "close"}
        url = self.server.url + request.path
        async with self.session.request(
            request.method,
            url,
            params=dict(request.query),
            headers=headers,
            data=BytesIO(request.body) if request.body else None,
        ) as response:
            return response.status, await response.json(content_type=None), dict(response.headers)

    async def status(self, request: Request) -> int:
        return (await self.send(request))[0]

    def arm(self, *faults: Fault) -> None:
        self.server.cloud.faults.add(*faults)

    def open_calls(self) -> int:
        return len(self.server.cloud.cad.community.calls(NOON))


@pytest.fixture(name="wire")
async def _wire() -> AsyncIterator[Wire]:
    clock = SteppingClock()
    timeout = aiohttp.ClientTimeout(total=5)
    async with SimulatorServer(clock) as server, aiohttp.ClientSession(timeout=timeout) as session:
        yield Wire(server, session, clock)


REMOVE = cad_request("DELETE", f"{SERVER_1}/calls/911/1")
DISPATCH_CALL = {
    "origin": 0,
    "status": 1,
    "priority": 1,
    "block": "100",
    "address": "Mission Row",
    "postal": "9001",
    "title": "Robbery",
    "code": "211",
    "description": "A firearm",
}
UNITS = {"communityUserIds": ["license:1"]}
CALLS = f"{SERVER_1}/dispatch-calls"
CREATE = cad_request("POST", CALLS, DISPATCH_CALL)
NOTE = cad_request("POST", f"{CALLS}/1/notes", {"note": "Fleeing"})
ATTACH = cad_request("POST", f"{CALLS}/1/attachments", UNITS)
DETACH = cad_request("DELETE", f"{CALLS}/attachments", UNITS)
CLOSE = cad_request("POST", f"{CALLS}/close", {"callIds": [1]})
KICK = cad_request("POST", f"{SERVER_1}/units/kick", [{"communityUserId": "license:1", "reason": "r"}])
BLIP = cad_request("POST", f"{SERVER_1}/blips", {"coordinates": {"x": 1, "y": 2}})
BLIPS = cad_request("GET", f"{SERVER_1}/blips")
PHOTO = cad_request(
    "POST", "/v2/general/photos", {"communityUserId": "license:1", "url": "https://a.example"}
)
ALL = [
    locations(),
    panic(),
    status(3),
    call_911(),
    REMOVE,
    heartbeat(),
    version(),
    servers(),
    get_calls(),
    get_units(),
    CREATE,
    NOTE,
    ATTACH,
    DETACH,
    CLOSE,
    KICK,
    BLIP,
    BLIPS,
    PHOTO,
]
FLAWED = [
    cad_request("PATCH", locations().path, {"updates": [{"communityUserId": "a"}]}),
    cad_request("PATCH", panic().path, {"communityUserIds": "a", "isPanic": True}),
    cad_request("PATCH", status(3).path, {"communityUserIds": ["a"], "status": 5}),
    cad_request("POST", call_911().path, {"caller": "Jane"}),
    cad_request("DELETE", "/v2/emergency/servers/1/calls/911/x"),
    cad_request("POST", heartbeat().path, {}),
    cad_request("GET", get_calls().path),
    cad_request("GET", get_units().path),
    cad_request("POST", CALLS, {"title": "Robbery"}),
    cad_request("POST", NOTE.path, {}),
    cad_request("POST", ATTACH.path, {"communityUserIds": "license:1"}),
    cad_request("DELETE", DETACH.path, {}),
    cad_request("POST", CLOSE.path, {"callIds": 1}),
    cad_request("POST", KICK.path, {"communityUserId": "license:1"}),
    cad_request("POST", BLIP.path, {"coordinates": [1, 2]}),
    cad_request("POST", PHOTO.path, {"communityUserId": "license:1"}),
]
WITH_SERVER = [request for request in ALL if "/servers/1" in request.path]
PER_MINUTE = [
    12,
    20,
    30,
    10,
    10,
    10,
    10,
    10,
    5,
    3,
    20,
    60,
    10,
    10,
    20,
    20,
    30,
    10,
    10,
]  # of ALL, in its order


def by_path(request: Request) -> str:
    return f"{request.method} {request.path}"


@pytest.mark.parametrize("request_", ALL, ids=by_path)
async def test_every_operation_answers(wire: Wire, request_: Request) -> None:
    if request_ is REMOVE:
        await wire.send(call_911())
    if request_ in (NOTE, ATTACH, CLOSE):
        await wire.send(CREATE)

    code, body, headers = await wire.send(request_)

    assert code == 200
    assert headers["Content-Type"].startswith("application/json")
    assert headers["x-trace-id"]
    assert body is not None


@pytest.mark.parametrize("request_", FLAWED, ids=by_path)
async def test_a_request_that_makes_no_sense_is_a_400(wire: Wire, request_: Request) -> None:
    code, body, headers = await wire.send(request_)

    assert code == 400
    assert headers["Content-Type"].startswith("application/problem+json")
    assert body.keys() == {"type", "title", "status", "detail", "instance", "traceId"}
    assert body["instance"] == request_.path


@pytest.mark.parametrize("request_", ALL, ids=by_path)
async def test_a_wrong_key_is_a_401(wire: Wire, request_: Request) -> None:
    headers = {"Content-Type": "application/json", "Authorization": "Bearer wrong"}
    wrong = cad_request(
        request_.method, request_.path, request_.body, query=dict(request_.query), headers=headers
    )

    code, body, _ = await wire.send(wrong)

    assert (code, body["status"]) == (401, 401)


@pytest.mark.parametrize("request_", WITH_SERVER, ids=by_path)
async def test_an_unknown_server_is_a_404(wire: Wire, request_: Request) -> None:
    path = request_.path.replace("/servers/1", "/servers/77")
    elsewhere = cad_request(request_.method, path, request_.body, query=dict(request_.query))

    code, body, _ = await wire.send(elsewhere)

    assert (code, body["status"]) == (404, 404)


@pytest.mark.parametrize(
    ("request_", "per_minute"),
    list(zip(ALL, PER_MINUTE, strict=True)),
    ids=[by_path(request) for request in ALL],
)
@pytest.mark.parametrize(
    ("start", "late", "open_at"),
    [
        (NOON + 1.0, NOON + 59.5, NOON + 61.0),  # the same full minute
        (NOON + 50.0, NOON + 62.0, NOON + 110.0),  # only the sliding window is full
    ],
)
async def test_past_the_limit_every_operation_is_a_429(
    wire: Wire, request_: Request, per_minute: int, start: float, late: float, open_at: float
) -> None:
    wire.clock.now = start
    assert 429 not in [await wire.status(request_) for _ in range(per_minute)]

    wire.clock.now = late
    code, body, headers = await wire.send(request_)
    assert code == 429
    assert body["message"] == "API rate limit exceeded"
    assert 0 <= int(headers["Retry-After"]) - (open_at - late) < 1

    wire.clock.now = open_at
    assert await wire.status(request_) != 429


async def test_a_delay_is_waited_for(wire: Wire) -> None:
    wire.arm(Delay(seconds=5))

    assert await wire.status(panic()) == 200
    assert wire.clock.slept == [5]


async def test_an_ordered_answer_is_given(wire: Wire) -> None:
    wire.arm(Answer(operation="create911Call", status=429, retry_after="3", times=1))

    code, _, headers = await wire.send(call_911())

    assert (code, headers["Retry-After"]) == (429, "3")
    assert wire.open_calls() == 0
    assert await wire.status(call_911()) == 200


@pytest.mark.parametrize(
    ("fault", "calls"), [(Down(), 0), (Drop(), 0), (Drop(acts=True), 1)], ids=["down", "before", "after"]
)
async def test_a_dropped_connection_gives_no_answer(wire: Wire, fault: Fault, calls: int) -> None:
    wire.arm(fault)

    with pytest.raises(aiohttp.ServerDisconnectedError):
        await wire.send(call_911())
    assert wire.open_calls() == calls


@pytest.mark.parametrize(("acts", "calls"), [(False, 0), (True, 1)], ids=["before", "after"])
async def test_the_answer_to_one_operation_is_lost_once(wire: Wire, acts: bool, calls: int) -> None:  # noqa: FBT001 -- table
    fault = {"fault": "drop", "operation": "createDispatchCall", "times": 1, "acts": acts}
    await wire.send(cad_request("POST", "/_simulator/faults", fault, headers={}))

    assert await wire.status(panic()) == 200
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await wire.send(CREATE)
    assert len(wire.server.cloud.cad.community.board.dispatch()) == calls
    assert await wire.status(CREATE) == 200


async def test_half_an_answer_is_cut(wire: Wire) -> None:
    wire.arm(Half())

    with pytest.raises(aiohttp.ClientPayloadError):
        await wire.send(call_911())
    assert wire.open_calls() == 1


async def test_a_hanging_request_gets_no_answer_until_it_is_let_go(wire: Wire) -> None:
    wire.arm(Delay(seconds=0.1), Hang())
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(disconnected(wire))
        await wire.clock.asked.wait()
        await settle()
        assert not waiting.done()

        wire.server.cloud.clear_faults()

    assert wire.open_calls() == 0


async def test_a_refused_key_is_a_401(wire: Wire) -> None:
    wire.arm(RefuseKey())

    assert await wire.status(version()) == 401


async def test_a_refused_unit_is_a_400(wire: Wire) -> None:
    wire.arm(RefuseUnits(units=frozenset({"b"})))

    assert await wire.status(locations(location("a"), location("b"))) == 400
    assert await wire.status(locations(location("a"))) == 200


async def test_a_server_that_stops_lets_go_of_what_hangs() -> None:
    clock = SteppingClock()
    async with (
        aiohttp.ClientSession() as session,
        asyncio.TaskGroup() as group,
        SimulatorServer(clock) as server,
    ):
        server.cloud.faults.add(Delay(seconds=0.1), Hang())
        group.create_task(disconnected(Wire(server, session, clock)))
        await clock.asked.wait()

    assert [received.lost for received in server.cloud.journal] == [True]
    assert server.cloud.faults.active() == [Delay(seconds=0.1), Hang()]


async def test_what_the_cad_knows_outlives_the_server() -> None:
    clock = SystemClock()
    cloud = Cloud(clock)
    async with SimulatorServer(clock, cloud=cloud) as first, aiohttp.ClientSession() as session:
        await Wire(first, session, SteppingClock()).send(call_911())
        port = first.port

    async with SimulatorServer(clock, port=port, cloud=cloud) as second, aiohttp.ClientSession() as session:
        _, body, _ = await Wire(second, session, SteppingClock()).send(get_calls())

    assert second.port == port
    assert len(body["EmergencyCalls"]) == 1


async def test_a_body_of_many_units_is_taken(wire: Wire) -> None:
    updates = [location(f"license:{n}") for n in range(10_000)]

    _, body, _ = await wire.send(locations(*updates))

    assert body == {"updated": 10_000}


async def upload(wire: Wire, size: int) -> tuple[int, str]:
    """Send a film in pieces; return the status and the SHA-256 of what was sent."""
    piece, sent = b"\x00film" * 13_107, hashlib.sha256()
    head = (
        b'--b\r\nContent-Disposition: form-data; name="durationMs"\r\n\r\n5\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.webm"\r\n\r\n'
    )

    async def body() -> AsyncIterator[bytes]:
        for part in (head, *[piece] * (size // len(piece)), b"\r\n--b--\r\n"):
            sent.update(part)
            yield part

    headers = {**version().headers, "Content-Type": "multipart/form-data; boundary=b"}
    async with wire.session.post(
        wire.server.url + "/v2/general/bodycam-recordings", data=body(), headers=headers
    ) as response:
        return response.status, sent.hexdigest()


async def test_a_long_film_is_taken_without_being_kept(wire: Wire) -> None:
    size = 40 * 1024 * 1024
    tracemalloc.start()
    try:
        status_code, sha256 = await upload(wire, size)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert status_code == 200
    assert peak < size / 4
    (received,) = wire.server.cloud.journal
    assert (received.body, received.sha256) == (b"", sha256)
    assert [part.name for part in received.parts] == ["durationMs", "file"]
    (film,) = wire.server.cloud.cad.community.recordings
    assert received.length - 1000 < film.file.length < received.length


async def test_a_short_film_is_kept_as_it_came(wire: Wire) -> None:
    assert (await upload(wire, 0))[0] == 400  # an empty film
    (received,) = wire.server.cloud.journal
    assert received.body.startswith(b"--b\r\nContent-Disposition")


async def test_a_form_as_a_library_writes_it_is_read(wire: Wire) -> None:
    form = aiohttp.FormData({"durationMs": "5", "unitNumber": "A-é"})
    form.add_field("file", b"film", filename="clip.webm", content_type="video/webm")
    url = wire.server.url + "/v2/general/bodycam-recordings"
    key = {"Authorization": version().headers["Authorization"]}

    async with wire.session.post(url, data=form, headers=key) as response:
        assert response.status == 200
    (film,) = wire.server.cloud.cad.community.recordings
    assert (film.fields, film.file.filename, film.file.content) == (
        {"unitNumber": "A-é"},
        "clip.webm",
        b"film",
    )


async def test_a_request_is_recorded_as_it_came_over_the_wire(wire: Wire) -> None:
    host, port = wire.server.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        b"GET /v2/civilian/%63haracters/../a%2Fb//?x=1&x=%2F&y= HTTP/1.1\r\nHost: h\r\nx-MINE: 1\r\nX-mine: 2\r\n"
        b"Authorization: Bearer sesame\r\ncontent-type: text/plain\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"
    )
    await reader.read()
    writer.close()

    (received,) = wire.server.cloud.journal
    assert received.path == "/v2/civilian/%63haracters/../a%2Fb//"
    assert (received.raw_query, received.query) == ("x=1&x=%2F&y=", {"x": ["1", "/"], "y": [""]})
    assert received.headers == (
        ("Host", "h"),
        ("x-MINE", "1"),
        ("X-mine", "2"),
        ("Authorization", "Bearer ***"),
        ("content-type", "text/plain"),
        ("Connection", "close"),
        ("Content-Length", "2"),
    )
    assert received.text == "hi"


async def test_the_control_door_is_on_the_same_listener(wire: Wire) -> None:
    down = cad_request("POST", "/_simulator/faults", {"fault": "down"}, headers={})
    assert await wire.status(down) == 200

    with pytest.raises(aiohttp.ServerDisconnectedError):
        await wire.send(panic())

    assert await wire.status(cad_request("DELETE", "/_simulator/faults", headers={})) == 200
    assert await wire.status(panic()) == 200
    query = {"operation": "setUnitPanic"}
    _, body, _ = await wire.send(cad_request("GET", "/_simulator/requests", query=query, headers={}))
    assert [(row["status"], row["lost"]) for row in body["requests"]] == [(None, True), (200, False)]


async def test_a_dispatcher_ends_a_call_through_the_control_door(wire: Wire) -> None:
    await wire.send(CREATE)
    call = {"server": 1, "call_id": 1}

    assert await wire.status(cad_request("POST", "/_simulator/calls/close", call, headers={})) == 200

    _, listed, _ = await wire.send(get_calls())
    assert [row["callId"] for row in listed["ClosedCalls"]] == [1]
    assert await wire.status(cad_request("POST", "/_simulator/calls/close", call, headers={})) == 404


async def test_the_control_door_is_not_counted_or_recorded(wire: Wire) -> None:
    await wire.send(cad_request("GET", "/_simulator/state", headers={}))

    assert wire.server.cloud.journal.total == 0


async def test_a_taken_port_is_an_os_error(wire: Wire) -> None:
    with pytest.raises(OSError, match="address already in use"):
        await SimulatorServer(SystemClock(), port=wire.server.port).__aenter__()


async def disconnected(wire: Wire) -> None:
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await wire.send(call_911())


@pytest.mark.parametrize(("open_control", "code"), [(False, 403), (True, 200)])
async def test_the_control_door_is_shut_to_other_machines(open_control: bool, code: int) -> None:  # noqa: FBT001 -- table
    server = SimulatorServer(SystemClock(), open_control=open_control)

    response = await server._serve(make_mocked_request("GET", "/_simulator/state"))

    assert response.status == code


@pytest.mark.parametrize(
    ("remote", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("192.0.2.1", False),
        ("x", False),
        (None, False),
    ],
)
def test_loopback_is_told_from_other_addresses(remote: str | None, loopback: bool) -> None:  # noqa: FBT001 -- table
    assert _is_loopback(remote) is loopback


async def test_an_ipv6_address_stands_in_brackets() -> None:
    assert SimulatorServer(SystemClock(), "::1", 80).url == "http://[::1]:80"
