"""The table of v1's types: where each one lives, which plan it needs, what it does. A path takes one type."""

from collections.abc import Callable

from msgspec import Struct

from bridge.simulator.community import Community, Plan
from bridge.simulator.envelope import Task
from bridge.simulator.v1 import (
    accounts,
    blips,
    calls,
    configuration,
    general,
    identifiers,
    lookups,
    records,
    units,
)

Handler = Callable[[Community, Task], object]

FREE, STANDARD, PLUS, PRO = Plan

POOL = "V1"  # all types together
EVERY_TYPE = "V1:*"  # for faults
POOL_PER_MINUTE = 60  # Sonoran advises no more than one a second for long
LOCATION_GAP_SECONDS = 5.0  # between two UNIT_LOCATION, as Sonoran advises


class Type(Struct, frozen=True, kw_only=True):
    """One type; a handler returns text, or what is sent as JSON."""

    name: str
    path: str
    plan: Plan
    handler: Handler

    @property
    def operation(self) -> str:
        """Return how faults, limits and the journal call it."""
        return f"V1:{self.name}"


def _row(path: str, name: str, plan: Plan, handler: Handler) -> Type:
    return Type(name=name, path=path, plan=plan, handler=handler)


# Plans are those of the documents; where they list none, that of v2's twin or else of the neighbours.
# fmt: off
TYPES: tuple[Type, ...] = (
    _row("/civilian/edit_character", "EDIT_CHARACTER", STANDARD, records.edit_character),
    _row("/civilian/get_character_links", "GET_CHARACTER_LINKS", STANDARD, records.get_character_links),
    _row("/civilian/get_characters", "GET_CHARACTERS", STANDARD, records.get_characters),
    _row("/civilian/link_character", "LINK_CHARACTER", STANDARD, records.link_character),
    _row("/civilian/new_character", "NEW_CHARACTER", STANDARD, records.new_character),
    _row("/civilian/remove_character", "REMOVE_CHARACTER", STANDARD, records.remove_character),
    _row("/civilian/set_character", "SET_CHARACTER", STANDARD, records.set_character),
    _row("/emergency/add_blip", "ADD_BLIP", PRO, blips.add_blip),
    _row("/emergency/add_call_note", "ADD_CALL_NOTE", PLUS, calls.add_call_note),
    _row("/emergency/attach_unit", "ATTACH_UNIT", PLUS, calls.attach_unit),
    _row("/emergency/call_911", "CALL_911", STANDARD, calls.call_911),
    _row("/emergency/close_call", "CLOSE_CALL", PLUS, calls.close_call),
    _row("/emergency/detach_unit", "DETACH_UNIT", PLUS, calls.detach_unit),
    _row("/emergency/edit_dispatch", "EDIT_DISPATCH", PLUS, calls.edit_dispatch),
    _row("/emergency/get_active_units", "GET_ACTIVE_UNITS", PLUS, units.get_active_units),
    _row("/emergency/get_blips", "GET_BLIPS", PRO, blips.get_blips),
    _row("/emergency/get_calls", "GET_CALLS", PLUS, calls.get_calls),
    _row("/emergency/get_identifiers", "GET_IDENTIFIERS", STANDARD, identifiers.get_identifiers),
    _row("/emergency/get_pager_config", "GET_PAGER_CONFIG", PLUS, configuration.get_pager_config),
    _row("/emergency/idents_to_group", "IDENTS_TO_GROUP", PRO, identifiers.idents_to_group),
    _row("/emergency/kick_unit", "KICK_UNIT", STANDARD, units.kick_unit),
    _row("/emergency/modify_blip", "MODIFY_BLIP", PRO, blips.modify_blip),
    _row("/emergency/modify_identifier", "MODIFY_IDENTIFIER", PRO, identifiers.modify_identifier),
    _row("/emergency/new_dispatch", "NEW_DISPATCH", PLUS, calls.new_dispatch),
    _row("/emergency/remove_911", "REMOVE_911", STANDARD, calls.remove_911),
    _row("/emergency/remove_blip", "REMOVE_BLIP", PRO, blips.remove_blip),
    _row("/emergency/set_available_callouts", "SET_AVAILABLE_CALLOUTS", PRO, configuration.set_available_callouts),
    _row("/emergency/set_call_postal", "SET_CALL_POSTAL", PLUS, calls.set_call_postal),
    _row("/emergency/set_call_primary", "SET_CALL_PRIMARY", PLUS, calls.set_call_primary),
    _row("/emergency/set_identifier", "SET_IDENTIFIER", PLUS, identifiers.set_identifier),
    _row("/emergency/set_pager_config", "SET_PAGER_CONFIG", PLUS, configuration.set_pager_config),
    _row("/emergency/set_stations", "SET_STATIONS", PLUS, configuration.set_stations),
    _row("/emergency/set_streetsign_config", "SET_STREETSIGN_CONFIG", PRO, configuration.set_streetsign_config),
    _row("/emergency/unit_location", "UNIT_LOCATION", STANDARD, units.unit_location),
    _row("/emergency/unit_panic", "UNIT_PANIC", STANDARD, units.unit_panic),
    _row("/emergency/unit_status", "UNIT_STATUS", STANDARD, units.unit_status),
    _row("/emergency/update_streetsign", "UPDATE_STREETSIGN", PRO, configuration.update_streetsign),
    _row("/general/apply_permission_key", "APPLY_PERMISSION_KEY", PLUS, accounts.apply_permission_key),
    _row("/general/auth_streetsigns", "AUTH_STREETSIGNS", PRO, configuration.auth_streetsigns),
    _row("/general/ban_user", "BAN_USER", PLUS, accounts.ban_user),
    _row("/general/check_apiid", "CHECK_APIID", STANDARD, accounts.check_apiid),
    _row("/general/edit_record", "EDIT_RECORD", PLUS, records.edit_record),
    _row("/general/get_account", "GET_ACCOUNT", PLUS, accounts.get_account),
    _row("/general/get_accounts", "GET_ACCOUNTS", PLUS, accounts.get_accounts),
    _row("/general/get_servers", "GET_SERVERS", STANDARD, general.get_servers),
    _row("/general/get_templates", "GET_TEMPLATES", STANDARD, records.get_templates),
    _row("/general/get_version", "GET_VERSION", FREE, general.get_version),
    _row("/general/heartbeat", "HEARTBEAT", STANDARD, general.heartbeat),
    _row("/general/join_community", "JOIN_COMMUNITY", STANDARD, general.join_community),
    _row("/general/leave_community", "LEAVE_COMMUNITY", STANDARD, general.leave_community),
    _row("/general/lookup", "LOOKUP", PLUS, lookups.lookup),
    _row("/general/lookup_custom", "LOOKUP_CUSTOM", PLUS, lookups.lookup_custom),
    _row("/general/lookup_value", "LOOKUP_INT", PLUS, lookups.lookup_int),
    _row("/general/new_record", "NEW_RECORD", PLUS, records.new_record),
    _row("/general/remove_record", "REMOVE_RECORD", PLUS, records.remove_record),
    _row("/general/send_photo", "SEND_PHOTO", PRO, general.send_photo),
    _row("/general/set_account_permissions", "SET_ACCOUNT_PERMISSIONS", PLUS, accounts.set_account_permissions),
    _row("/general/set_api_id", "SET_API_ID", STANDARD, accounts.set_api_id),
    _row("/general/set_clock", "SET_CLOCK", STANDARD, general.set_clock),
    _row("/general/set_penal_codes", "SET_PENAL_CODES", STANDARD, configuration.set_penal_codes),
    _row("/general/set_postals", "SET_POSTALS", PRO, configuration.set_postals),
    _row("/general/set_servers", "SET_SERVERS", PLUS, general.set_servers),
    _row("/general/verify_secret", "VERIFY_SECRET", STANDARD, general.verify_secret),
)
# fmt: on

BY_PATH = {row.path: row for row in TYPES}
OPERATIONS = frozenset(row.operation for row in TYPES)

PER_MINUTE: dict[str, int | None] = {POOL: POOL_PER_MINUTE, **dict.fromkeys(sorted(OPERATIONS))}
POOLS = dict.fromkeys(OPERATIONS, POOL)
GAPS = {"V1:UNIT_LOCATION": LOCATION_GAP_SECONDS}
