"""The types about records, their templates, and the characters of civilians, which are records as well."""

from collections.abc import Callable

from msgspec import Struct

from bridge.simulator.archive import CHARACTER, Record, Template, filled, plain, template_row
from bridge.simulator.community import Community
from bridge.simulator.envelope import NOT_LINKED, RefusedError, Task, convert
from bridge.simulator.people import Account
from bridge.simulator.v1.errands import account_of
from bridge.simulator.v1.people_shapes import (
    CharacterChoice,
    CharacterLink,
    Filing,
    Numbered,
    Revision,
)
from bridge.simulator.v1.shapes import Who

ADD, REMOVE = 0, 2


class Filled(Struct, frozen=True, kw_only=True):
    """A field of a whole record, of which nothing but its value is new."""

    uid: str
    value: str = ""


class Part(Struct, frozen=True, kw_only=True):
    """A section of a whole record."""

    fields: list[Filled] = []


def new_record(community: Community, task: Task) -> object:
    """File records; one is answered alone, several as a list."""
    rows = [_file(community, given)[1].row() for given in task.read(Filing)]
    return rows[0] if len(rows) == 1 else rows


def edit_record(community: Community, task: Task) -> object:
    """Change values of records; answered as NEW_RECORD, no page shows how."""
    rows = [_revise(community, given)[1].row() for given in task.read(Revision)]
    return rows[0] if len(rows) == 1 else rows


def remove_record(community: Community, task: Task) -> object:
    """Remove records."""
    return _remove(community, task, lambda record: f"REMOVED RECORD {record.record_id}")


def get_templates(community: Community, task: Task) -> object:
    """List the templates, or the one that ``recordTypeId`` beside ``data`` names."""
    wanted = task.body.get("recordTypeId")
    return [
        template_row(template)
        for number, template in community.archive.templates.items()
        if wanted in {None, number}
    ]


def get_characters(community: Community, task: Task) -> object:
    """List an account's characters, the selected one first."""
    return _characters(community, account_of(community, task.first(Who)))


def new_character(community: Community, task: Task) -> object:
    """Give accounts characters."""
    filed = [_file(community, given) for given in task.read(Filing)]
    return "\n".join(f"NEW CHARACTER ADDED TO {account.username}" for account, _ in filed)


def edit_character(community: Community, task: Task) -> object:
    """Change values of characters."""
    revised = [_revise(community, given) for given in task.read(Revision)]
    return "\n".join(
        f"CHARACTER {record.record_id} EDITED FOR {account.username}" for account, record in revised
    )


def remove_character(community: Community, task: Task) -> object:
    """Remove characters."""

    def told(record: Record) -> str:
        account = community.people.account(record.account)
        username = "" if account is None else account.username
        return f"CHARACTER {record.record_id} REMOVED FOR {username}"

    return _remove(community, task, told, kind=CHARACTER)


def set_character(community: Community, task: Task) -> object:
    """Have an account play a character; its characters are the answer, that one first."""
    given = task.first(CharacterChoice)
    account = account_of(community, given)
    wanted = str(given.char_id)
    numbers = [str(record.record_id) for record in community.archive.characters(account.account)]
    if wanted not in {*numbers, *account.character_links}:
        raise RefusedError("The character was not found.")
    account.selected_character = wanted
    return _characters(community, account)


def get_character_links(community: Community, task: Task) -> object:
    """List the Database Sync ids that an account is linked to."""
    return account_of(community, task.first(Who)).character_links


def link_character(community: Community, task: Task) -> object:
    """Link accounts to Database Sync ids, or undo that, for which no page shows the text."""
    texts: list[str] = []
    for given in task.read(CharacterLink):
        account = account_of(community, given)
        links = account.character_links
        if given.action not in {ADD, REMOVE}:
            raise RefusedError("ERROR: The action is not 0 or 2.")
        account.character_links = [link for link in links if link != given.sync_id]
        if given.action == ADD:
            account.character_links.append(given.sync_id)
        done = "Linked" if given.action == ADD else "Unlinked"
        texts.append(
            f"{done} char sync ID '{given.sync_id}' to user '{account.username}' - {account.account}"
        )
    return "\n".join(texts)


def _characters(community: Community, account: Account) -> list[dict[str, object]]:
    def is_other(record: Record) -> bool:
        return account.selected_character not in {str(record.record_id), record.sync_id}

    return [record.row() for record in sorted(community.archive.characters(account.account), key=is_other)]


def _file(community: Community, given: Filing) -> tuple[Account, Record]:
    account = _owner(community, given.user)
    raw = given.record or {}
    number = given.record_type_id if given.record_type_id is not None else raw.get("recordTypeId")
    return account, community.archive.file(account.account, _template(community, number), _values(given))


def _revise(community: Community, given: Revision) -> tuple[Account, Record]:
    account = _owner(community, given.user)
    number = given.record_id if given.record_id is not None else (given.record or {}).get("id")
    record = _record(community, number)
    if given.template_id is not None:
        record.template = _template(community, given.template_id)
    record.values = filled(record.template, {**record.values, **plain(_values(given))})
    return account, record


def _remove(community: Community, task: Task, told: Callable[[Record], str], kind: int | None = None) -> str:
    records = [_record(community, given.id) for given in task.read(Numbered)]
    if any(kind not in {None, record.template.type} for record in records):
        raise RefusedError("The character was not found.")
    for record in records:
        del community.archive.records[record.record_id]
    return "\n".join(told(record) for record in records)


def _values(given: Filing) -> dict[str, str]:
    """Return the values by the uids of their fields, of a dictionary or of the whole record."""
    sections = [] if given.record is None else convert(given.record.get("sections") or [], list[Part])
    fields = [field for section in sections for field in section.fields]
    raw = {field.uid: field.value for field in fields}
    return {**raw, **given.replace_values}


def _owner(community: Community, user: str) -> Account:
    account = community.people.account(user) or community.people.account_of(user)
    if account is None:
        raise RefusedError(NOT_LINKED)
    return account


def _template(community: Community, number: object) -> Template:
    for known, template in community.archive.templates.items():
        if known == number:
            return template
    raise RefusedError("The record type was not found.")


def _record(community: Community, number: object) -> Record:
    for known, record in community.archive.records.items():
        if known == number:
            return record
    raise RefusedError("The record was not found.")
