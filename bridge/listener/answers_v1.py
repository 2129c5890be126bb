"""What v2 answers, as Sonoran CAD v1 would have answered it."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus

import msgspec

from bridge.errors import PushError
from bridge.intake.cad_v1 import Record
from bridge.intake.fields import is_list, is_object, mapping_of
from bridge.listener.translation import USERNAME, Reshaping, Way, shown

NOT_LINKED = "API ID NOT LINKED TO AN ACCOUNT IN THIS COMMUNITY"
NOT_ENABLED = "API ENDPOINT IS NOT ENABLED FOR THIS COMMUNITY"

PLANS = {"FREE": 0, "STARTER": 1, "STANDARD": 2, "PLUS": 3, "PRO": 4, "SONORAN ONE": 6}
"""The plans as v1 numbers them; v2 has other numbers."""

_CALL_LISTS = ("activeCalls", "emergencyCalls", "closedCalls")
_UNKNOWN_TO_V1 = frozenset({"liveMapFormat"})  # of a server's row
_ROW_OF_V1: dict[str, object] = {"mapPort": ""}  # what v2 does not know of a server


def decode(body: bytes) -> object:
    """Return what an answer says; None where it is no JSON."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def told(way: Way, answer: object, followed: object = None) -> object:
    """Return what v1 answers about one object: text, or what is told as JSON.

    Args:
        way: how the object was carried out.
        answer: what v2 answered.
        followed: what it answered to the question that followed, None where nobody asked or it gave no answer.

    Raises:
        PushError: v1 calls it a failure.
    """
    table = way.translation
    if table.answer is not None:
        answer = _RESHAPINGS[table.answer](way, answer, followed)
    return _text(way, answer, followed) if table.text else answer


def together(answers: Sequence[object]) -> object:
    """Return the answers about several objects as one: line by line, one list, or a list of all."""
    if len(answers) == 1:
        return answers[0]
    if all(isinstance(answer, str) for answer in answers):
        return "\n".join(str(answer) for answer in answers)
    lists = [answer for answer in answers if is_list(answer)]
    return [row for rows in lists for row in rows] if len(lists) == len(answers) else list(answers)


def reason_of(status: int, body: bytes) -> str:
    """Return in v1's words why v2 refuses."""
    if status == HTTPStatus.FORBIDDEN:
        return NOT_ENABLED
    problem = mapping_of(decode(body))
    words = (problem.get(name) for name in ("detail", "message", "title"))
    text = next((word for word in words if isinstance(word, str) and word), "")
    return text or f"ERROR: status {status}"


def _text(way: Way, answer: object, followed: object) -> str:
    known = {USERNAME: next(iter(way.who.values()), "")} | way.who
    values: dict[str, object] = {**known, **mapping_of(followed), **mapping_of(answer), **way.record}
    texts = defaultdict(str, {name: shown(value) for name, value in values.items()})
    return way.translation.text.format_map(texts)


def _camel(answer: object) -> Record:
    return {name[:1].lower() + name[1:]: value for name, value in mapping_of(answer).items()}


def _units(_way: Way, answer: object, _followed: object) -> object:
    return [_unit(row) for row in _listed(answer)]


def _identifiers(_way: Way, answer: object, _followed: object) -> object:
    fields = _camel(answer)
    return fields | {"identifiers": [_unit(row) for row in _listed(fields.get("identifiers"))]}


def _unit(row: object) -> object:
    """Return a unit with the API ids that v1's clients look for, as far as v2 tells them, and without its place."""
    if not is_object(row):
        return row
    data = mapping_of(row.get("data"))
    unit_id = data.get("communityUserId") or ""
    shown_row = {name: value for name, value in row.items() if name != "coordinates"}
    return shown_row | {"data": {"apiId1": unit_id, "apiId2": "", "communityUserId": unit_id} | data}


def _calls(_way: Way, answer: object, _followed: object) -> object:
    fields = _camel(answer)
    return {name: _listed(fields.get(name)) for name in _CALL_LISTS}


def _account(_way: Way, answer: object, _followed: object) -> object:
    return _account_row(answer)


def _accounts(_way: Way, answer: object, _followed: object) -> object:
    fields = mapping_of(answer)
    return fields | {"accounts": [_account_row(row) for row in _listed(fields.get("accounts"))]}


def _account_row(row: object) -> Record:
    fields = dict(mapping_of(row))
    unit_id = fields.pop("communityUserId", None)
    return {**fields, "apiIds": fields.get("apiIds", [unit_id] if unit_id else [])}


def _servers(_way: Way, answer: object, _followed: object) -> object:
    rows = _listed(mapping_of(answer).get("servers"))
    return {"servers": [_server(row) if is_object(row) else row for row in rows]}


def _server(row: Record) -> Record:
    return _ROW_OF_V1 | {name: value for name, value in row.items() if name not in _UNKNOWN_TO_V1}


def _version(_way: Way, answer: object, _followed: object) -> object:
    fields = mapping_of(answer)
    name = shown(fields.get("name")).upper()
    return f"{PLANS.get(name, shown(fields.get('version')))} - {name}"


def _records(_way: Way, answer: object, _followed: object) -> object:
    return answer if is_object(answer) else {"records": _listed(answer)}


def _list(_way: Way, answer: object, _followed: object) -> object:
    return _listed(answer)


def _identifier(_way: Way, answer: object, _followed: object) -> object:
    return _unit(mapping_of(answer).get("identifier", answer))


def _added(_way: Way, answer: object, followed: object) -> object:
    number = mapping_of(answer).get("identId")
    rows = _listed(_camel(followed).get("identifiers"))
    return _unit(next((row for row in rows if mapping_of(row).get("id") == number), {"id": number}))


def _followed(_way: Way, answer: object, followed: object) -> object:
    return answer if followed is None else followed


def _photo(_way: Way, answer: object, _followed: object) -> object:
    if mapping_of(answer).get("delivered") == 0:
        raise PushError(NOT_LINKED)
    return answer


def _secret(way: Way, answer: object, _followed: object) -> object:
    """Return which account the secret is of: v1 leads from the account to it."""
    secret = way.record.get("secret")
    return {
        (value if name == secret and isinstance(value, str) else name): (name if name == secret else value)
        for name, value in mapping_of(answer).items()
    }


def _listed(value: object) -> list[object]:
    """Return a list; Sonoran's examples flatten one of one to its member."""
    if value is None:
        return []
    return value if is_list(value) else [value]


_RESHAPINGS: Mapping[Reshaping, Callable[[Way, object, object], object]] = {
    Reshaping.UNITS: _units,
    Reshaping.IDENTIFIERS: _identifiers,
    Reshaping.CALLS: _calls,
    Reshaping.ACCOUNT: _account,
    Reshaping.ACCOUNTS: _accounts,
    Reshaping.SERVERS: _servers,
    Reshaping.VERSION: _version,
    Reshaping.RECORDS: _records,
    Reshaping.LIST: _list,
    Reshaping.IDENTIFIER: _identifier,
    Reshaping.ADDED: _added,
    Reshaping.FOLLOWED: _followed,
    Reshaping.PHOTO: _photo,
    Reshaping.SECRET: _secret,
}
