"""The operations of the CMS beside the documents."""

import pytest

from bridge.operations import Operation, Repeat, Scope
from bridge.simulator.cms.door import BY_PATH
from bridge.sonoran import cms
from tests.support.cms_examples import EXAMPLES


@pytest.mark.parametrize("operation", cms.OPERATIONS, ids=lambda operation: operation.name)
def test_an_operation_is_as_the_simulators_own_reading_of_the_documents_has_it(operation: Operation) -> None:
    endpoint = BY_PATH[operation.path]

    assert (operation.name, operation.per_minute) == (endpoint.name, endpoint.per_minute)
    assert operation.method == "POST"
    assert operation.scope is Scope.CMS


def test_there_are_eight_and_only_the_clock_changes_anything() -> None:
    assert set(cms.BY_PATH) == set(BY_PATH)
    assert len(EXAMPLES) == len(cms.OPERATIONS) == 8
    assert [one for one in cms.OPERATIONS if one.repeat is not Repeat.READ] == [cms.CLOCK_IN_OUT]
    assert cms.CLOCK_IN_OUT.cache_seconds == 0.0


def test_ranks_and_accounts_are_told_again_for_a_minute() -> None:
    for operation in (cms.GET_ACCOUNT_RANKS, cms.GET_COM_ACCOUNT, cms.CHECK_COM_APIID):
        assert operation.cache_seconds == 60.0


def test_the_limits_are_those_of_the_operations() -> None:
    assert {one.name: one.per_minute for one in cms.OPERATIONS} == cms.LIMITS
