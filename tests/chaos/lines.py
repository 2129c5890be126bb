"""The scripts of game servers: each pushes one thing after the other, and repeats what was not answered."""

import asyncio
import math
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import aiohttp
import msgspec

from tests.chaos.ledger import Content, Ledger
from tests.chaos.life import Life
from tests.support.daemon import update
from tests.support.oracle import example

GIVES_UP_SECONDS = 5.0  # as FXServer does without an answer
PAUSE_SECONDS = 2.2  # between two pushes of a line at the documented limits
LINES = 5
WEIGHTS = {
    "panic": 16, "status": 20, "call_911": 6, "dispatch_call": 10, "dispatch_note": 22, "dispatch_attach": 6,
    "dispatch_detach": 5, "end": 11, "kick": 10, "blip": 7, "photo": 6,
}  # fmt: skip
DRIVERS = 40
BURST = 12  # panics


class Door:
    """The push door as a game server reaches it, through a network that fails."""

    def __init__(self, url: str, life: Life) -> None:
        self._url = url
        self._life = life
        self._session = _new_session()

    async def close(self) -> None:
        await self._session.close()

    async def reopen(self) -> None:
        """Close all connections, whatever is under way on them, and go on with new ones."""
        before, self._session = self._session, _new_session()
        await before.close()

    async def post(self, path: str, content: object, server: int, key: str | None = None) -> tuple[int, Any]:
        """Return status and content of the answer; (0, None) where none came."""
        headers = {"Authorization": f"Bearer {self._life.token(server)}", "Content-Type": "application/json"}
        headers |= {} if key is None else {"Idempotency-Key": key}
        try:
            async with self._session.post(
                self._url + path, data=msgspec.json.encode(content), headers=headers
            ) as answer:
                return answer.status, msgspec.json.decode(await answer.read() or b"null")
        except (aiohttp.ClientError, TimeoutError, OSError, msgspec.DecodeError):
            return 0, None


class Line:
    """One script of one server; it speaks of calls that are at most ``memory`` seconds old."""

    def __init__(
        self,
        name: str,
        server: int,
        door: Door,
        ledger: Ledger,
        life: Life,
        dice: random.Random,
        *,
        memory: float = math.inf,
    ) -> None:
        self._name = name
        self._server = server
        self._door = door
        self._ledger = ledger
        self._life = life
        self._dice = dice
        self._memory = memory
        self._number = 0
        self._calls: list[tuple[str, str]] = []  # kind and event, of those that nobody ended
        self._attached: list[str] = []
        self.refusals: list[str] = []

    async def run(self, stop: asyncio.Event, pace: float) -> None:
        while not stop.is_set():
            contents = [self._invent() for _ in range(self._dice.choice((1, 1, 1, 2, 3)))]
            if self._dice.random() < 0.01:
                contents = [self._state("panic", self._next()) for _ in range(BURST)]
            await self._push(contents)
            pause = self._dice.uniform(0.2, 1.8) * PAUSE_SECONDS * len(contents) / pace
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)

    async def _push(self, contents: Sequence[Content]) -> None:
        """Push until it is answered 202, each time with the same key, or until the server is no more."""
        key, asked = f"{self._name}-{self._number}", time.monotonic()
        while True:
            status, content = await self._door.post("/v1/events", contents, self._server, key)
            if status == 202:
                break
            if status == 401 and self._server not in self._life.servers:
                return
            if status not in {0, 401, 408, 503}:
                self.refusals.append(f"{status} {content} for {contents}")
                return
            await asyncio.sleep(self._dice.uniform(0.05, 0.3))
        self._ledger.accept(content["events"], contents, self._server, asked)
        for event, pushed in zip(content["events"], contents, strict=True):
            if pushed["type"] in {"call_911", "dispatch_call"}:
                self._calls.append((pushed["type"], event))

    def _next(self) -> str:
        self._number += 1
        return f"{self._name}-{self._number}"

    def _invent(self) -> Content:
        [kind] = self._dice.choices([*WEIGHTS], [*WEIGHTS.values()])
        name = self._next()
        if kind in {"panic", "status"}:
            return self._state(kind, name)
        if kind in {"dispatch_note", "dispatch_attach", "dispatch_detach", "end"}:
            return self._about_a_call(kind, name)
        if kind in {"call_911", "dispatch_call"}:
            return example(kind, name, metadata={"push": name})
        return example(kind, name, reason=name) if kind == "kick" else example(kind, name)

    def _state(self, kind: str, name: str) -> Content:
        units = [f"license:{self._name}-{kind}-{number}" for number in range(6)]
        ids = self._dice.sample(units, self._dice.choice((1, 1, 2)))
        if kind == "panic":
            return example(kind, name, ids=ids, active=self._dice.random() < 0.7)
        return example(kind, name, ids=ids, status=self._dice.choice((0, 1, 2, 3, 4, 100)))

    def _about_a_call(self, kind: str, name: str) -> Content:
        """Say something about one of the latest calls, which may wait, be in doubt, or be there."""
        if kind == "dispatch_detach" and self._attached:
            return example("dispatch_detach", name, ids=[self._attached.pop()])
        oldest = time.monotonic() - self._memory
        self._calls = [one for one in self._calls if self._ledger.accepted[one[1]].answered >= oldest]
        if not self._calls:
            return example("dispatch_call", name, metadata={"push": name})
        call, event = self._dice.choice(self._calls[-4:])
        if kind == "dispatch_attach":
            self._attached.append(f"license:{name}")
            return example("dispatch_attach", name, call=event, ids=[f"license:{name}"])
        if kind != "end":
            return example("dispatch_note", name, call=event, note=f"{name} «ü»")
        self._calls.remove((call, event))
        if call == "call_911":
            return example("call_911_remove", name, call=event)
        return example("dispatch_close", name, calls=[event])


class Drivers:
    """Everybody drives on, and is pushed twice a second; the last push is where they stop."""

    def __init__(self, door: Door, server: int) -> None:
        self._door = door
        self._server = server
        self.units = [f"license:driver-{server}-{number}" for number in range(DRIVERS)]
        self.turn = 0

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self.turn += 1
            await self._push()
            await asyncio.sleep(0.5)

    async def arrive(self, within: float) -> None:
        """Push where everybody is, until it is taken."""
        deadline = time.monotonic() + within
        while await self._push() != 200:
            assert time.monotonic() < deadline, "no position is taken"
            await asyncio.sleep(0.1)

    async def _push(self) -> int:
        updates = [update(unit, 3.0 * self.turn, 10.0 * place) for place, unit in enumerate(self.units)]
        status, _ = await self._door.post("/v1/locations", {"updates": updates, "full": True}, self._server)
        return status


def _new_session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=GIVES_UP_SECONDS))
