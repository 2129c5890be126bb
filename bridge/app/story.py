"""The story of one unit, told from what the parts know of it."""

from collections.abc import Iterator

from bridge.admin.picture import UnitStory
from bridge.app.parts import Parts
from bridge.fleet import GameServerState
from bridge.flusher import BatchReport
from bridge.intake.locations import DETAILS
from bridge.operations import UPDATE_UNIT_LOCATIONS
from bridge.phrases import count, duration
from bridge.roster import Unit
from bridge.sonoran.breaker import KeyState
from bridge.traces import ForgetReason, Forgotten, Rejected
from bridge.units import ServerId, UnitId

LASTING = 600.0  # seconds after which the CAD may have taken a place off its map that it was not told again
SILENT = frozenset({GameServerState.SILENT, GameServerState.RESOURCE_SILENT})

_FORGOTTEN = {
    ForgetReason.LEFT: "{server} said that it left: the player went off duty or off the server",
    ForgetReason.ABSENT: "{server} pushed everybody who is on duty, and it was not among them",
    ForgetReason.NOT_PUSHED: "{server} had not pushed it for {forget_after} (locations.forget_after)",
    ForgetReason.SERVER_SILENT: "{server} had not pushed anything for 10 minutes",
    ForgetReason.SERVER_REMOVED: "{server} was taken out of the configuration",
}


class Story:
    """Tells of single units."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def tell(self, unit_id: UnitId, shown: str) -> UnitStory:
        """Return why a unit is, or is not, on the live map; ``shown`` is what it is called."""
        unit = self._parts.coalescer.find(unit_id)
        if unit is not None:
            return self._known(unit, shown)
        return self._gone(unit_id, shown)

    def _known(self, unit: Unit, shown: str) -> UnitStory:
        parts = self._parts
        server_id = unit.roster.server_id
        name = parts.fleet[server_id].name
        state, sentence = self._now(unit)
        report = None if unit.sent_at is None else parts.flusher.report_of(server_id, unit.sent_at)
        more = [f"It belongs to {name}, which pushed it {self._ago(unit.received_at)}."]
        more += self._silence(server_id)
        if unit.panicking:
            more.append("Its panic button is pressed.")
        more.append(self._sent(unit, report))
        more += self._newest_rejected(unit)
        return UnitStory(
            unit=shown,
            server=name,
            state=state,
            on_map=_on_map(unit, report, parts.clock.monotonic()),
            sentence=sentence,
            more=more,
        )

    def _now(self, unit: Unit) -> tuple[str, str]:
        """Return the state of a known unit and the sentence about it."""
        now = self._parts.clock.monotonic()
        until = self._parts.coalescer.set_aside_until(unit.id)
        if until is not None:
            left = duration(max(0.0, until - now))
            return (
                "refused",
                f"The CAD refuses its location: it is left out for another {left}, then tried again.",
            )
        if unit.in_flight or unit.due_since is not None:
            held = self._held(unit, now)
            if held or unit.due_since is not None:
                return "waiting", held or self._waits(unit, now)
            return "in_flight", "It is in the batch that is under way to the CAD now."
        if unit.told is None or self._parts.coalescer.differs(unit):
            return (
                "stale",
                "Its last location waited too long and was dropped as too old (locations.stale_after).",
            )
        return "sent", self._stands(unit, now)

    def _held(self, unit: Unit, now: float) -> str:
        """Return what keeps a unit that is due from being sent; empty if nothing does."""
        parts = self._parts
        server_id = unit.roster.server_id
        breaker = parts.breaker
        if breaker.key is KeyState.REFUSED:
            return "It waits: the CAD refuses the key, so that nothing is sent."
        if breaker.down:
            return "It waits: the CAD does not answer."
        if breaker.holding:
            return "It waits: the CAD is being asked whether the key is right."
        paused = parts.flusher.paused_until(server_id) - now
        if paused > 0:
            name = parts.fleet[server_id].name
            return f"It waits: the CAD refused the last batch of {name}, which pauses for another {duration(paused)}."
        if unit.id in parts.flusher.suspects(server_id):
            return "It waits: the CAD refused a batch that it was in, and halves of that batch are tried in turn."
        return ""

    def _waits(self, unit: Unit, now: float) -> str:
        why = "It has moved" if unit.moved else "It has not moved, and is sent again so that it does not fade"
        if unit.sent_at is None:
            why = "It is new"
        waited = duration(now - (unit.due_since or now))
        return (
            f"{why}: it has waited for {waited}, and the next batch leaves in {self._next_batch(unit, now)}."
        )

    def _next_batch(self, unit: Unit, now: float) -> str:
        """Return in how long a batch leaves, and what of it the unit should not expect."""
        flusher, fleet = self._parts.flusher, self._parts.fleet
        free_at = self._parts.client.free_at(UPDATE_UNIT_LOCATIONS.name, now)
        said = duration(max(0.0, max(flusher.next_at, free_at) - now))
        if free_at > max(now, flusher.next_at) + flusher.interval:
            said += ", since the CAD's limit leaves no room before"
        upcoming = flusher.upcoming(now)
        if upcoming is not None and upcoming.server_id != unit.roster.server_id:
            said += f", but it is the turn of {fleet[upcoming.server_id].name}"
        elif upcoming is not None and upcoming.units < self._parts.coalescer.pending(upcoming.server_id):
            said += ", but more units wait than it holds"
        return said

    def _stands(self, unit: Unit, now: float) -> str:
        """Return why a unit that was sent is not sent again now."""
        config = self._parts.config.locations
        since = "it was last sent" if unit.sent_at is None else f"it was last sent {self._ago(unit.sent_at)}"
        still = f"It has not moved more than {config.min_distance:g} m since {since}"
        if not config.resend_after:
            return f"{still}, and is sent again when it does."
        left = unit.told_at + config.resend_after - now
        if left > 0:
            return (
                f"{still}, and is sent again when it does, or in {duration(left)} if its server still pushes."
            )
        return f"{still}, and its server has not pushed since: it is sent again when it does."

    def _silence(self, server_id: ServerId) -> Iterator[str]:
        server = self._parts.fleet[server_id]
        if server.last_push_at is not None and server.state(self._parts.clock.monotonic()) in SILENT:
            yield f"{server.name} is silent: it pushed last {self._ago(server.last_push_at)}."

    def _sent(self, unit: Unit, report: BatchReport | None) -> str:
        if unit.sent_at is None:
            return "It has not reached the CAD yet."
        ago = self._ago(unit.sent_at)
        if report is None or report.updated is None:
            return f"It was last sent {ago}."
        said = f"It was last sent {ago} in a batch that the CAD answered with {report.updated} of {report.units} matched"
        if report.updated >= report.units:
            return f"{said}: the CAD has it on its live map, if that is on."
        missing = report.units - report.updated
        return (
            f"{said}: {count(missing, 'unit')} of that batch {'is' if missing == 1 else 'are'} not on duty in the CAD, or known to it under another identifier. "
            "The CAD does not say which."
        )

    def _newest_rejected(self, unit: Unit) -> Iterator[str]:
        rejected = self._parts.coalescer.traces.rejected.get(unit.id)
        if rejected is not None and rejected.at > unit.received_at:
            yield f"A newer position was rejected: {self._rejection(rejected)}"

    def _gone(self, unit_id: UnitId, shown: str) -> UnitStory:
        """Tell of a unit that is not known, or no longer."""
        traces = self._parts.coalescer.traces
        forgotten, rejected = traces.forgotten.get(unit_id), traces.rejected.get(unit_id)
        if rejected is not None and (forgotten is None or rejected.at > forgotten.at):
            sentence = f"It was pushed, but rejected: {self._rejection(rejected)}"
            more = [] if forgotten is None else [self._forgetting(unit_id), self._left_behind(forgotten)]
            return self._absent(unit_id, shown, rejected.server_id, "rejected", sentence, more)
        if forgotten is not None:
            more = [self._left_behind(forgotten)]
            sentence = self._forgetting(unit_id)
            return self._absent(unit_id, shown, forgotten.server_id, "forgotten", sentence, more)
        sentence = "It pressed panic, but no game server has pushed where it is."
        return UnitStory(
            unit=shown, server=None, state="panic_only", on_map=False, sentence=sentence, more=[]
        )

    def _absent(
        self, unit_id: UnitId, shown: str, server_id: ServerId, state: str, sentence: str, more: list[str]
    ) -> UnitStory:
        if self._parts.coalescer.expects_panicking(unit_id):
            more = ["Its panic button is pressed.", *more]
        return UnitStory(
            unit=shown,
            server=self._parts.fleet[server_id].name,
            state=state,
            on_map=None if self._lingers(self._parts.coalescer.traces.forgotten.get(unit_id)) else False,
            sentence=sentence,
            more=more,
        )

    def _left_behind(self, forgotten: Forgotten) -> str:
        if forgotten.sent_at is None:
            return "It never reached the CAD."
        said = f"It was last sent {self._ago(forgotten.sent_at)}"
        if self._lingers(forgotten):
            return f"{said}: the CAD is not told that a unit left, and may show its last place for a while."
        return f"{said}."

    def _lingers(self, forgotten: Forgotten | None) -> bool:
        """Tell whether the CAD may still show a unit that is forgotten here."""
        if forgotten is None or forgotten.sent_at is None:
            return False
        return self._parts.clock.monotonic() - forgotten.sent_at <= LASTING

    def _forgetting(self, unit_id: UnitId) -> str:
        forgotten = self._parts.coalescer.traces.forgotten.get(unit_id)
        if forgotten is None:
            return ""
        why = _FORGOTTEN[forgotten.reason].format(
            server=self._parts.fleet[forgotten.server_id].name,
            forget_after=duration(self._parts.config.locations.forget_after),
        )
        return f"Forgotten {self._ago(forgotten.at)}: {why}."

    def _rejection(self, rejected: Rejected) -> str:
        name = self._parts.fleet[rejected.server_id].name
        detail = next((said for reason, said in DETAILS.items() if reason == rejected.reason), "")
        return f"{name} pushed it {self._ago(rejected.at)} as {rejected.reason} ({detail})."

    def _ago(self, moment: float) -> str:
        return f"{duration(max(0.0, self._parts.clock.monotonic() - moment))} ago"


def _on_map(unit: Unit, report: BatchReport | None, now: float) -> bool | None:
    """Tell whether the CAD has the unit; None where it took the batch, but not all of it, or that was long ago."""
    if unit.sent_at is None:
        return False
    if report is None or report.updated is None:
        return None
    if report.updated >= report.units:
        return True if now - unit.sent_at <= LASTING else None
    return None if report.updated else False
