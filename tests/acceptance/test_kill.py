"""kill -9 at any moment: what was answered 202 reaches the CAD all the same, within the limits."""

import asyncio
import random
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from bridge.simulator.faults import Delay
from bridge.simulator.server import SimulatorServer
from tests.support.daemon import Daemon, daemon_of, simulated_cad
from tests.support.measured import measured

KILLS = 6
RAISED = {"setUnitStatus": 1000, "create911Call": 1000}  # panics keep to the documented 20 a minute


class Accepted(msgspec.Struct, kw_only=True):
    """What was answered 202: units with their panic on, units by status, descriptions of calls."""

    panics: set[str] = msgspec.field(default_factory=set[str])
    statuses: dict[str, int] = msgspec.field(default_factory=dict[str, int])
    calls: set[str] = msgspec.field(default_factory=set[str])
    refused: int = 0

    @property
    def count(self) -> int:
        return len(self.panics) + len(self.statuses) + len(self.calls)


async def take(daemon: Daemon, path: str, content: Mapping[str, Any]) -> bool:
    """Push and tell whether it was accepted; a daemon that is dead or dying accepts nothing."""
    try:
        answer = await daemon.push(path, content)
    except aiohttp.ClientError:
        return False
    assert answer.status == 202, answer.body
    return True


async def push_events(daemon: Daemon, accepted: Accepted, life: str, stop: asyncio.Event) -> None:
    number = 0
    while not stop.is_set():
        number += 1
        name = f"{life}-{number}"
        if number % 5 == 0 and await take(daemon, "/v1/panic", {"id": f"license:panic-{name}"}):
            accepted.panics.add(f"license:panic-{name}")
        status = {"type": "status", "ids": [f"license:status-{name}"], "status": number % 5}
        if number % 3 == 0 and await take(daemon, "/v1/events", status):
            accepted.statuses[f"license:status-{name}"] = number % 5
        call = {"type": "call_911", "caller": "Jane", "location": "Alta St", "description": f"call {name}"}
        if number % 7 == 0 and await take(daemon, "/v1/events", call):
            accepted.calls.add(f"call {name}")
        await asyncio.sleep(0.02)


async def live_and_die(daemon: Daemon, accepted: Accepted, life: int, lifetime: float) -> None:
    """Push from three connections at once, then kill in the midst of it."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for line in range(3):
            group.create_task(push_events(daemon, accepted, f"{life}-{line}", stop))
        await asyncio.sleep(lifetime)
        await daemon.process.kill()
        stop.set()


def missing(cad: SimulatorServer, accepted: Accepted) -> list[str]:
    community = cad.cloud.cad.community
    calls = {call.content.description for call in community.calls(time.time())}
    units = community.units
    return [
        *(unit for unit in accepted.panics if unit not in units or not units[unit].is_panic),
        *(
            unit
            for unit, code in accepted.statuses.items()
            if unit not in units or units[unit].status != code
        ),
        *(accepted.calls - calls),
    ]


@pytest.mark.timeout(120)
async def test_every_event_answered_202_reaches_the_cad_over_repeated_kills(tmp_path: Path) -> None:
    dice = random.Random(11)
    accepted = Accepted()
    async with simulated_cad(**RAISED) as cad, daemon_of(tmp_path, cad, {"cad.limits": RAISED}) as daemon:
        cad.cloud.faults.add(Delay(operation="*", seconds=0.03))
        for life in range(KILLS):
            await live_and_die(daemon, accepted, life, dice.uniform(0.05, 1.2))
            await daemon.start()
        deadline = time.monotonic() + 45.0
        while (left := missing(cad, accepted)) and time.monotonic() < deadline:
            await asyncio.sleep(0.1)

        fresh = await daemon.push("/v1/events", {"type": "status", "ids": ["license:fresh"], "status": 1})
        [event] = await daemon.ended(fresh.json["events"], within=5.0)
        limiter = cad.cloud.cad.limiter
        measured(
            f"{KILLS} kills, {accepted.count} events accepted; "
            f"most panic requests within 60 s: {limiter.tallies()['setUnitPanic'].peak}"
        )
        assert left == []
        assert accepted.panics
        assert accepted.statuses
        assert accepted.calls
        assert event["state"] == "delivered"
        assert limiter.violations == 0


async def test_events_that_nobody_could_deliver_survive_the_kill(tmp_path: Path) -> None:
    async with simulated_cad() as cad:
        nowhere = "http://127.0.0.1:9"
        async with daemon_of(tmp_path, nowhere) as daemon:
            panic = await daemon.push("/v1/panic", {"ids": ["license:1", "license:2"]})
            call = {"type": "call_911", "caller": "Jane", "location": "Alta St", "description": "Shots"}
            others = await daemon.push("/v1/events", [call, {"type": "status", "ids": [3], "status": "BUSY"}])
            await daemon.process.kill()
        text = daemon.config.read_text(encoding="utf-8")
        async with daemon_of(tmp_path, cad) as daemon:
            assert daemon.config.read_text(encoding="utf-8") != text
            ended = await daemon.ended([panic.json["event"], *others.json["events"]], within=10.0)

        assert [event["state"] for event in ended] == ["delivered"] * 3
        assert [event["type"] for event in ended] == ["panic", "call_911", "status"]
        units = cad.cloud.cad.community.units
        assert units["license:1"].is_panic
        assert units["license:2"].is_panic
        assert units["3"].status == 1
        assert len(cad.cloud.cad.community.calls(time.time())) == 1
