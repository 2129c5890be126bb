-- Tells the server street and zone, which only the game knows. Without it the CAD has the coordinates alone.

local LOOK_EVERY = 2000 -- ms; also the least time between two messages
local LONGEST = 100 -- characters; the server cuts there too

local function nameOfStreet(hash)
    return hash and hash ~= 0 and GetStreetNameFromHashKey(hash) or ''
end

local function nameOfZone(x, y, z)
    local zone = GetNameOfZone(x, y, z)
    local label = zone and GetLabelText(zone)
    return label and label ~= 'NULL' and label or zone or ''
end

local function currentPlace()
    local coords = GetEntityCoords(PlayerPedId())
    local street, crossing = GetStreetNameAtCoord(coords.x, coords.y, coords.z)
    local place = nameOfStreet(street)
    local other = nameOfStreet(crossing)
    if other ~= '' then
        place = ('%s / %s'):format(place, other)
    end
    local zone = nameOfZone(coords.x, coords.y, coords.z)
    if zone ~= '' then
        place = place ~= '' and ('%s, %s'):format(place, zone) or zone
    end
    return place
end

CreateThread(function()
    local told
    while true do
        -- While a game still loads it stands in the middle of the map.
        local place = NetworkIsPlayerActive(PlayerId()) and currentPlace() or ''
        if place ~= told and place ~= '' then
            told = place
            TriggerServerEvent('cad_bridge:place', place:sub(1, LONGEST * 4))
        end
        Wait(LOOK_EVERY)
    end
end)
