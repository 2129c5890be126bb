"""What v1 asks for, in v2's words: both speak of the same community, so both do the same to it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from bridge.simulator.community import Community
from bridge.simulator.envelope import NOT_LINKED, RefusedError, Task
from bridge.simulator.messages import JSON, Ask, Request
from bridge.simulator.people import Account
from bridge.simulator.v1.shapes import Units, Who, Whose


def ask(
    task: Task,
    body: object = None,
    place: Mapping[str, object] | None = None,
    *,
    query: Mapping[str, object] | None = None,
) -> Ask:
    """Return what a v2 handler reads, ``place`` being the parameters of its path."""
    texts = {name: _text(value) for name, value in (query or {}).items()}
    request = Request(
        method="POST",
        path="",
        query=texts,
        headers={"Content-Type": JSON},
        body=b"" if body is None else msgspec.json.encode(body),
    )
    given = {name: _text(value) for name, value in (place or {}).items()}
    return Ask(request=request, parameters=given, now=task.now, refused=task.refused)


def here(community: Community, server_id: int) -> int:
    """Return the server if the community has it."""
    if server_id not in community.servers:
        raise RefusedError(f"Server not found with ID: {server_id}")
    return server_id


def server_of_unit(community: Community, api_id: str | None, named: int | None) -> int:
    """Return the server that a request about a unit is for: v1 names none for locations and panics."""
    if named is not None:
        return here(community, named)
    unit = community.units.get(api_id or "")
    return next(iter(community.servers), 1) if unit is None else unit.server_id


def target_of(who: Whose | Units) -> dict[str, Any]:
    """Return the target of a request in v2's words; the first way that is given counts."""
    api_ids = who.units if isinstance(who, Units) else None if who.api_id is None else [who.api_id]
    ways = {"communityUserIds": api_ids, "accountUuid": who.account, "identIds": who.ident_ids}
    for name, value in ways.items():
        if value is not None:
            return {name: value}
    raise RefusedError("ERROR: No unit is named.")


def account_of(community: Community, who: Who) -> Account:
    """Return the account that is named by an API id or by its UUID."""
    people = community.people
    found = people.account_of(who.api_id) if who.api_id else people.account(who.account)
    if found is None:
        raise RefusedError(NOT_LINKED)
    return found


def texts_of(meta_data: Mapping[str, Any] | None) -> dict[str, str] | None:
    """Return metadata as v2 keeps it: v1's pages show numbers in it, too."""
    return None if meta_data is None else {name: _text(value) for name, value in meta_data.items()}


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
