"""What people see of the events on disk: pages of them, newest first, and single ones with all that is known.

A page is put together from looks that each examine a bounded number of rows, so that no panic's commit waits long for
the one that is under way.
"""

import re
from collections.abc import Callable, Mapping
from typing import cast

import msgspec
from msgspec import Struct

from bridge.events import Event, EventId, EventKind, EventState, units_of
from bridge.outbox.records import Outcome
from bridge.store import Row, Transaction, Value
from bridge.units import ServerId, UnitId, shorten, target_of

SLICE = 500  # rows that one look examines
LARGEST_PAGE = 200  # events
LONGEST_NUMBER = 18  # digits that SQLite's whole numbers surely hold
LONGEST_PAYLOAD = 16_384  # bytes; of a longer one a page does not name the units
FEWEST_DIGITS = 4  # of an id that is shortened
ID = re.compile(r"[0-9a-f]{1,32}")

_NAMES = frozenset({"id", "ids"})  # fields that hold identifiers, however they look
_IDENTIFIER = re.compile(r"\b(?:license2?|steam|discord|fivem|live|xbl|ip|char\d*):[\w.:-]+")
_EVENT = msgspec.json.Decoder(Event)
_OUTCOMES = msgspec.json.Decoder(dict[UnitId, Outcome])
_COLUMNS = "seq, id, kind, server, state, attempts, accepted_at, retried_at, expires_at, ended_at, error"


class Selection(Struct, frozen=True, kw_only=True):
    """Which events; what is empty or None selects all.

    ``since`` and ``until`` are Unix seconds of the acceptance; ``error`` is a part of the error's text, in any case.
    """

    states: tuple[EventState, ...] = ()
    kinds: tuple[EventKind, ...] = ()
    servers: tuple[ServerId, ...] = ()
    since: float | None = None
    until: float | None = None
    error: str = ""


class Filter(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A selection as people write it: a server by its name or its number."""

    state: tuple[EventState, ...] = ()
    kind: tuple[EventKind, ...] = ()
    server: tuple[str | int, ...] = ()
    since: float | None = None
    until: float | None = None
    error: str = ""

    def selection(self, names: Mapping[ServerId, str]) -> Selection:
        """Return what it selects.

        Raises:
            msgspec.ValidationError: there is no such server.
        """
        numbers = {name: number for number, name in names.items()}
        servers: list[ServerId] = []
        for server in self.server:
            number = numbers.get(str(server))
            if number is None and not (str(server).isdecimal() and len(str(server)) <= LONGEST_NUMBER):
                raise msgspec.ValidationError(f"server: none is called {str(server)[:60]}")
            servers.append(ServerId(int(server)) if number is None else number)
        return Selection(
            states=self.state,
            kinds=self.kind,
            servers=tuple(servers),
            since=self.since,
            until=self.until,
            error=self.error,
        )


class EventLine(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event in a page. ``units`` are shortened; of ended events only those that did not reach the CAD have them.

    ``error`` of a pending one tells why it had failed before it was retried.
    """

    seq: int
    id: EventId
    kind: str
    server: ServerId
    state: EventState
    attempts: int
    accepted_at: float
    retried_at: float | None = None
    expires_at: float | None = None
    ended_at: float | None = None
    error: str | None = None
    units: tuple[str, ...] = ()


class UnitOutcome(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How one unit's share in an event ended."""

    unit: str
    state: EventState
    reason: str = ""
    detail: str = ""


class EventDetail(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All that is known of an event.

    ``payload`` is what was accepted, as long as it is needed; ``unverified``: the CAD may have acted on an attempt;
    ``hindrance`` says what a pending event waits for, ``in_flight`` that a request of it is under way.
    """

    line: EventLine
    payload: object = None
    attempted_at: float | None = None
    unverified: bool = False
    outcomes: tuple[UnitOutcome, ...] = ()
    result: object = None
    in_flight: bool = False
    hindrance: str = ""


class Look(Struct, frozen=True, kw_only=True):
    """What one look found; ``next`` is where to go on, None where nothing is left."""

    lines: list[EventLine]
    next: int | None


def look(selection: Selection, before: int | None, limit: int) -> Callable[[Transaction], Look]:
    """Return up to ``limit`` events in rows before ``before`` (None: from the newest), newest first."""
    by_state = selection.states[0] if len(selection.states) == 1 else None
    source = (
        "events INDEXED BY events_in_state WHERE state = ? AND" if by_state else "events NOT INDEXED WHERE"
    )
    start: list[Value] = [by_state] if by_state else []
    conditions, values = _conditions(selection)

    def work(transaction: Transaction) -> Look:
        below = before if before is not None else 2**62
        (examined, lowest) = transaction.query(
            f"SELECT count(*), min(seq) FROM (SELECT seq FROM {source} seq < ? ORDER BY seq DESC LIMIT ?)",  # noqa: S608 -- words from here
            (*start, below, SLICE),
        )[0]
        if lowest is None:
            return Look(lines=[], next=None)
        found = transaction.query(
            f"SELECT {_COLUMNS}, CASE WHEN length(payload) <= {LONGEST_PAYLOAD} THEN payload END FROM {source}"  # noqa: S608 -- the same
            f" seq < ? AND seq >= ?{conditions} ORDER BY seq DESC LIMIT ?",
            (*start, below, lowest, *values, limit),
        )
        lines = [_line(row) for row in found]
        if len(lines) == limit:
            return Look(lines=lines, next=lines[-1].seq)
        return Look(lines=lines, next=int(lowest) if examined == SLICE else None)

    return work


def resolve(reference: str) -> Callable[[Transaction], list[EventId]]:
    """Return the ids that an id, or its first characters, may mean: none, one, or two of several."""

    def work(transaction: Transaction) -> list[EventId]:
        rows = transaction.query(
            "SELECT id FROM events WHERE id >= ? AND id < ? ORDER BY id LIMIT 2", (reference, reference + "g")
        )
        return [EventId(str(row[0])) for row in rows]

    return work


def detail(event_id: EventId, *, full: bool) -> Callable[[Transaction], EventDetail | None]:
    """Return all that the file has of an event; identifiers of players only where they are asked for in ``full``."""

    def work(transaction: Transaction) -> EventDetail | None:
        rows = transaction.query(
            f"SELECT {_COLUMNS}, payload, attempted_at, unverified, outcomes, result FROM events WHERE id = ?",  # noqa: S608 -- columns from here
            (event_id,),
        )
        return _detail(rows[0], full=full) if rows else None

    return work


def count(selection: Selection) -> Callable[[Transaction], int]:
    """Return how many events are selected; it examines all, and is for files that no daemon holds."""
    conditions, values = _conditions(selection)

    def work(transaction: Transaction) -> int:
        return int(transaction.query(f"SELECT count(*) FROM events WHERE 1{conditions}", values)[0][0] or 0)  # noqa: S608 -- the same

    return work


def shown(found: EventLine | EventDetail, names: Mapping[ServerId, str]) -> dict[str, object]:
    """Return an event as people and programs get it: one object, its server by name."""
    line = found if isinstance(found, EventLine) else found.line
    content: dict[str, object] = msgspec.to_builtins(line)
    del content["seq"]
    content["server"] = names.get(line.server, str(line.server))
    if isinstance(found, EventDetail):
        rest: dict[str, object] = msgspec.to_builtins(found)
        del rest["line"]
        content |= rest
    return content


def mask(value: object) -> object:
    """Return a payload with every identifier of a player shortened."""
    if isinstance(value, str):
        return _IDENTIFIER.sub(lambda match: shorten(match[0]), value)
    if isinstance(value, list):
        return [mask(one) for one in cast(list[object], value)]
    if isinstance(value, dict):
        return {
            mask(key): _mask_name(one) if key in _NAMES else mask(one)
            for key, one in cast(dict[str, object], value).items()
        }
    return value


def short_unit(unit: str) -> str:
    """Return a unit's name as it may be shown."""
    kind, name = target_of(UnitId(unit))
    return shorten(name) if unit == name else f"{kind} {shorten(name)}"


def _mask_name(value: object) -> object:
    if isinstance(value, list):
        return [_mask_name(one) for one in cast(list[object], value)]
    return short_unit(value) if isinstance(value, str) else mask(value)


def _conditions(selection: Selection) -> tuple[str, list[Value]]:
    """Return what rows must fulfil, as SQL that begins with AND, and its values."""
    words: list[str] = []
    values: list[Value] = []
    for column, wanted in (
        ("state", selection.states),
        ("kind", selection.kinds),
        ("server", selection.servers),
    ):
        if wanted:
            words.append(f" AND {column} IN ({', '.join('?' * len(wanted))})")
            values += wanted
    for comparison, bound in (("accepted_at >= ?", selection.since), ("accepted_at < ?", selection.until)):
        if bound is not None:
            words.append(f" AND {comparison}")
            values.append(bound)
    if selection.error:
        words.append(" AND instr(lower(error), ?)")
        values.append(selection.error.lower())
    return "".join(words), values


def _line(row: Row) -> EventLine:
    (
        seq,
        event_id,
        kind,
        server,
        state,
        attempts,
        accepted_at,
        retried_at,
        expires_at,
        ended_at,
        error,
        payload,
    ) = row
    pending = state == EventState.PENDING
    return EventLine(
        seq=int(seq or 0),
        id=EventId(str(event_id)),
        kind=str(kind),
        server=ServerId(int(server or 0)),
        state=EventState(str(state)),
        attempts=int(attempts or 0),
        accepted_at=float(accepted_at or 0),
        retried_at=_number(retried_at),
        expires_at=_number(expires_at) if pending else None,
        ended_at=_number(ended_at),
        error=None if error is None else str(error),
        units=_units(payload),
    )


def _units(payload: Value) -> tuple[str, ...]:
    try:
        event = _EVENT.decode(payload) if isinstance(payload, bytes) else None
    except msgspec.MsgspecError:
        return ()
    return () if event is None else tuple(short_unit(unit) for unit in units_of(event))


def _detail(row: Row, *, full: bool) -> EventDetail:
    *line, payload, attempted_at, unverified, outcomes, result = row
    content = _content(payload)
    return EventDetail(
        line=_line((*line, payload)),
        payload=content if full else mask(content),
        attempted_at=_number(attempted_at),
        unverified=bool(unverified),
        outcomes=_outcomes(outcomes, full=full),
        result=_content(result),
    )


def _outcomes(column: Value, *, full: bool) -> tuple[UnitOutcome, ...]:
    try:
        ended = _OUTCOMES.decode(column) if isinstance(column, bytes) else {}
    except msgspec.MsgspecError:
        return ()
    return tuple(
        UnitOutcome(
            unit=unit if full else short_unit(unit),
            state=outcome.state,
            reason=outcome.reason,
            detail=outcome.detail,
        )
        for unit, outcome in ended.items()
    )


def _content(column: Value) -> object:
    """Return a column's JSON; what cannot be read is told as such."""
    if not isinstance(column, bytes):
        return None
    try:
        return cast(object, msgspec.json.decode(column))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return "cannot be read"


def _number(column: Value) -> float | None:
    return float(column) if isinstance(column, int | float) else None
