"""What an operator sees of the outbox while the daemon runs, and does to it.

What is on disk is laid under what memory knows better: attempts, what is in flight, ends on their way to the disk.
"""

import asyncio
from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from bridge import logs
from bridge.clock import Clock
from bridge.events import EventId, EventState
from bridge.outbox.inspection import (
    FEWEST_DIGITS,
    ID,
    LARGEST_PAGE,
    EventDetail,
    EventLine,
    Selection,
    detail,
    look,
    resolve,
)
from bridge.outbox.interventions import Changed, Changes, Refused, Revived, Terms, refuse_ended, revive
from bridge.outbox.outbox import Outbox
from bridge.outbox.pending import PendingEvent
from bridge.outbox.watch import Watch
from bridge.store import Store
from bridge.units import ServerId

PATIENCE = 1.0  # seconds of looking after which a page is given as it is
AT_A_LOOK = 50  # events that one look reads, half a millisecond of the store's thread
CHUNK = 25  # events that one transaction retries, so that no panic's commit waits for long
END_WAIT = (
    15.0  # seconds that a discarded event may take to end; a request in flight takes cad.timeout at most
)

log = logs.get("outbox")


class Page(Struct, frozen=True, kw_only=True):
    """Some events, newest first; ``next`` is where the next page begins, None where nothing is left.

    A page may hold fewer events than asked for and yet have a next one.
    """

    events: list[EventLine]
    next: int | None = None


class Desk:
    """The operator's place; references are ids of events or their first characters.

    Args:
        store: where the events are.
        outbox: what holds those that are pending.
        clock: what time it is.
        names: the configured servers.
    """

    def __init__(self, store: Store, outbox: Outbox, clock: Clock, names: Mapping[ServerId, str]) -> None:
        self._store = store
        self._outbox = outbox
        self._clock = clock
        self.names: Mapping[ServerId, str] = names

    async def page(self, selection: Selection, before: int | None, limit: int) -> Page:
        """Return up to ``limit`` events from a place on.

        Raises:
            StoreError: the file cannot be read now.
        """
        give_up_at = self._clock.monotonic() + PATIENCE
        lines: list[EventLine] = []
        while True:
            found = await self._store.read(look(selection, before, min(AT_A_LOOK, limit - len(lines))))
            seen = (self._as_it_is(line) for line in found.lines)
            lines += [line for line in seen if not selection.states or line.state in selection.states]
            before = found.next
            if before is None or len(lines) >= limit or self._clock.monotonic() >= give_up_at:
                return Page(events=lines, next=before)

    async def show(self, reference: str, *, full: bool) -> EventDetail | Refused:
        """Return all that is known of an event; identifiers of players in full only where that is wanted.

        Raises:
            StoreError: the file cannot be read now.
        """
        event_id = await self.resolve(reference)
        if isinstance(event_id, Refused):
            return event_id
        found = await self._store.read(detail(event_id, full=full))
        if found is None:
            return refuse_ended(reference, None)
        line = self._as_it_is(found.line)
        pending = self._outbox.backlog.find_pending(event_id)
        if pending is None:
            return replace(found, line=line)
        return replace(
            found,
            line=line,
            unverified=pending.unverified,
            in_flight=self._outbox.backlog.in_flight(pending),
            hindrance=self._hindrance(pending),
        )

    async def resolve(self, reference: str) -> EventId | Refused:
        """Return the event that is meant."""
        name = reference.strip().lower()
        if ID.fullmatch(name) is None:
            return refuse_ended(reference, None)
        if len(name) < FEWEST_DIGITS:
            reason = f"give at least {FEWEST_DIGITS} characters of the id"
            return Refused(id=reference, problem="ambiguous", reason=reason)
        found = await self._store.read(resolve(name))
        if len(found) > 1:
            return Refused(
                id=reference, problem="ambiguous", reason="several events begin so; give more of the id"
            )
        return found[0] if found else refuse_ended(reference, None)

    async def choose(self, selection: Selection, limit: int) -> Sequence[EventId]:
        """Return the ids of what is selected, the oldest first; at most one more than ``limit``."""
        ids: list[EventId] = []
        before: int | None = None
        while True:
            page = await self.page(selection, before, min(LARGEST_PAGE, limit + 1 - len(ids)))
            ids += [line.id for line in page.events]
            before = page.next
            if before is None or len(ids) > limit:
                return ids[::-1]

    async def retry(self, references: Sequence[str]) -> Changes:
        """Have failed and expired events tried again, in the given order.

        Raises:
            StoreError: the disk does not take it; what was not told of stays as it is.
        """
        ids, refused = await self._resolve_all(references)
        changed: list[Changed] = []
        for first in range(0, len(ids), CHUNK):
            for one in await self._revive(ids[first : first + CHUNK]):
                if isinstance(one, Refused):
                    refused.append(one)
                else:
                    changed.append(one.changed)
        log.info("events retried", ids=[one.id for one in changed], refused=len(refused))
        return Changes(changed=tuple(changed), refused=tuple(refused))

    async def discard(self, references: Sequence[str]) -> Changes:
        """End pending events, and tell how each one ended; a request in flight is waited for.

        An event whose request goes on for longer is told as pending: it ends with the request, unless the daemon ends
        before.
        """
        ids, refused = await self._resolve_all(references)
        waiting: list[tuple[EventId, Watch]] = []
        for event_id in ids:
            pending = self._outbox.backlog.find_pending(event_id)
            if pending is None:
                refused.append(await self._why_not_pending(event_id))
                continue
            waiting.append((event_id, self._outbox.attend(pending)))
            self._outbox.backlog.discard(pending)
        log.info("events discarded", ids=[event_id for event_id, _ in waiting], refused=len(refused))
        give_up_at = self._clock.monotonic() + END_WAIT
        ends = await asyncio.gather(*(self._end_of(one, watch, give_up_at) for one, watch in waiting))
        return Changes(changed=tuple(ends), refused=tuple(refused))

    async def _resolve_all(self, references: Sequence[str]) -> tuple[list[EventId], list[Refused]]:
        found = [await self.resolve(reference) for reference in references]
        ids = dict.fromkeys(one for one in found if not isinstance(one, Refused))
        return list(ids), [one for one in found if isinstance(one, Refused)]

    async def _revive(self, ids: Sequence[EventId]) -> Sequence[Revived | Refused]:
        with self._outbox.room_for(len(ids)) as (room, panic_room):
            terms = Terms(
                now=self._clock.wall(),
                time_to_live=self._outbox.time_to_live,
                servers=self.names,
                room=room,
                panic_room=panic_room,
            )
            return await self._store.write(revive(ids, terms), self._take_back)

    def _take_back(self, done: Sequence[Revived | Refused]) -> None:
        for one in done:
            if isinstance(one, Revived):
                self._outbox.take_back(one.row, one.was, one.calls)

    async def _why_not_pending(self, event_id: EventId) -> Refused:
        found = await self._store.read(detail(event_id, full=False))
        return refuse_ended(event_id, None if found is None else self._as_it_is(found.line).state)

    async def _end_of(self, event_id: EventId, watch: Watch, give_up_at: float) -> Changed:
        view = await watch.wait(give_up_at - self._clock.monotonic())
        if view is None:
            return Changed(
                id=event_id,
                state=EventState.PENDING,
                error="its request is in flight, it ends when that does",
            )
        return Changed(id=event_id, state=view.state, error=view.error)

    def _as_it_is(self, line: EventLine) -> EventLine:
        pending = self._outbox.backlog.find_pending(line.id)
        if pending is not None:
            return replace(line, attempts=pending.attempts)
        ended = self._outbox.backlog.writeback.find(line.server, line.id)
        if ended is None or line.state is not EventState.PENDING:
            return line
        return replace(line, state=ended.state, attempts=ended.attempts, error=ended.error, expires_at=None)

    def _hindrance(self, event: PendingEvent) -> str:
        reasons = (self._outbox.backlog.hindrance(delivery) for delivery in event.deliveries)
        return next((reason for reason in reasons if reason), "")
