"""A CAD that answers what a test says: ``bridge.sonoran.client.Transport`` without a wire."""

from asyncio import Event
from collections import deque
from typing import Any

import msgspec
from msgspec import Struct

from bridge.clock import Clock
from bridge.errors import CadError
from bridge.operations import CREATE_911_CALL, GET_VERSION, SET_UNIT_PANIC, SET_UNIT_STATUS, Operation
from bridge.sonoran.messages import CadAnswer, CadRequest, Line


class Sent(Struct, frozen=True, kw_only=True):
    """A request as it left: ``at`` in monotonic seconds, ``body`` decoded."""

    at: float
    operation: Operation
    path: str
    body: Any
    line: Line

    @property
    def units(self) -> list[str]:
        """The units of a panic or status request."""
        return self.body["communityUserIds"]


Reaction = CadAnswer | CadError | Exception | Event
"""What a request meets: an answer, an error, or nothing until the event is set (and then the usual answer)."""


class ScriptedTransport:
    """Answers each operation's requests with what ``script`` lined up for it, then with ``otherwise``.

    Every answer takes ``seconds`` of the clock. ``otherwise`` of None means a CAD in good health that knows
    every unit; it may be exchanged while a test runs. ``sent`` holds all requests, oldest first.
    """

    def __init__(self, clock: Clock, *, seconds: float = 0.05) -> None:
        self._clock = clock
        self._script: dict[str, deque[Reaction]] = {}
        self.seconds = seconds
        self.otherwise: Reaction | None = None
        self.sent: list[Sent] = []

    def script(self, operation: Operation, *reactions: Reaction) -> None:
        """Line up what the operation's next requests meet."""
        self._script.setdefault(operation.name, deque()).extend(reactions)

    def requests(self, operation: Operation) -> list[Sent]:
        """Return the operation's requests, oldest first."""
        return [sent for sent in self.sent if sent.operation is operation]

    async def exchange(self, request: CadRequest) -> CadAnswer:
        body = None if request.body is None else msgspec.json.decode(request.body)
        sent = Sent(
            at=self._clock.monotonic(), operation=request.operation, path=request.path, body=body,
            line=request.line,
        )  # fmt: skip
        self.sent.append(sent)
        lined_up = self._script.get(request.operation.name)
        reaction = lined_up.popleft() if lined_up else self.otherwise
        await self._clock.sleep(self.seconds)
        if isinstance(reaction, Event):
            await reaction.wait()
        elif isinstance(reaction, Exception):
            raise reaction
        elif reaction is not None:
            return reaction
        return _usual(sent)


def answer(
    status: int = 200,
    body: Any = None,
    *,
    retry_after: float | None = None,
    trace_id: str | None = None,
    sends: int = 1,
) -> CadAnswer:
    """Return an answer; a body that is not bytes becomes JSON."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode({} if body is None else body)
    return CadAnswer(
        status=status, body=raw, retry_after=retry_after, trace_id=trace_id, seconds=0.05, sends=sends
    )


def _usual(sent: Sent) -> CadAnswer:
    if sent.operation in (SET_UNIT_PANIC, SET_UNIT_STATUS):
        return answer(body={"updated": len(sent.units)})
    if sent.operation is CREATE_911_CALL:
        return answer(201, {"callId": 7})
    if sent.operation is GET_VERSION:
        return answer(body={"version": 3, "name": "PLUS"})
    return answer()
