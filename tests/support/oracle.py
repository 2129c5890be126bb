"""The judge of process tests: what was answered 202 is owed, and the simulated CAD must hold exactly that.

``Oracle`` pushes, remembers what it is owed, and asks how it ended; ``judgement`` compares that with what the CAD has.
Both know the public contract and Sonoran's documents alone, nothing of how the bridge works.
"""

import asyncio
import itertools
import time
from collections.abc import Iterable, Mapping
from typing import Any

import aiohttp

from bridge.simulator.cloud import Cloud
from tests.support.daemon import END_STATES, Answer, Daemon
from tests.support.judgement import STATES, Content, Evidence, Judgement, Obligation

AT_ONCE = 20  # look-ups


class Oracle:
    """What a daemon owes. ``owed`` keeps the order of acceptance, ``ends`` are those that it told."""

    def __init__(self, daemon: Daemon, cloud: Cloud) -> None:
        self._daemon = daemon
        self._cloud = cloud
        self._numbers = itertools.count()
        self.owed: dict[str, Obligation] = {}
        self.ends: dict[str, Any] = {}
        self.taken_back: list[str] = []

    async def push(self, *contents: Content, server: int = 1, within: float = 30.0) -> list[str]:
        """Push until it is answered, and return the ids; a daemon that dies meanwhile is asked again.

        All pushes have an Idempotency-Key, so one that was taken without an answer is not taken twice.
        """
        key = {"Idempotency-Key": f"push-{next(self._numbers)}"}
        deadline = time.monotonic() + within
        while (answer := await self._try(contents, server, key)) is None:
            assert time.monotonic() < deadline, "nobody answers"
            await asyncio.sleep(0.05)
        assert answer.status == 202, answer.body
        events: list[str] = answer.json["events"]
        for event, content in zip(events, contents, strict=True):
            self.owed[event] = Obligation(event=event, server=server, content=content)
        return events

    async def look(self, event: str) -> Any:
        """Return how an event stands; an end that was told once must stay.

        Raises:
            aiohttp.ClientError: the daemon is dead.
        """
        answer = await self._daemon.look_up(event, server=self.owed[event].server)
        assert answer.status == 200, answer.body
        if event in self.ends and self.ends[event] != answer.json:
            self.taken_back.append(f"{event}: {self.ends[event]} became {answer.json}")
        if answer.json["state"] in END_STATES:
            self.ends[event] = answer.json
        return answer.json

    async def settle(self, events: Iterable[str] | None = None, *, within: float) -> list[Any]:
        """Return how events (None: all) ended, as soon as none is pending."""
        wanted = list(self.owed if events is None else events)
        deadline = time.monotonic() + within
        while left := [event for event in wanted if event not in self.ends]:
            for start in range(0, len(left), AT_ONCE):
                await asyncio.gather(*(self.look(event) for event in left[start : start + AT_ONCE]))
            if any(event not in self.ends for event in left):
                kinds = sorted({self.owed[event].kind for event in left})
                assert time.monotonic() < deadline, (
                    f"{len(left)} still pending: {kinds}\n{self._daemon.log[-3000:]}"
                )
                await asyncio.sleep(0.1)
        return [self.ends[event] for event in wanted]

    async def look_at_all_again(self) -> None:
        """Ask once more for everything that ended."""
        owed = list(self.owed)
        for start in range(0, len(owed), AT_ONCE):
            await asyncio.gather(*(self.look(event) for event in owed[start : start + AT_ONCE]))

    async def push_one_of_each(self, name: str, *, within: float) -> list[Any]:
        """Push an event of every kind, and return how they ended; each refers to calls that the CAD has by then."""
        units = [f"license:{name}-attached"]
        first = [
            example(kind, name) for kind in (*STATES, "call_911", "dispatch_call", "kick", "blip", "photo")
        ]
        events = await self.push(*first)
        _, _, emergency, board, *_ = events
        await self.settle([emergency, board], within=within)
        about = [example(kind, name, call=board) for kind in ("dispatch_note", "dispatch_attach")]
        events += await self.push(*about, example("dispatch_detach", name, ids=units))
        ends = [
            example("call_911_remove", name, call=emergency),
            example("dispatch_close", name, calls=[board]),
        ]
        events += await self.push(*ends)
        return await self.settle(events, within=within)

    def judge(self, *, may_look: bool = True) -> None:
        """Fail with everything that is wrong, a line each; to be asked when everything has ended.

        ``may_look`` false: the plan forbids to read calls, so one may be there twice, or nobody knows.
        """
        judgement = Judgement(self.owed, self.ends, Evidence(self._cloud), may_look=may_look)
        problems = [*self.taken_back, *judgement]
        assert not problems, "\n".join(problems)

    async def _try(
        self, contents: tuple[Content, ...], server: int, headers: Mapping[str, str]
    ) -> Answer | None:
        try:
            return await self._daemon.push("/v1/events", contents, server=server, headers=headers)
        except aiohttp.ClientError:
            return None


def example(kind: str, name: str, **changes: Any) -> dict[str, Any]:
    """Return a full event to push, with a text that must survive all encodings."""
    text = f'{name}: «Größe» "50" \\ 東 🚓'
    units = {"ids": [f"license:{name}-attached"]}
    fields: dict[str, dict[str, Any]] = {
        "panic": {"ids": [f"license:{name}-panic"], "active": True},
        "status": {"ids": [f"license:{name}-status"], "status": 3},
        "call_911": {
            "caller": "Zoë", "location": "Alta St", "description": text, "emergency": False, "x": -1037.5,
            "y": 12.25, "postal": "7015", "delete_after_minutes": 90, "metadata": {"plate": "A 1"},
        },
        "call_911_remove": {},
        "dispatch_call": {
            "title": f"{name} pursuit", "description": text, "code": "10-80", "block": "4", "address": "Route 68",
            "postal": "2001", "origin": 1, "status": 0, "priority": 3, "ids": [f"license:{name}-board"],
            "x": 250.125, "y": -900.0, "metadata": {"suspect": "unknown"},
        },
        "dispatch_note": {"note": text, "label": "Game"},
        "dispatch_attach": units,
        "dispatch_detach": units,
        "dispatch_close": {},
        "kick": {"id": f"license:{name}-kicked", "reason": "asleep «wheel»"},
        "blip": {
            "x": 10.5, "y": -20.25, "z": 30.0, "sub_type": "camera", "icon": "eye", "color": "#ff0000", "tooltip": text,
            "radius": 40.5, "data": [{"title": "Owner", "text": name}],
        },
        "photo": {"id": f"license:{name}-photo", "url": f"https://pictures.example/{name}.png?a=1&b=%20"},
    }  # fmt: skip
    return {"type": kind, **fields[kind], **changes}
