from typing import Any

import pytest

from tests.support.asking import Asking

EMERGENCY = "/v2/emergency/servers/1"
PLACE = {"x": 1.0, "y": 2.0, "z": 3.0, "w": 4.0}
NODE: dict[str, Any] = {
    "id": "root-1",
    "name": "Fire",
    "description": "Fire services",
    "permission": "fire",
    "address": "FIRE-01",
    "shortCode": "F1",
    "kind": "group",
    "children": None,
}
PAGER: dict[str, Any] = {"natureWords": {"Emergency": "!"}, "maxAddresses": 3, "maxBodyLength": 90}
SIGNS = {
    "signs": [{"id": n, "coordinates": PLACE, "label": "Row", "text1": f"{n}", "text2": "b"} for n in (7, 8)]
}


def test_a_pager_configuration_that_is_set_shows() -> None:
    asking = Asking()
    path = f"{EMERGENCY}/pager-config"
    before = asking.ok("GET", path)
    assert (before["maxAddresses"], before["maxBodyLength"], before["nodes"]) == (5, 250, None)
    assert before["perms"] == {"roles": None, "players": None}
    nodes = [{**NODE, "children": [NODE]}]
    perms = {"roles": ["chief"], "players": None}

    assert asking.ok("PUT", path, {**PAGER, "nodes": nodes, "perms": perms}) == {"serverId": 1}

    assert asking.ok("GET", path) == {**PAGER, "nodes": nodes, "perms": perms}
    assert asking.ok("GET", path.replace("/1/", "/2/")) == before


def test_stations_and_callouts_are_kept() -> None:
    asking = Asking()
    stations = {"locations": [{"name": "Row", "coordinates": PLACE, "doors": ["bay_1"], "icon": "i"}]}
    callouts: dict[str, Any] = {
        "callouts": [{"id": "armed", "data": {"Enabled": True, "CalloutLocations": []}}]
    }

    assert asking.ok("PUT", f"{EMERGENCY}/stations", stations) == {"serverId": 1}
    assert asking.ok("PUT", f"{EMERGENCY}/callouts", callouts) == {"serverId": 1, "callouts": 1}

    equipment = asking.cad.community.estate.equipment_of(1)
    assert equipment.stations is not None
    assert equipment.stations.locations[0].doors == ["bay_1"]
    assert equipment.callouts[0].data == callouts["callouts"][0]["data"]


def test_street_signs_are_set_and_changed() -> None:
    asking = Asking()
    assert asking.ok("PUT", f"{EMERGENCY}/street-sign-config", SIGNS) == {"serverId": 1, "signs": 2}

    changed = asking.ok("PATCH", f"{EMERGENCY}/street-signs", {"ids": [8, 9], "text1": "new", "text2": None})

    assert changed == {"ids": [8]}
    signs = asking.cad.community.estate.equipment_of(1).signs
    assert [(sign.text1, sign.text2) for sign in signs.values()] == [("7", "b"), ("new", "b")]
    assert asking.status("PATCH", f"{EMERGENCY}/street-signs", {"ids": [9]}) == 404


def test_a_community_may_have_street_signs() -> None:
    path = "/v2/general/servers/2/street-sign-auth"

    assert Asking().ok("POST", path) == {"authorized": True, "serverId": 2}


def test_penal_codes_that_are_set_show() -> None:
    asking = Asking()
    path = "/v2/general/penal-codes"
    codes = [{"code": "187", "title": "Murder"}, {"code": "211"}]

    assert asking.ok("PUT", path, {"codes": codes}) == {"updated": 2}
    assert asking.ok("GET", path) == {"codes": codes}
    assert asking.ok("PUT", path, {"codes": None}) == {"updated": 0}
    assert asking.ok("GET", path) == {"codes": []}


def test_postals_are_kept() -> None:
    asking = Asking()

    assert asking.ok("PUT", "/v2/general/postals", {"postals": [{"code": "1"}]}) == {"updated": 1}
    assert asking.cad.community.estate.postals == [{"code": "1"}]
    assert asking.ok("PUT", "/v2/general/postals", {"postals": None}) == {"updated": 0}


FLAWED: list[tuple[str, dict[str, Any], str]] = [
    ("PUT /pager-config", {**PAGER, "maxAddresses": "3"}, "maxAddresses"),
    ("PUT /pager-config", {**PAGER, "nodes": NODE}, "nodes"),
    ("PUT /stations", {"locations": {"name": "Row"}}, "locations"),
    ("PUT /callouts", {}, "callouts"),
    ("PUT /callouts", {"callouts": [{"data": {}}]}, "id"),
    ("PUT /street-sign-config", {"signs": SIGNS["signs"][0]}, "signs"),
    ("PATCH /street-signs", {"ids": 7}, "ids"),
    ("PATCH /street-signs", {"ids": [7], "text1": 5}, "text1"),
]


@pytest.mark.parametrize(("line", "body", "field"), FLAWED)
def test_what_makes_no_sense_is_refused_by_the_name_of_its_field(line: str, body: object, field: str) -> None:
    method, path = line.split()

    assert field in Asking().detail(method, EMERGENCY + path, body)


@pytest.mark.parametrize(
    ("path", "field"), [("penal-codes", "codes"), ("postals", "postals"), ("servers", "servers")]
)
def test_a_list_of_the_community_must_be_one(path: str, field: str) -> None:
    assert field in Asking().detail("PUT", f"/v2/general/{path}", {})
    assert field in Asking().detail("PUT", f"/v2/general/{path}", {field: {"id": 1}})
