"""Pushes that the bridge finds too long, and pushes whose answer was lost: the map is right again by itself."""

from pathlib import Path

from bridge.config import ListenerConfig, TcpBind
from tests.support.fivem import LOCATIONS, Stage, console, pushed, pushes, with_bridge, with_script
from tests.support.fxserver import FxServer
from tests.support.fxserver.http import Exchange
from tests.support.fxserver.world import Vehicle

FULL = 2048  # players on a full server
MIB = 2**20  # bytes; the bridge takes a push of as many
NEW = {"accepted": 0, "instance": "two", "api": 1}
TOO_LONG = {"type": "about:blank", "title": "Too long", "status": 413, "detail": "at most so many bytes"}


def license_of(number: int) -> str:
    return f"license:{number:040x}"


def take_at_most(game: FxServer, units: int) -> None:
    """Let the bridge answer 413 to pushes that name more units."""

    def is_too_long(exchange: Exchange) -> bool:
        return exchange.path == LOCATIONS and len(exchange.json["updates"]) > units

    game.http.answer(LOCATIONS, 413, TOO_LONG).condition = is_too_long


def named(game: FxServer, since: int) -> set[str]:
    """Return who was named in pushes that the bridge took."""
    taken = [
        one
        for one in game.http.of(LOCATIONS)
        if one.asked_at >= since and one.status is not None and 200 <= one.status < 300
    ]
    return {update["id"] for exchange in taken for update in exchange.json["updates"]}


def test_everybody_is_named_in_parts_where_one_push_would_be_too_long() -> None:
    async def story(game: FxServer) -> None:
        take_at_most(game, 30)
        for _ in range(100):
            game.join()
        await game.run(15.0)
        assert named(game, 0) == {license_of(number) for number in range(1, 101)}
        part_of_all = [push for push in pushes(game) if push.get("full") and len(push["updates"]) <= 30]
        assert part_of_all == [], "the others would be forgotten"
        assert console(game).count("The bridge takes no push of 100 units at once") == 1
        since = game.milliseconds
        await game.run(90.0)

        assert named(game, since) == {license_of(number) for number in range(1, 101)}, "once a minute, all"
        assert {one.status for one in game.http.of(LOCATIONS) if one.asked_at >= since} == {200}

    with_script(story)


def test_in_parts_nobody_waits_for_those_who_always_move_and_who_leaves_is_off_the_map() -> None:
    async def story(game: FxServer) -> None:
        take_at_most(game, 10)
        players = [game.join() for _ in range(40)]
        await game.run(15.0)
        gone = game.join()
        await game.run(10.0)
        game.drop(gone)
        since = game.milliseconds
        for second in range(20):
            for player in players:
                player.move_to(100.0 + 10.0 * second, 200.0)
            await game.run(1.0)

        counts = {license_of(player.number): 0 for player in players}
        for update in pushed(game, since):
            counts[update["id"]] += 1
        assert min(counts.values()) >= 3
        assert [push["left"] for push in pushes(game, since) if push.get("left")] == [
            [license_of(gone.number)]
        ]

    with_script(story)


def test_a_bridge_that_begins_anew_may_take_longer_pushes() -> None:
    async def story(game: FxServer) -> None:
        take_at_most(game, 30)
        for _ in range(50):
            game.join()
        await game.run(10.0)
        game.http.answer(LOCATIONS, 200, NEW)
        since = game.milliseconds
        await game.run(10.0)

        assert [len(push["updates"]) for push in pushes(game, since) if push.get("full")] == [50]

    with_script(story)


def test_a_push_of_one_unit_that_is_too_long_is_tried_ever_more_rarely() -> None:
    async def story(game: FxServer) -> None:
        game.http.answer(LOCATIONS, 413, TOO_LONG)
        game.join()
        await game.run(60.0)

        assert 3 <= len(pushes(game)) <= 9
        assert "takes no positions" in console(game)

    with_script(story)


def test_a_small_limit_of_a_real_bridge_keeps_nobody_off_the_map(tmp_path: Path) -> None:
    async def story(game: FxServer, stage: Stage) -> None:
        await stage.stop_bridge()
        listener = ListenerConfig(bind=(TcpBind(host="127.0.0.1", port=stage.port),), max_body=8192)
        stage._sections["listener"] = listener
        await stage.start_bridge()
        for _ in range(200):
            game.join(client=False)
        await game.run(40.0)

        assert stage.running.sample("units", server="main") == 200.0
        assert (
            stage.running.sample("listener_requests_total", route="/v1/locations", code="413") or 0.0
        ) > 0.0

    with_bridge(tmp_path, story)


def test_everybody_fits_into_one_push_whatever_their_games_call_the_places() -> None:
    async def story(game: FxServer) -> None:
        for number in range(FULL):
            player = game.join(at=(-12345.67, -12345.67, -1234.56))
            player.enter(Vehicle())
            player.move_to(-12345.67, -12345.67, -1234.56, heading=359.99)
            player.bucket = 100_000 + number
            game.client_event(player, "cad_bridge:place", '"' * 500 if number % 2 else "😀" * 500)
        await game.run(3.0)

        last = game.http.of(LOCATIONS)[-1]
        assert len(last.json["updates"]) == FULL
        assert len(last.body) < MIB

    with_script(story)


def test_a_push_whose_answer_was_lost_is_put_right_as_soon_as_the_bridge_answers() -> None:
    async def story(game: FxServer) -> None:
        player = game.join(at=(100.0, 200.0, 30.0))
        await game.run(5.0)
        hanging = game.http.hang(LOCATIONS)  # which the bridge takes, as far as anybody knows
        player.move_to(900.0, 200.0)
        await game.run(1.0)
        player.move_to(100.0, 200.0)
        await game.run(4.0)
        game.http.stop(hanging)
        since = game.milliseconds
        await game.run(5.0)

        assert [update["x"] for update in pushed(game, since)] == [100.0]

    with_script(story)


def test_who_came_back_while_the_answer_to_his_leaving_was_lost_is_on_the_map() -> None:
    async def story(game: FxServer) -> None:
        player = game.join()
        game.join()
        await game.run(5.0)
        hanging = game.http.hang(LOCATIONS)
        player.bucket = 7
        await game.run(1.5)
        assert pushes(game)[-1]["left"] == [license_of(1)]
        player.bucket = 0
        await game.run(4.0)
        game.http.stop(hanging)
        since = game.milliseconds
        await game.run(5.0)

        assert [update["id"] for update in pushed(game, since)] == [license_of(1)]

    with_script(story, convars={"cad_bridge_main_bucket_only": "true"})


def test_the_console_tells_of_the_last_answer_while_a_push_is_under_way() -> None:
    async def story(game: FxServer) -> None:
        player = game.join()
        await game.run(5.0)
        game.http.hang(LOCATIONS)
        player.move_to(900.0, 200.0)
        await game.run(2.0)
        game.command(0, "cad_bridge why 1")

        assert "at the bridge: 100.0, 200.0" in console(game)

    with_script(story)
