"""What the daemon owes: every event that was answered 202, and what was seen and done of it since."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from tests.support.daemon import END_STATES

Content = Mapping[str, Any]


class Accepted(Struct, frozen=True, kw_only=True):
    """An event that was answered 202. ``asked`` and ``answered``: monotonic seconds of the first try and of the 202.

    ``order`` is its place among all that were accepted.
    """

    event: str
    server: int
    content: Content
    asked: float
    answered: float
    order: int

    @property
    def kind(self) -> str:
        kind: str = self.content["type"]
        return kind


class Ledger:
    """Keeps the events in the order of acceptance, and notes what happens to each."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.accepted: dict[str, Accepted] = {}
        self.ends: dict[str, Any] = {}
        self.ended_at: dict[str, float] = {}
        self.untrue: list[tuple[str, str]] = []
        self.retried: set[str] = set()
        self.discarded: set[str] = set()
        self.jumps: list[
            tuple[float, float]
        ] = []  # when the daemon's clock was set, and how far it is off since
        self.deeds: list[str] = []
        self.on_accept: Callable[[], None] | None = None
        self._notes: dict[str, list[str]] = {}

    def accept(self, events: Sequence[str], contents: Sequence[Content], server: int, asked: float) -> None:
        """Note a 202; the events may be known already, as a push that is repeated has the same."""
        now = time.monotonic()
        if self.on_accept is not None:
            self.on_accept()
        for event, content in zip(events, contents, strict=True):
            if event in self.accepted:
                self.untrue.append((event, "one event for two pushes"))
            self.accepted[event] = Accepted(
                event=event,
                server=server,
                content=content,
                asked=asked,
                answered=now,
                order=len(self.accepted),
            )
            self.note(event, f"pushed {asked - self.started:.2f}, answered 202: {dict(content)}")

    def note(self, event: str, text: str) -> None:
        self._notes.setdefault(event, []).append(f"{time.monotonic() - self.started:8.2f} {text}")

    def did(self, deed: str) -> None:
        """Note what was done to the daemon."""
        self.deeds.append(f"{time.monotonic() - self.started:8.2f} {deed}")

    def history(self, event: str) -> list[str]:
        return self._notes.get(event, [])

    def saw(self, event: str, told: Any) -> None:
        """Note how an event stands; an end that was told must stay, unless an operator has it tried again."""
        before = self.ends.get(event)
        if before == told:
            return
        if before is not None and event not in self.retried:
            self.untrue.append((event, f"it was told to have ended as {before} and then as {told}"))
        if told["state"] in END_STATES:
            self.ends[event] = told
            self.ended_at[event] = time.monotonic()
            self.note(event, f"told to have ended: {told}")
        else:
            self.ends.pop(event, None)

    @property
    def open(self) -> list[str]:
        """Return what is not known to have ended."""
        return [event for event in self.accepted if event not in self.ends]

    def ahead(self, since: float, until: float) -> float:
        """Return by how many seconds the daemon's clock may have gone ahead of time between two instants."""
        before = [offset for at, offset in self.jumps if at <= since]
        during = [offset for at, offset in self.jumps if since < at <= until]
        start = before[-1] if before else 0.0
        return max([0.0, *(offset - start for offset in during)])
