"""What an answer of the CAD means for the events that were sent: pure decisions, carried out by the relay.

408, 5xx, a redirect and no answer: try again. 429: try again when the budget's penalty is over. 401: hold, until
getVersion has said whether the key is wrong. Any other 4xx is the CAD's last word.
"""

from http import HTTPStatus
from random import Random

from msgspec import Struct

from bridge.errors import CadError
from bridge.sonoran.messages import CadAnswer

FIRST_DELAY = 0.5  # seconds
LONGEST_DELAY = 30.0  # seconds
LONGEST_URGENT_DELAY = 2.0  # seconds: a panic must not wait longer for a CAD that is back

_REASONS = {
    HTTPStatus.BAD_REQUEST: "bad_request",
    HTTPStatus.UNAUTHORIZED: "unauthorized",
    HTTPStatus.FORBIDDEN: "forbidden",
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.CONFLICT: "conflict",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too_large",
    HTTPStatus.UNPROCESSABLE_ENTITY: "unprocessable",
}

_REFUSALS = (*_REASONS.values(), "refused")
_OUTAGES = tuple(f"status_{status}" for status in (408, 500, 502, 503, 504))

FAILURE_REASONS = (*_REFUSALS, "no_unit", "unclear", "call_failed", "call_unknown", "discarded", "internal")
"""Why an event can end as failed; the values of the metric's ``reason``."""

ANSWER_REASONS = (*_REFUSALS, "rate_limited", *_OUTAGES)
"""What an answer that is no success is usually called; other statuses are ``status_`` and the number."""


def status_of(reason: str) -> int | None:
    """Return the status that a closed word of ``refusal`` stands for; None where it stands for none, or for several."""
    return next((status.value for status, word in _REASONS.items() if word == reason), None)


class Done(Struct, frozen=True):
    """The CAD took it."""


class Retry(Struct, frozen=True):
    """Try again; ``unclear``: the CAD may have acted. ``limited``: the budget knows when."""

    reason: str
    unclear: bool = False
    limited: bool = False


class Fail(Struct, frozen=True):
    """The CAD will not take it; ``divide``: another request with fewer units in it may do better."""

    reason: str
    divide: bool = False


class Hold(Struct, frozen=True):
    """The key is in doubt: wait until it has been looked at."""


Verdict = Done | Retry | Fail | Hold


def judge(end: CadAnswer | CadError) -> Verdict:
    """Return what the end of a request means."""
    if isinstance(end, CadError):
        return Retry(end.reason, unclear=end.sent, limited=end.reason == "budget")
    if end.ok:
        return Done()
    if end.unavailable:
        return Retry(f"status_{end.status}", unclear=not end.redirected)
    if end.status == HTTPStatus.TOO_MANY_REQUESTS:
        return Retry("rate_limited", limited=True)
    if end.status == HTTPStatus.UNAUTHORIZED:
        return Hold()
    reason = refusal(end.status)
    return Fail(reason, divide=end.status != HTTPStatus.FORBIDDEN)


def refusal(status: int) -> str:
    """Return the closed word for a status that refuses."""
    return next((word for known, word in _REASONS.items() if known == status), "refused")


def backoff(attempts: int, *, urgent: bool, random: Random) -> float:
    """Return the seconds to wait before the next attempt: exponential, with full jitter.

    Args:
        attempts: how many have failed, 1 or more.
        urgent: whether a panic waits.
        random: where the jitter comes from.
    """
    longest = LONGEST_URGENT_DELAY if urgent else LONGEST_DELAY
    return random.uniform(0.0, min(longest, FIRST_DELAY * 2 ** min(attempts - 1, 10)))
