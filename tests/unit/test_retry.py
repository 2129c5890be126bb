from random import Random

import pytest

from bridge.errors import BudgetError, CadError
from bridge.retry import (
    ANSWER_REASONS,
    FAILURE_REASONS,
    LONGEST_DELAY,
    LONGEST_URGENT_DELAY,
    Done,
    Fail,
    Hold,
    Retry,
    Verdict,
    backoff,
    judge,
    refusal,
    status_of,
)
from bridge.sonoran.http import FAILURE_REASONS as REQUEST_FAILURE_REASONS
from tests.support.transport import answer


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, Done()),
        (201, Done()),
        (204, Done()),
        (408, Retry("status_408", unclear=True)),  # the CAD may still be at it
        (500, Retry("status_500", unclear=True)),
        (502, Retry("status_502", unclear=True)),
        (503, Retry("status_503", unclear=True)),
        (599, Retry("status_599", unclear=True)),
        (429, Retry("rate_limited", limited=True)),  # refused before anything was done
        (401, Hold()),
        (403, Fail("forbidden")),  # the plan's word on the operation: fewer units change nothing
        (400, Fail("bad_request", divide=True)),
        (404, Fail("not_found", divide=True)),
        (409, Fail("conflict", divide=True)),
        (413, Fail("too_large", divide=True)),
        (422, Fail("unprocessable", divide=True)),
        (418, Fail("refused", divide=True)),
        (302, Retry("status_302")),  # something stands between us and the CAD, and it did not act
    ],
)
def test_an_answers_status_decides(status: int, verdict: Verdict) -> None:
    assert judge(answer(status)) == verdict


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (CadError("connect", sent=False), Retry("connect")),
        (CadError("dns", sent=False), Retry("dns")),
        (CadError("timeout", sent=False), Retry("timeout")),  # of the connection: nothing left
        (CadError("timeout", sent=True), Retry("timeout", unclear=True)),
        (CadError("reset", sent=True), Retry("reset", unclear=True)),
        (CadError("answer_too_large", sent=True), Retry("answer_too_large", unclear=True)),
        (BudgetError(1.0), Retry("budget", limited=True)),
    ],
)
def test_without_an_answer_it_is_tried_again(error: CadError, verdict: Verdict) -> None:
    assert judge(error) == verdict


def test_every_refusal_is_a_reason_that_metrics_know() -> None:
    assert {refusal(status) for status in range(300, 500)} <= set(FAILURE_REASONS)
    assert {"no_unit", "unclear", "call_failed", "call_unknown", "internal"} <= set(FAILURE_REASONS)
    assert len(set(FAILURE_REASONS)) == len(FAILURE_REASONS)


def test_no_word_for_an_answer_means_a_missing_one_too() -> None:
    assert not set(ANSWER_REASONS) & set(REQUEST_FAILURE_REASONS)
    verdicts = [judge(answer(status)) for status in (408, 429, 500, 502, 503, 504)]
    assert {verdict.reason for verdict in verdicts if isinstance(verdict, Retry)} <= set(ANSWER_REASONS)


class Longest(Random):
    """Draws the upper end of every range."""

    def uniform(self, a: float, b: float) -> float:
        assert a == 0.0, "full jitter starts at nothing"
        return b


def test_delays_double_from_half_a_second_up_to_the_longest() -> None:
    drawn = [backoff(attempts, urgent=False, random=Longest()) for attempts in range(1, 9)]

    assert drawn == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, LONGEST_DELAY, LONGEST_DELAY]


def test_a_panic_never_waits_longer_than_two_seconds() -> None:
    drawn = [backoff(attempts, urgent=True, random=Longest()) for attempts in (1, 2, 3, 4, 100_000)]

    assert drawn == [0.5, 1.0, 2.0, LONGEST_URGENT_DELAY, LONGEST_URGENT_DELAY]


def test_delays_are_spread_over_the_whole_range() -> None:
    random = Random(5)
    drawn = [backoff(10, urgent=False, random=random) for _ in range(400)]

    assert min(drawn) < 1.0
    assert max(drawn) > LONGEST_DELAY - 1.0
    assert sum(drawn) / len(drawn) == pytest.approx(LONGEST_DELAY / 2, rel=0.1)


def test_the_word_for_a_refusal_leads_back_to_its_status() -> None:
    statuses = (400, 401, 403, 404, 409, 413, 422)

    assert [status_of(refusal(status)) for status in statuses] == list(statuses)
    assert status_of(refusal(418)) is None
    assert status_of("unclear") is None
