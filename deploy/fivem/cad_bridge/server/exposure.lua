-- Whether strangers can read the token: with `sets` it stands in the server's /info.json, with `setr` every
-- player's game has it. No native tells how a convar was set, so both places are looked at.

Exposure = {}

local PATIENCE = 6 -- seconds in which the server's own page must be there
local AGAIN_AFTER = 60 -- seconds; the server may not listen yet when its resources start
local HASH_BITS = 0xffffffff

local token
local port = 0

local REMEDY = {
    "Others know that token: make a new one, put it into the bridge's token file, reload the bridge,",
    'and write in server.cfg: set cad_bridge_token "…"   (never sets or setr)',
}

local function refuse(where)
    Service.refuse('cad_bridge_token can be read by anybody: ' .. where, REMEDY)
end

local function standsIn(body)
    local done, page = pcall(json.decode, body)
    local vars = done and type(page) == 'table' and page.vars
    for _, value in pairs(type(vars) == 'table' and vars or {}) do
        if type(value) == 'string' and value:find(token, 1, true) then
            return true
        end
    end
    return false
end

local function readPage(done)
    local finished = false
    local function finish(known)
        if not finished then
            finished = true
            done(known)
        end
    end
    SetTimeout(PATIENCE * 1000, function()
        finish(false)
    end)
    PerformHttpRequest(('http://127.0.0.1:%d/info.json'):format(port), function(status, body)
        local isPage = status == 200 and type(body) == 'string'
        if isPage and standsIn(body) then
            refuse("it stands in the server's /info.json, as all that is set with sets.")
        end
        finish(isPage)
    end, 'GET', '', {}, { followLocation = false })
end

local function lookAgain()
    SetTimeout(AGAIN_AFTER * 1000, function()
        readPage(function(known)
            if not known then
                Log.info("The server's own /info.json cannot be read to see that the token is not in it.")
            end
        end)
    end)
end

--- Looks whether the token is public, then calls `done`; where nothing answers, it looks once more later.
function Exposure.check(secret, done)
    token = secret
    port = GetConvarInt('netPort', 0)
    if port <= 0 then
        done()
        return
    end
    readPage(function(known)
        if not known then
            lookAgain()
        end
        done()
    end)
end

-- A player's game says that it has the token. Only the hash proves it: a mere claim could stop the resource.
RegisterNetEvent('cad_bridge:tokenSeen', function(hash)
    local player = tonumber(source)
    if not player or not GetPlayerName(player) or math.type(hash) ~= 'integer' then
        return
    end
    if not token or not Pace.allows(player, 'tokenSeen', 60, 2) then
        return
    end
    if hash & HASH_BITS == GetHashKey(token) & HASH_BITS then
        refuse("every player's game has it, as all that is set with setr.")
    end
end)
