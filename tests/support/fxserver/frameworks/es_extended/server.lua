-- ESX of 2025 and later as far as duty goes: each player is asked for through an export of his own methods.
local people = {} -- source -> xPlayer

exports('getSharedObject', function()
    return {
        GetPlayerFromId = function(source)
            return people[source]
        end,
    }
end)

exports('RunStaticPlayerMethod', function(source, method, ...)
    local person = people[source]
    if not person then
        return
    end
    if type(person[method]) ~= 'function' then
        error(('Attempted to call invalid method on playerId %s: %s'):format(source, method))
    end
    return person[method](...)
end)

AddEventHandler('fake:job', function(source, name, kind, onduty)
    local job = name and { id = 1, name = name, type = kind, label = name, grade = 0, onDuty = onduty }
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
