"""The objects of ``data`` about people and records, field for field as Sonoran documents them."""

from typing import Any

from msgspec import Struct, field

from bridge.simulator.shapes import Number, StatusCode
from bridge.simulator.v1.shapes import OnServer, Who

# As accounts show them; a request writes them without regard to case: ``LIVEMAP``.
PERMISSIONS = (
    *("civilian", "lawyer", "dmv", "police", "fire", "ems", "dispatch", "admin"),
    *("polRecAdd", "polRecEdit", "polRecRemove", "polSuper", "polEditUnit", "polEditOtherUnit"),
    *("selfDispatch", "liveMap", "medRecAdd", "medRecEdit", "medRecRemove", "medSuper"),
    *("fireRecAdd", "fireRecEdit", "fireRecRemove", "fireSuper"),
    *("dmvRecAdd", "dmvRecEdit", "dmvRecRemove", "dmvSuper", "modifyStreetSigns"),
    *("lawRecAdd", "lawRecEdit", "lawRecRemove", "lawSuper", "adminAccounts", "adminPermissionKeys"),
    *("adminCustomization", "adminDepartments", "adminTenCodes", "adminPenalCodes"),
    *("adminInGameIntegration", "adminDiscordIntegration", "adminLimits", "adminLogs"),
)


class NamedAccount(Who, frozen=True, kw_only=True, rename="camel"):
    """GET_ACCOUNT; some types call the account's UUID ``accId``."""

    username: str | None = None
    acc_id: str | None = None


class AccountsWanted(Struct, frozen=True, kw_only=True):
    """GET_ACCOUNTS."""

    limit: Number = 100
    offset: Number = 0
    status: int = 1


class PermissionKey(NamedAccount, frozen=True, kw_only=True, rename="camel"):
    """APPLY_PERMISSION_KEY."""

    permission_key: str


class Ban(NamedAccount, frozen=True, kw_only=True, rename="camel"):
    """BAN_USER: ban, undo a ban, or only kick."""

    is_ban: bool = False
    is_kick: bool = False


class PermissionChange(NamedAccount, frozen=True, kw_only=True, rename="camel"):
    """SET_ACCOUNT_PERMISSIONS; ``set`` are all that remain."""

    add: list[str] = field(default_factory=list[str])
    remove: list[str] = field(default_factory=list[str])
    set: list[str] = field(default_factory=list[str])
    active: bool | None = None
    join: bool = False


class ApiIds(NamedAccount, frozen=True, kw_only=True, rename="camel"):
    """SET_API_ID; ``push_new`` false forgets those that the account has."""

    api_ids: list[str]
    push_new: bool = True
    session_id: str | None = None


class CharacterLink(Who, frozen=True, kw_only=True, rename="camel"):
    """LINK_CHARACTER: 0 adds, 2 removes."""

    sync_id: str
    action: int


class CharacterChoice(Who, frozen=True, kw_only=True, rename="camel"):
    """SET_CHARACTER: the number of a character, or a Database Sync id."""

    char_id: int | str


class Numbered(Struct, frozen=True, kw_only=True):
    """REMOVE_RECORD and REMOVE_CHARACTER."""

    id: int


class Filing(Struct, frozen=True, kw_only=True, rename="camel"):
    """NEW_RECORD and NEW_CHARACTER: values by the uids of fields, or the whole ``record``; ``user`` is an API id or UUID."""

    user: str
    use_dictionary: bool = False
    record_type_id: int | None = None
    replace_values: dict[str, str] = field(default_factory=dict[str, str])
    record: dict[str, Any] | None = None
    delete_after_minutes: Number | None = None


class Revision(Filing, frozen=True, kw_only=True, rename="camel"):
    """EDIT_RECORD and EDIT_CHARACTER."""

    template_id: int | None = None
    record_id: int | None = None


class NameSearch(Who, frozen=True, kw_only=True):
    """LOOKUP; ``partial`` unless told otherwise."""

    types: list[int] = field(default_factory=list[int])
    first: str = ""
    last: str = ""
    mi: str = ""
    plate: str = ""
    partial: bool = True


class ValueSearch(Who, frozen=True, kw_only=True, rename="camel"):
    """LOOKUP_INT: 0 identifier, 1 supervisor status, 2 active status, 3 number, 4 secret, 5 account."""

    search_type: int
    value: int | str
    types: list[int] = field(default_factory=list[int])
    limit: Number | None = None
    offset: Number = 0


class FieldSearch(Struct, frozen=True, kw_only=True):
    """LOOKUP_CUSTOM: ``map`` is the uid of a field."""

    map: str
    value: str
    types: list[int] = field(default_factory=list[int])
    partial: bool = False


class UnitFields(Struct, frozen=True, kw_only=True, rename="camel"):
    """What MODIFY_IDENTIFIER says of a unit."""

    unit_num: str | None = None
    name: str | None = None
    district: str | None = None
    department: str | None = None
    subdivision: str | None = None
    rank: str | None = None
    group: str | None = None
    page: Number | None = None


class Identifier(Struct, frozen=True, kw_only=True, rename="camel"):
    """An identifier as MODIFY_IDENTIFIER takes it."""

    id: int | None = None
    status: StatusCode | None = None
    location: str | None = None
    aop: str | None = None
    is_dispatch: bool | None = None
    data: UnitFields = UnitFields()


class IdentifierChange(Who, frozen=True, kw_only=True, rename="camel"):
    """MODIFY_IDENTIFIER: 0 adds, 1 edits, 2 removes."""

    action: int
    identifier: Identifier = Identifier()
    ident_id: int | None = None


class IdentifierChoice(Who, frozen=True, kw_only=True, rename="camel"):
    """SET_IDENTIFIER."""

    ident_id: int


class Group(OnServer, frozen=True, kw_only=True, rename="camel"):
    """IDENTS_TO_GROUP; an empty name clears the group."""

    ident_ids: list[int] = field(default_factory=list[int])
    account: str | None = None
    group_name: str
