"""Panic buttons of the shipped resource: in doubt a press is a panic, and no flurry of presses ends one."""

from pathlib import Path
from typing import Any

import pytest

from bridge.simulator.faults import Down
from tests.support.fivem import Stage, events, with_bridge, with_script
from tests.support.fxserver import FxServer
from tests.support.fxserver.world import Player

UNIT = f"license:{1:040x}"
SENT = "Panic sent, waiting for the CAD's answer."
ON = "Your panic button is on."
OFF = "Your panic button is off."
RELEASABLE = 6.0  # seconds after which a second press ends a panic


def said(game: FxServer, player: Player) -> list[str]:
    return [
        arguments[0]["args"][1]
        for who, event, arguments in game.sent
        if event == "chat:addMessage" and who == player.number
    ]


def pressed(game: FxServer) -> list[bool]:
    return [event["active"] for event in events(game)]


def state_is(game: FxServer, state: str) -> None:
    """Let the bridge tell of the panic that it is in a state."""
    found = {"id": "event-of-a-panic", "type": "panic", "state": state, "attempts": 1}
    game.http.answer("/v1/events/event-of-a-panic", 200, found)


def test_who_comes_back_presses_a_button_that_is_released() -> None:
    async def story(game: FxServer) -> None:
        player = game.join(aces=["command"])
        await game.run(2.0)
        game.command(player, "panic")
        await game.run(20.0)
        game.drop(player)
        await game.run(2.0)
        back = game.join(aces=["command"], identifiers=player.identifiers)
        await game.run(2.0)
        game.command(back, "panic")
        await game.run(2.0)

        assert [(event["id"], event["active"]) for event in events(game)] == [(UNIT, True)] * 2

    with_script(story)


@pytest.mark.parametrize(("minutes", "second"), [(9.5, False), (10.5, True)])
def test_a_panic_of_ten_minutes_ago_counts_as_ended(minutes: float, second: bool) -> None:  # noqa: FBT001 -- a parameter
    async def story(game: FxServer) -> None:
        player = game.join(aces=["command"])
        await game.run(2.0)
        game.command(player, "panic")
        await game.run(minutes * 60)
        game.command(player, "panic")
        await game.run(1.0)

        assert pressed(game) == [True, second]

    with_script(story)


def test_for_how_long_a_panic_lasts_can_be_chosen() -> None:
    async def story(game: FxServer) -> None:
        player = game.join(aces=["command"])
        await game.run(2.0)
        for _ in range(2):
            game.command(player, "panic")
            await game.run(70.0)

        assert pressed(game) == [True, True]

    with_script(story, convars={"cad_bridge_panic_lasts": "1"})


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("failed", "Your panic button has reached nobody in the CAD. Use the radio, or press it again."),
        ("expired", "Your panic button has reached nobody in the CAD. Use the radio, or press it again."),
        (
            "superseded",
            "Your panic button is not on any more: something newer took its place. Press it again if you need it.",
        ),
    ],
)
def test_a_panic_that_came_to_nothing_is_told_and_the_next_press_is_a_new_one(state: str, told: str) -> None:
    async def story(game: FxServer) -> None:
        player = game.join(aces=["command"])
        state_is(game, state)
        await game.run(2.0)
        game.command(player, "panic")
        await game.run(12.0)
        assert said(game, player) == [SENT, ON, told]
        assert len(game.http.of("/v1/events/event-of-a-panic")) == 1
        game.command(player, "panic")
        await game.run(1.0)

        assert pressed(game) == [True, True]

    with_script(story)


@pytest.mark.parametrize("state", ["delivered", "pending"])
def test_a_panic_that_came_or_may_come_to_the_cad_is_asked_for_once_and_stays_on(state: str) -> None:
    async def story(game: FxServer) -> None:
        player = game.join(aces=["command"])
        state_is(game, state)
        await game.run(2.0)
        game.command(player, "panic")
        await game.run(30.0)
        assert said(game, player) == [SENT, ON]
        assert len(game.http.of("/v1/events/event-of-a-panic")) == 1
        game.command(player, "panic")
        await game.run(1.0)

        assert pressed(game) == [True, False]

    with_script(story)


def test_a_panic_that_was_ended_since_is_not_asked_for() -> None:
    async def story(game: FxServer) -> None:
        player = game.join(aces=["command"])
        state_is(game, "superseded")
        await game.run(2.0)
        for _ in range(2):
            game.command(player, "panic")
            await game.run(RELEASABLE)
        await game.run(30.0)

        assert said(game, player) == [SENT, ON, OFF]

    with_script(story)


def test_what_became_of_an_earlier_panic_says_nothing_of_a_newer_one() -> None:
    async def story(game: FxServer) -> None:
        player = game.join(aces=["command"])
        failed = {"id": "event-of-a-panic", "type": "panic", "state": "failed", "attempts": 1}
        game.http.answer("/v1/events/event-of-a-panic", 200, failed, seconds=3.0, times=1)
        await game.run(2.0)
        game.export("panic")(1)
        await game.run(9.0)
        game.export("panic")(1)
        await game.run(RELEASABLE)
        assert said(game, player) == []
        game.export("togglePanic")(1)
        await game.run(1.0)

        assert pressed(game) == [True, True, False]

    with_script(story)


def test_whom_nobody_in_the_cad_knows_is_told_that_his_panic_reached_nobody(tmp_path: Path) -> None:
    async def story(game: FxServer, stage: Stage) -> None:
        stage.cad.cloud.cad.community.known_units = frozenset()
        player = game.join(aces=["command"])
        await game.run(8.0)
        game.command(player, "panic")
        await game.run(12.0)

        assert said(game, player)[2:] == [
            "Your panic button has reached nobody in the CAD. Use the radio, or press it again."
        ]
        assert stage.running.sample("events_unmatched_total", server="main", kind="panic") == 1.0

    with_bridge(tmp_path, story)


def test_a_button_stays_pressed_over_a_restart_while_its_panic_waits() -> None:
    async def story(game: FxServer) -> None:
        player = game.join(aces=["command"])
        await game.run(2.0)
        plan = game.http.answer("/v1/panic", 503)
        game.command(player, "panic")
        await game.run(3.0)
        game.kill_resource()
        game.http.stop(plan)
        game.start_resource()
        await game.run(3.0)
        before = len(events(game))
        game.command(player, "panic")
        assert said(game, player)[-1] == ON
        assert len(events(game)) == before
        await game.run(RELEASABLE)
        game.command(player, "panic")
        await game.run(1.0)

        assert pressed(game)[before:] == [False]

    with_script(story)


def test_hitting_the_key_ends_no_panic_however_late_the_bridge_answers() -> None:
    async def story(game: FxServer) -> None:
        player = game.join(aces=["command"])
        await game.run(2.0)
        plan = game.http.answer("/v1/panic", 503)
        for _ in range(20):
            game.command(player, "panic")
            await game.run(1.0)
        game.http.stop(plan)
        for _ in range(9):
            game.command(player, "panic")
            await game.run(1.0)

        assert set(pressed(game)) == {True}
        keys = {exchange.headers["Idempotency-Key"] for exchange in game.http.of("/v1/panic")}
        assert len(keys) == 1
        assert OFF not in said(game, player)

    with_script(story)


def test_the_first_press_is_answered_at_once_and_the_others_say_how_it_stands() -> None:
    async def story(game: FxServer) -> None:
        player = game.join(aces=["command"])
        await game.run(2.0)
        game.http.answer("/v1/panic", 202, {"event": "late"}, seconds=2.0)
        game.command(player, "panic")
        assert said(game, player) == [SENT]
        game.command(player, "panic")
        assert said(game, player) == [SENT, SENT]
        await game.run(2.5)
        assert said(game, player)[2:] == [ON]
        game.command(player, "panic")

        assert said(game, player)[3:] == [ON]
        assert pressed(game) == [True]

    with_script(story)


def test_a_toggle_of_another_resource_ends_no_panic_that_is_fresh_and_is_told_of_that_one() -> None:
    async def story(game: FxServer) -> None:
        game.join()
        await game.run(2.0)
        game.lua("Told = {}")
        toggle = "return exports.cad_bridge:togglePanic(1, function(...) Told[#Told + 1] = {...} end)"
        for pause in (0.0, 1.0, RELEASABLE):
            assert game.lua(toggle) == [True]
            await game.run(pause)
        assert pressed(game) == [True]
        assert list(game.lua("return Told")[0]) == [[True, "event-of-a-panic"]] * 3
        assert game.lua(toggle) == [True]
        await game.run(1.0)

        assert pressed(game) == [True, False]

    with_script(story)


def test_an_export_that_says_false_ends_a_panic_at_once() -> None:
    async def story(game: FxServer) -> None:
        game.join()
        await game.run(2.0)
        game.export("panic")(1)
        game.export("panic")(1, False)  # noqa: FBT003 -- as scripts call it
        await game.run(1.0)

        assert pressed(game) == [True, False]

    with_script(story)


def test_a_panic_that_was_not_ended_by_its_button_leaves_the_next_press_a_panic() -> None:
    async def story(game: FxServer) -> None:
        player = game.join(aces=["command"])
        await game.run(2.0)
        game.command(player, "panic")
        await game.run(RELEASABLE)
        ended: dict[str, Any] = {"type": "panic", "id": UNIT, "active": False}
        assert game.export("event")(ended) is True
        await game.run(3.0)
        game.command(player, "panic")
        await game.run(1.0)

        assert pressed(game) == [True, False, True]

    with_script(story)


def test_a_release_that_is_refused_leaves_the_next_press_a_panic() -> None:
    async def story(game: FxServer) -> None:
        player = game.join(aces=["command"])
        await game.run(2.0)
        game.command(player, "panic")
        await game.run(RELEASABLE)
        refusal = {"type": "about:blank", "title": "no", "status": 422, "detail": "no"}
        game.http.answer("/v1/panic", 422, refusal, times=1)
        for _ in range(2):
            game.command(player, "panic")
            await game.run(3.0)

        assert pressed(game) == [True, False, True]
        assert "could not be sent" in said(game, player)[2]

    with_script(story)


def test_a_unit_in_another_routing_bucket_is_on_duty_and_has_a_panic_button() -> None:
    async def story(game: FxServer) -> None:
        player = game.join(aces=["command"])
        player.bucket = 7
        await game.run(3.0)
        game.command(player, "panic")
        await game.run(1.0)

        assert pressed(game) == [True]
        assert game.export("isUnit")(1) is True
        game.command(0, "cad_bridge why 1")
        assert "is not sent: in routing bucket 7" in "".join(game.console)

    with_script(story, convars={"cad_bridge_main_bucket_only": "true"})


def test_while_the_cad_is_away_a_flurry_of_presses_is_one_panic_there(tmp_path: Path) -> None:
    async def story(game: FxServer, stage: Stage) -> None:
        player = game.join(aces=["command"])
        await game.run(8.0)
        stage.cad.cloud.faults.add(Down())
        for _ in range(5):
            game.command(player, "panic")
            await game.run(0.9)
        stage.cad.cloud.faults.clear()
        await game.run(20.0)

        asked: list[Any] = [request.decoded() for request in stage.received("setUnitPanic")]
        assert asked[-1]["isPanic"] is True
        assert stage.running.sample("events_delivered_total", server="main", kind="panic") == 1.0

    with_bridge(tmp_path, story)
