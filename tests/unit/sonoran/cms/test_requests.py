"""What the CMS is asked."""

import msgspec
import pytest

from bridge.events import Clocking
from bridge.sonoran import cms
from bridge.sonoran.messages import CadRequest
from bridge.units import Account, ServerId


def data_of(request: CadRequest) -> object:
    return msgspec.json.decode(request.body or b"")


@pytest.mark.parametrize(("clocked_in", "force"), [(True, "forceClockIn"), (False, "forceClockOut")])
def test_a_clocking_is_forced_so_that_a_repeat_cannot_undo_it(clocked_in: bool, force: str) -> None:  # noqa: FBT001 -- a parameter of the test
    request = cms.clock(Clocking(id="license:1", clocked_in=clocked_in))

    assert request.operation is cms.CLOCK_IN_OUT
    assert data_of(request) == [{"apiId": "license:1", force: True}]


def test_an_account_is_named_as_it_was_and_a_unique_id_as_a_number() -> None:
    request = cms.clock(Clocking(id="1234", clocked_in=True, account="uniqueId"))
    odd = cms.verify_whitelist(Account(kind="uniqueId", value="x1"), None)

    assert data_of(request) == [{"uniqueId": 1234, "forceClockIn": True}]
    assert data_of(odd) == [{"uniqueId": "x1"}]


def test_a_whitelist_is_asked_for_with_its_server() -> None:
    account = Account(kind="discord", value="111")

    assert data_of(cms.full_whitelist(ServerId(2))) == [{"serverId": 2}]
    assert data_of(cms.verify_whitelist(account, ServerId(2))) == [{"discord": "111", "serverId": 2}]
    assert data_of(cms.verify_whitelist(account, None)) == [{"discord": "111"}]


def test_the_question_for_the_key_changes_nothing_and_is_rare() -> None:
    assert cms.QUESTION.request.operation is cms.GET_SUB_VERSION
    assert data_of(cms.QUESTION.request) == []
    assert cms.QUESTION.every == 600.0
