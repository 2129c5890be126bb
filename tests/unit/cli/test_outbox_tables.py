from io import StringIO
from typing import Any

import pytest
from rich.console import Console, RenderableType

from bridge.cli.outbox_tables import changes_text, event_figures, events_table
from bridge.events import EventId, EventState
from bridge.outbox import Changed, Changes, Refused

NOW = 1_800_000_000.0
EVENT: dict[str, Any] = {
    "id": "a1b2c3d4e5f60718293a4b5c6d7e8f90", "kind": "panic", "server": "main", "state": "pending",
    "attempts": 3, "accepted_at": NOW - 120.0, "retried_at": NOW - 60.0, "expires_at": NOW + 540.0,
    "error": "forbidden: [no]", "units": [f"license:…000{n}" for n in range(5)],
}  # fmt: skip


def text(shown: RenderableType) -> str:
    console = Console(file=StringIO(), width=200)
    console.print(shown)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_a_line_names_what_an_operator_looks_for() -> None:
    told = text(events_table([EVENT], NOW))

    assert "a1b2c3d4e5f6 " in told
    assert "2 min 00 s ago" in told
    assert "license:…0000, license:…0001, license:…0002, 2 more" in told
    assert "forbidden: [no]" in told


def test_an_event_is_told_with_all_that_is_known() -> None:
    detail = {"in_flight": True, "unverified": True, "hindrance": "the last attempt ended with timeout"}
    told = text(
        event_figures({**EVENT, **detail, "payload": {"type": "panic"}, "result": {"updated": 1}}, NOW)
    )

    for part in (
        EVENT["id"],
        "1 min 00 s ago",
        "9 min 00 s",
        "3 times",
        "timeout",
        "under way",
        "may have acted",
        '"updated": 1',
    ):
        assert part in told


def test_what_an_event_does_not_have_is_left_out() -> None:
    told = text(event_figures({"id": "a", "kind": "panic", "state": "delivered", "news": 1}, NOW))

    assert not [word for word in ("Retried", "Expires", "Why", "Note", "Content") if word in told]


@pytest.mark.parametrize(
    ("verb", "state", "error", "told"),
    [
        ("retry", EventState.PENDING, None, "a1  is tried again"),
        (
            "discard",
            EventState.FAILED,
            "discarded: by the operator",
            "a1  is discarded (discarded: by the operator)",
        ),
        ("discard", EventState.DELIVERED, None, "a1  delivered"),
        ("discard", EventState.PENDING, "its request is in flight", "a1  pending (its request is in flight)"),
    ],
)
def test_each_change_is_a_line(verb: str, state: EventState, error: str | None, told: str) -> None:
    changes = Changes(
        changed=(Changed(id=EventId("a1"), state=state, error=error),),
        refused=(Refused(id="b2", problem="state", reason="it was delivered"),),
    )

    assert text(changes_text(verb, changes)).splitlines() == [told, "b2  left as it is: it was delivered"]
