-- Qbox as far as duty goes: the number comes before the list, one export for names and one for types.
local people = {} -- source -> job

local function onDuty(field, value)
    local found, count = {}, 0
    for source, job in pairs(people) do
        if job[field] == value and job.onduty then
            count = count + 1
            found[count] = source
        end
    end
    return count, found
end

exports('GetDutyCountJob', function(name)
    return onDuty('name', name)
end)

exports('GetDutyCountType', function(kind)
    return onDuty('type', kind)
end)

-- For tests: the player has this job from now on, or with none no character.
AddEventHandler('fake:job', function(source, name, kind, onduty)
    people[source] = name and { name = name, type = kind, onduty = onduty } or nil
    TriggerEvent('QBCore:Server:OnJobUpdate', source, people[source])
end)
