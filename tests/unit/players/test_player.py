import math
from itertools import pairwise
from random import Random

import pytest

from bridge.players.player import TOP_SPEED, Errand, LocationUpdate, Player
from bridge.players.roads import RoadMap, turn_between

ROADS = RoadMap()


def player(errand: Errand = Errand.PATROL, seed: int = 1) -> Player:
    return Player("license:1", errand, ROADS, Random(seed))


def moved(before: LocationUpdate, after: LocationUpdate) -> float:
    return math.hypot(after.x - before.x, after.y - before.y)


def drive(one: Player, seconds: int) -> list[LocationUpdate]:
    updates = [one.update()]
    for _ in range(seconds):
        one.step(1.0)
        updates.append(one.update())
    return updates


@pytest.mark.parametrize("seed", range(8))
def test_nobody_is_faster_than_a_car_can_be(seed: int) -> None:
    way = drive(player(seed=seed), 600)

    assert max(moved(one, other) for one, other in pairwise(way)) <= TOP_SPEED + 0.1
    assert sum(moved(one, other) for one, other in pairwise(way)) > 500


def test_speed_changes_as_fast_as_a_car_brakes_and_no_faster() -> None:
    one = player()
    speeds = [one.speed]
    for _ in range(2_000):
        one.step(0.25)
        speeds.append(one.speed)

    changes = [after - before for before, after in pairwise(speeds) if after > 0]
    assert max(changes) <= 3.5 * 0.25 + 1e-9
    assert min(changes) >= -7.0 * 0.25 - 1e-9


@pytest.mark.parametrize("seed", range(4))
def test_the_heading_is_the_way_the_player_moves(seed: int) -> None:
    way = drive(player(seed=seed), 600)

    straight = 0
    for before, after in pairwise(way):
        assert 0 <= after.heading < 360
        if before.heading == after.heading and moved(before, after) > 2:
            course = math.degrees(math.atan2(before.x - after.x, after.y - before.y))
            assert turn_between(course, after.heading) < 1
            straight += 1
    assert straight > 100


def test_a_patrol_stops_at_calls_and_sometimes_leaves_them_with_blue_lights() -> None:
    way = [update for seed in range(6) for update in drive(player(seed=seed), 900)]

    stood = sum(one == other for one, other in pairwise(way))
    assert 100 < stood < len(way) / 2
    assert {update.vehicle.lights for update in way if update.vehicle is not None} == {True, False}


def test_a_parked_player_stays() -> None:
    assert len(set(drive(player(Errand.PARKED), 100))) == 1


def test_a_walker_walks_and_has_no_vehicle() -> None:
    way = drive(player(Errand.FOOT), 300)

    assert all(update.vehicle is None for update in way)
    assert 0.5 < max(moved(one, other) for one, other in pairwise(way)) < 2


def test_a_panicking_player_brakes_and_stays_until_it_is_over() -> None:
    one = player()
    drive(one, 30)
    one.panicking = True
    one.step(10)
    stood = len(set(drive(one, 60)))
    one.panicking = False

    assert stood == 1
    assert len(set(drive(one, 120))) > 30
