-- QBCore of 2023 as far as duty goes: functions inside its core object alone, jobs found by name alone.
local people = {} -- source -> job
local QBCore = {
    Functions = {},
    Shared = {
        Jobs = {
            police = { label = 'Law Enforcement', type = 'leo' },
            bcso = { label = 'Sheriff', type = 'leo' },
            mechanic = { label = 'LS Customs', type = 'mechanic' },
        },
    },
}

function QBCore.Functions.GetPlayersOnDuty(job)
    local found, count = {}, 0
    for source, theirs in pairs(people) do
        if theirs.name == job and theirs.onduty then
            count = count + 1
            found[count] = source
        end
    end
    return found, count
end

exports('GetCoreObject', function()
    return QBCore
end)

AddEventHandler('fake:job', function(source, name, kind, onduty)
    people[source] = name and { name = name, type = kind, onduty = onduty } or nil
    TriggerEvent('QBCore:Server:OnJobUpdate', source, people[source])
end)
