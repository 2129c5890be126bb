"""The outbox's rows: every SQL statement about events and idempotency keys, and how rows are read."""

from collections.abc import Callable, Sequence

import msgspec
from msgspec import Struct

from bridge.errors import IdempotencyError, PushError
from bridge.events import Event, EventId, EventKind, EventState, kind_of
from bridge.outbox.newest import forget, note, subjects_of
from bridge.outbox.records import EventView, Idempotency, NewEvent, Outcome, Result
from bridge.outbox.references import ABOUT, EndedCall, references_of
from bridge.store import Row, Transaction
from bridge.units import ServerId, UnitId

IDEMPOTENCY_SECONDS = 86_400.0  # a key is remembered this long, whatever becomes of its events

_ENCODER = msgspec.json.Encoder()
_EVENT = msgspec.json.Decoder(Event)
_RESULT = msgspec.json.Decoder(Result)
_OUTCOMES = msgspec.json.Decoder(dict[UnitId, Outcome])
STORED_COLUMNS = "seq, id, server, kind, payload, accepted_at, expires_at, attempted_at, unverified, attempts, outcomes, retried_at"
"""What ``stored`` reads, in its order."""

_EVENT_IDS = msgspec.json.Decoder(tuple[EventId, ...])


class StoredEvent(Struct, frozen=True, kw_only=True):
    """A row that can be gone on with; ``event`` is None where the payload cannot be read."""

    seq: int
    id: EventId
    server_id: ServerId
    kind: str
    event: Event | None
    accepted_at: float
    expires_at: float
    attempted_at: float | None
    unverified: bool
    attempts: int
    outcomes: dict[UnitId, Outcome]
    retried_at: float | None = None


class Ending(Struct, frozen=True, kw_only=True):
    """The last word on an event; ``ended_at`` is Unix seconds."""

    seq: int
    state: EventState
    attempts: int
    ended_at: float
    result: Result | None
    error: str | None


class Recorded(Struct, frozen=True, kw_only=True):
    """What became of a request to keep events: their row numbers, or the ids of an earlier same request.

    ``calls`` are events that the new ones are about and that have ended.
    """

    seqs: tuple[int, ...] = ()
    calls: dict[EventId, EndedCall] = {}
    earlier: tuple[EventId, ...] | None = None


def record(events: Sequence[NewEvent], idempotency: Idempotency | None) -> Callable[[Transaction], Recorded]:
    """Insert events and the key that stands for them; a key seen before inserts nothing.

    Raises (in the transaction):
        IdempotencyError: the key came before with another body.
        PushError: an event is about a call that no event of this server creates.
    """

    def work(transaction: Transaction) -> Recorded:
        if idempotency is not None:
            earlier = find_earlier(transaction, events[0].server_id, idempotency)
            if earlier is not None:
                return Recorded(earlier=earlier)
        calls = _check_references(transaction, events)
        seqs = tuple(_insert(transaction, event) for event in events)
        if idempotency is not None:
            _remember(transaction, events, idempotency)
        return Recorded(seqs=seqs, calls=calls)

    return work


def find_earlier(
    transaction: Transaction, server_id: ServerId, idempotency: Idempotency
) -> tuple[EventId, ...] | None:
    """Return the events of an earlier request with the same key, or None if there was none.

    Raises:
        IdempotencyError: that one had another body.
    """
    rows = transaction.query(
        "SELECT body_hash, event_ids FROM idempotency WHERE server = ? AND key = ?",
        (server_id, idempotency.key),
    )
    if not rows:
        return None
    body_hash, event_ids = rows[0]
    if body_hash != idempotency.body_hash:
        raise IdempotencyError("this Idempotency-Key was used with another body")
    return _EVENT_IDS.decode(event_ids if isinstance(event_ids, bytes) else b"[]")


def mark_attempted(seqs: Sequence[int], at: float) -> Callable[[Transaction], None]:
    """Note that a request which must not be repeated blindly is about to leave."""

    def work(transaction: Transaction) -> None:
        for seq in seqs:
            transaction.execute(
                "UPDATE events SET attempted_at = ?, attempts = attempts + 1 WHERE seq = ?", (at, seq)
            )

    return work


def clear_attempted(seq: int, attempts: int, *, unverified: bool) -> Callable[[Transaction], None]:
    """Note that the last attempt needs no look any more; ``unverified``: the CAD may have acted on one all the same.

    Of more than ``attempts`` there is a newer one by now, whose mark stays.
    """

    def work(transaction: Transaction) -> None:
        transaction.execute(
            "UPDATE events SET attempted_at = NULL, unverified = ? WHERE seq = ? AND attempts <= ?",
            (int(unverified), seq, attempts),
        )

    return work


def save_outcomes(seq: int, outcomes: dict[UnitId, Outcome]) -> Callable[[Transaction], None]:
    """Note which units' shares in an event have ended, so that a restart does not repeat them."""
    encoded = encode_outcomes(outcomes)

    def work(transaction: Transaction) -> None:
        transaction.execute(
            "UPDATE events SET outcomes = ? WHERE seq = ? AND state = 'pending'", (encoded, seq)
        )

    return work


def save_event(seq: int, event: Event) -> Callable[[Transaction], None]:
    """Note what a pending event is about by now."""
    encoded = _ENCODER.encode(event)

    def work(transaction: Transaction) -> None:
        transaction.execute(
            "UPDATE events SET payload = ? WHERE seq = ? AND state = 'pending'", (encoded, seq)
        )

    return work


def end(ending: Ending) -> Callable[[Transaction], None]:
    """Write an event's last word. What is delivered or superseded no longer needs its payload."""
    keep = ending.state in (EventState.FAILED, EventState.EXPIRED)

    def work(transaction: Transaction) -> None:
        transaction.execute(
            "UPDATE events SET state = ?, attempts = ?, attempted_at = NULL, ended_at = ?, result = ?,"
            " error = ?, outcomes = NULL, payload = CASE WHEN ? THEN payload END WHERE seq = ?",
            (
                ending.state,
                ending.attempts,
                ending.ended_at,
                None if ending.result is None else _ENCODER.encode(ending.result),
                ending.error,
                int(keep),
                ending.seq,
            ),
        )

    return work


def load_pending(transaction: Transaction) -> list[StoredEvent]:
    """Return what had not ended, in the order of acceptance."""
    rows = transaction.query(
        f"SELECT {STORED_COLUMNS} FROM events WHERE state = 'pending' ORDER BY seq"  # noqa: S608 -- columns from above
    )
    return [stored(row) for row in rows]


def count_states(transaction: Transaction) -> dict[EventState, int]:
    """Return how many events stand in each state."""
    rows = transaction.query("SELECT state, count(*) FROM events GROUP BY state")
    return {EventState(str(state)): int(number or 0) for state, number in rows}


def find(server_id: ServerId, event_id: EventId) -> Callable[[Transaction], EventView | None]:
    """Look an event of a server up."""

    def work(transaction: Transaction) -> EventView | None:
        rows = transaction.query(
            "SELECT id, kind, state, attempts, accepted_at, ended_at, result, error"
            " FROM events WHERE id = ? AND server = ?",
            (event_id, server_id),
        )
        return _view(rows[0]) if rows else None

    return work


def find_calls(
    events: Sequence[tuple[ServerId, EventId]],
) -> Callable[[Transaction], dict[EventId, EndedCall]]:
    """Look up how the events of calls ended; one that did not, or is no longer known, is left out."""

    def work(transaction: Transaction) -> dict[EventId, EndedCall]:
        views = [find(server_id, event_id)(transaction) for server_id, event_id in events]
        return {
            view.id: EndedCall.of(view)
            for view in views
            if view is not None and view.state is not EventState.PENDING
        }

    return work


def shift(last: int, seconds: float, extension: float) -> Callable[[Transaction], None]:
    """Move what is remembered by ``seconds``, as the machine's clock moved, and let events live ``extension`` longer.

    Rows after ``last`` were made since, by the new time.
    """

    def work(transaction: Transaction) -> None:
        transaction.execute(
            "UPDATE events SET accepted_at = accepted_at + ?, attempted_at = attempted_at + ?,"
            " retried_at = retried_at + ?, expires_at = expires_at + ? WHERE state = 'pending' AND seq <= ?",
            (seconds, seconds, seconds, seconds + extension, last),
        )
        transaction.execute("UPDATE idempotency SET created_at = created_at + ?", (seconds,))

    return work


def prune(now: float, keep_delivered: float, keep_failed: float, limit: int) -> Callable[[Transaction], int]:
    """Delete up to ``limit`` events that ended long enough ago, and old keys; return how many events went."""

    def work(transaction: Transaction) -> int:
        transaction.execute("DELETE FROM idempotency WHERE created_at < ?", (now - IDEMPOTENCY_SECONDS,))
        deleted = 0
        for states, keep in (
            ("('delivered', 'superseded')", keep_delivered),
            ("('failed', 'expired')", keep_failed),
        ):
            transaction.execute(
                f"DELETE FROM events WHERE seq IN (SELECT seq FROM events WHERE state IN {states}"  # noqa: S608 -- both sets stand above
                " AND ended_at < ? LIMIT ?)",
                (now - keep, limit),
            )
            deleted += int(transaction.query("SELECT changes()")[0][0] or 0)
        forget(transaction, limit)
        return deleted

    return work


def _check_references(transaction: Transaction, events: Sequence[NewEvent]) -> dict[EventId, EndedCall]:
    """Return the ended ones of the events that ``events`` are about.

    Raises:
        PushError: one is not there, or creates no such call; each is named by the index of who refers to it.
    """
    ended: dict[EventId, EndedCall] = {}
    problems: list[tuple[int, str]] = []
    for index, event in enumerate(events):
        for call in references_of(event.event):
            found = find(event.server_id, call)(transaction)
            about = ABOUT[kind_of(event.event)]
            if found is None:
                problems.append((index, f"call: this server has no event {call}"))
            elif found.type not in about:
                wanted = " or ".join(sorted(about))
                problems.append((index, f"call: event {call} is a {found.type}, expected a {wanted}"))
            elif found.state is not EventState.PENDING:
                ended[call] = EndedCall.of(found)
    if problems:
        raise PushError(f"{len(problems)} of {len(events)} events make no sense; none was stored", problems)
    return ended


def _insert(transaction: Transaction, event: NewEvent) -> int:
    seq = transaction.execute(
        "INSERT INTO events (id, server, kind, state, payload, accepted_at, expires_at)"
        " VALUES (?, ?, ?, 'pending', ?, ?, ?)",
        (
            event.id,
            event.server_id,
            kind_of(event.event),
            _ENCODER.encode(event.event),
            event.accepted_at,
            event.expires_at,
        ),
    )
    note(transaction, seq, list(subjects_of(event.server_id, event.event).values()))
    return seq


def _remember(transaction: Transaction, events: Sequence[NewEvent], idempotency: Idempotency) -> None:
    transaction.execute(
        "INSERT INTO idempotency (server, key, body_hash, event_ids, created_at) VALUES (?, ?, ?, ?, ?)",
        (
            events[0].server_id,
            idempotency.key,
            idempotency.body_hash,
            _ENCODER.encode([event.id for event in events]),
            events[0].accepted_at,
        ),
    )


def stored(row: Row) -> StoredEvent:
    """Read a row of ``STORED_COLUMNS``."""
    (
        seq,
        event_id,
        server,
        kind,
        payload,
        accepted_at,
        expires_at,
        attempted_at,
        unverified,
        attempts,
        outcomes,
        retried_at,
    ) = row
    try:
        event = _EVENT.decode(payload if isinstance(payload, bytes) else b"")
        ended = _OUTCOMES.decode(outcomes) if isinstance(outcomes, bytes) else {}
    except msgspec.MsgspecError:
        event, ended = None, {}
    return StoredEvent(
        seq=int(seq or 0),
        id=EventId(str(event_id)),
        server_id=ServerId(int(server or 0)),
        kind=str(kind),
        event=event,
        accepted_at=float(accepted_at or 0),
        expires_at=float(expires_at or 0),
        attempted_at=None if attempted_at is None else float(attempted_at),
        unverified=bool(unverified),
        attempts=int(attempts or 0),
        outcomes=ended,
        retried_at=None if retried_at is None else float(retried_at),
    )


def encode_outcomes(outcomes: dict[UnitId, Outcome]) -> bytes:
    """Return how some units' shares ended as it stands in a row."""
    return _ENCODER.encode(outcomes)


def decode_result(column: bytes) -> Result:
    """Read what the CAD said."""
    return _RESULT.decode(column)


def _view(row: Row) -> EventView:
    event_id, kind, state, attempts, accepted_at, ended_at, result, error = row
    delivered = state == EventState.DELIVERED
    return EventView(
        id=EventId(str(event_id)),
        type=EventKind(str(kind)),
        state=EventState(str(state)),
        attempts=int(attempts or 0),
        accepted_at=float(accepted_at or 0),
        delivered_at=float(ended_at) if delivered and ended_at is not None else None,
        result=_RESULT.decode(result) if isinstance(result, bytes) else None,
        error=None if error is None else str(error),
    )
