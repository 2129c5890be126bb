-- QBCore of 2025 and later as far as duty goes: the list comes first, and a job is found by name or by type.
local people = {} -- source -> job
local QBCore = { Functions = {}, Shared = { Jobs = { police = { label = 'LSPD', type = 'leo' } } } }

function QBCore.Functions.GetPlayersByJob(job, checkOnDuty)
    local found, count = {}, 0
    for source, theirs in pairs(people) do
        if (theirs.name == job or theirs.type == job) and (theirs.onduty or not checkOnDuty) then
            count = count + 1
            found[count] = source
        end
    end
    return found, count
end

exports('GetCoreObject', function()
    return QBCore
end)

for name, routine in pairs(QBCore.Functions) do
    exports(name, routine)
end

AddEventHandler('fake:job', function(source, name, kind, onduty)
    people[source] = name and { name = name, type = kind, onduty = onduty } or nil
    TriggerEvent('QBCore:Server:OnJobUpdate', source, people[source])
end)
