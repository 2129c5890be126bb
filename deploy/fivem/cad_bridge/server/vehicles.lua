-- How units are drawn on the live map: vehicles.json leads from a vehicle to one of Sonoran's 3D models.

Vehicles = {}

local FILE = 'vehicles.json'
local FIELDS = { 'model', 'headingOffset', 'zOffset', 'lightZOffset', 'sizeOffset' }
local HASH_BITS = 0xffffffff -- hashes come signed or unsigned

local drawings = {} -- name -> { [true] = with lights, [false] = without }; each pair is made once
local types = {} -- FXServer's vehicle type -> name
local models = {} -- hash of a spawn name -> name
local plain = { [true] = { lights = true }, [false] = { lights = false } }

local function pairOf(row)
    local found = { [true] = { lights = true }, [false] = { lights = false } }
    for _, field in ipairs(FIELDS) do
        found[true][field], found[false][field] = row[field], row[field]
    end
    return found
end

local function section(file, name)
    return type(file[name]) == 'table' and file[name] or {}
end

--- Reads the file.
function Vehicles.load()
    local content = LoadResourceFile(GetCurrentResourceName(), FILE)
    local done, file = pcall(json.decode, content or '')
    if not done or type(file) ~= 'table' then
        Log.warn(FILE .. ' is missing or not valid JSON: units have no vehicle on the live map.')
        return
    end
    types = section(file, 'types')
    for name, row in pairs(section(file, 'drawings')) do
        drawings[name] = type(row) == 'table' and pairOf(row) or nil
    end
    for spawnName, name in pairs(section(file, 'models')) do
        models[GetHashKey(spawnName) & HASH_BITS] = name
    end
end

--- The name of a vehicle's drawing, or nil; two natives, so not for every second.
function Vehicles.nameOf(vehicle)
    return models[GetEntityModel(vehicle) & HASH_BITS] or types[GetVehicleType(vehicle)]
end

--- What the CAD is told: the very same table for the same name and lights. On foot the name is 'foot'.
function Vehicles.drawing(name, lights)
    local found = drawings[name]
    if found then
        return found[lights]
    end
    return name ~= 'foot' and plain[lights] or nil
end
