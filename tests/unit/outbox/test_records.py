import msgspec

from bridge.events import EventId, EventKind, EventState
from bridge.outbox import EventView, Result


def test_a_result_says_only_what_is_known_in_the_contracts_spelling() -> None:
    assert msgspec.to_builtins(Result()) == {}
    assert msgspec.to_builtins(Result(call_id=7, unverified=True)) == {"callId": 7, "unverified": True}
    assert msgspec.to_builtins(Result(updated=0, of=3)) == {"updated": 0, "of": 3}


def test_an_event_that_has_not_ended_is_shown_without_an_end() -> None:
    view = EventView(
        id=EventId("1"), type=EventKind.PANIC, state=EventState.PENDING, attempts=0, accepted_at=1.5
    )

    assert msgspec.to_builtins(view) == {
        "id": "1",
        "type": "panic",
        "state": "pending",
        "attempts": 0,
        "accepted_at": 1.5,
    }
