"""The operations on dispatch calls; notes and units may go to 911 calls as well."""

from http import HTTPStatus

from bridge.simulator.board import Call, DispatchCall
from bridge.simulator.calls import dispatch_row
from bridge.simulator.community import Community, utc
from bridge.simulator.messages import Ask, ProblemError
from bridge.simulator.shapes import (
    CALL_CLOSING,
    DISPATCH_CHANGE,
    NEW_DISPATCH_CALL,
    NEW_NOTE,
    POSTAL_CHANGE,
    PRIMARY_CHANGE,
    SYSTEM,
    TARGET,
    TEXT,
    CallNote,
    changes,
)
from bridge.simulator.targets import account_in_path, find, named, permitted


def create_dispatch_call(community: Community, ask: Ask) -> object:
    """Create a dispatch call; units that nobody has linked are not on it."""
    content = permitted(ask.body(NEW_DISPATCH_CALL), ask)
    idents = [unit.ident for unit in find(community, content, ask)]
    return dispatch_row(community.board.open_dispatch(ask.server_id, content, idents, ask.now))


def add_call_note(community: Community, ask: Ask) -> object:
    """Add a note to an open call of either sort."""
    given = ask.body(NEW_NOTE)
    call = _open_call(community, ask)
    note = CallNote(
        time=utc(ask.now), label=given.label or SYSTEM, type=given.note_type or TEXT, content=given.note
    )
    call.notes.append(note)
    call.updated_at = ask.now
    return {"callId": call.call_id, "note": given.note}


def attach_units(community: Community, ask: Ask) -> object:
    """Put units on an open call of either sort; ``identIds`` are those that were found."""
    target = named(ask.body(TARGET), ask)
    call = _open_call(community, ask)
    idents = [unit.ident for unit in find(community, target, ask)]
    community.board.attach(call, idents, ask.now)
    return {"callId": call.call_id, "identIds": idents}


def detach_units(community: Community, ask: Ask) -> object:
    """Take units off the call that they are on, if any; ``identIds`` are those that were found."""
    target = named(ask.body(TARGET), ask)
    idents = [unit.ident for unit in find(community, target, ask)]
    community.board.detach(idents, ask.now)
    return {"identIds": idents}


def close_dispatch_calls(community: Community, ask: Ask) -> object:
    """Close dispatch calls; one that is closed already stays so, one that never was is a 404 and none is closed."""
    call_ids = ask.body(CALL_CLOSING).call_ids
    if not all(community.board.was_dispatched(ask.server_id, call_id) for call_id in call_ids):
        raise ProblemError(HTTPStatus.NOT_FOUND, "The call was not found.")
    for call_id in call_ids:
        community.close_call(ask.server_id, call_id, ask.now)
    return {"callIds": call_ids}


def update_dispatch_call(community: Community, ask: Ask) -> object:
    """Change an open dispatch call; what the body leaves out stays."""
    change = ask.body(DISPATCH_CHANGE)
    call = _open_dispatch_call(community, ask)
    community.board.change(call, changes(change), ask.now)
    return dispatch_row(call)


def update_call_postal(community: Community, ask: Ask) -> object:
    """Set the postal of an open dispatch call."""
    change = ask.body(POSTAL_CHANGE)
    call = _open_dispatch_call(community, ask)
    community.board.change(call, changes(change), ask.now)
    return {"callId": call.call_id, "postal": change.postal}


def update_call_primary(community: Community, ask: Ask) -> object:
    """Name the primary unit of an open dispatch call; it need not be on it."""
    change = ask.body(PRIMARY_CHANGE)
    call = _open_dispatch_call(community, ask)
    if change.ident_id not in [unit.ident for unit in community.roster.everyone()]:
        raise ProblemError(HTTPStatus.NOT_FOUND, "The unit was not found.")
    primary = {"primary": change.ident_id, "track_primary": change.track_primary}
    community.board.change(call, primary, ask.now)
    return {"callId": call.call_id, "identId": change.ident_id, "trackPrimary": change.track_primary}


def get_current_call(community: Community, ask: Ask) -> object:
    """Tell which call an account's unit is on; null where it is on none."""
    ident = account_in_path(community, ask).selected_ident
    calls: list[Call] = [*community.board.dispatch(), *community.board.emergency(ask.now)]
    return {
        "IdentId": ident,
        "CallId": next((call.call_id for call in calls if ident in call.idents), None),
    }


def _open_dispatch_call(community: Community, ask: Ask) -> DispatchCall:
    call = _open_call(community, ask)
    if not isinstance(call, DispatchCall):
        raise ProblemError(HTTPStatus.NOT_FOUND, "The call was not found.")
    return call


def _open_call(community: Community, ask: Ask) -> Call:
    call = community.board.find(ask.server_id, ask.parameter("callId"), ask.now)
    if call is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, "The call was not found.")
    return call
