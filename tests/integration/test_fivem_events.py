"""Panics, calls and other events of the shipped resource: each is on its way at once, and none is lost or doubled."""

from pathlib import Path
from typing import Any

import pytest

from bridge.config import CmsConfig, Secret
from tests.support.fivem import (
    EVENT_PATHS,
    LOCATIONS,
    Stage,
    console,
    events,
    pushes,
    with_bridge,
    with_script,
)
from tests.support.fxserver import FxServer
from tests.support.fxserver.world import Player

UNIT = f"license:{1:040x}"
SENT = "Panic sent, waiting for the CAD's answer."


def keys(game: FxServer) -> list[str]:
    return [
        exchange.headers["Idempotency-Key"]
        for exchange in game.http.exchanges
        if exchange.path in EVENT_PATHS
    ]


def said(game: FxServer, player: Player | None = None) -> list[str]:
    """Return what was said in the chat, to everybody or to one player."""
    return [
        arguments[0]["args"][1]
        for who, event, arguments in game.sent
        if event == "chat:addMessage" and who == (who if player is None else player.number)
    ]


def note_results(game: FxServer) -> None:
    """Have the tester keep what its callbacks are told, for ``told``."""
    game.lua("Told = {}")


def told(game: FxServer) -> list[Any]:
    return list(game.lua("return Told")[0])


def ask(game: FxServer, call: str, *arguments: object) -> list[Any]:
    """Call an export from another resource, with a callback whose arguments are kept."""
    given = "".join(f"given[{position}], " for position in range(1, len(arguments) + 1))
    keep = "function(...) Told[#Told + 1] = {...} end"
    return game.lua(f"local given = {{...}}\nreturn exports.cad_bridge:{call}({given}{keep})", *arguments)


def test_the_panic_command_switches_the_units_panic_on_and_off_in_the_cad(tmp_path: Path) -> None:
    async def story(game: FxServer, stage: Stage) -> None:
        player = game.join(aces=["command.panic"])
        await game.run(8.0)
        for _ in range(2):
            game.command(player, "panic")
            await game.run(6.0)

        sent = [request.decoded() for request in stage.received("setUnitPanic")]
        assert sent == [
            {"communityUserIds": [UNIT], "isPanic": True},
            {"communityUserIds": [UNIT], "isPanic": False},
        ]
        assert said(game) == [SENT, "Your panic button is on.", "Your panic button is off."]
        assert stage.running.sample("events_delivered_total", server="main", kind="panic") == 2.0

    with_bridge(tmp_path, story)


def test_a_panic_is_on_the_wire_in_the_tick_in_which_it_was_pressed_while_a_push_hangs() -> None:
    async def story(game: FxServer) -> None:
        player = game.join(aces=["command.panic"])
        await game.run(3.0)
        game.http.hang(LOCATIONS)
        player.move_to(900.0, 900.0)
        await game.run(1.0)
        assert game.http.of(LOCATIONS)[-1].under_way
        game.command(player, "panic")

        panic = game.http.of("/v1/panic")[-1]
        assert panic.asked_at == panic.started_at == game.milliseconds
        assert panic.json["location"]["x"] == 900.0

    with_script(story)


def test_the_911_command_makes_one_call_with_who_where_and_what(tmp_path: Path) -> None:
    async def story(game: FxServer, stage: Stage) -> None:
        caller = game.join("^1Jane ^7Doe", aces=["command.911"], at=(110.0, 220.0, 30.0), client=True)
        await game.run(4.0)
        game.command(caller, "911 shots fired at the bank")
        await game.run(5.0)

        (request,) = stage.received("create911Call")
        call: Any = request.decoded()
        assert call["caller"] == "Jane Doe"
        assert call["location"] == "Alta St, Straw District"
        assert call["description"] == "shots fired at the bank"
        assert stage.running.sample("events_delivered_total", server="main", kind="call_911") == 1.0

    with_bridge(tmp_path, story)


def test_a_call_whose_answer_never_came_is_repeated_with_its_key_and_made_once(tmp_path: Path) -> None:
    async def story(game: FxServer, stage: Stage) -> None:
        caller = game.join(aces=["command.911"])
        await game.run(3.0)
        game.http.hang("/v1/events", times=1)
        game.command(caller, "911 fire")
        await game.run(20.0)

        assert len(keys(game)) == 2
        assert len(set(keys(game))) == 1
        assert [exchange.status for exchange in game.http.of("/v1/events")] == [0, 202]
        assert len(stage.received("create911Call")) == 1

    with_bridge(tmp_path, story)


def test_an_event_that_waits_for_the_bridge_survives_a_restart_of_the_resource(tmp_path: Path) -> None:
    async def story(game: FxServer, stage: Stage) -> None:
        player = game.join(aces=["command"])
        await game.run(3.0)
        await stage.stop_bridge()
        game.command(player, "panic")
        game.command(player, "911 fire in the hole")
        await game.run(6.0)
        game.stop_resource()
        await game.run(1.0)
        game.start_resource()
        await game.run(2.0)
        await stage.start_bridge()
        await game.run(40.0)

        assert len(stage.received("setUnitPanic")) == 1
        assert len(stage.received("create911Call")) == 1
        assert not game.stored
        assert "an earlier run" in console(game)

    with_bridge(tmp_path, story)


def test_the_player_is_told_when_the_cad_takes_longer() -> None:
    async def story(game: FxServer) -> None:
        player = game.join(aces=["command"])
        await game.run(2.0)
        hanging = game.http.hang("/v1/panic")
        game.command(player, "panic")
        await game.run(4.0)
        game.http.stop(hanging)
        await game.run(10.0)

        first, waiting, last = said(game)
        assert first == SENT
        assert "cannot be reached" in waiting
        assert "kept" in waiting
        assert last == "Your panic button is on."

    with_script(story)


def test_only_units_press_a_panic_button_and_nobody_in_a_flurry() -> None:
    async def story(game: FxServer) -> None:
        civilian, officer = game.join(aces=["command"]), game.join(aces=["command", "cad_bridge.unit"])
        await game.run(3.0)
        game.command(civilian, "panic")
        for _ in range(5):
            game.command(officer, "panic")
        await game.run(1.0)

        assert [event["id"] for event in events(game)] == [f"license:{2:040x}"]
        assert said(game, civilian) == ["You are not on duty."]
        assert said(game, officer) == [SENT] * 5 + ["Your panic button is on."]

    with_script(story, convars={"cad_bridge_duty": "ace"})


def test_a_player_without_the_ace_reaches_no_command() -> None:
    async def story(game: FxServer) -> None:
        player = game.join()
        await game.run(2.0)
        game.command(player, "panic")
        game.command(player, "911 help")
        game.command(player, "cad_bridge")
        await game.run(1.0)

        assert events(game) == []
        assert console(game).count("Access denied") == 3

    with_script(story)


def test_commands_can_have_other_names_or_none() -> None:
    async def story(game: FxServer) -> None:
        player = game.join(aces=["command"])
        await game.run(2.0)
        game.command(player, "code99")
        game.command(player, "panic")
        game.command(player, "911 help")
        await game.run(1.0)

        assert [event["type"] for event in events(game)] == ["panic"]

    with_script(story, convars={"cad_bridge_panic_command": "code99", "cad_bridge_911_command": ""})


EXPORTS: list[tuple[str, list[Any], dict[str, Any]]] = [
    ("panic", [1], {"type": "panic", "id": UNIT, "active": True}),
    ("panic", [1, False], {"type": "panic", "id": UNIT, "active": False}),
    (
        "panic",
        ["license:of-somebody-else"],
        {"type": "panic", "id": "license:of-somebody-else", "active": True},
    ),
    ("togglePanic", [1], {"type": "panic", "id": UNIT, "active": True}),
    ("status", [1, "AVAILABLE"], {"type": "status", "id": UNIT, "status": "AVAILABLE"}),
    ("status", [1, 2], {"type": "status", "id": UNIT, "status": 2}),
    ("kick", [1, "went to bed"], {"type": "kick", "id": UNIT, "reason": "went to bed"}),
    ("clock", [1, True], {"type": "clock", "id": UNIT, "in": True}),
    ("note", [17, "suspect fled"], {"type": "dispatch_note", "call": 17, "note": "suspect fled"}),
    ("event", [{"type": "blip", "x": 1.5, "y": 2.5}], {"type": "blip", "x": 1.5, "y": 2.5}),
    (
        "call911",
        [{"caller": "Alarm", "location": "Fleeca", "description": "Silent alarm", "x": 1.0, "y": 2.0}],
        {
            "type": "call_911",
            "caller": "Alarm",
            "location": "Fleeca",
            "description": "Silent alarm",
            "emergency": True,
            "x": 1.0,
            "y": 2.0,
        },
    ),
]


@pytest.mark.parametrize(("name", "arguments", "expected"), EXPORTS)
@pytest.mark.parametrize("how", ["export", "local event"])
def test_another_resource_causes_each_event_by_export_and_by_local_event(
    name: str, arguments: list[Any], expected: dict[str, Any], how: str
) -> None:
    async def story(game: FxServer) -> None:
        game.join(at=None)
        await game.run(2.0)
        note_results(game)
        if how == "export":
            assert ask(game, name, *arguments) == [True]
        else:
            game.local_event(f"cad_bridge:{name}", *arguments)
        await game.run(1.0)

        assert events(game) == [expected]
        if how == "export":
            assert [accepted for accepted, _ in told(game)] == [True]
            assert told(game)[0][1].startswith("event-of-")

    with_script(story)


def test_every_event_that_the_resource_makes_is_one_that_the_bridge_takes(tmp_path: Path) -> None:
    async def story(game: FxServer, stage: Stage) -> None:
        game.join()
        await game.run(6.0)
        note_results(game)
        for name, arguments, _ in EXPORTS:
            ask(game, name, *arguments)
            await game.run(0.5)
        await game.run(20.0)

        refused = [exchange.problem for exchange in game.http.exchanges if exchange.status not in (200, 202)]
        assert refused == []
        assert [accepted for accepted, _ in told(game)] == [True] * len(EXPORTS)
        assert stage.running.sample("events_accepted_total", server="main", kind="clock") == 1.0

    cms = CmsConfig(community_id="examplecms", api_key=Secret("made-up-key-of-the-cms"))
    with_bridge(tmp_path, story, sections={"cms": cms})


def test_why_the_bridge_refuses_an_event_is_told_to_the_callback_and_on_the_console(tmp_path: Path) -> None:
    async def story(game: FxServer, _: Stage) -> None:
        game.join()
        await game.run(2.0)
        note_results(game)
        ask(game, "clock", 1, True)  # noqa: FBT003 -- as scripts call it
        await game.run(2.0)

        ((accepted, reason),) = told(game)
        assert accepted is False
        assert "bridge.toml has no section [cms]" in reason
        assert "bridge.toml has no section [cms]" in console(game)

    with_bridge(tmp_path, story)


def test_what_became_of_an_event_can_be_asked_for(tmp_path: Path) -> None:
    async def story(game: FxServer, stage: Stage) -> None:
        game.join()
        await game.run(8.0)
        note_results(game)
        ask(game, "panic", 1)
        await game.run(5.0)
        ((_, event),) = told(game)
        ask(game, "eventState", event)
        ask(game, "eventState", "0" * 32)
        await game.run(1.0)

        found = told(game)[1:]
        assert found[0][0] is True
        assert found[0][1]["id"] == event
        assert found[0][1]["state"] == "delivered"
        assert found[1][0] is False
        assert stage.running.sample("listener_requests_total", route="/v1/events/{id}", code="404") == 1.0

    with_bridge(tmp_path, story)


MISTAKES: list[tuple[str, list[Any]]] = [
    ("panic", [99]),
    ("panic", [None]),
    ("panic", [{}]),
    ("panic", [0]),
    ("panic", [-1]),
    ("panic", [1.5]),
    ("panic", [1, "yes"]),
    ("status", [1, None]),
    ("status", [1, {}]),
    ("kick", [1, ""]),
    ("kick", [1, 5]),
    ("clock", [1, "in"]),
    ("note", [None, "text"]),
    ("note", [3, None]),
    ("event", ["panic"]),
    ("event", [{}]),
    ("event", [{"type": 5}]),
    ("call911", [1, None]),
    ("call911", [{}]),
    ("call911", [{"description": "no caller"}]),
    ("eventState", ["../../metrics"]),
    ("eventState", [None]),
]


@pytest.mark.parametrize(("name", "arguments"), MISTAKES)
def test_a_mistake_of_another_resource_is_answered_and_told_but_raises_nothing(
    name: str, arguments: list[Any]
) -> None:
    async def story(game: FxServer) -> None:
        game.join()
        await game.run(2.0)
        note_results(game)
        accepted, reason = ask(game, name, *arguments)
        await game.run(1.0)

        assert accepted is False
        assert isinstance(reason, str)
        assert told(game) == [[False, reason]]
        assert "tester" in console(game)
        assert name in console(game)
        assert events(game) == []

    with_script(story)


def test_a_callback_that_raises_or_whose_resource_has_gone_costs_nobody_else_anything(tmp_path: Path) -> None:
    async def story(game: FxServer) -> None:
        game.join()
        await game.run(2.0)
        (tmp_path / "fxmanifest.lua").write_text(
            "fx_version 'cerulean'\ngame 'gta5'\nserver_script 'it.lua'\n"
        )
        (tmp_path / "it.lua").write_text(
            "exports.cad_bridge:panic(1, function() end)\nexports.cad_bridge:status(1, 3, function() error('mine') end)\n"
        )
        game.add_resource("other", tmp_path)
        game.lua("exports.cad_bridge:panic(1, false, function() error('theirs') end)")
        game.stop_resource("other")
        await game.run(5.0)

        assert [event["type"] for event in events(game)] == ["panic", "status", "panic"]
        game.errors.clear()  # those of the others' own functions
        await game.run(5.0)
        assert pushes(game)[-1]["players"] == 1

    with_script(story)


def test_an_event_that_the_bridge_refuses_is_dropped_with_its_reason_and_the_next_one_goes() -> None:
    async def story(game: FxServer) -> None:
        game.join()
        await game.run(2.0)
        note_results(game)
        detail = {
            "type": "about:blank",
            "title": "Unprocessable",
            "status": 422,
            "detail": "status: no such status",
        }
        game.http.answer("/v1/events", 422, detail, times=1)
        ask(game, "status", 1, "DANCING")
        ask(game, "status", 1, "BUSY")
        await game.run(3.0)

        assert [event["status"] for event in events(game)] == ["DANCING", "BUSY"]
        assert told(game)[0][0] is False
        assert "no such status" in told(game)[0][1]
        assert told(game)[1][0] is True
        assert "no such status" in console(game)

    with_script(story)


@pytest.mark.parametrize("times", [1, None])
@pytest.mark.parametrize("status", [0, 401, 429, 503])
def test_an_event_that_cannot_be_taken_now_is_kept_and_none_overtakes_it(
    status: int, times: int | None
) -> None:
    async def story(game: FxServer) -> None:
        game.join()
        await game.run(2.0)
        plan = game.http.answer("/v1/events", status, {"title": "later"}, times=times)
        for number in range(3):
            game.export("note")(number, "text")
        await game.run(10.0)
        game.http.stop(plan)
        await game.run(45.0)

        taken = [exchange.json["call"] for exchange in game.http.of("/v1/events") if exchange.status == 202]
        assert taken == [0, 1, 2]

    with_script(story)


def test_an_event_that_waits_for_the_bridge_survives_a_crash_of_the_server() -> None:
    async def story(game: FxServer) -> None:
        game.join()
        await game.run(2.0)
        plan = game.http.answer("/v1/panic", 503)
        game.export("panic")(1)
        await game.run(2.0)
        game.kill_resource()
        game.http.stop(plan)
        game.start_resource()
        await game.run(5.0)

        tried = game.http.of("/v1/panic")
        assert tried[-1].status == 202
        assert len({exchange.headers["Idempotency-Key"] for exchange in tried}) == 1
        assert not game.stored

    with_script(story)


def test_a_flood_of_events_is_bounded_and_leaves_room_for_panics() -> None:
    async def story(game: FxServer) -> None:
        for _ in range(300):
            game.join()
        await game.run(3.0)
        game.http.answer("/v1/events", 503)
        game.http.answer("/v1/panic", 503)
        taken = [game.export("status")(number, 1) for number in range(1, 301)]
        panics = [game.export("panic")(number) for number in range(1, 31)]
        await game.run(5.0)

        assert sum(answer is True for answer in taken) == 180
        assert sum(answer is True for answer in panics) == 20
        assert taken[-1][0] is False
        assert game.http.most_under_way <= 8

    with_script(story)
