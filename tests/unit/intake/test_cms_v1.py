"""What clients of the CMS send."""

import pytest

from bridge.errors import PushError
from bridge.events import Clocking
from bridge.intake.cms_v1 import encode_cms_data, read_cms_account, read_cms_clocking, read_cms_server
from bridge.units import ACCOUNT_NAMES, Account


@pytest.mark.parametrize("kind", ACCOUNT_NAMES)
def test_an_account_is_named_in_each_of_sonoran_s_ways(kind: str) -> None:
    assert read_cms_account([{kind: "x1"}]) == Account(kind=kind, value="x1")


def test_a_number_is_a_name_too_and_the_api_id_goes_before_others() -> None:
    assert read_cms_account([{"uniqueId": 1234}]) == Account(kind="uniqueId", value="1234")
    assert read_cms_account([{"uniqueId": 1, "username": "Jo", "apiId": "a"}]) == Account(value="a")
    assert read_cms_account([{"apiId": "", "username": "Jo"}]) == Account(kind="username", value="Jo")


@pytest.mark.parametrize("data", [[], [{}], [{"apiId": ""}], [{"apiId": {}}], [{"name": "Jo"}]])
def test_a_request_without_an_account_is_refused(data: list[dict[str, object]]) -> None:
    with pytest.raises(PushError, match="expected an account by its apiId, username"):
        read_cms_account(data)


def test_a_server_is_named_by_its_number_or_not_at_all() -> None:
    nothing: list[list[dict[str, object]]] = [[], [{}], [{"serverId": None}]]
    assert [read_cms_server(data) for data in nothing] == [None] * 3
    assert [read_cms_server([{"serverId": value}]) for value in (2, "2", 2.0)] == [2] * 3
    with pytest.raises(PushError, match="serverId: expected a whole number"):
        read_cms_server([{"serverId": "main"}])


def test_a_forced_clocking_is_read_for_any_name() -> None:
    assert read_cms_clocking([{"apiId": "a", "forceClockIn": True}]) == Clocking(id="a", clocked_in=True)
    assert read_cms_clocking([{"accId": "b", "forceClockOut": 1, "forceClockIn": False}]) == Clocking(
        id="b", clocked_in=False, account="accId"
    )


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"apiId": "a"}, "a repeat would undo it"),
        ({"apiId": "a", "forceClockIn": False, "forceClockOut": None}, "a repeat would undo it"),
        ({"apiId": "a", "forceClockIn": True, "forceClockOut": True}, "expected one of them"),
        ({"forceClockIn": True}, "expected an account"),
    ],
)
def test_a_clocking_that_says_neither_way_or_both_is_refused(fields: dict[str, object], reason: str) -> None:
    with pytest.raises(PushError, match=reason):
        read_cms_clocking([fields])


def test_a_second_account_in_one_request_is_not_overlooked() -> None:
    with pytest.raises(PushError, match="found 2"):
        read_cms_clocking([{"apiId": "a", "forceClockIn": True}, {"apiId": "b", "forceClockIn": True}])


def test_what_goes_on_to_the_cms_is_json_without_halves_of_characters() -> None:
    assert encode_cms_data([{"apiId": "a", "serverId": 1}]) == b'[{"apiId":"a","serverId":1}]'
    with pytest.raises(PushError, match="valid text"):
        encode_cms_data([{"apiId": "\ud800"}])
