import asyncio
import gc
import weakref
from itertools import pairwise
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bridge.config import OutboxConfig, TtlConfig
from bridge.errors import CadError
from bridge.events import (
    CALLS,
    Clocking,
    DispatchAttachment,
    DispatchDetachment,
    DispatchNote,
    EmergencyCallRemoval,
    EventId,
    EventKind,
    EventState,
    Kick,
    UnitStatus,
)
from bridge.operations import (
    ADD_CALL_NOTE,
    ATTACH_UNITS,
    CLOSE_DISPATCH_CALLS,
    CREATE_911_CALL,
    CREATE_DISPATCH_CALL,
    DETACH_UNITS,
    GET_CALLS,
    GET_VERSION,
    KICK_UNIT,
    OPERATIONS,
    REMOVE_911_CALL,
    SET_UNIT_PANIC,
    SET_UNIT_STATUS,
)
from bridge.outbox import Reply, Result, Watch
from bridge.outbox.queue import EXPIRE_LIMIT, HEAP_SLACK
from bridge.relay import MERGE_LIMIT, OPERATION_OF
from bridge.sonoran import cms
from bridge.sonoran.messages import CadAnswer
from bridge.units import UnitId
from tests.support.full_disk import full_disk
from tests.support.sending import KINDS, OTHER_SERVER, SERVER, Sending, call, panic, run_sending, status
from tests.support.transport import Sent, answer

DOWN = CadError("connect", sent=False)
CUT_OFF = CadError("timeout", sent=True)


async def _end_of(bench: Sending, event_id: EventId, within: float = 3600.0) -> EventState:
    """Wait until an event has ended and return how."""
    deadline = bench.clock.monotonic() + within
    while bench.clock.monotonic() < deadline:
        state = (await bench.view(event_id)).state
        if state is not EventState.PENDING:
            return state
        await bench.clock.sleep(0.05)
    return EventState.PENDING


def _panics(bench: Sending) -> list[Sent]:
    return bench.transport.requests(SET_UNIT_PANIC)


def _most_in_a_minute(sent: list[Sent]) -> int:
    """Count the requests of the fullest 60 s; each stands at the CAD until 50 ms later."""
    return max(sum(one.at <= other.at < one.at + 60.0 for other in sent) for one in sent)


@pytest.mark.parametrize("kind", EventKind)
def test_what_is_accepted_leaves_at_once_and_reads_delivered(tmp_path: Path, kind: EventKind) -> None:
    async def case(bench: Sending) -> None:
        started = bench.clock.monotonic()
        event_id = await bench.append(KINDS[kind])

        assert await _end_of(bench, event_id, 1.0) is EventState.DELIVERED
        (sent,) = bench.transport.sent
        assert sent.operation is OPERATION_OF[kind]
        assert sent.at == started
        assert (await bench.view(event_id)).attempts == 1
        assert bench.relay.in_flight == 0

    run_sending(tmp_path, case)


def test_the_cads_words_on_a_delivery_are_kept(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.script(SET_UNIT_STATUS, answer(body={"updated": 1}))
        some = await bench.append(status("A", "B", "C"))
        created = await bench.append(call())
        await bench.clock.sleep(1.0)

        assert (await bench.view(some)).result == Result(updated=1, of=3)
        assert (await bench.view(created)).result == Result(call_id=7)
        assert bench.sample("events_unmatched_total", server="main", kind="status") == 2.0

    run_sending(tmp_path, case)


def test_an_answer_without_a_number_is_a_delivery_too(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.otherwise = answer(204, b"")
        ids = [await bench.append(event) for event in KINDS.values()]
        await bench.clock.sleep(1.0)

        assert {(await bench.view(event_id)).state for event_id in ids} == {EventState.DELIVERED}
        assert len(bench.transport.sent) == len(KINDS)

    run_sending(tmp_path, case)


def test_nobody_reached_is_a_failure(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.script(SET_UNIT_PANIC, answer(body={"updated": 0}))
        event_id = await bench.append(panic("A", "B"))

        assert await _end_of(bench, event_id) is EventState.FAILED
        assert (await bench.view(event_id)).error == "no_unit: the CAD knows none of the units"
        assert bench.sample("events_failed_total", server="main", kind="panic", reason="no_unit") == 1.0
        assert bench.sample("events_unmatched_total", server="main", kind="panic") == 2.0

    run_sending(tmp_path, case)


def test_while_one_is_in_flight_more_panics_of_the_same_state_merge_into_the_next(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        await bench.append(panic("A"))
        await bench.clock.sleep(0.01)
        for unit in "BCD":
            await bench.append(panic(unit))
        await bench.append(panic("E", active=False))
        await bench.append(panic("F"), server=OTHER_SERVER)
        await bench.clock.sleep(1.0)

        assert [(sent.units, sent.body["isPanic"], sent.path.split("/")[4]) for sent in _panics(bench)] == [
            (["A"], True, "1"),
            (["E"], False, "1"),
            (["F"], True, "2"),
            (["B", "C", "D"], True, "1"),
        ]

    run_sending(tmp_path, case)


def test_a_request_that_hangs_holds_the_next_panic_up_for_a_second_only(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        hanging = asyncio.Event()
        bench.transport.script(SET_UNIT_PANIC, hanging)
        started = bench.clock.monotonic()
        slow = await bench.append(panic("A"))
        quick = await bench.append(panic("B"))

        assert await _end_of(bench, quick, 2.0) is EventState.DELIVERED
        assert [sent.at - started for sent in _panics(bench)] == [0.0, pytest.approx(1.0)]
        hanging.set()
        assert await _end_of(bench, slow, 1.0) is EventState.DELIVERED

    run_sending(tmp_path, case)


def test_a_unit_has_one_request_in_flight_at_a_time(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        hanging = asyncio.Event()
        bench.transport.script(SET_UNIT_PANIC, hanging)
        on = await bench.append(panic("A"))
        off = await bench.append(panic("A", active=False))
        await bench.clock.sleep(5.0)
        assert len(_panics(bench)) == 1

        hanging.set()
        assert await _end_of(bench, off) is EventState.DELIVERED
        assert [sent.body["isPanic"] for sent in _panics(bench)] == [True, False]
        assert (await bench.view(on)).state is EventState.DELIVERED

    run_sending(tmp_path, case)


def test_a_panic_switched_on_and_off_while_the_cad_is_away_is_not_switched_on(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.otherwise = DOWN
        on = await bench.append(panic("A"))
        await bench.clock.sleep(5.0)
        off = await bench.append(panic("A", active=False))
        await bench.clock.sleep(5.0)
        away = len(_panics(bench))
        bench.transport.otherwise = None

        assert await _end_of(bench, off) is EventState.DELIVERED
        assert (await bench.view(on)).state is EventState.SUPERSEDED
        assert [sent.body["isPanic"] for sent in _panics(bench)[away:]] == [False]

    run_sending(tmp_path, case)


def test_a_hundred_panics_at_once_need_few_requests(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        ids = await asyncio.gather(*(bench.append(panic(f"license:{number}")) for number in range(100)))
        await bench.clock.sleep(2.0)

        assert {(await bench.view(event_id)).state for event_id in ids} == {EventState.DELIVERED}
        assert len(_panics(bench)) <= 3
        assert sum(len(sent.units) for sent in _panics(bench)) == 100

    run_sending(tmp_path, case)


def test_what_waited_for_hundreds_leaves_together_and_holds_up_no_newcomer(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        units = [f"license:{number}" for number in range(200)]
        await bench.outbox.append(SERVER, [panic(unit) for unit in units])
        await bench.clock.sleep(bench.transport.seconds / 2)
        await bench.outbox.append(SERVER, [panic(unit, active=False) for unit in units])
        await bench.clock.sleep(1.0)
        newcomer = await bench.append(panic("newcomer"))
        assert await _end_of(bench, newcomer, 0.2) is EventState.DELIVERED

        assert [(sent.units, sent.body["isPanic"]) for sent in _panics(bench)] == [
            (units, True),
            (units, False),
            (["newcomer"], True),
        ]

    run_sending(tmp_path, case)


def test_of_hundreds_that_have_ended_few_stay_in_memory(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        await bench.outbox.append(SERVER, [panic(f"license:{number}") for number in range(MERGE_LIMIT)])
        await bench.clock.sleep(1.0)

        assert bench.outbox.counts()[EventState.DELIVERED] == MERGE_LIMIT
        assert len(bench.outbox.backlog.queue(EventKind.PANIC)._expiring) <= HEAP_SLACK

    run_sending(tmp_path, case)


def test_no_request_names_more_than_five_hundred_units(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        event_id = await bench.append(status(*(f"license:{number}" for number in range(1000))))

        assert await _end_of(bench, event_id) is EventState.DELIVERED
        sizes = [len(sent.units) for sent in bench.transport.requests(SET_UNIT_STATUS)]
        assert sizes == [500, 500]

    run_sending(tmp_path, case)


@pytest.mark.parametrize(
    "failure", [DOWN, CUT_OFF, answer(503), answer(408)], ids=["down", "cut off", "503", "408"]
)
def test_what_fails_is_tried_again_until_it_gets_through(
    tmp_path: Path, failure: CadError | CadAnswer
) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.script(SET_UNIT_PANIC, failure, failure)
        event_id = await bench.append(panic())

        assert await _end_of(bench, event_id, 5.0) is EventState.DELIVERED
        view = await bench.view(event_id)
        assert view.attempts == 3
        first, second, third = (sent.at for sent in _panics(bench))
        assert 0.05 <= second - first <= 0.55
        assert 0.05 <= third - second <= 1.05

    run_sending(tmp_path, case)


def test_an_attempt_that_failed_leaves_nothing_in_memory(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        error = CadError("timeout", sent=True)
        failed = weakref.ref(error)
        bench.transport.script(CREATE_911_CALL, error)
        del error
        gc.disable()
        try:
            assert await _end_of(bench, await bench.append(call())) is EventState.DELIVERED
            assert failed() is None
        finally:
            gc.enable()

    run_sending(tmp_path, case)


def test_while_the_cad_is_down_it_is_probed_within_the_budget_and_loses_nothing(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.otherwise = DOWN
        bench.transport.seconds = 2.0
        ids = [await bench.append(panic(f"license:{number}", active=False)) for number in range(5)]
        ids += [await bench.append(call()) for _ in range(5)]
        await bench.clock.sleep(5.0)  # until it is known to be down
        most = 0
        for _ in range(600):
            await bench.clock.sleep(1.0)
            most = max(most, bench.relay.in_flight)
        assert most <= 3, "one probe a lane, and a panic that does not wait for one that hangs"
        panics, calls = _panics(bench), bench.transport.requests(CREATE_911_CALL)
        assert min(len(panics), len(calls)) > 10
        assert _most_in_a_minute(panics) <= 30, "none of them left, so that the budget is no bound: every 2 s"
        assert _most_in_a_minute(calls) <= CREATE_911_CALL.per_minute

        bench.transport.otherwise = None
        for event_id in ids:
            assert await _end_of(bench, event_id, 40.0) is EventState.DELIVERED

    run_sending(tmp_path, case)


def test_the_first_success_makes_everything_due(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.otherwise = answer(503)
        ids = [await bench.append(call(caller=f"Jane {number}")) for number in range(3)]
        await bench.clock.sleep(200.0)
        bench.transport.otherwise = None
        bench.start_keeper()
        back = bench.clock.monotonic()
        for event_id in ids:
            assert await _end_of(bench, event_id) is EventState.DELIVERED

        assert bench.clock.monotonic() - back < 10.0
        assert not bench.breaker.down

    run_sending(tmp_path, case)


def test_what_is_too_old_by_then_expires_and_holds_up_nothing(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.otherwise = DOWN
        event_id = await bench.append(panic("A"))
        started = bench.clock.monotonic()

        assert await _end_of(bench, event_id) is EventState.EXPIRED
        assert bench.clock.monotonic() - started == pytest.approx(600.0, abs=3.0)
        assert (await bench.view(event_id)).error == "expired: the last attempt ended with connect"
        bench.transport.otherwise = None
        assert await _end_of(bench, await bench.append(panic("B"))) is EventState.DELIVERED

    run_sending(tmp_path, case)


def test_of_a_great_backlog_nothing_leaves_that_is_too_old(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        too_old = [panic(f"unit-{number}") for number in range(EXPIRE_LIMIT + 1)]
        await bench.outbox.append(SERVER, too_old)
        await bench.clock.sleep(601.0)
        next_run = await bench.restart()
        await next_run.clock.sleep(1.0)

        assert next_run.outbox.counts()[EventState.EXPIRED] == len(too_old)
        assert next_run.transport.sent == []
        await next_run.crash()

    run_sending(tmp_path, case, relaying=False)


def test_what_comes_back_too_late_expires_and_what_gets_through_late_is_delivered(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.seconds = 700.0
        late = await bench.append(panic("A"))
        assert await _end_of(bench, late) is EventState.DELIVERED

        bench.transport.script(SET_UNIT_PANIC, DOWN)
        lost = await bench.append(panic("B"))
        assert await _end_of(bench, lost) is EventState.EXPIRED
        assert len(_panics(bench)) == 2

    run_sending(tmp_path, case)


@pytest.mark.parametrize(("asked", "waited"), [(3.0, 3.0), (None, 5.0)])
def test_after_a_429_nothing_of_that_operation_is_sent_for_as_long_as_asked(
    tmp_path: Path, asked: float | None, waited: float
) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.script(SET_UNIT_PANIC, answer(429, retry_after=asked))
        first = await bench.append(panic("A"))
        await bench.clock.sleep(0.5)
        second = await bench.append(panic("B"))
        other = await bench.append(status())
        assert await _end_of(bench, other, 0.2) is EventState.DELIVERED

        assert await _end_of(bench, first) is EventState.DELIVERED
        assert (await bench.view(second)).state is EventState.DELIVERED
        refused, merged = _panics(bench)
        assert merged.at - refused.at == pytest.approx(waited + 0.05)
        assert sorted(merged.units) == ["A", "B"]

    run_sending(tmp_path, case)


@pytest.mark.parametrize("code", [400, 404, 409, 413, 422, 418])
def test_a_refused_event_fails_with_the_cads_reason_and_trace(tmp_path: Path, code: int) -> None:
    async def case(bench: Sending) -> None:
        refusal = answer(code, {"title": "Bad", "detail": "no such unit"}, trace_id="t-1")
        bench.transport.script(SET_UNIT_PANIC, refusal)
        event_id = await bench.append(panic("A"))

        assert await _end_of(bench, event_id) is EventState.FAILED
        error = (await bench.view(event_id)).error
        assert error is not None
        assert error.endswith(": Bad: no such unit (trace t-1)")
        assert len(_panics(bench)) == 1

    run_sending(tmp_path, case)


def test_a_merged_request_that_is_refused_is_tried_one_by_one(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        refused = answer(400, {"title": "Bad"})
        bench.transport.script(SET_UNIT_PANIC, answer(), refused, answer(), refused, answer())
        await bench.append(panic("first"))
        ids = [await bench.append(panic(unit)) for unit in "ABC"]
        for event_id in ids:
            await _end_of(bench, event_id)

        assert [sent.units for sent in _panics(bench)[1:]] == [["A", "B", "C"], ["A"], ["B"], ["C"]]
        states = [(await bench.view(event_id)).state for event_id in ids]
        assert states == [EventState.DELIVERED, EventState.FAILED, EventState.DELIVERED]

    run_sending(tmp_path, case)


def test_a_forbidden_operation_fails_its_event_and_is_slowed(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.script(SET_UNIT_STATUS, answer(403))
        merged = await bench.append(status("A", "B"))
        assert await _end_of(bench, merged) is EventState.FAILED
        assert (await bench.view(merged)).error == "forbidden: status 403"
        assert await _end_of(bench, await bench.append(status("A"))) is EventState.DELIVERED

        first, second = bench.transport.requests(SET_UNIT_STATUS)
        assert second.at - first.at == pytest.approx(30.05)

    run_sending(tmp_path, case)


def test_a_refused_key_holds_everything_until_it_is_taken_again(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.otherwise = answer(401)
        bench.start_keeper()
        lasting = [event for kind, event in KINDS.items() if kind not in {EventKind.KICK, EventKind.CLOCK}]
        ids = [await bench.append(event) for event in lasting]
        await bench.clock.sleep(300.0)
        ids.append(await bench.append(panic("license:9")))
        await bench.clock.sleep(5.0)

        assert {(await bench.view(event_id)).state for event_id in ids} == {EventState.PENDING}
        assert bench.breaker.holding
        probes = bench.transport.requests(GET_VERSION)
        assert len(bench.transport.sent) - len(probes) <= len(lasting)
        assert 6 <= len(probes) <= 12
        bench.transport.otherwise = None
        for event_id in ids:
            assert await _end_of(bench, event_id, 70.0) is EventState.DELIVERED

    run_sending(tmp_path, case)


def test_while_the_key_is_refused_the_relay_sleeps(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.otherwise = answer(401)
        bench.start_keeper()
        await bench.append(panic("A"))
        await bench.clock.sleep(1.0)
        assert bench.breaker.holding
        looks = 0
        backlog = bench.outbox.backlog
        expire = backlog.expire

        def count(kind: EventKind, now: float, detail: str) -> None:
            nonlocal looks
            looks += 1
            expire(kind, now, detail)

        vars(backlog)["expire"] = count  # the relay asks at every look
        await bench.clock.sleep(30.0)
        assert looks < 10
        await bench.append(panic("B"))
        await bench.clock.sleep(1.0)
        assert looks > 0, "what counts is what the relay asks"

    run_sending(tmp_path, case)


def test_an_event_that_expires_while_everything_is_held_names_the_hold(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.otherwise = answer(401)
        bench.start_keeper()
        event_id = await bench.append(status("A"))

        assert await _end_of(bench, event_id) is EventState.EXPIRED
        assert (await bench.view(event_id)).error == "expired: held: the CAD refuses the API key"

    run_sending(tmp_path, case)


def test_a_401_for_one_operation_alone_fails_its_event_after_a_second_look(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.script(SET_UNIT_STATUS, answer(401, trace_id="t-1"), answer(401, trace_id="t-2"))
        bench.start_keeper()
        refused = await bench.append(status("A"))

        assert await _end_of(bench, refused, 10.0) is EventState.FAILED
        assert (await bench.view(refused)).error == "unauthorized: status 401 (trace t-2)"
        assert await _end_of(bench, await bench.append(panic("A")), 10.0) is EventState.DELIVERED

    run_sending(tmp_path, case)


def test_a_key_revoked_again_holds_what_it_had_held_before(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.script(SET_UNIT_STATUS, answer(401), CadError("reset", sent=True), answer(401))
        bench.transport.script(GET_VERSION, answer(200), answer(401), answer(200), answer(401))
        bench.start_keeper()
        await bench.clock.sleep(1.0)
        event_id = await bench.append(status("A"))

        assert await _end_of(bench, event_id, 60.0) is EventState.DELIVERED

    run_sending(tmp_path, case)


def test_a_call_that_comes_late_says_so(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.otherwise = DOWN
        event_id = await bench.append(call())
        await bench.clock.sleep(360.0)
        bench.transport.otherwise = None

        assert await _end_of(bench, event_id) is EventState.DELIVERED
        last = bench.transport.requests(CREATE_911_CALL)[-1]
        assert last.body["description"].startswith("(delayed 6 min) ")

    run_sending(tmp_path, case)


def test_a_call_is_marked_on_disk_before_its_request_leaves(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.script(CREATE_911_CALL, asyncio.Event())
        await bench.append(call())
        while not bench.transport.sent:
            await bench.clock.sleep(0.001)

        assert await bench.rows("SELECT attempted_at IS NOT NULL, attempts FROM events") == [(1, 1)]

    run_sending(tmp_path, case)


@pytest.mark.parametrize("end", [CUT_OFF, answer(500)], ids=["cut off", "500"])
def test_of_an_unclear_end_only_calls_and_kicks_make_a_fuss(
    tmp_path: Path, end: CadError | CadAnswer
) -> None:
    async def case(bench: Sending) -> None:
        ids: dict[EventKind, EventId] = {}
        for kind, event in KINDS.items():
            bench.transport.script(OPERATION_OF[kind], end)
            ids[kind] = await bench.append(event)
        await bench.clock.sleep(5.0)
        states = {kind: (await bench.view(event_id)).state for kind, event_id in ids.items()}

        assert states.pop(EventKind.KICK) is EventState.FAILED
        assert [states.pop(kind) for kind in sorted(CALLS)] == [EventState.PENDING] * 2
        assert set(states.values()) == {EventState.DELIVERED}, states
        for kind in states:
            sent = bench.transport.requests(OPERATION_OF[kind])
            assert len(sent) == 2, kind
            assert sent[0].body == sent[1].body

    run_sending(tmp_path, case)


def test_a_disk_that_takes_no_mark_keeps_the_call_from_leaving(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.otherwise = DOWN
        event_id = await bench.append(call())
        await bench.clock.sleep(1.0)
        bench.transport.otherwise = None
        with full_disk(bench.path.with_name("outbox.sqlite3-wal")):
            before = len(bench.transport.sent)
            await bench.clock.sleep(200.0)
            assert len(bench.transport.sent) <= before + 1  # one may have had its mark already
            assert (await bench.view(event_id)).state is EventState.PENDING
            assert bench.store.error is not None
            assert bench.client.free_at(CREATE_911_CALL.name, now := bench.clock.monotonic()) == now, (
                "what never left uses up no slot"
            )

        assert await _end_of(bench, event_id, 70.0) is EventState.DELIVERED

    run_sending(tmp_path, case)


def test_a_delivery_that_raises_fails_alone_and_the_lane_goes_on(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.script(SET_UNIT_PANIC, ZeroDivisionError())
        with capture_logs() as logs:
            broken = await bench.append(panic("A"))
            assert await _end_of(bench, broken) is EventState.FAILED

        assert (await bench.view(broken)).error == "internal: ZeroDivisionError"
        assert "delivery raised" in [entry["event"] for entry in logs]
        assert await _end_of(bench, await bench.append(panic("A"))) is EventState.DELIVERED
        assert bench.relay.in_flight == 0

    run_sending(tmp_path, case)


def test_half_the_panics_a_minute_go_at_once_and_none_waits_longer_than_six_seconds(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        for number in range(60):
            await bench.append(panic("A", active=number % 2 == 0))
            await bench.clock.sleep(1.0)
        await bench.clock.sleep(10.0)

        times = [sent.at for sent in _panics(bench)]
        assert times[9] - times[0] == pytest.approx(9.0, abs=0.1)
        assert max(later - earlier for earlier, later in pairwise(times)) <= 6.1
        assert _most_in_a_minute(_panics(bench)) <= SET_UNIT_PANIC.per_minute

    run_sending(tmp_path, case)


def test_restarts_give_no_slot_back_early(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        for number in range(40):
            await bench.append(panic("A", active=number % 2 == 0), call())
            await bench.clock.sleep(5.0)
            if number % 5 == 0:
                bench = await bench.restart()
        await bench.__aexit__()

        for operation in (SET_UNIT_PANIC, CREATE_911_CALL):
            assert 0 < _most_in_a_minute(bench.transport.requests(operation)) <= operation.per_minute

    run_sending(tmp_path, case)


def test_one_kind_that_waits_holds_up_no_other(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        for number in range(20):
            await bench.append(call(caller=f"Jane {number}"))
        await bench.clock.sleep(5.0)
        assert len(bench.transport.requests(CREATE_911_CALL)) == CREATE_911_CALL.per_minute

        assert await _end_of(bench, await bench.append(panic()), 0.5) is EventState.DELIVERED
        assert await _end_of(bench, await bench.append(status(to=UnitStatus.BUSY)), 0.5) is (
            EventState.DELIVERED
        )

    run_sending(tmp_path, case)


def test_draining_waits_for_what_can_still_be_delivered(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.seconds = 3.0
        await bench.append(panic())
        started = bench.clock.monotonic()

        await bench.relay.drain(started + 10.0)

        assert bench.clock.monotonic() - started == pytest.approx(3.0, abs=0.1)
        assert bench.outbox.counts()[EventState.DELIVERED] == 1
        await bench.relay.drain(bench.clock.monotonic() + 10.0)
        assert bench.clock.monotonic() - started == pytest.approx(3.0, abs=0.1)

    run_sending(tmp_path, case)


def test_draining_ends_at_its_deadline_and_leaves_the_rest_on_disk(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.script(SET_UNIT_PANIC, asyncio.Event())
        await bench.append(panic())
        started = bench.clock.monotonic()

        await bench.relay.drain(started + 10.0)

        assert bench.clock.monotonic() - started == pytest.approx(10.0, abs=0.1)
        assert await bench.rows("SELECT state FROM events") == [("pending",)]

    run_sending(tmp_path, case)


def test_draining_does_not_wait_for_a_cad_that_is_known_to_be_down(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.otherwise = DOWN
        await bench.append(panic())
        await bench.clock.sleep(30.0)
        started = bench.clock.monotonic()

        await bench.relay.drain(started + 10.0)

        assert bench.clock.monotonic() - started < 1.0

    run_sending(tmp_path, case)


def test_a_stop_keeps_what_was_in_flight_for_the_next_run(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.script(SET_UNIT_PANIC, asyncio.Event())
        event_id = await bench.append(panic())
        await bench.clock.sleep(1.0)
        await bench.__aexit__()
        again = await Sending(bench.clock, tmp_path, bench.transport).__aenter__()

        assert await _end_of(again, event_id) is EventState.DELIVERED
        await again.__aexit__()

    run_sending(tmp_path, case)


def test_while_the_cad_answers_503_no_call_is_repeated_and_all_get_through_later(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.otherwise = answer(503)
        ids = [await bench.append(KINDS[EventKind.DISPATCH_CALL]) for _ in range(5)]
        probe = await bench.append(panic(active=False))
        await bench.clock.sleep(600.0)
        assert len(bench.transport.requests(CREATE_DISPATCH_CALL)) == 5, "one attempt each"
        assert _most_in_a_minute(bench.transport.requests(GET_CALLS)) <= GET_CALLS.per_minute

        bench.transport.otherwise = None
        for event_id in (probe, *ids):
            assert await _end_of(bench, event_id, 40.0) is EventState.DELIVERED
        assert len(bench.transport.requests(CREATE_DISPATCH_CALL)) == 10

    run_sending(tmp_path, case)


# The CMS has a client of its own


def clocking(unit: str = "license:1", *, out: bool = False) -> Clocking:
    return Clocking(id=unit, clocked_in=not out)


def test_a_clock_out_never_overtakes_its_clock_in_and_supersedes_none(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.script(cms.CLOCK_IN_OUT, CadError("timeout", sent=True))
        ids = [await bench.append(clocking(out=out)) for out in (False, True, False)]
        other = await bench.append(clocking("license:2"))
        assert await _end_of(bench, other, 0.5) is EventState.DELIVERED
        for event_id in ids:
            assert await _end_of(bench, event_id, 60.0) is EventState.DELIVERED

        forced = [
            next(name for name in sent.body[0] if name != "apiId")
            for sent in bench.transport.requests(cms.CLOCK_IN_OUT)
            if sent.body[0]["apiId"] == "license:1"
        ]
        assert forced == ["forceClockIn", "forceClockIn", "forceClockOut", "forceClockIn"]

    run_sending(tmp_path, case)


def test_the_cms_that_is_down_slows_nothing_of_the_cad_and_the_other_way_round(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.always(cms.CLOCK_IN_OUT, CadError("connect", sent=False))
        await bench.append(clocking())
        await bench.clock.sleep(30.0)
        assert bench.cms_breaker.down
        assert not bench.breaker.down
        for number in range(4):
            panic_id = await bench.append(panic(f"license:{number}"))
            assert await _end_of(bench, panic_id, 1.0) is EventState.DELIVERED

        bench.transport.always(cms.CLOCK_IN_OUT, None)
        bench.transport.always(SET_UNIT_PANIC, CadError("connect", sent=False))
        await bench.append(panic("license:9"))
        await bench.clock.sleep(60.0)
        assert bench.breaker.down
        assert not bench.cms_breaker.down
        assert await _end_of(bench, await bench.append(clocking(out=True)), 1.0) is EventState.DELIVERED

    run_sending(tmp_path, case)


def test_the_cms_that_is_back_says_nothing_of_a_cad_that_is_down(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.otherwise = DOWN
        await bench.append(status())
        await bench.append(clocking())
        await bench.clock.sleep(120.0)
        assert bench.breaker.down
        assert bench.cms_breaker.down
        failures = {lane.kind: lane.failures for lane in bench.relay._lanes}
        assert failures[EventKind.STATUS] > 2

        bench.cms_breaker.answered()

        failures[EventKind.CLOCK] = 0
        assert {lane.kind: lane.failures for lane in bench.relay._lanes} == failures

    run_sending(tmp_path, case)


def test_a_refused_key_of_the_cms_holds_clockings_alone(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.cms_breaker.refuse_key()
        held = await bench.append(clocking())
        assert await _end_of(bench, await bench.append(panic()), 1.0) is EventState.DELIVERED
        await bench.clock.sleep(60.0)
        assert (await bench.view(held)).state is EventState.PENDING

        bench.cms_breaker.accept_key()
        assert await _end_of(bench, held, 1.0) is EventState.DELIVERED

    run_sending(tmp_path, case)


def test_an_account_that_the_cms_does_not_know_is_no_unit(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        text = "API ID NOT LINKED TO AN ACCOUNT IN THIS COMMUNITY"
        bench.transport.script(cms.CLOCK_IN_OUT, answer(404, text.encode()))
        event_id = await bench.append(clocking())

        assert await _end_of(bench, event_id, 1.0) is EventState.FAILED
        assert (await bench.view(event_id)).error == f"no_unit: {text}"

    run_sending(tmp_path, case)


def test_without_a_cms_a_clocking_waits_until_it_expires_and_then_says_why(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        event_id = await bench.append(clocking())
        assert await _end_of(bench, await bench.append(panic()), 1.0) is EventState.DELIVERED
        await bench.relay.drain(bench.clock.monotonic() + 10.0)
        assert bench.clock.monotonic() < 1_010.0, "nobody waits for it at the end"

        await bench.clock.sleep(600.0)
        assert (await bench.view(event_id)).state is EventState.EXPIRED
        assert (await bench.view(event_id)).error == "expired: held: bridge.toml has no section [cms]"

    run_sending(tmp_path, case, with_cms=False, config=OutboxConfig(ttl=TtlConfig(other=600.0)))


def test_draining_waits_for_the_service_that_answers_and_for_no_other(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        for _ in range(3):
            bench.cms_breaker.failed("connect")
        bench.transport.always(cms.CLOCK_IN_OUT, CadError("connect", sent=False))
        await bench.append(clocking())
        ids = [await bench.append(call()) for _ in range(3)]
        await bench.relay.drain(bench.clock.monotonic() + 60.0)

        assert {(await bench.view(event_id)).state for event_id in ids} == {EventState.DELIVERED}
        assert bench.clock.monotonic() < 1_030.0

    run_sending(tmp_path, case)


# What each kind asks for, and how it ends


REQUESTS: dict[EventKind, tuple[str, object]] = {
    EventKind.PANIC: ("/units/panic", {"communityUserIds": ["license:1"], "isPanic": True}),
    EventKind.STATUS: ("/units/status", {"communityUserIds": ["license:1"], "status": 1}),
    EventKind.CALL_911_REMOVE: ("/calls/911/302", None),
    EventKind.DISPATCH_NOTE: ("/dispatch-calls/501/notes", {"note": "Caller hides", "noteType": "text"}),
    EventKind.DISPATCH_ATTACH: ("/dispatch-calls/501/attachments", {"communityUserIds": ["license:1"]}),
    EventKind.DISPATCH_DETACH: ("/dispatch-calls/attachments", {"communityUserIds": ["license:1"]}),
    EventKind.DISPATCH_CLOSE: ("/dispatch-calls/close", {"callIds": [501]}),
    EventKind.KICK: ("/units/kick", [{"communityUserId": "license:1", "reason": "Restart"}]),
    EventKind.PHOTO: (
        "/v2/general/photos",
        {"communityUserId": "license:1", "url": "https://pictures.example/1.png"},
    ),
    EventKind.CLOCK: ("/general/clock_in_out", [{"apiId": "license:1", "forceClockIn": True}]),
}
RESULTS = {
    EventKind.PANIC: Result(updated=1, of=1),
    EventKind.STATUS: Result(updated=1, of=1),
    EventKind.CALL_911: Result(call_id=7),
    EventKind.DISPATCH_CALL: Result(call_id=8),
    EventKind.BLIP: Result(blip_id=9),
}


@pytest.mark.parametrize("kind", EventKind)
def test_each_kind_has_its_request_and_its_result(tmp_path: Path, kind: EventKind) -> None:
    async def case(bench: Sending) -> None:
        event_id = await bench.append(KINDS[kind])
        assert await _end_of(bench, event_id, 1.0) is EventState.DELIVERED

        (sent,) = bench.transport.sent
        if kind in REQUESTS:
            path, body = REQUESTS[kind]
            assert sent.path.endswith(path)
            assert sent.body == body
        elif kind in CALLS:
            assert sent.body["metaData"]["cadBridgeEvent"] == event_id
        assert (await bench.view(event_id)).result == RESULTS.get(kind)
        assert bench.sample("events_delivered_total", server="main", kind=kind) == 1.0
        assert bench.sample("event_delivery_seconds_count", kind=kind) == 1.0
        requests = "cms_requests_total" if kind is EventKind.CLOCK else "cad_requests_total"
        assert bench.sample(requests, operation=sent.operation.name, code=_code(kind)) == 1.0

    run_sending(tmp_path, case)


def _code(kind: EventKind) -> str:
    return "201" if kind in {*CALLS, EventKind.BLIP} else "200"


@pytest.mark.parametrize("kind", EventKind)
@pytest.mark.parametrize("code", [400, 404, 409, 422])
def test_each_kind_fails_with_the_cads_reason_and_trace(tmp_path: Path, kind: EventKind, code: int) -> None:
    async def case(bench: Sending) -> None:
        refusal = answer(code, {"title": "Bad", "detail": "no such thing"}, trace_id="t-1")
        bench.transport.script(OPERATION_OF[kind], refusal)
        with capture_logs() as logs:
            event_id = await bench.append(KINDS[kind])
            assert await _end_of(bench, event_id, 1.0) is EventState.FAILED

        reason = {400: "bad_request", 404: "not_found", 409: "conflict", 422: "unprocessable"}[code]
        view = await bench.view(event_id)
        assert view.error == f"{reason}: Bad: no such thing (trace t-1)"
        assert bench.sample("events_failed_total", server="main", kind=kind, reason=reason) == 1.0
        (line,) = [line for line in logs if line["event"] == "event failed"]
        assert (line["id"], line["reason"], line["log_level"]) == (event_id, reason, "error")
        assert "trace t-1" in line["detail"]
        await bench.clock.sleep(60.0)
        assert len(bench.transport.sent) == 1

    run_sending(tmp_path, case)


@pytest.mark.parametrize(
    ("kind", "body", "detail"),
    [
        (EventKind.PANIC, {"updated": 0}, "the CAD knows none of the units"),
        (EventKind.STATUS, {"updated": 0}, "the CAD knows none of the units"),
        (EventKind.PHOTO, {"delivered": 0}, "the CAD knows no account of this id"),
    ],
)
def test_where_the_cad_says_that_nobody_was_reached_the_event_fails(
    tmp_path: Path, kind: EventKind, body: dict[str, int], detail: str
) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.script(OPERATION_OF[kind], answer(body=body))
        event_id = await bench.append(KINDS[kind])

        assert await _end_of(bench, event_id, 1.0) is EventState.FAILED
        assert (await bench.view(event_id)).error == f"no_unit: {detail}"
        assert bench.sample("events_failed_total", server="main", kind=kind, reason="no_unit") == 1.0

    run_sending(tmp_path, case)


# Kicks


KICK_TWO = (Kick(id=UnitId("A"), reason="Restart"), Kick(id=UnitId("B"), reason="Restart"))


@pytest.mark.parametrize(
    "end",
    [CUT_OFF, CadError("reset", sent=True), answer(408), answer(500), answer(502)],
    ids=["timeout", "reset", "408", "500", "502"],
)
def test_a_kick_is_not_repeated_after_an_unclear_end(tmp_path: Path, end: CadError | CadAnswer) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.script(KICK_UNIT, end)
        with capture_logs() as logs:
            event_id = await bench.append(KINDS[EventKind.KICK])
            assert await _end_of(bench, event_id, 1.0) is EventState.FAILED
            await bench.clock.sleep(90.0)

        error = (await bench.view(event_id)).error
        assert error is not None
        assert error.startswith("unclear: ")
        assert error.endswith(", and the CAD may have acted all the same")
        assert len(bench.transport.sent) == 1, "neither repeated nor looked up"
        assert bench.sample("events_failed_total", server="main", kind="kick", reason="unclear") == 1.0
        assert [line["reason"] for line in logs if line["event"] == "event failed"] == ["unclear"]

    run_sending(tmp_path, case)


@pytest.mark.parametrize("end", [DOWN, answer(429, retry_after=2.0)], ids=["connect", "429"])
def test_a_kick_is_repeated_after_a_clear_end(tmp_path: Path, end: CadError | CadAnswer) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.script(KICK_UNIT, end, end)
        event_id = await bench.append(KINDS[EventKind.KICK])

        assert await _end_of(bench, event_id, 10.0) is EventState.DELIVERED
        assert (await bench.view(event_id)).attempts == 3

    run_sending(tmp_path, case)


def test_a_kick_is_tried_for_a_minute(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.otherwise = DOWN
        event_id = await bench.append(KINDS[EventKind.KICK])
        started = bench.clock.monotonic()

        assert await _end_of(bench, event_id) is EventState.EXPIRED
        assert bench.clock.monotonic() - started == pytest.approx(60.0, abs=1.0)
        assert (await bench.view(event_id)).error == "expired: the last attempt ended with connect"

    run_sending(tmp_path, case)


def test_a_kick_that_a_crash_cut_off_is_not_repeated(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.script(KICK_UNIT, asyncio.Event())
        event_id = await bench.append(KINDS[EventKind.KICK])
        await bench.clock.sleep(1.0)
        with capture_logs() as logs:
            again = await bench.restart()
            await again.clock.sleep(70.0)

        assert (await again.view(event_id)).error == "unclear: an attempt may have reached the CAD"
        assert (await again.view(event_id)).attempts == 1
        assert len(again.transport.requests(KICK_UNIT)) == 1
        assert [line["reason"] for line in logs if line["event"] == "event failed"] == ["unclear"]
        await again.__aexit__()

    run_sending(tmp_path, case)


def test_a_kick_that_waits_for_its_next_attempt_survives_a_crash(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.script(KICK_UNIT, answer(429, retry_after=10.0))
        event_id = await bench.append(KINDS[EventKind.KICK])
        await bench.clock.sleep(1.0)
        again = await bench.restart()

        assert await _end_of(again, event_id, 20.0) is EventState.DELIVERED
        assert (await again.view(event_id)).attempts == 2
        await again.__aexit__()

    run_sending(tmp_path, case)


def test_kicks_for_one_reason_share_a_request_and_all_end_with_it(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.script(KICK_UNIT, answer(500))
        ids = await bench.outbox.append(SERVER, [*KICK_TWO, Kick(id=UnitId("C"), reason="Other")])
        await bench.clock.sleep(70.0)

        assert [[row["communityUserId"] for row in sent.body] for sent in bench.transport.sent] == [
            ["A", "B"],
            ["C"],
        ]
        states = [(await bench.view(event_id)).state for event_id in ids]
        assert states == [EventState.FAILED, EventState.FAILED, EventState.DELIVERED]

    run_sending(tmp_path, case)


def test_merged_kicks_that_are_refused_are_tried_one_by_one(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.script(KICK_UNIT, answer(404), answer(404, {"title": "Who?"}), answer())
        ids = await bench.outbox.append(SERVER, KICK_TWO)
        await bench.clock.sleep(5.0)

        assert [[row["communityUserId"] for row in sent.body] for sent in bench.transport.sent] == [
            ["A", "B"],
            ["A"],
            ["B"],
        ]
        assert (await bench.view(ids[0])).error == "not_found: Who?"
        assert (await bench.view(ids[1])).state is EventState.DELIVERED

    run_sending(tmp_path, case)


def test_merged_kicks_cut_off_by_a_crash_are_none_of_them_repeated(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.script(KICK_UNIT, asyncio.Event())
        ids = await bench.outbox.append(SERVER, KICK_TWO)
        await bench.clock.sleep(1.0)
        again = await bench.restart()
        await again.clock.sleep(70.0)

        assert [(await again.view(event_id)).state for event_id in ids] == [EventState.FAILED] * 2
        assert len(again.transport.requests(KICK_UNIT)) == 1
        await again.__aexit__()

    run_sending(tmp_path, case)


# What happens to calls


@pytest.mark.parametrize("end", [CUT_OFF, answer(502)], ids=["cut off", "502"])
def test_a_call_that_is_gone_when_its_removal_is_repeated_was_removed(
    tmp_path: Path, end: CadError | CadAnswer
) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.script(REMOVE_911_CALL, end, answer(404))
        event_id = await bench.append(KINDS[EventKind.CALL_911_REMOVE])

        assert await _end_of(bench, event_id, 5.0) is EventState.DELIVERED
        assert (await bench.view(event_id)).attempts == 2

    run_sending(tmp_path, case)


@pytest.mark.parametrize("end", [DOWN, answer(429, retry_after=1.0)], ids=["connect", "429"])
def test_a_call_that_was_gone_before_any_removal_arrived_is_a_failure(
    tmp_path: Path, end: CadError | CadAnswer
) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.script(REMOVE_911_CALL, end, answer(404, {"title": "Gone"}))
        event_id = await bench.append(KINDS[EventKind.CALL_911_REMOVE])

        assert await _end_of(bench, event_id, 5.0) is EventState.FAILED
        assert (await bench.view(event_id)).error == "not_found: Gone"

    run_sending(tmp_path, case)


def test_a_unit_is_taken_off_its_call_after_it_was_put_on_it(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.script(ATTACH_UNITS, answer(500), answer(500))
        on = await bench.append(KINDS[EventKind.DISPATCH_ATTACH])
        off = await bench.append(KINDS[EventKind.DISPATCH_DETACH])
        other = await bench.append(DispatchDetachment(ids=(UnitId("license:9"),)))

        assert await _end_of(bench, other, 0.2) is EventState.DELIVERED, "another unit does not wait"
        assert await _end_of(bench, off, 10.0) is EventState.DELIVERED
        assert (await bench.view(on)).state is EventState.DELIVERED
        about = [sent for sent in bench.transport.sent if sent.units == ["license:1"]]
        assert [sent.operation for sent in about] == [ATTACH_UNITS] * 3 + [DETACH_UNITS]

    run_sending(tmp_path, case)


def test_a_call_is_closed_after_its_notes(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.script(ADD_CALL_NOTE, CUT_OFF)
        await bench.append(KINDS[EventKind.DISPATCH_NOTE])
        closing = await bench.append(KINDS[EventKind.DISPATCH_CLOSE])

        assert await _end_of(bench, closing, 5.0) is EventState.DELIVERED
        operations = [sent.operation for sent in bench.transport.sent]
        assert operations == [ADD_CALL_NOTE, ADD_CALL_NOTE, CLOSE_DISPATCH_CALLS]

    run_sending(tmp_path, case)


@pytest.mark.parametrize("kind", sorted(CALLS))
def test_what_is_about_a_new_call_waits_for_its_number(tmp_path: Path, kind: EventKind) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.script(OPERATION_OF[kind], DOWN)
        created = await bench.append(KINDS[kind])
        ids = await bench.outbox.append(
            SERVER,
            [
                DispatchNote(call=created, note="One"),
                DispatchAttachment(call=created, ids=(UnitId("A"), UnitId("B"))),
            ],
        )
        for event_id in ids:
            assert await _end_of(bench, event_id, 5.0) is EventState.DELIVERED

        number = "7" if kind is EventKind.CALL_911 else "8"
        assert [sent.path.rsplit("/", 2)[1:] for sent in bench.transport.sent[2:]] == [
            [number, "notes"],
            [number, "attachments"],
        ]

    run_sending(tmp_path, case)


def test_a_call_that_was_not_sent_yet_is_cancelled_by_its_removal(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.otherwise = DOWN
        created = await bench.append(call())
        await bench.clock.sleep(10.0)
        removed = await bench.append(EmergencyCallRemoval(call=created))
        await _end_of(bench, removed, 60.0)
        tried = len(bench.transport.sent)
        bench.transport.otherwise = None
        await bench.clock.sleep(60.0)

        assert (await bench.view(created)).error == "cancelled: ended before it was sent"
        assert (await bench.view(created)).state is EventState.SUPERSEDED
        assert (await bench.view(removed)).result == Result(cancelled=True)
        assert len(bench.transport.sent) == tried
        assert bench.sample("events_superseded_total", server="main", kind="call_911") == 1.0

    run_sending(tmp_path, case)


def test_a_removal_that_comes_while_its_call_is_under_way_waits_for_the_answer(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        slow = asyncio.Event()
        bench.transport.script(CREATE_911_CALL, slow)
        created = await bench.append(call())
        await bench.clock.sleep(1.0)
        removed = await bench.append(EmergencyCallRemoval(call=created))
        await bench.clock.sleep(1.0)
        assert len(bench.transport.sent) == 1
        slow.set()

        assert await _end_of(bench, removed, 1.0) is EventState.DELIVERED
        assert (await bench.view(created)).result == Result(call_id=7)
        assert bench.transport.requests(REMOVE_911_CALL)[0].path.endswith("/911/7")

    run_sending(tmp_path, case)


def test_a_call_that_the_cad_refuses_fails_what_is_about_it(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.script(CREATE_911_CALL, answer(400))
        created = await bench.append(call())
        ids = await bench.outbox.append(
            SERVER, [EmergencyCallRemoval(call=created), DispatchNote(call=created, note="One")]
        )
        for event_id in ids:
            assert await _end_of(bench, event_id, 1.0) is EventState.FAILED
            assert (await bench.view(event_id)).error == "call_failed: its call failed"

        assert len(bench.transport.sent) == 1

    run_sending(tmp_path, case)


def test_every_kind_has_an_operation_with_a_budget() -> None:
    assert set(OPERATION_OF) == set(EventKind)
    known = {**OPERATIONS, **dict.fromkeys(cms.LIMITS)}
    assert all(operation.name in known for operation in OPERATION_OF.values())
    assert not OPERATIONS.keys() & cms.LIMITS.keys(), "budgets are remembered by name"


def test_the_log_says_how_long_a_limit_of_the_cad_postpones(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.script(SET_UNIT_PANIC, answer(429, retry_after=7.0))
        with capture_logs() as logs:
            event_id = await bench.append(panic())
            assert await _end_of(bench, event_id, 10.0) is EventState.DELIVERED

        (told,) = [line for line in logs if line["event"] == "delivery postponed"]
        assert told["seconds"] == 7.0

    run_sending(tmp_path, case)


def test_while_nobody_can_say_whether_the_key_is_right_panics_back_off(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.always(SET_UNIT_PANIC, answer(401))
        bench.transport.always(GET_VERSION, answer(503))
        bench.start_keeper()
        event_id = await bench.append(panic())

        await bench.clock.sleep(4.0)
        assert 2 <= len(_panics(bench)) <= 6, "each fruitless look at the key must not make it due at once"

        bench.transport.always(SET_UNIT_PANIC, None)
        bench.transport.always(GET_VERSION, None)
        assert await _end_of(bench, event_id, 15.0) is EventState.DELIVERED

    run_sending(tmp_path, case)


def test_whoever_waits_hears_the_cad_s_every_answer_and_no_silence(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        refusal = answer(404, {"detail": "no such call"})
        bench.transport.script(CREATE_911_CALL, answer(503), CadError("connect", sent=False), refusal)
        watch = Watch()
        heard: list[int | None] = []
        (event_id,) = await bench.outbox.append(SERVER, [call()], watch=watch)
        while await watch.wait(1.0) is None:
            heard.append(watch.reply and watch.reply.status)

        assert watch.reply == Reply(status=404, body=refusal.body, content_type=refusal.content_type)
        assert set(heard) == {503}
        assert (await bench.view(event_id)).error == "not_found: no such call"

    run_sending(tmp_path, case)
