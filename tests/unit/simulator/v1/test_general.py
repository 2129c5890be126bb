from typing import Any

import pytest

from bridge.simulator.cad import Cad
from bridge.simulator.cloud import Cloud
from bridge.simulator.community import SECRET, SECRET_ANSWER, Plan
from tests.support.prepared_cad import (
    ACCOUNT,
    OTHER_UNIT,
    UNIT,
    prepare,
)
from tests.support.stepping_clock import SteppingClock
from tests.support.v1_examples import BY_TYPE, ok, refusal

NOT_LINKED = "API ID NOT LINKED TO AN ACCOUNT IN THIS COMMUNITY"
WHO = {"apiId": UNIT}


def example(cloud: Cloud, kind: str) -> Any:
    return ok(cloud, kind, BY_TYPE[kind].data)


@pytest.fixture(name="cloud")
def _cloud() -> Cloud:
    cloud = Cloud(SteppingClock(), Cad(known_units={UNIT, OTHER_UNIT}))
    prepare(cloud)
    return cloud


def test_a_secret_tells_whose_it_is(cloud: Cloud) -> None:
    assert ok(cloud, "VERIFY_SECRET", [{"secret": SECRET}]) == {SECRET_ANSWER: SECRET}
    assert refusal(cloud, "VERIFY_SECRET", [{"secret": "none"}]) == NOT_LINKED


@pytest.mark.parametrize("kind", ["JOIN_COMMUNITY", "LEAVE_COMMUNITY"])
def test_who_does_not_know_the_internal_key_lets_nobody_in(cloud: Cloud, kind: str) -> None:
    assert refusal(cloud, kind, [{"account": ACCOUNT}]) == "INVALID API KEY"
    strange = {"internalKey": "simulator-internal-key"}
    assert refusal(cloud, kind, [{"account": "nobody"}], **strange) == NOT_LINKED


def test_servers_are_listed_as_the_page_shows_them(cloud: Cloud) -> None:
    example(cloud, "SET_SERVERS")

    (server,) = ok(cloud, "GET_SERVERS", [])["servers"]
    assert set(server) == {
        *("id", "name", "description", "signal", "mapUrl", "mapIp", "mapPort", "differingOutbound"),
        *("outboundIp", "listenerPort", "enableMap", "mapType", "isStatic"),
    }
    assert (server["name"], server["listenerPort"]) == ("Server 1", "3232")


@pytest.mark.parametrize(
    ("plan", "text"),
    [
        (Plan.FREE, "0 - FREE"),
        (Plan.STANDARD, "2 - STANDARD"),
        (Plan.PLUS, "3 - PLUS"),
        (Plan.PRO, "4 - PRO"),
    ],
)
def test_plans_are_numbered_as_on_v1s_page(cloud: Cloud, plan: Plan, text: str) -> None:
    cloud.cad.community.plan = plan

    assert ok(cloud, "GET_VERSION", []) == text


def test_a_heartbeat_counts_the_players_of_its_server(cloud: Cloud) -> None:
    ok(cloud, "HEARTBEAT", [{"serverId": 2, "playerCount": 42, "coreVersion": "4.0"}])

    assert cloud.cad.community.heartbeats[2].player_count == 42


def test_a_photo_reaches_its_player(cloud: Cloud) -> None:
    example(cloud, "SEND_PHOTO")

    assert [photo.unit_id for photo in cloud.cad.community.photos] == [UNIT]
