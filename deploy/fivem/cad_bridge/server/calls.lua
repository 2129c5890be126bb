-- 911 calls, as the public makes them.

Calls = {}

local LONGEST_NAME = 100 -- characters
local LONGEST_PLACE = 250
local LONGEST_DESCRIPTION = 2000

-- A vector raises where it has no such part, and so does a function of another resource.
local function part(point, key)
    local done, value = pcall(function()
        return point[key]
    end)
    return done and value or nil
end

local function metres(point, name, index)
    local value = tonumber(part(point, name) or part(point, index))
    return value and value == value and math.abs(value) ~= math.huge and value or nil
end

-- The place that is named, be it a table, a list or a vector; false where it is named but none.
local function namedPlace(call)
    local point = call.coords
    if point == nil then
        point = (call.x ~= nil or call.y ~= nil) and { call.x, call.y, call.z } or nil
    end
    if point == nil then
        return nil
    end
    local x, y = metres(point, 'x', 1), metres(point, 'y', 2)
    return x and y and { x = x, y = y, z = metres(point, 'z', 3) } or false
end

local function coordinatesOf(named, player)
    if named then
        return named.x, named.y, named.z
    end
    if player then
        return Sampler.locate(player)
    end
end

-- A name of colour codes alone is none.
local function callerOf(call, player)
    local name = Text.clean(call.caller, LONGEST_NAME)
    if name or not player then
        return name
    end
    return Text.clean(GetPlayerName(player), LONGEST_NAME) or ('%s %d'):format(Locale.say('player'), player)
end

local function placeOf(call, player, x, y)
    local place = Text.clean(call.location, LONGEST_PLACE) or player and Places.of(player)
    if place then
        return place
    end
    return x and ('%d, %d'):format(math.floor(x), math.floor(y)) or Locale.say('unknown_place')
end

local function playerOf(call)
    local player = math.tointeger(tonumber(call.player))
    return player and player > 0 and GetPlayerName(player) and player or nil
end

--- Makes a call of its `description` and what else is known: `player`, `caller`, `location`, `coords` and the
-- bridge's own fields. What is missing comes from the player. See Events.submit.
function Calls.make(call, callback)
    local description = Text.clean(call.description, LONGEST_DESCRIPTION)
    if not description then
        return false, 'description: expected text'
    end
    local player = playerOf(call)
    if call.player ~= nil and not player then
        return false, 'player: expected the number of a player who is online'
    end
    local caller = callerOf(call, player)
    if not caller then
        return false, 'caller or player: expected one of them'
    end
    local named = namedPlace(call)
    if named == false then
        return false, 'coords: expected x and y'
    end
    local x, y, z = coordinatesOf(named, player)
    return Events.submit({
        type = 'call_911',
        caller = caller,
        location = placeOf(call, player, x, y),
        description = description,
        emergency = call.emergency ~= false,
        x = x,
        y = y,
        z = z,
        postal = call.postal,
        delete_after_minutes = call.delete_after_minutes,
        metadata = call.metadata,
    }, nil, callback)
end
