"""Many clients that ask for the same thing each second cost the CAD what its limit allows, and read what is fresh."""

import asyncio
from pathlib import Path

import aiohttp

from bridge.operations import OPERATIONS
from tests.support.configuration import TOKENS
from tests.support.running_daemon import UNIT, Running, daemon_config, with_daemon

CLIENTS = 50
SECONDS = 75
UNITS = "/v2/emergency/servers/1/units?includeOffline=true&onlyUnits=false&limit=50&offset=0"


def test_fifty_clients_that_poll_the_units_each_second_cost_three_requests_a_minute(tmp_path: Path) -> None:
    answers: list[tuple[int, float]] = []

    async def poll(seen: Running, session: aiohttp.ClientSession) -> None:
        for _ in range(SECONDS):
            async with session.get(f"http://{seen.parts.listener.addresses[0]}{UNITS}") as answer:
                await answer.read()
                answers.append((answer.status, float(answer.headers.get("Age", 0))))
            await seen.clock.sleep(1.0)

    async def change(seen: Running) -> None:
        """Give the pollers' answers something to be outdated by, every other second."""
        for number in range(SECONDS // 2):
            await seen.push("/v1/events", {"type": "status", "ids": [UNIT], "status": number % 4})
            await seen.clock.sleep(2.0)

    async def story(seen: Running) -> list[float]:
        headers = {"Authorization": f"Bearer {TOKENS[1]}"}
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(headers=headers, connector=connector) as session:
            await asyncio.gather(change(seen), *(poll(seen, session) for _ in range(CLIENTS)))
        return [received.monotonic for received in seen.received("getActiveUnits")]

    asked = with_daemon(daemon_config(tmp_path), story)

    operation = OPERATIONS["getActiveUnits"]
    assert len(answers) == CLIENTS * SECONDS
    assert {status for status, _ in answers} == {200}
    assert max(age for _, age in answers) <= operation.cache_seconds
    assert len(asked) >= SECONDS / operation.cache_seconds
    for at in asked:
        assert sum(at <= other < at + 60.0 for other in asked) <= operation.per_minute
