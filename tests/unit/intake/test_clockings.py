"""Clockings as game servers push them."""

import pytest

from bridge.errors import PushError
from bridge.events import Clocking
from bridge.intake.clockings import clocking_of


@pytest.mark.parametrize("value", [True, 1, "true"])
def test_who_is_clocked_in_is_read_however_lua_says_true(value: object) -> None:
    assert clocking_of({"id": "license:1", "in": value}) == Clocking(id="license:1", clocked_in=True)


@pytest.mark.parametrize("value", [False, 0, "false"])
def test_who_is_clocked_out_is_read(value: object) -> None:
    assert clocking_of({"ids": ["license:1"], "in": value}) == Clocking(id="license:1", clocked_in=False)


@pytest.mark.parametrize("fields", [{"id": "a"}, {"id": "a", "in": None}, {"id": "a", "in": "toggle"}])
def test_a_toggle_is_refused_with_the_reason(fields: dict[str, object]) -> None:
    with pytest.raises(PushError, match="since a repeat would undo it"):
        clocking_of(fields)


@pytest.mark.parametrize("fields", [{"in": True}, {"in": True, "ids": ["a", "b"]}])
def test_one_account_is_clocked_at_a_time(fields: dict[str, object]) -> None:
    with pytest.raises(PushError, match="expected one unit"):
        clocking_of(fields)
