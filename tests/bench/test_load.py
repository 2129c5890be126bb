import pytest

from tests.bench.load import read_summary

SAID = (
    "Running 1m test\n  7 requests in 1.00s\n\n"
    'SUMMARY {"requests": 7, "microseconds": 2000000, "p50": 90.0, "p99": 400.0, "refused": %d, "broken": %d}\n'
)


def test_what_wrk_did_is_read_from_its_summary() -> None:
    done = read_summary(SAID % (0, 0))

    assert (done.requests, done.per_second, done.p99) == (7, 3.5, 400.0)


@pytest.mark.parametrize(("refused", "broken"), [(1, 0), (0, 1)])
def test_a_run_in_which_something_was_refused_or_broken_is_no_figure(refused: int, broken: int) -> None:
    with pytest.raises(RuntimeError, match=f"{refused} were refused, {broken} got no answer"):
        read_summary(SAID % (refused, broken))


def test_a_wrk_that_says_nothing_is_an_error_with_what_it_said_instead() -> None:
    with pytest.raises(RuntimeError, match="unable to connect"):
        read_summary("unable to connect to 127.0.0.1:1 Connection refused\n")
