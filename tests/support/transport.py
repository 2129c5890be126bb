"""A CAD that answers what a test says: ``bridge.sonoran.client.Transport`` without a wire."""

from asyncio import Event
from collections import deque
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
from msgspec import Struct

from bridge.clock import Clock
from bridge.errors import CadError
from bridge.operations import (
    CREATE_911_CALL,
    CREATE_BLIP,
    CREATE_DISPATCH_CALL,
    GET_CALLS,
    GET_VERSION,
    SEND_PHOTO,
    SET_UNIT_PANIC,
    SET_UNIT_STATUS,
    Operation,
)
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
        """The units of a panic or status request, however it names them."""
        named = ("communityUserIds", "identIds", "accountUuid", "roblox", "discord")
        units: Any = next(self.body[name] for name in named if name in self.body)
        return [str(units)] if isinstance(units, str | int) else units

    @property
    def server(self) -> str:
        """The server that the path names."""
        return self.path.split("/")[4]

    @property
    def query(self) -> dict[str, int]:
        """The numbers of the query."""
        return {name: int(values[0]) for name, values in parse_qs(urlsplit(self.path).query).items()}


End = CadAnswer | CadError | Exception | Event
"""What a request meets: an answer, an error, or nothing until the event is set (and then the usual answer)."""

Reaction = End | Callable[[Sent], End]
"""An end, or what makes one when a request arrives."""


class ScriptedTransport:
    """Answers each operation's requests with what ``script`` lined up, then as ``always`` says, then ``otherwise``.

    Every answer takes ``seconds`` of the clock. ``otherwise`` of None means a CAD in good health that knows
    every unit and shows no calls; it may be exchanged while a test runs. ``sent`` holds all requests, oldest first.
    """

    def __init__(self, clock: Clock, *, seconds: float = 0.05) -> None:
        self._clock = clock
        self._script: dict[str, deque[Reaction]] = {}
        self._always: dict[str, Reaction] = {}
        self.seconds = seconds
        self.otherwise: Reaction | None = None
        self.sent: list[Sent] = []

    def script(self, operation: Operation, *reactions: Reaction) -> None:
        """Line up what the operation's next requests meet."""
        self._script.setdefault(operation.name, deque()).extend(reactions)

    def always(self, operation: Operation, reaction: Reaction | None) -> None:
        """Say what the operation's requests meet that nothing is lined up for; None: the same as all others."""
        if reaction is None:
            self._always.pop(operation.name, None)
        else:
            self._always[operation.name] = reaction

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
        reaction = (
            lined_up.popleft() if lined_up else self._always.get(request.operation.name, self.otherwise)
        )
        await self._clock.sleep(self.seconds)
        end = reaction(sent) if callable(reaction) else reaction
        if isinstance(end, Event):
            await end.wait()
        elif isinstance(end, Exception):
            raise end
        elif end is not None:
            return end
        return _usual(sent)


class CallBoard:
    """The calls that a CAD has, as ``getCalls`` shows them; ``always(GET_CALLS, board)`` puts it up.

    Args:
        page: the most closed calls it puts into one answer, whatever is asked for.
        counted: whether it tells how many closed calls there are.
        camel: which of the two documented casings it answers in.
        flat: whether a table of one call is that call, as in Sonoran's example.
    """

    def __init__(
        self, *, page: int = 1000, counted: bool = True, camel: bool = False, flat: bool = False
    ) -> None:
        self._page = page
        self._counted = counted
        self._camel = camel
        self._flat = flat
        self._number = 500
        self.active: list[dict[str, Any]] = []
        self.emergency: list[dict[str, Any]] = []
        self.closed: list[dict[str, Any]] = []

    def __call__(self, sent: Sent) -> CadAnswer:
        offset = sent.query["closedOffset"]
        limit = min(sent.query["closedLimit"], self._page)
        tables: dict[str, Any] = {
            "ActiveCalls": self._table(self.active),
            "EmergencyCalls": self._table(self.emergency),
            "ClosedCalls": self._table(self.closed[offset : offset + limit]),
        }
        if self._counted:
            tables["ClosedCallCount"] = len(self.closed)
        if self._camel:
            tables = {name[0].lower() + name[1:]: table for name, table in tables.items()}
        return answer(body=tables)

    def take(self, sent: Sent) -> CadAnswer:
        """Create the call that a request asks for and return the usual answer."""
        self._number += 1
        row = {"callId": self._number, "metaData": sent.body["metaData"]}
        (self.emergency if sent.operation is CREATE_911_CALL else self.active).append(row)
        return answer(201, row)

    def take_but(self, end: End) -> Callable[[Sent], End]:
        """Return what creates the call although its request ends so."""

        def react(sent: Sent) -> End:
            self.take(sent)
            return end

        return react

    def fill(self, closed: int) -> None:
        """Put closed calls of other people's making in front of those that there are."""
        strangers = [{"callId": number, "metaData": {"source": "person"}} for number in range(closed)]
        self.closed = [*strangers, *self.closed]

    def close(self) -> None:
        """Have a person close every dispatch call and remove every 911 call."""
        self.closed = [*self.active, *self.closed]
        self.active, self.emergency = [], []

    def _table(self, rows: list[dict[str, Any]]) -> Any:
        return rows[0] if self._flat and len(rows) == 1 else rows


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
    return {
        CREATE_911_CALL: answer(201, {"callId": 7}),
        CREATE_DISPATCH_CALL: answer(201, {"callId": 8}),
        CREATE_BLIP: answer(201, {"id": 9}),
        SEND_PHOTO: answer(body={"delivered": 1}),
        GET_CALLS: answer(
            body={"ActiveCalls": [], "EmergencyCalls": [], "ClosedCalls": [], "ClosedCallCount": 0}
        ),
        GET_VERSION: answer(body={"version": 3, "name": "PLUS"}),
    }.get(sent.operation, answer())
