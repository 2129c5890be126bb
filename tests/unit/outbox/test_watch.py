import asyncio
from pathlib import Path

import msgspec

from bridge.config import OutboxConfig
from bridge.config.schema import TtlConfig
from bridge.errors import CadError
from bridge.events import EmergencyCallRemoval, EventId, EventState
from bridge.operations import CREATE_911_CALL, GET_CALLS, SET_UNIT_PANIC, SET_UNIT_STATUS
from bridge.outbox import EventView, Idempotency, Reply, Watch
from bridge.sonoran.messages import CadAnswer
from tests.support.sending import OTHER_SERVER, SERVER, Sending, call, panic, run_sending, status
from tests.support.transport import CallBoard, answer

AGAIN = Idempotency(key="k", body_hash=b"h")


def said(status_code: int, body: bytes) -> CadAnswer:
    return msgspec.structs.replace(answer(status_code, body), content_type="text/odd")


async def ended(bench: Sending, watch: Watch, seconds: float = 60.0) -> EventView:
    view = await watch.wait(seconds)
    assert view is not None
    assert view == await bench.view(view.id)
    return view


def test_whoever_waits_hears_the_end_and_the_cad_s_words(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.script(CREATE_911_CALL, said(201, b'{"callId":302}'))
        watch = Watch()
        await bench.outbox.append(SERVER, [call()], watch=watch)

        assert (await ended(bench, watch)).state is EventState.DELIVERED
        assert watch.reply == Reply(status=201, body=b'{"callId":302}', content_type="text/odd")
        assert await bench.rows("SELECT state FROM events") == [("delivered",)], "it is on disk by then"

    run_sending(tmp_path, case)


def test_whoever_waits_too_long_hears_nothing_and_may_wait_on(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        late = asyncio.Event()
        bench.transport.script(CREATE_911_CALL, late)
        watch = Watch()
        started = bench.clock.monotonic()
        await bench.outbox.append(SERVER, [call()], watch=watch)

        assert await watch.wait(4.0) is None
        assert bench.clock.monotonic() == started + 4.0
        assert await watch.wait(-1.0) is None
        assert watch.reply is None
        late.set()
        assert (await ended(bench, watch)).state is EventState.DELIVERED

    run_sending(tmp_path, case)


def test_only_the_last_answer_counts_and_no_answer_leaves_it(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        lost = CadError("connect", sent=False)
        bench.transport.script(CREATE_911_CALL, said(429, b"slow"), lost, said(422, b"no"))
        watch = Watch()
        await bench.outbox.append(SERVER, [call()], watch=watch)
        await bench.clock.sleep(0.5)
        assert watch.reply is not None
        assert watch.reply.body == b"slow"

        view = await ended(bench, watch, 600.0)
        assert (view.state, watch.reply.body) == (EventState.FAILED, b"no")

    run_sending(tmp_path, case)


def test_a_merged_request_is_heard_by_all_whose_events_were_in_it(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        watches = [Watch() for _ in range(3)]
        hanging = asyncio.Event()
        bench.transport.script(SET_UNIT_PANIC, hanging, said(200, b'{"updated":2}'))
        for number, watch in enumerate(watches):
            await bench.outbox.append(SERVER, [panic(f"license:{number}")], watch=watch)
        await bench.clock.sleep(0.1)
        hanging.set()
        views = [await ended(bench, watch) for watch in watches]

        assert {view.state for view in views} == {EventState.DELIVERED}
        assert len({view.id for view in views}) == 3
        assert [watch.reply.body if watch.reply else None for watch in watches[1:]] == [b'{"updated":2}'] * 2

    run_sending(tmp_path, case)


def test_an_end_without_an_answer_is_told_too(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.always(CREATE_911_CALL, CadError("connect", sent=False))
        cancelled, expired = Watch(), Watch()
        (event_id,) = await bench.outbox.append(SERVER, [call()], watch=cancelled)
        await bench.append(EmergencyCallRemoval(call=event_id))
        await bench.outbox.append(SERVER, [call()], watch=expired)

        assert (await ended(bench, cancelled)).state is EventState.SUPERSEDED
        assert (await ended(bench, expired)).state is EventState.EXPIRED
        assert (cancelled.reply, expired.reply) == (None, None)

    run_sending(tmp_path, case, config=OutboxConfig(ttl=TtlConfig(call_911=20.0)))


def test_a_request_that_comes_again_hears_of_the_event_of_the_first(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        hanging = asyncio.Event()
        bench.transport.script(CREATE_911_CALL, hanging)
        first, second, later = Watch(), Watch(), Watch()
        both = [
            bench.outbox.append(SERVER, [call()], idempotency=AGAIN, watch=watch) for watch in (first, second)
        ]
        (one, other) = await asyncio.gather(*both)
        await bench.clock.sleep(1.0)
        hanging.set()
        views = [await ended(bench, watch) for watch in (first, second)]
        assert await bench.outbox.append(SERVER, [call()], idempotency=AGAIN, watch=later) == one == other

        assert views[0] == views[1] == await ended(bench, later)
        assert (first.reply is not None, first.reply, later.reply) == (True, second.reply, None)
        assert len(bench.transport.requests(CREATE_911_CALL)) == 1

    run_sending(tmp_path, case)


def test_a_request_that_comes_again_after_a_crash_hears_how_it_ended(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        board = CallBoard()
        bench.transport.always(GET_CALLS, board)
        bench.transport.script(CREATE_911_CALL, board.take_but(asyncio.Event()))
        await bench.outbox.append(SERVER, [call()], idempotency=AGAIN, watch=Watch())
        await bench.clock.sleep(1.0)
        later = await bench.restart()
        watch = Watch()
        await later.outbox.append(SERVER, [call()], idempotency=AGAIN, watch=watch)
        view = await ended(later, watch, 600.0)

        assert (view.state, view.result and view.result.call_id) == (EventState.DELIVERED, 501)
        assert watch.reply is None
        await later.__aexit__()

    run_sending(tmp_path, case)


def test_nobody_hears_of_another_server_s_event(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        mine, theirs = Watch(), Watch()
        (one,) = await bench.outbox.append(SERVER, [status()], idempotency=AGAIN, watch=mine)
        (other,) = await bench.outbox.append(OTHER_SERVER, [status()], idempotency=AGAIN, watch=theirs)
        ends = [await watch.wait(10.0) for watch in (mine, theirs)]

        assert [view.id for view in ends if view] == [one, other]

    run_sending(tmp_path, case)


def test_of_several_events_the_last_end_stands(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        watch = Watch()
        ids = await bench.outbox.append(SERVER, [status("a"), panic("b")], watch=watch)
        await bench.clock.sleep(5.0)
        view = await watch.wait(0.1)

        assert view is not None
        assert view.id in ids

    run_sending(tmp_path, case)


def test_nobody_waits_any_longer_when_the_daemon_ends(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.always(SET_UNIT_STATUS, CadError("connect", sent=False))
        watch = Watch()
        await bench.outbox.append(SERVER, [status("a")], watch=watch)
        started = bench.clock.monotonic()
        bench.outbox.leave()

        assert await watch.wait(60.0) is None
        assert bench.clock.monotonic() == started

    run_sending(tmp_path, case)


def test_those_who_have_gone_are_not_kept(tmp_path: Path) -> None:
    async def case(bench: Sending) -> None:
        bench.transport.always(SET_UNIT_STATUS, CadError("connect", sent=False))
        watches = [Watch() for _ in range(5)]
        event_id = EventId("")
        for watch in watches:
            (event_id,) = await bench.outbox.append(SERVER, [status("a")], idempotency=AGAIN, watch=watch)
            await watch.wait(0.1)

        pending = bench.outbox.backlog.find_pending(event_id)
        assert pending is not None
        assert pending.watches == (watches[-1],)

    run_sending(tmp_path, case)
