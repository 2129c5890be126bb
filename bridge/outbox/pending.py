"""What waits for the CAD: an event that has not ended, and each unit's share in it."""

from collections.abc import Hashable

from bridge.events import (
    STATES,
    Clocking,
    DispatchAttachment,
    DispatchCall,
    DispatchDetachment,
    Event,
    EventId,
    EventKind,
    Kick,
    Panic,
    Photo,
    Status,
    calls_of,
    kind_of,
)
from bridge.outbox.records import NewEvent, Outcome
from bridge.outbox.watch import Watch
from bridge.units import ServerId, TargetKind, UnitId, target_of


class PendingEvent:
    """An event that has not ended. Times are monotonic seconds unless their name says Unix."""

    __slots__ = (
        "accepted_at",
        "accepted_at_unix",
        "attempted_at",
        "attempts",
        "cancelled",
        "deliveries",
        "discarded",
        "doubted_at",
        "event",
        "expires_at",
        "id",
        "insisted",
        "kind",
        "led_keys",
        "open",
        "order_keys",
        "outcomes",
        "seq",
        "server_id",
        "unverified",
        "waiting_since",
        "waiting_since_unix",
        "waits_for",
        "watches",
    )

    def __init__(self, seq: int, new: NewEvent, accepted_at: float, expires_at: float) -> None:
        self.seq = seq
        self.id: EventId = new.id
        self.server_id: ServerId = new.server_id
        self.event: Event = new.event
        self.kind: EventKind = kind_of(new.event)
        self.accepted_at = accepted_at
        self.accepted_at_unix = new.accepted_at
        self.waiting_since = (
            accepted_at  # since when it has been pending: a retried one not since its acceptance
        )
        self.waiting_since_unix = new.accepted_at
        self.expires_at = expires_at
        self.attempts = 0
        self.attempted_at: float | None = None  # an attempt that may have created a call nobody told us of
        self.doubted_at = float("-inf")  # until when that attempt was under way, as far as is known
        self.unverified = False  # it was sent again although an earlier attempt may have reached the CAD
        self.cancelled = False  # another event ends it: not to be sent if it was not sent yet
        self.discarded = False  # an operator wants it ended as soon as no request of it is in flight
        self.insisted = False  # an operator wants it sent even where the CAD may have it and nobody can look
        self.waits_for: set[Hashable] = set()  # keys whose line it does not lead, and rows of its calls
        self.order_keys = order_keys(new.server_id, new.event)
        self.led_keys = _led_keys(new.server_id, new.event)
        self.deliveries: tuple[Delivery, ...] = ()
        self.open = 0  # deliveries that have not ended
        self.outcomes: dict[UnitId, Outcome] = {}
        self.watches: tuple[Watch, ...] = ()

    @property
    def held(self) -> bool:
        """Tell whether it may not be sent now, whatever the time is."""
        return bool(self.waits_for) or self.attempted_at is not None


class Delivery:
    """One unit's share in an event; ``unit_id`` is None where the event is one thing, as a call is."""

    __slots__ = (
        "alone",
        "attempts",
        "event",
        "expiry_known",
        "postponed_for",
        "suspect_at",
        "unclear",
        "unit_id",
    )

    def __init__(self, event: PendingEvent, unit_id: UnitId | None) -> None:
        self.event = event
        self.unit_id = unit_id
        self.attempts = 0
        self.postponed_for = ""  # why the last attempt did not end it
        self.expiry_known = False  # it stands in the queue's heap of what expires
        self.alone = False  # not to be merged with others: a merged request was refused
        self.unclear = False  # an attempt may have reached the CAD; taken for granted after a restart
        self.suspect_at: float | None = None  # when the CAD last refused the key for it

    @property
    def group(self) -> Hashable:
        """Return what deliveries of one kind must share to go in one request."""
        server_id = self.event.server_id
        match self.event.event:
            case Panic(active=active):
                return server_id, active, _named_like(self.unit_id)
            case Status(status=status):
                return server_id, status, _named_like(self.unit_id)
            case DispatchAttachment(call=call):
                return server_id, call
            case DispatchDetachment():
                return server_id
            case Kick(reason=reason):
                return server_id, reason
            case _:
                return server_id, self.event.seq

    @property
    def order(self) -> Hashable:
        """Return what only one delivery of its kind at a time may be in flight for; the newest state wins it."""
        if self.event.kind in STATES:
            return self.event.server_id, self.unit_id
        return self.event.seq, self.unit_id


def _named_like(unit_id: UnitId | None) -> Hashable:
    """Return what units share that one request can name together: Sonoran has lists of two kinds of names."""
    kind, _ = target_of(unit_id or UnitId(""))
    return kind if kind in (TargetKind.COMMUNITY_USER, TargetKind.IDENTIFIER) else unit_id


def order_keys(server_id: ServerId, event: Event) -> tuple[Hashable, ...]:
    """Return what the event is about that other events, of whatever kind, must not be overtaken on.

    States need none: only the newest counts. Nobody is clocked out before he was clocked in. A unit is taken off its call after it was put on it, and a call is
    closed after its notes.
    """
    keys: list[Hashable] = [("call", server_id, call) for call in calls_of(event)]
    match event:
        case DispatchAttachment(ids=ids) | DispatchDetachment(ids=ids):
            keys += _attachments(server_id, ids)
        case Photo(id=unit_id):
            keys.append(("photo", server_id, unit_id))
        case Clocking():
            keys.append(("clock", event.whom))  # one clock, whatever server its player moved to
        case _:
            pass
    return tuple(keys)


def _led_keys(server_id: ServerId, event: Event) -> tuple[Hashable, ...]:
    """Return what later events must not overtake this one on, though it waits for no earlier one itself.

    A call is created at once; its units are taken off it only after that.
    """
    return tuple(_attachments(server_id, event.ids)) if isinstance(event, DispatchCall) else ()


def _attachments(server_id: ServerId, ids: tuple[UnitId, ...]) -> list[Hashable]:
    return [("attachment", server_id, unit_id) for unit_id in ids]
