from typing import Any

import pytest

from bridge.simulator.cad import Cad
from bridge.simulator.cloud import Cloud
from bridge.simulator.community import GameClock
from tests.support.prepared_cad import prepare
from tests.support.stepping_clock import SteppingClock
from tests.support.v1_examples import BY_TYPE, ok, refusal


@pytest.fixture(name="cloud")
def _cloud() -> Cloud:
    cloud = Cloud(SteppingClock(), Cad())
    prepare(cloud)
    return cloud


def example(cloud: Cloud, kind: str) -> Any:
    return ok(cloud, kind, BY_TYPE[kind].data)


def test_pager_nodes_that_are_left_out_stay(cloud: Cloud) -> None:
    (given,) = BY_TYPE["SET_PAGER_CONFIG"].data
    ok(cloud, "SET_PAGER_CONFIG", [{**given, "nodes": [{"id": "a", "name": "Fire"}]}])
    ok(cloud, "SET_PAGER_CONFIG", [{**given, "maxAddresses": 9}])

    config = ok(cloud, "GET_PAGER_CONFIG", [{"serverId": 1}])
    assert (config["maxAddresses"], [node["id"] for node in config["nodes"]]) == (9, ["a"])


def test_what_is_configured_is_kept(cloud: Cloud) -> None:
    for kind in ("SET_STATIONS", "SET_AVAILABLE_CALLOUTS", "SET_PENAL_CODES", "SET_POSTALS", "SET_CLOCK"):
        example(cloud, kind)

    estate = cloud.cad.community.estate
    equipment = estate.equipment_of(1)
    assert equipment.stations is not None
    assert equipment.stations.locations[0].doors == ["Bay One"]
    assert [callout.id for callout in equipment.callouts] == ["some_callout_name", "another"]
    assert (estate.penal_codes[0]["code"], estate.postals[0]["code"]) == ("(2)06", "2000")
    assert cloud.cad.community.clocks == {
        1: GameClock(utc="01/30/2024 10:30", game="01/30/2024 22:30", seconds_per_hour=60)
    }


def test_signs_are_replaced_and_their_text_is_changed(cloud: Cloud) -> None:
    example(cloud, "SET_STREETSIGN_CONFIG")
    example(cloud, "UPDATE_STREETSIGN")

    signs = cloud.cad.community.estate.equipment_of(1).signs
    assert [(sign.label, sign.text1) for sign in signs.values()] == [("Some street sign", "Alta St")] * 2
    missing = [{"serverId": 1, "signData": {"ids": [99], "text1": ""}}]
    assert refusal(cloud, "UPDATE_STREETSIGN", missing) == "The street signs were not found."
