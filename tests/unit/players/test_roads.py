import pytest

from bridge.players.roads import Point, Road, RoadMap, turn_between


def reachable(roads: RoadMap, start: Road) -> set[Road]:
    seen, todo = {start}, [start]
    while todo:
        for onward in roads.onward(todo.pop()):
            if onward not in seen:
                seen.add(onward)
                todo.append(onward)
    return seen


def test_every_road_is_reached_from_every_other() -> None:
    roads = RoadMap()

    assert all(reachable(roads, road) == set(roads.roads) for road in roads.roads[::30])


def test_the_roads_lie_in_the_game_world_and_none_is_a_mere_point() -> None:
    roads = RoadMap().roads

    assert all(
        -2000 <= end.x <= 2000 and -3000 <= end.y <= 3000 for road in roads for end in (road.start, road.end)
    )
    assert min(road.length for road in roads) > 50


@pytest.mark.parametrize(
    ("east", "north", "heading"),
    [(0, 1, 0), (-1, 0, 90), (0, -1, 180), (1, 0, 270)],
)
def test_headings_are_the_games_counter_clockwise_from_north(
    east: float, north: float, heading: float
) -> None:
    for road in RoadMap().roads:
        run, rise = road.end.x - road.start.x, road.end.y - road.start.y
        along = (run * east + rise * north) / (run**2 + rise**2) ** 0.5
        if along > 0.999:
            assert turn_between(road.heading, heading) < 3


def test_going_on_turns_back_only_at_a_dead_end() -> None:
    roads = RoadMap()

    for road in roads.roads:
        onward = roads.onward(road)
        assert all(other.start == road.end for other in onward)
        assert len(onward) == 1 or all(other.end != road.start for other in onward)


def test_a_place_names_its_street_and_the_crossing_where_it_is_near() -> None:
    road = Road(
        street="Sinner Street",
        limit=15,
        start=Point(0, 0, 0),
        end=Point(0, 100, 10),
        length=100,
        heading=0,
        cross="Elgin Avenue",
    )

    assert road.text(10) == "Sinner Street"
    assert road.text(90) == "Sinner Street / Elgin Avenue"
    assert road.at(50) == Point(0, 50, 5)
    assert road.at(1000) == road.end


@pytest.mark.parametrize(
    ("one", "other", "degrees"), [(350, 10, 20), (10, 350, 20), (0, 180, 180), (90, 90, 0)]
)
def test_a_turn_is_the_short_way_around(one: float, other: float, degrees: float) -> None:
    assert turn_between(one, other) == pytest.approx(degrees)
