-- Events over a restart of the resource: FXServer's own store, used only while the bridge does not take them.

Shelf = {}

local PREFIX = 'event:'

local function keys()
    local found = {}
    local handle = StartFindKvp(PREFIX)
    if handle == -1 then
        return found
    end
    local key = FindKvp(handle)
    while key do
        found[#found + 1] = key
        key = FindKvp(handle)
    end
    EndFindKvp(handle)
    return found
end

local function isEvent(value)
    return type(value) == 'table'
        and type(value.key) == 'string'
        and type(value.path) == 'string'
        and type(value.body) == 'string'
        and type(value.kind) == 'string'
        and type(value.expires) == 'number'
end

--- Keeps an event; it is on disk after `flush`.
function Shelf.put(event)
    SetResourceKvpNoSync(
        PREFIX .. event.key,
        json.encode({
            key = event.key,
            number = event.number,
            kind = event.kind,
            path = event.path,
            body = event.body,
            unit = event.unit,
            active = event.active,
            born = event.born,
            expires = event.expires,
        })
    )
end

--- Brings what was put to the disk.
function Shelf.flush()
    FlushResourceKvp()
end

--- Forgets an event that has come to its end.
function Shelf.drop(key)
    DeleteResourceKvpNoSync(PREFIX .. key)
end

--- What was kept, oldest first.
function Shelf.load()
    local events = {}
    for _, key in ipairs(keys()) do
        local done, event = pcall(json.decode, GetResourceKvpString(key) or '')
        if done and isEvent(event) then
            events[#events + 1] = event
        else
            DeleteResourceKvpNoSync(key)
        end
    end
    table.sort(events, function(one, other)
        local first, second = tonumber(one.born) or 0, tonumber(other.born) or 0
        if first ~= second then
            return first < second
        end
        return (tonumber(one.number) or 0) < (tonumber(other.number) or 0)
    end)
    return events
end
