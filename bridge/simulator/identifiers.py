"""The operations on identifiers: the units that an account can go out as."""

from http import HTTPStatus

from bridge.simulator.community import Community
from bridge.simulator.messages import Ask, ProblemError
from bridge.simulator.people import Account
from bridge.simulator.people_shapes import IDENTIFIER_CHOICE, IDENTIFIER_FIELDS, IdentifierFields
from bridge.simulator.roster import Unit, UnitData
from bridge.simulator.shapes import TARGET, changes
from bridge.simulator.targets import account_in_path, find, named


def create_identifier(community: Community, ask: Ask) -> object:
    """Give an account another identifier; it does not go out as it yet."""
    fields = ask.body(IDENTIFIER_FIELDS)
    account = account_in_path(community, ask)
    unit = community.roster.enlist(account, next(iter(community.servers), 1))
    _change(unit, fields, ask)
    return {"identId": unit.ident}


def get_identifiers(community: Community, ask: Ask) -> object:
    """List an account's identifiers, and the one that it goes by."""
    account = account_in_path(community, ask)
    return {
        "SelectedIdent": account.selected_ident,
        "Identifiers": [unit.row() for unit in community.roster.of(account)],
    }


def update_identifier(community: Community, ask: Ask) -> object:
    """Change an identifier; what the body leaves out stays."""
    fields = ask.body(IDENTIFIER_FIELDS)
    unit = _in_path(community, ask)
    _change(unit, fields, ask)
    return {"identId": unit.ident, "serverId": unit.server_id, "identifier": unit.row()}


def delete_identifier(community: Community, ask: Ask) -> object:
    """Remove an identifier."""
    unit = _in_path(community, ask)
    community.strike(unit, ask.now)
    return {"identId": unit.ident, "serverId": unit.server_id}


def set_selected_identifier(community: Community, ask: Ask) -> object:
    """Have an account go out as one of its identifiers."""
    ident = ask.body(IDENTIFIER_CHOICE).ident_id
    account = account_in_path(community, ask)
    unit = _of(community, account, ident)
    community.roster.select(account, unit)
    return {"serverId": unit.server_id, "isDispatch": unit.is_dispatch, "identifier": unit.row()}


def set_identifier_group(community: Community, ask: Ask) -> object:
    """Put units into a group; those that nobody has linked are left out."""
    for unit in find(community, named(ask.body(TARGET), ask), ask):
        unit.put_into(ask.parameters["groupName"])
        unit.updated_at = ask.now
    return {"ok": True}


def _in_path(community: Community, ask: Ask) -> Unit:
    return _of(community, account_in_path(community, ask), ask.parameter("identId"))


def _of(community: Community, account: Account, ident: int) -> Unit:
    found = [unit for unit in community.roster.of(account) if unit.ident == ident]
    if not found:
        raise ProblemError(HTTPStatus.NOT_FOUND, "The identifier was not found.")
    return found[0]


def _change(unit: Unit, fields: IdentifierFields, ask: Ask) -> None:
    given = changes(fields)
    unit.change_data({name: value for name, value in given.items() if name in UnitData.__struct_fields__})
    unit.status = unit.status if fields.status is None else fields.status
    unit.aop = unit.aop if fields.aop is None else fields.aop
    unit.is_dispatch = unit.is_dispatch if fields.is_dispatch is None else fields.is_dispatch
    unit.updated_at = ask.now
