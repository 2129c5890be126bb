"""What was answered 202 is conserved, whatever the CAD does meanwhile and however often the daemon is killed."""

import asyncio
import random
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from bridge.simulator.cloud import Cloud
from bridge.simulator.faults import Answer, Delay, Drop, Fault, Half, Hang
from tests.support.daemon import Daemon, daemon_of, simulated_cad
from tests.support.judgement import Content
from tests.support.measured import measured
from tests.support.oracle import Oracle, example

RUN_SECONDS = 40.0  # on the wall, what it takes to deliver the rest included
STORM_SECONDS = 26.0  # of it; then the faults stop
DRAIN_SECONDS = 60.0  # at most after the storm: on a slow machine the run takes longer, it must not fail
LIFE_SECONDS = (0.2, 2.5)  # shortest and longest life of a daemon once it is healthy
PANIC_FAULTS = 5  # each costs one of the 20 documented requests
LINES = 3  # that push at the same time
PAUSE_SECONDS = 0.09  # between two pushes of a line

OPERATIONS = {
    "setUnitStatus": 1000,
    "create911Call": 1000,
    "remove911Call": 1000,
    "createDispatchCall": 1000,
    "addCallNote": 1000,
    "attachUnits": 1000,
    "detachUnits": 1000,
    "closeDispatchCalls": 1000,
    "kickUnit": 1000,
    "createBlip": 1000,
    "sendPhoto": 1000,
    "getCalls": 300,
    "getVersion": 1000,
}
"""Raised limits; panics keep to the documented 20 a minute."""


class Line:
    """A game server's script that pushes events of all kinds, one push after the other."""

    def __init__(self, name: str, server: int, oracle: Oracle, dice: random.Random) -> None:
        self._name = name
        self._server = server
        self._oracle = oracle
        self._dice = dice
        self._number = 0
        self._calls: list[tuple[str, str]] = []  # kind and event, of those that nobody ended
        self._attached: list[str] = []

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            contents = [self._invent() for _ in range(self._dice.choice((1, 1, 1, 2, 3)))]
            events = await self._oracle.push(*contents, server=self._server)
            for event, content in zip(events, contents, strict=True):
                if content["type"] in {"call_911", "dispatch_call"}:
                    self._calls.append((content["type"], event))
            await asyncio.sleep(self._dice.uniform(0.3, 1.7) * PAUSE_SECONDS)

    def _invent(self) -> Content:
        self._number += 1
        name = f"{self._name}-{self._number}"
        kinds = ["status", "status", "call_911", "dispatch_call", "kick", "blip", "photo", *["about"] * 5]
        kinds += ["panic"] if self._server == 1 else []
        kind = self._dice.choice(kinds)
        if kind == "about":
            return self._about_a_call(name)
        if kind in {"panic", "status"}:
            return self._set_a_state(kind, name)
        return example(kind, name)

    def _set_a_state(self, kind: str, name: str) -> Content:
        units = [f"license:{self._name}-{kind}-{number}" for number in range(5)]
        ids = self._dice.sample(units, self._dice.choice((1, 1, 2)))
        state = (
            {"active": self._dice.random() < 0.8}
            if kind == "panic"
            else {"status": self._dice.choice((0, 1, 2, 3, 4, 100))}
        )
        return example(kind, name, ids=ids, **state)

    def _about_a_call(self, name: str) -> Content:
        """Say something about one of the latest calls, which may wait, be in doubt, or be there."""
        if self._attached and self._dice.random() < 0.2:
            return example("dispatch_detach", name, ids=[self._attached.pop()])
        if not self._calls:
            return example("call_911", name)
        kind, event = self._dice.choice(self._calls[-4:])
        what = self._dice.choice(("note", "attach", "end", "end"))
        if what == "note":
            return example("dispatch_note", name, call=event)
        if what == "attach":
            self._attached.append(f"license:{name}")
            return example("dispatch_attach", name, call=event, ids=[f"license:{name}"])
        self._calls.remove((kind, event))
        if kind == "call_911":
            return example("call_911_remove", name, call=event)
        return example("dispatch_close", name, calls=[event])


def accident(dice: random.Random, panic_faults_left: int) -> Fault:
    """Return something that befalls the next requests of some operation."""
    operations = [*OPERATIONS, "setUnitPanic"] if panic_faults_left else [*OPERATIONS]
    operation = dice.choice(operations)
    match dice.randrange(9):
        case 0 | 1:
            return Drop(operation=operation, acts=True, times=1)
        case 2:
            return Drop(operation=operation, times=1)
        case 3:
            return Half(operation=operation, times=1)
        case 4:
            return Answer(operation=operation, status=502, acts=True, times=1)
        case 5:
            return Answer(operation=operation, status=503, times=dice.choice((1, 4)))
        case 6:
            return Answer(operation=operation, status=429, retry_after="1", times=1)
        case 7:
            return Hang(operation=operation, acts=dice.random() < 0.5, times=1)
        case _:
            # Shorter than a start takes: what a killed daemon sent must not overtake its successor.
            return Delay(operation=operation, seconds=dice.uniform(0.02, 0.12), times=5)


async def make_weather(cloud: Cloud, dice: random.Random) -> None:
    """Put faults in force until cancelled, now and then a short outage of everything."""
    panic_faults = PANIC_FAULTS
    while True:
        fault = accident(dice, panic_faults)
        panic_faults -= fault.operation == "setUnitPanic"
        cloud.faults.add(fault)
        if dice.random() < 0.03:
            everything = [*OPERATIONS, "setUnitPanic"][: -1 if panic_faults < 2 else None]
            cloud.faults.add(*(Answer(operation=one, status=503, times=3) for one in everything))
        await asyncio.sleep(dice.uniform(0.05, 0.3))


async def look_around(oracle: Oracle, dice: random.Random) -> None:
    """Ask for events all the time: what is told of an end must still hold after the next kill."""
    while True:
        for event in dice.sample(list(oracle.owed), min(5, len(oracle.owed))):
            try:
                await oracle.look(event)
            except aiohttp.ClientError:
                break
        await asyncio.sleep(0.05)


async def kill_again_and_again(daemon: Daemon, dice: random.Random, until: float) -> int:
    kills = 0
    while time.monotonic() < until:
        await asyncio.sleep(dice.uniform(*LIFE_SECONDS))
        await daemon.process.kill()
        kills += 1
        await daemon.start()
    return kills


async def live_through_the_storm(daemon: Daemon, oracle: Oracle, cloud: Cloud) -> int:
    """Push, fail, kill; return how often it was killed, when all is calm and the daemon is alive."""
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        background: list[Awaitable[Any]] = []
        tasks = [
            group.create_task(make_weather(cloud, random.Random(2))),
            group.create_task(look_around(oracle, random.Random(3))),
        ]
        for number in range(LINES):
            line = Line(f"line-{number}", 1 + number % 2, oracle, random.Random(10 + number))
            background.append(group.create_task(line.run(stop)))
        kills = await kill_again_and_again(daemon, random.Random(4), time.monotonic() + STORM_SECONDS)
        stop.set()
        await asyncio.gather(*background)
        for task in tasks:
            task.cancel()
    cloud.clear_faults()
    return kills


@pytest.mark.timeout(180)
async def test_every_event_answered_202_is_conserved_over_kills_and_faults(tmp_path: Path) -> None:
    settings = {"cad": {"timeout": "2s"}, "cad.limits": OPERATIONS}
    started = time.monotonic()
    async with (
        simulated_cad(**OPERATIONS) as cad,
        daemon_of(tmp_path, cad, settings, servers=(1, 2)) as daemon,
    ):
        oracle = Oracle(daemon, cad.cloud)
        kills = await live_through_the_storm(daemon, oracle, cad.cloud)
        calm = time.monotonic()
        await oracle.settle(within=DRAIN_SECONDS)
        drained = time.monotonic() - calm
        fresh = await oracle.push_one_of_each("fresh", within=30.0)
        await oracle.look_at_all_again()

        tallies = cad.cloud.cad.limiter.tallies()
        states = [end["state"] for end in oracle.ends.values()]
        counts = {state: states.count(state) for state in sorted(set(states))}
        measured(
            f"{time.monotonic() - started:.1f} s, {kills} kills, {len(oracle.owed)} events {counts}, "
            f"{cad.cloud.journal.total} requests, the rest took {drained:.1f} s; "
            f"most panic requests within 60 s: {tallies['setUnitPanic'].peak}"
        )
        oracle.judge()
        assert {end["state"] for end in fresh} == {"delivered"}
        assert cad.cloud.cad.limiter.violations == 0
        assert daemon.log.count('"daemon ready"') == kills + 1
        await check_what_the_operator_sees(daemon, oracle)


async def check_what_the_operator_sees(daemon: Daemon, oracle: Oracle) -> None:
    states = [end["state"] for end in oracle.ends.values()]
    for state in ("pending", "delivered", "failed", "expired", "superseded"):
        assert await daemon.metric("cad_bridge_outbox_events", state=state) == states.count(state), state
    assert await daemon.metric("cad_bridge_outbox_oldest_pending_timestamp_seconds") == 0
    lines = [msgspec.json.decode(line) for line in daemon.log.splitlines()]
    failed = {line["id"] for line in lines if line["event"] == "event failed"}
    assert failed == {event for event, end in oracle.ends.items() if end["state"] == "failed"}
    assert {line["event"] for line in lines if line["level"] == "error"} <= {"event failed"}
    assert "delivery postponed" in {line["event"] for line in lines}
