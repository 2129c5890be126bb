-- Where everybody is, once a second, read on the server alone.
--
-- At most eight natives a player and second: seven in a vehicle, six on foot; and in the second in which he
-- takes another vehicle two for that vehicle in place of its siren.

Sampler = {}

local PER_TICK = 200 -- players that are read without letting the server breathe
local LONGEST_TROUBLE = 200 -- characters
local UNPLACED_Z = -1700.0 -- where OneSync has those of whom it knows no place

local persons = {} -- player -> what is known of him
local count = 0
local units = {} -- identifier -> person, of those who are sent
local connected = 0

local function isTrue(value)
    return value == true or value == 1
end

local function isNumber(value)
    return type(value) == 'number' and value == value and math.abs(value) ~= math.huge
end

local function round(value)
    return math.floor(value * 100 + 0.5) / 100
end

local function isPlace(x, y, z)
    if not isNumber(x) or not isNumber(y) or math.abs(x) > Settings.maxCoordinate then
        return false
    end
    local nowhere = x == 0 and y == 0 and (z == 0 or not isNumber(z))
    return math.abs(y) <= Settings.maxCoordinate and z ~= UNPLACED_Z and not nowhere
end

local function pedOf(player)
    local ped = GetPlayerPed(player)
    return ped and ped ~= 0 and isTrue(DoesEntityExist(ped)) and ped or nil
end

local function placeOf(entity)
    local coords = GetEntityCoords(entity)
    local x, y, z = coords.x, coords.y, coords.z
    if isPlace(x, y, z) then
        local isHeight = isNumber(z) and math.abs(z) <= Settings.maxCoordinate
        return round(x), round(y), isHeight and round(z) or nil
    end
end

local function headingOf(entity)
    local heading = GetEntityHeading(entity)
    return isNumber(heading) and round(heading % 360) or nil
end

-- A ped's own heading stands still while he drives. On GTA V's servers GetVehiclePedIsIn is 0 on foot, unlike
-- RedM's, so that IsPedInAnyVehicle, which artifacts before August 2025 lack, is not needed.
local function readVehicle(person, ped)
    local vehicle = GetVehiclePedIsIn(ped, false) or 0
    if vehicle == 0 then
        person.vehicle, person.drawn, person.lights = 0, 'foot', false
    elseif vehicle == person.vehicle then
        person.lights = isTrue(IsVehicleSirenOn(vehicle))
    else
        person.drawn, person.lights = Vehicles.nameOf(vehicle), false
        person.vehicle = vehicle
    end
    person.heading = headingOf(vehicle ~= 0 and vehicle or ped) or person.heading
end

local function readPlace(person)
    local ped = pedOf(person.player)
    if not ped then
        person.trouble = 'no ped now'
        return
    end
    local x, y, z = placeOf(ped)
    if not x then
        person.trouble = 'no place in the game world'
        return
    end
    person.x, person.y, person.z, person.trouble = x, y, z, nil
    -- The vehicle may vanish while it is read; the place is known all the same.
    local done = pcall(readVehicle, person, ped)
    if not done then
        person.vehicle = 0
    end
end

local function read(person)
    local identifier = Identifiers.of(person.player)
    person.id = identifier
    person.onDuty = identifier ~= nil and Duty.includes(person.player)
    person.unit = person.onDuty
    if person.unit then
        person.bucket = GetPlayerRoutingBucket(person.player) or 0
        person.unit = person.bucket == 0 or not Settings.mainBucketOnly
    end
    if person.unit then
        readPlace(person)
    end
end

local function forget(player)
    if persons[player] then
        persons[player] = nil
        count = count - 1
    end
end

-- Who is there is asked only when the number of players does not fit: the list costs a native a player.
local function reconcile()
    connected = GetNumPlayerIndices()
    if connected == count then
        return
    end
    local here = {}
    for _, player in ipairs(GetPlayers()) do
        here[tonumber(player)] = true
    end
    for player in pairs(persons) do
        if not here[player] then
            forget(player)
        end
    end
    for player in pairs(here) do
        if not persons[player] then
            persons[player] = { player = player, vehicle = 0, lights = false }
            count = count + 1
        end
    end
end

-- Two players with one identifier: the one who came last is meant.
local function choose()
    local chosen = {}
    for player, person in pairs(persons) do
        local other = person.unit and chosen[person.id]
        if person.unit and (not other or other.player < player) then
            chosen[person.id] = person
        end
    end
    units = chosen
end

local function readSafely(person)
    local done, problem = pcall(read, person)
    if person.trouble and not GetPlayerName(person.player) then
        forget(person.player)
    end
    if done then
        return
    end
    person.trouble = Text.clean(tostring(problem), LONGEST_TROUBLE) or 'an error'
    Log.warnEvery('sampler', 300, ('Player %d cannot be read: %s'):format(person.player, person.trouble))
end

--- Reads everybody; takes several ticks where many are online.
function Sampler.sweep()
    reconcile()
    local everybody = {}
    for _, person in pairs(persons) do
        everybody[#everybody + 1] = person
    end
    for index, person in ipairs(everybody) do
        if persons[person.player] == person then
            readSafely(person)
        end
        if index % PER_TICK == 0 then
            Wait(0)
        end
    end
    choose()
end

--- Identifier -> person, of all who are sent.
function Sampler.units()
    return units
end

--- How many players are connected.
function Sampler.connected()
    return connected
end

--- What is known of a player, or nil.
function Sampler.person(player)
    return persons[player]
end

--- The number of the player who is online by this identifier, or nil.
function Sampler.playerOf(identifier)
    if units[identifier] then
        return units[identifier].player
    end
    for player, person in pairs(persons) do
        if person.id == identifier then
            return player
        end
    end
end

--- Where a player is at this moment, unit or not: x, y, z, heading; nothing where nobody knows.
function Sampler.locate(player)
    local done, x, y, z, heading = pcall(function()
        local ped = pedOf(player)
        if ped then
            local px, py, pz = placeOf(ped)
            return px, py, pz, headingOf(ped)
        end
    end)
    if done and x then
        return x, y, z, heading
    end
end

--- The player has left.
function Sampler.forget(player)
    forget(player)
end
