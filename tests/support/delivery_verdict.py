"""What must be true at the end of any history of the delivery machine."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from bridge.events import (
    Blip,
    DispatchAttachment,
    DispatchCall,
    DispatchClosing,
    DispatchDetachment,
    DispatchNote,
    EmergencyCall,
    EmergencyCallRemoval,
    EventId,
    EventKind,
    Kick,
    Panic,
    Photo,
    Status,
    units_of,
)
from tests.support.delivery_world import Row, World
from tests.support.model_cad import Call
from tests.support.model_line import MUTE, TIMEOUT
from tests.support.virtual_time import WALL_START

ENDED = {"delivered", "failed", "expired", "superseded"}
REFUSALS = range(400, 418)
CLEAR = {401, 408, 429}  # of these, those that refuse no look for good
PROMPT = 60.0  # seconds after cad.timeout in which a look at 911 calls surely is not too late
STILL_PROMPT = 120.0  # seconds after cad.timeout from which it surely is
MOST_FAILURES = 5  # looks that fail while the CAD answers other questions, before one counts as refused
TTL = {EventKind.STATUS: 600.0, EventKind.KICK: 60.0, EventKind.CALL_911: 900.0}
TTL_OTHER = 86_400.0
LOGGED = {"failed": "event failed", "expired": "event expired", "superseded": "event superseded"}
ALARMING = {"delivery raised", "store callback raised", "loop died, the daemon ends"}
SLACK = 0.5  # seconds


class Verdict:
    """The judge of one history; ``check`` raises what is wrong."""

    def __init__(self, world: World, rows: Sequence[Row], logs: Sequence[Mapping[str, Any]]) -> None:
        self._world = world
        self._cad = world.cad
        self._rows = rows
        self._logs = logs
        self._by_id = {row.id: row for row in rows}

    def check(self) -> None:
        self._check_endings()
        self._check_limits_and_order()
        self._check_logs()
        self._check_places()
        self._check_states()
        self._check_attachments()
        for row in self._rows:
            self._check_row(row)

    def _check_endings(self) -> None:
        assert self._world.accepted.keys() <= self._by_id.keys(), "an accepted event is gone"
        assert [row for row in self._rows if row.state not in ENDED] == []
        assert [row for row in self._rows if row.state in ("failed", "expired") and not row.error] == []
        for row in self._rows:
            panic_on = isinstance(row.event, Panic) and row.event.active
            lives = 600.0 if panic_on else TTL.get(row.kind, TTL_OTHER)
            assert abs(row.expires_at - row.accepted_at - lives) < SLACK, row
            assert row.state != "expired" or row.ended_at >= row.expires_at - SLACK, row
        assert [row for row in self._rows[-3:] if row.state != "delivered"] == [], "nothing flows any more"

    def _check_limits_and_order(self) -> None:
        assert self._cad.busiest() == {}, "a documented limit was passed"
        assert self._world.line.overtaken == []

    def _check_logs(self) -> None:
        assert [entry for entry in self._logs if entry["event"] in ALARMING] == []
        told = {(entry["event"], entry.get("id")) for entry in self._logs}
        untold = [
            row for row in self._rows if row.state in LOGGED and (LOGGED[row.state], row.id) not in told
        ]
        assert untold == []

    def _check_places(self) -> None:
        assert self._world.misplaced == []
        assert self._world.lost() == []

    def _check_states(self) -> None:
        newest: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for row in self._rows:
            if isinstance(row.event, Panic | Status):
                operation = "setUnitPanic" if isinstance(row.event, Panic) else "setUnitStatus"
                for unit in units_of(row.event):
                    newest[operation, unit].append(row)
        for (operation, unit), rows in newest.items():
            if unit not in self._world.ever_unknown:
                assert self._cad.states.get((operation, unit)) in _possible(rows, _value), (unit, rows)
            assert rows[-1].state != "superseded" or len(units_of(rows[-1].event)) > 1, rows[-1]

    def _check_attachments(self) -> None:
        newest: dict[str, list[Row]] = defaultdict(list)
        for row in self._rows:
            if isinstance(row.event, DispatchAttachment | DispatchDetachment):
                for unit in units_of(row.event):
                    newest[unit].append(row)
        for unit, rows in newest.items():
            possible = [value for some in _possible(rows, self._numbers_at) for value in some or {None}]
            assert self._cad.attached.get(unit) in possible, (unit, rows)

    def _numbers_at(self, row: Row) -> frozenset[int | None]:
        event = row.event
        if not isinstance(event, DispatchAttachment):
            return frozenset({None})
        if isinstance(event.call, int):
            return frozenset({event.call})
        return frozenset(call.number for call in self._cad.of(event.call))

    def _check_row(self, row: Row) -> None:
        delivered = row.state == "delivered" and not row.result.cancelled
        match row.event:
            case EmergencyCall() | DispatchCall():
                self._check_call(row)
            case Kick(id=unit, reason=reason):
                assert self._cad.kicks[unit, reason] <= 1, row
                late = self._cad.kicked_at.get(reason, 0.0)
                assert (
                    self._cad.kicked_at.get(reason) is None or late + WALL_START <= row.expires_at + SLACK
                ), row
                assert not delivered or self._cad.kicks[unit, reason] == 1, row
            case Blip(tooltip=tooltip) if delivered:
                blip = next(blip for blip in self._cad.blips if blip["tooltip"] == tooltip)
                assert (blip["coordinates"]["x"], blip["coordinates"]["y"]) == (3.0, 4.0)
            case Photo(id=unit, url=url) if delivered and unit not in self._world.ever_unknown:
                assert (unit, url) in self._cad.photos, row
            case DispatchNote(call=call, note=note) if delivered:
                assert any(note in at.notes for at in self._calls_of(call)), row
            case EmergencyCallRemoval(call=call):
                self._check_ended(row, call)
            case DispatchClosing(calls=(call,)):
                self._check_ended(row, call)
            case _:
                pass

    def _calls_of(self, call: int | EventId) -> list[Call]:
        if isinstance(call, int):
            return [known for known in self._cad.calls if known.number == call]
        return self._cad.of(call)

    def _check_ended(self, row: Row, call: int | EventId) -> None:
        """See that a delivered end of a call ended it; the double of one may live on."""
        about = self._by_id.get(EventId(str(call)))
        if about is not None and about.state == "superseded":
            assert row.result.cancelled or (about.result.unverified and "call_unknown" in row.error), row
        elif row.state == "delivered" and not row.result.cancelled:
            calls = self._calls_of(call)
            assert len(calls) != 1 or calls[0].state != "open", row

    def _check_call(self, row: Row) -> None:
        calls = self._cad.of(row.id)
        for call in calls:
            _check_content(row, call)
        if row.state == "delivered":
            assert calls, row
            told = row.result.call_id
            assert told is None or told in {call.number for call in calls}, row
        if len(calls) > 1:
            excused = all(self._excused(row, one) for one in calls[:-1])
            assert excused, ("doubled although looking was allowed", row, calls)
            removed = all(
                call.state == "removed" and self._looked_at(row, call, STILL_PROMPT) for call in calls[:-1]
            )
            assert row.unverified or row.result.unverified or removed, (
                "doubled, and nobody says so",
                row,
                calls,
            )
        if row.state == "superseded" and calls:
            assert row.result.unverified or any(call.by_person for call in calls), row
        if row.state == "failed" and calls and not row.error.startswith("unclear"):
            assert all(self._excused(row, one) for one in calls), ("failed, but it is there", row, calls)

    def _excused(self, row: Row, call: Call) -> bool:
        """Tell whether the bridge could not know that the CAD had the call."""
        looks = [look for look in self._world.line.looks if look.server == row.server]
        refused = any(look.status in REFUSALS and look.status not in CLEAR for look in looks)
        failed = sum(look.status != 200 for look in looks) >= MOST_FAILURES
        if refused or failed or ("getCalls", MUTE) in self._world.line.faults_met:
            return True
        return call.emergency and (call.state == "removed" or not self._looked_at(row, call, PROMPT))

    def _looked_at(self, row: Row, call: Call, within: float) -> bool:
        """Tell whether the calls were read while a 911 call that is not there counts as never made."""
        earliest = call.left_at + TIMEOUT - 0.1
        return call.emergency and any(
            look.server == row.server and look.status == 200 and earliest <= look.left_at <= earliest + within
            for look in self._world.line.looks
        )


def _value(row: Row) -> bool | int | None:
    match row.event:
        case Panic(active=active):
            return active
        case Status(status=status):
            return status.code
        case _:
            return None


def _possible(rows: Sequence[Row], value: Any) -> list[Any]:
    """Return what may stand at the CAD: the newest delivered, or what newer ones did without our hearing of it.

    An event about several units counts as delivered although a newer one superseded its share in this unit.
    """
    found: list[Any] = []
    for row in reversed(rows):
        found.append(value(row))
        if row.state == "delivered" and (row is rows[-1] or len(units_of(row.event)) == 1):
            return found
    return [*found, None]


def _check_content(row: Row, call: Call) -> None:
    event = row.event
    body = call.body
    assert call.server == row.server
    match event:
        case EmergencyCall():
            assert call.emergency
            assert re.fullmatch(r"(\(delayed \d+ min\) )?Shots", body["description"])
            shown = body["caller"], body["location"], body["isEmergency"], body["metaData"]
            place = {"x": "1.5", "y": "-2", "cadBridgeEvent": row.id}
            assert shown == (event.caller, "Alta St", True, place)
        case DispatchCall():
            assert not call.emergency
            shown = body["title"], body["description"], body["priority"], body["metaData"]
            assert shown == (event.title, "Robbery", 2, {"a": "b", "cadBridgeEvent": row.id})
        case _:
            raise AssertionError(row)
