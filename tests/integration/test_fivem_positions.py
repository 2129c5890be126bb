"""From where players stand in the game to where units stand on the live map: the shipped Lua, the daemon, a CAD."""

import math
from itertools import pairwise
from pathlib import Path

import pytest

from bridge.simulator.faults import Down
from tests.support.configuration import TOKENS
from tests.support.fivem import LOCATIONS, Stage, console, pushed, pushes, with_bridge, with_script
from tests.support.fxserver import FxServer
from tests.support.fxserver.world import Entity, Vehicle

MOST_NATIVES = 10  # a player and second
FULL = 2048  # players on a full server


def license_of(number: int) -> str:
    return f"license:{number:040x}"


def test_who_joins_is_on_the_live_map_with_street_and_zone(tmp_path: Path) -> None:
    async def story(game: FxServer, stage: Stage) -> None:
        game.join(at=(450.0, -980.0, 30.69), client=True)
        await game.run(8.0)

        last = stage.updates()[-1]
        assert last["communityUserId"] == license_of(1)
        assert last["location"] == "San Andreas Ave, Davis District"
        assert last["coordinates"] == {"x": 450.0, "y": -980.0, "z": 30.69, "w": 0.0}
        assert stage.running.sample("units", server="main") == 1.0
        assert stage.running.sample("players", server="main") == 1.0
        assert stage.running.sample("locations_rejected_total", server="main", reason="invalid") in (
            None,
            0.0,
        )

    with_bridge(tmp_path, story)


def test_a_players_game_names_his_street_when_it_changes_and_else_says_nothing() -> None:
    async def story(game: FxServer) -> None:
        player = game.join(client=True)
        await game.run(20.0)
        told = game.clients[player.number].sent
        assert [event for _, event, _ in told] == ["cad_bridge:place"]
        for step in range(20):  # a street a second
            player.move_to(100.0 + 200.0 * step, 200.0)
            await game.run(1.0)

        assert 8 <= len(told) - 1 <= 10
        assert all(later[0] - before[0] >= 2_000 for before, later in pairwise(told[1:]))

    with_script(story)


def test_without_the_client_script_units_are_on_the_map_by_their_coordinates(tmp_path: Path) -> None:
    async def story(game: FxServer, stage: Stage) -> None:
        game.join(at=(100.0, 200.0, 30.0), client=False)
        await game.run(8.0)

        assert stage.updates()[-1]["location"] == "100, 200"

    with_bridge(tmp_path, story)


def test_who_drives_moves_on_the_map_with_the_heading_and_the_lights_of_the_vehicle(tmp_path: Path) -> None:
    async def story(game: FxServer, stage: Stage) -> None:
        player = game.join()
        await game.run(8.0)
        on_foot = stage.updates()[-1]["vehicle"]
        car = Vehicle()
        car.siren = True
        player.enter(car)
        for step in range(60):
            player.move_to(100.0 + 10.0 * step, 200.0, heading=270.0)
            if player.ped is not None:
                player.ped.heading = 12.0  # which stays as it was when he got in
            await game.run(0.1)
        await game.run(6.0)

        last = stage.updates()[-1]
        assert last["coordinates"]["x"] == pytest.approx(690.0)
        assert last["coordinates"]["w"] == 270.0
        assert last["vehicle"]["lights"] is True
        assert last["vehicle"]["model"] != on_foot["model"]

    with_bridge(tmp_path, story)


def test_who_leaves_is_off_the_map_within_two_seconds(tmp_path: Path) -> None:
    async def story(game: FxServer, stage: Stage) -> None:
        stays, goes = game.join(), game.join()
        await game.run(3.0)
        assert stage.running.sample("units", server="main") == 2.0
        game.drop(goes)
        gone_at = game.milliseconds
        await game.run(2.0)

        assert [push["left"] for push in pushes(game, gone_at) if "left" in push] == [
            [license_of(goes.number)]
        ]
        assert stage.running.sample("units", server="main") == 1.0
        assert stays.number in game.players

    with_bridge(tmp_path, story)


def test_a_restart_of_the_bridge_has_everybody_pushed_again(tmp_path: Path) -> None:
    async def story(game: FxServer, stage: Stage) -> None:
        for _ in range(3):
            game.join()
        await game.run(10.0)
        await stage.stop_bridge()
        await game.run(5.0)
        await stage.start_bridge()
        back_at = game.milliseconds
        await game.run(20.0)

        everybody = [push for push in pushes(game, back_at) if push.get("full")]
        assert [len(push["updates"]) for push in everybody] == [3]
        assert stage.running.sample("units", server="main") == 3.0
        assert "warning" not in console(game)  # a quick restart is worth no line

    with_bridge(tmp_path, story)


def test_while_the_cad_is_away_pushes_go_on_and_the_map_catches_up(tmp_path: Path) -> None:
    async def story(game: FxServer, stage: Stage) -> None:
        player = game.join()
        await game.run(8.0)
        stage.cad.cloud.faults.add(Down())
        for step in range(20):
            player.move_to(100.0 + 10.0 * step, 200.0)
            await game.run(1.0)
        assert {exchange.status for exchange in game.http.of(LOCATIONS)} == {200}
        assert stage.running.sample("cad_up") == 0.0
        stage.cad.cloud.faults.clear()
        await game.run(40.0)

        assert stage.updates()[-1]["coordinates"]["x"] == 290.0
        assert stage.running.sample("cad_up") == 1.0

    with_bridge(tmp_path, story)


def test_a_restart_of_the_resource_puts_everybody_on_the_map_once(tmp_path: Path) -> None:
    async def story(game: FxServer, stage: Stage) -> None:
        game.join()
        game.join()
        await game.run(5.0)
        game.stop_resource()
        await game.run(3.0)
        restarted_at = game.milliseconds
        game.start_resource()
        await game.run(10.0)

        first, *later = pushes(game, restarted_at)
        assert first["full"] is True
        assert sorted(update["id"] for update in first["updates"]) == [license_of(1), license_of(2)]
        assert not any(push.get("full") for push in later)
        assert stage.running.sample("units", server="main") == 2.0

    with_bridge(tmp_path, story)


def test_a_full_server_costs_one_request_and_few_natives_a_second(tmp_path: Path) -> None:
    async def story(game: FxServer, stage: Stage) -> None:
        for number in range(FULL):
            player = game.join(at=(number + 1.0, number + 2.0, 30.0))
            if number % 2:
                player.enter(Vehicle())
        await game.run(3.0)
        game.natives.clear()
        before = len(game.http.exchanges)
        for step in range(4):
            for player in game.players.values():
                player.move_to(player.number + 5.0 * step, 100.0, 30.0)
            await game.run(1.0)

        assert sum(game.natives.values()) <= MOST_NATIVES * FULL * 4
        assert len(game.http.exchanges) - before == 4
        assert [len(exchange.json["updates"]) for exchange in game.http.exchanges[-2:]] == [FULL, FULL]
        assert {exchange.status for exchange in game.http.of(LOCATIONS)} == {200}
        assert stage.running.sample("units", server="main") == FULL

    with_bridge(tmp_path, story)


def test_no_second_costs_more_than_ten_natives_a_player_whatever_he_does() -> None:
    async def story(game: FxServer) -> None:
        players = [game.join(client=False) for _ in range(50)]
        cars = [(Vehicle(), Vehicle(kind="heli")) for _ in players]
        await game.run(3.0)
        for second in range(30):
            for player, vehicles in zip(players, cars, strict=True):
                player.leave_vehicle() if second % 3 == 2 else player.enter(vehicles[second % 3])
                player.move_to(100.0 + 7.0 * second, 200.0)
            game.natives.clear()
            await game.run(1.0)
            assert sum(game.natives.values()) <= MOST_NATIVES * len(players), game.natives

    with_script(story)


def test_who_stands_still_is_pushed_with_everybody_each_minute_and_silence_lasts_five_seconds() -> None:
    async def story(game: FxServer) -> None:
        game.join()
        await game.run(130.0)

        asked = [exchange.asked_at for exchange in game.http.of(LOCATIONS)]
        assert max(later - before for before, later in pairwise(asked)) <= 6_000
        everybody = [exchange for exchange in game.http.of(LOCATIONS) if exchange.json.get("full")]
        assert [len(push.json["updates"]) for push in everybody] == [1, 1, 1]
        assert [round(push.asked_at / 60_000) for push in everybody] == [0, 1, 2]
        rest = [push for push in pushes(game) if not push.get("full")]
        assert all(push["updates"] == [] for push in rest)

    with_script(story)


def test_only_what_changed_beyond_the_threshold_is_pushed() -> None:
    async def story(game: FxServer) -> None:
        moves, trembles, turns = game.join(), game.join(), game.join()
        await game.run(5.0)
        since = game.milliseconds
        moves.move_to(102.5, 200.0)
        trembles.move_to(100.5, 200.0, heading=3.0)
        turns.move_to(100.0, 200.0, heading=90.0)
        await game.run(3.0)

        assert {update["id"] for update in pushed(game, since)} == {license_of(1), license_of(3)}

    with_script(story)


def test_a_push_that_hangs_is_the_only_one_and_what_happened_meanwhile_follows() -> None:
    async def story(game: FxServer) -> None:
        player = game.join()
        await game.run(5.0)
        hanging = game.http.hang(LOCATIONS)
        since = game.milliseconds
        for step in range(4):
            player.move_to(200.0 + 10.0 * step, 200.0)
            await game.run(1.0)
        assert len(pushes(game, since)) == 1
        await game.run(1.0)  # FXServer gives up after five
        game.http.stop(hanging)
        await game.run(6.0)

        hung = next(exchange for exchange in game.http.of(LOCATIONS) if exchange.asked_at >= since)
        assert hung.status == 0
        assert pushed(game, since)[-1]["x"] == 230.0
        assert game.http.most_under_way <= 2

    with_script(story)


@pytest.mark.parametrize(
    ("status", "most"),
    [
        pytest.param(0, 9, id="unreachable"),
        pytest.param(503, 9, id="full"),
        pytest.param(401, 2, id="refused"),
    ],
)
def test_a_bridge_that_takes_nothing_is_asked_more_and_more_rarely_and_told_of_on_the_console(
    status: int, most: int
) -> None:
    async def story(game: FxServer) -> None:
        game.http.answer(LOCATIONS, status, {"title": "no", "detail": "not now"})
        game.join()
        await game.run(60.0)

        assert 1 <= len(pushes(game)) <= most
        told = [line for line in game.console if line.startswith("warning: The bridge")]
        assert len(told) == 1
        game.http.answer(LOCATIONS, 200, {"accepted": 1, "rejected": [], "instance": "two", "api": 1})
        await game.run(65.0)
        assert "The bridge answers again after" in console(game)
        assert pushes(game)[-1]["players"] == 1

    with_script(story)


def test_bad_places_of_the_game_never_reach_the_bridge_and_cost_nobody_else_a_push() -> None:
    async def story(game: FxServer) -> None:
        fine = game.join()
        nowhere = [
            (0.0, 0.0, 0.0),
            (0.0, 0.0, -1700.0),
            (1.0, -27648.0, 4.0),
            (math.nan, 1.0, 1.0),
            (1.0, math.inf, 1.0),
        ]
        for place in nowhere:
            game.join(at=place)
        game.join(at=None)  # not synced yet
        game.join().ped = None
        vanished = game.join()
        await game.run(2.0)
        if vanished.ped is not None:
            vanished.ped.delete()
        since = game.milliseconds
        fine.move_to(500.0, 500.0)
        await game.run(5.0)

        assert {update["id"] for update in pushed(game, since)} == {license_of(fine.number)}
        assert {update["id"] for update in pushed(game)} == {license_of(1), license_of(vanished.number)}
        assert all(math.isfinite(update["x"] + update["y"]) for update in pushed(game))

    with_script(story)


def test_a_vehicle_that_vanishes_while_it_is_read_costs_nobody_his_place() -> None:
    async def story(game: FxServer) -> None:
        player, car = game.join(), Vehicle()
        player.enter(car)
        await game.run(3.0)
        handle = car.handle
        car.delete()
        game.stubs = {**game.stubs, "GetVehiclePedIsIn": ("plain", lambda *_: handle)}
        assert Entity.of(handle) is None
        since = game.milliseconds
        player.move_to(900.0, 200.0)
        await game.run(3.0)

        assert pushed(game, since)[-1]["x"] == 900.0

    with_script(story)


def test_the_routing_bucket_of_a_player_goes_along() -> None:
    async def story(game: FxServer) -> None:
        game.join()
        away = game.join()
        away.bucket = 7
        await game.run(3.0)
        assert {update["id"]: update.get("bucket") for update in pushed(game)} == {
            license_of(1): None,
            license_of(2): 7,
        }
        away.bucket = 0
        await game.run(2.0)
        assert "bucket" not in pushed(game)[-1]

    with_script(story)


def test_players_of_other_buckets_can_be_left_out_and_come_and_go_as_they_change() -> None:
    async def story(game: FxServer) -> None:
        player = game.join()
        await game.run(3.0)
        player.bucket = 7
        await game.run(2.0)
        assert pushes(game)[-1].get("left") == [license_of(1)]
        player.bucket = 0
        await game.run(2.0)
        assert pushed(game)[-1]["id"] == license_of(1)

    with_script(story, convars={"cad_bridge_main_bucket_only": "true"})


def test_of_two_players_with_one_identifier_the_one_who_came_last_is_meant() -> None:
    async def story(game: FxServer) -> None:
        for x in (10.0, 20.0):
            game.join(identifiers=["license:twice"], at=(x, 5.0, 30.0))
        await game.run(3.0)

        assert {(update["id"], update["x"]) for update in pushed(game)} == {("license:twice", 20.0)}

    with_script(story)


def test_the_token_goes_in_the_header_that_the_bridge_reads_and_nowhere_else() -> None:
    async def story(game: FxServer) -> None:
        game.join(client=True)
        await game.run(3.0)
        first = game.http.of(LOCATIONS)[0]
        assert first.headers["Authorization"] == f"Bearer {TOKENS[1]}"
        assert first.headers["Content-Type"] == "application/json"
        assert TOKENS[1] not in console(game) + first.url + first.body.decode()

    with_script(story)
