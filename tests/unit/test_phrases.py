import pytest

from bridge.phrases import age, count, duration, latency


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "0.0 s"),
        (4.21, "4.2 s"),
        (65.0, "1 min 05 s"),
        (7_800.0, "2 h 10 min"),
        (90_000.0, "1 d 01 h"),
    ],
)
def test_a_duration_is_told_in_its_largest_units(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_an_age_is_never_negative_and_a_dash_where_there_was_nothing() -> None:
    assert age(100.0, 130.0) == "30.0 s ago"
    assert age(100.0, 99.0) == "0.0 s ago"
    assert age(None, 99.0) == "-"


@pytest.mark.parametrize(("seconds", "words"), [(None, "-"), (0.0213, "21.3 ms"), (1.5, "1.5 s")])
def test_a_latency_is_in_milliseconds_while_it_is_short(seconds: float | None, words: str) -> None:
    assert latency(seconds) == words


@pytest.mark.parametrize(
    ("number", "noun", "words"),
    [
        (1, "unit", "1 unit"),
        (0, "unit", "0 units"),
        (2, "push", "2 pushes"),
        (3, "batch", "3 batches"),
        (1_200, "unit", "1,200 units"),
    ],
)
def test_a_count_has_its_plural(number: int, noun: str, words: str) -> None:
    assert count(number, noun) == words
