"""The stub's threads, events, references and exports behave as those of FiveM's scheduler."""

from pathlib import Path

import pytest

from tests.support.fxserver.server import TICK, FxServer, LuaError
from tests.support.fxserver.trial import resource, started


def printed(game: FxServer) -> list[str]:
    return "".join(game.console).splitlines()


async def test_a_thread_starts_at_the_next_tick_and_wakes_at_the_first_one_after_its_wait(
    tmp_path: Path,
) -> None:
    game = started(
        tmp_path,
        "CreateThread(function() print(GetGameTimer()) Wait(120) print(GetGameTimer()) Wait(0) print(GetGameTimer()) end)",
    )
    assert printed(game) == []
    await game.run(0.5)

    assert printed(game) == ["50", "200", "250"]
    assert TICK == 50


async def test_timeouts_run_once_and_can_be_cleared(tmp_path: Path) -> None:
    game = started(
        tmp_path,
        "SetTimeout(100, function() print('a') end) local b = SetTimeout(100, function() print('b') end) ClearTimeout(b)",
    )
    await game.run(1.0)

    assert printed(game) == ["a"]


async def test_an_error_ends_its_thread_alone_and_is_printed(tmp_path: Path) -> None:
    game = started(
        tmp_path,
        "CreateThread(function() error('mine') end) CreateThread(function() while true do Wait(500) print('on') end end)",
    )
    await game.run(1.2)

    assert "SCRIPT ERROR: @trial/server.lua:1: mine" in game.console[0]
    assert [line for line in printed(game) if line == "on"] == ["on", "on"]
    assert len(game.errors) == 1


def test_waiting_outside_a_thread_raises(tmp_path: Path) -> None:
    game = started(tmp_path, "Wait(0)")

    assert "outside a coroutine" in game.errors[0]


async def test_a_thread_that_never_waits_is_ended(tmp_path: Path) -> None:
    game = started(tmp_path, "CreateThread(function() while true do end end)")
    await game.tick()

    assert "never waits" in game.errors[0]


async def test_only_what_was_registered_for_the_net_can_be_caused_by_a_client(tmp_path: Path) -> None:
    game = started(
        tmp_path,
        "AddEventHandler('own', function() print('own') end)\n"
        "RegisterNetEvent('open', function(...) print('open', source, type(source), ...) end)\n"
        "RegisterNetEvent('split') AddEventHandler('split', function() print('split', source) end)",
    )
    player = game.join()
    for event in ("own", "open", "split", "unknown"):
        game.client_event(player, event, "x", None, 2)
    assert printed(game) == []
    await game.tick()

    assert printed(game) == ["event own was not safe for net", "open\t1\tnumber\tx\tnil\t2", "split\t1"]


async def test_the_source_of_a_local_event_is_empty_and_after_a_wait_it_is_anybodys(tmp_path: Path) -> None:
    game = started(
        tmp_path,
        "AddEventHandler('here', function() print('[' .. tostring(source) .. ']') end)\n"
        "RegisterNetEvent('there', function() local mine = source Wait(100) print(mine, source) end)",
    )
    game.local_event("here")
    game.client_event(game.join(), "there")
    await game.run(0.5)

    assert printed(game) == ["[]", "1\tnil"]


async def test_joining_and_leaving_are_events_whose_source_is_the_player(tmp_path: Path) -> None:
    game = started(
        tmp_path,
        "AddEventHandler('playerJoining', function(old) print('in', source, old, GetPlayerName(source)) end)\n"
        "AddEventHandler('playerDropped', function(why) print('out', source, why, GetPlayerName(source)) end)",
    )
    player = game.join("Zoë")
    game.drop(player, "Timed out")

    assert printed(game) == ["in\t1\t65536\tZoë", "out\t1\tTimed out\tZoë"]
    assert game.lua("return GetPlayerName(...)", 1) == [None]


def test_an_export_takes_and_returns_values_and_functions(tmp_path: Path) -> None:
    game = started(
        tmp_path,
        "exports('both', function(a, b, done) done(a + b) return a, nil, { b } end)\n"
        "exports('who', function() return GetInvokingResource() end)\n"
        "exports('place', function(v) return type(v), v.x, #(v - vector3(1, 0, 0)) end)",
    )

    assert game.lua(
        "local r; local a, b, c = exports.trial:both(1, 2.5, function(x) r = x end) return a, b, c, r"
    ) == [
        1,
        None,
        [2.5],
        3.5,
    ]
    assert game.export("who")() == "tester"
    assert game.lua("return exports.trial:place(vector3(4, 4, 0))") == ["vector3", 4.0, 5.0]


def test_an_export_that_raises_tells_its_caller_only_that_it_did(tmp_path: Path) -> None:
    game = started(tmp_path, "exports('boom', function() error('secret reason') end)")

    with pytest.raises(
        LuaError, match="An error occurred while calling export `boom` in resource `trial`"
    ) as raised:
        game.export("boom")()

    assert "secret reason" not in str(raised.value)
    assert "secret reason" in game.errors[0]


async def test_an_export_that_waits_answers_the_thread_that_called_it_later(tmp_path: Path) -> None:
    game = started(tmp_path, "exports('slow', function() Wait(100) return 'late' end)")
    folder = resource(tmp_path / "other", "CreateThread(function() print(exports.trial:slow()) end)")
    game.add_resource("other", folder)
    await game.run(0.1)
    assert printed(game) == []
    await game.run(0.3)

    assert printed(game) == ["late"]


async def test_exports_and_functions_of_a_stopped_resource_are_gone(tmp_path: Path) -> None:
    game = started(tmp_path, "exports('make', function() return function() return 1 end end)")
    game.lua("Made = exports.trial:make() assert(Made() == 1)")
    game.stop_resource()
    await game.run(0.1)

    for call in ("return Made()", "return exports.trial:make()"):
        with pytest.raises(LuaError):
            game.lua(call)
    game.start_resource()
    assert game.lua("return exports.trial:make()()") == [1]


def test_a_missing_export_raises(tmp_path: Path) -> None:
    game = started(tmp_path)

    with pytest.raises(LuaError, match="No such export nothing in resource trial"):
        game.export("nothing")()


def test_starting_and_stopping_are_events_and_a_stopped_resource_hears_no_more(tmp_path: Path) -> None:
    game = started(
        tmp_path,
        "AddEventHandler('onResourceStart', function(r) print('+' .. r) end)\nAddEventHandler('onResourceStop', function(r) print('-' .. r) end)",
    )
    game.add_resource("other", resource(tmp_path / "other"))
    game.stop_resource("other")
    game.stop_resource()
    game.start_resource("other")

    assert printed(game) == ["+trial", "+other", "-other", "-trial"]
    assert game.lua("return GetResourceState('trial'), GetResourceState('other'), GetResourceState('x')") == [
        "stopped",
        "started",
        "missing",
    ]


async def test_a_players_game_runs_the_client_scripts_in_a_state_of_its_own(tmp_path: Path) -> None:
    game = started(
        tmp_path,
        "Shared = 'server'\nRegisterNetEvent('hello', function(n) print(source, n) TriggerClientEvent('answer', source, n + 1) end)",
        "RegisterNetEvent('answer', function(n) print(n, rawget(_G, 'Shared')) end)\nTriggerServerEvent('hello', GetPlayerServerId(PlayerId()))",
    )
    for _ in range(2):
        game.join(client=True)
    await game.run(0.2)

    assert printed(game) == ["1\t1", "2\t2"]
    assert [client.console for client in game.clients.values()] == [["2\tnil\n"], ["3\tnil\n"]]
    assert [event for _, event, _ in game.sent] == ["answer", "answer"]


def test_commands_need_their_ace_and_get_their_words(tmp_path: Path) -> None:
    game = started(
        tmp_path,
        "RegisterCommand('Free', function(who, words, line) print(who, #words, words[1], line) end, false)\n"
        "RegisterCommand('bound', function(who) print('bound', who) end, true)",
    )
    player, officer = game.join(), game.join(aces=["command.bound"])
    game.command(player, 'free "two words" 3')
    for who in (player, officer, 0):
        game.command(who, "bound")

    assert printed(game) == [
        '1\t2\ttwo words\tfree "two words" 3',
        "Access denied for command bound.",
        "bound\t2",
        "bound\t0",
    ]


def test_an_ace_covers_what_is_below_it(tmp_path: Path) -> None:
    game = started(tmp_path)
    game.join(aces=["command"])

    assert game.lua("return IsPlayerAceAllowed(1, 'command.panic'), IsPlayerAceAllowed(1, 'commander')") == [
        1,
        False,
    ]


@pytest.mark.parametrize("code", ["print(Undefined)", "GetPlayerPedd(1)", "io.open('x')", "x.y = 1"])
def test_reading_what_nobody_defined_raises(code: str, tmp_path: Path) -> None:
    game = started(tmp_path, code)

    assert "is neither defined nor a native of this side" in game.errors[0]


def test_a_native_of_the_other_side_is_none_here(tmp_path: Path) -> None:
    game = started(tmp_path, "GetStreetNameAtCoord(1.0, 2.0, 3.0)", "DropPlayer(1, 'x')")
    game.join(client=True)

    assert ["neither defined" in error for error in game.errors] == [True, True]


async def test_globals_that_are_made_while_it_runs_are_noted(tmp_path: Path) -> None:
    game = started(tmp_path, "Noun = {}\nCreateThread(function() Accident = 1 end)")
    await game.run(0.2)

    assert game.script().globals_of_files == ["Noun"]
    assert game.script().late_globals == ["Accident"]


def test_vectors_cannot_be_changed_and_have_single_precision(tmp_path: Path) -> None:
    game = started(tmp_path)

    assert game.lua(
        "local v = vector3(0.1, 2, 3) return v.x == 0.1, v.y, v[3], v == vector3(0.1, 2, 3), tostring(v)"
    ) == [
        False,
        2.0,
        3.0,
        True,
        "vec3(0.100000, 2.000000, 3.000000)",
    ]
    for wrong in (
        "vector3(1, 2, 3).x = 5",
        "return vector3(1, 2, 3).q",
        "return vector3(1, 2)",
        "for _ in pairs(vector3(1, 2, 3)) do end",
    ):
        with pytest.raises(LuaError):
            game.lua(wrong)


def test_what_events_carry_arrives_as_it_was(tmp_path: Path) -> None:
    game = started(tmp_path, "exports('echo', function(...) return ... end)")
    values = [
        1,
        -1,
        2**40,
        -(2**40),
        1.5,
        True,
        False,
        "text",
        "x" * 300,
        [1, 2, [3]],
        {"a": {"b": 1}},
        31,
        32,
        127,
        128,
        -32,
        -33,
    ]

    assert game.lua("return exports.trial:echo(...)", *values) == values
    assert game.lua("return #exports.trial:echo(...)", b"\xff\x00") == [2]
    assert game.lua("return select('#', exports.trial:echo(nil, nil))") == [2]


def test_onesync_and_other_resources_have_to_be_there(tmp_path: Path) -> None:
    manifest = "fx_version 'cerulean'\ngame 'gta5'\ndependencies { '/onesync', '/server:7290', 'base' }\n"
    game = FxServer(resource(tmp_path / "it", manifest=manifest), name="it")

    assert game.start_resource() is False
    game.add_resource("base", resource(tmp_path / "base"))
    assert game.start_resource() is True
    assert (
        FxServer(resource(tmp_path / "it", manifest=manifest), name="it", onesync=False).start_resource()
        is False
    )
