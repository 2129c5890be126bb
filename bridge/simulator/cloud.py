"""The simulated CAD with everything that can go wrong between it and a client, without sockets."""

import asyncio
from http import HTTPStatus

import msgspec

from bridge.clock import Clock
from bridge.simulator import routes
from bridge.simulator.cad import Cad
from bridge.simulator.cms import door as cms_door
from bridge.simulator.cms.door import EVERY_ENDPOINT, Cms
from bridge.simulator.door import Door
from bridge.simulator.faults import Answer, Down, Drop, Fate, Faults, Half, Hang, RefuseKey, Weather
from bridge.simulator.journal import Journal
from bridge.simulator.messages import Reply, Request
from bridge.simulator.v1 import table as v1
from bridge.simulator.v1.door import PREFIXES

OPERATIONS = routes.OPERATIONS | v1.OPERATIONS | cms_door.OPERATIONS


class Dropped(Exception):  # noqa: N818 -- what happened to the connection, not a fault of the program
    """The connection is closed in place of a complete answer.

    ``after_acting`` tells whether the CAD did what was asked; ``reply`` is the answer that got lost, of which
    the client sees half where ``partial``.
    """

    def __init__(self, *, after_acting: bool, reply: Reply | None = None, partial: bool = False) -> None:
        super().__init__("connection dropped")
        self.after_acting = after_acting
        self.reply = reply
        self.partial = partial


class Cloud:
    """Faults, delays, and behind them the CAD with both of its interfaces and the CMS.

    A test transport may call ``exchange`` directly. The wall time of ``clock`` is the time in which the CAD counts. ``weather`` adds latency and failures by chance.
    """

    def __init__(
        self, clock: Clock, cad: Cad | None = None, weather: Weather | None = None, cms: Cms | None = None
    ) -> None:
        self.cad = Cad() if cad is None else cad
        self.cms = Cms() if cms is None else cms
        self.faults = Faults(OPERATIONS | {v1.EVERY_TYPE, EVERY_ENDPOINT})
        self.journal = Journal()
        self._clock = clock
        self._weather = weather
        self._released = asyncio.Event()

    def now(self) -> float:
        """Return the CAD's time: Unix seconds."""
        return self._clock.wall()

    def door(self, request: Request) -> Door:
        """Return the interface that a request is for: paths tell them apart."""
        if request.path in cms_door.BY_PATH:
            return self.cms
        return self.cad.v1 if request.path.startswith(PREFIXES) else self.cad

    async def exchange(self, request: Request) -> Reply:
        """Return the CAD's answer, or raise ``Dropped``; takes as long as the faults say."""
        located = self.door(request).locate(request)
        received = self.journal.write(
            request, located, monotonic=self._clock.monotonic(), wall=self._clock.wall()
        )
        try:
            reply = await self._undergo(request, self.faults.take(*located))
        except Dropped as dropped:
            received.lost = True
            received.status = None if dropped.reply is None else dropped.reply.status
            raise
        received.status = reply.status
        return reply

    def clear_faults(self) -> None:
        """Put all faults out of force and close the connections of requests that hang."""
        self.faults.clear()
        self.let_go()

    def let_go(self) -> None:
        """Close the connections of requests that hang; the faults stay in force."""
        self._released.set()
        self._released = asyncio.Event()

    def reset(self) -> None:
        """Forget what happened, and the faults; the community's settings stay."""
        self.clear_faults()
        self.journal.clear()
        self.cad.reset()
        self.cms.reset()

    async def _undergo(self, request: Request, fate: Fate) -> Reply:
        if isinstance(fate.outcome, Down):
            raise Dropped(after_acting=False)
        released = self._released
        await self._linger(fate.delay_seconds)
        match fate.outcome:
            case RefuseKey():
                return self.door(request).refuse_key(request)
            case Answer() as answer:
                return self._stand_in(request, fate, answer)
            case Hang(acts=acts):
                dropped = self._lose(request, fate, acts=acts)
                await released.wait()
                raise dropped
            case Drop(acts=acts):
                raise self._lose(request, fate, acts=acts)
            case Half():
                raise Dropped(after_acting=True, reply=self._act(request, fate), partial=True)
            case None:
                return self._act(request, fate)

    async def _linger(self, seconds: float) -> None:
        if self._weather is not None:
            seconds += self._weather.latency()
        if seconds > 0:
            await self._clock.sleep(seconds)

    def _act(self, request: Request, fate: Fate) -> Reply:
        if self._weather is not None and self._weather.fails():
            self.door(request).count(request, self.now())
            return self._answer(request, Answer(status=HTTPStatus.INTERNAL_SERVER_ERROR))
        return self.door(request).handle(request, self.now(), fate.refused)

    def _lose(self, request: Request, fate: Fate, *, acts: bool) -> Dropped:
        if acts:
            return Dropped(after_acting=True, reply=self._act(request, fate))
        self.door(request).count(request, self.now())
        return Dropped(after_acting=False)

    def _stand_in(self, request: Request, fate: Fate, answer: Answer) -> Reply:
        if answer.acts:
            self._act(request, fate)
        else:
            self.door(request).count(request, self.now())
        return self._answer(request, answer)

    def _answer(self, request: Request, answer: Answer) -> Reply:
        headers = dict(answer.headers)
        if answer.retry_after is not None:
            headers["Retry-After"] = answer.retry_after
        door = self.door(request)
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            reply = door.refuse_rate(headers)
        else:
            reply = door.problem(request, answer.status, "The simulator was told to answer this.", headers)
        if answer.body is None:
            return reply
        kind = {"Content-Type": door.kind(answer.body)} if answer.status < HTTPStatus.BAD_REQUEST else {}
        return msgspec.structs.replace(
            reply, headers={**reply.headers, **kind, **headers}, body=answer.body.encode()
        )
