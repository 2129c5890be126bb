"""Positions on their way through the real process: batches, their pace, and who is in them."""

import asyncio
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from bridge.simulator.journal import Received
from tests.support.daemon import Daemon, daemon_of, simulated_cad, update

pytestmark = pytest.mark.timeout(60)

MOVING = [f"license:moving-{number}" for number in range(180)]
STANDING = [f"license:standing-{number}" for number in range(20)]
STEP = 5.0  # metres a second
TOLERANCE = 0.1  # seconds between a batch being put together and its arrival


class Pushed(Struct, frozen=True, kw_only=True):
    """One push; ``number`` tells how far the moving units had come."""

    number: int
    asked: float
    answered: float


class Batch(Struct, frozen=True, kw_only=True):
    """One location request as the CAD got it; ``at`` is monotonic."""

    at: float
    server: int
    status: int
    x: dict[str, float]


class Runs(Struct, frozen=True, kw_only=True):
    """What two daemons sent: one with a single busy server, one with a server that falls silent."""

    pushes: list[Pushed]
    batches: list[Batch]
    sent: float
    fell_silent_at: float
    turns: list[Batch]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return asyncio.run(watch(tmp_path_factory.mktemp("locations")))


async def watch(folder: Path) -> Runs:
    async with asyncio.TaskGroup() as group:
        busy = group.create_task(watch_one_busy_server(folder / "busy"))
        silent = group.create_task(watch_a_server_fall_silent(folder / "silent"))
    pushes, batches, sent = busy.result()
    fell_silent_at, turns = silent.result()
    return Runs(pushes=pushes, batches=batches, sent=sent, fell_silent_at=fell_silent_at, turns=turns)


async def watch_one_busy_server(folder: Path) -> tuple[list[Pushed], list[Batch], float]:
    settings = {"locations": {"resend_after": "6s"}}
    pushes: list[Pushed] = []
    async with simulated_cad() as cad, daemon_of(folder, cad, settings) as daemon:
        start = time.monotonic()
        for number in range(17):
            await asyncio.sleep(start + number - time.monotonic())
            pushes.append(await push_everybody(daemon, number))
        assert cad.cloud.cad.limiter.violations == 0
        sent = await daemon.metric("cad_bridge_locations_sent_total", server="server-1")
        return pushes, batches_of(cad.cloud.journal.of("updateUnitLocations")), sent


async def push_everybody(daemon: Daemon, number: int) -> Pushed:
    moving = [update(unit, number * STEP) for unit in MOVING]
    standing = [update(unit, 1000.0) for unit in STANDING]
    answer = await daemon.push("/v1/locations", {"updates": moving + standing})
    assert answer.status == 200, answer.body
    assert answer.json["accepted"] == 200
    assert answer.json["rejected"] == []
    return Pushed(number=number, asked=answer.asked, answered=answer.answered)


async def watch_a_server_fall_silent(folder: Path) -> tuple[float, list[Batch]]:
    settings = {
        "cad.limits": {"updateUnitLocations": 60},
        "locations": {"interval": "1s", "resend_after": "3s"},
    }
    async with (
        simulated_cad(updateUnitLocations=60) as cad,
        daemon_of(folder, cad, settings, servers=(1, 2)) as daemon,
    ):
        start = time.monotonic()
        fell_silent_at = start
        for number in range(14):
            await asyncio.sleep(start + number - time.monotonic())
            await daemon.push("/v1/locations", {"updates": [update("license:talking", 50.0)]}, server=1)
            if number < 4:
                await daemon.push("/v1/locations", {"updates": [update("license:silent", 60.0)]}, server=2)
                fell_silent_at = time.monotonic()
        return fell_silent_at, batches_of(cad.cloud.journal.of("updateUnitLocations"))


def batches_of(requests: list[Received]) -> list[Batch]:
    return [
        Batch(
            at=request.monotonic,
            server=request.server or 0,
            status=request.status or 0,
            x={one["communityUserId"]: one["coordinates"]["x"] for one in updates(request)},
        )
        for request in requests
    ]


def updates(request: Received) -> list[Any]:
    body: Any = request.decoded()
    found: list[Any] = body["updates"]
    return found


def test_sixteen_seconds_of_pushes_become_three_batches(runs: Runs) -> None:
    assert [batch.status for batch in runs.batches] == [200, 200, 200]


def test_batches_are_never_closer_than_five_seconds(runs: Runs) -> None:
    gaps = [later.at - earlier.at for earlier, later in pairwise(runs.batches)]

    assert min(gaps) >= 5.0
    assert max(gaps) < 5.5


def test_a_batch_holds_the_newest_location_of_every_unit_that_moved(runs: Runs) -> None:
    for batch in runs.batches:
        oldest = max(push.number for push in runs.pushes if push.answered < batch.at - TOLERANCE)
        newest = max(push.number for push in runs.pushes if push.asked < batch.at)

        assert set(MOVING) <= batch.x.keys()
        assert {batch.x[unit] for unit in MOVING} <= {oldest * STEP, newest * STEP}


def test_a_unit_that_stands_still_is_left_out_until_resend_after(runs: Runs) -> None:
    first, second, third = runs.batches

    assert set(STANDING) <= first.x.keys()
    assert second.x.keys() == set(MOVING)
    assert set(STANDING) <= third.x.keys()


def test_what_was_sent_is_counted(runs: Runs) -> None:
    assert runs.sent == 200 + 180 + 200


def test_a_unit_that_stands_still_on_a_server_that_pushes_comes_again(runs: Runs) -> None:
    at = [batch.at for batch in runs.turns if "license:talking" in batch.x]

    assert len(at) >= 3
    assert all(later - earlier >= 3.0 for earlier, later in pairwise(at))


def test_a_unit_of_a_server_that_fell_silent_does_not_come_again(runs: Runs) -> None:
    after = [batch for batch in runs.turns if batch.at > runs.fell_silent_at + 1.5]

    assert any("license:silent" in batch.x for batch in runs.turns if batch.server == 2)
    assert after
    assert not any("license:silent" in batch.x for batch in after)
