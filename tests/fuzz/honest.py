"""A game server that does everything right while others do not: nothing of it may be lost."""

import asyncio
import random
import time
from collections.abc import Mapping
from typing import Any

import aiohttp
import msgspec

from tests.fuzz.world import World
from tests.support.daemon import TOKENS, Answer

SERVER = 2
NAME = "server-2"
UNITS = ("license:honest-1", "license:honest-2", "license:honest-3")
GIVES_UP = 5.0  # seconds, as FXServer does without an answer
PAUSE = 0.15  # seconds between two pushes
ARRIVES_WITHIN = 40.0  # seconds, after everything else has gone quiet
RETRIES = 200


class Honest:
    """Pushes as server 2 until it is told to stop, and then looks whether all arrived."""

    def __init__(self, world: World, dice: random.Random) -> None:
        self._world = world
        self._dice = dice
        self._turn = 0
        self._places: dict[str, float] = {}
        self._events: list[str] = []
        self.locations = 0
        self.events = 0
        self.slowest = 0.0
        self.problems: list[str] = []

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self._turn += 1
            await self._drive()
            if self._turn % 4 == 0:
                await self._tell()
            await asyncio.sleep(PAUSE)

    async def settle(self) -> None:
        """Wait until everything has arrived, and note what has not."""
        deadline = time.monotonic() + ARRIVES_WITHIN
        self._turn += 1
        for unit in UNITS:
            await self._move(unit)  # where it stands once the others are quiet
        open_events = self._events
        while (open_events or self._strays()) and time.monotonic() < deadline:
            open_events = [event for event in open_events if not await self._has_ended(event)]
            await asyncio.sleep(0.1)
        if open_events:
            self.problems.append(
                f"{len(open_events)} of {len(self._events)} honest events are still pending: {open_events[:3]}"
            )
        if self._strays():
            self.problems.append(f"honest units are not where they were pushed: {self._strays()}")
        self._events = []
        await self._count()

    def _strays(self) -> list[str]:
        units = self._world.cloud.cad.community.units
        wrong: list[str] = []
        for name, x in self._places.items():
            unit = units.get(name)
            if unit is None or unit.coordinates is None or unit.coordinates.x != x:
                wrong.append(name)
        return wrong

    async def _count(self) -> None:
        """Compare with the daemon's own counters."""
        received = await self._world.daemon.metric("cad_bridge_locations_received_total", server=NAME)
        if received != self.locations:
            self.problems.append(f"{self.locations} honest locations were taken, {received:.0f} were counted")

    async def _drive(self) -> None:
        await self._move(self._dice.choice(UNITS))

    async def _move(self, unit: str) -> None:
        """Push one location, by one of the doors."""
        x = 3.0 * (self._turn % 5000) + float(UNITS.index(unit))
        place = {"x": x, "y": 100.0, "z": 30.0}
        doors: list[tuple[str, str, Any]] = [
            ("POST", "/v1/locations", {"updates": [{"id": unit, **place, "location": "Alta St"}]}),
            (
                "PATCH",
                f"/v2/emergency/servers/{SERVER}/unit-locations",
                {"updates": [{"communityUserId": unit, "location": "Alta St", "coordinates": place}]},
            ),
            (
                "POST",
                "/emergency/unit_location",
                {
                    "id": "examplecad",
                    "key": TOKENS[SERVER],
                    "type": "UNIT_LOCATION",
                    "data": [{"apiId": unit, "location": "Alta St", "coordinates": place}],
                },
            ),
        ]
        method, path, body = self._dice.choice(doors)
        answer = await self._push(method, path, body)
        if answer is None or answer.status != 200:
            self.problems.append(
                f"an honest location was not taken: {path} {answer and (answer.status, answer.body[:300])}"
            )
            return
        self._places[unit] = x
        self.locations += 1

    async def _tell(self) -> None:
        unit = self._dice.choice(UNITS)
        body = self._dice.choice(
            (
                {"type": "panic", "id": unit, "active": self._turn % 8 == 0},
                {"type": "status", "id": unit, "status": self._turn % 5},
                {
                    "type": "call_911",
                    "caller": "Jamie",
                    "location": "Alta St",
                    "description": f"Honest {self._turn}",
                },
                {"type": "kick", "id": f"license:nobody-{self._turn}", "reason": "Went off duty"},
            )
        )
        headers = {"Idempotency-Key": f"honest-{self._turn}"}
        for _ in range(RETRIES):
            answer = await self._push("POST", "/v1/events", body, headers)
            if answer is not None and answer.status == 202:
                self._events += answer.json["events"]
                self.events += 1
                return
            if answer is None or answer.status != 503:  # full of what others pushed
                self.problems.append(
                    f"an honest event was not taken: {answer and (answer.status, answer.body[:300])}"
                )
                return
            await asyncio.sleep(0.1)

    async def _has_ended(self, event: str) -> bool:
        answer = await self._world.daemon.look_up(event, server=SERVER)
        if answer.status != 200:
            self.problems.append(
                f"the honest event {event} is unknown: {answer.status} {answer.body[:300]!r}"
            )
            return True
        view = answer.json
        allowed = {"delivered", "superseded"} | (
            {"failed", "expired"} if view["type"] == "kick" else set[str]()
        )
        if view["state"] not in {"pending", *allowed}:
            self.problems.append(f"an honest event ended badly: {view}")
        return bool(view["state"] != "pending")

    async def _push(
        self, method: str, path: str, body: object, headers: Mapping[str, str] | None = None
    ) -> Answer | None:
        """Return the answer; None, and a problem, where none comes in time."""
        daemon = self._world.daemon
        usual = {"Authorization": f"Bearer {TOKENS[SERVER]}", "Content-Type": "application/json"}
        try:
            async with asyncio.timeout(3 * GIVES_UP):
                answer = await daemon.ask(
                    method, daemon.url + path, msgspec.json.encode(body), {**usual, **(headers or {})}
                )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self.problems.append(f"an honest push has no answer: {path} {error!r}")
            return None
        self.slowest = max(self.slowest, answer.seconds)
        if answer.seconds > GIVES_UP:
            self.problems.append(f"an honest push was answered after {answer.seconds:.1f} s: {path}")
        return answer
