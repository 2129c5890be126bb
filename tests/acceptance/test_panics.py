"""A panic button in the middle of everything else the game servers push."""

import asyncio
import random
import statistics
import time
from pathlib import Path

import msgspec
import pytest

from bridge.simulator.faults import Delay
from tests.support.daemon import Daemon, daemon_of, simulated_cad, update
from tests.support.measured import measured

PANICS = 50
SLACK = 0.1  # seconds in which two requests that leave together may be read in either order
UNITS = 500
PUSHES = [
    msgspec.json.encode(
        {"updates": [update(f"license:{unit}", 3.0 * unit + 5.0 * turn) for unit in range(UNITS)]}
    )
    for turn in range(2)
]
SETTINGS = {
    "cad.limits": {"setUnitPanic": 1000, "updateUnitLocations": 60},
    "locations": {"interval": "1s"},
}


class Pressed(msgspec.Struct, frozen=True, kw_only=True):
    """A panic that was accepted; instants are monotonic seconds."""

    unit: str
    event: str
    asked: float
    answered: float


async def push_two_thousand_a_second(daemon: Daemon, stop: asyncio.Event) -> int:
    """Push 500 positions four times a second; return how many pushes were taken."""
    start, taken = time.monotonic(), 0
    while not stop.is_set():
        answer = await daemon.push("/v1/locations", PUSHES[taken % 2])
        assert answer.status == 200
        taken += 1
        await asyncio.sleep(start + 0.25 * taken - time.monotonic())
    return taken


async def press(daemon: Daemon, number: int) -> Pressed:
    unit = f"license:panic-{number}"
    answer = await daemon.push("/v1/panic", {"id": unit})
    assert answer.status == 202, answer.body
    return Pressed(unit=unit, event=answer.json["event"], asked=answer.asked, answered=answer.answered)


@pytest.mark.timeout(60)
async def test_panics_overtake_two_thousand_positions_a_second(tmp_path: Path) -> None:
    dice = random.Random(7)
    async with (
        simulated_cad(setUnitPanic=1000, updateUnitLocations=60) as cad,
        daemon_of(tmp_path, cad, SETTINGS) as daemon,
        asyncio.TaskGroup() as group,
    ):
        cad.cloud.faults.add(Delay(operation="updateUnitLocations", seconds=0.4))
        stop = asyncio.Event()
        started = time.monotonic()
        pushing = group.create_task(push_two_thousand_a_second(daemon, stop))
        await asyncio.sleep(2.0)
        pressed: list[Pressed] = []
        for number in range(PANICS):
            pressed.append(await press(daemon, number))
            await asyncio.sleep(dice.uniform(0.05, 0.25))
        stop.set()
        rate = await pushing * UNITS / (time.monotonic() - started)
        ended = await daemon.ended([one.event for one in pressed], within=5.0)

        arrived = {
            unit: request.monotonic
            for request in cad.cloud.journal.of("setUnitPanic")
            for unit in msgspec.json.decode(request.body)["communityUserIds"]
        }
        batches = [request.monotonic for request in cad.cloud.journal.of("updateUnitLocations")]
        latencies = [arrived[one.unit] - one.asked for one in pressed]
        measured(
            f"{rate:.0f} positions/s, {len(batches)} batches; push to CAD over {PANICS} panics: "
            f"median {statistics.median(latencies) * 1000:.1f} ms, worst {max(latencies) * 1000:.1f} ms"
        )
        assert {event["state"] for event in ended} == {"delivered"}
        assert all(cad.cloud.cad.community.units[one.unit].is_panic for one in pressed)
        for one in pressed:
            overtaking = [at for at in batches if one.answered + SLACK < at < arrived[one.unit]]
            assert overtaking == [], "a batch begun after the answer came before the panic"
        assert len(batches) >= 5
        assert rate > 1800
        assert statistics.median(latencies) < 0.5
        assert cad.cloud.cad.limiter.violations == 0


async def test_a_panic_is_on_disk_before_it_is_answered_and_sent(tmp_path: Path) -> None:
    """The CAD stays silent, so that the event's only place is the disk: a killed daemon still has it."""
    async with simulated_cad() as cad, daemon_of(tmp_path, cad) as daemon:
        cad.cloud.faults.add(Delay(operation="setUnitPanic", seconds=5.0, times=1))
        pressed = await press(daemon, 1)
        await daemon.process.kill()
        await daemon.start()

        assert (await daemon.look_up(pressed.event)).json["state"] in {"pending", "delivered"}
        [event] = await daemon.ended([pressed.event], within=5.0)
        assert event["state"] == "delivered"
        assert event["type"] == "panic"
        assert event["attempts"] >= 1
