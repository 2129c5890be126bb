-- ox_core as far as duty goes: a group's active players are those who are on duty in it.
local groups = { police = { type = 'leo' }, sheriff = { type = 'leo' }, mechanic = { type = 'shop' } }
local active = {} -- source -> name of a group

local function activeIn(matches)
    local found = {}
    for source, name in pairs(active) do
        if matches(name, groups[name]) then
            found[#found + 1] = source
        end
    end
    return found
end

exports('GetGroupActivePlayers', function(wanted)
    return activeIn(function(name)
        return name == wanted
    end)
end)

exports('GetGroupActivePlayersByType', function(wanted)
    return activeIn(function(_, group)
        return group ~= nil and group.type == wanted
    end)
end)

AddEventHandler('fake:job', function(source, name, _, onduty)
    active[source] = onduty and name or nil
    TriggerEvent('ox:setActiveGroup', source, active[source])
end)
