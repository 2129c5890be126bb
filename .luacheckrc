-- What may stand in the Lua of the FiveM resource: plain Lua 5.4, and the natives of the side a file runs on. Their
-- names are those of FiveM's typings (`make natives`); a misspelt one is an error here.
std = 'lua54'
max_line_length = 110
allow_defined_top = true -- one file defines a table, the others use it

local LISTS = 'tests/support/fxserver/natives_%s.txt'
local OF_LUA = { -- what FiveM's own scripts define, on both sides
    'Citizen', 'Wait', 'CreateThread', 'SetTimeout', 'ClearTimeout', 'promise', 'json', 'msgpack', 'exports', 'source',
    'AddEventHandler', 'RemoveEventHandler', 'RegisterNetEvent', 'TriggerEvent', 'GlobalState', 'Entity', 'Player',
    'vector2', 'vector3', 'vector4', 'vec2', 'vec3', 'vec4',
}
local OF_SIDE = {
    server = {
        'RegisterServerEvent', 'TriggerClientEvent', 'TriggerLatentClientEvent', 'GetPlayerIdentifiers', 'GetPlayers',
        'PerformHttpRequest', 'PerformHttpRequestAwait',
    },
    client = { 'TriggerServerEvent', 'TriggerLatentServerEvent', 'LocalPlayer', 'SendNUIMessage' },
}

local function allowed(side)
    local names = {}
    for line in io.lines(LISTS:format(side)) do
        if line:sub(1, 1) ~= '#' then
            names[#names + 1] = line
        end
    end
    for _, list in ipairs({ OF_LUA, OF_SIDE[side] }) do
        for _, name in ipairs(list) do
            names[#names + 1] = name
        end
    end
    return names
end

local function shared(one, other)
    local known, found = {}, {}
    for _, name in ipairs(one) do
        known[name] = true
    end
    for _, name in ipairs(other) do
        if known[name] then
            found[#found + 1] = name
        end
    end
    return found
end

local server, client = allowed('server'), allowed('client')

-- Gone in FXServer, or none of this resource's business.
not_globals = { 'io', 'package', 'require', 'dofile', 'loadfile' }

files['deploy/fivem/*/server/'] = { read_globals = server }
files['deploy/fivem/*/client/'] = { read_globals = client }
files['deploy/fivem/*/shared/'] = { read_globals = shared(server, client) }
files['**/fxmanifest.lua'] = {
    std = {
        read_globals = {
            'fx_version', 'game', 'games', 'name', 'author', 'description', 'version', 'license', 'repository', 'dependency',
            'dependencies', 'provide', 'lua54', 'server_only', 'server_script', 'server_scripts', 'client_script',
            'client_scripts', 'shared_script', 'shared_scripts', 'file', 'files',
        },
    },
}
files['tests/support/fxserver/frameworks/'] = { read_globals = server }
files['tests/support/fxserver/lua/'] = { not_globals = {} }
