"""The types about 911 calls and dispatch calls."""

from typing import Any

import msgspec

from bridge.simulator import calls, dispatch_calls
from bridge.simulator.board import DispatchCall
from bridge.simulator.community import Community
from bridge.simulator.envelope import RefusedError, Task
from bridge.simulator.shapes import changes
from bridge.simulator.v1.errands import ask, here, target_of, texts_of
from bridge.simulator.v1.shapes import (
    CallsWanted,
    DispatchEdit,
    NewCall,
    NewDispatch,
    Note,
    OnCall,
    Postal,
    Primary,
    Units,
    UnitsOnCall,
)

NOTHING_TO_EDIT = "ERROR: Missing editable dispatch fields. Provide at least one field to update."
NOBODY = -1
MAX_CLOSED = 100  # closed calls of one answer


def call_911(community: Community, task: Task) -> object:
    """Create 911 calls; several of them are answered line by line, which no page shows."""
    given = task.read(NewCall)
    servers = [here(community, one.server_id) for one in given]
    texts: list[str] = []
    for one, server in zip(given, servers, strict=True):
        body = {**_fields(one), "metaData": texts_of(one.meta_data)}
        row = _row(calls.create_911_call(community, ask(task, body, {"serverId": server})))
        texts.append(f"EMERGENCY CALL ADDED ID: {row['callId']}")
    return "\n".join(texts)


def remove_911(community: Community, task: Task) -> object:
    """Remove 911 calls; the text is the one that Sonoran's page shows."""
    for given in task.read(OnCall):
        calls.remove_911_call(community, ask(task, None, _place(community, given)))
    return "API ID(s) set!"


def new_dispatch(community: Community, task: Task) -> object:
    """Create dispatch calls; units that nobody has linked are not on them."""
    given = task.read(NewDispatch)
    servers = [here(community, one.server_id) for one in given]
    texts: list[str] = []
    for one, server in zip(given, servers, strict=True):
        fields = {name: value for name, value in _fields(one).items() if name != "units"}
        primary = {"primary": None if one.primary == NOBODY else one.primary}
        body = {
            **fields,
            **primary,
            "metaData": texts_of(one.meta_data),
            "communityUserIds": one.units or None,
        }
        row = _row(dispatch_calls.create_dispatch_call(community, ask(task, body, {"serverId": server})))
        texts.append(f"NEW DISPATCH CREATED - ID: {row['callId']}")
    return "\n".join(texts)


def edit_dispatch(community: Community, task: Task) -> object:
    """Change dispatch calls; what is left out stays."""
    texts: list[str] = []
    for given in task.read(DispatchEdit):
        edited = {
            name: value for name, value in changes(given).items() if name not in {"server_id", "call_id"}
        }
        if not edited:
            raise RefusedError(NOTHING_TO_EDIT)
        if "meta_data" in edited:
            edited["meta_data"] = texts_of(given.meta_data)
        if edited.get("primary") == NOBODY:
            edited["primary"] = None
        community.board.change(_open_dispatch(community, task, given), edited, task.now)
        texts.append(f"DISPATCH CALL {given.call_id} UPDATED")
    return "\n".join(texts)


def add_call_note(community: Community, task: Task) -> object:
    """Add notes to open calls of either sort."""
    texts: list[str] = []
    for given in task.read(Note):
        body = {"note": given.note, "label": given.label}
        dispatch_calls.add_call_note(community, ask(task, body, _place(community, given)))
        texts.append(f"NOTE '{given.note}' added to call #{given.call_id}")
    return "\n".join(texts)


def attach_unit(community: Community, task: Task) -> object:
    """Put units on open calls."""
    for given in task.read(UnitsOnCall):
        place = {"serverId": here(community, given.server_id), "callId": given.call_id}
        dispatch_calls.attach_units(community, ask(task, target_of(given), place))
    return "UNITS ATTACHED"


def detach_unit(community: Community, task: Task) -> object:
    """Take units off the calls that they are on, if any."""
    for given in task.read(Units):
        server = here(community, given.server_id)
        dispatch_calls.detach_units(community, ask(task, target_of(given), {"serverId": server}))
    return "UNITS DETACHED"


def close_call(community: Community, task: Task) -> object:
    """Close dispatch calls; the text is the one that Sonoran's page shows, which is ATTACH_UNIT's."""
    for given in task.read(OnCall):
        server = here(community, given.server_id)
        body = {"callIds": [given.call_id]}
        dispatch_calls.close_dispatch_calls(community, ask(task, body, {"serverId": server}))
    return "UNITS ATTACHED"


def set_call_postal(community: Community, task: Task) -> object:
    """Set the postal of dispatch calls."""
    texts: list[str] = []
    for given in task.read(Postal):
        place = _place(community, given)
        dispatch_calls.update_call_postal(community, ask(task, {"postal": given.postal}, place))
        texts.append(f"CALL {given.call_id} POSTAL SET TO {given.postal}")
    return "\n".join(texts)


def set_call_primary(community: Community, task: Task) -> object:
    """Name the primary unit of dispatch calls, or nobody; the text is SET_CALL_POSTAL's, as Sonoran's page shows it."""
    texts: list[str] = []
    for given in task.read(Primary):
        if given.primary == NOBODY:
            nobody = {"primary": None, "track_primary": given.track_primary}
            community.board.change(_open_dispatch(community, task, given), nobody, task.now)
        else:
            body = {"identId": given.primary, "trackPrimary": given.track_primary}
            place = _place(community, given)
            dispatch_calls.update_call_primary(community, ask(task, body, place))
        texts.append(f"CALL {given.call_id} POSTAL SET TO {given.primary}")
    return "\n".join(texts)


def get_calls(community: Community, task: Task) -> object:
    """List a server's calls: open ones of both sorts and a page of closed dispatch calls."""
    wanted = task.first(CallsWanted)
    query = {
        "closedLimit": min(wanted.closed_limit, MAX_CLOSED),
        "closedOffset": wanted.closed_offset,
        "type": wanted.type,
    }
    server = here(community, wanted.server_id)
    found = _row(calls.get_calls(community, ask(task, None, {"serverId": server}, query=query)))
    tables = {name[0].lower() + name[1:]: rows for name, rows in found.items()}
    return {
        name: [_shown(community, row) for row in tables[name]]
        for name in ("activeCalls", "emergencyCalls", "closedCalls")
    }


def _shown(community: Community, row: dict[str, Any]) -> dict[str, Any]:
    hidden = {"updated"} if community.v1_metadata else {"updated", "metaData"}
    return {name: value for name, value in row.items() if name not in hidden}


def _place(community: Community, given: OnCall) -> dict[str, int]:
    return {"serverId": here(community, given.server_id), "callId": given.call_id}


def _open_dispatch(community: Community, task: Task, given: OnCall) -> DispatchCall:
    call = community.board.find(here(community, given.server_id), given.call_id, task.now)
    if not isinstance(call, DispatchCall):
        raise RefusedError("The call was not found.")
    return call


def _fields(given: NewCall | NewDispatch) -> dict[str, Any]:
    return _row(msgspec.to_builtins(given))


def _row(content: object) -> dict[str, Any]:
    return content if isinstance(content, dict) else {}  # pyright: ignore[reportUnknownVariableType] -- JSON
