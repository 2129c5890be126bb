import math

import pytest

from bridge.intake.fields import (
    Place,
    ids_of,
    items_of,
    mapping_of,
    number_of,
    place_of,
    players_of,
    point_of,
    text_of,
    truth_of,
    unit_id_of,
    whole_of,
)

NOWHERE = Place(None, None, None, None)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (1, 1.0),
        (-1.5, -1.5),
        ("12", 12.0),
        (" -1.5e3 ", -1500.0),
        (True, None),
        (None, None),
        ("", None),
        ("1_000", None),
        ("nan", None),
        ("inf", None),
        ("1" * 65, None),
        (math.nan, None),
        (math.inf, None),
        (10**400, None),
        ([], None),
        ({}, None),
    ],
    ids=repr,
)
def test_only_finite_numbers_are_numbers(value: object, number: float | None) -> None:
    assert number_of(value) == number


@pytest.mark.parametrize(
    ("value", "whole"),
    [(3, 3), (3.0, 3), ("3", 3), (3.5, None), ("3.5", None), (True, None), (None, None)],
    ids=repr,
)
def test_whole_numbers_may_be_written_in_three_ways(value: object, whole: int | None) -> None:
    assert whole_of(value) == whole


@pytest.mark.parametrize(
    ("value", "players"),
    [(0, 0), ("42", 42), (-1, None), (10**30, None), ([None], None), (math.nan, None)],
    ids=repr,
)
def test_a_player_count_is_one_that_a_server_can_have(value: object, players: int | None) -> None:
    assert players_of(value) == players


@pytest.mark.parametrize(
    ("value", "truth"),
    [
        (True, True),
        (0, False),
        (1.0, True),
        (" TRUE ", True),
        ("false", False),
        ("0", False),
        (2, None),
        ("on", None),
        (None, None),
        ([], None),
        (math.nan, None),
    ],
    ids=repr,
)
def test_truth_may_be_written_as_lua_and_convars_do(value: object, truth: object) -> None:
    assert truth_of(value) is truth


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("  Alta St ", "Alta St"),
        ("", None),
        (" \n ", None),
        ("^1[PD] \x07Bob", "^1[PD] Bob"),
        ("a\r\nb\tc\u2028d", "a b c d"),
        ("a\x00\x1f\x7f\x9fb", "ab"),
        ("Zoë 👩‍🚒", "Zoë 👩‍🚒"),
        ("Jos\udce9 \ud83d", "Jos� �"),
        ("x" * 300, "x" * 250),
        (7015, "7015"),
        (7015.0, "7015"),
        (1.5, "1.5"),
        (-1627000575, "-1627000575"),
        (10**40, None),
        (math.nan, None),
        (True, None),
        (None, None),
        ({}, None),
        ([], None),
    ],
    ids=repr,
)
def test_text_is_clean_and_short(value: object, text: str | None) -> None:
    assert text_of(value) == text


@pytest.mark.parametrize(
    ("value", "unit_id"),
    [
        ("license:1", "license:1"),
        (" license:1 ", "license:1"),
        (12, "12"),
        (12.0, "12"),
        ("x" * 128, "x" * 128),
        ("Jos\udce9", "Jos�"),
        ("x" * 129, None),
        ("", None),
        ("  ", None),
        ("a\x00b", None),
        ("a\nb", None),
        (12.5, None),
        (math.inf, None),
        (10**40, None),
        (True, None),
        (None, None),
        ([], None),
        ({}, None),
    ],
    ids=repr,
)
def test_an_id_is_short_visible_text_or_a_whole_number(value: object, unit_id: str | None) -> None:
    assert unit_id_of(value) == unit_id


@pytest.mark.parametrize(
    ("value", "members"),
    [
        ([1, None, 2], [1, None, 2]),
        ({"3": "a", "12": "b"}, ["a", "b"]),
        ({"id": "a", "x": 1}, [{"id": "a", "x": 1}]),
        ([], []),
        ({}, []),
        (None, []),
    ],
    ids=repr,
)
def test_a_list_comes_in_all_the_shapes_of_a_lua_table(value: object, members: list[object]) -> None:
    found = items_of(value)

    assert found is not None
    assert list(found) == members


@pytest.mark.parametrize("value", ["text", 7, 7.5, True], ids=repr)
def test_a_scalar_is_no_list(value: object) -> None:
    assert items_of(value) is None


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        ("a", [(0, "a")]),
        (7, [(0, "7")]),
        (["a", None, "", 7], [(0, "a"), (2, None), (3, "7")]),
        ({"1": "a", "3": {"id": "b"}}, [(0, "a"), (1, "b")]),
        ({"id": "a"}, [(0, "a")]),
        ([True], [(0, None)]),
        (None, []),
        ([], []),
    ],
    ids=repr,
)
def test_ids_keep_their_index(value: object, ids: list[tuple[int, str | None]]) -> None:
    assert ids_of(value) == ids


def test_an_empty_list_where_an_object_is_meant_is_an_empty_object() -> None:
    assert mapping_of([]) == {}


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"x": 1, "y": 2}, Place(1.0, 2.0, None, None)),
        ({"x": "1", "y": "2", "z": "3", "w": 90}, Place(1.0, 2.0, 3.0, 90.0)),
        ({"coords": {"x": 1, "y": 2, "z": 3, "w": 4}}, Place(1.0, 2.0, 3.0, 4.0)),
        ({"coordinates": [1, 2]}, Place(1.0, 2.0, None, None)),
        ({"position": [1, 2, 3, 4, 5]}, Place(1.0, 2.0, 3.0, 4.0)),
        ({"coords": [], "position": [1, 2]}, Place(1.0, 2.0, None, None)),
        ({"x": None, "coords": [1, 2]}, Place(1.0, 2.0, None, None)),
        ({"x": 1, "coords": [8, 9]}, Place(1.0, None, None, None)),
        ({"coords": [1, None, math.nan]}, Place(1.0, None, None, None)),
        ({"coords": "1, 2"}, NOWHERE),
        ({}, NOWHERE),
    ],
    ids=repr,
)
def test_a_place_is_found_flat_or_in_what_holds_it(fields: dict[str, object], place: Place) -> None:
    assert place_of(fields) == place


def test_a_place_is_read_from_an_object_or_a_list() -> None:
    assert point_of({"x": 1, "y": 2}) == point_of([1, 2]) == Place(1.0, 2.0, None, None)
    assert point_of("here") == NOWHERE
