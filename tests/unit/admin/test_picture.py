from bridge.admin.picture import PANICKING, SET_ASIDE, STALE, Found, UnitStory
from tests.support.pictures import picture, row


def test_the_marks_of_a_unit_can_be_told_apart() -> None:
    sums = {one | other for one in (0, PANICKING) for other in (0, STALE, SET_ASIDE, STALE | SET_ASIDE)}

    assert len(sums) == 8


def test_a_picture_holds_the_status_and_the_units() -> None:
    seen = picture(row("a"), row("b"))

    assert [unit.unit_id for unit in seen.units] == ["a", "b"]
    assert seen.status.verdict is not None


def test_a_search_may_find_more_than_it_tells() -> None:
    story = UnitStory(unit="a", server=None, state="unknown", on_map=False, sentence="No.", more=[])

    assert Found(matches=30, units=[story]).matches == 30
