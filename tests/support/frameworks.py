"""Stand-ins for the frameworks of FiveM servers, as resources: the exports and events that tell of duty.

Names and shapes follow the frameworks' public sources: qbx_core 1.23 (July 2026), qb-core 1.3.0 (June 2026) and its
state of January 2025, es_extended 1.13.5 (May 2026) and 1.11 (November 2024), ox_core 1.5.14 (August 2026).
Each stand-in has the function ``Set(player, name, kind, onDuty)`` for the tests, and ``Broken`` lets its exports fail.
"""

from pathlib import Path

MANIFEST = "fx_version 'cerulean'\ngame 'gta5'\nserver_script 'server.lua'\n"

PEOPLE = """
local people = {}
Broken = false
Calls = 0

local function listed(field, value)
    local found = {}
    for player, job in pairs(people) do
        if job[field] == value and job.onduty then
            found[#found + 1] = player
        end
    end
    return found
end

local function asked()
    Calls = Calls + 1
    if Broken then
        error('attempt to index a nil value (field \\'job\\')')
    end
end
"""

QBX = (
    PEOPLE
    + """
exports('GetDutyCountJob', function(name)
    asked()
    local found = listed('name', name)
    return #found, found
end)

exports('GetDutyCountType', function(kind)
    asked()
    local found = listed('type', kind)
    return #found, found
end)

function Set(player, name, kind, onDuty)
    people[player] = { name = name, type = kind, onduty = onDuty }
    TriggerEvent('QBCore:Server:SetDuty', player, onDuty)
end
"""
)

QBCORE = (
    PEOPLE
    + """
exports('GetPlayersByJob', function(job, onDuty)
    asked()
    assert(onDuty == true)
    local found = listed('name', job)
    for _, player in ipairs(listed('type', job)) do
        found[#found + 1] = player
    end
    return found, #found
end)

function Set(player, name, kind, onDuty)
    people[player] = { name = name, type = kind, onduty = onDuty }
    TriggerEvent('QBCore:Server:OnJobUpdate', player, people[player])
end
"""
)

QBCORE_OF_2024 = (
    PEOPLE
    + """
local QBCore = { Functions = {}, Shared = { Jobs = {
    unemployed = { label = 'Civilian' },
    police = { label = 'Law Enforcement', type = 'leo' },
    highway = { label = 'Highway Patrol', type = 'leo' },
    mechanic = { label = 'Mechanic', type = 'mechanic' },
} } }

function QBCore.Functions.GetPlayersOnDuty(name)
    asked()
    local found = listed('name', name)
    return found, #found
end

exports('GetCoreObject', function()
    Calls = Calls + 1
    return QBCore
end)

function AddJob(name, kind)
    QBCore.Shared.Jobs[name] = { label = name, type = kind }
    TriggerEvent('QBCore:Server:UpdateObject')
end

function Set(player, name, kind, onDuty)
    people[player] = { name = name, type = kind, onduty = onDuty }
    TriggerEvent('QBCore:Server:OnJobUpdate', player, people[player])
end
"""
)

ESX = (
    PEOPLE
    + """
exports('RunStaticPlayerMethod', function(player, method)
    asked()
    assert(math.type(player) == 'integer' and method == 'getJob')
    return people[player]
end)

function Set(player, name, kind, onDuty)
    local last = people[player]
    people[player] = { name = name, type = kind, onDuty = onDuty, grade = 2, skin_male = { tshirt_1 = 15 } }
    TriggerEvent('esx:setJob', player, people[player], last)
end

function LogOut(player)
    TriggerEvent('esx:playerLogout', player)
    people[player] = nil
end
"""
)

ESX_OF_2024 = (
    PEOPLE
    + """
local ESX = {}

function ESX.GetPlayerFromId(player)
    asked()
    local job = people[player]
    return job and {
        source = player,
        job = job,
        getJob = function()
            return job
        end,
    }
end

exports('getSharedObject', function()
    Calls = Calls + 1
    return ESX
end)

function Set(player, name)
    people[player] = { name = name, grade = 2 }
    TriggerEvent('esx:setJob', player, people[player], nil)
end
"""
)

OX = (
    PEOPLE
    + """
exports('GetGroupActivePlayers', function(name)
    asked()
    return listed('name', name)
end)

exports('GetGroupActivePlayersByType', function(kind)
    asked()
    return listed('type', kind)
end)

function Set(player, name, kind, onDuty)
    people[player] = { name = name, type = kind, onduty = onDuty }
    TriggerEvent('ox:setActiveGroup', player, onDuty and name or nil, nil)
end
"""
)

RESOURCES = {
    "qbx": ("qbx_core", QBX),
    "qbcore": ("qb-core", QBCORE),
    "qbcore of 2024": ("qb-core", QBCORE_OF_2024),
    "esx": ("es_extended", ESX),
    "esx of 2024": ("es_extended", ESX_OF_2024),
    "ox": ("ox_core", OX),
}


def framework(kind: str, folder: Path) -> Path:
    """Write the stand-in into a folder and return the resource's own folder in it."""
    name, source = RESOURCES[kind]
    resource = folder / name
    resource.mkdir()
    (resource / "fxmanifest.lua").write_text(MANIFEST, encoding="utf-8")
    (resource / "server.lua").write_text(source, encoding="utf-8")
    return resource
