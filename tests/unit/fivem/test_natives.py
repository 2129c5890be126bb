"""The stub's natives are FiveM's: by their names, and in the ways in which they fail."""

import re
from pathlib import Path

import msgspec
import pytest

from tests.support.fxserver.arguments import hash_key
from tests.support.fxserver.client import FxClient
from tests.support.fxserver.names import FOLDER, Side, lua_globals, natives
from tests.support.fxserver.server import FxServer, LuaError
from tests.support.fxserver.trial import started
from tests.support.fxserver.world import Vehicle

ROOT = Path(__file__).parents[3]
TOOLS = ROOT / "tests" / "lua-tools"
SIDES: tuple[Side, ...] = ("server", "client")


@pytest.fixture
def game(tmp_path: Path) -> FxServer:
    return started(tmp_path)


def test_every_stub_bears_the_name_of_a_native_of_its_side(game: FxServer) -> None:
    client = FxClient(game, game.join())

    assert set(game.stubs) <= natives("server")
    assert set(client.stubs) <= natives("client")
    assert len(game.stubs) > 30


@pytest.mark.parametrize("side", SIDES)
def test_the_lists_of_names_are_of_the_typings_that_are_pinned(side: Side) -> None:
    first, *names = (FOLDER / f"natives_{side}.txt").read_text(encoding="ascii").splitlines()
    pinned = msgspec.json.decode((TOOLS / "package.json").read_bytes())["devDependencies"]

    assert first == f"# @citizenfx/{side} {pinned[f'@citizenfx/{side}']}"
    assert names == sorted(set(names))
    assert not natives(side) & lua_globals(side) - {"Wait"}  # which is FiveM's own on both sides
    assert len(names) > 300


def test_what_is_installed_for_lua_is_pinned_by_its_hash_and_names_no_registry() -> None:
    lock = (TOOLS / "package-lock.json").read_text(encoding="utf-8")
    packages = msgspec.json.decode(lock)["packages"]
    root = packages.pop("")

    assert all(re.fullmatch(r"sha512-[\w+/=]+", package["integrity"]) for package in packages.values())
    wanted = msgspec.json.decode((TOOLS / "package.json").read_bytes())
    assert {**root["dependencies"], **root["devDependencies"]} == {
        **wanted["dependencies"],
        **wanted["devDependencies"],
    }
    assert "://" not in lock


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("GetPlayerName(1)", ["Alex"]),
        ("GetPlayerName('1')", ["Alex"]),
        ("GetPlayerName(2)", [None]),
        ("GetPlayerPed(2)", [0]),
        ("GetPlayerRoutingBucket(2)", [0]),
        ("GetPlayerIdentifierByType(2, 'license')", [None]),
        ("GetPlayerIdentifierByType(1, 'nothing')", [None]),
        ("#GetPlayerIdentifiers(1)", [3]),
        ("DoesEntityExist(GetPlayerPed(1))", [1]),
        ("DoesEntityExist(5)", [False]),
        ("DoesEntityExist(0)", [False]),
        ("type(GetPlayers()[1])", ["string"]),
        ("GetEntityHeading(0)", [0.0]),
        ("GetVehiclePedIsIn(GetPlayerPed(1), false)", [0]),
        ("IsPedInAnyVehicle(GetPlayerPed(1), false)", [False]),
        ("GetConvar('unset', 'default')", ["default"]),
        ("GetConvarInt('unset', 7)", [7]),
        ("LoadResourceFile('trial', 'nothing.json')", [None]),
        ("GetHashKey('adder')", [-1216765807]),
    ],
)
def test_a_native_answers_what_is_so_and_nothing_where_there_is_nobody(
    game: FxServer, call: str, expected: list[object]
) -> None:
    game.join()

    assert game.lua(f"return {call}") == expected


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        ("GetEntityCoords(123456789)", "Tried to access invalid entity: 123456789"),
        ("GetEntityHeading(123456789)", "Tried to access invalid entity"),
        ("GetPlayerName(nil)", "Argument at index 0 was null"),
        ("GetPlayerName(0)", "Argument at index 0 was null"),
        ("IsPlayerAceAllowed(1, nil)", "Argument at index 1 was null"),
        ("GetPlayerName({})", "invalid lua type"),
    ],
)
def test_a_native_raises_where_the_servers_own_does(game: FxServer, call: str, problem: str) -> None:
    with pytest.raises(LuaError, match=problem):
        game.lua(f"return {call}")


def test_the_ped_of_a_player_who_has_left_or_vanished_raises(game: FxServer) -> None:
    player = game.join()
    (ped,) = game.lua("return GetPlayerPed(1)")
    assert game.lua("return GetEntityCoords(...).x", ped) == [100.0]
    game.drop(player)

    with pytest.raises(LuaError, match="invalid entity"):
        game.lua("return GetEntityCoords(...)", ped)


def test_places_have_single_precision_and_one_that_is_not_synced_is_below_the_world(game: FxServer) -> None:
    game.join(at=(-1037.6, 5.0, 30.0))
    game.join(at=None)

    assert game.lua("return GetEntityCoords(GetPlayerPed(1)).x") == [-1037.5999755859375]
    assert game.lua("local v = GetEntityCoords(GetPlayerPed(2)) return v.x, v.y, v.z") == [0.0, 0.0, -1700.0]


def test_a_vehicle_is_known_by_who_sits_in_it(game: FxServer) -> None:
    player, car = game.join(), Vehicle(kind="heli")
    player.enter(car)
    car.siren = True

    assert game.lua(
        "local v = GetVehiclePedIsIn(GetPlayerPed(1), false) return v, IsVehicleSirenOn(v), GetVehicleType(v)"
    ) == [
        car.handle,
        1,
        "heli",
    ]
    player.leave_vehicle()
    assert game.lua(
        "return GetVehiclePedIsIn(GetPlayerPed(1), false), GetVehiclePedIsIn(GetPlayerPed(1), true)"
    ) == [0, car.handle]
    car.delete()
    assert game.lua("return GetVehiclePedIsIn(GetPlayerPed(1), true)") == [0]


def test_the_timer_turns_negative_after_weeks(game: FxServer) -> None:
    game.milliseconds = 2**31 - 1
    assert game.lua("return GetGameTimer()") == [2**31 - 1]
    game.milliseconds += 1
    assert game.lua("return GetGameTimer()") == [-(2**31)]


def test_a_convar_with_permissions_is_read_by_whom_it_was_given_to(game: FxServer) -> None:
    game.convars["secret"] = "s"
    game.convar_readers["secret"] = {"trial"}

    assert game.lua("return GetConvar('secret', '')") == [""]
    assert game.script().evaluate("return GetConvar('secret', '')", b"\x90") == [(True, b"\x91\xa1s")]


def test_what_is_stored_outlives_the_resource_and_is_its_own(game: FxServer) -> None:
    game.lua(
        "SetResourceKvp('a:1', 'x') SetResourceKvpNoSync('a:2', 'y') SetResourceKvp('b', 'z') DeleteResourceKvp('a:1')"
    )
    found = "local h = StartFindKvp('a:') local k = FindKvp(h) local n = FindKvp(h) EndFindKvp(h) return k, n, GetResourceKvpString(k)"

    assert game.lua(found) == ["a:2", None, "y"]
    assert game.script().evaluate("return GetResourceKvpString('b')", b"\x90") == [(True, b"\x91\xc0")]


def test_searches_that_nobody_ends_run_out(game: FxServer) -> None:
    assert game.lua("local h for _ = 1, 65 do h = StartFindKvp('') end return h") == [-1]


@pytest.mark.parametrize(
    ("name", "expected"), [("police", 2046537925), ("POLICE", 2046537925), ("ambulance", 1171614426)]
)
def test_hashes_are_those_of_the_game(name: str, expected: int) -> None:
    assert hash_key(name) == expected


def test_every_call_is_counted(game: FxServer) -> None:
    game.join()
    game.natives.clear()
    game.lua("for _ = 1, 3 do GetPlayerName(1) end GetPlayers()")

    assert game.natives == {"GetPlayerName": 3, "GetNumPlayerIndices": 1, "GetPlayerFromIndex": 1}
