"""What each door may answer, whatever it was asked."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from tests.fuzz.wire import Reply
from tests.support.daemon import ADMIN_TOKEN, API_KEY, CMS_API_KEY, TOKENS

PROBLEM = "application/problem+json"
PIECE = 9  # characters of a secret that already count as telling it
SECRETS = {"the CAD's key": API_KEY, "the CMS's key": CMS_API_KEY, "the admin token": ADMIN_TOKEN, "another token": TOKENS[2]}  # fmt: skip
OWN_FAILURES = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})
NATIVE_CLIENT_ERRORS = frozenset({400, 401, 403, 404, 405, 408, 413, 422})
ANY_DOOR = ("native", "cad_v2", "cad_v1")
TEXT_DOORS = frozenset({"cad_v1", "cms_v1"})
FROM_CAD = re.compile(r"cad-bridge; (?:fwd|hit)")

_TAKEN: Mapping[str, frozenset[str]] = {
    "/v1/locations": frozenset({"accepted", "rejected", "instance", "api"}),
    "/v1/panic": frozenset({"event"}),
    "/v1/events": frozenset({"events"}),
}


def judge(door: str, path: str, reply: Reply, *, sure: bool = True) -> str | None:
    """Return what is wrong with an answer, or None; where it is not ``sure`` which door was asked, any of them may answer."""
    leaked = leak(repr(reply.headers).encode() + reply.body)
    if leaked is not None:
        return f"it tells {leaked}"
    if "content-type" in reply.headers and "\n" in reply.headers["content-type"]:
        return "its Content-Type has two lines"
    if FROM_CAD.match(reply.headers.get("cache-status", "")):
        return None if reply.status >= HTTPStatus.OK else "a status that is none"
    if reply.status < HTTPStatus.BAD_REQUEST:
        return _judge_success(door, path, reply)
    if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR and reply.status not in OWN_FAILURES:
        return f"a {reply.status} of the bridge's own: {reply.body[:300]!r}"
    wrong = _judge_refusal(door, path, reply)
    if wrong is None or sure or door == "admin":
        return wrong
    return None if any(_judge_refusal(other, "", reply) is None for other in ANY_DOOR) else wrong


def leak(content: bytes) -> str | None:
    """Return which secret a text tells, if it tells any."""
    if TOKENS[1].encode() in content:
        return "the token that was shown"
    for name, secret in SECRETS.items():
        if secret[:PIECE].encode() in content or secret[-PIECE:].encode() in content:
            return name
    return None


def _judge_success(door: str, path: str, reply: Reply) -> str | None:
    if (
        door == "admin" and reply.status == HTTPStatus.NOT_MODIFIED
    ):  # what a browser has of the page is still right
        return None
    if not HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
        return f"a status {reply.status}"
    kind = reply.headers.get("content-type", "")
    if kind.startswith("application/json") and reply.body and _json(reply.body) is _NONE:
        return f"what it calls JSON is none: {reply.body[:200]!r}"
    expected = _TAKEN.get(path) if door == "native" else None
    if expected is not None and reply.body and not expected <= _object(reply.body).keys():
        return f"an answer of another shape: {reply.body[:300]!r}"
    return None


def _judge_refusal(door: str, path: str, reply: Reply) -> str | None:
    kind = reply.headers.get("content-type", "").lower()
    forwards = door != "native" or path.startswith("/v1/operations/")
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS and forwards:
        return None if _object(reply.body) else f"a 429 of another shape: {reply.body[:300]!r}"
    if door == "admin" and reply.status == HTTPStatus.EXPECTATION_FAILED:
        return None  # the library's own, said before anybody of ours is asked
    if door in TEXT_DOORS and kind.startswith("text/plain"):
        return None if reply.body else f"a {reply.status} without a word"
    if door == "cad_v2" and kind.startswith("application/json"):
        return None  # the CAD's own words about a call
    if not forwards and reply.status not in NATIVE_CLIENT_ERRORS | {HTTPStatus.SERVICE_UNAVAILABLE}:
        return f"a {reply.status}, which the push door never answers: {reply.body[:300]!r}"
    return (
        None
        if not reply.body and reply.headers.get("content-length", "0") != "0"
        else _judge_problem(reply, kind)
    )


def _judge_problem(reply: Reply, kind: str) -> str | None:
    if not kind.startswith(PROBLEM):
        return f"a {reply.status} that is no problem document but {kind!r}: {reply.body[:300]!r}"
    content = _object(reply.body)
    if not content.get("title") or content.get("status") != reply.status:
        return f"a problem without title or with another status: {reply.body[:300]!r}"
    return None


class _None: ...


_NONE = _None()


def _object(body: bytes) -> dict[str, Any]:
    """Return an object's members; anything else has none."""
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}


def _json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _NONE
