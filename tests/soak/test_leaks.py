"""The short form of ``make soak``: whatever was opened is closed again."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bridge.clock import SystemClock
from bridge.outbox.queue import HEAP_SLACK
from bridge.simulator.routes import ROUTES
from bridge.simulator.server import SimulatorServer
from tests.chaos.ledger import Ledger
from tests.soak.abuse import Abuse
from tests.soak.holdings import Holdings, grown
from tests.soak.life import LongLife
from tests.soak.steadiness import LINES_TO_THE_CAD, POOL_THREADS, TASKS_UNDER_WAY
from tests.soak.visitors import STREAM
from tests.support.daemon import new_cloud
from tests.support.fault_proxy import FaultProxy
from tests.support.measured import measured

PACE = 100  # times the documented limits, so that nothing waits for its turn
CONNECTIONS = 96  # at once; far fewer than are made, so that one that is not given back shuts somebody out
FIRST_ROUND, ROUND, ROUNDS = 40, 300, 3
KEPT = HEAP_SLACK + 16  # events of a kind: some that have ended stay in memory, up to a number
SETTLES_SECONDS = 30.0  # at most; usually a few
LIFE_SECONDS, KEEP_SECONDS = 170.0, 1.0
MORE_OBJECTS = 300  # of one type
MORE_MIB = 24.0  # what a burst may leave behind, and more


class NarrowLife(LongLife):
    """A daemon that takes few connections, and does not wait for the rest of a request for long."""

    def _usual(self) -> dict[str, dict[str, Any]]:
        return {**super()._usual(), "listener": {"max_connections": CONNECTIONS, "request_timeout": "2s"}}


@asynccontextmanager
async def abused(folder: Path) -> AsyncGenerator[tuple[NarrowLife, Abuse]]:
    limits = {one.operation: PACE * one.per_minute for one in ROUTES if one.per_minute is not None}
    cloud = new_cloud(**limits)
    async with (
        SimulatorServer(SystemClock(), cloud=cloud) as server,
        FaultProxy(("127.0.0.1", server.port)) as far,
    ):
        life = NarrowLife(folder, far.url, limits, Ledger(), seconds=LIFE_SECONDS, keep=KEEP_SECONDS)
        try:
            await life.start()
            yield life, Abuse(life, cloud, far, random.Random(11))
        finally:
            await life.daemon.close()


async def settled(life: LongLife, abuse: Abuse, good: Callable[[Holdings], bool]) -> Holdings:
    """Return what the daemon holds when nothing is under way, as soon as that is good."""
    deadline = time.monotonic() + SETTLES_SECONDS
    while True:
        abuse.make_up()
        await asyncio.sleep(0.5)
        status = await life.daemon.status()
        holds = await life.witness.look(thoroughly=True)
        pending = status["outbox"]["pending"]
        if (not pending and good(holds)) or time.monotonic() > deadline:
            assert not pending, f"events are pending: {status['outbox']}"
            return holds


def left_open(before: Holdings, after: Holdings) -> dict[str, object]:
    """Return what is open or runs that did not before, and is more than can be under way."""
    found = {
        "descriptors": after.opened - before.opened > LINES_TO_THE_CAD
        and grown(before.descriptors, after.descriptors),
        "tasks": after.running - before.running > TASKS_UNDER_WAY and grown(before.tasks, after.tasks),
        "threads": after.threads - before.threads > POOL_THREADS and after.threads,
    }
    return {name: more for name, more in found.items() if more}


def kept(before: Holdings, after: Holdings) -> dict[str, object]:
    """Return what there is more of in memory than bursts explain."""
    more = grown(before.objects, after.objects)
    found: dict[str, object] = {name: number for name, number in more.items() if number > MORE_OBJECTS}
    return found | ({"MiB": after.mib} if after.mib - before.mib > MORE_MIB else {})


@pytest.mark.stress
@pytest.mark.timeout(150)
async def test_after_hundreds_of_connections_failures_and_reloads_the_daemon_holds_what_it_held(
    tmp_path: Path,
) -> None:
    async with abused(tmp_path) as (life, abuse):
        fresh = await settled(life, abuse, lambda _: True)
        await abuse.fill(KEPT)
        await abuse.round(FIRST_ROUND)
        warm = await settled(life, abuse, lambda holds: not left_open(fresh, holds))

        for _ in range(ROUNDS):
            await abuse.round(ROUND)
        after = await settled(
            life, abuse, lambda holds: not left_open(fresh, holds) and not kept(warm, holds)
        )
        taken = await abuse.push("/v1/locations", {"updates": []})
        watched = await abuse.status_of(STREAM)

        told = f"{fresh.opened} to {after.opened} descriptors, {fresh.running} to {after.running} tasks"
        measured(f"{told}, {warm.blocks} to {after.blocks} blocks, {warm.mib:.1f} to {after.mib:.1f} MiB")
        assert not left_open(fresh, after)
        assert not kept(warm, after)
        assert (taken, watched) == (200, 200)
        assert not life.problems
        assert "Traceback" not in life.daemon.log
