"""What a kill cannot show: that every 202 rests on a sync of the disk, and what happens on a disk that fails.

``kill -9`` leaves the kernel's memory alone: it passes without a single sync.
"""

import asyncio
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec import json

from tests.support.bad_disk import (
    OUTBOX,
    Call,
    calls_in,
    daemon_behind,
    filled,
    on_tmpfs,
    seen_by,
    stored,
    traced,
)
from tests.support.daemon import Answer, Daemon, daemon_of, simulated_cad, until
from tests.support.measured import measured
from tests.support.process import BRIDGE, running

pytestmark = pytest.mark.timeout(90)

CALL = {"type": "call_911", "caller": "Jane", "location": "Alta St", "description": "Shots"}
WRITES = "trace=pwrite64,fdatasync,fsync,write,writev,sendto,sendmsg"


class Pushes:
    """Panics pushed one after the other, and what was answered to each unit."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self.accepted: dict[str, str] = {}  # unit by event
        self.refused: list[Answer] = []

    async def push(self) -> Answer:
        unit = f"license:{len(self.accepted) + len(self.refused)}"
        answer = await self._daemon.push("/v1/panic", {"id": unit})
        if answer.status == 202:
            self.accepted[answer.json["event"]] = unit
        else:
            self.refused.append(answer)
        return answer

    async def push_until(self, status: int, within: float = 20.0) -> Answer:
        deadline = time.monotonic() + within
        while (answer := await self.push()).status != status:
            assert answer.status in (202, 503), answer.body
            assert time.monotonic() < deadline, f"no {status} within {within} s"
            await asyncio.sleep(0.01)
        return answer


async def until_ready(daemon: Daemon, within: float = 15.0) -> None:
    """Return when pushes are taken again; asking for its health makes the daemon look at once."""
    deadline = time.monotonic() + within
    while (answer := await daemon.read("/readyz")).status != 200:
        await daemon.read("/healthz")
        assert time.monotonic() < deadline, answer.body
        await asyncio.sleep(0.05)


def logged(daemon: Daemon, event: str) -> list[Any]:
    """Return the log's lines of an event."""
    lines = [json.decode(line) for line in daemon.log.splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == event]


async def tells_of(daemon: Daemon, problem: str, pushes: Pushes) -> None:
    """Check what game server and operator are told while the disk takes nothing."""
    refused = pushes.refused[-1]
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.headers["Retry-After"] == "5"
    assert refused.json == {
        "type": "about:blank",
        "title": "Service Unavailable",
        "status": 503,
        "detail": "the outbox cannot be written now",
        "retry_after": 5,
    }
    readiness = await daemon.read("/readyz")
    assert (readiness.status, readiness.json["reasons"][0]) == (503, f"store unwritable: {problem}")
    count = await daemon.metric("cad_bridge_listener_requests_total", route="/v1/panic", code="503")
    assert count == len(pushes.refused)
    line = logged(daemon, "outbox cannot be written")[0]
    assert (line["level"], line["detail"]) == ("error", problem)
    location = {"id": "license:1", "x": 1.0, "y": 2.0, "z": 3.0}
    assert (await daemon.push("/v1/locations", [location])).status == 200, "no disk is needed for these"


async def test_every_202_comes_after_a_sync_of_its_event(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    events: list[str] = []
    async with daemon_behind(traced(trace, WRITES), tmp_path) as daemon:
        for number in range(12):
            panic = await daemon.push("/v1/panic", {"id": f"license:{number}"})
            status = {"type": "status", "ids": [number], "status": 1}
            several = await daemon.push(
                "/v1/events", [CALL, status], headers={"Idempotency-Key": f"k{number}"}
            )
            assert (panic.status, several.status) == (202, 202)
            events += [panic.json["event"], *several.json["events"]]
        await daemon.stop()

    calls = calls_in(trace.read_text(encoding="utf-8"))
    for event in events:
        written = first(calls, lambda call: call.name == "pwrite64" and f"{OUTBOX}-wal>" in call.text, event)
        answered = first(calls, lambda call: "socket:" in call.text, event)
        synced = [
            call
            for call in calls
            if is_sync(call) and written.ended < call.begun <= call.ended < answered.begun
        ]
        assert synced, f"{event} was answered before it was on disk"
    measured(f"{len(events)} events answered 202, {sum(map(is_sync, calls))} syncs of the log")


def is_sync(call: Call) -> bool:
    return call.name in ("fdatasync", "fsync") and f"{OUTBOX}-wal>" in call.text and call.succeeded


def first(calls: list[Call], of: Callable[[Call], bool], event: str) -> Call:
    return next(call for call in calls if event in call.text and of(call))


@pytest.mark.parametrize(
    "fault",
    ["inject=fdatasync,fsync:error=EIO:when=12..40", "inject=pwrite64:error=EROFS:when=40..80"],
    ids=["failing syncs", "a disk that turned read-only"],
)
async def test_a_failing_disk_refuses_pushes_until_it_works_and_loses_nothing(
    tmp_path: Path, fault: str
) -> None:
    words = traced(tmp_path / "trace", "trace=fdatasync,fsync,pwrite64", fault)
    async with simulated_cad(setUnitPanic=1000) as cad:
        async with daemon_behind(words, tmp_path) as daemon:
            pushes = Pushes(daemon)
            await pushes.push_until(503)
            await tells_of(daemon, "disk I/O error", pushes)
            await pushes.push_until(202)
            await until_ready(daemon)
            for _ in range(5):
                assert (await pushes.push()).status == 202
            await daemon.process.kill()

        kept = stored(tmp_path / OUTBOX)
        assert {
            event: unit for event, unit in pushes.accepted.items() if unit.encode() in kept[event]
        } == pushes.accepted
        assert set(kept) == set(pushes.accepted), "what was refused is not there"
        async with daemon_of(tmp_path, cad, {"cad.limits": {"setUnitPanic": 1000}}) as daemon:
            ended = await daemon.ended(list(pushes.accepted), within=20.0)
            assert {event["state"] for event in ended} == {"delivered"}
        measured(
            f"{len(pushes.accepted)} panics accepted around {len(pushes.refused)} refused, all delivered"
        )


async def test_what_was_accepted_before_the_disk_failed_for_good_survives_the_kill(tmp_path: Path) -> None:
    words = traced(tmp_path / "trace", "trace=fdatasync,fsync", "inject=fdatasync,fsync:error=EIO:when=12+")
    async with daemon_behind(words, tmp_path) as daemon:
        pushes = Pushes(daemon)
        await pushes.push_until(503)
        for _ in range(10):
            assert (await pushes.push()).status == 503
        assert (await daemon.read("/healthz")).status == 200, "it lives, and says what is wrong"
        await daemon.process.kill()

    kept = stored(tmp_path / OUTBOX)
    assert pushes.accepted
    assert set(pushes.accepted) <= set(kept)


async def test_a_full_disk_refuses_pushes_until_there_is_room(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    sections: dict[str, Any] = {"outbox": {"path": str(disk / OUTBOX)}}
    async with daemon_behind(on_tmpfs(disk, "size=8m"), tmp_path, sections=sections) as daemon:
        pushes = Pushes(daemon)
        for _ in range(5):
            assert (await pushes.push()).status == 202
        with filled(seen_by(daemon, disk)):
            await pushes.push_until(503)
            await tells_of(daemon, "database or disk is full", pushes)
            await until(lambda: bool(logged(daemon, "store unwritable")), within=15.0)
        await pushes.push_until(202, within=5.0)
        await until(lambda: bool(logged(daemon, "store writable again")), within=15.0)
        assert (await daemon.read("/readyz")).status == 200
        assert (await pushes.push()).status == 202
        daemon.process.signal(signal.SIGSTOP)
        for companion in ("", "-wal"):
            shutil.copyfile(seen_by(daemon, disk / f"{OUTBOX}{companion}"), tmp_path / f"copy{companion}")

    assert set(stored(tmp_path / "copy")) == set(pushes.accepted), "nothing is half there"


async def test_a_read_only_disk_at_the_start_is_one_clear_line(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    daemon = Daemon(tmp_path, "http://127.0.0.1:9", {"outbox": {"path": str(disk / OUTBOX)}}, (1,))
    words = on_tmpfs(disk, "size=1m,ro")
    async with running(tmp_path, *words, *BRIDGE, "run", "--config", str(daemon.config)) as process:
        assert await process.wait(20.0) == 1

    last = process.err.strip().splitlines()[-1]
    assert last.startswith(f"Error: {disk / OUTBOX}: the outbox cannot be opened: ")
    assert "Read-only file system" in last
