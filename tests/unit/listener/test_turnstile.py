from structlog.testing import capture_logs

from bridge.listener.turnstile import STRANGERS_BYTES, Turnstile

MIB = 2**20


class Visitor:
    """A connection that does as it is told."""

    def __init__(self, turnstile: Turnstile) -> None:
        self.turnstile = turnstile
        self.gone = False

    def make_way(self) -> None:
        self.gone = True
        self.turnstile.leave(self)


def visitors(turnstile: Turnstile, number: int) -> list[Visitor]:
    """Return visitors that came in one after the other."""
    came = [Visitor(turnstile) for _ in range(number)]
    assert all(turnstile.enter(one) for one in came)
    return came


def test_the_stranger_who_came_first_makes_way_where_there_is_no_room() -> None:
    turnstile = Turnstile(3, MIB)
    first, second, third = visitors(turnstile, 3)

    newcomer, another = visitors(turnstile, 2)

    assert [one.gone for one in (first, second, third, newcomer, another)] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert turnstile.inside == 3


def test_who_is_trusted_stays_and_where_all_are_nobody_else_comes_in() -> None:
    turnstile = Turnstile(2, MIB)
    first, second = visitors(turnstile, 2)
    turnstile.trust(first)
    (third,) = visitors(turnstile, 1)
    turnstile.trust(third)

    assert not turnstile.enter(Visitor(turnstile))
    assert [first.gone, second.gone, third.gone] == [False, True, False]


def test_a_place_that_was_left_is_free() -> None:
    turnstile = Turnstile(1, MIB)
    (first,) = visitors(turnstile, 1)
    turnstile.trust(first)
    turnstile.leave(first)

    assert turnstile.enter(Visitor(turnstile))


def test_strangers_together_send_no_more_than_is_allowed() -> None:
    turnstile = Turnstile(100, MIB)
    first, second, third, trusted = visitors(turnstile, 4)
    turnstile.hear(trusted, 2 * MIB)
    turnstile.trust(trusted)
    turnstile.hear(second, STRANGERS_BYTES)
    turnstile.hear(third, 2 * MIB)
    assert not second.gone

    turnstile.hear(third, 1)

    assert [first.gone, second.gone, third.gone, trusted.gone] == [True, True, False, False]
    turnstile.hear(third, STRANGERS_BYTES)
    assert third.gone
    assert turnstile.inside == 1


def test_another_limit_is_kept_to_from_then_on() -> None:
    turnstile = Turnstile(1, MIB)
    visitors(turnstile, 1)
    turnstile.reconfigure(2, 4 * MIB)

    came = visitors(turnstile, 1)
    turnstile.hear(came[0], STRANGERS_BYTES + 8 * MIB)

    assert turnstile.inside == 2


def test_the_operator_is_told_once_and_again_after_a_calm() -> None:
    turnstile = Turnstile(2, MIB)
    with capture_logs() as logs:
        came = visitors(turnstile, 9)
        assert logs == [
            {"event": "connection limit reached", "log_level": "warning", "limit": 2, "strangers": 2}
        ]
        for one in came[-2:]:
            turnstile.leave(one)
        visitors(turnstile, 3)

    assert len(logs) == 2
