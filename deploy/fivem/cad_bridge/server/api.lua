-- What other resources may call: exports, and local events of the same names with the same arguments.
--
-- Nothing raises into the caller. What was asked for wrongly is told in one line that names him, in what the
-- export returns, and to the callback.

Api = {}

local REPEAT = 5 -- seconds between two lines about the same mistake of the same resource
local LONGEST_REASON = 250 -- characters of why somebody is logged out
local LONGEST_NOTE = 4000

local actions = {} -- name -> function(callback, …): the arguments without the callback

-- A function of another resource is a table that can be called.
local function isCallable(value)
    local meta = type(value) == 'table' and getmetatable(value)
    return type(value) == 'function' or type(meta) == 'table' and meta.__call ~= nil
end

local function separate(...)
    local callback
    local arguments = { ... }
    for index = 1, select('#', ...) do
        if isCallable(arguments[index]) then
            callback, arguments[index] = arguments[index], nil
        end
    end
    return callback, arguments
end

function actions.panic(callback, target, active)
    if active ~= nil and type(active) ~= 'boolean' then
        return false, 'active: expected true or false'
    end
    return Panics.set(target, active ~= false, callback)
end

function actions.togglePanic(callback, target)
    return Panics.toggle(target, callback)
end

function actions.call911(callback, call, description)
    if type(call) == 'table' then
        return Calls.make(call, callback)
    end
    return Calls.make({ player = call or 0, description = description }, callback)
end

local function submitFor(target, fields, callback)
    local identifier, reason = Identifiers.resolve(target)
    if not identifier then
        return false, reason
    end
    fields.id = identifier
    return Events.submit(fields, identifier, callback)
end

function actions.status(callback, target, status)
    if type(status) ~= 'string' and type(status) ~= 'number' then
        return false, 'status: expected the name or the number of a status'
    end
    return submitFor(target, { type = 'status', status = status }, callback)
end

function actions.kick(callback, target, reason)
    local text = Text.clean(reason, LONGEST_REASON)
    if not text then
        return false, 'reason: expected text'
    end
    return submitFor(target, { type = 'kick', reason = text }, callback)
end

function actions.clock(callback, target, inside)
    if type(inside) ~= 'boolean' then
        return false, 'expected true (in) or false (out); a mere toggle is none, since a repeat would undo it'
    end
    return submitFor(target, { type = 'clock', ['in'] = inside }, callback)
end

function actions.note(callback, call, note)
    local fields = type(note) == 'table' and note or { note = note }
    local text = Text.clean(fields.note, LONGEST_NOTE)
    if not text then
        return false, 'note: expected text'
    end
    if type(call) ~= 'string' and type(call) ~= 'number' then
        return false, "call: expected Sonoran's number of a call, or the id of the event that creates it"
    end
    return Events.submit({
        type = 'dispatch_note',
        call = call,
        note = text,
        label = fields.label,
        note_type = fields.note_type,
    }, nil, callback)
end

-- Past the buttons: whoever is named there is on or off by another's doing.
local function forgetButtons(fields)
    local ids = type(fields.ids) == 'table' and fields.ids or { fields.ids }
    for _, identifier in pairs(ids) do
        Panics.forget(identifier)
    end
    Panics.forget(fields.id)
end

function actions.event(callback, fields)
    if type(fields) ~= 'table' or type(fields.type) ~= 'string' then
        return false, 'expected a table with a type'
    end
    if fields.type == 'panic' then
        forgetButtons(fields)
    end
    return Events.submit(fields, type(fields.id) == 'string' and fields.id or nil, callback)
end

function actions.eventState(callback, id)
    if type(id) ~= 'string' or #id > 64 or not id:match('^[%w-]+$') then
        return false, 'expected the id of an event, as the callback of the event was told'
    end
    if not callback then
        return false, 'expected a callback'
    end
    return Questions.ask(id, callback)
end

local function refuse(name, reason, callback)
    local caller = GetInvokingResource() or GetCurrentResourceName()
    local why = Text.clean(tostring(reason), 300) or 'it failed'
    local text = ('%s, called by %s: %s'):format(name, caller, why)
    Log.warnEvery(text, REPEAT, text)
    Callbacks.tell(callback, name, false, reason)
    return false, reason
end

local function guarded(name)
    local action = actions[name]
    return function(...)
        local callback, arguments = separate(...)
        local done, accepted, reason = pcall(action, callback, table.unpack(arguments, 1, select('#', ...)))
        if not done then
            return refuse(name, accepted, callback)
        end
        if not accepted then
            return refuse(name, reason, callback)
        end
        return true
    end
end

local function isUnit(player)
    local person = Sampler.person(tonumber(player) or 0)
    return person ~= nil and person.onDuty == true
end

local function identifier(player)
    local number = math.tointeger(tonumber(player) or 0)
    return number and number > 0 and Identifiers.of(number) or nil
end

--- Offers everything; also what cannot work now is there, and says why.
function Api.start()
    for name in pairs(actions) do
        local offered = guarded(name)
        exports(name, offered)
        AddEventHandler('cad_bridge:' .. name, offered)
    end
    exports('isUnit', isUnit)
    exports('identifier', identifier)
end
