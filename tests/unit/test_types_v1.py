import re

import pytest

from bridge.operations import OPERATIONS, Repeat, Scope
from bridge.simulator.v1.table import TYPES as SIMULATED
from bridge.simulator.v1.table import Type as Simulated
from bridge.types_v1 import BY_PATH, PER_MINUTE, TYPES, TypeV1

ALONE = {
    "EDIT_CHARACTER", "NEW_CHARACTER", "CHECK_APIID", "SET_API_ID", "SET_CLOCK", "JOIN_COMMUNITY", "LEAVE_COMMUNITY",
}  # fmt: skip


DOCUMENTED = """
/civilian/edit_character EDIT_CHARACTER standard
/civilian/get_character_links GET_CHARACTER_LINKS -
/civilian/get_characters GET_CHARACTERS standard
/civilian/link_character LINK_CHARACTER -
/civilian/new_character NEW_CHARACTER standard
/civilian/remove_character REMOVE_CHARACTER standard
/civilian/set_character SET_CHARACTER -
/emergency/add_blip ADD_BLIP pro
/emergency/add_call_note ADD_CALL_NOTE plus
/emergency/attach_unit ATTACH_UNIT plus
/emergency/call_911 CALL_911 standard
/emergency/close_call CLOSE_CALL plus
/emergency/detach_unit DETACH_UNIT plus
/emergency/edit_dispatch EDIT_DISPATCH -
/emergency/get_active_units GET_ACTIVE_UNITS plus
/emergency/get_blips GET_BLIPS pro
/emergency/get_calls GET_CALLS plus
/emergency/get_identifiers GET_IDENTIFIERS standard
/emergency/get_pager_config GET_PAGER_CONFIG plus
/emergency/idents_to_group IDENTS_TO_GROUP pro
/emergency/kick_unit KICK_UNIT standard
/emergency/modify_blip MODIFY_BLIP pro
/emergency/modify_identifier MODIFY_IDENTIFIER pro
/emergency/new_dispatch NEW_DISPATCH plus
/emergency/remove_911 REMOVE_911 standard
/emergency/remove_blip REMOVE_BLIP pro
/emergency/set_available_callouts SET_AVAILABLE_CALLOUTS pro
/emergency/set_call_postal SET_CALL_POSTAL plus
/emergency/set_call_primary SET_CALL_PRIMARY -
/emergency/set_identifier SET_IDENTIFIER -
/emergency/set_pager_config SET_PAGER_CONFIG plus
/emergency/set_stations SET_STATIONS plus
/emergency/set_streetsign_config SET_STREETSIGN_CONFIG pro
/emergency/unit_location UNIT_LOCATION standard
/emergency/unit_panic UNIT_PANIC standard
/emergency/unit_status UNIT_STATUS standard
/emergency/update_streetsign UPDATE_STREETSIGN pro
/general/apply_permission_key APPLY_PERMISSION_KEY plus
/general/auth_streetsigns AUTH_STREETSIGNS pro
/general/ban_user BAN_USER plus
/general/check_apiid CHECK_APIID standard
/general/edit_record EDIT_RECORD plus
/general/get_account GET_ACCOUNT plus
/general/get_accounts GET_ACCOUNTS plus
/general/get_servers GET_SERVERS standard
/general/get_templates GET_TEMPLATES standard
/general/get_version GET_VERSION free
/general/lookup LOOKUP plus
/general/lookup_custom LOOKUP_CUSTOM plus
/general/lookup_value LOOKUP_INT -
/general/new_record NEW_RECORD plus
/general/remove_record REMOVE_RECORD plus
/general/send_photo SEND_PHOTO pro
/general/set_account_permissions SET_ACCOUNT_PERMISSIONS plus
/general/set_api_id SET_API_ID standard
/general/set_clock SET_CLOCK -
/general/set_penal_codes SET_PENAL_CODES standard
/general/set_postals SET_POSTALS pro
/general/set_servers SET_SERVERS plus
/general/verify_secret VERIFY_SECRET -
/general/join_community JOIN_COMMUNITY -
/general/leave_community LEAVE_COMMUNITY -
/general/heartbeat HEARTBEAT standard
"""


def test_all_types_are_as_sonorans_table_has_them() -> None:
    documented = [tuple(line.split()) for line in DOCUMENTED.split("\n") if line]
    ours = {(row.path, row.name, "-" if row.plan is None else row.plan.value) for row in TYPES.values()}

    assert ours == set(documented)
    assert len(documented) == len(BY_PATH) == 63
    assert PER_MINUTE == 60


@pytest.mark.parametrize("kind", SIMULATED, ids=[kind.name for kind in SIMULATED])
def test_a_type_is_where_the_simulators_own_reading_of_the_documents_has_it(kind: Simulated) -> None:
    assert TYPES[kind.name].path == kind.path


@pytest.mark.parametrize("row", TYPES.values(), ids=TYPES)
def test_a_type_is_known_by_its_name_and_by_its_path(row: TypeV1) -> None:
    assert TYPES[row.name] is BY_PATH[row.path] is row
    assert re.fullmatch(r"/(civilian|emergency|general)/[a-z0-9_]+", row.path)


def test_paths_are_the_types_in_small_letters_but_for_one() -> None:
    otherwise = {row.name for row in TYPES.values() if row.path.rpartition("/")[2] != row.name.lower()}

    assert otherwise == {"LOOKUP_INT"}


def test_a_type_that_has_an_equal_is_opened_and_repeated_as_that_one() -> None:
    for row in TYPES.values():
        equal = row.equal
        if equal is None:
            assert row.scope is not Scope.OTHER
        else:
            assert OPERATIONS[equal.name] is equal
            assert (row.scope, row.repeat) == (equal.scope, equal.repeat)


def test_no_two_types_have_the_same_equal() -> None:
    equals = [row.operation for row in TYPES.values() if row.operation]

    assert len(equals) == len(set(equals))
    assert {row.name for row in TYPES.values() if row.operation is None} == ALONE


def test_a_type_that_creates_something_is_not_repeated() -> None:
    assert TYPES["CALL_911"].repeat is TYPES["NEW_CHARACTER"].repeat is Repeat.ONCE
    assert TYPES["UNIT_PANIC"].repeat is TYPES["SET_CLOCK"].repeat is Repeat.IDEMPOTENT
    assert TYPES["CHECK_APIID"].repeat is TYPES["GET_CALLS"].repeat is Repeat.READ
