"""Events about a call that another event creates: what becomes of them when that one ends."""

from msgspec import Struct

from bridge.events import (
    CALLS,
    CANCELLING,
    DispatchClosing,
    Event,
    EventId,
    EventKind,
    EventState,
    calls_of,
    kind_of,
    with_calls,
)
from bridge.outbox.records import EventView, Outcome, Result

ABOUT = {
    EventKind.CALL_911_REMOVE: frozenset({EventKind.CALL_911}),
    EventKind.DISPATCH_CLOSE: frozenset({EventKind.DISPATCH_CALL}),
    EventKind.DISPATCH_NOTE: CALLS,
    EventKind.DISPATCH_ATTACH: CALLS,
}
"""Which kinds of events an event of this kind may be about."""

CANCELLED = "cancelled"


class EndedCall(Struct, frozen=True, kw_only=True):
    """How the event ended that creates a call.

    ``number`` is Sonoran's, where the CAD told it; ``unverified`` says that there may be a call nobody knows of.
    """

    state: EventState
    number: int | None = None
    unverified: bool = False

    @classmethod
    def of(cls, end: EventView | Outcome) -> "EndedCall":
        """Return how an event ended."""
        if end.result is None:
            return cls(state=end.state)
        return cls(state=end.state, number=end.result.call_id, unverified=end.result.unverified)


def references_of(event: Event) -> list[EventId]:
    """Return the events whose calls this one is about."""
    return [call for call in calls_of(event) if not isinstance(call, int)]


def inherit(event: Event, call: EventId, ended: EndedCall | None) -> Event | Outcome:
    """Return the event with the call's number for its event id, or how the event ends without a call.

    Args:
        event: it is about ``call``.
        call: the event that creates the call.
        ended: how that one ended; None: it is no longer known.
    """
    if ended is not None and ended.state is EventState.DELIVERED and ended.number is not None:
        return with_calls(event, tuple(ended.number if one == call else one for one in calls_of(event)))
    others = tuple(one for one in calls_of(event) if one != call)
    if isinstance(event, DispatchClosing) and others:
        return with_calls(event, others)
    return _end_without(event, ended)


def _end_without(event: Event, ended: EndedCall | None) -> Outcome:
    if ended is None:
        return _failed("call_unknown", "the event of its call is no longer known")
    match ended.state:
        case EventState.DELIVERED:
            return _failed("call_unknown", "the CAD did not tell the number of its call")
        case EventState.SUPERSEDED if ended.unverified:
            return _failed("call_unknown", "its call may have reached the CAD, which did not tell its number")
        case EventState.SUPERSEDED if kind_of(event) in CANCELLING:
            return Outcome(state=EventState.DELIVERED, result=Result(cancelled=True))
        case EventState.SUPERSEDED:
            return Outcome(state=EventState.SUPERSEDED, reason=CANCELLED, detail="its call was cancelled")
        case _:
            return _failed("call_failed", f"its call {ended.state}")


def _failed(reason: str, detail: str) -> Outcome:
    return Outcome(state=EventState.FAILED, reason=reason, detail=detail)
