-- The street and zone that a player's game names: text of a stranger. Coordinates never come from there.

Places = {}

local LONGEST = 100 -- characters, and bytes: everybody's place must fit into one push
local EVERY, BURST = 2, 4 -- the client sends at most one in two seconds

local places = {}

--- What the player's game says of where he is, or nil.
function Places.of(player)
    return places[player]
end

--- The player has left.
function Places.forget(player)
    places[player] = nil
end

RegisterNetEvent('cad_bridge:place', function(place)
    local player = tonumber(source)
    if not player or not GetPlayerName(player) or not Pace.allows(player, 'place', EVERY, BURST) then
        return
    end
    local text = Text.clean(place, LONGEST)
    places[player] = text and Text.cutBytes(text, LONGEST) or places[player]
end)
