import pytest

from tests.bench.goals import Goal, judge
from tests.bench.rows import Row


def rows(**figures: tuple[float, float]) -> dict[str, Row]:
    """Return rows of one round, by their keys with ``__`` for a full stop."""
    keyed = {key.replace("__", "."): pair for key, pair in figures.items()}
    return {
        key: Row(key=key, title=key, unit="ms", ours=(ours,), baseline=(base,))
        for key, (ours, base) in keyed.items()
    }


def goal(found: dict[str, Row], text: str) -> Goal:
    return next(goal for goal in judge(found) if text in goal.text)


def test_without_rows_every_goal_is_not_measured_and_none_is_missed() -> None:
    assert {goal.word for goal in judge({})} == {"not measured"}


@pytest.mark.parametrize(("ours", "word"), [(85.0, "met"), (84.0, "missed")])
def test_ingest_is_held_against_the_bare_application_of_the_run(ours: float, word: str) -> None:
    assert goal(rows(push__native__64=(ours, 100.0)), "bare aiohttp").word == word


def test_the_ratio_by_computing_stands_beside_that_on_the_clock() -> None:
    found = rows(push__native__64=(50.0, 100.0), push__cpu__native__64=(100.0, 90.0))

    assert goal(found, "bare aiohttp").figure == "0.50 x; by CPU time 0.90 x"


@pytest.mark.parametrize(
    ("ours", "sync", "word"),
    [(5.0, 0.1, "met"), (5.1, 0.1, "missed"), (9.0, 2.0, "met"), (10.1, 2.0, "missed")],
)
def test_a_panic_may_take_5_ms_or_5_times_a_bare_sync(ours: float, sync: float, word: str) -> None:
    assert goal(rows(panic__busy__p99=(ours, sync)), "10,000 positions/s").word == word


@pytest.mark.parametrize(("most", "word"), [(1.25, "met"), (1.3, "missed")])
def test_the_dearest_position_may_cost_a_quarter_more_than_the_cheapest(most: float, word: str) -> None:
    found = rows(
        growth__100=(1.2, 1.0), growth__1000=(1.0, 1.0), growth__10000=(1.1, 1.0), growth__100000=(most, 2.0)
    )

    judged = goal(found, "a position costs the same")

    assert judged.word == word
    assert judged.figure.endswith("the baseline 2.00 x")


def test_a_goal_that_lacks_one_of_its_rows_is_not_measured() -> None:
    assert goal(rows(growth__100=(1.0, 1.0)), "a position costs the same").word == "not measured"


@pytest.mark.parametrize(("units", "limit"), [("2_048", 5.0), ("100_000", 20.0)])
def test_stalls_are_judged_by_the_clock_and_told_with_what_was_computed(units: str, limit: float) -> None:
    number = units.replace("_", "")
    keys = {f"stall__{number}": (limit + 1, 7.0), f"stall__computing__{number}": (limit - 1, 0.1)}

    judged = goal(rows(**keys), f"over {limit:g} ms")

    assert judged.word == "missed"
    assert "computing" in judged.figure
    assert "a bare loop 7.0 ms" in judged.figure
