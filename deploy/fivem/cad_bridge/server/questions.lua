-- What became of events: asked one at a time, so that questions never take the connections that panics need.

Questions = {}

local MOST = 100 -- that wait

local waiting = {}
local asking = false

local function askNext()
    local question = not asking and table.remove(waiting, 1)
    if not question then
        return
    end
    asking = true
    Door.ask('GET', '/v1/events/' .. question.id, nil, nil, function(status, answer, text)
        asking = false
        askNext()
        local known = status == 200 and answer ~= nil
        Callbacks.tell(question.callback, 'the state of an event', known, known and answer or text)
    end)
end

--- Asks how an event stands: `callback(true, { id, type, state, … })` or `callback(false, reason)`.
-- Returns true, or false and the reason; then nothing is called.
function Questions.ask(id, callback)
    if Service.refusal() then
        return false, Service.refusal()
    end
    if #waiting >= MOST then
        return false, ('%d questions wait for the bridge already'):format(#waiting)
    end
    waiting[#waiting + 1] = { id = id, callback = callback }
    askNext()
    return true
end
