"""What an operator does to events on disk: a failed one is pending again, a pending one is ended.

The daemon and a command on a file that no daemon holds go by the same rules.
"""

from collections.abc import Callable, Container, Sequence

from msgspec import Struct

from bridge.events import CALLS, Event, EventId, EventState, kind_of
from bridge.outbox.history import DISCARDED
from bridge.outbox.ledger import (
    STORED_COLUMNS,
    Ending,
    StoredEvent,
    decode_result,
    encode_outcomes,
    end,
    find_calls,
    stored,
)
from bridge.outbox.newest import note, overruled, subjects_of
from bridge.outbox.records import Outcome, Result
from bridge.outbox.references import EndedCall, inherit, references_of
from bridge.store import Transaction, Value
from bridge.units import ServerId, UnitId

RETRYABLE = frozenset({EventState.FAILED, EventState.EXPIRED})

_WHY_NOT = {
    EventState.PENDING: "it is pending already",
    EventState.DELIVERED: "it was delivered, the CAD would get it twice",
    EventState.SUPERSEDED: "something newer made it pointless",
}
_OVERRULED = Outcome(
    state=EventState.SUPERSEDED,
    reason="newer_state",
    detail="a newer one of the same unit was accepted since",
)


class Refused(Struct, frozen=True, kw_only=True):
    """An event that was left as it is; ``problem`` is ``unknown``, ``ambiguous``, ``state`` or ``full``."""

    id: str
    problem: str
    reason: str


class Changed(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event as it stands after the change."""

    id: EventId
    state: EventState
    error: str | None = None


class Changes(Struct, frozen=True, kw_only=True):
    """What became of each event that was to be changed."""

    changed: tuple[Changed, ...] = ()
    refused: tuple[Refused, ...] = ()


class Terms(Struct, frozen=True, kw_only=True):
    """What a retry is held to.

    ``now`` is Unix seconds; ``servers`` are those configured, None where nobody knows; ``room`` is how many events
    fit, ``panic_room`` how many if they are panics.
    """

    now: float
    time_to_live: Callable[[Event], float]
    servers: Container[ServerId] | None
    room: int
    panic_room: int


class Revived(Struct, frozen=True, kw_only=True):
    """A row that is pending again, how it had ended, and how the calls ended that it is about."""

    was: EventState
    row: StoredEvent
    calls: dict[EventId, EndedCall]

    @property
    def changed(self) -> Changed:
        """Return the event as it stands now."""
        return Changed(id=self.row.id, state=EventState.PENDING)


def revive(ids: Sequence[EventId], terms: Terms) -> Callable[[Transaction], list[Revived | Refused]]:
    """Make ended events pending again, as the newest ones, each with a whole time to live.

    What something newer overruled stays as it is: an old panic must not be switched on after it was switched off.
    A call that may have reached the CAD counts as attempted, so that it is looked for before it is sent.
    """

    def work(transaction: Transaction) -> list[Revived | Refused]:
        done: list[Revived | Refused] = []
        for event_id in ids:
            revived = sum(isinstance(one, Revived) for one in done)
            done.append(_revive(transaction, event_id, terms, revived))
        return done

    return work


def discard(ids: Sequence[EventId], now: float) -> Callable[[Transaction], Changes]:
    """End pending events of a file that no daemon holds; what is about their calls ends when one does."""

    def work(transaction: Transaction) -> Changes:
        done = [_discard(transaction, event_id, now) for event_id in ids]
        return Changes(
            changed=tuple(one for one in done if isinstance(one, Changed)),
            refused=tuple(one for one in done if isinstance(one, Refused)),
        )

    return work


def refuse_ended(event_id: str, state: EventState | None) -> Refused:
    """Return why an event cannot be discarded that is not pending; without a state there is none."""
    if state is None:
        return Refused(id=event_id, problem="unknown", reason="there is no such event")
    return Refused(id=event_id, problem="state", reason=f"it has ended already: {state}")


def _revive(transaction: Transaction, event_id: EventId, terms: Terms, before: int) -> Revived | Refused:
    found = transaction.query(
        f"SELECT {STORED_COLUMNS}, state, result FROM events WHERE id = ?",  # noqa: S608 -- columns from the ledger
        (event_id,),
    )
    if not found:
        return refuse_ended(event_id, None)
    *columns, state, result = found[0]
    row, was = stored(tuple(columns)), EventState(str(state))
    event = row.event
    if (
        was not in RETRYABLE
        or event is None
        or (terms.servers is not None and row.server_id not in terms.servers)
    ):
        return Refused(id=event_id, problem="state", reason=_why_not(was, event))
    passed = overruled(transaction, row.seq, row.server_id, event)
    subjects = subjects_of(row.server_id, event)
    if subjects and passed == subjects.keys():
        reason = "something newer about the same was accepted since"
        return Refused(id=event_id, problem="state", reason=reason)
    calls = find_calls([(row.server_id, call) for call in references_of(event)])(transaction)
    hopeless = _hopeless(transaction, row.server_id, event, calls)
    if hopeless:
        return Refused(id=event_id, problem="state", reason=hopeless)
    if before >= (terms.panic_room if kind_of(event) == "panic" else terms.room):
        return Refused(id=event_id, problem="full", reason="as many events wait as outbox.max_events allows")
    outcomes = {unit: _OVERRULED for unit in passed if unit is not None}
    unverified = row.unverified or _is_unverified(result)
    seq = _reopen(transaction, row, event, terms, outcomes, unverified=unverified)
    note(transaction, seq, [subject for unit, subject in subjects.items() if unit not in passed])
    (again,) = transaction.query(f"SELECT {STORED_COLUMNS} FROM events WHERE seq = ?", (seq,))  # noqa: S608 -- the same
    return Revived(was=was, row=stored(again), calls=calls)


def _why_not(was: EventState, event: Event | None) -> str:
    if was not in RETRYABLE:
        return _WHY_NOT[was]
    return "its content cannot be read" if event is None else "its server is not configured"


def _hopeless(
    transaction: Transaction, server_id: ServerId, event: Event, calls: dict[EventId, EndedCall]
) -> str:
    """Return why an event about other events' calls would end at once, or nothing."""
    for call in references_of(event):
        if call not in calls and transaction.query(
            "SELECT 1 FROM events WHERE id = ? AND server = ?", (call, server_id)
        ):
            continue  # it is pending
        heir = inherit(event, call, calls.get(call))
        if isinstance(heir, Outcome):
            return f"{heir.detail or heir.reason} (event {call}); retry that one first"
        event = heir
    return ""


def _reopen(
    transaction: Transaction,
    row: StoredEvent,
    event: Event,
    terms: Terms,
    outcomes: dict[UnitId, Outcome],
    *,
    unverified: bool,
) -> int:
    """Give a row the next number, which makes it the newest, and return that."""
    transaction.execute("UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'events'")
    seq = int(transaction.query("SELECT seq FROM sqlite_sequence WHERE name = 'events'")[0][0] or 0)
    doubtful = unverified and kind_of(event) in CALLS
    transaction.execute(
        "UPDATE events SET seq = ?, state = 'pending', expires_at = ?, retried_at = ?, attempted_at = ?,"
        " unverified = ?, outcomes = ?, ended_at = NULL, result = NULL WHERE seq = ?",
        (
            seq,
            terms.now + terms.time_to_live(event),
            terms.now,
            row.accepted_at if doubtful else None,  # the attempt was not before that
            int(unverified),
            encode_outcomes(outcomes) if outcomes else None,
            row.seq,
        ),
    )
    return seq


def _discard(transaction: Transaction, event_id: EventId, now: float) -> Changed | Refused:
    found = transaction.query(
        "SELECT seq, state, attempts, attempted_at, unverified FROM events WHERE id = ?", (event_id,)
    )
    if not found:
        return refuse_ended(event_id, None)
    seq, state, attempts, attempted_at, unverified = found[0]
    if state != EventState.PENDING:
        return refuse_ended(event_id, EventState(str(state)))
    doubtful = attempted_at is not None or bool(unverified)
    error = f"{DISCARDED}: by the operator"
    if doubtful:
        error += "; an attempt may have reached the CAD"
    ending = Ending(
        seq=int(seq or 0),
        state=EventState.FAILED,
        attempts=int(attempts or 0),
        ended_at=now,
        result=Result(unverified=True) if doubtful else None,
        error=error,
    )
    end(ending)(transaction)
    return Changed(id=event_id, state=EventState.FAILED, error=error)


def _is_unverified(result: Value) -> bool:
    return isinstance(result, bytes) and decode_result(result).unverified
