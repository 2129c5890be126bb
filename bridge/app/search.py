"""Tells of a unit why it is, or is not, on the live map."""

from collections.abc import Iterator

from bridge.admin.picture import Found, UnitStory
from bridge.app.parts import Parts
from bridge.app.story import Story
from bridge.intake.locations import DETAILS
from bridge.outbox.inspection import short_unit
from bridge.phrases import count, duration
from bridge.traces import REMEMBERED, Nameless
from bridge.units import ServerId, UnitId, target_of

MOST_TOLD = 20  # units
HIDDEN = "…"  # stands in a shortened identifier for what is left out

WHERE_TO_LOOK = (
    "Is the player on duty, so that the resource pushes him? Is this the identifier that it pushes, "
    "and the community user id that Sonoran knows?"
)


class Search:
    """Looks for units by what their identifiers hold, and tells their stories."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._story = Story(parts)

    def find(self, typed: str, *, full: bool) -> Found:
        """Return the units that are meant, exact ones first.

        Args:
            typed: an identifier, a part of one, or a shortened one as logs and this page show them.
            full: tell identifiers in full.
        """
        wanted = typed.strip().lower()
        exact = [
            unit_id for unit_id in self._known() if _bare(unit_id) == wanted or unit_id.lower() == wanted
        ]
        others = [unit_id for unit_id in self._known() if _matches(unit_id, wanted) and unit_id not in exact]
        found = [*exact, *others]
        told = [self._story.tell(unit_id, _shown(unit_id, full=full)) for unit_id in found[:MOST_TOLD]]
        if not found:
            told = [self._unknown(typed.strip(), full=full)]
        return Found(matches=len(found), units=told)

    def _known(self) -> Iterator[UnitId]:
        """Go through all that anything is remembered of, each once."""
        coalescer = self._parts.coalescer
        traces = coalescer.traces
        yield from dict.fromkeys([*coalescer.named(), *traces.forgotten, *traces.rejected])

    def _unknown(self, typed: str, *, full: bool) -> UnitStory:
        parts = self._parts
        running = duration(parts.clock.wall() - parts.started_at)
        more = [WHERE_TO_LOOK]
        more += [self._silence(server.name, server.last_push_at) for server in parts.fleet]
        more += [self._nameless(*entry) for entry in parts.coalescer.traces.nameless.items()]
        return UnitStory(
            unit=_shown(UnitId(typed), full=full),
            server=None,
            state="unknown",
            on_map=False,
            sentence=self._never(running),
            more=more,
        )

    def _never(self, running: str) -> str:
        """Return the sentence about a unit that nothing is remembered of, which may have been forgotten twice."""
        traces = self._parts.coalescer.traces
        if max(len(traces.forgotten), len(traces.rejected)) < REMEMBERED:
            return f"Never pushed: no game server has named it since the bridge started {running} ago."
        return f"Not known: never pushed, or gone for long. Of units that left the last {REMEMBERED:,} are remembered."

    def _silence(self, name: str, pushed_at: float | None) -> str:
        if pushed_at is None:
            return f"{name} has not pushed anything yet."
        return f"{name} pushed {duration(self._parts.clock.monotonic() - pushed_at)} ago."

    def _nameless(self, server_id: ServerId, seen: Nameless) -> str:
        name = self._parts.fleet[server_id].name
        ago = duration(self._parts.clock.monotonic() - seen.at)
        why = next((detail for reason, detail in DETAILS.items() if reason == seen.reason), seen.reason)
        return f"{name} pushed {count(seen.number, 'record')} whose unit could not be read, the last one {ago} ago ({why})."


def _bare(unit_id: UnitId) -> str:
    """Return an identifier without what it begins with up to its colon."""
    name = target_of(unit_id)[1]
    return name.partition(":")[2].lower() or name.lower()


def _matches(unit_id: UnitId, wanted: str) -> bool:
    name = target_of(unit_id)[1].lower()
    start, hidden, end = wanted.partition(HIDDEN)
    if hidden:
        return name.startswith(start) and name.endswith(end)
    return bool(wanted) and wanted in name


def _shown(unit_id: UnitId, *, full: bool) -> str:
    kind, name = target_of(unit_id)
    if not full:
        return short_unit(unit_id)
    return name if name == unit_id else f"{kind} {name}"
