"""The calls that the CAD has: where a mark of ours shows that a call was created.

Sonoran documents the names of this answer in two casings, so case does not count here.
"""

from collections.abc import Mapping, Sequence
from typing import TypeGuard

from msgspec import Struct

from bridge.sonoran.messages import CadAnswer
from bridge.sonoran.v2.answers import decode
from bridge.sonoran.v2.requests import MARK

_OPEN = ("activecalls", "emergencycalls")
_CLOSED = "closedcalls"
_CLOSED_COUNT = "closedcallcount"
_HIDDEN = "markshidden"  # what v1's translation adds where calls came without their metaData
_KNOWN = frozenset({*_OPEN, _CLOSED, _CLOSED_COUNT})
_MAX_DIGITS = 18  # of a number that came as text; any such fits into 64 bits


class Calls(Struct, frozen=True, kw_only=True):
    """One page of a server's calls.

    ``marks`` leads from the id of the event that a call came from to Sonoran's number of the call, None where it
    has no readable one. ``closed`` is how many closed calls this page held, marked or not; ``closed_count`` is
    how many the CAD has, None where it does not say.
    """

    marks: dict[str, int | None]
    closed: int
    closed_count: int | None
    hidden: bool = False


def read_calls(answer: CadAnswer) -> Calls | None:
    """Return what an answer of getCalls holds; None where it is none, so that nothing is concluded from it.

    A single call flattened to an object, null for no calls and calls of other people's making are as good as any;
    a call that cannot be read is skipped alone.
    """
    body = _lower(decode(answer, dict[str, object], {}))
    if not _KNOWN.intersection(body):
        return None
    sections = [_rows(body.get(name)) for name in (*_OPEN, _CLOSED)]
    marks: dict[str, int | None] = {}
    for rows in sections:
        if rows is None:
            return None
        for row in rows:
            _collect(row, marks)
    closed = len(sections[-1] or ())
    return Calls(
        marks=marks,
        closed=closed,
        closed_count=_number(body.get(_CLOSED_COUNT)),
        hidden=body.get(_HIDDEN) is True,
    )


def _rows(section: object) -> Sequence[object] | None:
    if not section and (section is None or _is_object(section)):
        return ()
    if _is_object(section):
        return (section,)
    return section if _is_list(section) else None


def _collect(row: object, marks: dict[str, int | None]) -> None:
    call = _lower(row)
    mark = _lower(call.get("metadata")).get(MARK.lower())
    if isinstance(mark, str) and marks.get(mark) is None:
        marks[mark] = _number(call.get("callid"))


def _number(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= _MAX_DIGITS:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _lower(value: object) -> Mapping[str, object]:
    return {name.lower(): member for name, member in value.items()} if _is_object(value) else {}


def _is_object(value: object) -> TypeGuard[dict[str, object]]:
    return isinstance(value, dict)


def _is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)
