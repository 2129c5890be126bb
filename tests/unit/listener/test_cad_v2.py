import asyncio
import json  # noqa: TID251 -- writes what msgspec refuses to: bare NaN, lone surrogates
from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from bridge.config import OutboxConfig
from bridge.config.schema import TtlConfig
from bridge.errors import CadError
from bridge.events import EmergencyCallRemoval, EventId, EventState
from bridge.listener.body import MAX_STREAM, STREAM_SECONDS
from bridge.operations import (
    CREATE_911_CALL,
    CREATE_DISPATCH_CALL,
    GET_CALLS,
    GET_SERVERS,
    GET_VERSION,
    HEARTBEAT,
    KICK_UNIT,
    OPERATIONS,
    OTHER,
    SET_UNIT_PANIC,
    SET_UNIT_STATUS,
    UPDATE_UNIT_LOCATIONS,
    UPLOAD_BODYCAM_RECORDING,
    Operation,
    Scope,
)
from bridge.sonoran.messages import CadAnswer
from bridge.sonoran.v2 import MARK
from tests.support.drop_in import GAME_SERVER, USUAL, DropIn, run_drop_in
from tests.support.push_door import TOKENS, Reply, request
from tests.support.sending import OTHER_SERVER, SERVER, TIMEOUT
from tests.support.transport import CallBoard, answer

ROOT = "/v2/emergency/servers/1"
LOCATIONS = f"{ROOT}/unit-locations"
PANIC = f"{ROOT}/units/panic"
STATUS = f"{ROOT}/units/status"
CALL_911 = f"{ROOT}/calls/911"
DISPATCH = f"{ROOT}/dispatch-calls"
BEAT = "/v2/general/servers/1/heartbeat"
ROUTE = "/v2/{path}"
JANE: dict[str, Any] = {"isEmergency": True, "caller": "Jane", "location": "Alta St", "description": "Shots"}
ROBBERY: dict[str, Any] = {
    "title": "Robbery",
    "description": "Shots fired",
    "communityUserIds": ["license:1"],
}
PROBLEM = "application/problem+json"
NO_ANSWER = CadError("timeout", sent=True)


def said(status: int, body: bytes, content_type: str = "application/json; charset=utf-8") -> CadAnswer:
    return CadAnswer(
        status=status,
        body=body,
        retry_after=None,
        trace_id=None,
        seconds=0.05,
        sends=1,
        content_type=content_type,
    )


def sent_of(drop: DropIn, operation: Operation) -> Any:
    (request,) = drop.left(operation)
    return msgspec.json.decode(request.body or b"null")


# What the bridge keeps itself


def test_locations_wait_for_their_batch(tmp_path: Path) -> None:
    async def case(drop: DropIn) -> None:
        updates = [
            {"communityUserId": "a", "location": "Alta St", "coordinates": {"x": 1.5, "y": 2, "z": 3, "w": 90}, "peerId": 7},
            {"apiId": "b", "location": "Beach", "coordinates": {"x": "4", "y": 5, "z": 6}},
            {"accountUuid": "c", "location": "Beach", "coordinates": {"x": 7, "y": 8, "z": 9}},
            {"communityUserId": "d", "location": "Nowhere", "coordinates": {"x": 0, "y": 0, "z": 0}},
        ]  # fmt: skip
        reply = await drop.ask("PATCH", LOCATIONS, {"updates": updates})

        assert (reply.status, reply.headers["content-type"], reply.json) == (
            200,
            "application/json",
            {"updated": 2},
        )
        now = drop.bench.clock.monotonic()
        batch = drop.buffers.coalescer.take(SERVER, now, 10)
        assert batch is not None
        (a, b) = (location.report for location in batch.locations)
        assert (a.unit_id, a.x, a.y, a.z, a.heading, a.text, a.peer_id) == (
            "a",
            1.5,
            2.0,
            3.0,
            90.0,
            "Alta St",
            "7",
        )
        assert (b.unit_id, b.x, b.text) == ("b", 4.0, "Beach")
        assert drop.buffers.fleet[SERVER].last_push_at == now
        assert drop.cad.raw == []
        assert drop.sample("locations_received_total", server="main") == 2
        assert drop.sample("locations_rejected_total", server="main", reason="bad_id") == 1
        assert drop.sample("locations_rejected_total", server="main", reason="out_of_bounds") == 1
        assert drop.sample("listener_requests_total", route=ROUTE, code="200") == 1

    run_drop_in(tmp_path, case)


@pytest.mark.parametrize("body", [b'{"updates":[]}', b'{"updates":{}}'])
def test_a_push_of_nobody_says_that_the_server_lives(tmp_path: Path, body: bytes) -> None:
    async def case(drop: DropIn) -> None:
        reply = await drop.ask("PATCH", LOCATIONS, body)

        assert (reply.status, reply.json) == (200, {"updated": 0})
        assert drop.buffers.fleet[SERVER].last_push_at is not None
        assert drop.buffers.fleet[OTHER_SERVER].last_push_at is None

    run_drop_in(tmp_path, case)


def test_locations_of_which_none_makes_sense_are_refused_with_the_reasons(tmp_path: Path) -> None:
    async def case(drop: DropIn) -> None:
        reply = await drop.ask("PATCH", LOCATIONS, {"updates": [{"communityUserId": "a"}, 7]})

        assert (reply.status, reply.headers["content-type"]) == (400, PROBLEM)
        assert [problem["index"] for problem in reply.json["problems"]] == [0, 1]
        assert drop.cad.raw == []

    run_drop_in(tmp_path, case)


def test_a_panic_is_answered_from_disk_while_the_cad_is_away(tmp_path: Path) -> None:
    async def case(drop: DropIn) -> None:
        drop.cad.always(SET_UNIT_PANIC, CadError("connect", sent=False))
        updates = [
            {"communityUserId": unit, "location": "", "coordinates": {"x": 1, "y": 2}} for unit in "ab"
        ]
        await drop.ask("PATCH", LOCATIONS, {"updates": updates})
        started = drop.bench.clock.monotonic()
        reply = await drop.ask("PATCH", PANIC, {"communityUserIds": ["b", "c"], "isPanic": True})

        assert (reply.status, reply.json) == (200, {"updated": 2, "isPanic": True})
        assert drop.bench.clock.monotonic() == started
        assert await drop.bench.rows("SELECT kind, state FROM events") == [("panic", "pending")]
        batch = drop.buffers.coalescer.take(SERVER, started, 1)
        assert batch is not None
        assert [location.report.unit_id for location in batch.locations] == ["b"]

        drop.cad.always(SET_UNIT_PANIC, None)
        await drop.bench.clock.sleep(10.0)
        assert drop.cad.requests(SET_UNIT_PANIC)[-1].body == {"communityUserIds": ["b", "c"], "isPanic": True}
        assert drop.sample("events_delivered_total", server="main", kind="panic") == 1

    run_drop_in(tmp_path, case)


def test_a_panic_names_its_units_in_every_way_sonoran_knows(tmp_path: Path) -> None:
    bodies: list[tuple[dict[str, Any], list[str]]] = [
        ({"communityUserId": "a", "isPanic": 0}, ["a"]),
        ({"apiIds": ["b", "c"], "isPanic": "false"}, ["b", "c"]),
        ({"apiId": "d", "isPanic": False, "accountUuid": "", "discord": None, "identIds": []}, ["d"]),
        ({"communityUserIds": {"1": "e", "12": "f"}, "isPanic": False}, ["e", "f"]),
    ]

    async def case(drop: DropIn) -> None:
        for body, ids in bodies:
            reply = await drop.ask("PATCH", PANIC, body)
            assert (reply.status, reply.json) == (200, {"updated": len(ids), "isPanic": False})
            await drop.bench.clock.sleep(10.0)
            assert drop.cad.sent[-1].body == {"communityUserIds": ids, "isPanic": False}

    run_drop_in(tmp_path, case)


def test_a_status_is_answered_by_its_name(tmp_path: Path) -> None:
    async def case(drop: DropIn) -> None:
        for status in (3, "3", "ENROUTE", "en route"):
            reply = await drop.ask("PATCH", STATUS, {"communityUserIds": ["a"], "status": status})
            assert (reply.status, reply.json) == (200, {"updated": 1, "status": "ENROUTE"})
            await drop.bench.clock.sleep(5.0)
            assert drop.cad.sent[-1].body == {"communityUserIds": ["a"], "status": 3}

    run_drop_in(tmp_path, case)


@pytest.mark.parametrize(
    ("operation", "path", "what"),
    [(SET_UNIT_PANIC, PANIC, {"isPanic": True}), (SET_UNIT_STATUS, STATUS, {"status": 1})],
)
def test_a_unit_that_is_named_otherwise_is_named_so_to_the_cad_and_as_durably(
    tmp_path: Path, operation: Operation, path: str, what: Any
) -> None:
    async def case(drop: DropIn) -> None:
        targets: list[dict[str, Any]] = [
            {"accountUuid": "u"}, {"roblox": 123}, {"discord": "9"}, {"identIds": [4, 5]},
        ]  # fmt: skip
        for target in targets:
            drop.cad.script(operation, CadError("connect", sent=False))
            reply = await drop.ask("PATCH", path, target | what)

            assert (reply.status, reply.json["updated"]) == (200, len(target.get("identIds", [1])))
            await drop.bench.clock.sleep(20.0)
            (sent,) = {msgspec.json.encode(request.body) for request in drop.cad.requests(operation)[-2:]}
            assert msgspec.json.decode(sent) == target | what
        mixed = {"communityUserId": "a", "identIds": [4]}
        await drop.ask("PATCH", path, mixed | what)
        await drop.bench.clock.sleep(20.0)
        bodies = [request.body for request in drop.cad.requests(operation)[-2:]]
        assert [body | what for body in bodies] == bodies
        assert {name for body in bodies for name in body} - set(what) == {"communityUserIds", "identIds"}

    run_drop_in(tmp_path, case)


def test_a_heartbeat_feeds_the_bridge_s_own(tmp_path: Path) -> None:
    async def case(drop: DropIn) -> None:
        reply = await drop.ask("POST", BEAT, {"playerCount": "42", "coreVersion": "4"})

        assert (reply.status, reply.json) == (
            200, {"serverId": 1, "playerCount": 42, "receivedAtUtc": reply.json["receivedAtUtc"]},
        )  # fmt: skip
        assert drop.buffers.fleet[SERVER].players(drop.bench.clock.monotonic()) == 42
        assert drop.buffers.fleet[OTHER_SERVER].players(drop.bench.clock.monotonic()) is None
        assert drop.left(HEARTBEAT) == []

    run_drop_in(tmp_path, case)


# Calls


@pytest.mark.parametrize(
    ("operation", "path", "body"),
    [(CREATE_911_CALL, CALL_911, JANE), (CREATE_DISPATCH_CALL, DISPATCH, ROBBERY)],
)
@pytest.mark.parametrize("headers", [[], [f"User-Agent: {GAME_SERVER}"]])
def test_a_call_is_answered_with_the_cad_s_own_words(
    tmp_path: Path, operation: Operation, path: str, body: Any, headers: list[str]
) -> None:
    async def case(drop: DropIn) -> None:
        words = b'{"callId" : 302, "odd":["\xc3\xab", {}], "updated":1}'
        drop.cad.script(operation, said(201, words))
        reply = await drop.ask("POST", path, body, headers=headers)

        assert (reply.status, reply.body) == (201, words)
        assert reply.headers["content-type"] == "application/json; charset=utf-8"
        assert await drop.bench.rows("SELECT state FROM events") == [("delivered",)]

    run_drop_in(tmp_path, case)


@pytest.mark.parametrize("status", [400, 403, 404, 422])
def test_a_call_that_the_cad_refuses_is_refused_in_its_words(tmp_path: Path, status: int) -> None:
    async def case(drop: DropIn) -> None:
        words = b'{"title":"No","detail":"not today","traceId":"t-1"}'
        drop.cad.script(CREATE_911_CALL, said(status, words, PROBLEM))
        reply = await drop.ask("POST", CALL_911, JANE)

        assert (reply.status, reply.body, reply.headers["content-type"]) == (status, words, PROBLEM)
        assert await drop.bench.rows("SELECT state FROM events") == [("failed",)]

    run_drop_in(tmp_path, case)


@pytest.mark.parametrize(
    "first", [answer(429, {"message": "slow"}, retry_after=2.0), CadError("connect", sent=False), answer(302, {"a": 1})]
)  # fmt: skip
def test_a_call_that_needs_a_second_attempt_is_answered_by_that(
    tmp_path: Path, first: CadAnswer | CadError
) -> None:
    async def case(drop: DropIn) -> None:
        drop.cad.script(CREATE_911_CALL, first, said(201, b'{"callId":302}'))
        reply = await drop.ask("POST", CALL_911, JANE)

        assert (reply.status, reply.body) == (201, b'{"callId":302}')
        assert len(drop.left(CREATE_911_CALL)) == 2

    run_drop_in(tmp_path, case)


@pytest.mark.parametrize(
    ("agent", "seconds"), [(GAME_SERVER, 4.0), ("sonoran.py/1.0", TIMEOUT), ("notFXServer/1", TIMEOUT)]
)
def test_who_cannot_wait_is_told_the_event(tmp_path: Path, agent: str, seconds: float) -> None:
    async def case(drop: DropIn) -> None:
        late = asyncio.Event()
        drop.cad.script(CREATE_911_CALL, late)
        started = drop.bench.clock.monotonic()
        reply = await drop.ask("POST", CALL_911, JANE, headers=[f"User-Agent: {agent}"])

        assert (reply.status, list(reply.json)) == (202, ["event"])
        assert drop.bench.clock.monotonic() - started == pytest.approx(seconds, abs=0.2)
        assert drop.sample("listener_requests_total", route=ROUTE, code="202") == 1
        late.set()
        await drop.bench.clock.sleep(1.0)
        view = await drop.bench.view(EventId(reply.json["event"]))
        assert view.state is EventState.DELIVERED

    run_drop_in(tmp_path, case)


def test_a_call_found_on_the_board_is_described_from_what_is_known(tmp_path: Path) -> None:
    async def case(drop: DropIn) -> None:
        board = CallBoard()
        drop.cad.script(CREATE_911_CALL, board.take_but(NO_ANSWER))
        drop.cad.always(GET_CALLS, board)
        body = JANE | {"metaData": {"plate": "46EEK572"}, "callId": 9, "colour": "red"}
        first = await drop.ask("POST", CALL_911, body, headers=["Idempotency-Key: k"])
        await drop.bench.clock.sleep(30.0)
        again = await drop.ask("POST", CALL_911, body, headers=["Idempotency-Key: k"])

        assert (first.status, again.status) == (202, 200)
        assert len(drop.left(CREATE_911_CALL)) == 1
        known = again.json
        assert known["callId"] == 501, "the CAD's number, whatever the client wrote there"
        assert known["metaData"] == {"plate": "46EEK572", MARK: first.json["event"]}
        assert (known["caller"], known["description"], known["colour"]) == ("Jane", "Shots", "red")
        assert known["updated"].endswith("Z")

    run_drop_in(tmp_path, case)


def test_a_call_that_runs_out_of_time_says_so(tmp_path: Path) -> None:
    async def case(drop: DropIn) -> None:
        drop.cad.always(CREATE_911_CALL, CadError("connect", sent=False))
        reply = await drop.ask("POST", CALL_911, JANE)

        assert (reply.status, reply.headers["content-type"]) == (504, PROBLEM)
        view = await drop.bench.view(EventId(reply.json["event"]))
        assert view.state is EventState.EXPIRED
        assert reply.json["detail"] == view.error
        assert drop.sample("events_expired_total", server="main", kind="call_911") == 1

    run_drop_in(tmp_path, case, config=OutboxConfig(ttl=TtlConfig(call_911=3.0)))


@pytest.mark.parametrize("first", [CadError("connect", sent=False), answer(429, retry_after=60.0)])
def test_a_call_that_is_taken_back_before_it_was_sent_says_so(
    tmp_path: Path, first: CadAnswer | CadError
) -> None:
    async def case(drop: DropIn) -> None:
        drop.cad.always(CREATE_911_CALL, first)
        async with asyncio.TaskGroup() as group:
            asked = group.create_task(drop.ask("POST", CALL_911, JANE))
            await drop.bench.clock.sleep(0.5)
            ((event_id,),) = await drop.bench.rows("SELECT id FROM events")
            await drop.bench.append(EmergencyCallRemoval(call=EventId(event_id)))
        reply = asked.result()

        assert (reply.status, reply.json.get("event")) == (409, event_id)

    run_drop_in(tmp_path, case)


def test_fields_that_have_no_name_here_reach_the_cad(tmp_path: Path) -> None:
    odd: dict[str, Any] = {
        "colour": "r\u00f8d",
        "list": [1, {"a": None}],
        "big": 2**63,
        "deep": {"x": [[]]},
        "apiId": "a",
    }

    async def case(drop: DropIn) -> None:
        await drop.ask("POST", CALL_911, JANE | odd)
        await drop.ask("POST", DISPATCH, ROBBERY | {"colour": "red", "notes": ["n"]})

        assert {name: sent_of(drop, CREATE_911_CALL)[name] for name in odd} == odd
        sent = sent_of(drop, CREATE_DISPATCH_CALL)
        assert (sent["colour"], sent["notes"], sent["communityUserIds"]) == ("red", ["n"], ["license:1"])

    run_drop_in(tmp_path, case)


def test_no_field_of_the_client_takes_the_mark_s_place(tmp_path: Path) -> None:
    async def case(drop: DropIn) -> None:
        forged = {"metaData": {MARK: "forged", "a": "b"}, "MetaData": {MARK: "forged"}}
        await drop.ask("POST", CALL_911, JANE | forged)
        await drop.ask("POST", DISPATCH, ROBBERY | forged)

        rows = await drop.bench.rows("SELECT id FROM events ORDER BY seq")
        for operation, (event_id,) in zip((CREATE_911_CALL, CREATE_DISPATCH_CALL), rows, strict=True):
            sent = sent_of(drop, operation)
            assert sent["metaData"] == {MARK: event_id, "a": "b"}
            assert list(sent).index("metaData") > list(sent).index("MetaData"), "the last one counts"

    run_drop_in(tmp_path, case)


# The same request again


def test_a_call_that_comes_again_is_created_once_and_told_twice(tmp_path: Path) -> None:
    async def case(drop: DropIn) -> None:
        drop.cad.script(CREATE_911_CALL, said(201, b'{"callId":302}'))
        both = [drop.ask("POST", CALL_911, JANE, headers=["Idempotency-Key: k"]) for _ in range(2)]
        first, second = await asyncio.gather(*both)
        later = await drop.ask("POST", CALL_911, JANE, headers=["Idempotency-Key: k"])
        other = await drop.ask("POST", CALL_911, JANE | {"caller": "Joe"}, headers=["Idempotency-Key: k"])

        assert first.body == second.body == b'{"callId":302}'
        assert (later.status, later.json["callId"], other.status) == (200, 302, 422)
        assert len(drop.left(CREATE_911_CALL)) == 1

    run_drop_in(tmp_path, case)


def test_a_call_that_comes_again_is_told_while_the_outbox_is_full(tmp_path: Path) -> None:
    async def case(drop: DropIn) -> None:
        first = await drop.ask("POST", CALL_911, JANE, headers=["Idempotency-Key: k"])
        drop.cad.otherwise = CadError("connect", sent=False)
        await drop.ask("PATCH", STATUS, {"communityUserId": "a", "status": 1})
        full = await drop.ask("PATCH", STATUS, {"communityUserId": "b", "status": 1})
        again = await drop.ask("POST", CALL_911, JANE, headers=["Idempotency-Key: k"])

        assert (first.status, full.status) == (201, 503)
        assert (again.status, again.json["callId"]) == (200, 7)

    run_drop_in(tmp_path, case, config=OutboxConfig(max_events=2))


def test_a_panic_that_comes_again_adds_none(tmp_path: Path) -> None:
    async def case(drop: DropIn) -> None:
        body = {"communityUserId": "a", "isPanic": True}
        replies = [await drop.ask("PATCH", PANIC, body, headers=["Idempotency-Key: k"]) for _ in range(2)]

        assert [(reply.status, reply.json) for reply in replies] == [
            (200, {"updated": 1, "isPanic": True})
        ] * 2
        assert await drop.bench.rows("SELECT count(*) FROM events") == [(1,)]
        changed = await drop.ask("PATCH", PANIC, body | {"isPanic": False}, headers=["Idempotency-Key: k"])
        bad = await drop.ask("PATCH", PANIC, body, headers=["Idempotency-Key: a b"])
        assert (changed.status, bad.status) == (422, 400)

    run_drop_in(tmp_path, case)


# What is forwarded


def test_a_request_passes_unchanged_in_meaning_and_without_its_headers(tmp_path: Path) -> None:
    async def case(drop: DropIn) -> None:
        search = OPERATIONS["lookupByValue"]
        drop.cad.script(search, said(207, b"\x00odd", "text/odd"))
        body = b'{"value" : "Zo\\u00eb", "types":[7],"unknown":{"a":1e40}}'
        headers = [
            "Content-Type: text/plain", "Cookie: a=b", "X-Forwarded-For: 9.9.9.9", "Accept: x/y", "Via: 1.1 me",
            "X-HTTP-Method-Override: DELETE", "Idempotency-Key: k", "Connection: close, X-Odd", "X-Odd: 1",
        ]  # fmt: skip
        path = search.path.replace("{serverId}", "1")
        reply = await drop.ask(search.method, f"{path}?q=Zo%C3%AB+x&q=%2F&q=|", body, headers=headers)

        assert (reply.status, reply.body, reply.headers["content-type"]) == (207, b"\x00odd", "text/odd")
        (left,) = drop.left(search)
        assert (left.method, left.body, left.content_type) == (search.method, body, "application/json")
        assert left.path == f"{path}?q=Zo%C3%AB+x&q=%2F&q=%7C"
        assert left.upload is None

    run_drop_in(tmp_path, case)


def test_a_read_takes_no_body_along(tmp_path: Path) -> None:
    async def case(drop: DropIn) -> None:
        await drop.ask("GET", "/v2/general/version", b'{"a":1}')

        assert [request.body for request in drop.left(GET_VERSION)] == [None]

    run_drop_in(tmp_path, case)


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("Content-Type: text/csv", "application/json"),
        ("Content-Type: application/json; charset=utf-7", "application/json"),
        ("Content-Type: application/x-www-form-urlencoded", "application/json"),
        ("X: y", "application/json"),
    ],
)
def test_what_goes_on_is_json_whatever_it_was_called(tmp_path: Path, given: str, sent: str) -> None:
    async def case(drop: DropIn) -> None:
        reply = await drop.ask("PUT", "/v2/general/robots?a=%2F", b"[1]", headers=[given])

        assert reply.status == 200
        (left,) = drop.left(OTHER)
        assert (left.method, left.path, left.body) == ("PUT", "/v2/general/robots?a=%2F", b"[1]")
        assert left.content_type == sent

    run_drop_in(tmp_path, case)


def test_the_texts_of_a_call_arrive_word_for_word(tmp_path: Path) -> None:
    async def case(drop: DropIn) -> None:
        texts = {"caller": "J" * 300, "location": " Alta St ", "description": "one\n\ttwo"}
        await drop.ask("POST", CALL_911, JANE | texts)
        board = {"title": "a\nb", "description": "c\nd", "postal": "7" * 60, "code": " 211"}
        await drop.ask("POST", f"{ROOT}/dispatch-calls", board)

        assert sent_of(drop, CREATE_911_CALL) | texts == sent_of(drop, CREATE_911_CALL)
        assert sent_of(drop, CREATE_DISPATCH_CALL) | board == sent_of(drop, CREATE_DISPATCH_CALL)

    run_drop_in(tmp_path, case)


def test_a_refused_call_is_refused_alike_when_the_request_comes_again(tmp_path: Path) -> None:
    async def case(drop: DropIn) -> None:
        drop.cad.always(CREATE_911_CALL, said(409, b'{"title": "no"}'))
        asked = [await drop.ask("POST", CALL_911, JANE, headers=["Idempotency-Key: k"]) for _ in range(2)]

        assert [reply.status for reply in asked] == [409, 409]
        assert len(drop.left(CREATE_911_CALL)) == 1

    run_drop_in(tmp_path, case)


@pytest.mark.parametrize("path", ["/v2/general/robots", f"{ROOT}/blips"])
@pytest.mark.parametrize(
    "body",
    [
        '{"serverId":2}'.encode("utf-16"),
        '{"serverId":2}'.encode("utf-16-le"),
        b'{"a":"\xff"}',
        b'{"a":1}\x00',
    ],
)
def test_what_is_not_utf_8_is_not_passed_on(tmp_path: Path, path: str, body: bytes) -> None:
    async def case(drop: DropIn) -> None:
        reply = await drop.ask("POST", path, body)

        assert (reply.status, "UTF-8" in reply.json["detail"]) == (400, True)
        assert drop.cad.sent == []

    run_drop_in(tmp_path, case)


@pytest.mark.parametrize("body", [b'{"serverId":2,"serverId":1}', b'{"serverId":1,"a":{"SERVERID":2}}'])
def test_a_server_named_twice_is_seen_both_times(tmp_path: Path, body: bytes) -> None:
    async def case(drop: DropIn) -> None:
        assert (await drop.ask("POST", f"{ROOT}/blips", body)).status == 404
        assert drop.cad.sent == []

    run_drop_in(tmp_path, case)


def test_an_unknown_path_has_ten_requests_a_minute(tmp_path: Path) -> None:
    async def case(drop: DropIn) -> None:
        replies = [await drop.ask("GET", f"/v2/general/robots/{number}") for number in range(11)]

        assert [reply.status for reply in replies] == [200] * 10 + [429]
        assert int(replies[-1].headers["retry-after"]) == replies[-1].json["retry_after"] > 50
        assert replies[-1].json["message"] == "API rate limit exceeded"

    run_drop_in(tmp_path, case)


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_a_kick_reaches_the_cad_as_it_documents_it(tmp_path: Path, method: str) -> None:
    async def case(drop: DropIn) -> None:
        body = [{"communityUserId": "a", "reason": "Restart"}]
        reply = await drop.ask(method, f"{ROOT}/units/kick", body)

        assert reply.status == 200
        (left,) = drop.left(KICK_UNIT)
        assert (left.method, left.path) == ("POST", f"{ROOT}/units/kick")
        assert sent_of(drop, KICK_UNIT) == body

    run_drop_in(tmp_path, case)


def test_fivem_s_own_client_is_served(tmp_path: Path) -> None:
    async def case(drop: DropIn) -> None:
        headers = [
            f"User-Agent: {GAME_SERVER}",
            "Accept: */*",
            "Content-Type: application/x-www-form-urlencoded",
        ]
        panic = await drop.ask(
            "PATCH", PANIC, b'{"communityUserIds":["Jos\xe9"],"isPanic":true}', headers=headers
        )
        search = OPERATIONS["lookupByValue"]
        looked = await drop.ask(search.method, search.path, b'{"value":"x"}', headers=headers)
        bodiless = await drop.ask("POST", f"{ROOT}/units/kick", None, headers=headers)

        assert [reply.status for reply in (panic, looked, bodiless)] == [200, 200, 200]
        assert [left.content_type for left in drop.left(search)] == ["application/json"]
        assert [left.body for left in drop.left(KICK_UNIT)] == [None]

    run_drop_in(tmp_path, case)


def test_fivem_s_own_client_hears_in_time_that_the_cad_is_slow(tmp_path: Path) -> None:
    async def case(drop: DropIn) -> None:
        drop.cad.script(GET_SERVERS, asyncio.Event())
        started = drop.bench.clock.monotonic()
        reply = await drop.ask("GET", "/v2/general/servers", headers=[f"User-Agent: {GAME_SERVER}"])

        assert (reply.status, reply.json["reason"]) == (504, "timeout")
        assert drop.bench.clock.monotonic() - started < 4.5

    run_drop_in(tmp_path, case)


@pytest.mark.parametrize(
    ("reason", "sent", "status"), [("connect", False, 502), ("reset", True, 502), ("tls", False, 502), ("timeout", True, 504)]
)  # fmt: skip
def test_a_cad_that_gives_no_answer_is_reported(
    tmp_path: Path, reason: str, *, sent: bool, status: int
) -> None:
    async def case(drop: DropIn) -> None:
        drop.cad.script(KICK_UNIT, CadError(reason, sent=sent))
        reply = await drop.ask("POST", f"{ROOT}/units/kick", [])

        assert (reply.status, reply.headers["content-type"], reply.json["reason"]) == (
            status,
            PROBLEM,
            reason,
        )
        assert ("may have acted" in reply.json["detail"]) == sent
        assert drop.sample("cad_request_failures_total", operation="kickUnit", reason=reason) == 1
        assert drop.sample("listener_requests_total", route=ROUTE, code=str(status)) == 1

    run_drop_in(tmp_path, case)


# Who may


OTHERS: list[tuple[str, str, Any]] = [
    ("GET", "/v2/emergency/servers/2/units", None),
    ("GET", "/v2/emergency/SERVERS/%32/units", None),
    ("GET", "/v2/emergency/%C5%BFervers/2/units", None),
    ("PATCH", "/v2/emergency/servers/2/unit-locations", {"updates": []}),
    ("PATCH", "/v2/emergency/servers/2/units/panic", {"communityUserId": "a", "isPanic": True}),
    ("POST", "/v2/emergency/servers/2/calls/911", JANE),
    ("POST", "/v2/general/servers/2/heartbeat", {"playerCount": 1}),
    ("GET", "/v2/new/servers/2/robots", None),
    ("GET", "/v2/general/version?serverId=2", None),
    ("POST", "/v2/general/robots", {"deep": [{"serverId": 2}]}),
    ("POST", "/v1/operations/getActiveUnits", {"path": {"serverId": 2}}),
    ("POST", "/v1/operations/getServers", {"query": {"serverId": 2}}),
    ("POST", "/v1/operations/kickUnit", {"body": [{"serverId": 2}]}),
]


def test_another_server_s_number_is_not_found(tmp_path: Path) -> None:
    async def case(drop: DropIn) -> None:
        for method, path, body in OTHERS:
            reply = await drop.ask(method, path, body)
            assert (reply.status, reply.headers["content-type"]) == (404, PROBLEM), path
        assert drop.cad.raw == []
        assert drop.buffers.fleet[SERVER].last_push_at is None
        assert await drop.bench.rows("SELECT * FROM events") == []

        for method, path, body in OTHERS:
            assert (await drop.ask(method, path, body, server=OTHER_SERVER)).status < 300, path
        assert drop.buffers.fleet[OTHER_SERVER].last_push_at is not None

    run_drop_in(tmp_path, case)


def test_a_body_that_names_another_server_than_the_path_is_not_found(tmp_path: Path) -> None:
    async def case(drop: DropIn) -> None:
        panic = {"communityUserId": "a", "isPanic": True}
        for path, body in (
            (PANIC, panic | {"serverId": 2}),
            (STATUS, panic | {"status": 1, "ServerId": "2"}),
        ):
            assert (await drop.ask("PATCH", path, body)).status == 404
        assert await drop.bench.rows("SELECT * FROM events") == []

        assert (await drop.ask("PATCH", PANIC, panic | {"serverId": 1})).status == 200

    run_drop_in(tmp_path, case)


@pytest.mark.parametrize("scope", [scope for scope in Scope if scope not in {Scope.CMS, Scope.OTHER}])
def test_every_operation_needs_its_scope_and_says_which(tmp_path: Path, scope: Scope) -> None:
    async def case(drop: DropIn) -> None:
        for operation in [one for one in OPERATIONS.values() if one.scope is scope]:
            values = dict.fromkeys(operation.parameters, "1")
            replies = [await drop.ask(operation.method, operation.path.format(**values), b"{}")]
            if operation is not UPLOAD_BODYCAM_RECORDING:
                replies.append(await drop.ask("POST", f"/v1/operations/{operation.name}", {"path": values}))
            for reply in replies:
                assert (reply.status, reply.headers["content-type"]) == (403, PROBLEM), operation
                assert reply.json["detail"] == (
                    f'{operation.name} needs "{scope}" in the key allow of server "main" ([[servers]] in bridge.toml)'
                )
        assert drop.cad.raw == []
        assert await drop.bench.rows("SELECT * FROM events") == []

    run_drop_in(tmp_path, case, allow={scope.value for scope in Scope} - {scope.value})


def test_an_unknown_path_needs_a_scope_of_its_own(tmp_path: Path) -> None:
    async def case(drop: DropIn) -> None:
        reply = await drop.ask("GET", "/v2/general/robots")

        assert reply.status == 403
        assert '"other"' in reply.json["detail"]
        assert drop.cad.raw == []

    run_drop_in(tmp_path, case, allow={scope.value for scope in Scope} - {"other"})


def test_no_spelling_leads_past_a_scope(tmp_path: Path) -> None:
    spellings = [
        "/v2/general/../civilian/characters", "/v2/general/%2e%2e/civilian/characters", "/v2/civilian/characters%2f",
        "/v2/civilian%2Fcharacters", "/v2/civilian/./characters", "/v2/x/%2e%2e%2fcivilian/characters",
        "/v2/civilian/characters;a", "/v2/civilian/characters%00", "/v2/civilian/characters%20", "/v2/civilian\\characters",
        "/v2/civilian/character%EF%BD%93", "/v2/%63ivilian//CHARACTERS/", "/v2/civilian/character%C5%BF",
        "/v2/civilian/characters.", "/v2/%2563ivilian/characters", "/v2/civ%C4%B1lian/characters", "/v2/civilian/characters#a",
        "http://bridge/v2/civilian/characters",
    ]  # fmt: skip

    async def case(drop: DropIn) -> None:
        for path in spellings:
            reply = await drop.ask("GET", path, b"{}")
            assert reply.status in {403, 404}, path
            assert (await drop.ask("PUT", path, b"{}")).status in {404, 405}, path

        assert drop.cad.raw == []

    run_drop_in(tmp_path, case, allow=[*USUAL, "other"])


def test_another_method_is_answered_with_those_there_are(tmp_path: Path) -> None:
    async def case(drop: DropIn) -> None:
        reply = await drop.ask("PUT", f"{ROOT}/units/kick")

        assert (reply.status, reply.headers["allow"]) == (405, "DELETE, POST")
        assert reply.headers["content-type"] == PROBLEM
        assert drop.cad.raw == []
        named = await drop.ask("GET", "/v1/operations/getVersion")
        assert (named.status, named.headers["allow"]) == (405, "POST")

    run_drop_in(tmp_path, case)


# Hostile bodies

BODIES: dict[str, bytes] = {
    "cut": b'{"communityUserId":"a","isPanic":tr',
    "deep": b'{"description":"d","caller":"c","location":' + b"[" * 100_000,
    "deep and closed": b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "text": b'"a"',
    "number": b"7",
    "list": b"[1,2]",
    "NUL": b"\0",
    "UTF-16": '{"isPanic":true}'.encode("utf-16"),
    "huge number": b'{"playerCount":' + b"9" * 5000 + b',"status":1,"isPanic":1}',
    "empty": b"",
    "wrong values": json.dumps(
        {
            "updates": 7,
            "communityUserIds": [{}],
            "isPanic": [],
            "status": {},
            "caller": {},
            "playerCount": "x",
            "title": [],
        }
    ).encode(),
    "surrogates": rb'{"caller":"\ud800","location":"\udfff","description":"d","x":"\ud800","title":"t","playerCount":"\ud800"}',
}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", LOCATIONS),
        ("PATCH", PANIC),
        ("PATCH", STATUS),
        ("POST", CALL_911),
        ("POST", DISPATCH),
        ("POST", BEAT),
    ],
)
def test_a_hostile_body_is_a_fault_of_the_client(tmp_path: Path, method: str, path: str) -> None:
    async def case(drop: DropIn) -> None:
        with capture_logs() as logs:
            for name, body in BODIES.items():
                reply = await drop.ask(method, path, body)
                assert (reply.status, reply.headers["content-type"]) == (400, PROBLEM), name
                assert reply.json["status"] == 400

        assert not [entry for entry in logs if entry["event"] == "request failed"]
        assert await drop.bench.rows("SELECT * FROM events") == []

    run_drop_in(tmp_path, case)


def test_a_call_with_something_wrong_in_it_is_refused(tmp_path: Path) -> None:
    wrong: dict[str, Any] = {
        "odd": "x" * 20_000,
        "metaData": {f"k{number}": "v" for number in range(51)},
        "deleteAfterMinutes": 0,
        "isEmergency": "maybe",
        "caller": "\x00\n",
    }

    async def case(drop: DropIn) -> None:
        bodies = [JANE | {name: value} for name, value in wrong.items()]
        for body in (*bodies, JANE | {"metaData": {"a": {"b": 1}}}, JANE | {"metaData": "text"}):
            reply = await drop.ask("POST", CALL_911, body)
            assert (reply.status, reply.headers["content-type"]) == (400, PROBLEM)

        assert await drop.bench.rows("SELECT * FROM events") == []

    run_drop_in(tmp_path, case)


def test_a_body_that_hides_a_server_where_only_a_lax_reader_finds_it_is_refused(tmp_path: Path) -> None:
    async def case(drop: DropIn) -> None:
        for body in (b"{'serverId':2}", b'{"serverId":2,}', b'{"serverId":2,"a":' + b"[" * 5000):
            reply = await drop.ask("POST", f"{ROOT}/units/kick", body)
            assert (reply.status, reply.headers["content-type"]) == (400, PROBLEM)

        assert drop.cad.raw == []

    run_drop_in(tmp_path, case)


# Operations by name


def test_an_operation_is_called_by_its_name(tmp_path: Path) -> None:
    async def case(drop: DropIn) -> None:
        group = next(operation for operation in OPERATIONS.values() if "groupName" in operation.parameters)
        drop.cad.script(group, said(201, b'{"a":1}'))
        reply = await drop.ask(
            "POST",
            f"/v1/operations/{group.name}",
            {
                "path": {"groupName": "Zoë/1"},
                "query": {"a b": ["x&y", 2, True, None]},
                "body": {"c": [1.5, None, "ë"]},
            },
        )

        assert (reply.status, reply.body) == (201, b'{"a":1}')
        (left,) = drop.left(group)
        assert (
            left.path
            == f"{group.path.format(serverId=1, groupName='Zo%C3%AB%2F1')}?a%20b=x%26y&a%20b=2&a%20b=true"
        )
        assert (left.method, left.content_type) == (group.method, "application/json")
        assert msgspec.json.decode(left.body or b"") == {"c": [1.5, None, "ë"]}
        assert drop.sample("listener_requests_total", route="/v1/operations/{id}", code="201") == 1

    run_drop_in(tmp_path, case)


def test_what_the_bridge_keeps_it_keeps_by_name_too(tmp_path: Path) -> None:
    async def case(drop: DropIn) -> None:
        name = "/v1/operations/"
        panic = await drop.ask(
            "POST",
            f"{name}setUnitPanic",
            {"path": {"serverId": "01"}, "body": {"apiId": "a", "isPanic": True}},
        )
        call = await drop.ask("POST", f"{name}create911Call", {"body": JANE})
        places = await drop.ask(
            "POST", f"{name}updateUnitLocations", b'{"path":[],"query":[],"body":{"updates":[]}}'
        )

        assert (panic.status, panic.json) == (200, {"updated": 1, "isPanic": True})
        assert (call.status, call.json) == (201, {"callId": 7})
        assert (places.status, places.json) == (200, {"updated": 0})
        assert drop.left(UPDATE_UNIT_LOCATIONS) == []

    run_drop_in(tmp_path, case)


WRONG: list[tuple[str, Any, int]] = [
    ("nothing", {}, 404),
    ("getversion", {}, 404),
    ("getVersion%20", {}, 404),
    ("uploadBodycamRecording", {}, 422),
    ("getVersion", b"{", 400),
    ("getVersion", b"\0", 400),
    ("getVersion", b"[" * 100_000, 400),
    ("getVersion", b"7", 422),
    ("getVersion", [1], 422),
    ("getVersion", {"pfad": {}}, 422),
    ("getVersion", {"path": "x"}, 422),
    ("getVersion", {"query": [1]}, 422),
    ("getVersion", {"query": {"a": {}}}, 422),
    ("getVersion", {"query": {"a": [[]]}}, 422),
    ("getVersion", rb'{"query":{"\ud800":1}}', 422),
    ("getVersion", rb'{"query":{"a":"\ud800"}}', 422),
    ("getVersion", b'{"query":{"a":NaN}}', 422),
    ("kickUnit", rb'{"body":{"a":"\ud800"}}', 422),
    ("getAccountUnits", {"path": {}}, 404),
    ("getAccountUnits", rb'{"path":{"accountUuid":"\ud800"}}', 404),
    ("getAccountUnits", {"path": {"accountUuid": ".."}}, 404),
    ("getAccountUnits", {"path": {"accountUuid": {}}}, 422),
    ("getAccountUnits", {"path": {"accountUuid": "a", "serverId": None}}, 422),
]


def test_a_name_or_shape_that_is_wrong_is_refused(tmp_path: Path) -> None:
    async def case(drop: DropIn) -> None:
        for name, body, status in WRONG:
            reply = await drop.ask("POST", f"/v1/operations/{name}", body)
            assert (reply.status, reply.headers["content-type"]) == (status, PROBLEM), (name, body)
        assert drop.cad.raw == []

        odd = {"path": {"serverId": "x", "more": 1}}  # which are no parameters of this one
        assert (await drop.ask("POST", "/v1/operations/getVersion", odd)).status == 200

    run_drop_in(tmp_path, case)


def test_an_own_operation_by_name_with_a_bad_body_is_refused_as_by_path(tmp_path: Path) -> None:
    async def case(drop: DropIn) -> None:
        for body in (None, [], {}, [1], "x", {"isPanic": True}):
            reply: Reply = await drop.ask("POST", "/v1/operations/setUnitPanic", {"body": body})
            assert (reply.status, reply.headers["content-type"]) == (400, PROBLEM)

        assert await drop.bench.rows("SELECT * FROM events") == []

    run_drop_in(tmp_path, case)


# Recordings

UPLOAD = UPLOAD_BODYCAM_RECORDING.path
CLIP = (
    b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n' + b"\x00\xff\\u" * 1000 + b"\r\n--b--\r\n"
)
FORM = "Content-Type: multipart/form-data; boundary=b"


def upload(*headers: str, token: str = TOKENS[SERVER]) -> bytes:
    return request(
        "POST", UPLOAD, headers=[f"Authorization: Bearer {token}", FORM, *headers], authorized=False
    )


def chunk(part: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(part), part)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_recording_streams_through(tmp_path: Path, *, chunked: bool) -> None:
    async def case(drop: DropIn) -> None:
        wire = await drop.door.connect()
        length = f"Content-Length: {len(CLIP)}"
        await wire.send(upload("Transfer-Encoding: chunked" if chunked else length))
        for at in range(0, len(CLIP), 1000):
            part = CLIP[at : at + 1000]
            await wire.send(chunk(part) if chunked else part)
            await drop.bench.clock.sleep(1.0)
        await wire.send(chunk(b"") if chunked else b"")
        reply = await wire.reply()

        assert (reply.status, reply.json) == (200, ["https://files.example/clip.webm"])
        assert drop.cad.uploads == [CLIP]
        (left,) = drop.left(UPLOAD_BODYCAM_RECORDING)
        assert (left.method, left.path, left.body) == ("POST", UPLOAD, None)
        assert left.content_type == "multipart/form-data; boundary=b"
        assert left.upload is not None
        assert left.upload.length == (None if chunked else len(CLIP))
        assert drop.sample("listener_requests_total", route=UPLOAD, code="200") == 1

        await wire.send(request("GET", "/v2/general/version"))
        assert (await wire.reply()).status == 200, "the line goes on"

    run_drop_in(tmp_path, case, max_body=2000)


def test_leave_to_send_a_recording_is_given_when_there_is_a_slot_for_it(tmp_path: Path) -> None:
    async def case(drop: DropIn) -> None:
        wire = await drop.door.connect()
        await wire.send(upload("Expect: 100-continue", f"Content-Length: {len(CLIP)}"))
        assert (await wire.reply()).status == 100

        await wire.send(CLIP)
        assert (await wire.reply()).status == 200
        assert drop.cad.uploads == [CLIP]

    run_drop_in(tmp_path, case)


def test_a_recording_that_is_refused_is_not_waited_for(tmp_path: Path) -> None:
    asking = ["Expect: 100-continue", f"Content-Length: {MAX_STREAM}"]

    async def case(drop: DropIn) -> None:
        for head, status in (
            (upload(*asking), 403),
            (upload(*asking, token="made-up-token-that-is-wrong"), 401),
            (upload("Expect: 100-continue", f"Content-Length: {MAX_STREAM + 1}"), 413),
            (upload(*asking, "Content-Encoding: gzip"), 400),
            (upload(*asking).replace(b"POST", b"GET"), 405),
            (upload(*asking).replace(UPLOAD.encode(), f"{UPLOAD}?serverId=2".encode()), 404),
        ):
            wire = await drop.door.connect()
            await wire.send(head)
            reply = await wire.reply()
            assert (reply.status, reply.headers["content-type"]) == (status, PROBLEM)
            assert await wire.is_closed()
        assert drop.cad.raw == []

    run_drop_in(tmp_path, case, allow=["lookups"])


def test_a_recording_without_a_slot_is_not_waited_for(tmp_path: Path) -> None:
    async def case(drop: DropIn) -> None:
        for _ in range(UPLOAD_BODYCAM_RECORDING.per_minute):
            assert (await drop.ask("POST", UPLOAD, CLIP, headers=[FORM])).status == 200
        wire = await drop.door.connect()
        await wire.send(upload("Expect: 100-continue", "Content-Length: 1000"))
        reply = await wire.reply()

        assert (reply.status, "retry-after" in reply.headers) == (429, True)
        assert await wire.is_closed()
        assert len(drop.cad.raw) == UPLOAD_BODYCAM_RECORDING.per_minute

    run_drop_in(tmp_path, case)


def test_a_recording_that_is_too_long_is_cut_off(tmp_path: Path) -> None:
    async def case(drop: DropIn) -> None:
        wire = await drop.door.connect()
        await wire.send(upload("Transfer-Encoding: chunked"))
        part = chunk(bytes(2**20))
        for _ in range(MAX_STREAM // 2**20):
            await wire.send(part)
        await wire.send(chunk(b"x"))
        reply = await wire.reply()

        assert (reply.status, reply.headers["content-type"]) == (413, PROBLEM)
        assert reply.json["detail"] == f"a body has at most {MAX_STREAM} bytes"
        assert drop.cad.uploads == []
        assert await wire.is_closed()

    run_drop_in(tmp_path, case)


@pytest.mark.parametrize("trickle", [False, True])
def test_a_recording_that_stalls_is_cut_off(tmp_path: Path, *, trickle: bool) -> None:
    async def case(drop: DropIn) -> None:
        started = drop.bench.clock.monotonic()
        wire = await drop.door.connect()
        await wire.send(upload("Content-Length: 1000") + b"x")
        while trickle and drop.bench.clock.monotonic() < started + STREAM_SECONDS - 5.0:
            await drop.bench.clock.sleep(9.0)
            await wire.send(b"x")
        reply = await wire.reply()

        assert (reply.status, reply.headers["content-type"]) == (408, PROBLEM)
        waited = drop.bench.clock.monotonic() - started
        assert waited == pytest.approx(STREAM_SECONDS if trickle else 10.0, abs=0.5)
        assert drop.cad.uploads == []
        assert drop.sample("listener_requests_total", route=UPLOAD, code="408") == 1

    run_drop_in(tmp_path, case)


@pytest.mark.parametrize(
    ("head", "rest"),
    [("Content-Length: 1000", b"x"), ("Transfer-Encoding: chunked", chunk(b"x")), ("Transfer-Encoding: chunked", b"nonsense\r\n")],
)  # fmt: skip
def test_a_recording_that_breaks_off_never_looks_complete(tmp_path: Path, head: str, rest: bytes) -> None:
    async def case(drop: DropIn) -> None:
        wire = await drop.door.connect()
        await wire.send(upload(head))
        await drop.bench.clock.sleep(0.5)
        await wire.send(rest)
        await drop.bench.clock.sleep(0.5)
        wire.writer.write_eof()
        await drop.bench.clock.sleep(0.5)

        assert len(drop.cad.raw) == 1
        assert drop.cad.uploads == []
        assert drop.sample("listener_requests_total", route=UPLOAD, code="400") == 1
        assert (await drop.ask("GET", "/v2/general/version")).status == 200

    run_drop_in(tmp_path, case)


def test_another_spelling_of_the_upload_is_bounded_as_any_other_request(tmp_path: Path) -> None:
    async def case(drop: DropIn) -> None:
        other = UPLOAD.replace("general", "General")
        small = await drop.ask("POST", other, b"--b--", headers=[FORM])
        large = await drop.ask("POST", other, bytes(3000), headers=[FORM])

        assert (small.status, large.status) == (200, 413)
        (left,) = drop.left(UPLOAD_BODYCAM_RECORDING)
        assert (left.path, left.body, left.content_type) == (UPLOAD, b"--b--", FORM.partition(": ")[2])

    run_drop_in(tmp_path, case, max_body=2000)
