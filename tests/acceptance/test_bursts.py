"""Many panics at once, and a CAD that says it is too much."""

import asyncio
import time
from pathlib import Path

import msgspec

from bridge.simulator.faults import Answer
from tests.support.daemon import daemon_of, simulated_cad
from tests.support.measured import measured


async def test_a_hundred_panics_at_once_take_at_most_twenty_requests(tmp_path: Path) -> None:
    units = [f"license:{number}" for number in range(100)]
    async with simulated_cad() as cad, daemon_of(tmp_path, cad) as daemon:
        started = time.monotonic()
        answers = await asyncio.gather(*(daemon.push("/v1/panic", {"id": unit}) for unit in units))
        ended = await daemon.ended([answer.json["event"] for answer in answers], within=25.0)

        requests = cad.cloud.journal.of("setUnitPanic")
        measured(f"100 panics: {len(requests)} requests, {time.monotonic() - started:.2f} s")
        assert {answer.status for answer in answers} == {202}
        assert {event["state"] for event in ended} == {"delivered"}
        assert {unit for unit, seen in cad.cloud.cad.community.units.items() if seen.is_panic} == set(units)
        assert len(requests) <= 20
        assert cad.cloud.cad.limiter.violations == 0
        panics = {"server": "server-1", "kind": "panic"}
        assert await daemon.metric("cad_bridge_events_accepted_total", **panics) == 100
        assert await daemon.metric("cad_bridge_events_delivered_total", **panics) == 100
        answered = await daemon.metric("cad_bridge_cad_requests_total", operation="setUnitPanic", code="200")
        assert answered == len(requests)
        assert daemon.log.count('"event delivered"') == 100


async def test_after_a_429_nothing_of_that_operation_is_sent_until_retry_after(tmp_path: Path) -> None:
    async with simulated_cad() as cad, daemon_of(tmp_path, cad) as daemon:
        cad.cloud.faults.add(Answer(operation="setUnitPanic", status=429, retry_after="3", times=1))
        first = await daemon.push("/v1/panic", {"id": "license:first"})
        await asyncio.sleep(0.3)
        second = await daemon.push("/v1/panic", {"id": "license:second"})
        other = await daemon.push("/v1/events", {"type": "status", "ids": ["license:third"], "status": 1})
        [status] = await daemon.ended(other.json["events"], within=1.5)
        panics = await daemon.ended([first.json["event"], second.json["event"]], within=8.0)

        refused, *later = cad.cloud.journal.of("setUnitPanic")
        assert status["state"] == "delivered"
        assert [event["state"] for event in panics] == ["delivered", "delivered"]
        assert refused.status == 429
        assert 3.0 <= min(request.monotonic for request in later) - refused.monotonic < 4.0
        assert await daemon.metric("cad_bridge_cad_requests_total", operation="setUnitPanic", code="429") == 1
        lines = [msgspec.json.decode(line) for line in daemon.log.splitlines()]
        [limited] = [line for line in lines if line["event"] == "CAD limits our rate"]
        assert (limited["operation"], limited["seconds"]) == ("setUnitPanic", 3.0)
        [postponed] = [line for line in lines if line["event"] == "delivery postponed"]
        assert (postponed["kind"], postponed["reason"]) == ("panic", "rate_limited")
