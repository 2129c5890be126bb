"""The operator's place at the outbox, played by hand: it remembers what it was asked."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager

import msgspec

from bridge.admin import AdminServer, OutboxViews, Status, Views
from bridge.admin.picture import Found
from bridge.admin.server import Readiness
from bridge.clock import SystemClock
from bridge.config import Bind, Secret, TcpBind
from bridge.events import EventId, EventState
from bridge.outbox import Changed, Changes, EventDetail, EventLine, Page, Refused, Selection
from bridge.reload import Change
from bridge.units import ServerId
from tests.support.pictures import picture
from tests.support.status_json import status_json

TOKEN = "made-up-token-of-the-admin-door"
ANYWHERE = TcpBind(host="127.0.0.1", port=0)
KNOWN = "a1b2c3d4e5f60718293a4b5c6d7e8f90"


def event_line(event_id: str = KNOWN, state: EventState = EventState.FAILED, seq: int = 7) -> EventLine:
    return EventLine(
        seq=seq, id=EventId(event_id), kind="panic", server=ServerId(1), state=state, attempts=2,
        accepted_at=1_800_000_000.0, error="forbidden: no", units=("license:…0001",),
    )  # fmt: skip


class FakeDesk:
    """Knows one event; ``chosen`` is what every filter finds, ``error`` what everything raises."""

    def __init__(self) -> None:
        self.names: Mapping[ServerId, str] = {ServerId(1): "main"}
        self.pages: list[tuple[Selection, int | None, int]] = []
        self.shown: list[tuple[str, bool]] = []
        self.retried: list[Sequence[str]] = []
        self.discarded: list[Sequence[str]] = []
        self.chosen: Sequence[EventId] = (EventId(KNOWN),)
        self.refused: tuple[Refused, ...] = ()
        self.next: int | None = None
        self.error: Exception | None = None

    @property
    def changed(self) -> bool:
        return bool(self.retried or self.discarded)

    @property
    def views(self) -> OutboxViews:
        return OutboxViews(
            names=lambda: self.names,
            list_events=self.page,
            show=self.show,
            choose=self.choose,
            retry=self.retry,
            discard=self.discard,
        )

    async def page(self, selection: Selection, before: int | None, limit: int) -> Page:
        self._fail()
        self.pages.append((selection, before, limit))
        return Page(events=[event_line()], next=self.next)

    async def show(self, reference: str, full: bool) -> EventDetail | Refused:  # noqa: FBT001 -- as the view is called
        self._fail()
        self.shown.append((reference, full))
        if self.refused:
            return self.refused[0]
        return EventDetail(line=event_line(), payload={"ids": ["license:…0001"]}, unverified=True)

    async def choose(self, selection: Selection, limit: int) -> Sequence[EventId]:
        self.pages.append((selection, None, limit))
        return self.chosen

    async def retry(self, references: Sequence[str]) -> Changes:
        self._fail()
        self.retried.append(references)
        return self._changes(references, EventState.PENDING)

    async def discard(self, references: Sequence[str]) -> Changes:
        self.discarded.append(references)
        return self._changes(references, EventState.FAILED)

    def _changes(self, references: Sequence[str], state: EventState) -> Changes:
        if self.refused:
            return Changes(refused=self.refused)
        return Changes(changed=tuple(Changed(id=EventId(one), state=state) for one in references))

    def _fail(self) -> None:
        if self.error is not None:
            raise self.error


@asynccontextmanager
async def serving(desk: FakeDesk, bind: Bind = ANYWHERE) -> AsyncGenerator[str]:
    """Open an admin door to a desk and return its address."""

    async def alive() -> bool:
        return True

    async def reload() -> list[Change]:
        return []

    async def no_metrics() -> bytes:
        return b""

    def find_nothing(typed: str, *, full: bool) -> Found:
        del typed, full
        return Found(matches=0, units=[])

    views = Views(
        alive=alive,
        readiness=lambda: Readiness(ready=True, reasons=[]),
        metrics=no_metrics,
        status=lambda: msgspec.json.decode(status_json(), type=Status),
        openapi=lambda: b"{}",
        outbox=desk.views,
        reload=reload,
        picture=picture,
        search=find_nothing,
    )
    async with AdminServer((bind,), Secret(TOKEN), (), views, SystemClock()) as server:
        yield server.addresses[0]
