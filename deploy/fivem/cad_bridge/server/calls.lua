-- 911 calls, as the public makes them.

Calls = {}

-- What has no coordinates in it; the type of a vector is 'vector3'.
local PLAIN = { ['nil'] = true, boolean = true, number = true, string = true }
local LONGEST_NAME = 100 -- characters
local LONGEST_PLACE = 250
local LONGEST_DESCRIPTION = 2000

local function coordinatesOf(call, player)
    local point = PLAIN[type(call.coords)] and call or call.coords
    local x, y, z = tonumber(point.x), tonumber(point.y), tonumber(point.z)
    if x and y then
        return x, y, z
    end
    if player then
        return Sampler.locate(player)
    end
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
    local name = call.caller or player and GetPlayerName(player)
    local caller = Text.clean(name, LONGEST_NAME)
    if not caller then
        return false, 'caller or player: expected one of them'
    end
    local x, y, z = coordinatesOf(call, player)
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
