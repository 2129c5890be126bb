from typing import Any

import pytest

from bridge.simulator.envelope import (
    RefusedError,
    Task,
    answer,
    check_community,
    check_key,
    check_type,
    opened,
    server_of,
)


@pytest.mark.parametrize("raw", [b"", b"x", b"[]", b"7", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_object_is_empty(raw: bytes) -> None:
    assert opened(raw) == {}


DATA: tuple[tuple[Any, int | None], ...] = (
    ([{"serverId": 2}], 2),
    ({"serverId": 3}, 3),
    ([{"serverId": "2"}], None),
    ([{"serverId": True}], None),
    ([[]], None),
    ([], None),
    (None, None),
    ("text", None),
)


@pytest.mark.parametrize(("data", "server"), DATA)
def test_the_first_object_names_the_server(data: Any, server: int | None) -> None:
    assert server_of({"data": data}) == server


@pytest.mark.parametrize("key", [None, 7, "", "other", "\ud800"])
def test_only_the_right_key_is_let_in(key: Any) -> None:
    check_key({"key": "right"}, "right")
    with pytest.raises(RefusedError, match="INVALID API KEY"):
        check_key({"key": key}, "right")


def test_type_and_community_are_compared_as_they_are_written() -> None:
    check_type({"type": "A"}, "A")
    check_community({"id": "c"}, "c")
    with pytest.raises(RefusedError, match="INVALID REQUEST TYPE"):
        check_type({"type": "a"}, "A")
    with pytest.raises(RefusedError, match="INVALID COMMUNITY ID"):
        check_community({"id": "C"}, "c")


def test_text_is_answered_as_text_and_the_rest_as_json() -> None:
    assert answer("DONE", "1").headers == {"Content-Type": "text/plain; charset=utf-8", "x-trace-id": "1"}
    assert answer(["DONE"], "1").body == b'["DONE"]'


@pytest.mark.parametrize(
    "item", [{"apiId": "bad"}, {"user": "bad"}, {"units": ["a", "bad"]}, {"apiIds": ["bad"]}]
)
def test_a_refused_unit_is_found_wherever_it_is_named(item: dict[str, Any]) -> None:
    task = Task(body={"data": [{"apiId": "good"}, item]}, now=0.0, refused=frozenset({"bad"}))

    with pytest.raises(RefusedError):
        task.check_units()
    Task(body=task.body, now=0.0).check_units()
