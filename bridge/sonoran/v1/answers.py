"""What Sonoran CAD v1 answers, in the words of v2, which the rest of the program understands.

v1 says most things in plain text, and refuses nearly everything with 400: only the text tells a wrong key from a bad
record. How many units it knew it never says.
"""

import re
from collections.abc import Callable, Mapping
from http import HTTPStatus

import msgspec
from msgspec.structs import replace

from bridge.operations import CREATE_911_CALL, CREATE_BLIP, CREATE_DISPATCH_CALL, GET_VERSION
from bridge.sonoran.messages import CadAnswer
from bridge.sonoran.v1.asked import Asked, is_list, is_object, listed, numeral

JSON = "application/json"
PROBLEM = "application/problem+json"
PLANS = {0: "FREE", 1: "STARTER", 2: "STANDARD", 3: "PLUS", 4: "PRO", 6: "SONORAN ONE"}
"""Sonoran's plans as v1 numbers them, a bigger one higher."""

_NOT_ENABLED = "API IS NOT ENABLED FOR THIS COMMUNITY"
_WHOLE_KEY = frozenset({"INVALID API KEY", "INVALID COMMUNITY ID", _NOT_ENABLED})
_ONE_TYPE = (
    "API ENDPOINT IS NOT ENABLED FOR THIS COMMUNITY"  # of another plan, so that the key is good for others
)
_NO_SUCH_TYPE = "INVALID REQUEST TYPE"
_NOT_FOUND = "NOT FOUND"
_OPEN_TO_WORDS = range(400, 500)
_TOLD_BY_STATUS = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_LONGEST_REASON = 300  # characters
_CALL_ID = re.compile(r"\bID:?\s*#?([0-9]{1,18})\b", re.IGNORECASE)
_PLAN = re.compile(r"([0-9]{1,3})(?:\s*-\s*(\S.*))?")


def to_v2(asked: Asked, operation: str, answer: CadAnswer, *, beyond_plan: bool = False) -> CadAnswer:
    """Return an answer of v1 as one to an operation of v2.

    Args:
        asked: what the operation was asked with; v2 repeats much of it where v1 says a word.
        operation: its name.
        answer: what v1 says, whatever its status. An outage and a limited rate look the same in both.
        beyond_plan: whether the community's plan is known to lack this: then a refusal is no sign of a wrong key.
    """
    content = _content(answer)
    if answer.ok:
        read = _READERS.get(operation, _read_any)
        return _with(answer, JSON, read(asked, content))
    if answer.status not in _OPEN_TO_WORDS or answer.status in _TOLD_BY_STATUS or is_object(content):
        return answer
    reason = _words(content)
    bad = answer.status == HTTPStatus.BAD_REQUEST
    return refuse(answer, _meaning(reason, beyond_plan=beyond_plan) if bad else answer.status, reason)


def plan_number(version: CadAnswer) -> int | None:
    """Return the number of the plan that an answer to GET_VERSION tells."""
    found = _PLAN.match(_words(_content(version))) if version.ok else None
    return None if found is None else int(found[1])


def refuse(answer: CadAnswer, status: int, reason: str) -> CadAnswer:
    """Return an answer as v2 refuses."""
    problem = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase if status in _STATUSES else "Refused",
        "status": status,
        "detail": reason[:_LONGEST_REASON],
    }
    return replace(_with(answer, PROBLEM, problem), status=status)


def nothing_sent(status: int, reason: str) -> CadAnswer:
    """Return how the bridge itself refuses: nothing has left for the CAD."""
    empty = CadAnswer(status=status, body=b"", retry_after=None, trace_id=None, seconds=0.0, sends=0)
    return refuse(empty, status, reason)


def _meaning(reason: str, *, beyond_plan: bool) -> int:
    """Return the status by which v2 would say what a 400 of v1 says."""
    words = reason.upper()
    if words == _ONE_TYPE or (words == _NOT_ENABLED and beyond_plan):
        return HTTPStatus.FORBIDDEN
    if words in _WHOLE_KEY:
        return HTTPStatus.UNAUTHORIZED
    if words == _NO_SUCH_TYPE or _NOT_FOUND in words:
        return HTTPStatus.NOT_FOUND
    return HTTPStatus.BAD_REQUEST


def _read_any(asked: Asked, content: object) -> object:
    """Pass on what is JSON; for a word repeat what was asked, as v2 does, and the word."""
    if not isinstance(content, str):
        return content
    return _repeated(asked) | {"message": content}


def _repeated(asked: Asked) -> dict[str, object]:
    return {name: numeral(value) for name, value in asked.path.items()} | dict(asked.fields)


def _read_call(asked: Asked, content: object) -> object:
    found = _CALL_ID.search(content) if isinstance(content, str) else None
    number = {} if found is None else {"callId": int(found[1])}
    told = _read_any(asked, content)
    return {**told, **number} if is_object(told) else told


def _read_version(_asked: Asked, content: object) -> object:
    """Read ``3 - PLUS``."""
    found = _PLAN.match(_words(content))
    if found is None:
        return content if is_object(content) else {}
    number = int(found[1])
    return {"version": number, "name": (found[2] or PLANS.get(number, found[1])).strip()}


def _read_first(asked: Asked, content: object) -> object:
    """Read a list of one, as v1 puts what v2 tells alone."""
    rows = [row for row in listed(content) if is_object(row)]
    return rows[0] if rows else _read_any(asked, content)


def _read_identifier(asked: Asked, content: object) -> object:
    return {"identId": content.get("id")} if is_object(content) else _read_any(asked, content)


def _read_records(asked: Asked, content: object) -> object:
    records = content.get("records") if is_object(content) else None
    return _read_any(asked, content) if records is None else records


def _read_authorization(asked: Asked, content: object) -> object:
    told = _read_any(asked, content)
    return {"authorized": True, **told} if is_object(told) else told


_READERS: Mapping[str, Callable[[Asked, object], object]] = {
    CREATE_911_CALL.name: _read_call,
    CREATE_DISPATCH_CALL.name: _read_call,
    CREATE_BLIP.name: _read_first,
    GET_VERSION.name: _read_version,
    "createIdentifier": _read_identifier,
    "getTemplate": _read_first,
    "lookupNameOrPlate": _read_records,
    "lookupByValue": _read_records,
    "lookupByCustomSearch": _read_records,
    "authStreetSigns": _read_authorization,
}

_STATUSES = frozenset(HTTPStatus)


def _content(answer: CadAnswer) -> object:
    """Return an object or a list as it is, and everything else as text, be it quoted or not."""
    text = answer.body.decode("utf-8", "replace").strip()
    try:
        content = msgspec.json.decode(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return text
    if isinstance(content, str):
        return content.strip()
    return content if is_object(content) or is_list(content) else text


def _words(content: object) -> str:
    """Return a text in one line."""
    return " ".join(content.split()) if isinstance(content, str) else ""


def _with(answer: CadAnswer, content_type: str, content: object) -> CadAnswer:
    return replace(answer, body=msgspec.json.encode(content), content_type=content_type)
