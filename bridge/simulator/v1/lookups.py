"""The types that look records up. ``types`` are types of records; characters are found whatever they say."""

from collections.abc import Callable, Iterable

from bridge.simulator.archive import CHARACTER, Record
from bridge.simulator.community import Community
from bridge.simulator.envelope import RefusedError, Task
from bridge.simulator.v1.people_shapes import FieldSearch, NameSearch, ValueSearch

EMPTY = "INVALID EMPTY SEARCH"
IDENTIFIER, NUMBER, SECRET, ACCOUNT = 0, 3, 4, 5


def lookup(community: Community, task: Task) -> object:
    """Find records by a name, or a plate, or both; all that is given must fit."""
    wanted = task.first(NameSearch)
    fields = {"first_name": wanted.first, "last_name": wanted.last, "mi": wanted.mi, "plate": wanted.plate}
    given = {uid: value for uid, value in fields.items() if value}
    if not given:
        raise RefusedError(EMPTY)

    def fits(record: Record) -> bool:
        return all(_is(value, record.values.get(uid), partial=wanted.partial) for uid, value in given.items())

    return {"records": [record.row() for record in _found(community, wanted.types, fits)]}


def lookup_int(community: Community, task: Task) -> object:
    """Find records by a number of theirs or by whose they are, the newest first; records here have no status."""
    wanted = task.first(ValueSearch)
    if wanted.value == "":
        raise RefusedError(EMPTY)
    ways: dict[int, Callable[[Record], bool]] = {
        IDENTIFIER: lambda record: record.account in _accounts_of(community, wanted.value),
        NUMBER: lambda record: str(record.record_id) == str(wanted.value),
        SECRET: lambda record: record.account == community.secrets.get(str(wanted.value)),
        ACCOUNT: lambda record: record.account == str(wanted.value),
    }
    found = _found(community, wanted.types, ways.get(wanted.search_type, lambda _: False))[::-1]
    end = None if wanted.limit is None else wanted.offset + wanted.limit
    return [record.row() for record in found[wanted.offset : end]]


def lookup_custom(community: Community, task: Task) -> object:
    """Find records by what one field holds."""
    wanted = task.first(FieldSearch)
    if not wanted.value:
        raise RefusedError(EMPTY)

    def fits(record: Record) -> bool:
        return _is(wanted.value, record.values.get(wanted.map), partial=wanted.partial)

    return [record.row() for record in _found(community, wanted.types, fits)]


def _found(community: Community, types: Iterable[int], fits: Callable[[Record], bool]) -> list[Record]:
    shown = {CHARACTER, *types} if types else None
    return [
        record
        for record in community.archive.records.values()
        if (shown is None or record.template.type in shown) and fits(record)
    ]


def _accounts_of(community: Community, ident: object) -> set[str]:
    return {unit.account for unit in community.roster.everyone() if str(unit.ident) == str(ident)}


def _is(wanted: str, held: str | None, *, partial: bool) -> bool:
    if held is None:
        return False
    return wanted.lower() in held.lower() if partial else wanted.lower() == held.lower()
