"""Errors as RFC 9457 problems, so that a script's author reads what was wrong.

FiveM's Lua sees no headers of an error and its body only as text: what a client must act on is in the body.
"""

import math
import uuid
from collections.abc import Iterable
from http import HTTPStatus

import msgspec

from bridge.errors import (
    BridgeError,
    IdempotencyError,
    MalformedError,
    OutboxFullError,
    PushError,
    StoreError,
)
from bridge.listener.answer import Answer

RETRY_AFTER = 5  # seconds; a full outbox empties and a failing disk recovers no sooner

_ENCODER = msgspec.json.Encoder()


def problem(
    status: HTTPStatus, detail: str, *, headers: dict[str, str] | None = None, **extras: object
) -> Answer:
    """Return an ``application/problem+json`` answer; ``extras`` become further members of its body."""
    body = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": detail,
        **extras,
    }
    return Answer(
        status=status.value,
        body=_ENCODER.encode(body),
        content_type="application/problem+json",
        headers=headers or {},
    )


def explain(status: HTTPStatus, error: PushError) -> Answer:
    """Return the answer to a push that makes no sense, with the records that do not."""
    if not error.problems:
        return problem(status, str(error))
    problems = [{"index": index, "reason": reason} for index, reason in error.problems]
    return problem(status, str(error), problems=problems)


def not_allowed(methods: Iterable[str]) -> Answer:
    """Return the answer to a method that a path does not take."""
    allow = ", ".join(sorted(methods))
    return problem(HTTPStatus.METHOD_NOT_ALLOWED, f"expected {allow}", headers={"Allow": allow})


def rate_limited(seconds: float) -> Answer:
    """Return the answer to a request that finds no slot for ``seconds``, as the CAD would give it."""
    wait = max(1, math.ceil(seconds))
    body = {"message": "API rate limit exceeded", "request_id": uuid.uuid4().hex, "retry_after": wait}
    return Answer(
        status=HTTPStatus.TOO_MANY_REQUESTS,
        body=_ENCODER.encode(body),
        content_type="application/json",
        headers={"Retry-After": str(wait)},
    )


def problem_of(error: BridgeError) -> Answer:
    """Return the answer to a push that raised ``error``.

    Raises:
        BridgeError: the error given, where no push can cause it.
    """
    match error:
        case MalformedError():
            return problem(HTTPStatus.BAD_REQUEST, str(error), offset=error.offset)
        case IdempotencyError():
            return problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error))
        case PushError():
            return explain(HTTPStatus.UNPROCESSABLE_ENTITY, error)
        case OutboxFullError():
            return _unavailable("the outbox is full")
        case StoreError():
            return _unavailable("the outbox cannot be written now")
        case _:
            raise error


def _unavailable(detail: str) -> Answer:
    return problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        detail,
        headers={"Retry-After": str(RETRY_AFTER)},
        retry_after=RETRY_AFTER,
    )
