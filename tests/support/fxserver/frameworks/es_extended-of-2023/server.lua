-- ESX before 2024 as far as duty goes: players come from the shared object, and whoever has a job is at work.
local people = {} -- source -> xPlayer
local ESX = {}

function ESX.GetPlayerFromId(source)
    return people[tonumber(source)]
end

exports('getSharedObject', function()
    return ESX
end)

AddEventHandler('fake:job', function(source, name)
    local job = name and { id = 1, name = name, label = name, grade = 0 }
    people[source] = job
            and {
                source = source,
                job = job,
                getJob = function()
                    return job
                end,
            }
        or nil
    if job then
        TriggerEvent('esx:setJob', source, job, job)
    else
        TriggerEvent('esx:playerLogout', source)
    end
end)
