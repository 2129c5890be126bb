"""Whether v1 shows enough of its calls to look for one of ours among them.

Sonoran documents that a call takes ``metaData`` along, but none in the calls that GET_CALLS shows. Where a row could
hold our mark and the CAD does not let us see it, an absent mark says nothing.
"""

import msgspec

from bridge.sonoran.messages import CadAnswer
from bridge.sonoran.v1.asked import is_object, listed

HIDDEN = "marksHidden"
"""The member that such an answer is given: true where calls came without their ``metaData``."""

_METADATA = "metadata"
_KINDS = {"activecalls": "dispatch", "closedcalls": "dispatch", "emergencycalls": "emergency"}


class Visibility:
    """Remembers for which kinds of calls the CAD ever showed ``metaData``: it may leave out an empty one."""

    def __init__(self) -> None:
        self._shown: set[str] = set()

    def note(self, answer: CadAnswer) -> CadAnswer:
        """Return an answer of GET_CALLS, with a member that says so where marks are hidden."""
        try:
            body = msgspec.json.decode(answer.body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return answer
        if not is_object(body):
            return answer
        hidden = False
        for kind, rows in _rows_by_kind(body).items():
            if any(_METADATA in map(str.lower, row) for row in rows):
                self._shown.add(kind)
            hidden = hidden or (bool(rows) and kind not in self._shown)
        if not hidden:
            return answer
        return msgspec.structs.replace(answer, body=msgspec.json.encode({**body, HIDDEN: True}))


def _rows_by_kind(body: dict[str, object]) -> dict[str, list[dict[str, object]]]:
    found: dict[str, list[dict[str, object]]] = {}
    for name, section in body.items():
        kind = _KINDS.get(name.lower())
        if kind is not None:
            found.setdefault(kind, []).extend(row for row in listed(section) if is_object(row) and row)
    return found
