"""The types about identifiers: the units that an account can go out as."""

from typing import Any

from bridge.simulator.community import Community
from bridge.simulator.envelope import RefusedError, Task
from bridge.simulator.people import Account
from bridge.simulator.roster import Unit
from bridge.simulator.shapes import changes
from bridge.simulator.v1.errands import account_of, here
from bridge.simulator.v1.people_shapes import Group, Identifier, IdentifierChange, IdentifierChoice
from bridge.simulator.v1.shapes import Who
from bridge.simulator.v1.units import unit_row

ADD, EDIT, REMOVE = range(3)


def get_identifiers(community: Community, task: Task) -> object:
    """List an account's identifiers, and the one that it goes by."""
    account = account_of(community, task.first(Who))
    return {
        "selectedIdent": account.selected_ident,
        "identifiers": [unit_row(community, unit) for unit in community.roster.of(account)],
    }


def modify_identifier(community: Community, task: Task) -> object:
    """Add, edit or remove identifiers; one change is answered alone, several as a list."""
    done = [_modify(community, task, given) for given in task.read(IdentifierChange)]
    return done[0] if len(done) == 1 else done


def set_identifier(community: Community, task: Task) -> object:
    """Have accounts go out as one of their identifiers."""
    for given in task.read(IdentifierChoice):
        account = account_of(community, given)
        community.roster.select(account, _of(community, account, given.ident_id))
    return "Identifier Switched!"


def idents_to_group(community: Community, task: Task) -> object:
    """Put units into a group; the text ends as Sonoran's page has it."""
    texts: list[str] = []
    for given in task.read(Group):
        here(community, given.server_id)
        account = None if given.account is None else account_of(community, Who(account=given.account))
        own = None if account is None else account.selected_ident
        wanted = list(dict.fromkeys([*given.ident_ids, *([] if own is None else [own])]))
        found = [unit for unit in community.roster.everyone() if unit.ident in wanted]
        for unit in found:
            unit.put_into(given.group_name)
            unit.updated_at = task.now
        idents = ", ".join(str(unit.ident) for unit in found)
        texts.append(f"Set idents {idents} to group '{given.group_name}\".")
    return "\n".join(texts)


def _modify(community: Community, task: Task, given: IdentifierChange) -> dict[str, Any] | str:
    account = account_of(community, given)
    if given.action == REMOVE:
        unit = _of(community, account, given.ident_id)
        community.strike(unit, task.now)
        return f"Identifier {unit.ident} removed!"
    if given.action not in {ADD, EDIT}:
        raise RefusedError("ERROR: The action is not 0, 1 or 2.")
    wanted = given.ident_id or given.identifier.id or account.selected_ident
    unit = (
        community.roster.enlist(account, next(iter(community.servers), 1))
        if given.action == ADD
        else _of(community, account, wanted)
    )
    _change(unit, given.identifier, task.now)
    return unit_row(community, unit)


def _of(community: Community, account: Account, ident: int | None) -> Unit:
    for unit in community.roster.of(account):
        if unit.ident == ident:
            return unit
    raise RefusedError("The identifier was not found.")


def _change(unit: Unit, fields: Identifier, now: float) -> None:
    unit.change_data(changes(fields.data))
    unit.status = unit.status if fields.status is None else fields.status
    unit.location = unit.location if fields.location is None else fields.location
    unit.aop = unit.aop if fields.aop is None else fields.aop
    unit.is_dispatch = unit.is_dispatch if fields.is_dispatch is None else fields.is_dispatch
    unit.updated_at = now
