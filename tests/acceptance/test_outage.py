"""The CAD goes away and comes back; and a CAD that refuses one unit."""

import asyncio
import time
from pathlib import Path
from typing import Any, Self

import msgspec
import psutil
import pytest

from bridge.clock import SystemClock
from bridge.simulator.cloud import Cloud
from bridge.simulator.faults import RefuseUnits
from bridge.simulator.journal import Received
from bridge.simulator.server import SimulatorServer
from bridge.simulator.shapes import NewEmergencyCall
from tests.support.daemon import Answer, Daemon, daemon_of, new_cloud, simulated_cad, until, update
from tests.support.measured import measured
from tests.support.oracle import Oracle, example
from tests.support.ports import free_port

UNITS = 200
DOWN_SECONDS = 12.5  # it comes back in the middle between two batches, whose slots are 5.05 s apart
PUSH_EVERY = 0.1
MEBIBYTE = 1024 * 1024


class Pushing:
    """Everybody moves a metre and a half and is pushed, ten times a second, while entered."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._task: asyncio.Task[None] | None = None
        self.answers: list[Answer] = []

    async def __aenter__(self) -> Self:
        self._task = asyncio.get_running_loop().create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait([self._task])
        assert self._task.cancelled(), "pushing failed before it was stopped"

    async def _run(self) -> None:
        start = time.monotonic()
        while True:
            turn = len(self.answers)
            content = {"updates": [update(f"license:{unit}", 1.5 * turn) for unit in range(UNITS)]}
            self.answers.append(await self._daemon.push("/v1/locations", content))
            await asyncio.sleep(start + PUSH_EVERY * (turn + 1) - time.monotonic())

    def newest_at(self, instant: float) -> float:
        """Return the x of the last push that was answered by then."""
        return 1.5 * max(turn for turn, answer in enumerate(self.answers) if answer.answered <= instant)


class Outage(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen while the CAD was away; it came back at ``back`` (monotonic seconds)."""

    answers: list[Answer]
    grown_bytes: int
    cad_up: float
    failures: float
    ready: Answer
    events: dict[str, str]
    back: float


async def live_through(daemon: Daemon, pushing: Pushing) -> Outage:
    """Push locations and events to a daemon whose CAD is away."""
    process = psutil.Process(daemon.process.pid)
    first, memory = len(pushing.answers), process.memory_info().rss
    panic = await daemon.push("/v1/panic", {"id": "license:1"})
    status = {"type": "status", "ids": ["license:2"], "status": "BUSY"}
    call = {"type": "call_911", "caller": "Jane", "location": "Alta St", "description": "Shots"}
    others = await daemon.push("/v1/events", [status, call])
    await asyncio.sleep(DOWN_SECONDS * 0.8)
    late = await daemon.push("/v1/panic", {"id": "license:3"})
    await asyncio.sleep(DOWN_SECONDS * 0.2)
    events = [panic.json["event"], *others.json["events"], late.json["event"]]
    return Outage(
        answers=[*pushing.answers[first:], panic, others, late],
        grown_bytes=process.memory_info().rss - memory,
        cad_up=await daemon.metric("cad_bridge_cad_up"),
        failures=await daemon.metric(
            "cad_bridge_cad_request_failures_total", operation="setUnitPanic", reason="connect"
        ),
        ready=await daemon.read("/readyz"),
        events=dict(zip(("panic", "status", "call", "late panic"), events, strict=True)),
        back=time.monotonic(),
    )


@pytest.mark.timeout(90)
async def test_an_outage_costs_nothing_and_ends_with_one_fresh_batch(tmp_path: Path) -> None:
    cloud, port = new_cloud(), free_port()
    async with (
        daemon_of(tmp_path, f"http://127.0.0.1:{port}") as daemon,
        Pushing(daemon) as pushing,
    ):
        async with SimulatorServer(SystemClock(), port=port, cloud=cloud):
            await until(lambda: bool(cloud.journal.of("updateUnitLocations")), within=7.0)
            assert await daemon.metric("cad_bridge_cad_up") == 1
        before = cloud.journal.total
        seen = await live_through(daemon, pushing)
        async with SimulatorServer(SystemClock(), port=port, cloud=cloud):
            ended = await daemon.ended(list(seen.events.values()), within=6.0)
            await until(lambda: bool(cloud.journal.of("updateUnitLocations", after=before)), within=7.0)
            await asyncio.sleep(1.0)
            batches = cloud.journal.of("updateUnitLocations", after=before)
            cad_up = await daemon.metric("cad_bridge_cad_up")

        check_the_outage(seen)
        assert {event["state"] for event in ended} == {"delivered"}
        check_the_return(seen, cloud, before)
        check_the_fresh_batch(seen, pushing, batches)
        assert cad_up == 1
        assert cloud.cad.limiter.violations == 0
        assert [daemon.log.count(f'"{phrase}"') for phrase in ("CAD is down", "CAD is back")] == [1, 1]


def check_the_outage(seen: Outage) -> None:
    slow = sorted(answer.seconds for answer in seen.answers)
    slowest = slow[int(len(slow) * 0.99)]
    measured(f"CAD down {DOWN_SECONDS:.0f} s: {len(slow)} pushes, p99 {slowest * 1000:.1f} ms, "
          f"memory {seen.grown_bytes / MEBIBYTE:+.1f} MiB")  # fmt: skip
    assert {answer.status for answer in seen.answers} == {200, 202}
    assert len(slow) > DOWN_SECONDS / PUSH_EVERY * 0.9
    assert slowest < 0.25
    assert seen.grown_bytes < 15 * MEBIBYTE
    assert seen.cad_up == 0
    assert seen.failures > 0
    assert seen.ready.status == 200, "a CAD that is merely down is a reason in a 200"
    assert b"CAD" in seen.ready.body


def check_the_return(seen: Outage, cloud: Cloud, before: int) -> None:
    first = {
        operation: min(request.monotonic for request in cloud.journal.of(operation, after=before)) - seen.back
        for operation in ("setUnitPanic", "setUnitStatus", "create911Call")
    }
    measured(f"after its return: {first}")
    assert first["setUnitPanic"] < 2.5
    assert max(first.values()) < 3.5
    units = cloud.cad.community.units
    assert units["license:1"].is_panic
    assert units["license:3"].is_panic
    assert units["license:2"].status == 1
    assert len(cloud.cad.community.calls(time.time())) == 1


def check_the_fresh_batch(seen: Outage, pushing: Pushing, batches: list[Received]) -> None:
    assert len(batches) == 1
    [batch] = batches
    assert batch.status == 200
    updates: list[Any] = msgspec.json.decode(batch.body)["updates"]
    assert {one["communityUserId"] for one in updates} == {f"license:{unit}" for unit in range(UNITS)}
    positions = {one["coordinates"]["x"] for one in updates}
    assert min(positions) >= pushing.newest_at(batch.monotonic - 0.25)
    assert batch.monotonic - seen.back < 6.0


async def push_a_story(oracle: Oracle) -> list[str]:
    """Push what refers to calls by their events, and return those events of it that end without the CAD."""
    states_and_calls = [
        example(kind, "told")
        for kind in ("panic", "status", "call_911", "dispatch_call", "kick", "blip", "photo")
    ]
    _, _, emergency, board, *_ = await oracle.push(*states_and_calls)
    await oracle.push(
        example("dispatch_note", "first", call=emergency),
        example("dispatch_note", "second", call=board),
        example("dispatch_attach", "told", call=board),
        example("dispatch_attach", "moved", call=emergency),
        example("dispatch_detach", "moved"),
    )
    [stolen, over] = await oracle.push(example("call_911", "false"), example("dispatch_call", "over"))
    [note] = await oracle.push(example("dispatch_note", "pointless", call=stolen))
    removal, closing = await oracle.push(
        example("call_911_remove", "false", call=stolen), example("dispatch_close", "over", calls=[over])
    )
    return [stolen, over, note, removal, closing]


async def test_what_refers_to_a_call_by_its_event_waits_for_it_through_an_outage(tmp_path: Path) -> None:
    cloud, port = new_cloud(), free_port()
    for number in range(7):  # so that no number of a call is a lucky guess
        text = NewEmergencyCall(is_emergency=True, caller="", location="", description=f"earlier {number}")
        cloud.cad.community.board.open_emergency(1, text, time.time())
    async with daemon_of(tmp_path, f"http://127.0.0.1:{port}") as daemon:
        oracle = Oracle(daemon, cloud)
        never_sent = await push_a_story(oracle)
        ends = await oracle.settle(never_sent, within=15.0)
        await until(lambda: '"CAD is down"' in daemon.log, within=10.0)
        waiting = await daemon.metric("cad_bridge_outbox_events", state="pending")
        oldest = await daemon.metric("cad_bridge_outbox_oldest_pending_timestamp_seconds")
        await check_the_failures(daemon)
        async with SimulatorServer(SystemClock(), port=port, cloud=cloud):
            await oracle.settle(within=20.0)

            assert [end["state"] for end in ends] == ["superseded"] * 3 + ["delivered"] * 2
            assert [end["result"] for end in ends[3:]] == [{"cancelled": True}] * 2
            assert waiting == len(oracle.owed) - len(never_sent)
            assert oldest == pytest.approx(min(end["accepted_at"] for end in oracle.ends.values()), abs=0.01)
            oracle.judge()
            assert daemon.log.count('"event superseded"') == 3
            assert '"CAD is back"' in daemon.log
            assert await daemon.metric("cad_bridge_outbox_events", state="pending") == 0
            assert await daemon.metric("cad_bridge_outbox_events", state="superseded") == 3
            for kind in ("call_911", "dispatch_call", "dispatch_note"):
                labels = {"server": "server-1", "kind": kind}
                assert await daemon.metric("cad_bridge_events_superseded_total", **labels) == 1, kind


async def check_the_failures(daemon: Daemon) -> None:
    for operation in ("setUnitPanic", "create911Call", "createDispatchCall"):
        labels = {"operation": operation, "reason": "connect"}
        assert await daemon.metric("cad_bridge_cad_request_failures_total", **labels) > 0, operation


@pytest.mark.timeout(60)
async def test_a_unit_that_the_cad_refuses_does_not_stop_the_others(tmp_path: Path) -> None:
    settings = {"cad.limits": {"updateUnitLocations": 60}, "locations": {"interval": "1s"}}
    good = {f"license:{unit}" for unit in range(15)}
    everybody = sorted({*good, "license:1-refused"})
    async with (
        simulated_cad(updateUnitLocations=60) as cad,
        daemon_of(tmp_path, cad, settings) as daemon,
    ):
        cad.cloud.faults.add(
            RefuseUnits(operation="updateUnitLocations", units=frozenset({"license:1-refused"}))
        )
        await daemon.push("/v1/locations", {"updates": [update(unit, 100.0) for unit in everybody]})
        await until(lambda: cad.cloud.cad.community.units.keys() >= good, within=20.0)
        requests = cad.cloud.journal.of("updateUnitLocations")
        dropped = {"server": "server-1", "reason": "refused"}
        while not await daemon.metric("cad_bridge_locations_dropped_total", **dropped):
            await asyncio.sleep(0.05)

        sizes = [(len(msgspec.json.decode(request.body)["updates"]), request.status) for request in requests]
        measured(f"15 good units and a refused one: {sizes}")
        assert len(requests) <= 12
        assert [one["unit"] for one in (await daemon.status())["locations"]["set_aside"]] == [
            "license:1-refused"
        ]
        assert "license:1-refused" not in cad.cloud.cad.community.units
        refused = {"server": "server-1", "reason": "bad_request"}
        assert await daemon.metric("cad_bridge_batch_failures_total", **refused) > 0
        assert daemon.log.count('"unit set aside, the CAD refuses its location"') == 1
        await daemon.push("/v1/locations", {"updates": [update(unit, 200.0) for unit in everybody]})
        await until(lambda: moved(cad.cloud) >= good, within=5.0)


def moved(cloud: Cloud) -> set[str]:
    units = cloud.cad.community.units.values()
    return {unit.unit_id for unit in units if unit.coordinates is not None and unit.coordinates.x == 200.0}
