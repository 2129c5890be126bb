from typing import Any

import pytest

from bridge.simulator.cad import Cad
from bridge.simulator.messages import Request
from tests.support.asking import Asking
from tests.support.cad_requests import (
    NOON,
    SERVER_1,
    cad_request,
    content,
    location,
    locations,
)


def answer(cad: Cad, request: Request, now: float = NOON) -> Any:
    reply = cad.handle(request, now)
    assert reply.status == 200, reply
    return content(reply)


def refusal(cad: Cad, request: Request, now: float = NOON) -> int:
    return cad.handle(request, now).status


@pytest.mark.parametrize("alias", [{"apiIds": ["a"]}, {"apiId": "a"}, {"communityUserId": "a"}])
def test_units_are_found_by_every_alias(alias: dict[str, Any]) -> None:
    cad = Cad()

    assert (
        answer(cad, cad_request("PATCH", f"{SERVER_1}/units/panic", {**alias, "isPanic": True}))["updated"]
        == 1
    )
    assert cad.community.units["a"].is_panic


def test_a_location_takes_the_old_alias() -> None:
    cad = Cad()
    update = location("a")
    update["apiId"] = update.pop("communityUserId")

    assert answer(cad, locations(update)) == {"updated": 1}
    assert list(cad.community.units) == ["a"]


def test_units_are_found_by_the_numbers_and_accounts_of_the_cad() -> None:
    cad = Cad()
    answer(cad, locations(location("a"), location("b")))
    path = f"{SERVER_1}/units/panic"

    assert answer(cad, cad_request("PATCH", path, {"identIds": [2, 99], "isPanic": True}))["updated"] == 1
    account = {"accountUuid": cad.community.units["a"].account}
    assert answer(cad, cad_request("PATCH", path, {**account, "isPanic": True}))["updated"] == 1
    assert answer(cad, cad_request("PATCH", path, {"roblox": 5, "isPanic": True}))["updated"] == 0
    assert all(unit.is_panic for unit in cad.community.units.values())


@pytest.mark.parametrize(
    "target", [{}, {"communityUserIds": ["a"], "apiIds": ["a"]}, {"communityUserIds": [""]}]
)
def test_a_target_that_names_no_unit_or_names_it_twice_is_a_400(target: dict[str, Any]) -> None:
    assert refusal(Cad(), cad_request("PATCH", f"{SERVER_1}/units/panic", {**target, "isPanic": True})) == 400


DISPATCH_CALL: dict[str, Any] = {
    "origin": 0,
    "status": 1,
    "priority": 1,
    "block": "",
    "address": "",
    "postal": "",
    "title": "",
    "code": "",
    "description": "",
}


def test_where_units_may_be_left_out_they_are_still_named_in_one_way_only() -> None:
    cad = Cad()
    path = f"{SERVER_1}/dispatch-calls"
    twice = {"communityUserIds": ["a"], "identIds": [1]}

    assert answer(cad, cad_request("POST", path, DISPATCH_CALL))["idents"] == []
    assert refusal(cad, cad_request("POST", path, {**DISPATCH_CALL, **twice})) == 400
    assert refusal(cad, cad_request("POST", path, {**DISPATCH_CALL, "communityUserIds": [""]})) == 400


def test_a_unit_that_the_cad_refuses_is_refused_where_units_may_be_left_out() -> None:
    request = cad_request("POST", f"{SERVER_1}/dispatch-calls", {**DISPATCH_CALL, "communityUserIds": ["b"]})

    assert Cad().handle(request, NOON, frozenset({"b"})).status == 400
    assert Cad().handle(request, NOON, frozenset({"a"})).status == 200


def test_a_linked_unit_is_found_once() -> None:
    asking = Asking()
    number = asking.account("a")
    asking.ok("POST", "/v2/general/links/set", {"communityUserId": "b", "accountUuid": number})

    for target in ({"accountUuid": number}, {"identIds": [1]}, {"communityUserIds": ["b", "b"]}):
        body = {**target, "isPanic": True}
        assert asking.ok("PATCH", f"{SERVER_1}/units/panic", body)["updated"] == 1
