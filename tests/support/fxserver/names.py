"""Which globals a script may use: natives by the typings that FiveM publishes, the rest by FiveM's own scripts."""

from functools import cache
from pathlib import Path
from typing import Literal

Side = Literal["server", "client"]

FOLDER = Path(__file__).parent

# data/shared/citizen/scripting/lua/scheduler.lua, deferred.lua, and LuaScriptRuntime.cpp of citizenfx/fivem
OF_LUA = frozenset(
    {
        "Citizen",
        "Wait",
        "CreateThread",
        "SetTimeout",
        "ClearTimeout",
        "promise",
        "json",
        "msgpack",
        "exports",
        "source",
        "AddEventHandler",
        "RemoveEventHandler",
        "RegisterNetEvent",
        "TriggerEvent",
        "GlobalState",
        "Entity",
        "Player",
        "vector2",
        "vector3",
        "vector4",
        "vec2",
        "vec3",
        "vec4",
        "quat",
        "vec",
    }
)
OF_SERVER_LUA = frozenset(
    {
        "RegisterServerEvent",
        "TriggerClientEvent",
        "TriggerLatentClientEvent",
        "RconPrint",
        "RconLog",
        "GetPlayerEP",
        "GetPlayerIdentifiers",
        "GetPlayerTokens",
        "GetPlayers",
        "PerformHttpRequest",
        "PerformHttpRequestAwait",
    }
)
OF_CLIENT_LUA = frozenset(
    {"TriggerServerEvent", "TriggerLatentServerEvent", "LocalPlayer", "RegisterNUICallback", "SendNUIMessage"}
)


@cache
def natives(side: Side) -> frozenset[str]:
    """Return the names of ``natives_<side>.txt``, which ``make natives`` writes."""
    lines = (FOLDER / f"natives_{side}.txt").read_text(encoding="ascii").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))


def lua_globals(side: Side) -> frozenset[str]:
    """Return what FiveM's Lua has beyond Lua and natives."""
    return OF_LUA | (OF_SERVER_LUA if side == "server" else OF_CLIENT_LUA)
