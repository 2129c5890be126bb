"""What the status page shows, made up."""

from collections.abc import Sequence
from typing import Any

import msgspec

from bridge.admin.picture import Picture, UnitRow
from bridge.admin.status import Status
from bridge.units import ServerId, UnitId
from tests.support.status_json import status_json

LONG = "license:aaaabbbbccccdddd"


def row(
    unit: str = LONG, x: int = 10, *, server: int = 1, marks: int = 0, text: str | None = "Here"
) -> UnitRow:
    return UnitRow(UnitId(unit), ServerId(server), x, 20, 90, marks, text)


def picture(*rows: UnitRow, **changes: Any) -> Picture:
    return Picture(status=msgspec.json.decode(status_json(**changes), type=Status), units=rows)


class Scene:
    """What there is to see; ``looks`` counts how often somebody looked."""

    def __init__(self, *rows: UnitRow, **changes: Any) -> None:
        self.rows: Sequence[UnitRow] = rows
        self.changes = changes
        self.looks = 0

    def look(self) -> Picture:
        self.looks += 1
        return picture(*self.rows, **self.changes)


def events_of(said: bytes) -> list[tuple[str, Any]]:
    """Read a stream: the names of its events and what they hold; a comment is an event without a name."""
    events: list[tuple[str, Any]] = []
    for part in said.decode().split("\n\n")[:-1]:
        if part.startswith(":"):
            events.append(("", part))
            continue
        name, data = part.split("\n")
        events.append((name.removeprefix("event: "), msgspec.json.decode(data.removeprefix("data: "))))
    return events
