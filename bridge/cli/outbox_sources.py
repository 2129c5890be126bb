"""The two places from which ``cad-bridge outbox`` has its events: a running daemon, and a file that none holds."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar, cast

import msgspec
from click import ClickException

from bridge.cli.admin_door import AdminDoor, RefusedError
from bridge.cli.whereabouts import Whereabouts
from bridge.clock import Clock
from bridge.config import OutboxConfig
from bridge.errors import BridgeError
from bridge.events import EventId, EventState
from bridge.outbox import Changes, Refused, Selection
from bridge.outbox.inspection import ID, LARGEST_PAGE, Filter, count, detail, look, resolve, shown
from bridge.outbox.interventions import Changed, Revived, Terms, discard, refuse_ended, revive
from bridge.outbox.lifetime import room_beside, time_to_live
from bridge.store import StoredFile

T = TypeVar("T")

BATCH = 200  # events that one request changes

Event = dict[str, object]
"""An event as it is printed with ``--json``."""


class OutboxSource(Protocol):
    """Where events are read and changed; every failure is one line for a person."""

    async def page(self, wanted: Filter, cursor: str | None, limit: int) -> tuple[list[Event], str | None]:
        """Return up to ``limit`` events and where to go on, None at the end."""
        ...

    async def show(self, reference: str, *, full: bool) -> Event:
        """Return all that is known of one."""
        ...

    async def change(self, verb: str, references: Sequence[str]) -> Changes:
        """Retry or discard some."""
        ...


class _Listing(msgspec.Struct, frozen=True, kw_only=True):
    events: list[Event]
    next: str | None = None


class DoorSource:
    """A daemon, asked through its admin door; ``on_changed`` hears how many events each request changed."""

    def __init__(self, door: AdminDoor, on_changed: Callable[[int], None] = lambda _: None) -> None:
        self._door = door
        self._on_changed = on_changed

    async def page(self, wanted: Filter, cursor: str | None, limit: int) -> tuple[list[Event], str | None]:
        """Return up to ``limit`` events and where to go on."""
        query = [("limit", str(min(limit, LARGEST_PAGE))), *_query(wanted)]
        if cursor is not None:
            query.append(("cursor", cursor))
        found = _decoded(await self._door.get("/outbox", query), _Listing)
        return found.events, found.next

    async def show(self, reference: str, *, full: bool) -> Event:
        """Return all that is known of one."""
        _check_id(reference)
        query = [("full", "1")] if full else []
        body = await self._door.get(f"/outbox/{reference.lower()}", query, trusted=full)
        return _decoded(body, Event)

    async def change(self, verb: str, references: Sequence[str]) -> Changes:
        """Retry or discard some, as many at once as the door takes."""
        changed: list[Changed] = []
        refused: list[Refused] = []
        for first in range(0, len(references), BATCH):
            ids = references[first : first + BATCH]
            done = _decoded(await self._door.post(f"/outbox/{verb}", {"ids": ids}), Changes)
            changed += done.changed
            refused += done.refused
            self._on_changed(len(done.changed))
        return Changes(changed=tuple(changed), refused=tuple(refused))


class FileSource:
    """A file that no daemon holds, by the rules of the configuration if there is one."""

    def __init__(self, file: StoredFile, places: Whereabouts, clock: Clock) -> None:
        self._file = file
        self._rules: OutboxConfig = places.rules
        self._names = places.names
        self._clock = clock

    async def page(self, wanted: Filter, cursor: str | None, limit: int) -> tuple[list[Event], str | None]:
        """Return up to ``limit`` events and where to go on."""
        if cursor is not None and not cursor.isdecimal():
            raise ClickException(f"--cursor: {cursor} is not what a page ended with")
        before = None if cursor is None else int(cursor)
        try:
            found = self._file.read(look(wanted.selection(self._names or {}), before, limit))
        except msgspec.ValidationError as error:
            raise ClickException(str(error)) from error
        events = [shown(line, self._names or {}) for line in found.lines]
        return events, None if found.next is None else str(found.next)

    async def show(self, reference: str, *, full: bool) -> Event:
        """Return all that is known of one."""
        _check_id(reference)
        event_id = self._resolve(reference)
        found = None if isinstance(event_id, Refused) else self._file.read(detail(event_id, full=full))
        if found is None:
            refused = event_id if isinstance(event_id, Refused) else refuse_ended(reference, None)
            raise RefusedError(404, f"{reference}: {refused.reason}")
        return shown(found, self._names or {})

    async def change(self, verb: str, references: Sequence[str]) -> Changes:
        """Retry or discard some, all in one transaction."""
        named = [self._resolve(reference) for reference in references]
        refused = [one for one in named if isinstance(one, Refused)]
        ids = list(dict.fromkeys(one for one in named if not isinstance(one, Refused)))
        try:
            done = (
                self._retry(ids) if verb == "retry" else self._file.change(discard(ids, self._clock.wall()))
            )
        except BridgeError as error:
            raise ClickException(str(error)) from error
        return Changes(changed=done.changed, refused=(*refused, *done.refused))

    def _retry(self, ids: Sequence[EventId]) -> Changes:
        pending = Selection(states=(EventState.PENDING,))
        room, panic_room = room_beside(self._rules.max_events, self._file.read(count(pending)))
        terms = Terms(
            now=self._clock.wall(),
            time_to_live=lambda event: time_to_live(self._rules.ttl, event),
            servers=None if self._names is None else frozenset(self._names),
            room=room,
            panic_room=panic_room,
        )
        done = self._file.change(revive(ids, terms))
        return Changes(
            changed=tuple(one.changed for one in done if isinstance(one, Revived)),
            refused=tuple(one for one in done if isinstance(one, Refused)),
        )

    def _resolve(self, reference: str) -> EventId | Refused:
        name = reference.strip().lower()
        found = self._file.read(resolve(name)) if ID.fullmatch(name) else []
        if len(found) > 1:
            return Refused(
                id=reference, problem="ambiguous", reason="several events begin so; give more of the id"
            )
        return found[0] if found else refuse_ended(reference, None)


def _query(wanted: Filter) -> list[tuple[str, str]]:
    given: dict[str, object] = msgspec.to_builtins(wanted)
    pairs: list[tuple[str, str]] = []
    for name, value in given.items():
        values = cast(Sequence[object], value) if isinstance(value, list | tuple) else [value]
        pairs += [(name, str(one)) for one in values]
    return pairs


def _check_id(reference: str) -> None:
    """Keep what is no id out of a path."""
    if ID.fullmatch(reference.strip().lower()) is None:
        raise RefusedError(404, f"{reference}: there is no such event")


def _decoded(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ClickException(
            f"the answer is not that of a cad-bridge that this version knows: {error}"
        ) from error
