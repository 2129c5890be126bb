from typing import Any

import pytest

from bridge.simulator.cloud import Cloud
from bridge.simulator.cms.members import CmsCommunity
from bridge.simulator.messages import Reply
from tests.support.cad_requests import NOON
from tests.support.cms_examples import (
    MEMBER_ID,
    Example,
    prepare_cms,
)
from tests.support.stepping_clock import SteppingClock

NOT_LINKED = "API ID NOT LINKED TO AN ACCOUNT IN THIS COMMUNITY"
NOBODY = "NO ACCOUNT FOUND UNDER GIVEN PARAMETERS IN THIS COMMUNITY"


@pytest.fixture(name="cloud")
def _cloud() -> Cloud:
    return prepared()


def prepared() -> Cloud:
    cloud = Cloud(SteppingClock())
    prepare_cms(cloud)
    return cloud


def ask(cloud: Cloud, kind: str, *data: dict[str, Any], now: float = NOON) -> Reply:
    return cloud.cms.handle(Example(type=kind, data=list(data)).request(), now)


def test_a_reset_forgets_who_is_on_duty_and_keeps_the_members(cloud: Cloud) -> None:
    ask(cloud, "CLOCK_IN_OUT", {"apiId": MEMBER_ID})
    cloud.reset()

    assert cloud.cms.community.sessions == []
    assert len(cloud.cms.community.members) == 3
    assert cloud.cms.limiter.tallies()["CMS:CLOCK_IN_OUT"].arrivals == 0


def test_a_member_is_allowed_where_it_is_listed() -> None:
    member = CmsCommunity("c", (1, 2)).enrol("Al", ["a"], servers=[1])

    assert [member.is_allowed(server) for server in (1, 2, None)] == [True, False, True]
    member.active = False
    assert not member.is_allowed(1)


def test_enrolling_a_username_again_replaces_the_member() -> None:
    community = CmsCommunity("c", (1,))
    community.enrol("Al", ["a"], ranks=["r", "s"])
    member = community.enrol("Al", ["b"])

    assert list(community.members.values()) == [member]
    assert (community.by_api_id("a"), community.by_api_id("b"), member.ranks) == (None, member, [])


def test_clocking_in_again_ends_the_time_that_goes_on() -> None:
    community = CmsCommunity("c", (1,))
    member = community.enrol("Al", ["a"])
    community.clock_in(member, 1.0)
    community.clock_in(member, 2.0)
    community.clock_out(member, 3.0)
    community.clock_out(member, 4.0)

    assert [(one.started_at, one.ended_at) for one in community.sessions] == [(1.0, 2.0), (2.0, 3.0)]
