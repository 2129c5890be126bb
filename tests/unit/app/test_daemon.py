"""Start, stop and death of the daemon, in virtual time."""

import asyncio
import socket
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs
from structlog.typing import EventDict

from bridge.addresses import IN_USE
from bridge.admin import AdminServer
from bridge.app import Daemon
from bridge.config import AdminConfig, ListenerConfig, OutboxConfig, Secret, TcpBind
from bridge.errors import StartError, StoreError
from bridge.events import EventState
from bridge.listener import Listener
from bridge.outbox import Result
from bridge.simulator.community import Plan
from bridge.simulator.faults import Answer, Delay, Drop, Half, Hang
from bridge.simulator.journal import Received
from bridge.sonoran.http import CadHttp
from bridge.store import Store, Transaction
from bridge.units import LocationReport, ServerId, UnitId
from tests.support.cad_requests import NOON
from tests.support.cloud_transport import CloudTransport
from tests.support.ports import free_port
from tests.support.running_daemon import (
    ADMIN_TOKEN,
    UNIT,
    Running,
    daemon_config,
    locations,
    make_daemon,
    running,
    with_daemon,
)
from tests.support.tls import Authority
from tests.support.virtual_time import VirtualClock, run_virtual


@pytest.fixture(name="lines")
def _lines() -> Iterator[list[EventDict]]:
    structlog.reset_defaults()
    with capture_logs() as captured:
        yield captured


@pytest.fixture(name="taken")
def _taken() -> Iterator[TcpBind]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield TcpBind(host="127.0.0.1", port=server.getsockname()[1])


def free_door() -> TcpBind:
    return TcpBind(host="127.0.0.1", port=free_port())


def is_open(address: TcpBind) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((address.host, address.port)) == 0


def events_of(lines: list[EventDict], logger_event: str) -> list[EventDict]:
    return [line for line in lines if line["event"] == logger_event]


# Start


def test_the_listener_accepts_before_the_daemon_says_that_it_is_ready(
    tmp_path: Path, lines: list[EventDict]
) -> None:
    async def main(clock: VirtualClock) -> None:
        async with make_daemon(daemon_config(tmp_path), clock) as daemon:
            address = daemon.parts.listener.addresses[0]
            assert isinstance(address, TcpBind)
            assert is_open(address)
            (ready,) = events_of(lines, "daemon ready")
            assert ready["listener"] == [str(address)]
            assert ready["admin"] == daemon.admin.addresses
            assert ready["servers"] == ["main", "second"]
            assert ready["interval"] == 5.05

    run_virtual(main)

    assert len(events_of(lines, "daemon stopped")) == 1


def test_a_taken_push_door_is_one_line_and_leaves_nothing_open(
    tmp_path: Path, taken: TcpBind, lines: list[EventDict]
) -> None:
    admin = free_door()
    config = daemon_config(
        tmp_path,
        listener=ListenerConfig(bind=(taken,)),
        admin=AdminConfig(bind=(admin,), token=Secret(ADMIN_TOKEN)),
    )

    async def main(clock: VirtualClock) -> None:
        with pytest.raises(StartError) as caught:
            await make_daemon(config, clock).__aenter__()
        assert str(caught.value) == f"listener.bind: {taken} cannot be opened: {IN_USE}"
        assert not is_open(admin)  # health shows only when pushes are taken
        async with make_daemon(daemon_config(tmp_path), clock):
            pass  # the outbox is free again

    run_virtual(main)

    assert len(events_of(lines, "daemon ready")) == 1


def test_a_taken_admin_door_closes_the_push_door_again(tmp_path: Path, taken: TcpBind) -> None:
    listener = free_door()
    config = daemon_config(
        tmp_path,
        listener=ListenerConfig(bind=(listener,)),
        admin=AdminConfig(bind=(taken,), token=Secret(ADMIN_TOKEN)),
    )

    async def main(clock: VirtualClock) -> None:
        with pytest.raises(StartError, match=rf"^admin\.bind: {taken} cannot be opened: .*in use"):
            await make_daemon(config, clock).__aenter__()

    run_virtual(main)

    assert not is_open(listener)


def test_an_outbox_of_another_daemon_is_refused_before_a_door_opens(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        config = daemon_config(tmp_path)
        async with make_daemon(config, clock):
            second = make_daemon(config, clock)
            with pytest.raises(StartError, match="is held by another daemon"):
                await second.__aenter__()
            assert second.parts.listener.addresses == ()
            assert second.admin.addresses == []

    run_virtual(main)


@pytest.mark.parametrize("part", ["outbox", "budgets"])
def test_a_disk_that_cannot_be_read_at_start_is_one_line(
    tmp_path: Path, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail() -> None:
        raise StoreError("the outbox file cannot be written: disk I/O error")

    async def main(clock: VirtualClock) -> None:
        config = daemon_config(tmp_path)
        daemon = make_daemon(config, clock)
        monkeypatch.setattr(getattr(daemon.parts, part), "load", fail)
        with pytest.raises(StartError) as caught:
            await daemon.__aenter__()
        assert str(caught.value) == f"{config.outbox.path}: the outbox file cannot be written: disk I/O error"

    run_virtual(main)


def test_the_parts_open_in_the_order_of_the_flow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def note(kind: type[Any]) -> None:
        enter = kind.__aenter__

        async def noted(self: Any) -> Any:
            opened.append(kind.__name__)
            return await enter(self)

        monkeypatch.setattr(kind, "__aenter__", noted)

    async def main(clock: VirtualClock) -> None:
        async with make_daemon(daemon_config(tmp_path), clock):
            pass

    for kind in (AdminServer, CadHttp, Listener, Store):
        note(kind)

    run_virtual(main)

    assert opened == ["Store", "CadHttp", "Listener", "AdminServer"]


def test_the_first_batch_comes_one_interval_after_the_start_whatever_was_pushed_already(
    tmp_path: Path,
) -> None:
    async def main(clock: VirtualClock) -> None:
        cad = CloudTransport(clock)
        stop = asyncio.Event()
        async with make_daemon(daemon_config(tmp_path), clock, cad) as daemon, asyncio.TaskGroup() as group:
            started = clock.monotonic()
            report = LocationReport(unit_id=UnitId(UNIT), x=1.0, y=2.0)
            daemon.parts.fleet.pushed(ServerId(1), started, None)
            daemon.parts.coalescer.put(ServerId(1), [report], started)
            group.create_task(daemon.run(stop))
            await clock.sleep(6)
            stop.set()

        (batch,) = cad.cloud.journal.of("updateUnitLocations")
        assert batch.monotonic - started == pytest.approx(5.05, abs=0.1)

    run_virtual(main)


def test_a_panic_leaves_at_once(tmp_path: Path) -> None:
    async def story(seen: Running) -> None:
        pushed = seen.clock.monotonic()
        await seen.push("/v1/panic", {"id": UNIT})
        await seen.clock.sleep(1)

        (panic,) = seen.received("setUnitPanic")
        assert panic.monotonic - pushed < 0.1
        assert seen.parts.outbox.counts()[EventState.DELIVERED] == 1

    with_daemon(daemon_config(tmp_path), story)


def test_heartbeats_go_out(tmp_path: Path) -> None:
    async def story(seen: Running) -> None:
        await seen.push("/v1/locations", locations(UNIT))
        await seen.clock.sleep(10)

        assert [beat.server for beat in seen.received("heartbeat")] == [1]

    with_daemon(daemon_config(tmp_path), story)


# Calls that must not be made twice


CALL = {"type": "call_911", "caller": "Jane", "location": "Alta St", "description": "Shots"}


@pytest.mark.parametrize(
    "fault",
    [
        Drop(operation="create911Call", times=1, acts=True),
        Half(operation="create911Call", times=1),
        Hang(operation="create911Call", times=1, acts=True),
        Answer(operation="create911Call", times=1, status=502, acts=True),
    ],
    ids=["reset", "half", "hang", "502"],
)
def test_a_call_whose_answer_got_lost_is_found_and_made_once(
    tmp_path: Path, fault: Drop | Half | Hang | Answer
) -> None:
    async def story(seen: Running) -> None:
        seen.cloud.faults.add(fault)
        (event_id,) = (await seen.push("/v1/events", CALL))["events"]
        await seen.clock.sleep(35)

        (made,) = seen.cloud.cad.community.board.emergency(seen.cloud.now())
        view = await seen.parts.outbox.find(ServerId(1), event_id)
        assert view is not None
        assert (view.state, view.result) == (EventState.DELIVERED, Result(call_id=made.call_id))
        assert seen.sample("events_delivered_total", server="main", kind="call_911") == 1
        assert seen.sample("cad_requests_total", operation="getCalls", code="200") == 1

    with_daemon(daemon_config(tmp_path), story)


def test_a_call_that_never_arrived_is_sent_again_once(tmp_path: Path) -> None:
    async def story(seen: Running) -> None:
        seen.cloud.faults.add(Drop(operation="create911Call", times=1))
        await seen.push("/v1/events", CALL)
        await seen.clock.sleep(60)

        assert len(seen.received("create911Call")) == 2
        assert len(seen.received("getCalls")) == 1
        assert len(seen.cloud.cad.community.board.emergency(seen.cloud.now())) == 1

    with_daemon(daemon_config(tmp_path), story)


def test_on_a_plan_without_looking_a_call_goes_on_unverified(tmp_path: Path, lines: list[EventDict]) -> None:
    async def story(seen: Running) -> None:
        seen.cloud.cad.community.plan = Plan.STANDARD
        seen.cloud.faults.add(Drop(operation="create911Call", times=1, acts=True))
        (event_id,) = (await seen.push("/v1/events", CALL))["events"]
        await seen.clock.sleep(35)

        view = await seen.parts.outbox.find(ServerId(1), event_id)
        assert view is not None
        assert view.result is not None
        assert view.result.unverified
        assert seen.sample("cad_requests_total", operation="getCalls", code="403") == 1

    with_daemon(daemon_config(tmp_path), story)

    assert len(events_of(lines, "calls cannot be looked up")) == 1
    assert len(events_of(lines, "call sent again unverified, it may be there twice")) == 1


def test_a_call_in_doubt_at_a_stop_is_looked_up_by_the_next_daemon(tmp_path: Path) -> None:
    config = daemon_config(tmp_path, outbox=OutboxConfig(path=tmp_path / "outbox.sqlite3", drain=2.0))
    marks: list[str] = []

    async def stopped(seen: Running) -> None:
        seen.cloud.faults.add(Drop(operation="create911Call", acts=True))
        await seen.push("/v1/events", CALL)
        await seen.clock.sleep(1)
        seen.stop.set()
        await seen.ended.wait()
        assert seen.parts.outbox.counts()[EventState.PENDING] == 1
        (made,) = seen.received("create911Call")
        marks.append(_mark(made))

    async def started(seen: Running) -> None:
        assert seen.parts.outbox.counts()[EventState.PENDING] == 1
        await seen.clock.sleep(30)  # this daemon's CAD is another one, which never saw the call
        assert len(seen.received("getCalls")) == 1
        (again,) = seen.received("create911Call")
        marks.append(_mark(again))

    with_daemon(config, stopped)
    with_daemon(config, started)

    assert marks[0] == marks[1]


def _mark(received: Received) -> str:
    body: Any = received.decoded()
    return body["metaData"]["cadBridgeEvent"]


@pytest.mark.parametrize("jump", [7200.0, -7200.0])
def test_a_clock_that_is_set_expires_nothing_and_is_told(
    tmp_path: Path, jump: float, lines: list[EventDict]
) -> None:
    async def story(seen: Running) -> None:
        seen.cloud.faults.add(Answer(status=503))
        await seen.push("/v1/panic", {"id": UNIT})
        await seen.clock.sleep(10)
        seen.clock.wall_jump = jump
        await seen.clock.sleep(10)
        assert seen.parts.outbox.counts()[EventState.PENDING] == 1
        oldest = seen.sample("outbox_oldest_pending_timestamp_seconds")
        assert oldest == pytest.approx(seen.clock.wall() - 20, abs=1)
        seen.cloud.faults.clear()
        await seen.clock.sleep(15)

        assert seen.parts.outbox.counts()[EventState.DELIVERED] == 1

    with_daemon(daemon_config(tmp_path), story)

    (line,) = events_of(lines, "time jumped")
    assert (line["wall_seconds"], line["log_level"]) == (jump, "warning")


# Stop


def test_a_stop_closes_the_push_door_and_sends_a_last_batch(tmp_path: Path, lines: list[EventDict]) -> None:
    async def story(seen: Running) -> None:
        address = seen.parts.listener.addresses[0]
        assert isinstance(address, TcpBind)
        await seen.push("/v1/locations", locations(UNIT))

        seen.stop.set()
        await seen.ended.wait()

        assert not is_open(address)
        assert len(seen.received("updateUnitLocations")) == 1
        assert seen.parts.listener.addresses == ()

    with_daemon(daemon_config(tmp_path), story)

    told = [line["event"] for line in lines if line["event"].startswith("daemon ")]
    assert told == ["daemon ready", "daemon draining", "daemon drained", "daemon stopped"]
    assert events_of(lines, "daemon drained")[0]["pending"] == 0


def test_a_stop_sends_no_batch_that_the_budget_does_not_allow(tmp_path: Path) -> None:
    async def story(seen: Running) -> None:
        await seen.push("/v1/locations", locations(UNIT))
        await seen.clock.sleep(5.5)
        await seen.push("/v1/locations", locations(UNIT, x=500.0))

        seen.stop.set()
        await seen.ended.wait()

        assert len(seen.received("updateUnitLocations")) == 1

    with_daemon(daemon_config(tmp_path), story)


def test_a_stop_waits_until_the_outbox_is_empty(tmp_path: Path) -> None:
    async def story(seen: Running) -> float:
        await seen.clock.sleep(1)
        seen.cloud.faults.add(Delay(operation="setUnitPanic", seconds=3.0))
        await seen.push("/v1/panic", {"id": UNIT})
        stopped_at = seen.clock.monotonic()

        seen.stop.set()
        await seen.ended.wait()

        assert seen.parts.outbox.counts()[EventState.DELIVERED] == 1
        return seen.clock.monotonic() - stopped_at

    assert with_daemon(daemon_config(tmp_path), story) == pytest.approx(3.0, abs=0.5)


def test_a_drain_ends_at_its_deadline_and_the_next_daemon_delivers_the_rest(tmp_path: Path) -> None:
    config = daemon_config(tmp_path, outbox=OutboxConfig(path=tmp_path / "outbox.sqlite3", drain=4.0))

    async def stopped(seen: Running) -> float:
        await seen.clock.sleep(1)
        seen.cloud.faults.add(Hang(operation="setUnitPanic"))
        await seen.push("/v1/panic", {"id": UNIT})
        stopped_at = seen.clock.monotonic()

        seen.stop.set()
        await seen.ended.wait()

        assert seen.parts.outbox.counts()[EventState.PENDING] == 1
        return seen.clock.monotonic() - stopped_at

    async def started(seen: Running) -> None:
        await seen.clock.sleep(1)
        (panic,) = seen.received("setUnitPanic")
        assert panic.decoded() == {"communityUserIds": [UNIT], "isPanic": True}

    assert with_daemon(config, stopped) == pytest.approx(4.0, abs=0.2)
    with_daemon(config, started)


def test_a_last_batch_that_hangs_does_not_pass_the_deadline(tmp_path: Path) -> None:
    config = daemon_config(tmp_path, outbox=OutboxConfig(path=tmp_path / "outbox.sqlite3", drain=2.0))

    async def story(seen: Running) -> float:
        await seen.clock.sleep(1)
        seen.cloud.faults.add(Hang(operation="updateUnitLocations"))
        await seen.push("/v1/locations", locations(UNIT))
        stopped_at = seen.clock.monotonic()

        seen.stop.set()
        await seen.ended.wait()

        return seen.clock.monotonic() - stopped_at

    assert with_daemon(config, story) == pytest.approx(2.0, abs=0.2)


def test_a_last_batch_that_raises_does_not_cost_the_events(
    tmp_path: Path, lines: list[EventDict], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail() -> bool:
        raise RuntimeError("as it should")

    async def story(seen: Running) -> None:
        await seen.clock.sleep(1)
        seen.cloud.faults.add(Delay(operation="setUnitPanic", seconds=1.0))
        await seen.push("/v1/panic", {"id": UNIT})
        monkeypatch.setattr(seen.parts.flusher, "flush", fail)

        seen.stop.set()
        await seen.ended.wait()

        assert seen.parts.outbox.counts()[EventState.DELIVERED] == 1

    with_daemon(daemon_config(tmp_path), story)

    assert len(events_of(lines, "last flush failed")) == 1


def test_a_draining_daemon_is_alive_but_not_ready(tmp_path: Path) -> None:
    async def story(seen: Running) -> None:
        assert await seen.read("/readyz") == (200, {"ready": True, "reasons": []})
        await seen.clock.sleep(1)
        seen.cloud.faults.add(Delay(operation="setUnitPanic", seconds=5.0))
        await seen.push("/v1/panic", {"id": UNIT})

        seen.stop.set()
        await seen.clock.sleep(2)

        assert await seen.read("/readyz") == (
            503,
            {"ready": False, "reasons": ["draining: the daemon is stopping"]},
        )
        assert (await seen.read("/healthz"))[0] == 200

    with_daemon(daemon_config(tmp_path), story)


def test_a_stop_with_the_cad_down_does_not_wait(tmp_path: Path) -> None:
    async def story(seen: Running) -> float:
        seen.cloud.faults.add(Answer(status=503))
        await seen.push("/v1/panic", {"id": UNIT})
        await seen.clock.sleep(20)
        assert seen.parts.breaker.down
        stopped_at = seen.clock.monotonic()

        seen.stop.set()
        await seen.ended.wait()

        return seen.clock.monotonic() - stopped_at

    assert with_daemon(daemon_config(tmp_path), story) < 1.0


# Death


@pytest.mark.parametrize("part", ["flusher", "relay", "lookup"])
def test_a_loop_that_the_daemon_needs_ends_it_with_a_line(
    tmp_path: Path, part: str, lines: list[EventDict], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main(clock: VirtualClock) -> None:
        daemon = make_daemon(daemon_config(tmp_path), clock)

        async def die() -> None:
            await clock.sleep(3)
            raise RuntimeError("as it should")

        monkeypatch.setattr(getattr(daemon.parts, part), "run", die)
        async with daemon:
            with pytest.raises(ExceptionGroup) as caught:
                await daemon.run(asyncio.Event())
            assert caught.group_contains(RuntimeError, match="as it should")

    run_virtual(main)

    (line,) = events_of(lines, "loop died, the daemon ends")
    assert (line["loop"], line["log_level"], line["exc_info"]) == (part, "error", True)
    assert len(events_of(lines, "daemon stopped")) == 1


def test_a_store_that_no_longer_turns_ends_the_daemon(
    tmp_path: Path, lines: list[EventDict], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main(clock: VirtualClock) -> float:
        daemon = make_daemon(daemon_config(tmp_path), clock)

        async def hang() -> None:
            await asyncio.Event().wait()

        monkeypatch.setattr(daemon.parts.store, "ping", hang)
        async with daemon:
            started = clock.monotonic()
            with pytest.raises(ExceptionGroup):
                await daemon.run(asyncio.Event())
            return clock.monotonic() - started

    assert run_virtual(main) == pytest.approx(60.0, abs=1.0)

    (line,) = events_of(lines, "loop died, the daemon ends")
    assert line["loop"] == "upkeep"


@pytest.mark.parametrize("part", ["keeper", "heartbeat"])
def test_a_loop_that_the_daemon_can_miss_starts_again_ever_later(
    tmp_path: Path, part: str, lines: list[EventDict], monkeypatch: pytest.MonkeyPatch
) -> None:
    starts: list[float] = []

    async def main(clock: VirtualClock) -> None:
        daemon = make_daemon(daemon_config(tmp_path), clock)

        async def die() -> None:
            starts.append(clock.monotonic())
            if len(starts) == 6:
                await clock.sleep(61)
            raise RuntimeError("as it should")

        monkeypatch.setattr(getattr(daemon.parts, part), "run", die)
        stop = asyncio.Event()
        async with daemon, asyncio.TaskGroup() as group:
            group.create_task(daemon.run(stop))
            await clock.sleep(205)
            stop.set()

    run_virtual(main)

    gaps = [after - before for before, after in pairwise(starts)]
    assert gaps == pytest.approx([1, 5, 15, 60, 60, 62])  # the last one had lived long: from the beginning
    assert {line["loop"] for line in events_of(lines, "loop died, it is started again")} == {part}


def test_a_failing_disk_is_told_once_and_tried_again(
    tmp_path: Path, lines: list[EventDict], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(seen: Running) -> None:
        pinged, saved = 0, 0

        async def ping() -> None:
            nonlocal pinged
            pinged += 1
            if pinged < 4:
                raise StoreError("disk full")

        def save(_: Transaction) -> None:
            nonlocal saved
            saved += 1

        await seen.clock.sleep(1)
        monkeypatch.setattr(seen.parts.store, "ping", ping)
        seen.parts.outbox.backlog.writeback._refused.append((save, None))
        await seen.clock.sleep(16)
        assert (pinged, saved) == (3, 0)

        await seen.clock.sleep(10)
        assert (pinged, saved) == (5, 1)

    with_daemon(daemon_config(tmp_path), story)

    assert [line["detail"] for line in events_of(lines, "store unwritable")] == ["disk full"]
    assert len(events_of(lines, "store writable again")) == 1


def test_a_disk_that_failed_for_a_moment_is_said_to_be_well_again(
    tmp_path: Path, lines: list[EventDict]
) -> None:
    async def story(seen: Running) -> None:
        await seen.clock.sleep(1)
        seen.parts.store.error = "disk full"
        await seen.clock.sleep(6)
        assert seen.parts.store.error is None

    with_daemon(daemon_config(tmp_path), story)

    assert len(events_of(lines, "store writable again")) == 1


def test_ended_events_are_deleted_when_their_time_is_over(tmp_path: Path) -> None:
    outbox = OutboxConfig(path=tmp_path / "outbox.sqlite3", keep_delivered=60.0)

    async def story(seen: Running) -> None:
        await seen.push("/v1/panic", {"id": UNIT})
        await seen.clock.sleep(30)
        assert seen.parts.outbox.counts()[EventState.DELIVERED] == 1

        await seen.clock.sleep(3600)
        assert seen.parts.outbox.counts()[EventState.DELIVERED] == 0

    with_daemon(daemon_config(tmp_path, outbox=outbox), story)


# Health


def test_the_longest_stall_of_late_is_told(tmp_path: Path) -> None:
    async def story(seen: Running) -> None:
        await seen.clock.sleep(1)
        assert seen.sample("loop_lag_seconds") == pytest.approx(0.0, abs=0.001)

        seen.clock._loop._selector_of_time.now += 0.8  # as if the loop had been busy
        await seen.clock.sleep(1)
        assert seen.sample("loop_lag_seconds") == pytest.approx(0.8, abs=0.26)

        await seen.clock.sleep(16)
        assert seen.sample("loop_lag_seconds") == pytest.approx(0.0, abs=0.001)

    with_daemon(daemon_config(tmp_path), story)


def test_health_fails_only_where_the_store_is_stuck(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def stick() -> None:
        await asyncio.Event().wait()

    async def fail() -> None:
        raise StoreError("disk full")

    async def story(seen: Running) -> None:
        assert await seen.read("/healthz") == (200, {"alive": True})

        with monkeypatch.context() as patch:
            patch.setattr(seen.parts.store, "ping", fail)
            assert (await seen.read("/healthz"))[0] == 200

        with monkeypatch.context() as patch:
            patch.setattr(seen.parts.store, "ping", stick)
            began = seen.clock.monotonic()
            status, problem = await seen.read("/healthz")
            assert (status, problem["detail"]) == (503, "the store does not answer")
            assert seen.clock.monotonic() - began == pytest.approx(5.0, abs=0.3)

    with_daemon(daemon_config(tmp_path), story)


def test_without_a_transport_the_cad_is_asked_over_http(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> None:
        daemon = Daemon(daemon_config(tmp_path), clock)
        assert daemon.parts.client._transport is daemon.parts.http

    run_virtual(main)


def test_leaving_a_daemon_that_never_ran_closes_it(tmp_path: Path) -> None:
    async def main(clock: VirtualClock) -> TcpBind:
        async with running(daemon_config(tmp_path), clock) as seen:
            address = seen.parts.listener.addresses[0]
            assert isinstance(address, TcpBind)
        return address

    assert not is_open(run_virtual(main))


def test_what_the_disk_refused_is_handed_in_once_more_before_it_is_closed(tmp_path: Path) -> None:
    done: list[Transaction] = []

    async def story(seen: Running) -> None:
        await seen.clock.sleep(1.0)
        seen.parts.outbox.backlog.writeback._refused.append((done.append, None))
        seen.stop.set()
        await seen.ended.wait()

    with_daemon(daemon_config(tmp_path), story)

    assert len(done) == 1


# TLS


def test_a_renewed_certificate_is_taken_within_a_minute_and_a_bad_one_is_told(
    tmp_path: Path, lines: list[EventDict]
) -> None:
    authority = Authority(tmp_path)
    authority.issue(days=30.0, at=NOON)
    listener = ListenerConfig(
        bind=(TcpBind(host="127.0.0.1", port=0),),
        tls_cert_file=authority.certificate,
        tls_key_file=authority.key,
    )

    async def story(seen: Running) -> None:
        gauge = "cad_bridge_listener_certificate_expiry_timestamp_seconds"
        before = seen.daemon.parts.metrics.registry.get_sample_value(gauge)
        authority.issue(days=60.0, at=NOON)
        await seen.clock.sleep(61.0)
        assert before is not None
        assert seen.daemon.parts.metrics.registry.get_sample_value(gauge) == pytest.approx(
            before + 30 * 86400.0, abs=2.0
        )
        authority.key.write_text("half a ke")
        await seen.clock.sleep(61.0)
        reasons = seen.daemon.view.readiness().reasons
        assert [reason.partition(":")[0] for reason in reasons] == ["listener"]

    with_daemon(daemon_config(tmp_path, listener=listener), story)

    told = [line["event"] for line in lines if line["event"].startswith("certificate")]
    assert told == ["certificate loaded", "certificate not loaded, the former one stays"]
    (ready,) = [line for line in lines if line["event"] == "daemon ready"]
    assert ready["tls"] is True
