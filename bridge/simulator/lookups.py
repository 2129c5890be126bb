"""The operations that look records up."""

from collections.abc import Callable, Collection
from http import HTTPStatus

from bridge.simulator.archive import Record
from bridge.simulator.community import Community
from bridge.simulator.messages import Ask, ProblemError
from bridge.simulator.record_shapes import CUSTOM_LOOKUP, NAME_LOOKUP, VALUE_LOOKUP, Lookup
from bridge.simulator.targets import check


def lookup_name_or_plate(community: Community, ask: Ask) -> object:
    """Find records by a name, or a plate, or both; all that is given must fit."""
    wanted = ask.body(NAME_LOOKUP)
    fields = {
        "first_name": wanted.first,
        "last_name": wanted.last,
        "mi": wanted.mi,
        "plate": wanted.plate,
    }
    given = {uid: value for uid, value in fields.items() if value}
    if not given:
        raise ProblemError(HTTPStatus.BAD_REQUEST, "Provide 'first', 'last', 'mi' or 'plate'.")

    def fits(record: Record) -> bool:
        return all(_is(value, record.values.get(uid), partial=wanted.partial) for uid, value in given.items())

    return _found(community, ask, wanted, fits)


def lookup_by_value(community: Community, ask: Ask) -> object:
    """Find records by their number, or by what any of their fields holds."""
    wanted = ask.body(VALUE_LOOKUP)

    def fits(record: Record) -> bool:
        return wanted.value in {str(record.record_id), *record.values.values()}

    return _found(community, ask, wanted, fits)


def lookup_by_custom_search(community: Community, ask: Ask) -> object:
    """Find records by what one field holds."""
    wanted = ask.body(CUSTOM_LOOKUP)

    def fits(record: Record) -> bool:
        return _is(wanted.value, record.values.get(wanted.map), partial=wanted.partial)

    return _found(community, ask, wanted, fits)


def _found(community: Community, ask: Ask, wanted: Lookup, fits: Callable[[Record], bool]) -> object:
    if wanted.notify_community_user_id is not None:
        check(wanted.notify_community_user_id, ask)
    types: Collection[int] = wanted.types or community.archive.templates
    return [
        record.row()
        for record in community.archive.records.values()
        if record.template.record_type_id in types and fits(record)
    ]


def _is(wanted: str, held: str | None, *, partial: bool) -> bool:
    if held is None:
        return False
    return wanted.lower() in held.lower() if partial else wanted.lower() == held.lower()
