import pytest

from bridge.simulator.community import Community, Plan
from bridge.simulator.envelope import RefusedError, Task
from bridge.simulator.v1.errands import account_of, ask, here, server_of_unit, target_of, texts_of
from bridge.simulator.v1.shapes import Panic, Units, Who

TASK = Task(body={}, now=5.0, refused=frozenset({"bad"}))


def community(known: set[str] | None = None) -> Community:
    return Community(Plan.PRO, (2, 3), known)


def test_an_errand_reads_as_a_request_of_v2() -> None:
    asked = ask(TASK, {"a": 1}, {"serverId": 2}, query={"type": 100, "flag": True})

    assert (asked.server_id, asked.now, asked.refused) == (2, 5.0, frozenset({"bad"}))
    assert asked.request.body == b'{"a":1}'
    assert (asked.number("type"), asked.flag("flag")) == (100, True)


def test_a_server_must_be_configured() -> None:
    assert here(community(), 3) == 3
    with pytest.raises(RefusedError, match="Server not found with ID: 1"):
        here(community(), 1)


def test_a_unit_without_a_server_is_where_it_was_or_on_the_first() -> None:
    some = community()
    some.unit("a", 3)

    assert [server_of_unit(some, unit, None) for unit in ("a", "b", None)] == [3, 2, 2]
    assert server_of_unit(some, "a", 2) == 2


def test_the_first_way_to_name_units_counts() -> None:
    assert target_of(Panic(api_id="a", account="b", ident_ids=[1], is_panic=True)) == {
        "communityUserIds": ["a"]
    }
    assert target_of(Panic(account="b", ident_ids=[1], is_panic=True)) == {"accountUuid": "b"}
    assert target_of(Units(units=["a", "b"])) == {"communityUserIds": ["a", "b"]}
    assert target_of(Units(ident_ids=[1])) == {"identIds": [1]}
    with pytest.raises(RefusedError, match="No unit is named"):
        target_of(Units())


def test_an_account_that_is_not_linked_is_told() -> None:
    with pytest.raises(RefusedError, match="API ID NOT LINKED"):
        account_of(community({"a"}), Who(api_id="b"))


def test_metadata_is_kept_as_text() -> None:
    assert texts_of({"a": 1, "b": 2.5, "c": "x", "d": True, "e": [1]}) == {
        "a": "1",
        "b": "2.5",
        "c": "x",
        "d": "true",
        "e": "[1]",
    }
    assert texts_of(None) is None
