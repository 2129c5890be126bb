import re

import msgspec
import pytest

from bridge.players.world import LocationPush, Press, World


def live(world: World, seconds: int) -> list[LocationPush]:
    pushes: list[LocationPush] = []
    for _ in range(seconds):
        pushes.append(world.push())
        world.step(1.0)
    return pushes


def presses(world: World, seconds: int) -> list[tuple[int, Press]]:
    return [(second, press) for second in range(seconds) for press in world.presses(1.0)]


def test_the_same_seed_lives_the_same_life() -> None:
    one, other = World(40, 7), World(40, 7)

    assert live(one, 90) == live(other, 90)
    assert presses(one, 300) == presses(other, 300)
    assert live(World(40, 8), 3) != live(World(40, 7), 3)


def test_unit_ids_are_licences_and_do_not_change() -> None:
    world = World(50, 3)
    ids = [player.unit_id for player in world.players]

    assert all(re.fullmatch(r"license:[0-9a-f]{40}", one) for one in ids)
    assert len(set(ids)) == 50
    assert [update.id for update in world.push().updates] == ids
    assert [player.unit_id for player in World(20, 3).players] == ids[:20]


def test_the_first_push_and_one_a_minute_hold_everybody() -> None:
    pushes = live(World(40, 1), 150)

    assert [second for second, push in enumerate(pushes) if push.full] == [0, 60, 120]
    assert all(len(push.updates) == 40 for push in pushes if push.full)


def test_in_between_only_those_that_changed_are_pushed() -> None:
    world = World(40, 1)
    known = {update.id: update for update in world.push().updates}

    for _ in range(30):
        world.step(1.0)
        push = world.push()
        changed = {update.id: update for update in push.updates}
        assert all(known[unit_id] != update for unit_id, update in changed.items())
        known |= changed
        assert known == {player.unit_id: player.update() for player in world.players}
        assert 0 < len(changed) < 40
        assert push.players == 40


def test_a_push_without_a_step_is_empty() -> None:
    world = World(10, 1)
    world.push()

    assert world.push() == LocationPush(updates=(), players=10)


def test_resend_makes_the_next_push_hold_everybody() -> None:
    world = World(10, 1)
    live(world, 3)
    world.resend()

    assert world.push().full
    assert not world.push().full


def test_a_push_is_written_as_the_contract_says() -> None:
    body = msgspec.json.decode(msgspec.json.encode(World(8, 1).push()))

    assert set(body) == {"updates", "players", "full"}
    driver, walker = body["updates"][0], body["updates"][3]
    assert set(driver) == {"id", "x", "y", "z", "heading", "location", "vehicle"}
    assert set(driver["vehicle"]) == {"model", "lights"}
    assert "vehicle" not in walker


def test_a_panic_is_released_after_20_to_40_seconds() -> None:
    pressed: dict[str, int] = {}
    lasted: list[int] = []

    for second, press in presses(World(30, 1), 1_200):
        if press.active:
            assert press.id not in pressed
            pressed[press.id] = second
        else:
            lasted.append(second - pressed.pop(press.id))

    assert 50 < len(lasted) < 200
    assert min(lasted) >= 19
    assert max(lasted) <= 41


def test_a_short_demo_sees_a_panic_too() -> None:
    assert any(press.active for _, press in presses(World(5, 9), 3))


def test_no_panics_where_none_are_wanted() -> None:
    assert presses(World(5, 9, panic_every=0), 600) == []


def test_one_player_alone_has_one_panic_at_a_time() -> None:
    states = [press.active for _, press in presses(World(1, 2, panic_every=5), 300)]

    assert states[:6] == [True, False] * 3


def test_releases_release_what_is_pressed_and_only_once() -> None:
    world = World(5, 1, panic_every=1)
    pressed = {press.id for _, press in presses(world, 5) if press.active}

    releases = world.releases()

    assert {press.id for press in releases} == pressed
    assert not any(press.active for press in releases)
    assert world.releases() == ()
    assert not any(player.panicking for player in world.players)


def test_a_location_is_that_of_the_player() -> None:
    world = World(5, 1)
    (press,) = world.presses(2.0)

    assert press.location == next(one.place for one in world.players if one.unit_id == press.id)
    assert msgspec.json.decode(msgspec.json.encode(press)) == {
        "id": press.id,
        "active": True,
        "location": press.location,
    }


@pytest.mark.parametrize("count", [0, 1, 2048])
def test_any_number_of_players(count: int) -> None:
    world = World(count, 1)
    world.step(1.0)

    assert len(world.push().updates) == count
