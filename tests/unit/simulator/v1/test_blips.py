from typing import Any

import pytest

from bridge.simulator.cad import Cad
from bridge.simulator.cloud import Cloud
from tests.support.prepared_cad import BLIP, prepare
from tests.support.stepping_clock import SteppingClock
from tests.support.v1_examples import BY_TYPE, ok, refusal


@pytest.fixture(name="cloud")
def _cloud() -> Cloud:
    cloud = Cloud(SteppingClock(), Cad())
    prepare(cloud)
    return cloud


def example(cloud: Cloud, kind: str) -> Any:
    return ok(cloud, kind, BY_TYPE[kind].data)


def test_blips_come_with_a_number_change_and_go(cloud: Cloud) -> None:
    (added,) = example(cloud, "ADD_BLIP")
    ok(cloud, "MODIFY_BLIP", [{"id": added["id"], "coordinates": {"x": 9, "y": 9}, "tooltip": ""}])
    changed = ok(cloud, "GET_BLIPS", [{"serverId": 1}])[-1]

    assert (added["tooltip"], added["radius"], added["id"]) == ("Scene perimeter", 100.0, BLIP + 1)
    assert changed == {**added, "coordinates": {"x": 9.0, "y": 9.0}, "tooltip": ""}
    assert ok(cloud, "REMOVE_BLIP", [{"ids": [BLIP, added["id"]]}]) == f"Blip {BLIP}, {added['id']} removed!"
    assert ok(cloud, "GET_BLIPS", [{"serverId": 1}]) == []
    assert refusal(cloud, "MODIFY_BLIP", [{"id": BLIP}]) == "The blip was not found."
