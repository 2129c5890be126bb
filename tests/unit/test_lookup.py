"""Calls whose creation ended unclear, on virtual time: looked up by their mark, and never made twice."""

import asyncio
import gc
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from bridge.config import OutboxConfig
from bridge.config.schema import TtlConfig
from bridge.errors import CadError
from bridge.events import (
    CallReference,
    DispatchClosing,
    EmergencyCallRemoval,
    Event,
    EventId,
    EventKind,
    EventState,
)
from bridge.lookup import LONGEST_FAILURE, MOST_PAGES, PAGE, REFUSED_PAUSE
from bridge.operations import (
    CLOSE_DISPATCH_CALLS,
    CREATE_911_CALL,
    CREATE_DISPATCH_CALL,
    GET_CALLS,
    GET_VERSION,
    REMOVE_911_CALL,
)
from bridge.outbox import Desk, Result
from bridge.outbox.outbox import SLOW_COMMIT
from bridge.relay import OPERATION_OF
from tests.support.sending import (
    KINDS,
    NAMES,
    OTHER_SERVER,
    SERVER,
    TIMEOUT,
    Sending,
    call,
    panic,
    run_sending,
    status,
)
from tests.support.transport import CallBoard, End, Sent, answer

PACE = 60.0 / GET_CALLS.per_minute  # seconds between looks
CUT_OFF = CadError("timeout", sent=True)
DOWN = CadError("connect", sent=False)
FAIL = OutboxConfig(unclear="fail")

UNCLEAR = {
    "timeout": CUT_OFF,
    "reset": CadError("reset", sent=True),
    "half an answer": CadError("protocol", sent=True),
    "408": answer(408),
    "500": answer(500),
    "502": answer(502),
}
unclear_ends = pytest.mark.parametrize("end", UNCLEAR.values(), ids=UNCLEAR.keys())
both_kinds = pytest.mark.parametrize("kind", [EventKind.CALL_911, EventKind.DISPATCH_CALL])


async def _end_of(
    bench: Sending, event_id: EventId, within: float = 3600.0, pause: float = 0.05
) -> EventState:
    """Wait until an event has ended and return how; ``pause`` seconds pass between two looks."""
    deadline = bench.clock.monotonic() + within
    while bench.clock.monotonic() < deadline:
        state = (await bench.view(event_id)).state
        if state is not EventState.PENDING:
            return state
        await bench.clock.sleep(pause)
    return EventState.PENDING


def _put_up(bench: Sending, board: CallBoard | None = None) -> CallBoard:
    """Give the CAD a board that calls land on and getCalls reads."""
    board = board or CallBoard()
    bench.transport.always(GET_CALLS, board)
    for operation in (CREATE_911_CALL, CREATE_DISPATCH_CALL):
        bench.transport.always(operation, board.take)
    return board


def _looks(bench: Sending) -> list[Sent]:
    return bench.transport.requests(GET_CALLS)


def _created(bench: Sending) -> list[Sent]:
    return [
        sent for sent in bench.transport.sent if sent.operation in (CREATE_911_CALL, CREATE_DISPATCH_CALL)
    ]


def _told(logs: list[EventDict], event: str) -> list[EventDict]:
    return [line for line in logs if line["event"] == event]


def _most_in_a_minute(sent: list[Sent]) -> int:
    return max(sum(one.at <= other.at < one.at + 60.0 for other in sent) for one in sent)


# What a look finds


def test_a_look_that_failed_leaves_nothing_in_memory(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        error = CadError("timeout", sent=True)
        failed = weakref.ref(error)
        bench.transport.script(CREATE_911_CALL, CUT_OFF)
        bench.transport.script(GET_CALLS, error)
        del error
        gc.disable()
        try:
            await _end_of(bench, await bench.append(call()))
            assert failed() is None
        finally:
            gc.enable()

    run_sending(tmp_path, case)


@both_kinds
@unclear_ends
def test_a_call_that_the_cad_has_is_delivered_with_its_number_and_not_sent_again(
    tmp_path: Path, kind: EventKind, end: End
) -> None:
    async def case(bench: Sending) -> None:
        board = _put_up(bench)
        bench.transport.script(OPERATION_OF[kind], board.take_but(end))
        with capture_logs() as logs:
            event_id = await bench.append(KINDS[kind])
            assert await _end_of(bench, event_id, 12.0) is EventState.DELIVERED

        assert (await bench.view(event_id)).result == Result(call_id=501)
        assert (await bench.view(event_id)).attempts == 1
        assert len(_created(bench)) == 1
        assert len(_looks(bench)) == 1
        (line,) = _told(logs, "call found, it is not sent again")
        assert (line["id"], line["kind"], line["log_level"]) == (event_id, kind, "info")
        assert bench.sample("events_delivered_total", server="main", kind=kind) == 1.0
        assert bench.sample("cad_requests_total", operation="getCalls", code="200") == 1.0

    run_sending(tmp_path, case)


@both_kinds
@unclear_ends
def test_a_call_that_the_cad_lacks_is_sent_again_once_with_the_same_mark(
    tmp_path: Path, kind: EventKind, end: End
) -> None:
    async def case(bench: Sending) -> None:
        board = _put_up(bench)
        bench.transport.script(OPERATION_OF[kind], end)
        with capture_logs() as logs:
            event_id = await bench.append(KINDS[kind])
            assert await _end_of(bench, event_id, 12.0) is EventState.DELIVERED
            await bench.clock.sleep(300.0)

        assert (await bench.view(event_id)).result == Result(call_id=501)
        assert (await bench.view(event_id)).attempts == 2
        marks = [sent.body["metaData"]["cadBridgeEvent"] for sent in _created(bench)]
        assert marks == [event_id, event_id]
        assert len(board.active) + len(board.emergency) == 1
        assert len(_looks(bench)) == 1
        (line,) = _told(logs, "call not found, it is sent again")
        assert (line["id"], line["kind"], line["log_level"]) == (event_id, kind, "info")

    run_sending(tmp_path, case)


@pytest.mark.parametrize("camel", [True, False])
@pytest.mark.parametrize("flat", [True, False])
def test_the_answer_is_read_in_every_documented_form(tmp_path: Path, *, camel: bool, flat: bool) -> None:
    async def case(bench: Sending) -> None:
        board = _put_up(bench, CallBoard(camel=camel, flat=flat))
        bench.transport.script(CREATE_911_CALL, board.take_but(CUT_OFF))
        bench.transport.script(CREATE_DISPATCH_CALL, board.take_but(CUT_OFF), board.take_but(CUT_OFF))
        ids = [await bench.append(call()), await bench.append(KINDS[EventKind.DISPATCH_CALL])]
        await bench.clock.sleep(5.0)
        board.close()
        board.emergency, board.closed = board.closed, []
        ids.append(await bench.append(KINDS[EventKind.DISPATCH_CALL]))
        await bench.clock.sleep(30.0)

        assert [(await bench.view(event_id)).state for event_id in ids[1:]] == [EventState.DELIVERED] * 2
        assert len(bench.transport.requests(CREATE_DISPATCH_CALL)) == 2

    run_sending(tmp_path, case)


@both_kinds
@pytest.mark.parametrize(
    "end", [DOWN, answer(429, retry_after=1.0), answer(302)], ids=["connect", "429", "302"]
)
def test_a_clear_end_needs_no_look(tmp_path: Path, kind: EventKind, end: End) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.script(OPERATION_OF[kind], end)
        event_id = await bench.append(KINDS[kind])

        assert await _end_of(bench, event_id, 3.0) is EventState.DELIVERED
        assert (await bench.view(event_id)).attempts == 2
        view = await bench.view(event_id)
        assert view.result is not None
        assert not view.result.unverified
        assert _looks(bench) == []

    run_sending(tmp_path, case)


@both_kinds
@pytest.mark.parametrize("code", [400, 403, 404, 409, 413, 422])
def test_a_refused_call_needs_no_look(tmp_path: Path, kind: EventKind, code: int) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.script(OPERATION_OF[kind], answer(code, {"title": "Bad"}, trace_id="t-1"))
        event_id = await bench.append(KINDS[kind])
        assert await _end_of(bench, event_id, 3.0) is EventState.FAILED
        await bench.clock.sleep(30.0)

        assert (await bench.view(event_id)).error.endswith(": Bad (trace t-1)")  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess] -- failed ones have one
        assert len(bench.transport.sent) == 1

    run_sending(tmp_path, case)


def test_a_second_unclear_attempt_is_looked_up_like_the_first(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        board = _put_up(bench)
        bench.transport.script(CREATE_911_CALL, CUT_OFF, board.take_but(answer(502)))
        event_id = await bench.append(call())

        assert await _end_of(bench, event_id, 30.0) is EventState.DELIVERED
        assert (await bench.view(event_id)).result == Result(call_id=501)
        assert len(_created(bench)) == 2
        waits = [look.at - sent.at for look, sent in zip(_looks(bench), _created(bench), strict=True)]
        assert all(TIMEOUT <= wait < TIMEOUT + PACE for wait in waits), waits

    run_sending(tmp_path, case)


# When it looks


@both_kinds
def test_the_look_comes_when_the_timeout_is_over_and_no_earlier(tmp_path: Path, kind: EventKind) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.script(OPERATION_OF[kind], answer(500))
        await bench.append(KINDS[kind])
        await bench.clock.sleep(30.0)

        assert TIMEOUT <= _looks(bench)[0].at - _created(bench)[0].at < TIMEOUT + 1.0

    run_sending(tmp_path, case)


@pytest.mark.parametrize(
    ("crashed_after", "looks_after"), [(1.0, 1.0 + TIMEOUT), (4.0, SLOW_COMMIT + TIMEOUT)]
)
def test_the_wait_goes_on_over_a_crash_from_the_attempts_row(
    tmp_path: Path, crashed_after: float, looks_after: float
) -> None:
    """The request may have left as late as its row's commit can have taken, though never after the crash."""

    async def case(bench: Sending) -> None:
        board = _put_up(bench)
        bench.transport.script(CREATE_911_CALL, board.take_but(asyncio.Event()))
        event_id = await bench.append(call())
        await bench.clock.sleep(crashed_after)
        again = await bench.restart()

        assert await _end_of(again, event_id, 30.0) is EventState.DELIVERED
        assert (await again.view(event_id)).result == Result(call_id=501)
        assert _looks(again)[0].at - _created(again)[0].at == pytest.approx(looks_after, abs=0.2)
        assert len(_created(again)) == 1
        await again.__aexit__()

    run_sending(tmp_path, case)


def test_a_crash_loop_does_not_put_the_look_off_nor_bring_it_forward(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        board = _put_up(bench)
        bench.transport.script(CREATE_911_CALL, asyncio.Event())
        event_id = await bench.append(call())
        started = bench.clock.monotonic()
        while bench.clock.monotonic() - started < 9.0:
            await bench.clock.sleep(1.5)
            bench = await bench.restart()
            assert _looks(bench) == []
        assert await _end_of(bench, event_id, 5.0) is EventState.DELIVERED

        assert _looks(bench)[0].at - started == pytest.approx(TIMEOUT + SLOW_COMMIT, abs=0.2)
        assert len(_created(bench)) == 2
        assert len(board.emergency) == 1
        await bench.__aexit__()

    run_sending(tmp_path, case)


def test_after_a_long_stop_the_look_comes_at_once(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        board = _put_up(bench)
        bench.transport.script(CREATE_DISPATCH_CALL, board.take_but(asyncio.Event()))
        event_id = await bench.append(KINDS[EventKind.DISPATCH_CALL])
        await bench.clock.sleep(1.0)
        await bench.crash()
        await bench.clock.sleep(600.0)
        again = await Sending(bench.clock, tmp_path, bench.transport).__aenter__()

        assert await _end_of(again, event_id, 1.0) is EventState.DELIVERED
        assert len(_created(again)) == 1
        await again.__aexit__()

    run_sending(tmp_path, case)


def test_a_crash_after_the_look_repeats_nothing_that_was_found(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        board = _put_up(bench)
        bench.transport.script(CREATE_911_CALL, board.take_but(CUT_OFF))
        event_id = await bench.append(call())
        while not _looks(bench):
            await bench.clock.sleep(0.01)
        again = await bench.restart()

        assert await _end_of(again, event_id, 5.0) is EventState.DELIVERED
        assert len(_created(again)) == 1
        await again.__aexit__()

    run_sending(tmp_path, case)


def test_one_look_settles_all_that_wait_on_a_server(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        board = _put_up(bench)
        lost: list[End] = [CUT_OFF, answer(500)]
        bench.transport.script(CREATE_911_CALL, board.take_but(CUT_OFF), *lost)
        bench.transport.script(CREATE_DISPATCH_CALL, board.take_but(CUT_OFF), *lost)
        ids = [
            event_id
            for _ in range(3)
            for event_id in await bench.outbox.append(SERVER, [call(), KINDS[EventKind.DISPATCH_CALL]])
        ]
        for event_id in ids:
            assert await _end_of(bench, event_id, 12.0) is EventState.DELIVERED

        assert len(_looks(bench)) == 1
        assert len(_created(bench)) == 6 + 4
        assert (len(board.emergency), len(board.active)) == (3, 3)

    run_sending(tmp_path, case)


def test_each_server_is_looked_at_on_its_own_board(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        boards = {"1": CallBoard(), "2": CallBoard()}
        bench.transport.always(GET_CALLS, lambda sent: boards[sent.server](sent))
        bench.transport.script(CREATE_911_CALL, boards["1"].take_but(CUT_OFF), CUT_OFF)
        here = await bench.append(call())
        there = await bench.append(call(), server=OTHER_SERVER)
        await bench.clock.sleep(TIMEOUT + PACE + 1.0)

        assert (await bench.view(here)).result == Result(call_id=501)
        assert (await bench.view(there, OTHER_SERVER)).result == Result(call_id=7)
        assert [sent.server for sent in _created(bench)] == ["1", "2", "2"]
        assert sorted(look.server for look in _looks(bench)) == ["1", "2"]

    run_sending(tmp_path, case)


def test_calls_that_were_never_tried_are_not_held_up(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.always(GET_CALLS, answer(500))
        for operation in (CREATE_911_CALL, CREATE_DISPATCH_CALL):
            bench.transport.script(operation, CUT_OFF)
        doubtful = [await bench.append(call()), await bench.append(KINDS[EventKind.DISPATCH_CALL])]
        await bench.clock.sleep(0.5)
        for event in (call(), KINDS[EventKind.DISPATCH_CALL]):
            assert await _end_of(bench, await bench.append(event), 0.2) is EventState.DELIVERED

        assert [(await bench.view(event_id)).state for event_id in doubtful] == [EventState.PENDING] * 2
        assert bench.relay.in_flight == 0

    run_sending(tmp_path, case)


def test_no_more_than_five_reads_leave_in_any_minute_and_all_five_are_used(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        board = _put_up(bench)
        bench.transport.always(CREATE_DISPATCH_CALL, board.take_but(CUT_OFF))
        ids: list[EventId] = []
        for _ in range(60):
            ids.append(await bench.append(KINDS[EventKind.DISPATCH_CALL]))
            await bench.clock.sleep(5.0)
        await bench.clock.sleep(90.0)

        assert {(await bench.view(event_id)).state for event_id in ids} == {EventState.DELIVERED}
        assert _most_in_a_minute(_looks(bench)) == GET_CALLS.per_minute
        assert len(_created(bench)) == len(board.active) == 60

    run_sending(tmp_path, case)


# Closed dispatch calls


@pytest.mark.parametrize(("newer", "pages"), [(0, 1), (99, 1), (100, 2), (250, 3), (399, 4)])
def test_a_call_that_a_person_closed_meanwhile_is_found_on_whichever_page_it_is(
    tmp_path: Path, newer: int, pages: int
) -> None:
    async def case(bench: Sending) -> None:
        board = _put_up(bench)
        board.fill(50)
        bench.transport.script(CREATE_DISPATCH_CALL, board.take_but(CUT_OFF))
        event_id = await bench.append(KINDS[EventKind.DISPATCH_CALL])
        await bench.clock.sleep(2.0)
        board.close()
        board.fill(newer)

        assert await _end_of(bench, event_id, 120.0) is EventState.DELIVERED
        assert (await bench.view(event_id)).result == Result(call_id=501)
        assert [look.query["closedOffset"] for look in _looks(bench)] == [
            PAGE * page for page in range(pages)
        ]
        assert len(_created(bench)) == 1

    run_sending(tmp_path, case)


@pytest.mark.parametrize("page", [10, 25, PAGE])
def test_a_cad_that_puts_fewer_calls_on_a_page_is_read_to_the_end(tmp_path: Path, page: int) -> None:
    async def case(bench: Sending) -> None:
        board = _put_up(bench, CallBoard(page=page))
        bench.transport.script(CREATE_DISPATCH_CALL, board.take_but(CUT_OFF))
        event_id = await bench.append(KINDS[EventKind.DISPATCH_CALL])
        await bench.clock.sleep(2.0)
        board.close()
        board.fill(3 * page)

        assert await _end_of(bench, event_id, 120.0) is EventState.DELIVERED
        assert (await bench.view(event_id)).result == Result(call_id=501)
        assert [look.query["closedOffset"] for look in _looks(bench)] == [0, page, 2 * page, 3 * page]
        assert len(_created(bench)) == 1

    run_sending(tmp_path, case)


@pytest.mark.parametrize("closed", [0, 30, PAGE, 230])
@pytest.mark.parametrize("counted", [True, False])
def test_a_call_on_none_of_the_pages_is_sent_again(tmp_path: Path, closed: int, *, counted: bool) -> None:
    async def case(bench: Sending) -> None:
        board = _put_up(bench, CallBoard(counted=counted))
        board.fill(closed)
        bench.transport.script(CREATE_DISPATCH_CALL, CUT_OFF)
        event_id = await bench.append(KINDS[EventKind.DISPATCH_CALL])

        assert await _end_of(bench, event_id, 120.0) is EventState.DELIVERED
        assert (await bench.view(event_id)).result == Result(call_id=501)
        assert len(_created(bench)) == 2
        assert sum(PAGE for _ in _looks(bench)) >= closed

    run_sending(tmp_path, case)


@pytest.mark.parametrize("unclear", ["repeat", "fail"])
def test_more_closed_calls_than_can_be_read_leave_the_call_unverified(tmp_path: Path, unclear: str) -> None:
    async def case(bench: Sending) -> None:
        _put_up(bench).fill(1000)
        bench.transport.script(CREATE_DISPATCH_CALL, CUT_OFF)
        event_id = await bench.append(KINDS[EventKind.DISPATCH_CALL])
        state = await _end_of(bench, event_id, 200.0)

        assert len(_looks(bench)) == 5
        if unclear == "fail":
            assert state is EventState.FAILED
            assert (await bench.view(event_id)).result == Result(unverified=True)
            assert len(_created(bench)) == 1
        else:
            assert (await bench.view(event_id)).result == Result(call_id=501, unverified=True)
            assert len(_created(bench)) == 2

    run_sending(tmp_path, case, config=OutboxConfig(unclear=unclear))


def test_nobody_reads_on_when_all_that_are_looked_for_are_found(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        board = _put_up(bench)
        board.fill(1000)
        bench.transport.script(CREATE_DISPATCH_CALL, board.take_but(CUT_OFF))
        bench.transport.script(CREATE_911_CALL, board.take_but(CUT_OFF))
        ids = [await bench.append(KINDS[EventKind.DISPATCH_CALL]), await bench.append(call())]
        for event_id in ids:
            assert await _end_of(bench, event_id, 30.0) is EventState.DELIVERED

        assert len(_created(bench)) == 2
        assert len(_looks(bench)) == 1

    run_sending(tmp_path, case)


@pytest.mark.parametrize(("newer", "pages"), [(0, 1), (99, 1), (100, 2), (250, 3), (499, 5)])
def test_a_911_call_is_looked_for_among_closed_ones_until_it_is_found(
    tmp_path: Path, newer: int, pages: int
) -> None:
    async def case(bench: Sending) -> None:
        board = _put_up(bench)
        board.fill(500)
        bench.transport.script(CREATE_DISPATCH_CALL, board.take_but(CUT_OFF))
        bench.transport.script(CREATE_911_CALL, board.take_but(CUT_OFF))
        dispatched, urgent = await bench.outbox.append(SERVER, [KINDS[EventKind.DISPATCH_CALL], call()])
        await bench.clock.sleep(2.0)
        board.closed, board.emergency = [*board.emergency, *board.closed], []
        board.fill(newer)

        assert await _end_of(bench, urgent, 12.0) is EventState.DELIVERED
        assert await _end_of(bench, dispatched, 12.0) is EventState.DELIVERED
        assert [look.query["closedOffset"] for look in _looks(bench)] == [
            PAGE * page for page in range(pages)
        ]
        assert len(_created(bench)) == 2

    run_sending(tmp_path, case)


def test_a_911_call_on_none_of_the_pages_that_can_be_read_is_surely_absent(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        _put_up(bench).fill(1000)
        bench.transport.script(CREATE_911_CALL, CUT_OFF)
        event_id = await bench.append(call())

        assert await _end_of(bench, event_id, 30.0) is EventState.DELIVERED
        assert (await bench.view(event_id)).result == Result(call_id=501)
        assert len(_looks(bench)) == MOST_PAGES
        assert _created(bench)[1].at >= _looks(bench)[-1].at

    run_sending(tmp_path, case)


# 911 calls that are looked at too late


async def _looked_at_after(bench: Sending, event: Event, seconds: float) -> tuple[Sending, EventId]:
    """Have a 911 call cut off by a crash and the daemon come back ``seconds`` after the attempt."""
    bench.transport.script(CREATE_911_CALL, asyncio.Event())
    event_id = await bench.append(event)
    await bench.clock.sleep(1.0)
    await bench.crash()
    await bench.clock.sleep(seconds - 1.0)
    config = bench.lookup._config
    folder = bench.path.parent
    return await Sending(bench.clock, folder, bench.transport, config=config).__aenter__(), event_id


@pytest.mark.parametrize(
    ("event", "seconds", "sure"),
    [
        (call(), 102.0, True),
        (call(), 104.0, False),
        (call(delete_after_minutes=1), 55.0, True),
        (call(delete_after_minutes=1), 61.0, False),
        (call(delete_after_minutes=10), 61.0, True),
    ],
    ids=["soon", "late", "before it ends", "after it ended", "long before it ends"],
)
@pytest.mark.parametrize("unclear", ["repeat", "fail"])
def test_a_911_call_that_may_have_gone_meanwhile_is_not_taken_for_absent(
    tmp_path: Path, event: Event, seconds: float, unclear: str, *, sure: bool
) -> None:
    async def case(bench: Sending) -> None:
        _put_up(bench)
        with capture_logs() as logs:
            again, event_id = await _looked_at_after(bench, event, seconds)
            state = await _end_of(again, event_id, 60.0)

        view = await again.view(event_id)
        if not sure and unclear == "fail":
            assert state is EventState.FAILED
            assert view.error == "unclear: an attempt may have reached the CAD, and nobody can look"
            assert view.result == Result(unverified=True)
            failed = again.sample("events_failed_total", server="main", kind="call_911", reason="unclear")
            assert failed == 1.0
            assert [line["log_level"] for line in _told(logs, "event failed")] == ["error"]
        else:
            assert view.result == Result(call_id=501, unverified=not sure)
            warnings = _told(logs, "call sent again unverified, it may be there twice")
            assert [(line["id"], line["log_level"]) for line in warnings] == (
                [] if sure else [(event_id, "warning")]
            )
        await again.__aexit__()

    run_sending(tmp_path, case, config=OutboxConfig(unclear=unclear))


def test_a_911_call_that_is_there_is_found_however_late(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        board = _put_up(bench)
        bench.transport.script(CREATE_911_CALL, board.take_but(asyncio.Event()))
        event_id = await bench.append(call())
        await bench.clock.sleep(1.0)
        await bench.crash()
        await bench.clock.sleep(600.0)
        again = await Sending(bench.clock, tmp_path, bench.transport).__aenter__()

        assert await _end_of(again, event_id, 5.0) is EventState.DELIVERED
        assert (await again.view(event_id)).result == Result(call_id=501)
        await again.__aexit__()

    run_sending(tmp_path, case)


def test_what_was_sent_unverified_stays_so_however_its_next_attempt_ends(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        board = _put_up(bench)
        again, event_id = await _looked_at_after(bench, call(), 120.0)
        again.transport.script(CREATE_911_CALL, board.take_but(CUT_OFF))

        assert await _end_of(again, event_id, 60.0) is EventState.DELIVERED
        assert (await again.view(event_id)).result == Result(call_id=501, unverified=True)
        await again.__aexit__()

    run_sending(tmp_path, case)


# Looking that does not work


FORBIDDEN = answer(403, {"title": "Forbidden", "detail": "Plus is needed"}, trace_id="t-9")


@both_kinds
def test_where_looking_is_refused_calls_go_on_unverified_and_nobody_asks_again_for_a_while(
    tmp_path: Path, kind: EventKind
) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.always(GET_CALLS, FORBIDDEN)
        bench.transport.script(OPERATION_OF[kind], CUT_OFF)
        with capture_logs() as logs:
            first = await bench.append(KINDS[kind])
            assert await _end_of(bench, first, 12.0) is EventState.DELIVERED
            for _ in range(5):
                bench.transport.script(OPERATION_OF[kind], CUT_OFF)
                later = await bench.append(KINDS[kind])
                assert await _end_of(bench, later, 1.0) is EventState.DELIVERED, "not even slowed"
                view = await bench.view(later)
                assert view.result is not None
                assert view.result.unverified
                await bench.clock.sleep(60.0)

        assert len(_looks(bench)) == 1
        (line,) = _told(logs, "calls cannot be looked up")
        assert (line["unclear"], line["log_level"]) == ("repeat", "warning")
        assert len(_told(logs, "call sent again unverified, it may be there twice")) == 6
        assert _told(logs, "look for calls failed") == []
        assert bench.sample("cad_requests_total", operation="getCalls", code="403") == 1.0

    run_sending(tmp_path, case)


def test_the_plan_that_forbids_looking_is_named_in_the_log(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.always(GET_CALLS, FORBIDDEN)
        bench.transport.script(CREATE_911_CALL, CUT_OFF)
        with capture_logs() as logs:
            assert await _end_of(bench, await bench.append(call()), 12.0) is EventState.DELIVERED

        (line,) = _told(logs, "calls cannot be looked up")
        assert line["detail"] == "Forbidden: Plus is needed (trace t-9)"

    run_sending(tmp_path, case)


@both_kinds
def test_where_the_operator_wants_it_calls_that_nobody_may_look_up_fail(
    tmp_path: Path, kind: EventKind
) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.always(GET_CALLS, FORBIDDEN)
        bench.transport.script(OPERATION_OF[kind], CUT_OFF)
        event_id = await bench.append(KINDS[kind])

        assert await _end_of(bench, event_id, 12.0) is EventState.FAILED
        view = await bench.view(event_id)
        assert view.error == "unclear: an attempt may have reached the CAD, and nobody can look"
        assert view.result == Result(unverified=True)
        assert bench.sample("events_failed_total", server="main", kind=kind, reason="unclear") == 1.0
        assert len(_created(bench)) == 1
        assert await _end_of(bench, await bench.append(KINDS[kind]), 1.0) is EventState.DELIVERED

    run_sending(tmp_path, case, config=FAIL)


@both_kinds
def test_a_failed_call_that_an_operator_retries_is_sent_though_nobody_may_look_and_only_once(
    tmp_path: Path, kind: EventKind
) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.always(GET_CALLS, FORBIDDEN)
        bench.transport.script(OPERATION_OF[kind], CUT_OFF, CUT_OFF)
        event_id = await bench.append(KINDS[kind])
        assert await _end_of(bench, event_id, 12.0) is EventState.FAILED
        desk = Desk(bench.store, bench.outbox, bench.clock, NAMES)

        assert (await desk.retry([event_id])).refused == ()
        assert await _end_of(bench, event_id, 30.0) is EventState.FAILED
        assert len(_created(bench)) == 2, "the operator did not ask for a third"
        await desk.retry([event_id])
        assert await _end_of(bench, event_id, 30.0) is EventState.DELIVERED
        view = await bench.view(event_id)
        assert view.result is not None
        assert view.result.unverified

    run_sending(tmp_path, case, config=FAIL)


def test_after_ten_minutes_a_plan_may_have_changed(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        board = _put_up(bench)
        bench.transport.script(GET_CALLS, answer(403))
        bench.transport.script(CREATE_911_CALL, CUT_OFF)
        assert await _end_of(bench, await bench.append(call()), 12.0) is EventState.DELIVERED
        await bench.clock.sleep(600.0)
        bench.transport.script(CREATE_911_CALL, board.take_but(CUT_OFF))
        event_id = await bench.append(call())

        assert await _end_of(bench, event_id, 12.0) is EventState.DELIVERED
        assert (await bench.view(event_id)).result == Result(call_id=502)

    run_sending(tmp_path, case)


@both_kinds
def test_an_answer_that_hides_marks_decides_nothing(tmp_path: Path, kind: EventKind) -> None:
    async def case(bench: Sending) -> None:
        _put_up(bench)
        bench.transport.always(GET_CALLS, answer(body={"emergencyCalls": [{}], "marksHidden": True}))
        bench.transport.script(OPERATION_OF[kind], CUT_OFF)
        with capture_logs() as logs:
            event_id = await bench.append(KINDS[kind])
            assert await _end_of(bench, event_id, 12.0) is EventState.DELIVERED

        view = await bench.view(event_id)
        assert view.result is not None
        assert view.result.unverified
        assert len(_looks(bench)) == 1
        (line,) = _told(logs, "calls cannot be looked up")
        assert line["detail"] == "the CAD shows calls without their metaData"
        assert _told(logs, "look for calls failed") == []

    run_sending(tmp_path, case)


UNREADABLE = "an answer that is no list of calls"
USELESS: dict[str, tuple[End, str]] = {  # and what the log calls it
    "404": (answer(404, {"title": "Not Found"}), "not_found"),
    "500": (answer(500), "status_500"),
    "too large": (CadError("answer_too_large", sent=True), "answer_too_large"),
    "html": (answer(200, b"<html>"), UNREADABLE),
    "number": (answer(200, b'{"ActiveCalls": 7}'), UNREADABLE),
    "exception": (ZeroDivisionError(), "ZeroDivisionError"),
}
useless_looks = pytest.mark.parametrize(("end", "reason"), USELESS.values(), ids=USELESS.keys())


async def _end_amid_traffic(bench: Sending, event_id: EventId, within: float) -> EventState:
    """Wait until an event has ended, while the CAD answers other requests: it is not down."""
    deadline = bench.clock.monotonic() + within
    while bench.clock.monotonic() < deadline:
        await bench.append(status())
        if (state := await _end_of(bench, event_id, 6.0, pause=1.0)) is not EventState.PENDING:
            return state
    return EventState.PENDING


@both_kinds
@useless_looks
def test_looks_that_fail_for_a_while_cost_no_call_and_double_none(
    tmp_path: Path, kind: EventKind, end: End, reason: str
) -> None:
    async def case(bench: Sending) -> None:
        board = _put_up(bench)
        bench.transport.script(OPERATION_OF[kind], board.take_but(CUT_OFF))
        works_at = bench.clock.monotonic() + TIMEOUT + LONGEST_FAILURE - 50.0
        bench.transport.always(GET_CALLS, lambda sent: end if sent.at < works_at else board(sent))
        with capture_logs() as logs:
            event_id = await bench.append(KINDS[kind])
            assert await _end_amid_traffic(bench, event_id, 900.0) is EventState.DELIVERED

        assert (await bench.view(event_id)).result == Result(call_id=501)
        assert len(_created(bench)) == 1
        assert len(board.active) + len(board.emergency) == 1
        assert sum(look.at >= works_at for look in _looks(bench)) == 1
        assert _looks(bench)[-1].at < works_at + 30.0 + PACE
        failed = _told(logs, "look for calls failed")
        assert len(failed) == len(_looks(bench)) - 1
        assert {(line["server"], line["reason"], line["log_level"]) for line in failed} == {
            ("main", reason, "warning")
        }
        assert _told(logs, "calls cannot be looked up") == []
        assert _most_in_a_minute(_looks(bench)) <= GET_CALLS.per_minute

    run_sending(tmp_path, case)


@both_kinds
@pytest.mark.parametrize("unclear", ["repeat", "fail"])
@useless_looks
def test_looks_that_keep_failing_leave_the_call_to_the_configuration(
    tmp_path: Path, kind: EventKind, unclear: str, end: End, reason: str
) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.always(GET_CALLS, end)
        bench.transport.script(OPERATION_OF[kind], CUT_OFF)
        with capture_logs() as logs:
            event_id = await bench.append(KINDS[kind])
            state = await _end_amid_traffic(bench, event_id, 800.0)

        view = await bench.view(event_id)
        if unclear == "fail":
            assert state is EventState.FAILED
            assert view.result == Result(unverified=True)
            assert view.error == "unclear: an attempt may have reached the CAD, and nobody can look"
            assert len(_created(bench)) == 1
        else:
            assert state is EventState.DELIVERED
            assert view.result == Result(call_id=8 if "dispatch" in kind else 7, unverified=True)
            assert len(_created(bench)) == 2
            assert _created(bench)[1].at >= _looks(bench)[-1].at
        failing = _looks(bench)[-1].at - _looks(bench)[0].at
        assert LONGEST_FAILURE <= failing < LONGEST_FAILURE + 30.0 + PACE
        assert len(_told(logs, "look for calls failed")) == len(_looks(bench)) - 1
        (line,) = _told(logs, "calls cannot be looked up")
        assert line["detail"] == f"looks have failed for long, the last with {reason}"
        assert (line["server"], line["unclear"], line["log_level"]) == ("main", unclear, "warning")

    run_sending(tmp_path, case, config=OutboxConfig(unclear=unclear))


def test_looks_that_failed_for_a_call_that_is_gone_are_not_held_against_the_next(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        board = _put_up(bench)
        bench.transport.always(GET_CALLS, answer(404))
        bench.transport.script(CREATE_911_CALL, CUT_OFF)
        assert await _end_of(bench, await bench.append(call()), 400.0) is EventState.EXPIRED
        await bench.clock.sleep(3600.0)
        bench.transport.always(GET_CALLS, board)
        bench.transport.script(GET_CALLS, answer(404))
        bench.transport.script(CREATE_911_CALL, board.take_but(CUT_OFF))
        event_id = await bench.append(call())

        assert await _end_of(bench, event_id, 60.0) is EventState.DELIVERED
        assert (await bench.view(event_id)).result == Result(call_id=501)
        assert len(board.emergency) == 1

    run_sending(tmp_path, case, config=OutboxConfig(ttl=TtlConfig(call_911=300.0)))


def test_a_later_page_that_keeps_failing_is_given_up_too(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        board = _put_up(bench)
        board.fill(1000)
        bench.transport.always(
            GET_CALLS, lambda sent: answer(404) if sent.query["closedOffset"] else board(sent)
        )
        bench.transport.script(CREATE_DISPATCH_CALL, CUT_OFF)
        event_id = await bench.append(KINDS[EventKind.DISPATCH_CALL])

        assert await _end_amid_traffic(bench, event_id, 900.0) is EventState.DELIVERED
        result = (await bench.view(event_id)).result
        assert result is not None
        assert result.unverified

    run_sending(tmp_path, case)


def test_looks_that_kept_failing_are_given_up_for_a_while_and_on_that_server_alone(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        boards = {"1": CallBoard(), "2": CallBoard()}
        broken = answer(404)
        bench.transport.always(
            GET_CALLS, lambda sent: broken if sent.server == "1" else boards[sent.server](sent)
        )
        bench.transport.script(CREATE_911_CALL, CUT_OFF)
        assert await _end_amid_traffic(bench, await bench.append(call()), 800.0) is EventState.DELIVERED
        given_up_at, looks = bench.clock.monotonic(), len(_looks(bench))

        bench.transport.script(CREATE_911_CALL, CUT_OFF)
        here = await bench.append(call())
        assert await _end_of(bench, here, 1.0) is EventState.DELIVERED, "not even slowed"
        assert (await bench.view(here)).result == Result(call_id=7, unverified=True)
        assert len(_looks(bench)) == looks
        bench.transport.script(CREATE_911_CALL, boards["2"].take_but(CUT_OFF))
        there = await bench.append(call(), server=OTHER_SERVER)
        await bench.clock.sleep(TIMEOUT + PACE)
        assert (await bench.view(there, OTHER_SERVER)).result == Result(call_id=501)

        await bench.clock.sleep(given_up_at + REFUSED_PAUSE - bench.clock.monotonic())
        bench.transport.always(GET_CALLS, boards["1"])
        bench.transport.script(CREATE_911_CALL, boards["1"].take_but(CUT_OFF))
        later = await bench.append(call())
        assert await _end_of(bench, later, 50.0) is EventState.DELIVERED
        assert (await bench.view(later)).result == Result(call_id=501)

    run_sending(tmp_path, case)


def test_a_look_that_worked_starts_the_patience_anew(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        board = _put_up(bench)
        broken = answer(404)
        for number in (501, 502, 503):
            works_at = bench.clock.monotonic() + 400.0
            bench.transport.always(
                GET_CALLS, lambda sent, at=works_at: broken if sent.at < at else board(sent)
            )
            bench.transport.script(CREATE_911_CALL, board.take_but(CUT_OFF))
            event_id = await bench.append(call())
            assert await _end_of(bench, event_id, 500.0) is EventState.DELIVERED
            assert (await bench.view(event_id)).result == Result(call_id=number)

        assert len(_created(bench)) == 3

    run_sending(tmp_path, case)


def test_an_outage_however_long_is_no_refusal(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        board = _put_up(bench)
        bench.start_keeper()
        bench.transport.script(CREATE_DISPATCH_CALL, board.take_but(CUT_OFF))
        with capture_logs() as logs:
            event_id = await bench.append(KINDS[EventKind.DISPATCH_CALL])
            await bench.clock.sleep(1.0)
            bench.transport.always(GET_CALLS, CUT_OFF)
            bench.transport.always(GET_VERSION, CUT_OFF)
            await bench.clock.sleep(5 * LONGEST_FAILURE)
            assert bench.breaker.down
            assert (await bench.view(event_id)).state is EventState.PENDING
            bench.transport.always(GET_VERSION, None)
            bench.transport.always(GET_CALLS, board)
            assert await _end_of(bench, event_id, 30.0) is EventState.DELIVERED

        assert (await bench.view(event_id)).result == Result(call_id=501)
        assert len(_created(bench)) == 1
        assert _told(logs, "calls cannot be looked up") == []

    run_sending(tmp_path, case, config=FAIL)


FAILING: dict[str, End] = {
    "connect": DOWN,
    "timeout": CUT_OFF,
    "408": answer(408),
    "500": answer(500),
    "502": answer(502),
    "429": answer(429, retry_after=3.0),
    "400": answer(400),
    "404": answer(404),
    "too large": CadError("answer_too_large", sent=True),
    "unreadable": answer(200, b"<html>"),
}


@both_kinds
@pytest.mark.parametrize("failure", FAILING.values(), ids=FAILING.keys())
def test_a_look_that_fails_is_repeated_and_nothing_is_sent_meanwhile(
    tmp_path: Path, kind: EventKind, failure: End
) -> None:
    async def case(bench: Sending) -> None:
        board = _put_up(bench)
        bench.transport.script(OPERATION_OF[kind], board.take_but(CUT_OFF))
        bench.transport.script(GET_CALLS, failure, failure)
        event_id = await bench.append(KINDS[kind])

        assert await _end_of(bench, event_id, 50.0) is EventState.DELIVERED
        assert (await bench.view(event_id)).result == Result(call_id=501)
        assert len(_looks(bench)) == 3
        assert len(_created(bench)) == 1

    run_sending(tmp_path, case)


def test_a_look_obeys_retry_after(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        _put_up(bench)
        bench.transport.script(CREATE_911_CALL, CUT_OFF)
        bench.transport.script(GET_CALLS, answer(429, retry_after=20.0))
        with capture_logs() as logs:
            assert await _end_of(bench, await bench.append(call()), 50.0) is EventState.DELIVERED

        refused, read = _looks(bench)
        assert read.at - refused.at == pytest.approx(20.05, abs=0.1)
        (line,) = _told(logs, "CAD limits our rate")
        assert line["operation"] == "getCalls"

    run_sending(tmp_path, case)


def test_a_page_that_fails_proves_nothing_absent(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        board = _put_up(bench)
        bench.transport.script(CREATE_DISPATCH_CALL, board.take_but(CUT_OFF))
        event_id = await bench.append(KINDS[EventKind.DISPATCH_CALL])
        await bench.clock.sleep(2.0)
        board.close()
        board.fill(150)
        bench.transport.script(GET_CALLS, board, answer(500))

        assert await _end_of(bench, event_id, 120.0) is EventState.DELIVERED
        assert (await bench.view(event_id)).result == Result(call_id=501)
        assert len(_created(bench)) == 1

    run_sending(tmp_path, case)


def test_while_the_key_is_refused_nobody_looks_and_then_at_once(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        board = _put_up(bench)
        bench.start_keeper()
        bench.transport.script(CREATE_DISPATCH_CALL, board.take_but(CUT_OFF))
        event_id = await bench.append(KINDS[EventKind.DISPATCH_CALL])
        await bench.clock.sleep(1.0)
        bench.transport.otherwise = answer(401)
        await bench.append(panic())
        await bench.clock.sleep(200.0)
        assert bench.breaker.holding
        assert _looks(bench) == []
        bench.transport.otherwise = None

        assert await _end_of(bench, event_id, 61.0) is EventState.DELIVERED
        accepted = bench.transport.requests(GET_VERSION)[-1]
        assert _looks(bench)[0].at - accepted.at < 0.2
        assert len(_created(bench)) == 1

    run_sending(tmp_path, case)


# What happens to the call while it is in doubt


def test_a_call_in_doubt_expires_like_any_other_and_is_not_sent_again(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.always(GET_CALLS, CUT_OFF)
        bench.transport.script(CREATE_911_CALL, CUT_OFF)
        started = bench.clock.monotonic()
        with capture_logs() as logs:
            event_id = await bench.append(call())
            assert await _end_of(bench, event_id, pause=1.0) is EventState.EXPIRED

        assert bench.clock.monotonic() - started == pytest.approx(900.0, abs=1.0)
        assert (await bench.view(event_id)).error == (
            "expired: an attempt may have reached the CAD, and nobody could look"
        )
        assert bench.sample("events_expired_total", server="main", kind="call_911") == 1.0
        assert len(_told(logs, "event expired")) == 1
        assert len(_created(bench)) == 1
        looks = len(_looks(bench))
        await bench.clock.sleep(300.0)
        assert len(_looks(bench)) == looks, "nothing is left to look for"

    run_sending(tmp_path, case)


def test_what_expires_while_a_look_is_under_way_stays_expired(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        board = _put_up(bench)
        slow = asyncio.Event()
        bench.transport.script(GET_CALLS, slow)
        bench.transport.script(CREATE_911_CALL, board.take_but(CUT_OFF))
        event_id = await bench.append(call())
        assert await _end_of(bench, event_id, pause=1.0) is EventState.EXPIRED
        slow.set()
        await bench.clock.sleep(60.0)

        assert (await bench.view(event_id)).state is EventState.EXPIRED
        assert len(_created(bench)) == 1
        assert bench.outbox.counts()[EventState.EXPIRED] == 1

    run_sending(tmp_path, case)


Ending = Callable[[CallReference], Event]


def _remove(reference: CallReference) -> Event:
    return EmergencyCallRemoval(call=reference)


def _close(reference: CallReference) -> Event:
    return DispatchClosing(calls=(reference,))


endings = pytest.mark.parametrize(
    ("kind", "ending"), [(EventKind.CALL_911, _remove), (EventKind.DISPATCH_CALL, _close)]
)


@endings
def test_a_call_in_doubt_that_is_to_end_is_ended_by_its_number_when_it_is_there(
    tmp_path: Path, kind: EventKind, ending: Ending
) -> None:
    async def case(bench: Sending) -> None:
        board = _put_up(bench)
        bench.transport.script(OPERATION_OF[kind], board.take_but(CUT_OFF))
        created = await bench.append(KINDS[kind])
        await bench.clock.sleep(1.0)
        ended = await bench.append(ending(created))
        await bench.clock.sleep(1.0)
        assert (await bench.view(ended)).state is EventState.PENDING

        assert await _end_of(bench, ended, 12.0) is EventState.DELIVERED
        assert (await bench.view(created)).result == Result(call_id=501)
        if kind is EventKind.CALL_911:
            (sent,) = bench.transport.requests(REMOVE_911_CALL)
            assert sent.path.endswith("/911/501")
        else:
            (sent,) = bench.transport.requests(CLOSE_DISPATCH_CALLS)
            assert sent.body == {"callIds": [501]}

    run_sending(tmp_path, case)


@endings
def test_a_call_in_doubt_that_is_to_end_is_not_sent_again_when_it_is_absent(
    tmp_path: Path, kind: EventKind, ending: Ending
) -> None:
    async def case(bench: Sending) -> None:
        _put_up(bench)
        bench.transport.script(OPERATION_OF[kind], CUT_OFF)
        created = await bench.append(KINDS[kind])
        await bench.clock.sleep(1.0)
        ended = await bench.append(ending(created))
        await bench.clock.sleep(15.0)

        view = await bench.view(created)
        assert view.state is EventState.SUPERSEDED
        assert view.error == "cancelled: ended before it was sent"
        assert (await bench.view(ended)).state is EventState.DELIVERED
        assert (await bench.view(ended)).result == Result(cancelled=True)
        assert bench.sample("events_superseded_total", server="main", kind=kind) == 1.0
        assert len(bench.transport.sent) == 2, "one attempt and one look"

    run_sending(tmp_path, case)


@endings
def test_a_call_that_nobody_can_look_up_is_not_sent_again_only_to_be_ended(
    tmp_path: Path, kind: EventKind, ending: Ending
) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.always(GET_CALLS, answer(403))
        bench.transport.script(OPERATION_OF[kind], CUT_OFF)
        created = await bench.append(KINDS[kind])
        await bench.clock.sleep(1.0)
        ended = await bench.append(ending(created))
        await bench.clock.sleep(15.0)

        view = await bench.view(created)
        assert (view.state, view.result) == (EventState.SUPERSEDED, Result(cancelled=True, unverified=True))
        assert view.error == (
            "cancelled: ended before it was sent again; an earlier attempt may have reached the CAD"
        )
        view = await bench.view(ended)
        assert (view.state, view.result) == (EventState.FAILED, None)
        assert view.error == (
            "call_unknown: its call may have reached the CAD, which did not tell its number"
        )
        failed = bench.sample("events_failed_total", server="main", kind=view.type, reason="call_unknown")
        assert failed == 1.0
        assert bench.sample("events_superseded_total", server="main", kind=kind) == 1.0
        assert len(_created(bench)) == 1
        assert len(bench.transport.sent) == 2, "one attempt and one look"

    run_sending(tmp_path, case)


def test_a_call_that_failed_unclear_fails_what_was_to_end_it(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.always(GET_CALLS, answer(403))
        bench.transport.script(CREATE_911_CALL, CUT_OFF)
        created = await bench.append(call())
        ended = await bench.append(_remove(created))
        await bench.clock.sleep(15.0)

        view = await bench.view(created)
        assert (view.state, view.result) == (EventState.FAILED, Result(unverified=True))
        assert (await bench.view(ended)).error == "call_failed: its call failed"

    run_sending(tmp_path, case, config=FAIL)


def test_the_end_of_a_call_in_doubt_outlives_a_crash(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        _put_up(bench)
        bench.transport.script(CREATE_911_CALL, CUT_OFF)
        created = await bench.append(call())
        await bench.clock.sleep(1.0)
        ended = await bench.append(_remove(created))
        again = await bench.restart()
        await again.clock.sleep(15.0)

        assert (await again.view(created)).state is EventState.SUPERSEDED
        assert (await again.view(ended)).result == Result(cancelled=True)
        assert len(_created(again)) == 1
        await again.__aexit__()

    run_sending(tmp_path, case)


# Faults of the CAD that must cost no call


def test_a_look_whose_pages_pass_the_budgets_window_comes_to_its_end(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        board = _put_up(bench)
        board.fill(1000)
        bench.transport.script(CREATE_DISPATCH_CALL, CUT_OFF)
        bench.transport.script(CREATE_911_CALL, board.take_but(CUT_OFF), board.take_but(CUT_OFF))
        await bench.append(call())  # its look takes a slot of the minute in which five pages are wanted
        await bench.clock.sleep(2.0)
        dispatched = await bench.append(KINDS[EventKind.DISPATCH_CALL])
        urgent = await bench.append(call())

        assert await _end_of(bench, urgent, 15.0) is EventState.DELIVERED, "its page is the first"
        assert await _end_of(bench, dispatched, 90.0) is EventState.DELIVERED
        result = (await bench.view(dispatched)).result
        assert result is not None
        assert result.unverified

    run_sending(tmp_path, case)


@pytest.mark.parametrize("late", [2.0, 9.0])
def test_a_cad_that_acts_after_we_stopped_waiting_gets_as_long_again(tmp_path: Path, late: float) -> None:
    async def case(bench: Sending) -> None:
        board = _put_up(bench)

        def act_late(sent: Sent) -> End:
            asyncio.get_running_loop().call_later(late, board.take, sent)
            return CUT_OFF

        bench.transport.script(CREATE_911_CALL, act_late)
        bench.transport.seconds = TIMEOUT
        event_id = await bench.append(call())
        await bench.clock.sleep(1.0)
        bench.transport.seconds = 0.05

        assert await _end_of(bench, event_id, 30.0) is EventState.DELIVERED
        assert len(_created(bench)) == len(board.emergency) == 1

    run_sending(tmp_path, case)


def test_a_capped_page_of_a_cad_that_does_not_count_is_not_the_last(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        board = _put_up(bench, CallBoard(page=50, counted=False))
        bench.transport.script(CREATE_DISPATCH_CALL, board.take_but(CUT_OFF))
        event_id = await bench.append(KINDS[EventKind.DISPATCH_CALL])
        await bench.clock.sleep(2.0)
        board.close()
        board.fill(60)

        assert await _end_of(bench, event_id, 90.0) is EventState.DELIVERED
        assert len(_created(bench)) == 1

    run_sending(tmp_path, case)


def test_a_look_answered_after_the_call_may_have_ended_proves_nothing(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        _put_up(bench)
        bench.transport.script(CREATE_911_CALL, asyncio.Event())
        event_id = await bench.append(call(delete_after_minutes=1))
        await bench.clock.sleep(1.0)
        await bench.crash()
        await bench.clock.sleep(57.0)
        bench.transport.seconds = 8.0
        again = await Sending(bench.clock, tmp_path, bench.transport).__aenter__()

        assert await _end_of(again, event_id, 60.0) is EventState.DELIVERED
        assert (await again.view(event_id)).result == Result(call_id=501, unverified=True)
        await again.__aexit__()

    run_sending(tmp_path, case)


def test_a_401_for_looking_alone_counts_as_a_refusal(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.always(GET_CALLS, answer(401, trace_id="t-1"))
        bench.start_keeper()
        bench.transport.script(CREATE_911_CALL, CUT_OFF)
        with capture_logs() as logs:
            event_id = await bench.append(call())
            assert await _end_of(bench, event_id, 30.0) is EventState.DELIVERED
            await bench.clock.sleep(300.0)

        assert len(_looks(bench)) == 2
        assert _told(logs, "calls cannot be looked up")[0]["detail"] == "status 401 (trace t-1)"

    run_sending(tmp_path, case)


def test_two_401_for_looking_with_a_good_look_between_are_no_refusal(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        board = _put_up(bench)
        bench.start_keeper()
        for _ in range(2):
            bench.transport.script(GET_CALLS, answer(401))
            bench.transport.script(CREATE_911_CALL, board.take_but(CUT_OFF))
            with capture_logs() as logs:
                event_id = await bench.append(call())
                assert await _end_of(bench, event_id, TIMEOUT + 2 * PACE + 2.0) is EventState.DELIVERED
            assert _told(logs, "calls cannot be looked up") == []
            await bench.clock.sleep(120.0)

        assert len(_created(bench)) == 2

    run_sending(tmp_path, case)


def test_a_look_that_raises_ends_nothing_but_itself(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        board = _put_up(bench)
        bench.transport.script(GET_CALLS, ZeroDivisionError())
        bench.transport.script(CREATE_911_CALL, board.take_but(CUT_OFF))
        with capture_logs() as logs:
            event_id = await bench.append(call())
            assert await _end_of(bench, event_id, TIMEOUT + PACE + 1.0) is EventState.DELIVERED

        assert (await bench.view(event_id)).result == Result(call_id=501)
        assert len(_created(bench)) == 1
        assert len(_told(logs, "look raised")) == 1
        (line,) = _told(logs, "look for calls failed")
        assert (line["server"], line["reason"]) == ("main", "ZeroDivisionError")

    run_sending(tmp_path, case)


def test_a_plan_that_forbids_looking_forbids_it_on_every_server(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.always(GET_CALLS, answer(403))
        bench.transport.script(CREATE_911_CALL, CUT_OFF, CUT_OFF)
        await bench.append(call())
        there = await bench.append(call(), server=OTHER_SERVER)
        await bench.clock.sleep(12.0)

        assert (await bench.view(there, OTHER_SERVER)).state is EventState.DELIVERED
        assert len(_looks(bench)) == 1

    run_sending(tmp_path, case)


def test_a_call_that_expires_in_doubt_after_a_crash_says_so(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.script(CREATE_911_CALL, asyncio.Event())
        bench.transport.always(GET_CALLS, DOWN)
        event_id = await bench.append(call())
        await bench.clock.sleep(1.0)
        again = await bench.restart()
        assert await _end_of(again, event_id) is EventState.EXPIRED

        assert (await again.view(event_id)).error == (
            "expired: an attempt may have reached the CAD, and nobody could look"
        )
        await again.__aexit__()

    run_sending(tmp_path, case)


def test_a_removal_that_a_crash_cut_off_and_that_finds_nothing_has_removed_it(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.script(REMOVE_911_CALL, asyncio.Event(), answer(404))
        event_id = await bench.append(KINDS[EventKind.CALL_911_REMOVE])
        await bench.clock.sleep(1.0)
        again = await bench.restart()

        assert await _end_of(again, event_id, 5.0) is EventState.DELIVERED
        await again.__aexit__()

    run_sending(tmp_path, case)
