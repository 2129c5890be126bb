"""How ``cad-bridge outbox`` shows events to people."""

from collections.abc import Iterable, Sequence

import msgspec
from msgspec import Struct
from rich.console import Group, RenderableType
from rich.text import Text

from bridge.cli.outbox_sources import Event
from bridge.cli.tables import Cell, figures, listing
from bridge.outbox import Changes
from bridge.phrases import age, duration

SHORT_ID = 12  # characters; enough to name one of very many
FEW_UNITS = 3  # that are named in a line

_STYLES = {"delivered": "green", "pending": "yellow", "failed": "red", "expired": "red"}


class _Line(Struct, frozen=True, kw_only=True):
    """What a line shows of an event; a newer daemon may tell more."""

    id: str = ""
    kind: str = ""
    server: str = ""
    state: str = ""
    attempts: int = 0
    accepted_at: float | None = None
    retried_at: float | None = None
    expires_at: float | None = None
    ended_at: float | None = None
    error: str | None = None
    units: tuple[str, ...] = ()


def events_table(events: Iterable[Event], now: float) -> RenderableType:
    """Return one line for each event; ``now`` is Unix time."""
    columns = ("id", "state", "kind", "server", "accepted", "tries", "units", "why")
    return listing("Events", columns, (_row(msgspec.convert(event, _Line), now) for event in events))


def event_figures(event: Event, now: float) -> RenderableType:
    """Return all that is known of one event."""
    line = msgspec.convert(event, _Line)
    rows: list[tuple[str, Cell]] = [
        ("Event", line.id),
        ("State", Text(line.state, style=_STYLES.get(line.state, ""))),
        ("Kind", line.kind),
        ("Server", line.server),
        ("Accepted", age(line.accepted_at, now)),
        ("Tried", f"{line.attempts} times"),
    ]
    rows += [
        (name, age(then, now))
        for name, then in (("Retried", line.retried_at), ("Ended", line.ended_at))
        if then
    ]
    if line.expires_at is not None:
        rows.append(("Expires in", duration(max(0.0, line.expires_at - now))))
    if line.error:
        rows.append(("Why", line.error))
    if event.get("hindrance"):
        rows.append(("Waits, since", str(event["hindrance"])))
    told = {"in_flight": "a request of it is under way", "unverified": "the CAD may have acted on an attempt"}
    rows += [("Note", text) for name, text in told.items() if event.get(name)]
    rest = {"Units": "outcomes", "CAD's result": "result", "Content": "payload"}
    rows += [(title, _pretty(event[name])) for title, name in rest.items() if event.get(name)]
    return figures(rows)


def changes_text(verb: str, done: Changes) -> RenderableType:
    """Return what became of each event."""
    past = {"retry": "is tried again", "discard": "is discarded"}[verb]
    lines = [
        Text(f"{one.id}  {past if _as_wished(verb, one.state) else one.state}{_because(one.error)}")
        for one in done.changed
    ]
    lines += [Text(f"{one.id}  left as it is: {one.reason}", style="red") for one in done.refused]
    return Group(*lines)


def _as_wished(verb: str, state: str) -> bool:
    return state == {"retry": "pending", "discard": "failed"}[verb]


def _because(error: str | None) -> str:
    return f" ({error})" if error else ""


def _row(line: _Line, now: float) -> Sequence[Cell]:
    more = len(line.units) - FEW_UNITS
    return (
        line.id[:SHORT_ID],
        Text(line.state, style=_STYLES.get(line.state, "")),
        line.kind,
        line.server,
        age(line.accepted_at, now),
        str(line.attempts),
        ", ".join([*line.units[:FEW_UNITS], *([f"{more} more"] if more > 0 else [])]),
        line.error or "",
    )


def _pretty(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
