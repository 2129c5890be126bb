from structlog.testing import capture_logs

from bridge.sonoran.breaker import DOWN_AFTER, Breaker, KeyState
from tests.support.stepping_clock import SteppingClock


class Watched:
    """A breaker and how often it called."""

    def __init__(self) -> None:
        self.clock = SteppingClock()
        self.breaker = Breaker(self.clock)
        self.recoveries = 0
        self.doubts = 0
        self.breaker.on_recovery(self._recovered)
        self.breaker.on_doubt(self._doubted)

    def _recovered(self) -> None:
        self.recoveries += 1

    def _doubted(self) -> None:
        self.doubts += 1

    def fail(self, times: int) -> None:
        for _ in range(times):
            self.breaker.failed("reset")


def test_the_cad_counts_as_up_until_several_requests_in_a_row_fail() -> None:
    watched = Watched()

    watched.fail(DOWN_AFTER - 1)
    before = watched.breaker.down
    watched.fail(1)

    assert not before
    assert watched.breaker.down


def test_an_answer_in_between_starts_the_count_anew() -> None:
    watched = Watched()
    watched.fail(DOWN_AFTER - 1)
    watched.breaker.answered()

    watched.fail(DOWN_AFTER - 1)

    assert not watched.breaker.down
    assert watched.recoveries == 0


def test_what_left_before_the_last_answer_tells_nothing_of_the_time_after_it() -> None:
    watched = Watched()
    left_at = watched.clock.monotonic()
    watched.clock.now += 9.0
    watched.breaker.answered()

    for _ in range(DOWN_AFTER):
        watched.breaker.failed("timeout", left_at)

    assert not watched.breaker.down
    for _ in range(DOWN_AFTER):
        watched.breaker.failed("timeout", watched.clock.monotonic())
    assert watched.breaker.down


def test_down_and_back_are_each_said_once() -> None:
    watched = Watched()

    with capture_logs() as logs:
        watched.fail(DOWN_AFTER + 2)
        watched.breaker.answered()
        watched.breaker.answered()

    assert logs == [
        {"event": "CAD is down", "reason": "reset", "log_level": "warning"},
        {"event": "CAD is back", "log_level": "info"},
    ]


def test_the_first_answer_after_an_outage_tells_everybody_once() -> None:
    watched = Watched()
    watched.fail(DOWN_AFTER + 5)

    watched.clock.now += 7.0
    watched.breaker.answered()
    watched.breaker.answered()

    assert not watched.breaker.down
    assert watched.recoveries == 1
    assert watched.breaker.last_answer_at == watched.clock.now


def test_a_key_in_doubt_holds_everything_and_is_looked_at() -> None:
    watched = Watched()

    watched.breaker.suspect_key()

    assert watched.breaker.holding
    assert watched.breaker.suspected
    assert (watched.doubts, watched.recoveries) == (1, 0)
    assert watched.breaker.key is KeyState.UNKNOWN


def test_a_refused_key_holds_until_it_is_accepted() -> None:
    watched = Watched()
    watched.breaker.suspect_key()

    watched.breaker.refuse_key()
    watched.breaker.refuse_key()
    held = watched.breaker.holding
    watched.clock.now += 3.0
    watched.breaker.accept_key()

    assert held
    assert not watched.breaker.holding
    assert watched.breaker.key is KeyState.ACCEPTED
    assert watched.breaker.accepted_at == watched.clock.monotonic()
    assert watched.recoveries == 1


def test_a_doubt_that_proves_unfounded_lets_everything_go() -> None:
    watched = Watched()
    watched.breaker.suspect_key()

    watched.breaker.accept_key()

    assert not watched.breaker.holding
    assert watched.recoveries == 1


def test_a_key_that_was_never_doubted_tells_nobody() -> None:
    watched = Watched()

    watched.breaker.accept_key()

    assert watched.recoveries == 0
