-- Panics, calls, statuses and the rest: each is tried until the bridge has it on disk, or its time is over.
--
-- Panics have a lane of their own, in which those of different units do not wait for each other. Everything
-- else goes one by one, in order: a note may be about the call before it.

Events = {}

local MOST = 200 -- events that wait
local RESERVE = 20 -- of them for panics alone
local REPEAT = 60 -- seconds between two lines about the same trouble
local REFUSED_WAIT = 30 -- seconds; a wrong token mends itself no sooner
local LONGEST_WAIT = 300 -- seconds that the bridge may ask for
local NOT_THE_BRIDGE = 'something answers that is not cad-bridge'

-- Seconds for which an event is tried; the bridge takes as long for the way to the CAD.
local LIFETIMES = {
    panic_on = 600,
    panic_off = 86400,
    status = 600,
    kick = 60,
    call_911 = 900,
    other = 86400,
}

local lanes = {
    panic = { width = 4, slowest = 5, queue = {}, flying = 0 },
    ordinary = { width = 1, slowest = 15, queue = {}, flying = 0 },
}

local started = false
local number = 0
local nonce = ('%x-%x-%x'):format(os.time(), GetGameTimer() & 0xffffffff, math.random(0, 0x7fffffff))
local problem -- what the last failed try said, until one succeeds

local function laneOf(kind)
    return kind == 'panic' and lanes.panic or lanes.ordinary
end

local function waiting()
    return #lanes.panic.queue + #lanes.ordinary.queue
end

local function lifetimeOf(fields)
    if fields.type == 'panic' then
        return fields.active == false and LIFETIMES.panic_off or LIFETIMES.panic_on
    end
    return LIFETIMES[fields.type] or LIFETIMES.other
end

local function takeOut(event)
    local queue = laneOf(event.kind).queue
    for index, other in ipairs(queue) do
        if other == event then
            table.remove(queue, index)
            return
        end
    end
end

local function tell(event, accepted, result)
    if not event.callback then
        return
    end
    local done, text = pcall(event.callback, accepted, result)
    if not done then
        Log.warnEvery(
            'callback',
            REPEAT,
            ('What was to be told of an event (%s) failed: %s'):format(
                event.kind,
                Text.clean(tostring(text), 200) or ''
            )
        )
    end
end

local function finish(event, accepted, result)
    takeOut(event)
    if event.kept then
        Shelf.drop(event.key)
    end
    if not accepted then
        local from = event.from and ' of ' .. event.from or ''
        local line = ('An event (%s%s) was given up: %s'):format(event.kind, from, result)
        Log.warnEvery(line, REPEAT, line)
    end
    tell(event, accepted, result)
end

local function keepAll()
    local any = false
    for _, lane in pairs(lanes) do
        for _, event in ipairs(lane.queue) do
            if not event.kept then
                Shelf.put(event)
                event.kept, any = true, true
            end
        end
    end
    if any then
        Shelf.flush()
    end
end

local function isWorthAnotherTry(status)
    return status == 0 or status == 401 or status == 403 or status == 408 or status == 429 or status >= 500
end

local function waitOf(event, status, answer)
    local asked = answer and tonumber(answer.retry_after) or 0
    local own = math.min(laneOf(event.kind).slowest, 2 ^ (event.attempts - 1))
    if status == 401 or status == 403 then
        own = REFUSED_WAIT
    end
    return math.max(own, math.min(LONGEST_WAIT, asked))
end

local function retry(event, status, answer, text)
    problem = text
    event.attempts = event.attempts + 1
    event.tryAt = Clock.now() + waitOf(event, status, answer)
    keepAll()
    Log.warnEvery(
        'events',
        REPEAT,
        ('The bridge does not take events (%d wait and are tried again): %s'):format(waiting(), text)
    )
end

local function idOf(answer)
    if type(answer) ~= 'table' then
        return nil
    end
    return answer.event or type(answer.events) == 'table' and answer.events[1] or nil
end

local function receive(event, status, answer, text)
    event.flying = false
    local lane = laneOf(event.kind)
    lane.flying = lane.flying - 1
    local id = status == 202 and idOf(answer)
    if id then
        problem = nil
        finish(event, true, id)
    elseif status > 0 and status < 400 then
        retry(event, status, nil, NOT_THE_BRIDGE)
    elseif isWorthAnotherTry(status) then
        retry(event, status, answer, text)
    else
        finish(event, false, text)
    end
    Events.pump()
end

local function send(event)
    local lane = laneOf(event.kind)
    event.flying = true
    lane.flying = lane.flying + 1
    Door.ask('POST', event.path, event.body, event.key, function(status, answer, text)
        receive(event, status, answer, text)
    end)
end

-- The first event that may go: never two of one unit at once, and in a narrow lane none before the first.
local function nextOf(lane, now)
    local busy = {}
    for index, event in ipairs(lane.queue) do
        if index > 1 and lane.width == 1 then
            return nil
        end
        if not event.flying and not busy[event.unit or event] and now >= event.tryAt then
            return event
        end
        busy[event.unit or event] = true
    end
end

local function giveUp(lane, reason, isOver)
    local over = {}
    for _, event in ipairs(lane.queue) do
        if not event.flying and isOver(event) then
            over[#over + 1] = event
        end
    end
    for _, event in ipairs(over) do
        finish(event, false, reason)
    end
end

local function expire(lane)
    local now, refusal = os.time(), Service.refusal()
    giveUp(lane, refusal or 'the bridge did not take it in time', function(event)
        return refusal ~= nil or now >= event.expires
    end)
end

local function sendFrom(lane)
    local event = lane.flying < lane.width and nextOf(lane, Clock.now())
    while event do
        send(event)
        event = lane.flying < lane.width and nextOf(lane, Clock.now())
    end
end

--- Sends what may go; called when something happens, and a few times a second.
function Events.pump()
    for _, lane in pairs(lanes) do
        expire(lane)
        if started and not Service.refusal() then
            sendFrom(lane)
        end
    end
end

local function add(event)
    event.attempts, event.tryAt, event.flying = 0, 0, false
    local queue = laneOf(event.kind).queue
    queue[#queue + 1] = event
end

local function isFull(kind)
    return waiting() >= (kind == 'panic' and MOST or MOST - RESERVE)
end

--- Takes an event in the bridge's own fields; `unit` is whose state it sets, if any.
-- Returns true and calls `callback(true, id)` once the bridge has it on disk, or `callback(false, reason)`
-- where it is given up; or returns false and the reason, and calls nothing.
function Events.submit(fields, unit, callback)
    if Service.refusal() then
        return false, Service.refusal()
    end
    if isFull(fields.type) then
        return false, ('%d events wait for the bridge already'):format(waiting())
    end
    local done, body = pcall(json.encode, fields)
    if not done then
        return false, 'it cannot be written as JSON: ' .. tostring(body)
    end
    number = number + 1
    local now = os.time()
    add({
        key = ('%s-%d'):format(nonce, number),
        number = number,
        kind = fields.type,
        path = fields.type == 'panic' and '/v1/panic' or '/v1/events',
        body = body,
        unit = unit,
        born = now,
        expires = now + lifetimeOf(fields),
        from = GetInvokingResource(),
        callback = callback,
    })
    Events.pump()
    return true
end

--- Begins to send, first what an earlier run left behind.
function Events.start()
    local younger = { lanes.panic.queue, lanes.ordinary.queue }
    lanes.panic.queue, lanes.ordinary.queue = {}, {}
    local older = Shelf.load()
    for _, event in ipairs(older) do
        event.kept = true
        add(event)
    end
    for _, queue in ipairs(younger) do
        for _, event in ipairs(queue) do
            add(event)
        end
    end
    if #older > 0 then
        Log.info(('Sent now, since an earlier run could not: %d events.'):format(#older))
    end
    started = true
    Events.pump()
end

--- Keeps what waits; the resource stops.
function Events.stop()
    keepAll()
end

--- For the console: how many panics and how many others wait, and what is wrong or nil.
function Events.state()
    return #lanes.panic.queue, #lanes.ordinary.queue, problem
end
