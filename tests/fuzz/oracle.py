"""What holds for all that the intake returns: it can be kept, sent, and shown."""

import math
import re
from collections.abc import Sequence

import msgspec

from bridge.events import Clocking, Event, EventId, calls_of, units_of, with_calls
from bridge.intake import LocationPush
from bridge.sonoran import cms, v2
from bridge.sonoran.v1.asked import UntranslatableError
from bridge.sonoran.v1.transport import translate
from bridge.sonoran.v2.deliveries import name_units
from bridge.units import MAX_ID_LENGTH, MAX_TEXT_LENGTH, TARGET, LocationReport, ServerId, UnitId

MARK = EventId("0" * 32)
SERVER = ServerId(1)

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_PATH = re.compile(r"/[A-Za-z0-9/._~!$&'()*+,;=:@%-]*")
_STORED = msgspec.json.Decoder(Event)


def check_locations(push: LocationPush, limit: float) -> None:
    """Check a push of locations as the coalescer and the batch take it."""
    for report in push.reports:
        _check_report(report, limit)
    for unit_id in (*push.left, *push.present):
        _check_id(unit_id)
    assert push.players is None or 0 <= push.players <= 100_000, push.players
    msgspec.json.encode([push.rejected, push.reports])
    updates = [
        v2.UnitUpdate(
            community_user_id=report.unit_id,
            location=report.text or "-",
            coordinates=v2.coordinates(report.x, report.y, report.z, report.heading),
            peer_id=report.peer_id,
            vehicle=report.vehicle,
        )
        for report in push.reports
    ]
    v2.update_unit_locations(SERVER, updates)


def check_events(events: Sequence[Event]) -> None:
    """Check events as the outbox keeps them and the relay sends them."""
    assert events, "no events, and nothing said of it"
    for event in events:
        stored = msgspec.json.encode(event)
        kept = _STORED.decode(stored)
        assert msgspec.json.encode(kept) == stored, f"{event} is kept as {kept}"
        assert len(set(units_of(event))) == len(units_of(event)), f"a unit stands twice in {event}"
        for unit_id in units_of(event):
            _check_id(unit_id)
        _send(event)


def check_path(path: str) -> None:
    """Check a path as it is sent on: encoded, and leading nowhere else."""
    assert _PATH.fullmatch(path), f"{path!r} cannot stand in a request line"
    assert not {".", ".."} & set(re.split(r"/|%2f|%5c", path, flags=re.IGNORECASE)), (
        f"{path!r} leads elsewhere"
    )


def check_query(query: str) -> None:
    """Check a query as it is sent on."""
    assert query.isascii(), query
    assert not re.search(r"[\x00-\x20\x7f#\"<>]", query), f"{query!r} cannot stand in a request line"


def _check_report(report: LocationReport, limit: float) -> None:
    _check_id(report.unit_id)
    numbers = (report.x, report.y, report.z, report.heading)
    assert all(number is None or math.isfinite(number) for number in numbers), report
    assert abs(report.x) <= limit and abs(report.y) <= limit and abs(report.z or 0.0) <= limit, report  # noqa: PT018 -- one place
    for text in (report.text, report.peer_id):
        assert text is None or (0 < len(text) <= MAX_TEXT_LENGTH and not _CONTROL.search(text)), report
    assert msgspec.json.decode(msgspec.json.encode(report)) == msgspec.to_builtins(report)


def _check_id(unit_id: UnitId) -> None:
    if unit_id.startswith(TARGET):
        name_units([unit_id])
        return
    assert 0 < len(unit_id) <= MAX_ID_LENGTH, unit_id
    assert not _CONTROL.search(unit_id), f"{unit_id!r} is no id"
    assert unit_id == unit_id.strip(), f"{unit_id!r} has blanks around it"


def _send(event: Event) -> None:
    """Build what the event becomes on each of the wires."""
    if isinstance(event, Clocking):
        cms.clock(event)
        return
    event = with_calls(event, tuple(7 for _ in calls_of(event)))
    for units in [[unit] for unit in units_of(event)] or [[UnitId("any")]]:
        request = v2.deliver(SERVER, event, units, 90.0, MARK)
        msgspec.json.decode(request.body or b"null")
        try:
            translate(request)
        except UntranslatableError:
            continue
