import math
from typing import Any

import pytest

from bridge.units import distance, shorten, turn
from tests.support.reports import report


def test_the_distance_is_in_the_air_where_both_heights_are_known() -> None:
    assert distance(report(x=0, y=0, z=0), report(x=3, y=4, z=12)) == 13


@pytest.mark.parametrize(("one", "other"), [(None, 12.0), (12.0, None), (None, None)])
def test_the_distance_is_on_the_map_where_a_height_is_missing(one: float | None, other: float | None) -> None:
    assert distance(report(x=0, y=0, z=one), report(x=3, y=4, z=other)) == 5


@pytest.mark.parametrize(
    ("one", "other", "degrees"),
    [
        (10, 20, 10),
        (20, 10, 10),
        (355, 5, 10),  # across north
        (5, 355, 10),
        (0, 180, 180),
        (0, 360, 0),
        (-10, 10, 20),  # some scripts count to both sides
        (None, 90, 0),
        (90, None, 0),
    ],
)
def test_a_turn_is_the_shorter_way_round(one: float | None, other: float | None, degrees: float) -> None:
    assert turn(report(heading=one), report(heading=other)) == pytest.approx(degrees)


def test_a_turn_never_exceeds_half_a_circle() -> None:
    turns = [turn(report(heading=0.0), report(heading=degrees / 7)) for degrees in range(7 * 720)]

    assert max(turns) <= 180
    assert min(turns) >= 0
    assert all(math.isfinite(degrees) for degrees in turns)


@pytest.mark.parametrize(
    ("identifier", "shown"),
    [
        ("license:0123456789abcdef", "license:…cdef"),
        ("0123456789", "…6789"),
        ("discord:12345", "discord:…2345"),
        ("char1:abcd", "…"),  # four characters would be all of it
        ("12", "…"),
        ("a:b:secret99", "a:…et99"),
        ("", "…"),
    ],
)
def test_a_log_shows_four_characters_of_an_identifier(identifier: Any, shown: str) -> None:
    assert shorten(identifier) == shown
