"""Events that wait in the shipped resource: bounded, merged, never behind a broken one, and told about in threads."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.fivem import console, events, with_script
from tests.support.fxserver import FxServer, script
from tests.support.fxserver.http import Exchange

KEEP = "function(...) Told[#Told + 1] = {...} end"
OVERTAKEN = [False, "overtaken by a newer one"]
KICK_LASTS = 60.0  # seconds for which a kick is tried
PANIC_LASTS = 600.0  # seconds for which a panic is tried
DAY = 86_400


def told(game: FxServer) -> list[Any]:
    return list(game.lua("return Told")[0])


def ask(game: FxServer, call: str) -> list[Any]:
    """Call an export from another resource, with a callback whose arguments are kept."""
    return game.lua(f"Told = rawget(_G, 'Told') or {{}}\nreturn exports.cad_bridge:{call[:-1]}, {KEEP})")


def waiting(game: FxServer) -> str:
    """Return what the console says of events that wait."""
    game.command(0, "cad_bridge")
    return next(line.strip() for line in reversed(game.console) if line.startswith("Waiting:"))


def only(game: FxServer, status: int, body: object, condition: Callable[[Exchange], bool]) -> None:
    """Answer those events alone of which something is true."""
    plan = game.http.answer("/v1/events", status, body)
    to_events = plan.condition

    def both(exchange: Exchange) -> bool:
        return to_events(exchange) and condition(exchange)

    plan.condition = both


# Callbacks of other resources


def test_a_callback_that_waits_keeps_no_other_event_from_the_bridge() -> None:
    async def story(game: FxServer) -> None:
        for _ in range(3):
            game.join()
        await game.run(2.0)
        game.lua("Ended = 0")
        slow = "function() Wait(60000) Ended = Ended + 1 end"
        for player in (1, 2, 3):
            game.lua(f"exports.cad_bridge:panic({player}, true, {slow})")
            game.lua(f"exports.cad_bridge:status({player}, 1, {slow})")
        await game.run(3.0)

        assert len(events(game)) == 6
        assert waiting(game) == "Waiting: panics 0, other events 0"
        await game.run(60.0)
        assert game.lua("return Ended") == [6]

    with_script(story)


def test_a_callback_that_waits_over_what_was_given_up_keeps_nothing_from_the_bridge() -> None:
    async def story(game: FxServer) -> None:
        for _ in range(3):
            game.join()
        await game.run(2.0)
        plan = game.http.answer("/v1/events", 503)
        game.lua(
            "Told = {}\n"
            "for player = 1, 3 do\n"
            "    exports.cad_bridge:kick(player, 'bye', function(...) Told[#Told + 1] = {...} Wait(600000) end)\n"
            "end"
        )
        ask(game, "note(1, 'text')")
        await game.run(KICK_LASTS + 5.0)
        assert told(game) == [[False, "the bridge did not take it in time"]] * 3
        game.http.stop(plan)
        await game.run(20.0)

        assert len(told(game)) == 4
        assert waiting(game) == "Waiting: panics 0, other events 0"
        assert console(game).count("An event (kick of tester) was given up") == 1

    with_script(story)


def test_an_export_returns_at_once_though_the_callback_that_is_told_of_a_mistake_waits() -> None:
    async def story(game: FxServer) -> None:
        await game.run(2.0)
        before = game.milliseconds
        found = game.lua("return exports.cad_bridge:panic(99, true, function() Wait(60000) end)")

        assert found[0] is False
        assert game.milliseconds == before

    with_script(story)


def test_a_callback_that_waits_keeps_no_question_from_the_bridge() -> None:
    async def story(game: FxServer) -> None:
        await game.run(2.0)
        game.http.answer("/v1/events/", 200, {"id": "x", "type": "blip", "state": "pending", "attempts": 0})
        game.lua("exports.cad_bridge:eventState('one', function() Wait(60000) end)")
        ask(game, "eventState('two')")
        await game.run(2.0)

        assert [accepted for accepted, _ in told(game)] == [True]

    with_script(story)


# Newer ones in place of older ones


def test_only_the_newest_panic_and_status_of_a_unit_wait() -> None:
    async def story(game: FxServer) -> None:
        for _ in range(2):
            game.join()
        await game.run(2.0)
        plans = [game.http.answer(path, 503) for path in ("/v1/panic", "/v1/events")]
        ask(game, "panic(2)")
        ask(game, "status(2, 5)")
        await game.run(0.5)
        for number in range(50):
            ask(game, f"panic(1, {str(number % 2 == 0).lower()})")
            ask(game, f"status(1, {number % 6})")
        await game.run(2.0)
        assert waiting(game) == "Waiting: panics 2, other events 2"
        assert told(game).count(OVERTAKEN) == 98
        assert "overtaken" not in console(game)
        game.stop_resource()
        assert len(game.stored) == 4
        for plan in plans:
            game.http.stop(plan)
        game.start_resource()
        await game.run(30.0)

        taken = [
            (
                exchange.json["id"][-1],
                exchange.json["type"],
                exchange.json.get("active", exchange.json.get("status")),
            )
            for exchange in game.http.exchanges
            if exchange.status == 202 and exchange.method == "POST"
        ]
        assert sorted(taken) == [
            ("1", "panic", False),
            ("1", "status", 1),
            ("2", "panic", True),
            ("2", "status", 5),
        ]
        assert not game.stored

    with_script(story)


def test_one_player_cannot_fill_the_queue_with_his_panic_button() -> None:
    async def story(game: FxServer) -> None:
        for _ in range(2):
            game.join()
        await game.run(2.0)
        game.http.answer("/v1/panic", 503)
        for number in range(300):
            assert game.export("panic")(1, number % 2 == 0) is True
        assert game.export("panic")(2) is True

        assert waiting(game).startswith("Waiting: panics 3")

    with_script(story)


def test_three_calls_of_one_player_wait_and_then_he_is_told_so() -> None:
    async def story(game: FxServer) -> None:
        caller, other = game.join(aces=["command"]), game.join(aces=["command"])
        await game.run(2.0)
        plan = game.http.answer("/v1/events", 503)
        for number in range(5):
            game.command(caller, f"911 number {number}")
            await game.run(0.2)
        game.command(other, "911 me too")
        await game.run(4.0)
        assert waiting(game) == "Waiting: panics 0, other events 4"
        said = [arguments[0]["args"][1] for who, _, arguments in game.sent if who == caller.number]
        assert said.count("Your earlier calls still wait to be sent.") == 2
        game.http.stop(plan)
        await game.run(60.0)
        game.command(caller, "911 number 6")
        await game.run(2.0)

        taken = [exchange.json for exchange in game.http.of("/v1/events") if exchange.status == 202]
        assert [call["description"] for call in taken] == [
            "number 0", "number 1", "number 2", "me too", "number 6",
        ]  # fmt: skip

    with_script(story, convars={"cad_bridge_911_cooldown": "0"})


# Answers


def refusal(status: int) -> dict[str, Any]:
    return {"type": "about:blank", "title": "no", "status": status, "detail": "no such thing"}


def test_an_event_over_which_the_bridge_breaks_lets_the_others_pass_after_five_tries() -> None:
    async def story(game: FxServer) -> None:
        caller = game.join(aces=["command"])
        await game.run(2.0)
        only(game, 500, refusal(500), lambda exchange: exchange.json["type"] == "dispatch_note")
        ask(game, "note(1, 'poison')")
        game.command(caller, "911 fire")
        ask(game, "status(1, 2)")
        await game.run(60.0)

        taken = [exchange.json["type"] for exchange in game.http.of("/v1/events") if exchange.status == 202]
        assert taken == ["call_911", "status"]
        assert waiting(game) == "Waiting: panics 0, other events 1"
        before = len(game.http.of("/v1/events"))
        await game.run(600.0)
        assert 9 <= len(game.http.of("/v1/events")) - before <= 11

    with_script(story)


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_bridge_that_is_merely_away_lets_no_event_pass_another(status: int) -> None:
    async def story(game: FxServer) -> None:
        game.join()
        await game.run(2.0)
        only(game, status, b"away", lambda exchange: exchange.json["type"] == "dispatch_note")
        ask(game, "note(1, 'first')")
        ask(game, "status(1, 2)")
        await game.run(120.0)

        assert {event["type"] for event in events(game)} == {"dispatch_note"}

    with_script(story)


@pytest.mark.parametrize("body", [b"<html>404 Not Found</html>", {"error": "not found"}, {"status": 404}, []])
@pytest.mark.parametrize("status", [404, 405, 413])
def test_a_refusal_that_is_not_the_bridges_own_ends_no_event(status: int, body: Any) -> None:
    async def story(game: FxServer) -> None:
        game.join()
        await game.run(2.0)
        plan = game.http.answer("/v1/", status, body)
        ask(game, "panic(1)")
        await game.run(10.0)
        assert told(game) == []
        assert "something answers that is not cad-bridge" in console(game)
        game.http.stop(plan)
        await game.run(10.0)

        assert told(game) == [[True, "event-of-a-panic"]]

    with_script(story)


def test_a_refusal_of_the_bridge_ends_an_event() -> None:
    async def story(game: FxServer) -> None:
        game.join()
        await game.run(2.0)
        game.http.answer("/v1/panic", 404, refusal(404))
        ask(game, "panic(1)")
        await game.run(2.0)

        assert told(game) == [[False, "HTTP 404: no such thing"]]

    with_script(story)


def test_an_event_of_more_than_64_kib_is_refused_at_once() -> None:
    async def story(game: FxServer) -> None:
        game.join()
        await game.run(2.0)
        accepted, reason = game.export("event")({"type": "blip", "tooltip": "x" * 65_536})
        assert accepted is False
        assert "65536" in reason
        assert game.export("event")({"type": "blip", "tooltip": "x" * 65_000}) is True
        await game.run(1.0)

        assert len(events(game)) == 1

    with_script(story)


# Time


def test_a_jump_of_the_time_of_day_ends_no_event_and_keeps_none(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(game: FxServer) -> None:
        game.join()
        await game.run(2.0)
        game.http.answer("/v1/panic", 503)
        ask(game, "panic(1)")
        await game.run(10.0)
        monkeypatch.setattr(script, "EPOCH", script.EPOCH + DAY)
        await game.run(10.0)
        assert told(game) == []
        monkeypatch.setattr(script, "EPOCH", script.EPOCH - 3 * DAY)
        await game.run(PANIC_LASTS)

        assert told(game) == [[False, "the bridge did not take it in time"]]

    with_script(story)


def test_an_event_of_an_earlier_run_lives_no_longer_than_a_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(game: FxServer) -> None:
        game.join()
        await game.run(2.0)
        game.http.answer("/v1/panic", 503)
        ask(game, "panic(1)")
        await game.run(5.0)
        game.stop_resource()
        monkeypatch.setattr(script, "EPOCH", script.EPOCH - DAY)
        game.start_resource()
        await game.run(PANIC_LASTS - 20.0)
        assert waiting(game).startswith("Waiting: panics 1")
        await game.run(30.0)

        assert waiting(game).startswith("Waiting: panics 0")
        assert "was given up: the bridge did not take it in time" in console(game)

    with_script(story)


def test_what_is_over_when_the_resource_starts_is_not_sent() -> None:
    async def story(game: FxServer) -> None:
        game.join()
        await game.run(2.0)
        game.http.answer("/v1/panic", 503)
        ask(game, "panic(1)")
        await game.run(5.0)
        game.stop_resource()
        before = len(events(game))
        await game.run(PANIC_LASTS)
        game.start_resource()
        await game.run(10.0)

        assert len(events(game)) == before
        assert not game.stored

    with_script(story)


def test_panics_go_before_everything_else() -> None:
    async def story(game: FxServer) -> None:
        for _ in range(2):
            game.join()
        await game.run(2.0)
        game.stop_resource()
        game.http.hang("/info.json")  # so that nothing is sent for six seconds
        game.start_resource()
        ask(game, "note(1, 'text')")
        ask(game, "panic(1)")
        ask(game, "panic(2)")
        assert events(game) == []
        await game.run(10.0)

        assert [event["type"] for event in events(game)] == ["panic", "panic", "dispatch_note"]

    with_script(story)
