"""The last event about each thing of which only the newest counts, on disk: what ended forgets whom it was about.

A unit stands here as a hash, for as long as an older event is kept that somebody might put back.
"""

from collections.abc import Sequence
from hashlib import blake2b

from bridge.events import (
    Clocking,
    DispatchAttachment,
    DispatchCall,
    DispatchDetachment,
    Event,
    Panic,
    Status,
    kind_of,
)
from bridge.store import Transaction
from bridge.units import ServerId, UnitId

DIGEST_BYTES = 12  # of a unit's hash; enough that no two units of a community share one


def subjects_of(server_id: ServerId, event: Event) -> dict[UnitId | None, str]:
    """Return what an event sets, by unit; None where it is one thing. Empty for what adds to others, as a note does."""
    match event:
        case Panic(ids=ids) | Status(ids=ids):
            return {unit: _subject(kind_of(event), server_id, unit) for unit in ids}
        case DispatchAttachment(ids=ids) | DispatchDetachment(ids=ids) | DispatchCall(ids=ids):
            return {unit: _subject("attachment", server_id, unit) for unit in ids}
        case Clocking(whom=whom):  # one clock, whatever server its player moved to
            return {None: _subject("clock", 0, f"{whom.kind}:{whom.value}")}
        case _:
            return {}


def note(transaction: Transaction, seq: int, subjects: Sequence[str]) -> None:
    """Keep that the event in row ``seq`` is the newest about some things."""
    for subject in subjects:
        transaction.execute(
            "INSERT INTO newest (subject, seq) VALUES (?, ?)"
            " ON CONFLICT (subject) DO UPDATE SET seq = max(seq, excluded.seq)",
            (subject, seq),
        )


def overruled(
    transaction: Transaction, seq: int, server_id: ServerId, event: Event
) -> frozenset[UnitId | None]:
    """Return the units of the event in row ``seq`` about which something newer was accepted; None: about all of it.

    A call that puts units on itself overrules what was before, and is not overruled: it is created once.
    """
    if isinstance(event, DispatchCall):
        return frozenset()
    return frozenset(
        unit
        for unit, subject in subjects_of(server_id, event).items()
        if transaction.query(
            "SELECT 1 FROM newest WHERE subject IN (?, ?) AND seq > ?",
            (subject, subject[: subject.rindex(":") + 1], seq),
        )
    )


def forget(transaction: Transaction, limit: int) -> None:
    """Delete up to ``limit`` notes that no event is left to be held against."""
    transaction.execute(
        "DELETE FROM newest WHERE subject IN (SELECT subject FROM newest"
        " WHERE seq < coalesce((SELECT min(seq) FROM events), 9e18) LIMIT ?)",
        (limit,),
    )


def _subject(word: str, server_id: int, name: str) -> str:
    digest = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=DIGEST_BYTES)
    return f"{word}:{server_id}:{digest.hexdigest()}"
