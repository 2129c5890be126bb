import pytest

from tests.bench.rows import Row, percentile


def row(*ours: float, baseline: tuple[float, ...] = (), worst: bool = False) -> Row:
    return Row(key="a", title="a", unit="ms", ours=ours, baseline=baseline, worst=worst)


@pytest.mark.parametrize(
    ("percent", "figure"),
    [(50.0, 5.0), (90.0, 9.0), (91.0, 10.0), (99.9, 10.0), (100.0, 10.0), (0.0, 1.0)],
)
def test_a_percentile_is_the_smallest_figure_that_so_many_do_not_exceed(
    percent: float, figure: float
) -> None:
    assert percentile([7, 3, 10, 1, 9, 2, 8, 4, 6, 5], percent) == figure


def test_one_figure_is_every_percentile() -> None:
    assert percentile([4.0], 50) == percentile([4.0], 99.9) == 4.0


def test_there_is_no_percentile_of_nothing() -> None:
    with pytest.raises(ValueError, match="no figures"):
        percentile([], 50)


def test_the_ratio_is_the_median_over_the_rounds_so_that_a_slow_one_hits_both() -> None:
    shared = row(100.0, 20.0, 90.0, baseline=(200.0, 40.0, 100.0))

    assert shared.ratio == 0.5
    assert shared.spread == (0.5, 0.9)
    assert (shared.value, shared.base) == (90.0, 100.0)


def test_of_a_worst_row_the_highest_figures_are_held_against_each_other() -> None:
    stalls = row(1.0, 8.0, 2.0, baseline=(4.0, 1.0, 1.0), worst=True)

    assert (stalls.value, stalls.base, stalls.ratio) == (8.0, 4.0, 2.0)
    assert stalls.spread == (1.0, 8.0)


def test_rounds_of_different_number_are_compared_as_a_whole() -> None:
    uneven = row(1.0, 3.0, 5.0, baseline=(2.0,))

    assert (uneven.ratio, uneven.spread) == (1.5, (1.0, 5.0))


def test_without_a_baseline_there_is_no_ratio_and_the_spread_is_ours() -> None:
    assert (row(2.0, 4.0).ratio, row(2.0, 4.0).base, row(2.0, 4.0).spread) == (None, None, (2.0, 4.0))
